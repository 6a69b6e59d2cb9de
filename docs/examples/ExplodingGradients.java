import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.*;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.*;
import io.tidegrad.engine.optim.*;
import io.tidegrad.engine.random.CounterRandom;
import java.util.*;

// A recurrent net reads 60 numbers and says their sum. Its gradient passes the same weights 60 times.

static final int LENGTH = 60, HIDDEN = 32, ROWS = 16, STEPS = 2_000;
static final float GAIN = 2.5f; // eigenvalues of the recurrent weights reach 0.6 as they are drawn, with it 1.4

void main() {
    var clippings = new LinkedHashMap<String, Clipping>();
    clippings.put("no clipping", new Clipping.None());
    clippings.put("clipped to norm 1", new Clipping.GlobalNorm(1));
    var norms = new ArrayList<String>();
    IO.println("# Loss while learning; step; squared error, mean of 20 steps (log)");
    clippings.forEach((name, clipping) -> {
        var spec = new NetworkSpec(
                new RowShape(LENGTH, 0, 1),
                new Sequence(
                        new Numbers(0, LENGTH),
                        new Reshape(LENGTH, 1),
                        new Recurrent(Recurrent.Cell.RNN, HIDDEN, Recurrent.Output.LAST),
                        new Dense(1)),
                new MeanSquaredError(), new Sgd(0.05), clipping, Regularization.NONE, 1);
        Parameters model = Parameters.initial(Plan.of(spec));
        widen(model);
        var learner = new Learner(model, Kernels.active(), ROWS);
        var gradients = new Gradients(model, Kernels.active(), ROWS, Gradients.Mode.LEARN);
        var batch = new Batch(spec.row(), ROWS);
        double sum = 0;
        double worst = 0;
        for (int step = 1; step <= STEPS && Double.isFinite(sum); step++) {
            fill(batch, step);
            gradients.ofLoss(batch);
            worst = Math.max(worst, gradients.norm());
            sum += learner.learn(batch); // NaN, and changes nothing, once a prediction has no finite loss
            if (step % 20 == 0 && Double.isFinite(sum)) {
                IO.println("%s,%d,%.3e".formatted(name, step, sum / 20));
                norms.add("%s,%d,%.3e".formatted(name, step, worst));
                sum = 0;
                worst = 0;
            }
        }
    });
    IO.println("# Gradient before clipping; step; L2 norm, largest of 20 steps (log)");
    norms.forEach(IO::println);
}

/// As weights may come to be while they learn.
void widen(Parameters model) {
    for (Tensor tensor : model.plan().tensors()) {
        if (tensor.name().endsWith("weight_hh")) {
            float[] weights = model.weights(tensor.name());
            for (int i = 0; i < weights.length; i++) weights[i] *= GAIN;
            model.setWeights(tensor.name(), weights);
        }
    }
}

/// The label is the sum of the row's numbers, divided so that its variance is 1.
void fill(Batch batch, long step) {
    batch.resize(ROWS);
    for (int row = 0; row < ROWS; row++) {
        float sum = 0;
        for (int i = 0; i < LENGTH; i++) {
            float x = CounterRandom.normal(1, 0, step, row * LENGTH + i);
            batch.numbers[row * LENGTH + i] = x;
            sum += x;
        }
        batch.labels[row] = sum / (float) Math.sqrt(LENGTH);
    }
}
