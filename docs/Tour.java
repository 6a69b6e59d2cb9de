import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.*;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.model.*;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.snapshot.SavedModel;
import java.io.*;
import java.util.Random;

/// Which of two spirals does a point of the plane lie on? Two numbers a row, no ids, one label.
void main() throws IOException {
    var network = new Sequence(new Numbers(0, 2), new Dense(32), new Relu(), new Dense(32), new Relu(), new Dense(1));
    var spec = new NetworkSpec(new RowShape(2, 0, 1), network, new BinaryCrossEntropy(), Adam.of(0.003), 42);
    Parameters model = Parameters.initial(Plan.of(spec));
    Learner learner = new Learner(model, Kernels.active(), 32);
    Batch batch = new Batch(spec.row(), 32);
    for (int step = 1; step <= 8_000; step++) {
        drawPoints(batch); // writes batch.numbers and batch.labels
        double loss = learner.learn(batch); // of the predictions before this step
        if (step % 2_000 == 0) IO.println("step %,d: loss %.4f".formatted(step, loss));
    }

    var file = new ByteArrayOutputStream();
    SavedModel.write(model, file);
    Parameters loaded = SavedModel.read(Plan.of(spec), new ByteArrayInputStream(file.toByteArray()));
    float[] probability = new float[32];
    new Predictor(loaded.plan(), Kernels.active(), 32).predict(loaded, batch, probability);
    IO.println("label %.0f, predicted %.3f".formatted(batch.labels[0], probability[0]));
}

final Random random = new Random(1);

void drawPoints(Batch batch) {
    batch.resize(32);
    for (int row = 0; row < 32; row++) {
        int arm = random.nextInt(2);
        double angle = 6 * random.nextDouble();
        batch.numbers[2 * row] = (float) (angle / 6 * Math.cos(angle + Math.PI * arm));
        batch.numbers[2 * row + 1] = (float) (angle / 6 * Math.sin(angle + Math.PI * arm));
        batch.labels[row] = arm;
    }
}
