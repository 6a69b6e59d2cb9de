package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.testing.RandomNetworks;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What is computed is what the JVM says was allocated.
class MemoryTest {
    /// Objects, array headers, the plan's lists and records: not counted.
    private static final int OBJECTS = 100_000;

    private static final Kernels KERNELS = new ScalarKernels();
    private static final com.sun.management.ThreadMXBean THREADS =
            (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static @Nullable Object kept;

    /// Without what classes take that are used for the first time.
    private static long allocated(Supplier<Object> work) {
        kept = work.get();
        long before = THREADS.getCurrentThreadAllocatedBytes();
        kept = work.get();
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }

    private static Object toLearn(Plan plan, int rows) {
        Parameters parameters = Parameters.blank(plan);
        return List.of(new Learner(parameters, KERNELS, rows), new Batch(plan.spec().row(), rows));
    }

    private static Object toPredict(Plan plan, int rows) {
        return List.of(Parameters.served(plan), new Predictor(plan, KERNELS, rows), new Batch(plan.spec().row(), rows),
                new float[rows * plan.outputs()]);
    }

    private static void assertComputed(Plan plan, int rows, String what) {
        long learns = allocated(() -> toLearn(plan, rows));
        assertThat((double) Memory.toLearn(plan, rows).total()).as("to learn %s", what).isCloseTo(learns,
                within(0.03 * learns + OBJECTS));
        long predicts = allocated(() -> toPredict(plan, rows));
        assertThat((double) Memory.toPredict(plan, rows).total()).as("to predict %s", what).isCloseTo(predicts,
                within(0.03 * predicts + OBJECTS));
    }

    static IntStream seeds() {
        return RandomNetworks.seeds(200);
    }

    /// Their layers are narrow, so that many rows make a size that objects don't matter beside.
    @ParameterizedTest
    @MethodSource("seeds")
    void aRandomNetworkTakesWhatIsComputed(int seed) {
        NetworkSpec spec = new RandomNetworks(seed).spec();
        assertComputed(Plan.of(spec), 4_000, "seed " + seed + ": " + spec);
    }

    @ParameterizedTest
    @MethodSource("optimizers")
    void weightsStateAndGradientsTakeWhatIsComputed(Optimizer optimizer) {
        Layer network = new Sequence(
                new Concat(new Numbers(0, 300), new Embedding(0, 2, 60_000, 5, Embedding.Update.TOUCHED),
                        new EmbeddingBag(2, 3, EmbeddingBag.ALL, EmbeddingBag.UNWEIGHTED, 50_000, 17,
                                EmbeddingBag.Mode.SUM, Embedding.Update.DENSE)),
                new Dense(700), new Relu(), new Dense(10));
        for (Clipping clipping : List.of(new Clipping.None(), new Clipping.GlobalNorm(1))) {
            NetworkSpec spec = new NetworkSpec(new RowShape(300, 5, 1), network, new CategoricalCrossEntropy(false),
                    optimizer, clipping, Regularization.NONE, 1);
            assertComputed(Plan.of(spec), 7, spec.toString());
        }
    }

    @Test
    void aHistoryTakesWhatIsComputed() {
        Layer history = new History(0, 0, 2, 90_000, List.of(History.Value.values()));
        NetworkSpec spec = new NetworkSpec(new RowShape(1, 4, 1), new Sequence(history, new Dense(1)),
                new MeanSquaredError(), Adam.of(0.1), 1);
        assertComputed(Plan.of(spec), 7, spec.toString());
        assertComputed(Plan.of(RandomNetworks.with(spec, new Clipping.GlobalNorm(1), Regularization.NONE)), 30_000,
                "with gradients");
    }

    @Test
    void quantilesTakeWhatIsComputed() {
        Layer quantiles = new Quantiles(0, 0, Quantiles.BUCKETS_MAX, 900, Embedding.Update.TOUCHED);
        NetworkSpec spec = new NetworkSpec(new RowShape(1, 1, 1), new Sequence(quantiles, new Dense(1)),
                new MeanSquaredError(), Adam.of(0.1), 1);
        assertComputed(Plan.of(spec), 7, spec.toString());
        assertComputed(Plan.of(RandomNetworks.with(spec, new Clipping.GlobalNorm(1), Regularization.NONE)), 3_000,
                "with gradients");
    }

    @Test
    void aVocabularyTakesWhatIsComputed() {
        Layer vocabulary = new Vocabulary(0, 20_000, 30_000, 2, 9, 40, Embedding.Update.TOUCHED);
        NetworkSpec spec = new NetworkSpec(new RowShape(1, 2, 1), new Sequence(vocabulary, new Dense(1)),
                new MeanSquaredError(), Adam.of(0.1), 1);
        assertComputed(Plan.of(spec), 7, spec.toString());
        assertComputed(Plan.of(RandomNetworks.with(spec, new Clipping.GlobalNorm(1), Regularization.NONE)), 30_000,
                "with gradients");
    }

    @Test
    void aLearnerThatJudgesGradientsTakesThemToo() {
        Layer network =
                new Sequence(new Concat(new Numbers(0, 300), new Embedding(0, 2, 60_000, 5, Embedding.Update.DENSE)),
                        new Dense(700), new Dense(10));
        Plan plan = Plan.of(
                new NetworkSpec(new RowShape(300, 2, 1), network, new CategoricalCrossEntropy(false), new Sgd(0.1), 1));
        long bytes = allocated(() -> {
            Learner learner = new Learner(Parameters.blank(plan), KERNELS, 7);
            Batch row = new Batch(plan.spec().row(), 1);
            row.resize(1);
            var loss = learner.judge(row);
            return List.of(learner, row, loss, learner.judgeGradient(row));
        });
        assertThat((double) Memory.toLearn(plan, 7, true).total()).isCloseTo(bytes, within(0.03 * bytes + OBJECTS));
        assertThat(Memory.toLearn(plan, 7).gradients()).isZero();
    }

    @Test
    void aLearnerThatIsInspectedKeepsTheWeightsThatWereRead() {
        Plan plan = Plan.of(new NetworkSpec(new RowShape(300, 2, 1),
                new Sequence(new Concat(new Numbers(0, 300), new Embedding(0, 2, 60_000, 5, Embedding.Update.TOUCHED)),
                        new Dense(700), new Dense(10)),
                new CategoricalCrossEntropy(false), new Sgd(0.1), 1));
        Parameters parameters = Parameters.blank(plan);
        Learner learner = new Learner(parameters, KERNELS, 7);
        long told = allocated(learner::inspect);
        long bytes = allocated(() -> new Learner(parameters, KERNELS, 7).inspect())
                - allocated(() -> new Learner(parameters, KERNELS, 7)) - told;
        assertThat((double) Memory.toInspect(plan)).isCloseTo(bytes, within(0.03 * bytes + OBJECTS))
                .isGreaterThan(200_000);
    }

    static List<Optimizer> optimizers() {
        return List.of(new Sgd(0.1, 0, false), new Sgd(0.1, 0.9, false), Adam.of(0.1));
    }

    @Test
    void countingAllocatesNothingOfASize() {
        NetworkSpec spec = new NetworkSpec(new RowShape(1_000, 1, 1),
                new Sequence(
                        new Concat(new Numbers(0, 1_000), new Embedding(0, 1, 1 << 28, 64, Embedding.Update.TOUCHED)),
                        new Dense(20_000), new Dense(1)),
                new MeanSquaredError(), Adam.of(0.1), 1);
        Plan plan = Plan.of(spec);
        long bytes = allocated(() -> Memory.toLearn(plan, 30_000));
        assertThat(bytes).isLessThan(OBJECTS);
        // 2^28 rows of 64 floats; 1,064 x 20,000 in panels of 64; 20,000 x 1 output after output, with a vector of
        // zeros behind; two biases.
        long floats = (1L << 34) + 1_064L * 20_032 + 20_032 + 20_016 + 16;
        assertThat(Memory.toLearn(plan, 30_000).weights()).isEqualTo(4 * floats);
        assertThat(Memory.toLearn(plan, 30_000).optimizerState()).isEqualTo(2 * Memory.toLearn(plan, 30_000).weights());
        assertThatThrownBy(() -> Memory.toLearn(plan, 200_000)).isInstanceOf(ArithmeticException.class);
    }
}
