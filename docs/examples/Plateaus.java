import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.*;
import io.tidegrad.engine.loss.*;
import io.tidegrad.engine.model.*;
import io.tidegrad.engine.optim.*;
import io.tidegrad.engine.random.CounterRandom;
import java.util.*;

// Is the number of ones among a row's bits odd? No single bit tells anything: the loss lies flat before it falls.

static final int BITS = 4, ROWS = 8, STEPS = 8_000, EVERY = 100, STARTS = 11;
static final double WRONG = 0.1; // labels that are
static final double LEAST = 0.32508; // -0.9 ln 0.9 - 0.1 ln 0.1: nobody can know which labels are wrong

record Way(Optimizer optimizer, Schedule schedule) {}

void main() {
    var ways = new LinkedHashMap<String, Way>();
    ways.put("SGD", new Way(new Sgd(0.1), Schedule.CONSTANT));
    ways.put("SGD with momentum", new Way(new Sgd(0.1, 0.9, false), Schedule.CONSTANT));
    ways.put("SGD rate x 10", new Way(new Sgd(1), Schedule.CONSTANT));
    ways.put("rate x 10 + restarts", new Way(new Sgd(1), new Schedule.WarmRestarts(2_000, 1, 0)));

    var excess = new ArrayList<String>();
    IO.println("# Loss while learning (median of 11 starts); step; binary cross-entropy");
    ways.forEach((name, way) -> {
        double[][] losses = new double[STEPS / EVERY][STARTS];
        for (int start = 0; start < STARTS; start++) run(way, start, losses);
        for (int i = 0; i < losses.length; i++) {
            Arrays.sort(losses[i]);
            double median = losses[i][STARTS / 2];
            IO.println("%s,%d,%.4f".formatted(name, (i + 1) * EVERY, median));
            excess.add("%s,%d,%.2e".formatted(name, (i + 1) * EVERY, median - LEAST));
        }
    });
    IO.println("# The same above the least loss there can be; step; binary cross-entropy - 0.3251 (log)");
    excess.forEach(IO::println);
}

void run(Way way, int start, double[][] losses) {
    var spec = new NetworkSpec(
            new RowShape(BITS, 0, 1),
            new Sequence(new Numbers(0, BITS), new Dense(16), new Sigmoid(), new Dense(1)),
            new BinaryCrossEntropy(), Reduction.MEAN, way.optimizer(), way.schedule(),
            new Clipping.None(), Regularization.NONE, start);
    Parameters model = Parameters.initial(Plan.of(spec));
    var learner = new Learner(model, Kernels.active(), ROWS);
    var batch = new Batch(spec.row(), ROWS);
    Batch all = all(spec.row());
    var evaluation = new Gradients(model, Kernels.active(), all.size());
    for (int step = 1; step <= STEPS; step++) {
        batch.resize(ROWS);
        for (int row = 0; row < ROWS; row++) {
            int bits = CounterRandom.bits(start, 0, step, row);
            put(batch, row, bits, CounterRandom.uniform(start, 1, step, row) < WRONG);
        }
        learner.learn(batch);
        if (step % EVERY == 0) losses[step / EVERY - 1][start] = evaluation.ofLoss(all);
    }
}

/// Every row with its right and its wrong label, weighed by how often they come.
Batch all(RowShape shape) {
    var all = new Batch(shape, 2 << BITS);
    all.resize(2 << BITS);
    for (int row = 0; row < 2 << BITS; row++) {
        boolean wrong = row >= 1 << BITS;
        put(all, row, row, wrong);
        all.sampleWeights[row] = (float) (2 * (wrong ? WRONG : 1 - WRONG));
    }
    return all;
}

void put(Batch batch, int row, int bits, boolean wrong) {
    int ones = 0;
    for (int bit = 0; bit < BITS; bit++) {
        int one = bits >> bit & 1;
        ones += one;
        batch.numbers[row * BITS + bit] = 2 * one - 1;
    }
    batch.labels[row] = (ones + (wrong ? 1 : 0)) % 2;
}
