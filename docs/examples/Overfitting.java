import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.*;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.model.*;
import io.tidegrad.engine.optim.*;
import io.tidegrad.engine.random.CounterRandom;
import io.tidegrad.engine.snapshot.SavedModel;
import java.io.*;
import java.util.*;

// 200 events, seen again and again, one label in ten wrong, and a network that can learn every one of them by heart.

static final int WIDTH = 10, ROWS = 200, HELD_BACK = 2_000, PASSES = 100, BATCH = 20, PATIENCE = 10;

final List<String> heldBackLosses = new ArrayList<>();

void main() throws IOException {
    IO.println("# Loss on the 200 events that are learned; passes; binary cross-entropy");
    run("nothing done", 0, 0, false);
    run("early stopping", 0, 0, true);
    run("dropout", 0.5, 0, false);
    run("L2", 0, 0.05, false);
    IO.println("# Loss on 2,000 events that are held back; passes; binary cross-entropy");
    heldBackLosses.forEach(IO::println);
}

void run(String name, double dropout, double l2, boolean stopsEarly) throws IOException {
    var network = new ArrayList<Layer>(List.of(new Numbers(0, WIDTH)));
    for (int layer = 0; layer < 2; layer++) {
        network.addAll(List.of(new Dense(64), new Relu()));
        if (dropout > 0) network.add(new Dropout(dropout));
    }
    network.add(new Dense(1));
    var spec = new NetworkSpec(
            new RowShape(WIDTH, 0, 1), new Sequence(network), new BinaryCrossEntropy(), Adam.of(0.003),
            new Clipping.None(), new Regularization(0, l2, Regularization.Scope.WEIGHTS), 1);
    Plan plan = Plan.of(spec);
    Parameters model = Parameters.initial(plan);
    var learner = new Learner(model, Kernels.active(), BATCH);
    Batch learned = events(spec.row(), 1, ROWS);
    Batch heldBack = events(spec.row(), 2, HELD_BACK);
    var batch = new Batch(spec.row(), BATCH);
    var best = new ByteArrayOutputStream();
    double least = Double.POSITIVE_INFINITY;
    int bestPass = 0;
    for (int pass = 1; pass <= PASSES; pass++) {
        boolean stopped = stopsEarly && pass > bestPass + PATIENCE;
        if (stopped) {
            model = SavedModel.read(plan, new ByteArrayInputStream(best.toByteArray()));
        } else {
            for (int from = 0; from < ROWS; from += BATCH) {
                batch.resize(BATCH);
                System.arraycopy(learned.numbers, from * WIDTH, batch.numbers, 0, BATCH * WIDTH);
                System.arraycopy(learned.labels, from, batch.labels, 0, BATCH);
                learner.learn(batch);
            }
        }
        double loss = loss(model, heldBack);
        if (loss < least) {
            least = loss;
            bestPass = pass;
            best.reset();
            SavedModel.write(model, best);
        }
        IO.println("%s,%d,%.4f".formatted(name, pass, loss(model, learned)));
        heldBackLosses.add("%s,%d,%.4f".formatted(name, pass, loss));
    }
}

/// As the network predicts: without dropout.
double loss(Parameters model, Batch events) {
    return new Gradients(model, Kernels.active(), events.size()).ofLoss(events);
}

/// Ten numbers each, of which three say the label: the sign of the product of two plus the third.
Batch events(RowShape shape, int stream, int count) {
    var batch = new Batch(shape, count);
    batch.resize(count);
    for (int row = 0; row < count; row++) {
        int at = row * WIDTH;
        for (int i = 0; i < WIDTH; i++) batch.numbers[at + i] = CounterRandom.normal(1, stream, row, i);
        float truth = batch.numbers[at] * batch.numbers[at + 1] + batch.numbers[at + 2];
        boolean wrong = CounterRandom.uniform(1, stream, row, WIDTH) < 0.1;
        batch.labels[row] = truth > 0 != wrong ? 1 : 0;
    }
    return batch;
}
