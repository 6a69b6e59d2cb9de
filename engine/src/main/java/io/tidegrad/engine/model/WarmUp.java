package io.tidegrad.engine.model;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LearnedCross;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.ElementwiseLoss;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.random.CounterRandom;
import java.util.Arrays;
import java.util.List;

/// Learns and predicts made-up rows with a scratch model of the real shapes, so that the kernels are compiled before
/// the first real row: cold vector code is 200 to 500 times slower. This is the only place in the engine that reads a
/// clock; nothing that it computes is kept.
final class WarmUp {
    /// Scratch tables have the real dimension but fewer rows: 2^22 rows would only cost memory.
    private static final int TABLE_ROWS_MAX = 4096;

    /// The duration of a round between two readings of the clock: long enough to see a change of speed through a busy
    /// machine's noise.
    private static final long ROUND_NANOS_MIN = 20_000_000;

    /// Warm-up ends after this many consecutive rounds without a gain of 5 %, because C2 compiles in the background and
    /// may be late.
    private static final int STABLE_ROUNDS = 8;

    /// A stable speed alone doesn't show that the code is compiled: while a process starts, C2's queue is long, and
    /// interpreted code is stable too. A compiled step takes less than a tenth of the first one, or so little that it
    /// doesn't matter.
    private static final int COMPILED_GAIN = 10;

    /// If another model of this process has already warmed the kernels, even the first step runs compiled code and
    /// nothing gets faster: then two seconds without a gain end the warm-up, instead of the whole budget.
    private static final int STABLE_ROUNDS_ENOUGH = 100;

    private static final double COMPILED_STEP_NANOS = 50_000;

    private WarmUp() {}

    static long run(NetworkSpec spec, Kernels kernels, int maxBatch, Workers workers, long budgetNanos) {
        long start = System.nanoTime();
        NetworkSpec scratch = scratch(spec);
        Parameters parameters = Parameters.initial(Plan.of(scratch));
        Learner learner = new Learner(parameters, kernels, maxBatch, workers);
        Predictor predictor = new Predictor(parameters.plan(), kernels, maxBatch);
        float[] out = new float[maxBatch * parameters.plan().outputs()];
        Batch full = madeUp(scratch, parameters.plan(), maxBatch);
        // A batch of one row and a single prediction use the kernels' one-row paths.
        Batch single = maxBatch == 1 ? full : madeUp(scratch, parameters.plan(), 1);
        // Rows with pixels are converted from bytes.
        byte[] pixels = new byte[spec.row().numbers()];
        float[] numbers = new float[pixels.length];

        double first = 0;
        double best = Double.POSITIVE_INFINITY;
        int stable = 0;
        while ((stable < STABLE_ROUNDS || stable < STABLE_ROUNDS_ENOUGH && !isCompiled(first, best))
                && System.nanoTime() - start < budgetNanos) {
            long roundStart = System.nanoTime();
            long now = roundStart;
            int steps = 0;
            while (now - roundStart < ROUND_NANOS_MIN && now - start < budgetNanos) {
                kernels.unsignedBytes(pixels.length, pixels, 0, 1, numbers, 0);
                learner.learn(full);
                predictor.predict(parameters, full, out);
                if (single != full) {
                    learner.learn(single);
                    predictor.predict(parameters, single, out);
                }
                steps++;
                now = System.nanoTime();
            }
            double nanosPerStep = (double) (now - roundStart) / steps;
            first = first == 0 ? nanosPerStep : first;
            stable = nanosPerStep < 0.95 * best ? 0 : stable + 1;
            best = Math.min(best, nanosPerStep);
        }
        return System.nanoTime() - start;
    }

    private static boolean isCompiled(double firstNanos, double bestNanos) {
        return bestNanos < firstNanos / COMPILED_GAIN || bestNanos < COMPILED_STEP_NANOS;
    }

    private static Batch madeUp(NetworkSpec spec, Plan plan, int rows) {
        Batch batch = new Batch(spec.row(), rows);
        batch.resize(rows);
        for (int i = 0; i < batch.numbers.length; i++) {
            batch.numbers[i] = CounterRandom.uniform(spec.seed(), 0, 1, i);
        }
        int[] limits = new int[spec.row().ids()];
        Arrays.fill(limits, TABLE_ROWS_MAX);
        limitIds(spec.network(), limits);
        for (int i = 0; i < batch.ids.length; i++) {
            int limit = limits[i % limits.length];
            batch.ids[i] = (int) (CounterRandom.uniform(spec.seed(), 1, 1, i) * limit);
        }
        for (int row = 0; row < rows; row++) {
            int at = row * spec.row().labels();
            label(spec.loss(), plan.output(), row, spec.row().labels(), batch.labels, at);
        }
        return batch;
    }

