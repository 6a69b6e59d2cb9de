package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.OwnOptimizer;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.ShapeException;
import io.tidegrad.engine.layer.Sum;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.FtrlProximal;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Sgd;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Layers that read a table.
class TablesTest {
    private static final Kernels KERNELS = Kernels.active();

    /// Row 0 of 4,000 rows of 2: the first page of the table; the others that are read lie in later ones.
    @ParameterizedTest
    @EnumSource(Embedding.Update.class)
    void thePaddingRowIsReadButNeverLearned(Embedding.Update update) {
        for (Clipping clipping : new Clipping[]{new Clipping.None(), new Clipping.GlobalNorm(0.1)}) {
            NetworkSpec spec = spec(new Sequence(new Embedding(0, 3, 4_000, 2, update, 0), new Dense(1)), 0, clipping);
            Parameters parameters = Parameters.initial(Plan.of(spec));
            float[] before = parameters.weights("0.weight");
            float[] firstColumns = Arrays.copyOf(before, 2);
            Batch batch = batch(spec, 0, 3_000, 3_500, 2);
            float[] out = new float[1];
            new Predictor(parameters.plan(), KERNELS, 1).predict(parameters, batch, out);
            parameters.dirty().clear();

            Learner learner = new Learner(parameters, KERNELS, 1);
            for (int step = 0; step < 3; step++) {
                assertThat(learner.learn(batch)).isFinite();
            }

            float[] after = parameters.weights("0.weight");
            assertThat(Arrays.copyOf(after, 2)).isEqualTo(firstColumns);
            assertThat(Arrays.copyOfRange(after, 6_000, 6_002)).isNotEqualTo(Arrays.copyOfRange(before, 6_000, 6_002));
            assertThat(parameters.state("0.weight", 1)).startsWith(0f, 0f);
            assertThat(parameters.dirty().contains(0)).isEqualTo(update == Embedding.Update.DENSE);
            parameters.setWeights("0.weight", new float[8_000]);
            float[] other = new float[1];
            new Predictor(parameters.plan(), KERNELS, 1).predict(parameters, batch, other);
            assertThat(other[0]).as("read as it is").isNotEqualTo(out[0]);
        }
    }

    @Test
    void aBagSumsOrAveragesAsManyRowsAsItsCountSays() {
        float[] weights = {1, 10, 2, 20, 4, 40, 8, 80, 16, 160, 32, 320};
        for (EmbeddingBag.Mode mode : EmbeddingBag.Mode.values()) {
            NetworkSpec spec = spec(bag(5, -1, mode), 0, new Clipping.None());
            Parameters parameters = Parameters.initial(Plan.of(spec));
            parameters.setWeights("weight", weights);
            Predictor predictor = new Predictor(parameters.plan(), KERNELS, 1);
            float[] out = new float[2];
            for (int count = 0; count <= 5; count++) {
                predictor.predict(parameters, batch(spec, 1, 1, 3, 0, 5, count), out);

                float sum = new float[]{0, 2, 4, 12, 13, 45}[count];
                float want = count == 0 ? 0 : switch (mode) {
                    case SUM -> sum;
                    case MEAN -> sum / count;
                    case ROOT -> sum / (float) Math.sqrt(count);
                };
                assertThat(out[0]).as("%s of %d", mode, count).isCloseTo(want, within(1e-5f));
                assertThat(out[1]).isCloseTo(10 * want, within(1e-4f));
            }
        }
    }

    @Test
    void weightsMultiplyTheRowsOfASum() {
        NetworkSpec spec = spec(bag(-1, 1, EmbeddingBag.Mode.SUM), 6, new Clipping.None());
        Parameters parameters = Parameters.initial(Plan.of(spec));
        parameters.setWeights("weight", new float[]{1, 10, 2, 20, 4, 40, 8, 80, 16, 160, 32, 320});
        Batch batch = batch(spec, 0, 1, 2, 3, 4, 0);
        System.arraycopy(new float[]{9, 1, 2, 0.5f, 0, -1}, 0, batch.numbers, 0, 6);
        float[] out = new float[2];

        new Predictor(parameters.plan(), KERNELS, 1).predict(parameters, batch, out);

        assertThat(out).containsExactly(1 + 4 + 2 - 16, 10 + 40 + 20 - 160);
    }

