import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.*;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.model.*;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.random.CounterRandom;
import java.util.*;

// Twenty layers. Backpropagation multiplies a gradient by each layer's derivative, and a sigmoid's is at most 1/4.

static final int DEPTH = 20, WIDTH = 16, ROWS = 32, STEPS = 2_000;

void main() {
    var networks = new LinkedHashMap<String, List<Layer>>();
    networks.put("sigmoid", List.of(dense(Initialization.XAVIER_UNIFORM), new Sigmoid()));
    networks.put("relu + He", List.of(dense(Initialization.HE_NORMAL), new Relu()));
    networks.put("residual sigmoid", List.of(new Residual(
            new Sequence(dense(Initialization.XAVIER_UNIFORM), new Sigmoid()))));
    networks.put("sigmoid + layer norm", List.of(
            dense(Initialization.XAVIER_UNIFORM), new Sigmoid(), new LayerNorm()));

    IO.println("# Gradient of each layer before the first step; layer, 1 is next to the input; L2 norm of the gradient (log)");
    networks.forEach((name, block) -> {
        Parameters model = Parameters.initial(Plan.of(spec(block)));
        var gradients = new Gradients(model, Kernels.active(), ROWS, Gradients.Mode.LEARN);
        gradients.ofLoss(fill(new Batch(model.plan().spec().row(), ROWS), 0));
        int layer = 0;
        for (Tensor tensor : model.plan().tensors()) {
            if (tensor.rows() == WIDTH && tensor.columns() == WIDTH) {
                double squares = 0;
                for (float g : gradients.of(tensor.name())) squares += (double) g * g;
                IO.println("%s,%d,%.3e".formatted(name, ++layer, Math.sqrt(squares)));
            }
        }
    });

    IO.println("# Loss while learning; step; binary cross-entropy, mean of 50 steps (log)");
    networks.forEach((name, block) -> {
        Parameters model = Parameters.initial(Plan.of(spec(block)));
        var learner = new Learner(model, Kernels.active(), ROWS);
        var batch = new Batch(model.plan().spec().row(), ROWS);
        double sum = 0;
        for (int step = 1; step <= STEPS; step++) {
            sum += learner.learn(fill(batch, step));
            if (step % 50 == 0) {
                IO.println("%s,%d,%.4f".formatted(name, step, sum / 50));
                sum = 0;
            }
        }
    });
}

Dense dense(Initialization initialization) {
    return new Dense(WIDTH, true, initialization);
}

NetworkSpec spec(List<Layer> block) {
    var layers = new ArrayList<Layer>(List.of(new Numbers(0, 2), new Dense(WIDTH)));
    for (int i = 0; i < DEPTH; i++) layers.addAll(block);
    layers.add(new Dense(1));
    return new NetworkSpec(
            new RowShape(2, 0, 1), new Sequence(layers), new BinaryCrossEntropy(), new Sgd(0.05), 1);
}

/// Points of a square: does one lie in the circle that has half its area?
Batch fill(Batch batch, long step) {
    batch.resize(ROWS);
    for (int row = 0; row < ROWS; row++) {
        float x = 4 * CounterRandom.uniform(1, 0, step, row) - 2;
        float y = 4 * CounterRandom.uniform(1, 1, step, row) - 2;
        batch.numbers[2 * row] = x;
        batch.numbers[2 * row + 1] = y;
        batch.labels[row] = x * x + y * y < 8 / Math.PI ? 1 : 0;
    }
    return batch;
}