    private static void label(Loss loss, Shape.Grid output, int row, int labels, float[] to, int at) {
        int classes = output.width();
        switch (loss) {
            case CategoricalCrossEntropy categorical -> {
                // A batch of which every row is ignored would not reach the kernels.
                Integer ignored = categorical.ignoreIndex();
                int skipped = ignored != null && ignored == row % classes ? 1 : 0;
                int label = (row + skipped) % classes;
                for (int line = 0; line < output.lines(); line++) {
                    if (categorical.oneHot()) {
                        to[at + line * classes + label] = 1;
                    } else {
                        to[at + line] = label;
                    }
                }
            }
            case Ctc ctc -> {
                to[at] = ctc.blank() == 0 ? 1 : 0;
                to[at + ctc.labelsMax()] = 1;
                to[at + ctc.labelsMax() + 1] = output.lines();
            }
            case FakeNegativeWeighted weighted -> {
                to[at] = row % 2;
                to[at + 1] = FakeNegativeWeighted.FIRST;
            }
            case Hinge hinge -> Arrays.fill(to, at, at + labels, row % 2 == 0 ? -1 : 1);
            case ElementwiseLoss elementwise -> to[at] = row % 2;
        }
    }

    /// The spec of the scratch model.
    static NetworkSpec scratch(NetworkSpec spec) {
        return spec.withNetwork(scratch(spec.network()));
    }

    /// The same layers with short tables, and without sequence lengths, because made-up ids are no lengths.
    private static Layer scratch(Layer layer) {
        List<Layer> inner = layer.layers().stream().map(WarmUp::scratch).toList();
        return switch (layer) {
            case Embedding table -> {
                int rows = Math.min(table.rows(), TABLE_ROWS_MAX);
                int padding = Math.min(table.paddingIndex(), rows - 1);
                yield new Embedding(table.from(), table.columns(), rows, table.dimension(), table.update(), padding,
                        table.start());
            }
            case EmbeddingBag table -> new EmbeddingBag(table.from(), table.columns(), table.countAt(),
                    table.weightsFrom(), Math.min(table.rows(), TABLE_ROWS_MAX), table.dimension(), table.mode(),
                    table.update(), table.start());
            case History history -> new History(history.keyAt(), history.numberAt(), history.timeAt(),
                    Math.min(history.rows(), TABLE_ROWS_MAX), history.values(), history.lags());
            case Vocabulary vocabulary ->
                new Vocabulary(vocabulary.keyAt(), Math.min(vocabulary.capacity(), TABLE_ROWS_MAX),
                        Math.min(vocabulary.waiting(), TABLE_ROWS_MAX), vocabulary.minCount(), vocabulary.expireAfter(),
                        vocabulary.dimension(), vocabulary.update(), vocabulary.start());
            case LearnedCross cross -> new LearnedCross(cross.hashAt(), cross.parts(),
                    Math.min(cross.buckets(), TABLE_ROWS_MAX), cross.dimension(), cross.update(), cross.start());
            case Recurrent recurrent -> new Recurrent(recurrent.cell(), recurrent.hidden(), recurrent.bidirectional(),
                    recurrent.output(), Recurrent.WHOLE, inner);
            default -> layer.withLayers(inner);
        };
    }

    /// Lowers, for each id of a row, the exclusive limit to what all its readers allow.
    private static void limitIds(Layer layer, int[] limits) {
        switch (layer) {
            case Embedding table -> limit(limits, table.from(), table.columns(), table.rows());
            case History history -> limit(limits, history.keyAt(), 1, history.rows());
            case LearnedCross cross -> cross.parts().forEach(part -> {
                if (part instanceof LearnedCross.Part.Bucket bucket) {
                    limit(limits, bucket.missingAt(), 1, 2);
                }
            });
            case Quantiles quantiles -> {
                if (quantiles.missingAt() != Quantiles.NEVER_MISSING) {
                    limit(limits, quantiles.missingAt(), 1, 2);
                }
            }
            case EmbeddingBag table -> {
                limit(limits, table.from(), table.columns(), table.rows());
                if (table.countAt() != EmbeddingBag.ALL) {
                    limit(limits, table.countAt(), 1, table.columns() + 1);
                }
            }
            default -> layer.layers().forEach(inner -> limitIds(inner, limits));
        }
    }

    private static void limit(int[] limits, int from, int count, int limit) {
        for (int id = from; id < from + count; id++) {
            limits[id] = Math.min(limits[id], limit);
        }
    }
}
