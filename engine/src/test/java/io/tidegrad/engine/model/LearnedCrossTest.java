package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Embedding.Update;
import io.tidegrad.engine.layer.FromRow;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LearnedCross;
import io.tidegrad.engine.layer.LearnedCross.Part;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.ShapeException;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.random.Murmur3;
import io.tidegrad.engine.testing.DoubleNetwork;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Which row of its table a combination gets. A row of a batch is a number, and as ids the hash of a category, 0 for none,
/// whether the number is missing, and the two ids of a value.
class LearnedCrossTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final RowShape ROW = new RowShape(1, 5, 1);
    private static final int BUCKETS = 1_000;
    private static final Part NUMBER = new Part.Bucket(0, 2, 0);
    private static final Part VALUE = new Part.Value(3, 3);
    private static final Quantiles QUANTILES = new Quantiles(0, 2, 3, 1, Update.TOUCHED);
    private static final Vocabulary VOCABULARY = new Vocabulary(3, 3, 4, 2, 12, 1, Update.TOUCHED);

    private static NetworkSpec spec(Layer network) {
        return spec(network, new Clipping.None());
    }

    private static NetworkSpec spec(Layer network, Clipping clipping) {
        return new NetworkSpec(ROW, network, new MeanSquaredError(), Adam.of(0.01), clipping, Regularization.NONE, 1);
    }

    /// Row number `i` of a made-up log.
    private static void fill(Batch batch, int row, int i) {
        boolean isMissing = i % 7 == 3;
        batch.numbers[row] = isMissing ? 0 : (float) (i * i * 7919 % 1009 - 300);
        byte[] value = ("campaign=" + (i % 4 == 0 ? 100 + i : i * i % 5)).getBytes(StandardCharsets.UTF_8);
        int[] ids = {Murmur3.hash(("origin=" + i % 3).getBytes(StandardCharsets.UTF_8), 0), 0, isMissing ? 1 : 0,
            Murmur3.hash(value, 0), Murmur3.hash(value, 1)};
        System.arraycopy(ids, 0, batch.ids, row * ids.length, ids.length);
        batch.labels[row] = (float) (i % 2);
    }

    private static Batch one(int i) {
        Batch batch = new Batch(ROW, 1);
        batch.resize(1);
        fill(batch, 0, i);
        return batch;
    }

    /// A program that has nothing of the engine computed them, in fractions, from sorted lists and maps by the formulas of
    /// docs/numerics.md: for each row before it is learned the table rows of three crosses.
    @Test
    void theRowsOfALogAreThoseOfAPlainReference() {
        int[][] golden = {
            {909, 327, 77, 357, 903, 77, 663, 687, 77, 923, 616, 465, 909, 903, 77, 923, 327, 480, 923, 327, 926, 909,
                687, 465, 357, 327, 926, 663, 327, 926, 663, 616, 465, 923, 687, 77, 663, 903, 480, 663, 903, 77, 663,
                687, 926, 357, 327, 77, 923, 687, 465, 663, 616, 77, 923, 903, 926, 663, 687, 480},
            {909, 327, 77, 909, 327, 77, 909, 560, 77, 923, 327, 406, 909, 560, 406, 595, 327, 520, 340, 685, 77, 923,
                560, 520, 909, 507, 406, 340, 327, 406, 595, 685, 77, 340, 685, 394, 909, 560, 520, 923, 327, 406, 340,
                560, 77, 595, 685, 520, 909, 685, 394, 923, 327, 520, 923, 507, 77, 340, 560, 406},
            {907, 907, 907, 152, 117, 907, 117, 749, 907, 206, 152, 206, 907, 251, 454, 50, 907, 475, 749, 454, 117,
                454, 749, 749, 152, 743, 529, 251, 907, 529, 328, 389, 415, 749, 206, 743, 117, 251, 475, 529, 117, 454,
                251, 749, 117, 229, 454, 705, 415, 206, 50, 529, 152, 705, 206, 328, 117, 251, 749, 389}};
        List<LearnedCross> crosses = List.of(new LearnedCross(0, List.of(NUMBER), BUCKETS, 1, Update.TOUCHED),
                new LearnedCross(0, List.of(VALUE), BUCKETS, 1, Update.TOUCHED),
                new LearnedCross(1, List.of(NUMBER, VALUE), BUCKETS, 1, Update.TOUCHED));
        for (int c = 0; c < golden.length; c++) {
            Layer cross = Rate.frozen(crosses.get(c));
            // The first cross stands before what has learned its number.
            boolean isFirst = c == 0;
            Layer tables =
                    isFirst ? new Concat(cross, QUANTILES, VOCABULARY) : new Concat(QUANTILES, VOCABULARY, cross);
            Parameters parameters = Parameters.initial(Plan.of(spec(new Sequence(tables, Rate.frozen(new Dense(1))))));
            float[] numbered = new float[BUCKETS];
            for (int i = 0; i < BUCKETS; i++) {
                numbered[i] = (float) i;
            }
            parameters.setWeights(isFirst ? "0.0.weight" : "0.2.weight", numbered);
            parameters.setWeights("1.weight", new float[]{isFirst ? 1 : 0, 0, isFirst ? 0 : 1});
            Predictor predictor = new Predictor(parameters.plan(), KERNELS, 1);
            Learner learner = new Learner(parameters, KERNELS, 1);
            for (int i = 0; i < golden[c].length; i++) {
                float[] row = new float[1];
                predictor.predict(parameters, one(i), row);
                assertThat(row).as("cross %d, row %d", c, i).containsExactly((float) golden[c][i]);
                assertThat(learner.learn(one(i))).isFinite();
            }
        }
    }

    private static NetworkSpec learning(Update update, Clipping clipping) {
        return spec(new Sequence(new Concat(new LearnedCross(0, List.of(NUMBER, VALUE), 40, 3, update), QUANTILES,
                VOCABULARY, new Numbers(0, 1)), new Dense(3), new Dense(1)), clipping);
    }

    private static Parameters learned(NetworkSpec spec, int workersCount) {
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Batch batch = new Batch(spec.row(), 6);
        batch.resize(6);
        try (Workers workers = EagerWorkers.of(workersCount)) {
            Learner learner = new Learner(parameters, KERNELS, 6, workers);
            for (int i = 0; i < 240; i++) {
                fill(batch, i % 6, i);
                if (i % 6 == 5) {
                    assertThat(learner.learn(batch)).isFinite();
                }
            }
        }
        return parameters;
    }

    @ParameterizedTest
    @EnumSource(Update.class)
    void aStepWithAGradientSlabAndOneWithWorkersLearnTheSame(Update update) {
        byte[][] fused = pages(learned(learning(update, new Clipping.None()), 1));
        assertThat(pages(learned(learning(update, new Clipping.GlobalNorm(1e30)), 1))).isDeepEqualTo(fused);
        assertThat(pages(learned(learning(update, new Clipping.None()), 2))).isDeepEqualTo(fused);
    }

    @ParameterizedTest
    @EnumSource(Update.class)
    void gradientsAgreeWithCentralDifferencesInDoubles(Update update) {
        Parameters parameters = learned(learning(update, new Clipping.None()), 1);
        Batch batch = new Batch(ROW, 6);
        batch.resize(6);
        for (int row = 0; row < 6; row++) {
            fill(batch, row, 240 + row);
            batch.numbers[row] /= 100;
        }
        Gradients gradients = new Gradients(parameters, KERNELS, 6);
        DoubleNetwork oracle = new DoubleNetwork(parameters, batch);

        assertThat(gradients.ofLoss(batch)).isCloseTo(oracle.batchLoss(), within(1e-2));
        float[] found = gradients.of("0.0.weight");
        double[] table = Objects.requireNonNull(oracle.weights.get("0.0.weight"));
        int met = 0;
        for (int i = 0; i < found.length; i++) {
            double want = oracle.gradient(table, i);
            met += want == 0 ? 0 : 1;
            assertThat((double) found[i]).as("weight %d", i).isCloseTo(want, within(2e-3 * (1 + Math.abs(want))));
        }
        assertThat(met).isPositive();
    }

    /// Of a value that has a row; what the vocabulary learns then of others, and where their rows lie, changes nothing.
    @Test
    void aValueKeepsItsCombinationsWhenItComesAgainAfterItWasForgotten() {
        Layer cross = Rate.frozen(new LearnedCross(1, List.of(VALUE), BUCKETS, 1, Update.TOUCHED));
        Vocabulary one = new Vocabulary(3, 1, 4, 1, 3, 1, Update.TOUCHED);
        Parameters parameters = Parameters
                .initial(Plan.of(spec(new Sequence(new Concat(cross, Rate.frozen(one)), Rate.frozen(new Dense(1))))));
        Predictor predictor = new Predictor(parameters.plan(), KERNELS, 1);
        Learner learner = new Learner(parameters, KERNELS, 1);
        parameters.setWeights("1.weight", new float[]{1, 0});
        List<Float> ofFirst = new ArrayList<>();
        List<Float> ofSecond = new ArrayList<>();
        // Value 1 has the row, loses it to value 2, and has it again.
        for (int value : new int[]{1, 1, 1, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1}) {
            learner.learn(valued(value));
            float[] y = new float[1];
            predictor.predict(parameters, valued(1), y);
            ofFirst.add(y[0]);
            predictor.predict(parameters, valued(2), y);
            ofSecond.add(y[0]);
        }
        float known = ofFirst.getFirst();
        float rare = ofSecond.getFirst();
        assertThat(known).isNotEqualTo(rare);
        assertThat(ofFirst.getLast()).isEqualTo(known);
        assertThat(ofFirst.get(7)).isEqualTo(rare);
        assertThat(ofSecond.get(7)).isNotIn(known, rare);
        assertThat(ofSecond.getLast()).isEqualTo(rare);
    }

    private static Batch valued(int value) {
        Batch batch = new Batch(ROW, 1);
        batch.resize(1);
        batch.ids[3] = value * 0x9E3779B9;
        batch.ids[4] = value;
        return batch;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsRefusedOrPredictedTeachesNothing(boolean clipped) {
        NetworkSpec spec = learning(Update.TOUCHED, clipped ? new Clipping.GlobalNorm(1) : new Clipping.None());
        Parameters parameters = learned(spec, 1);
        byte[][] before = pages(parameters);
        Batch batch = one(240);
        new Predictor(parameters.plan(), KERNELS, 1).predict(parameters, batch, new float[1]);
        batch.numbers[0] = Float.NaN;
        batch.ids[2] = 0;
        assertThat(new Learner(parameters, KERNELS, 1).learn(batch)).isNaN();
        assertThat(pages(parameters)).isDeepEqualTo(before);
    }

    /// Of a mixture's members each reads what it has learned itself, whatever the others have.
    @Test
    void aMembersCrossReadsItsOwnMembersState() {
        Layer member =
                new Sequence(new Concat(new FromRow(new LearnedCross(1, List.of(NUMBER), BUCKETS, 1, Update.TOUCHED)),
                        new FromRow(QUANTILES)), new Dense(1));
        NetworkSpec spec = new NetworkSpec(ROW,
                new Sequence(new Numbers(0, 1),
                        new Mixture(List.of(member, member), Mixture.Target.YES_NO, Mixture.NONE)),
                new BinaryCrossEntropy(), new Sgd(0.1), 1);
        Parameters parameters = Parameters.initial(Plan.of(spec));
        float[] numbered = new float[BUCKETS];
        for (int i = 0; i < BUCKETS; i++) {
            numbered[i] = (float) i / BUCKETS;
        }
        Predictor predictor = new Predictor(parameters.plan(), KERNELS, 1);
        List<Float> answers = new ArrayList<>();
        for (int changed = -1; changed < 2; changed++) {
            for (int m = 0; m < 2; m++) {
                parameters.setWeights("1." + m + ".0.0.weight", numbered);
                parameters.setWeights("1." + m + ".1.weight", new float[]{m == 1 ? 1 : 0, 0});
                double[] markers = new double[parameters.statistics("1.0.0.1.statistics").length];
                markers[0] = 3;
                markers[1] = 3;
                for (int i = 0; i < 3; i++) {
                    markers[2 + i] = i + (changed == m ? 50 : 0);
                    markers[2 + i + (markers.length - 2) / 2] = 1;
                }
                parameters.setStatistics("1." + m + ".0.1.statistics", markers);
            }
            float[] y = new float[1];
            Batch batch = one(0);
            batch.numbers[0] = 1;
            predictor.predict(parameters, batch, y);
            answers.add(y[0]);
        }
        assertThat(answers.get(1)).as("member 0 says nothing of its cross").isEqualTo(answers.get(0));
        assertThat(answers.get(2)).as("by member 1's own state").isNotEqualTo(answers.get(0));
    }

    /// Whichever of them stands first. A cross more takes less than the 255 bounds would.
    @Test
    void crossesOfTheSameQuantilesShareTheirBounds() {
        Quantiles quantiles = new Quantiles(0, 2, 256, 1, Update.TOUCHED);
        Layer cross = new LearnedCross(0, List.of(NUMBER), BUCKETS, 1, Update.TOUCHED);
        long alone = workspace(quantiles);
        for (List<Layer> tables : List.of(List.of(cross, quantiles), List.of(quantiles, cross, cross))) {
            assertThat(workspace(tables.toArray(Layer[]::new)) - alone).isLessThan(255L * Double.BYTES);
        }
    }

    private static long workspace(Layer... tables) {
        return Memory.toPredict(Plan.of(spec(new Sequence(new Concat(tables), new Dense(1)))), 1).workspace();
    }

    @Test
    void whatDoesNotFitIsRefused() {
        assertRefused(new LearnedCross(5, List.of(NUMBER), 4, 1, Update.TOUCHED), "ids 5 to 5");
        assertRefused(new LearnedCross(0, List.of(), 4, 1, Update.TOUCHED), "at least one part that is learned");
        assertRefused(new LearnedCross(0, List.of(NUMBER), 0, 1, Update.TOUCHED), "(0, 1)");
        assertRefused(new LearnedCross(0, List.of(new Part.Bucket(1, 2, 0)), 4, 1, Update.TOUCHED), "number 1");
        assertRefused(new LearnedCross(0, List.of(new Part.Bucket(0, 2, 1)), 4, 1, Update.TOUCHED),
                "a Quantiles of number 1");
        assertRefused(new LearnedCross(0, List.of(new Part.Value(4, 3)), 4, 1, Update.TOUCHED), "ids 4 to 5");
        assertRefused(new LearnedCross(0, List.of(new Part.Value(3, 2)), 4, 1, Update.TOUCHED), "a Vocabulary of id 2");
    }

    private static void assertRefused(LearnedCross cross, String message) {
        Layer network = new Sequence(new Concat(QUANTILES, VOCABULARY, cross), new Dense(1));
        assertThatThrownBy(() -> {
            Plan plan = Plan.of(spec(network));
            new Predictor(plan, KERNELS, 1);
        }).isInstanceOf(ShapeException.class).hasMessageContaining(message);
    }

    private static byte[][] pages(Parameters parameters) {
        byte[][] pages = new byte[parameters.pages()][];
        Arrays.setAll(pages, number -> {
            byte[] page = new byte[Parameters.PAGE_BYTES];
            parameters.readPage(number, page, 0);
            return page;
        });
        return pages;
    }
}
