package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.FromRow;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.InputBound;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LearnedCross;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.OwnOptimizer;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.testing.DoubleNetwork;
import io.tidegrad.engine.testing.DoubleOptimizer;
import io.tidegrad.engine.testing.Families;
import io.tidegrad.engine.testing.RandomNetworks;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// What every layer, loss and optimizer must do, over random networks of all of them. The parameter is the seed.
class EngineContractTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final int SEEDS = 60;
    private static final int GRADIENTS_A_TENSOR = 12;

    static IntStream seeds() {
        return RandomNetworks.seeds(SEEDS);
    }

    /// A model that has learned a little, so that statistics, moments and biases are not zero.
    private static Parameters learned(NetworkSpec spec, RandomNetworks networks) {
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, KERNELS, 6);
        for (int step = 0; step < 5; step++) {
            assertThat(learner.learn(networks.batch(spec, networks.between(1, 6)))).isFinite();
        }
        return parameters;
    }

    @Test
    void everyLayerLossAndOptimizerIsTested() {
        Set<Class<?>> seen = new HashSet<>();
        seeds().forEach(seed -> {
            NetworkSpec spec = new RandomNetworks(seed).spec();
            RandomNetworks.layers(spec.network()).forEach(layer -> seen.add(layer.getClass()));
            seen.add(spec.loss().getClass());
            seen.add(spec.optimizer().getClass());
            seen.add(spec.schedule().getClass());
            seen.add(spec.clipping().getClass());
        });
        seen.add(FakeNegativeWeighted.class); // not the gradient of a loss: FakeNegativeWeightedTest has it
        seen.add(Quantiles.class); // its numbers have no slope: QuantilesTest has it
        seen.add(LearnedCross.class); // it needs what those two have learned: LearnedCrossTest has it
        seen.add(Vocabulary.class); // what it knows changes by rows: VocabularyTest has it
        seen.add(History.class); // it changes by rows, not by gradients: HistoryTest has it
        // Their steps are not those of one loss at one rate: MixtureTest has them.
        seen.addAll(List.of(Mixture.class, OwnOptimizer.class, InputBound.class, FromRow.class));
        for (Class<?> family : List.of(Layer.class, Loss.class, Optimizer.class, Schedule.class, Clipping.class)) {
            assertThat(Families.members(family)).as("drawn by RandomNetworks").allMatch(seen::contains);
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void gradientsAgreeWithCentralDifferencesInDoubles(int seed) {
        gradientsAgreeWithCentralDifferences(seed, Gradients.Mode.PREDICT);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void gradientsOfLearningAgreeWithCentralDifferencesInDoubles(int seed) {
        gradientsAgreeWithCentralDifferences(seed, Gradients.Mode.LEARN);
    }

    private static void gradientsAgreeWithCentralDifferences(int seed, Gradients.Mode mode) {
        RandomNetworks networks = new RandomNetworks(seed);
        NetworkSpec spec = networks.spec();
        Parameters parameters = learned(spec, networks);
        Batch batch = networks.batch(spec, networks.between(1, 5));
        Gradients gradients = new Gradients(parameters, KERNELS, batch.size(), mode);
        DoubleNetwork oracle = new DoubleNetwork(parameters, batch, mode);

        assertThat(gradients.ofLoss(batch)).isCloseTo(oracle.batchLoss(), within(oracle.batchLoss()));
        for (Tensor tensor : parameters.plan().tensors()) {
            if (!(tensor instanceof Tensor.Statistics) && !isFrozen(parameters, tensor.name())) {
                double[] weights = Objects.requireNonNull(oracle.weights.get(tensor.name()));
                check(networks, oracle, weights, gradients.of(tensor.name()), tensor.name());
            }
        }
        check(networks, oracle, oracle.numbers, gradients.ofNumbers(), "numbers");
    }

    private static boolean isFrozen(Parameters parameters, String tensor) {
        Plan plan = parameters.plan();
        return plan.rateFactor(plan.tensor(tensor)) == 0;
    }

    private static void check(RandomNetworks networks, DoubleNetwork oracle, double[] values, float[] got,
            String what) {
        for (int i = 0; i < Math.min(values.length, GRADIENTS_A_TENSOR); i++) {
            int index = values.length <= GRADIENTS_A_TENSOR ? i : networks.between(0, values.length - 1);
            double want = oracle.gradient(values, index);
            if (!Double.isNaN(want)) {
                assertThat((double) got[index]).as("gradient of %s[%d]", what, index).isCloseTo(want, within(want));
            }
        }
    }

    private static Offset<Double> within(double want) {
        return Offset.offset(2e-5 + 1e-4 * Math.abs(want));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aFusedStepAppliesExactlyTheGradientThatIsReported(int seed) {
        RandomNetworks networks = new RandomNetworks(seed);
        float rate = 0.005f;
        NetworkSpec spec = networks.spec(new Sgd(rate));
        Parameters parameters = learned(spec, networks);
        Batch batch = networks.batch(spec, networks.between(1, 5));
        Gradients gradients = new Gradients(parameters, KERNELS, batch.size(), Gradients.Mode.LEARN);
        gradients.ofLoss(batch);
        List<String> tensors = weightTensors(parameters);
        List<float[]> before = tensors.stream().map(parameters::weights).toList();

        new Learner(parameters, KERNELS, batch.size()).learn(batch);

        for (int t = 0; t < tensors.size(); t++) {
            float[] want = before.get(t).clone();
            float[] g = gradients.of(tensors.get(t));
            float own = (float) (rate * parameters.plan().rateFactor(parameters.plan().tensor(tensors.get(t))));
            for (int i = 0; i < want.length; i++) {
                want[i] = Math.fma(-own, g[i], want[i]);
            }
            assertThat(parameters.weights(tensors.get(t))).as(tensors.get(t)).isEqualTo(want);
        }
    }

    /// The optimizers, clipping and regularization of all networks, against their formulas in doubles.
    @ParameterizedTest
    @MethodSource("seeds")
    void updatesAgreeWithTheFormulasInDoubles(int seed) {
        RandomNetworks networks = new RandomNetworks(seed);
        NetworkSpec spec = networks.spec();
        Parameters parameters = Parameters.initial(Plan.of(spec));
        List<String> tensors = weightTensors(parameters);
        Plan plan = parameters.plan();
        DoubleOptimizer oracle = new DoubleOptimizer(spec, values(tensors, parameters::weights),
                tensor -> plan.rateFactor(plan.tensor(tensor)));
        Learner learner = new Learner(parameters, KERNELS, 6);
        Gradients gradients = new Gradients(parameters, KERNELS, 6, Gradients.Mode.LEARN);
        long updates = 0;
        for (int step = 0; step < 8; step++) {
            Batch batch = networks.batch(spec, networks.between(1, 6));
            gradients.ofLoss(batch);
            assertThat(learner.penalty()).isCloseTo(oracle.penalty(), within(oracle.penalty()));
            Map<String, float[]> g = values(tensors, gradients::of);
            learner.learn(batch);
            if (parameters.updates() == updates) {
                continue; // nothing in the batch counts: every label is the one that is ignored
            }
            updates++;
            oracle.step(g, untouched(spec, batch));
            for (String tensor : tensors) {
                double[] want = Objects.requireNonNull(oracle.weights.get(tensor));
                float[] got = parameters.weights(tensor);
                for (int i = 0; i < want.length; i++) {
                    assertThat((double) got[i]).as("step %d, %s[%d], %s", step, tensor, i, spec.optimizer())
                            .isCloseTo(want[i], within(want[i]));
                    // Where a weight crosses 0, the penalty's gradient jumps: both go on from one
                    // side of it.
                    want[i] = got[i];
                }
            }
        }
    }

    /// Of tables: the indices of the values of rows that this batch's step leaves alone, because no id reads them or
    /// the row is padding.
    private static Map<String, Set<Integer>> untouched(NetworkSpec spec, Batch batch) {
        Map<String, Set<Integer>> untouched = new HashMap<>();
        RandomNetworks.places(spec.network()).forEach((path, layer) -> {
            switch (layer) {
                case Embedding table -> {
                    BitSet read = readRows(spec, batch, table);
                    if (table.update() == Embedding.Update.DENSE) {
                        read.set(0, table.rows());
                    }
                    if (table.paddingIndex() != Embedding.NO_PADDING) {
                        read.clear(table.paddingIndex());
                    }
                    untouched.put(path + ".weight", values(read, table.rows(), table.dimension()));
                }
                case EmbeddingBag table -> {
                    BitSet read = readRows(spec, batch, table);
                    if (table.update() == Embedding.Update.DENSE) {
                        read.set(0, table.rows());
                    }
                    untouched.put(path + ".weight", values(read, table.rows(), table.dimension()));
                }
                default -> {
                }
            }
        });
        return untouched;
    }

    private static BitSet readRows(NetworkSpec spec, Batch batch, Layer layer) {
        BitSet read = new BitSet();
        for (int row = 0; row < batch.size(); row++) {
            int ids = row * spec.row().ids();
            int from = 0;
            int count = 0;
            if (layer instanceof Embedding table) {
                from = table.from();
                count = table.columns();
            } else if (layer instanceof EmbeddingBag table) {
                from = table.from();
                count = table.countAt() == EmbeddingBag.ALL ? table.columns() : batch.ids[ids + table.countAt()];
            }
            for (int c = 0; c < count; c++) {
                read.set(batch.ids[ids + from + c]);
            }
        }
        return read;
    }

    /// The indices of the values of all rows but those in `but`.
    private static Set<Integer> values(BitSet but, int rows, int dimension) {
        return IntStream.range(0, rows * dimension).filter(i -> !but.get(i / dimension)).boxed()
                .collect(Collectors.toSet());
    }

    private static Map<String, float[]> values(List<String> tensors, Function<String, float[]> values) {
        return tensors.stream().collect(Collectors.toMap(name -> name, values));
    }

    private static List<String> weightTensors(Parameters parameters) {
        return parameters.plan().tensors().stream().filter(tensor -> !(tensor instanceof Tensor.Statistics))
                .map(Tensor::name).toList();
    }

    /// A limit that is never reached: the plan with a gradient slab does what the fused one does.
    @ParameterizedTest
    @MethodSource("seeds")
    void theGradientSlabWithAnIdleLimitGivesTheBitsOfTheFusedPlan(int seed) {
        NetworkSpec spec = new RandomNetworks(seed).spec();
        byte[][] fused = pagesAfterSteps(spec, new Clipping.None(), seed);
        assertThat(pagesAfterSteps(spec, new Clipping.GlobalNorm(1e30), seed)).isDeepEqualTo(fused);
        assertThat(pagesAfterSteps(spec, new Clipping.Value(1e30), seed)).isDeepEqualTo(fused);
    }

    private static byte[][] pagesAfterSteps(NetworkSpec spec, Clipping clipping, int seed) {
        NetworkSpec clipped = RandomNetworks.with(spec, clipping, spec.regularization());
        return pages(learned(clipped, new RandomNetworks(seed)));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void rowsThatNoIdReadsStayBitForBit(int seed) {
        RandomNetworks networks = new RandomNetworks(seed);
        NetworkSpec drawn = networks.spec();
        NetworkSpec spec =
                RandomNetworks.with(drawn, drawn.clipping(), new Regularization(0.1, 0.1, Regularization.Scope.ALL));
        Parameters parameters = learned(spec, networks);
        byte[][] before = pages(parameters);
        Batch batch = networks.batch(spec, 2);
        Arrays.fill(batch.ids, 3);
        RandomNetworks.limitCounts(spec, batch);

        new Learner(parameters, KERNELS, 2).learn(batch);

        Parameters old = Parameters.blank(Plan.of(spec));
        for (int page = 0; page < before.length; page++) {
            old.writePage(page, before[page], 0);
        }
        for (Tensor tensor : parameters.plan().tensors()) {
            if (tensor instanceof Tensor.Table table && table.touchedOnly()) {
                for (int part = 0; part <= spec.optimizer().stateParts(); part++) {
                    float[] was = part(old, tensor.name(), part);
                    float[] is = part(parameters, tensor.name(), part);
                    int touched = 3 * table.columns();
                    System.arraycopy(is, touched, was, touched, table.columns());
                    assertThat(is).as("%s, part %d", tensor.name(), part).isEqualTo(was);
                }
            }
        }
    }

    /// Neither weights nor state, whatever the penalty and the optimizer's decay would do.
    @ParameterizedTest
    @MethodSource("seeds")
    void whatIsFrozenStaysBitForBit(int seed) {
        RandomNetworks networks = new RandomNetworks(seed);
        NetworkSpec drawn = networks.spec();
        NetworkSpec spec =
                RandomNetworks.with(drawn, drawn.clipping(), new Regularization(0.1, 0.1, Regularization.Scope.ALL));
        Parameters initial = Parameters.initial(Plan.of(spec));
        Parameters parameters = learned(spec, networks);
        for (String tensor : weightTensors(parameters)) {
            if (isFrozen(parameters, tensor)) {
                for (int part = 0; part <= spec.optimizer().stateParts(); part++) {
                    assertThat(part(parameters, tensor, part)).as("%s, part %d", tensor, part)
                            .isEqualTo(part(initial, tensor, part));
                }
            }
        }
    }

    private static float[] part(Parameters parameters, String tensor, int part) {
        return part == 0 ? parameters.weights(tensor) : parameters.state(tensor, part);
    }

    /// Each row where it lies, in arrays that go on behind it with what must not be read.
    private static void assertRowsAlone(Predictor predictor, Parameters parameters, Batch batch, float[] predicted) {
        RowShape shape = batch.row();
        int outputs = parameters.plan().outputs();
        for (int row = 0; row < batch.size(); row++) {
            int number = row * shape.numbers();
            int id = row * shape.ids();
            float[] numbers = Arrays.copyOf(Arrays.copyOfRange(batch.numbers, number, number + shape.numbers()),
                    shape.numbers() + 64);
            Arrays.fill(numbers, shape.numbers(), numbers.length, Float.NaN);
            int[] ids = Arrays.copyOf(Arrays.copyOfRange(batch.ids, id, id + shape.ids()), shape.ids() + 64);
            Arrays.fill(ids, shape.ids(), ids.length, -1);
            float[] alone = new float[outputs];
            predictor.predict(parameters, numbers, ids, alone);
            assertThat(alone).isEqualTo(Arrays.copyOfRange(predicted, row * outputs, (row + 1) * outputs));
        }
    }

    @Test
    void aRowThatIsTooShortIsRefused() {
        NetworkSpec spec = new RandomNetworks(1).spec();
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Predictor predictor = new Predictor(parameters.plan(), KERNELS, 1);
        int numbers = spec.row().numbers();
        int outputs = parameters.plan().outputs();
        assertThat(numbers).isPositive();
        int[] ids = new int[spec.row().ids()];
        assertThatThrownBy(() -> predictor.predict(parameters, new float[numbers - 1], ids, new float[outputs]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("numbers: expected at least " + numbers + ", found " + (numbers - 1));
        assertThatThrownBy(() -> predictor.predict(parameters, new float[numbers], ids, new float[outputs - 1]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("out: expected at least 1 x " + outputs);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void thePredictorSaysWhatTheLearnerPredicted(int seed) {
        RandomNetworks networks = new RandomNetworks(seed);
        NetworkSpec spec = networks.spec();
        Parameters parameters = learned(spec, networks);
        int rows = networks.between(1, 5);
        Batch batch = networks.batch(spec, rows);
        int outputs = parameters.plan().outputs();
        float[] predicted = new float[rows * outputs];
        Parameters served = parameters.servedCopy();
        // With a plan of its own, as a scorer has.
        Predictor predictor = new Predictor(Plan.of(spec), KERNELS, 8);
        predictor.predict(served, batch, predicted);
        assertRowsAlone(predictor, served, batch, predicted);

        Learner learner = new Learner(parameters, KERNELS, rows);
        learner.learn(batch);

        assertThat(predicted).isEqualTo(Arrays.copyOf(learner.predictions(), rows * outputs));
        DoubleNetwork oracle = new DoubleNetwork(served, batch);
        for (int row = 0; row < rows; row++) {
            double[] want = oracle.predict()[row];
            for (int o = 0; o < outputs; o++) {
                assertThat((double) predicted[row * outputs + o]).isCloseTo(want[o], within(want[o]));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aModelThatWentThroughItsPagesLearnsOnAsIfNothingHadBeen(int seed) {
        RandomNetworks networks = new RandomNetworks(seed);
        NetworkSpec spec = networks.spec();
        Parameters parameters = learned(spec, networks);
        Parameters restored = Parameters.blank(Plan.of(spec));
        copyPages(parameters, restored);
        restored.setCounts(parameters.updates(), parameters.examples());
        assertThat(restored.dirty().isEmpty()).isTrue();

        Learner learner = new Learner(parameters, KERNELS, 6);
        Learner other = new Learner(restored, KERNELS, 6);
        for (int step = 0; step < 3; step++) {
            Batch batch = networks.batch(spec, networks.between(1, 6));
            assertThat(other.learn(batch)).isEqualTo(learner.learn(batch));
        }
        assertThat(pages(restored)).isDeepEqualTo(pages(parameters));
        assertThat(restored.examples()).isEqualTo(parameters.examples());
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void everyPageThatAStepChangesIsMarked(int seed) {
        RandomNetworks networks = new RandomNetworks(seed);
        NetworkSpec spec = networks.spec();
        Parameters parameters = learned(spec, networks);
        byte[][] before = pages(parameters);
        parameters.dirty().clear();

        new Learner(parameters, KERNELS, 6).learn(networks.batch(spec, 2));

        byte[][] after = pages(parameters);
        for (int page = 0; page < after.length; page++) {
            if (!Arrays.equals(before[page], after[page])) {
                assertThat(parameters.dirty().contains(page)).as("page %d marked", page).isTrue();
            }
        }
    }

    /// Poison in one row of the batch, wherever in it: the whole step is refused.
    @ParameterizedTest
    @MethodSource("seeds")
    void aNumberThatIsNotFiniteChangesNothing(int seed) {
        RandomNetworks networks = new RandomNetworks(seed);
        NetworkSpec spec = networks.spec(Adam.of(0.01));
        Parameters parameters = learned(spec, networks);
        byte[][] before = pages(parameters);
        long updates = parameters.updates();
        parameters.dirty().clear();
        Batch batch = networks.batch(spec, 3);
        int row = networks.between(0, 2);
        float poison = List.of(Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY).get(seed % 3);
        for (int i = 0; i < spec.row().numbers(); i++) {
            batch.numbers[row * spec.row().numbers() + i] = poison;
        }

        Learner learner = new Learner(parameters, KERNELS, 3);

        assertThat(learner.learn(batch)).isNaN();
        assertThat(learner.rowLosses()[row]).isNaN();
        assertThat(pages(parameters)).isDeepEqualTo(before);
        assertThat(parameters.dirty().isEmpty()).isTrue();
        assertThat(parameters.updates()).isEqualTo(updates);
    }

    /// Every worker count shares the work in other parts; the crews here share even the smallest.
    @ParameterizedTest
    @MethodSource("seeds")
    void anyNumberOfWorkersLearnsTheSameBits(int seed) {
        RandomNetworks networks = new RandomNetworks(seed);
        NetworkSpec spec = networks.spec();
        int maxRows = networks.between(1, 60);
        List<Batch> batches =
                IntStream.range(0, 4).mapToObj(i -> networks.batch(spec, networks.between(1, maxRows))).toList();
        Parameters alone = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(alone, KERNELS, maxRows);
        double[] losses = batches.stream().mapToDouble(learner::learn).toArray();

        for (int count : new int[]{2, 3, 7}) {
            Parameters shared = Parameters.initial(Plan.of(spec));
            try (Workers workers = EagerWorkers.of(count)) {
                Learner crew = new Learner(shared, KERNELS, maxRows, workers);
                assertThat(batches.stream().mapToDouble(crew::learn).toArray()).isEqualTo(losses);
                assertThat(crew.predictions()).isEqualTo(learner.predictions());
            }
            assertThat(pages(shared)).as("%d workers", count).isDeepEqualTo(pages(alone));
        }
    }

    /// Where they are only served such weights lie otherwise than where they are learned.
    @ParameterizedTest
    @CsvSource({"64, 1", "65, 10", "784, 10", "100, 17", "79, 32"})
    void aNarrowLayerOfManyInputsPredictsTheBitsThatItsLearnerPredicts(int inputs, int outputs) {
        NetworkSpec spec = new NetworkSpec(new RowShape(inputs, 0, outputs),
                new Sequence(new Numbers(0, inputs), new Dense(outputs)), new MeanSquaredError(), Adam.of(0.01),
                inputs);
        RandomNetworks networks = new RandomNetworks(inputs);
        Parameters learned = Parameters.initial(Plan.of(spec));
        Predictor predictor = new Predictor(learned.plan(), KERNELS, 40);
        for (int rows : new int[]{1, 2, 3, 15, 16, 33, 40}) {
            Parameters served = learned.servedCopy();
            assertThat(Arrays.copyOf(pages(learned), served.pages())).isDeepEqualTo(pages(served));
            assertThat(served.weights("1.weight")).isEqualTo(learned.weights("1.weight"));
            Batch batch = networks.batch(spec, rows);
            float[] predicted = new float[rows * outputs];
            predictor.predict(served, batch, predicted);
            assertRowsAlone(predictor, served, batch, predicted);
            float[] byLearned = new float[rows * outputs];
            predictor.predict(learned, batch, byLearned);
            assertThat(predicted).isEqualTo(byLearned);
            Learner learner = new Learner(learned, KERNELS, rows);
            learner.learn(batch);
            assertThat(predicted).isEqualTo(Arrays.copyOf(learner.predictions(), rows * outputs));
        }
    }

    private static void copyPages(Parameters from, Parameters to) {
        byte[] page = new byte[Parameters.PAGE_BYTES + 1];
        for (int number = 0; number < from.pages(); number++) {
            from.readPage(number, page, 1);
            to.writePage(number, page, 1);
        }
    }

    private static byte[][] pages(Parameters parameters) {
        byte[][] pages = new byte[parameters.pages()][];
        for (int page = 0; page < pages.length; page++) {
            pages[page] = new byte[parameters.pageLength(page)];
            parameters.readPage(page, pages[page], 0);
        }
        return pages;
    }
}