    @Test
    void aCountBeyondTheBagIsRefusedWithItsPlace() {
        NetworkSpec spec = spec(bag(5, -1, EmbeddingBag.Mode.SUM), 0, new Clipping.None());
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, KERNELS, 1);
        assertThatThrownBy(() -> learner.learn(batch(spec, 1, 1, 3, 0, 5, 6)))
                .isInstanceOf(IndexOutOfBoundsException.class).hasMessage("row 0, id 5: found 6, expected 0 to 5");
        assertThatThrownBy(() -> learner.learn(batch(spec, 1, 1, 3, 0, 6, 5)))
                .isInstanceOf(IndexOutOfBoundsException.class).hasMessage("row 0, id 4: found 6, expected 0 to 5");
    }

    @Test
    void aBagOfNumbersChecksItsIdsToo() {
        Embedding.Update touched = Embedding.Update.TOUCHED;
        EmbeddingBag.Mode sum = EmbeddingBag.Mode.SUM;
        Layer bag = new EmbeddingBag(0, 5, -1, -1, 6, 1, sum, touched);
        NetworkSpec spec = spec(bag, 0, new Clipping.None());
        Learner learner = new Learner(Parameters.initial(Plan.of(spec)), KERNELS, 1);
        for (int bad : new int[]{-1, 6, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            assertThatThrownBy(() -> learner.learn(batch(spec, 1, 1, 3, bad, 5, 0)))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessage("row 0, id 3: found " + bad + ", expected 0 to 5");
        }
    }

    /// By hand: weights are 0, so the slope is 2 (0 - 1), and an id learns a rate of 1/8 of that as often as the row has it.
    @Test
    void anIdThatABagOfNumbersHasTwiceLearnsTwiceAsMuch() {
        Layer bag = new EmbeddingBag(1, 5, -1, -1, 9, 1, EmbeddingBag.Mode.SUM, Embedding.Update.TOUCHED);
        NetworkSpec spec =
                new NetworkSpec(new RowShape(0, 6, 1), bag, new MeanSquaredError(), new Sgd(0.125, 0, false), 7);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, KERNELS, 1);
        int[][] rows = {{8, 7, 1, 5, 3, 6}, {8, 2, 5, 2, 0, 2}, {8, 4, 4, 4, 4, 4}, {8, 6, 3, 2, 1, 0}};
        float[][] learned = {{0, .25f, 0, .25f, 0, .25f, .25f, .25f, 0}, {.25f, 0, .75f, 0, 0, .25f, 0, 0, 0},
            {0, 0, 0, 0, 1.25f, 0, 0, 0, 0}, {.25f, .25f, .25f, .25f, 0, 0, .25f, 0, 0}};
        for (int i = 0; i < rows.length; i++) {
            parameters.setWeights("weight", new float[9]);
            Batch batch = batch(spec, rows[i]);
            batch.labels[0] = 1;

            assertThat(learner.learn(batch)).isEqualTo(1);

            assertThat(parameters.weights("weight")).as("row %d", i).isEqualTo(learned[i]);
        }
    }

    /// In a `Sequence` of its own a table is read and updated by itself. A step of one row updates tables side by side in one
    /// pass, unless something forbids it: a mini-batch, clipping, a second optimizer, a frozen or padded table.
    @ParameterizedTest
    @MethodSource("tablesSideBySide")
    void tablesSideBySideLearnTheBitsOfTablesByThemselves(Optimizer optimizer, Clipping clipping, int batch,
            UnaryOperator<Layer> third) {
        Parameters together = learnTables(concatenated(third, layer -> layer), optimizer, clipping, batch);

        requireSameBits(together, learnTables(concatenated(third, Sequence::new), optimizer, clipping, batch));
        assertThat(together.dirty().count()).isLessThan(together.pages());
    }

    @Test
    void tablesThatAreAddedLearnTheBitsOfTablesByThemselves() {
        requireSameBits(learnTables(added(layer -> layer), Adam.of(0.01), none(), 1),
                learnTables(added(Sequence::new), Adam.of(0.01), none(), 1));
    }

    private static void requireSameBits(Parameters together, Parameters apart) {
        byte[] page = new byte[Parameters.PAGE_BYTES];
        byte[] other = new byte[Parameters.PAGE_BYTES];
        for (int number = 0; number < together.pages(); number++) {
            together.readPage(number, page, 0);
            apart.readPage(number, other, 0);
            assertThat(Arrays.mismatch(page, other)).as("first byte of page %d that differs", number).isEqualTo(-1);
            assertThat(together.dirty().contains(number)).as("page %d is dirty", number)
                    .isEqualTo(apart.dirty().contains(number));
        }
    }

    static List<Arguments> tablesSideBySide() {
        UnaryOperator<Layer> plain = layer -> layer;
        UnaryOperator<Layer> otherOptimizer = layer -> new OwnOptimizer(Adam.of(0.1), layer);
        UnaryOperator<Layer> padded = layer -> table(2, 4, 0);
        Adam adam = Adam.of(0.01);
        return List.of(Arguments.of(adam, none(), 1, plain), Arguments.of(new Sgd(0.01), none(), 1, plain),
                Arguments.of(new Adagrad(0.1, 1e-8, 0.3), none(), 1, plain),
                Arguments.of(new Adam(0.01, 0.9, 0.999, 1e-8, true), none(), 1, plain),
                Arguments.of(new FtrlProximal(0.1, 1, 0.01, 0.1), none(), 1, plain),
                Arguments.of(adam, none(), 3, plain), Arguments.of(adam, new Clipping.GlobalNorm(0.1), 1, plain),
                Arguments.of(adam, none(), 1, otherOptimizer),
                Arguments.of(adam, none(), 1, (UnaryOperator<Layer>) Rate::frozen),
                Arguments.of(adam, none(), 1, padded));
    }

    /// Tables of 4, 1, 4, 23 and 6 columns, with a number before the last one.
    private static Layer concatenated(UnaryOperator<Layer> third, UnaryOperator<Layer> each) {
        return new Sequence(
                new Concat(each.apply(table(0, 4, Embedding.NO_PADDING)), each.apply(table(1, 1, Embedding.NO_PADDING)),
                        third.apply(each.apply(table(2, 4, Embedding.NO_PADDING))),
                        each.apply(table(3, 23, Embedding.NO_PADDING)), new Numbers(0, 1),
                        each.apply(table(4, 6, Embedding.NO_PADDING))),
                new Dense(1));
    }

    private static Layer added(UnaryOperator<Layer> each) {
        return new Sum(IntStream.range(0, 5).mapToObj(i -> each.apply(table(i, 1, Embedding.NO_PADDING))).toList());
    }

    private static Parameters learnTables(Layer network, Optimizer optimizer, Clipping clipping, int rows) {
        NetworkSpec spec = new NetworkSpec(new RowShape(1, 5, 1), network, new MeanSquaredError(), optimizer, clipping,
                Regularization.NONE, 7);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        parameters.dirty().clear();
        Learner learner = new Learner(parameters, KERNELS, 3);
        for (int step = 0; step < 40; step++) {
            Batch batch = new Batch(spec.row(), 3);
            batch.resize(step == 20 ? 2 : rows);
            for (int i = 0; i < batch.ids.length; i++) {
                batch.ids[i] = (step * 31 + i * 17) % 11 * 390;
            }
            for (int i = 0; i < batch.labels.length; i++) {
                batch.numbers[i] = i + 0.5f;
                batch.labels[i] = i - 0.25f;
            }
            assertThat(learner.learn(batch)).isFinite();
        }
        return parameters;
    }

    private static Embedding table(int from, int dimension, int paddingIndex) {
        return new Embedding(from, 1, 4_000, dimension, Embedding.Update.TOUCHED, paddingIndex);
    }

    @Test
    void anIdThatATableSideBySideDoesNotHaveIsRefusedWithItsPlace() {
        Layer inputs = new Concat(table(0, 4, Embedding.NO_PADDING), table(1, 4, Embedding.NO_PADDING));
        NetworkSpec spec = spec(new Sequence(inputs, new Dense(1)), 0, none());
        Learner learner = new Learner(Parameters.initial(Plan.of(spec)), KERNELS, 1);
        for (int bad : new int[]{-1, 4_000}) {
            assertThatThrownBy(() -> learner.learn(batch(spec, 3, bad, 0)))
                    .isInstanceOf(IndexOutOfBoundsException.class)
                    .hasMessage("row 0, id 1: found " + bad + ", expected 0 to 3999");
        }
    }

    @Test
    void whatDoesNotFitTheRowIsRefused() {
        assertThatThrownBy(() -> Plan.of(spec(bag(3, -1, EmbeddingBag.Mode.SUM), 0, none())))
                .isInstanceOf(ShapeException.class)
                .hasMessageContaining("not in the bag itself, or -1 for none; found id 3");
        assertThatThrownBy(() -> Plan.of(spec(bag(-1, 2, EmbeddingBag.Mode.SUM), 6, none())))
                .isInstanceOf(ShapeException.class)
                .hasMessageContaining("within the row's 6 numbers, or -1; found numbers 2 to 6");
        assertThatThrownBy(() -> bag(-1, 0, EmbeddingBag.Mode.MEAN)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("weights with a sum only");
        Layer padded = new Embedding(0, 1, 6, 2, Embedding.Update.TOUCHED, 6);
        assertThatThrownBy(() -> Plan.of(spec(padded, 0, none()))).isInstanceOf(ShapeException.class)
                .hasMessageContaining("a padding index from 0 to 5, or -1 for none; found 6");
    }

    private static Clipping none() {
        return new Clipping.None();
    }

    private static EmbeddingBag bag(int countAt, int weightsFrom, EmbeddingBag.Mode mode) {
        return new EmbeddingBag(0, 5, countAt, weightsFrom, 6, 2, mode, Embedding.Update.TOUCHED);
    }

    private static NetworkSpec spec(Layer network, int numbers, Clipping clipping) {
        int ids = network instanceof Sequence ? 3 : 6;
        int outputs = network instanceof EmbeddingBag bag ? bag.dimension() : 1;
        int labels = network instanceof Embedding ? 2 : outputs;
        return new NetworkSpec(new RowShape(numbers, ids, labels), network, new MeanSquaredError(), Adam.of(0.01),
                clipping, new Regularization(0.01, 0.1, Regularization.Scope.ALL), 7);
    }

    private static Batch batch(NetworkSpec spec, int... ids) {
        Batch batch = new Batch(spec.row(), 1);
        batch.resize(1);
        System.arraycopy(ids, 0, batch.ids, 0, spec.row().ids());
        return batch;
    }
}
