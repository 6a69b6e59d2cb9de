package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.testing.DoubleNetwork;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class LearnerTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final int TABLE_ROWS = 50;
    private static final int DIMENSION = 3;

    /// One id, one table, one logit whose weights are all 1 at the start: simple enough to compute by hand.
    private static Parameters oneTable(Embedding.Update update, Optimizer optimizer, int columns) {
        NetworkSpec spec = new NetworkSpec(new RowShape(0, columns, 1),
                new Sequence(new Embedding(0, columns, TABLE_ROWS, DIMENSION, update),
                        new Dense(1, false, Initialization.HE_UNIFORM)),
                new MeanSquaredError(), optimizer, 7);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        float[] ones = new float[columns * DIMENSION];
        Arrays.fill(ones, 1);
        parameters.setWeights("1.weight", ones);
        return parameters;
    }

    private static Batch batch(Parameters parameters, int rows, int... ids) {
        Batch batch = new Batch(parameters.plan().spec().row(), rows);
        batch.resize(rows);
        System.arraycopy(ids, 0, batch.ids, 0, ids.length);
        for (int row = 0; row < rows; row++) {
            batch.labels[row] = 1 + row;
        }
        return batch;
    }

    @ParameterizedTest
    @EnumSource(Embedding.Update.class)
    void aRepeatedIdIsUpdatedOnceWithTheSumOfItsGradients(Embedding.Update update) {
        float rate = 0.5f;
        Parameters parameters = oneTable(update, new Sgd(rate), 2);
        float[] before = parameters.weights("0.weight");
        Batch batch = batch(parameters, 2, 4, 9, 9, 9);
        Learner learner = new Learner(parameters, KERNELS, 2);

        learner.learn(batch);

        // Squared error: dy = 2 (p - y), the same for each of the row's inputs since all weights
        // are 1.
        float first = 2 * (learner.predictions()[0] - 1);
        float second = 2 * (learner.predictions()[1] - 2);
        float[] after = parameters.weights("0.weight");
        for (int i = 0; i < after.length; i++) {
            float g = switch (i / DIMENSION) {
                case 4 -> first * 0.5f;
                case 9 -> (first + second + second) * 0.5f;
                default -> 0;
            };
            assertThat(after[i]).isEqualTo(Math.fma(-rate, g, before[i]));
        }
    }

    /// Touched Adam against a plain one: the step number is the model's, moments move only where a row was read.
    @ParameterizedTest
    @EnumSource(Embedding.Update.class)
    void adamMovesTheMomentsOfTheRowsItShould(Embedding.Update update) {
        Parameters parameters = oneTable(update, new Adam(0.1, 0.9, 0.999, 1e-8), 1);
        Learner learner = new Learner(parameters, KERNELS, 1);
        double[] w = DoubleNetwork.doubles(parameters.weights("0.weight"));
        double[] m = new double[w.length];
        double[] v = new double[w.length];
        Random random = new Random(5);
        for (int t = 1; t <= 40; t++) {
            int id = random.nextInt(4);
            float[] dense = parameters.weights("1.weight");
            learner.learn(batch(parameters, 1, id));
            double dy = 2 * (learner.predictions()[0] - 1.0);
            for (int i = 0; i < w.length; i++) {
                boolean touched = i / DIMENSION == id;
                if (touched || update == Embedding.Update.DENSE) {
                    double g = touched ? dy * dense[i % DIMENSION] : 0;
                    m[i] = 0.9 * m[i] + 0.1 * g;
                    v[i] = 0.999 * v[i] + 0.001 * g * g;
                    double mHat = m[i] / (1 - Math.pow(0.9, t));
                    double vHat = v[i] / (1 - Math.pow(0.999, t));
                    w[i] -= 0.1 * mHat / (Math.sqrt(vHat) + 1e-8);
                }
            }
        }
        float[] got = parameters.weights("0.weight");
        for (int i = 0; i < w.length; i++) {
            assertThat((double) got[i]).as("weight %d", i).isCloseTo(w[i], within(2e-4));
            assertThat((double) parameters.state("0.weight", 1)[i]).isCloseTo(m[i], within(1e-5));
            assertThat((double) parameters.state("0.weight", 2)[i]).isCloseTo(v[i], within(1e-5));
        }
    }

    @Test
    void onlyThePagesOfTouchedRowsAreMarked() {
        int rows = 100_000;
        NetworkSpec spec = new NetworkSpec(new RowShape(0, 2, 1),
                new Sequence(new Embedding(0, 2, rows, 8, Embedding.Update.TOUCHED), new Dense(1)),
                new BinaryCrossEntropy(), Adam.of(0.001), 1);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        assertThat(parameters.dirty().count()).isEqualTo(parameters.pages());
        parameters.dirty().clear();
        Batch batch = batch(parameters, 1, 0, 99_999);
        batch.labels[0] = 1;

        new Learner(parameters, KERNELS, 1).learn(batch);

        // Served: the table's first page and its last, where the dense tensors follow; the same for
        // the state.
        PageSet dirty = parameters.dirty();
        int rowsAPage = Parameters.PAGE_BYTES / (8 * Float.BYTES);
        int lastRowPage = (rows - 1) / rowsAPage;
        int stateOfLastRow = parameters.servedPages() + (rows - 1) / (rowsAPage / 2);
        assertThat(dirty.contains(0)).isTrue();
        assertThat(dirty.contains(lastRowPage)).isTrue();
        assertThat(dirty.contains(parameters.servedPages())).isTrue();
        assertThat(dirty.contains(stateOfLastRow)).isTrue();
        assertThat(dirty.count()).isLessThanOrEqualTo(6);
    }

    /// What a consistent image of a model that goes on learning rests on.
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aWatchedPageIsToldOnceAndBeforeAStepChangesIt(boolean clipped) {
        NetworkSpec spec = new NetworkSpec(new RowShape(0, 2, 1),
                new Sequence(new Embedding(0, 2, 20_000, 8, Embedding.Update.TOUCHED), new Dense(40), new Standardise(),
                        new Dense(1)),
                new MeanSquaredError(), Adam.of(0.01), clipped ? new Clipping.GlobalNorm(0.5) : new Clipping.None(),
                Regularization.NONE, 1);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        byte[][] before = pages(parameters);
        byte[][] originals = new byte[parameters.pages()][];
        PageSet watched = new PageSet(parameters.pages());
        watched.markRange(0, parameters.pages() - 2); // one page that nobody asks about
        parameters.watch(watched, page -> {
            assertThat(originals[page]).as("page %d is told once", page).isNull();
            originals[page] = new byte[parameters.pageLength(page)];
            parameters.readPage(page, originals[page], 0);
        });
        Learner learner = new Learner(parameters, KERNELS, 2);
        Random random = new Random(3);
        for (int step = 0; step < 200; step++) {
            learner.learn(batch(parameters, 2, random.nextInt(20_000), random.nextInt(300), random.nextInt(20_000),
                    random.nextInt(300)));
        }
        byte[][] after = pages(parameters);
        int changed = 0;
        for (int page = 0; page < parameters.pages() - 1; page++) {
            byte[] kept = originals[page] == null ? after[page] : originals[page];
            assertThat(kept).as("page %d", page).isEqualTo(before[page]);
            assertThat(watched.contains(page)).isEqualTo(originals[page] == null);
            changed += Arrays.equals(before[page], after[page]) ? 0 : 1;
        }
        assertThat(changed).isBetween(100, parameters.pages() - 10);
        assertThat(originals[parameters.pages() - 1]).isNull();
    }

    @Test
    void aResetOfTheOptimizerTellsOfItsPagesBeforeItChangesThemAndLeavesTheServedOnes() {
        NetworkSpec spec = new NetworkSpec(new RowShape(0, 1, 1),
                new Sequence(new Embedding(0, 1, 3_000, 8, Embedding.Update.TOUCHED), new Dense(1)),
                new MeanSquaredError(), new Adagrad(0.1, 1e-10, 0.5), 1);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        byte[][] first = pages(parameters);
        Learner learner = new Learner(parameters, KERNELS, 1);
        for (int step = 0; step < 50; step++) {
            learner.learn(batch(parameters, 1, step * 50));
        }
        parameters.dirty().clear();
        parameters.changes().clear();
        byte[][] before = pages(parameters);
        byte[][] told = new byte[parameters.pages()][];
        PageSet watched = new PageSet(parameters.pages());
        watched.markRange(0, parameters.pages() - 1);
        parameters.watch(watched, page -> {
            assertThat(told[page]).as("page %d is told once", page).isNull();
            told[page] = new byte[parameters.pageLength(page)];
            parameters.readPage(page, told[page], 0);
        });
        parameters.resetOptimizer();
        byte[][] after = pages(parameters);
        for (int page = 0; page < parameters.pages(); page++) {
            boolean served = page < parameters.servedPages();
            assertThat(after[page]).as("page %d", page).isEqualTo(served ? before[page] : first[page]);
            assertThat(parameters.dirty().contains(page)).isEqualTo(!served);
            assertThat(told[page]).isEqualTo(served ? null : before[page]);
        }
        assertThat(Arrays.deepEquals(before, after)).isFalse();
        parameters.changes().forEachRun((at, bytes) -> fail("%d served bytes change at %d", bytes, at));
        assertThat(parameters.updates()).isEqualTo(50);
    }

    private static byte[][] pages(Parameters parameters) {
        byte[][] pages = new byte[parameters.pages()][];
        for (int page = 0; page < pages.length; page++) {
            pages[page] = new byte[parameters.pageLength(page)];
            parameters.readPage(page, pages[page], 0);
        }
        return pages;
    }

    @Test
    void aStandardiseLayerUsesWhatItKnewBeforeTheBatchAndThenLearnsFromIt() {
        NetworkSpec spec = new NetworkSpec(new RowShape(2, 0, 2), new Sequence(new Numbers(0, 2), new Standardise()),
                new MeanSquaredError(), new Sgd(0.1), 1);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, KERNELS, 3);
        float[][] rows = {{2475, 7}, {337, 7}, {405, 7}, {100, 8}, {1e-3f, -5}, {1e6f, 7}};
        int learned = 0;
        for (int size : new int[]{1, 2, 3}) {
            Batch batch = new Batch(spec.row(), size);
            batch.resize(size);
            for (int row = 0; row < size; row++) {
                System.arraycopy(rows[learned + row], 0, batch.numbers, 2 * row, 2);
            }
            learner.learn(batch);
            for (int row = 0; row < size; row++) {
                for (int column = 0; column < 2; column++) {
                    double want = standardised(rows, learned, column, rows[learned + row][column]);
                    assertThat((double) learner.predictions()[2 * row + column]).isCloseTo(want,
                            within(1e-6 * (1 + Math.abs(want))));
                }
            }
            learned += size;
        }
        double[] state = parameters.statistics("1.statistics");
        assertThat(state[0]).isEqualTo(6);
        assertThat(state[1]).isCloseTo((2475 + 337 + 405 + 100 + 1e-3 + 1e6) / 6, within(1e-6));
    }

    /// Two passes over all earlier rows: another algorithm than the layer's.
    private static double standardised(float[][] rows, int known, int column, double value) {
        double mean = Arrays.stream(rows, 0, known).mapToDouble(row -> row[column]).average().orElse(0);
        double variance = Arrays.stream(rows, 0, known).mapToDouble(row -> (row[column] - mean) * (row[column] - mean))
                .average().orElse(0);
        double limit = Math.sqrt(known);
        return known < 2 || variance == 0 ? 0 : Math.clamp((value - mean) / Math.sqrt(variance), -limit, limit);
    }

    @Test
    void aRowThatTheReluWouldHideIsFoundAllTheSame() {
        // -∞ times a positive weight: relu makes 0 of it, the loss is finite, the weight's gradient
        // ∞ · 0.
        NetworkSpec spec =
                new NetworkSpec(
                        new RowShape(1, 0, 1), new Sequence(new Numbers(0, 1),
                                new Dense(1, true, Initialization.HE_UNIFORM), new Relu(), new Dense(1)),
                        new BinaryCrossEntropy(), Adam.of(0.001), 1);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        parameters.setWeights("1.weight", new float[]{1});
        float[] before = parameters.weights("1.weight");
        Learner learner = new Learner(parameters, KERNELS, 2);
        Batch batch = new Batch(spec.row(), 2);
        batch.resize(2);
        batch.numbers[0] = 1;
        batch.numbers[1] = Float.NEGATIVE_INFINITY;

        assertThat(learner.learn(batch)).isNaN();
        assertThat(learner.rowLosses()[0]).isFinite();
        assertThat(learner.rowLosses()[1]).isNaN();
        assertThat(parameters.weights("1.weight")).isEqualTo(before);

        // And the learner is none the worse for it.
        batch.numbers[1] = 1;
        assertThat(learner.learn(batch)).isFinite();
    }

    @Test
    void aLabelThatIsNoneIsRefused() {
        NetworkSpec spec = new NetworkSpec(new RowShape(1, 0, 1), new Sequence(new Numbers(0, 1), new Dense(3)),
                new CategoricalCrossEntropy(false), Adam.of(0.001), 1);
        Learner learner = new Learner(Parameters.initial(Plan.of(spec)), KERNELS, 1);
        Batch batch = new Batch(spec.row(), 1);
        batch.resize(1);
        for (float label : new float[]{-1, 3, 0.5f, Float.NaN, 1e20f}) {
            batch.labels[0] = label;
            assertThat(learner.learn(batch)).as("label %s", label).isNaN();
        }
        batch.labels[0] = 2;
        assertThat(learner.learn(batch)).isFinite();
    }

    /// Not even momentum goes on: where nothing counts there was no step.
    @Test
    void aBatchInWhichNothingCountsChangesNothing() {
        NetworkSpec spec = new NetworkSpec(new RowShape(1, 0, 1), new Sequence(new Numbers(0, 1), new Dense(3)),
                new CategoricalCrossEntropy(false, true, 0, List.of(), -100), new Sgd(0.1, 0.9, false), 1);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, KERNELS, 2);
        Batch batch = new Batch(spec.row(), 2);
        batch.resize(2);
        batch.numbers[0] = 1;
        assertThat(learner.learn(batch)).isPositive();
        float[] before = parameters.weights("1.weight");
        parameters.dirty().clear();
        batch.labels[0] = -100;
        batch.labels[1] = -100;

        assertThat(learner.learn(batch)).isZero();

        assertThat(parameters.weights("1.weight")).isEqualTo(before);
        assertThat(parameters.updates()).isEqualTo(1);
        assertThat(parameters.dirty().isEmpty()).isTrue();
        // A row that can't be learned is told of all the same.
        batch.numbers[1] = Float.NaN;
        assertThat(learner.learn(batch)).isNaN();
        assertThat(learner.rowLosses()[1]).isNaN();
    }

    @Test
    void anIdBeyondItsTableIsAMistakeOfTheCaller() {
        Parameters parameters = oneTable(Embedding.Update.TOUCHED, new Sgd(0.1), 1);
        Learner learner = new Learner(parameters, KERNELS, 1);
        assertThatThrownBy(() -> learner.learn(batch(parameters, 1, TABLE_ROWS)))
                .isInstanceOf(IndexOutOfBoundsException.class).hasMessage("row 0, id 0: found 50, expected 0 to 49");
    }

    /// What never changes is written to the store once.
    @ParameterizedTest
    @EnumSource
    void aFrozenNetworkLeavesNoPageToWrite(Embedding.Update update) {
        Layer table = new Embedding(0, 1, TABLE_ROWS, DIMENSION, update);
        NetworkSpec spec = new NetworkSpec(new RowShape(0, 1, 1), Rate.frozen(new Sequence(table, new Dense(1))),
                new MeanSquaredError(), Adam.of(0.1), 7);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        parameters.dirty().clear();

        new Learner(parameters, KERNELS, 2).learn(batch(parameters, 2, 3, 4));

        assertThat(parameters.updates()).isEqualTo(1);
        assertThat(parameters.dirty().isEmpty()).isTrue();
    }

    @Test
    void warmingUpChangesNothingOfTheModel() {
        NetworkSpec spec = new NetworkSpec(new RowShape(3, 1, 1),
                new Sequence(
                        new Concat(new Sequence(new Numbers(0, 3), new Standardise()),
                                new Embedding(0, 1, 100_000, 4, Embedding.Update.TOUCHED)),
                        new Dense(20), new Relu(), new Dense(1)),
                new BinaryCrossEntropy(), Adam.of(0.001), 1);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Parameters twin = Parameters.initial(Plan.of(spec));
        parameters.dirty().clear();

        long nanos = new Learner(parameters, KERNELS, 4).warmUp(100_000_000);

        assertThat(nanos).isPositive();
        assertThat(parameters.dirty().isEmpty()).isTrue();
        assertThat(parameters.updates()).isZero();
        assertThat(parameters.weights("0.1.weight")).isEqualTo(twin.weights("0.1.weight"));
        assertThat(parameters.weights("1.weight")).isEqualTo(twin.weights("1.weight"));
        assertThat(parameters.statistics("0.0.1.statistics")).containsOnly(0);
    }

    @Test
    void foreignRowsAndParametersAreRefused() {
        Parameters parameters = oneTable(Embedding.Update.TOUCHED, new Sgd(0.1), 1);
        Parameters other = oneTable(Embedding.Update.TOUCHED, new Sgd(0.1), 2);
        Learner learner = new Learner(parameters, KERNELS, 1);
        assertThatThrownBy(() -> learner.learn(batch(other, 1, 1, 1)))
                .hasMessageStartingWith("expected rows of RowShape[numbers=0, ids=1, labels=1], found");
        assertThatThrownBy(() -> learner.learn(batch(parameters, 2, 1, 1)))
                .hasMessage("expected at most 1 rows in a batch, found 2");
        assertThatThrownBy(() -> learner.learn(new Batch(parameters.plan().spec().row(), 1)))
                .hasMessage("expected at least 1 row to learn from, found 0");
        assertThatThrownBy(() -> new Learner(Parameters.served(parameters.plan()), KERNELS, 1))
                .hasMessage("expected parameters with optimizer state, found those of a scorer");
        Predictor predictor = new Predictor(parameters.plan(), KERNELS, 1);
        Batch batch = batch(parameters, 1, 1);
        assertThatThrownBy(() -> predictor.predict(other, batch, new float[1]))
                .hasMessageStartingWith("expected parameters of NetworkSpec");
        assertThatThrownBy(() -> predictor.predict(parameters, batch, new float[0]))
                .hasMessage("out: expected at least 1 x 1 floats, found 0");
    }
}
