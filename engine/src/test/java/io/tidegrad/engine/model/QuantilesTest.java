package io.tidegrad.engine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Embedding.Update;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.ShapeException;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.testing.DoubleNetwork;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Which bucket a number gets. A row is a number, and the id that is 1 where it is missing.
class QuantilesTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final float MISSING = Float.NaN;

    private static NetworkSpec spec(Layer network, Clipping clipping) {
        return new NetworkSpec(new RowShape(1, 1, 1), network, new MeanSquaredError(), Adam.of(0.01), clipping,
                Regularization.NONE, 1);
    }

    /// What a model of one number puts out: the number's bucket, because row i of the table is i and does not change.
    private static final class Buckets {
        final Parameters parameters;
        private final Learner learner;
        private final Predictor predictor;
        private final Batch batch;
        private final int buckets;

        Buckets(int buckets, int rows) {
            this.buckets = buckets;
            Layer network = Rate.frozen(new Quantiles(0, 0, buckets, 1, Update.TOUCHED));
            parameters = Parameters.initial(Plan.of(spec(network, new Clipping.None())));
            float[] numbered = new float[buckets + 1];
            for (int i = 0; i < numbered.length; i++) {
                numbered[i] = (float) i;
            }
            parameters.setWeights("weight", numbered);
            learner = new Learner(parameters, KERNELS, rows);
            predictor = new Predictor(parameters.plan(), KERNELS, rows);
            batch = new Batch(parameters.plan().spec().row(), rows);
        }

        /// Learns a batch. Returns what was put out for each before.
        int[] learn(float... numbers) {
            fill(batch, numbers);
            assertThat(learner.learn(batch)).isFinite();
            int[] chosen = new int[numbers.length];
            for (int i = 0; i < chosen.length; i++) {
                chosen[i] = (int) learner.predictions()[i];
            }
            return chosen;
        }

        int of(float number) {
            float[] predicted = new float[1];
            Batch one = new Batch(parameters.plan().spec().row(), 1);
            fill(one, number);
            predictor.predict(parameters, one, predicted);
            return (int) predicted[0];
        }

        double[] bounds() {
            double[] bounds = new double[buckets - 1];
            Quantiles.bounds(parameters.statistics("statistics"), buckets, bounds);
            return bounds;
        }
    }

    private static void fill(Batch batch, float... numbers) {
        batch.resize(numbers.length);
        for (int i = 0; i < numbers.length; i++) {
            boolean isMissing = Float.isNaN(numbers[i]);
            batch.numbers[i] = isMissing ? 0 : numbers[i];
            batch.ids[i] = isMissing ? 1 : 0;
            batch.labels[i] = (float) i;
        }
    }

    /// The values were computed in fractions by a program that has nothing of the engine: a sorted list of markers, of which
    /// it merges those with the least sum, and for each bound a search from the first marker.
    @Test
    void boundsOfAStreamAreThoseComputedInFractions() {
        Buckets buckets = new Buckets(4, 1);
        Map<Integer, double[]> golden =
                Map.of(1, new double[]{Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY}, 3,
                        new double[]{341, 556, Double.POSITIVE_INFINITY}, 5, new double[]{72.75, 279, 394.75}, 20,
                        new double[]{-10, 61.6, 310}, 200,
                        new double[]{-46.92307692307692, 61.8421052631579, 338.30434782608694});
        for (int i = 1; i <= 200; i++) {
            buckets.learn(i % 5 == 0 ? i % 10 == 0 ? -0f : 0f : (float) (i * i * 7919 % 1009 - 300));
            if (golden.containsKey(i)) {
                assertThat(buckets.bounds()).as("after %d", i).containsExactly(golden.get(i), within(1e-12));
            }
        }
        assertThat(Arrays.copyOf(buckets.parameters.statistics("statistics"), 18)).containsExactly(16, 200, -262, -245,
                -181, -117, -61, 0, 29, 77, 162, 179, 279, 341, 364, 432, 556, 632);
    }

    /// The markers as a map from number to weight.
    private static final class Reference {
        private final TreeMap<Double, Double> weights = new TreeMap<>();
        private final int buckets;

        Reference(int buckets) {
            this.buckets = buckets;
        }

        private double weight(double marker) {
            return Objects.requireNonNull(weights.get(marker));
        }

        private double total() {
            return weights.values().stream().mapToDouble(weight -> weight).reduce(0, Double::sum);
        }

        void learn(double number) {
            double total = total();
            if (total + 1 > 10_000) {
                weights.replaceAll((value, weight) -> weight * (9_999 / total));
            }
            weights.merge(number, 1.0, Double::sum);
            if (weights.size() > 4 * buckets) {
                double first = 0;
                double second = 0;
                double least = Double.POSITIVE_INFINITY;
                Double before = null;
                for (double value : weights.keySet()) {
                    if (before != null && weight(before) + weight(value) < least) {
                        first = before;
                        second = value;
                        least = weight(before) + weight(value);
                    }
                    before = value;
                }
                boolean isSecond = weight(second) > weight(first);
                weights.remove(isSecond ? first : second);
                weights.put(isSecond ? second : first, least);
            }
        }

        /// From the weight below the number, without bounds.
        int bucket(double number) {
            if (weights.isEmpty() || number < weights.firstKey()) {
                return 0;
            }
            int marker = weights.headMap(number, true).size() - 1;
            if (weights.size() <= buckets) {
                return marker * buckets / weights.size();
            }
            double value = Objects.requireNonNull(weights.floorKey(number));
            double below =
                    weights.headMap(value).values().stream().mapToDouble(weight -> weight).sum() + weight(value) / 2;
            Double next = weights.higherKey(number);
            if (next != null) {
                double gap = (weight(value) + weight(next)) / 2;
                below += gap * (number - value) / (next - value);
            }
            return (int) (below * buckets / total());
        }
    }

    /// Every row of a batch is answered from before the batch; then all are learned, row by row. A model that predicts answers
    /// the same.
    @ParameterizedTest
    @CsvSource({"2, 1", "16, 1", "16, 5"})
    void theBucketIsThatOfAMapOfMarkers(int count, int rows) {
        Buckets buckets = new Buckets(count, rows);
        Reference reference = new Reference(count);
        Random random = new Random(4);
        int[] seen = new int[count + 1];
        for (int step = 0; step < 15_000 / rows; step++) {
            float[] numbers = new float[rows];
            for (int row = 0; row < rows; row++) {
                numbers[row] = random.nextInt(10) == 0 ? MISSING : number(random, step);
            }
            int predicted = buckets.of(numbers[0]);
            int[] chosen = buckets.learn(numbers);
            assertThat(chosen[0]).isEqualTo(predicted);
            for (int row = 0; row < rows; row++) {
                int want = Float.isNaN(numbers[row]) ? count : reference.bucket(numbers[row]);
                assertThat(chosen[row]).as("step %d, %s", step, numbers[row]).isEqualTo(want);
                seen[want]++;
            }
            for (float number : numbers) {
                if (!Float.isNaN(number)) {
                    reference.learn(number);
                }
            }
        }
        assertThat(seen).doesNotContain(0);
    }

    /// Ties, heavy tails, and at last other numbers.
    private static float number(Random random, int step) {
        return switch (random.nextInt(4)) {
            case 0 -> 7f;
            case 1 -> (float) random.nextInt(100);
            default -> (float) ((step > 9_000 ? 50 : 0) + Math.pow(random.nextGaussian(), 5));
        };
    }

    private enum Stream {
        UNIFORM, EXPONENTIAL, CAUCHY, LOG_NORMAL, HUNDREDS, DRIFTING;

        float next(Random random, int row) {
            return (float) switch (this) {
                case UNIFORM -> random.nextDouble();
                case EXPONENTIAL -> -Math.log(1 - random.nextDouble());
                case CAUCHY -> Math.tan(Math.PI * (random.nextDouble() - 0.5));
                case LOG_NORMAL -> Math.exp(3 * random.nextGaussian());
                case HUNDREDS -> random.nextInt(480);
                case DRIFTING -> random.nextGaussian() + row / 100_000.0; // a deviation in 100,000 rows
            };
        }
    }

    /// After 3,000 rows, each 4,000 rows: 250 of a bucket are expected, of which chance alone makes 200 to 300.
    @ParameterizedTest
    @EnumSource(Stream.class)
    void aBucketsShareIsAboutTheSame(Stream stream) {
        Buckets buckets = new Buckets(16, 1);
        Random random = new Random(1);
        int[] seen = new int[17];
        double least = 1;
        double most = 0;
        for (int row = 0; row < 43_000; row++) {
            seen[buckets.learn(stream.next(random, row))[0]]++;
            if (row >= 3_000 && (row - 3_000) % 4_000 == 3_999 || row == 2_999) {
                if (row > 3_000) {
                    least = Math.min(least, Arrays.stream(seen, 0, 16).min().orElseThrow() / 250.0);
                    most = Math.max(most, Arrays.stream(seen, 0, 16).max().orElseThrow() / 250.0);
                }
                Arrays.fill(seen, 0);
            }
        }
        assertThat(least).isGreaterThan(0.6);
        assertThat(most).isLessThan(1.5);
    }

    /// Even the first hundred have no bucket with more than a quarter.
    @ParameterizedTest
    @EnumSource(Stream.class)
    void theFirstRowsHaveSaneBuckets(Stream stream) {
        for (int seed = 1; seed <= 20; seed++) {
            Buckets buckets = new Buckets(16, 1);
            Random random = new Random(seed);
            int[] seen = new int[17];
            for (int row = 0; row < 100; row++) {
                seen[buckets.learn(stream.next(random, row))[0]]++;
            }
            assertThat(Arrays.stream(seen).max().orElseThrow()).isLessThan(25);
        }
    }

    @Test
    void whatChangedForGoodHasItsBucketsAfterTenThousandsOfRows() {
        Buckets buckets = new Buckets(16, 1);
        Random random = new Random(1);
        int[] seen = new int[17];
        for (int row = 0; row < 60_000; row++) {
            int bucket = buckets.learn((float) (random.nextGaussian() * 1e6 + 1e9))[0];
            seen[row >= 50_000 ? bucket : 16]++;
        }
        assertThat(Arrays.stream(seen, 0, 16)).allMatch(count -> count > 400 && count < 900);
        Arrays.fill(seen, 0);
        for (int row = 0; row < 60_000; row++) {
            int bucket = buckets.learn((float) (random.nextGaussian() - 5))[0];
            seen[row >= 50_000 ? bucket : 16]++;
        }
        assertThat(Arrays.stream(seen, 0, 16)).allMatch(count -> count > 400 && count < 900);
    }

    /// Each has a bucket of its own, and keeps it.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 12, 16})
    void fewDistinctNumbersDontShareBuckets(int distinct) {
        Buckets buckets = new Buckets(16, 1);
        Random random = new Random(2);
        Map<Float, Integer> first = new HashMap<>();
        for (int row = 0; row < 20_000; row++) {
            float number = (float) Math.min(random.nextInt(distinct), random.nextInt(distinct)); // with shares of their own
            int bucket = buckets.learn(number)[0];
            if (row >= 500) {
                assertThat(bucket).isEqualTo(first.computeIfAbsent(number, _ -> bucket));
            }
        }
        assertThat(first.values()).hasSize(distinct).doesNotHaveDuplicates();
    }

    /// By powers of two exactly; else but for what rounding to floats puts on the other side of a bound.
    @ParameterizedTest
    @CsvSource({"0x1p20, 0", "0x1p-20, 0", "1e6, 20", "1e-6, 20"})
    void otherUnitsChangeNoBucket(float unit, int others) {
        Buckets buckets = new Buckets(16, 1);
        Buckets inUnits = new Buckets(16, 1);
        Random random = new Random(7);
        int different = 0;
        for (int row = 0; row < 20_000; row++) {
            float number = (float) Math.pow(random.nextGaussian(), 3);
            different += buckets.learn(number)[0] == inUnits.learn(number * unit)[0] ? 0 : 1;
        }
        assertThat(different).isLessThanOrEqualTo(others);
    }

    @Test
    void aMissingNumberHasARowOfItsOwnAndTeachesNoBound() {
        Buckets buckets = new Buckets(4, 3);
        buckets.learn(1f, 2f, 3f);
        double[] before = buckets.parameters.statistics("statistics").clone();

        assertThat(buckets.learn(MISSING, MISSING)).containsOnly(4);
        assertThat(buckets.parameters.statistics("statistics")).isEqualTo(before);
        assertThat(buckets.learn(MISSING, 2f)).containsExactly(4, 1);
        assertThat(buckets.parameters.statistics("statistics")).isNotEqualTo(before);
    }

    private static NetworkSpec learning(Update update, Clipping clipping) {
        return spec(new Sequence(new Concat(new Quantiles(0, 0, 8, 3, update), new Numbers(0, 1)), new Dense(3),
                new Dense(1)), clipping);
    }

    private static List<float[]> batches(int count, int rows, Random random) {
        List<float[]> batches = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            float[] numbers = new float[rows];
            for (int row = 0; row < rows; row++) {
                numbers[row] = random.nextInt(8) == 0 ? MISSING : random.nextInt(40) / 10f;
            }
            batches.add(numbers);
        }
        return batches;
    }

    private static Parameters learned(NetworkSpec spec, int count) {
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Batch batch = new Batch(spec.row(), 6);
        try (Workers workers = EagerWorkers.of(count)) {
            Learner learner = new Learner(parameters, KERNELS, 6, workers);
            for (float[] numbers : batches(30, 6, new Random(5))) {
                fill(batch, numbers);
                assertThat(learner.learn(batch)).isFinite();
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
        Batch batch = new Batch(parameters.plan().spec().row(), 6);
        fill(batch, 0.1f, 0.1f, 3.95f, MISSING, 1.77f, 2.3f);
        Gradients gradients = new Gradients(parameters, KERNELS, 6);
        DoubleNetwork oracle = new DoubleNetwork(parameters, batch);

        assertThat(gradients.ofLoss(batch)).isCloseTo(oracle.batchLoss(), within(1e-4));
        float[] found = gradients.of("0.0.weight");
        double[] table = Objects.requireNonNull(oracle.weights.get("0.0.weight"));
        for (int i = 0; i < found.length; i++) {
            double want = oracle.gradient(table, i);
            assertThat((double) found[i]).as("weight %d", i).isCloseTo(want, within(2e-4 * (1 + Math.abs(want))));
        }
    }

    /// Of the table, and of the state of its optimizer; the bounds change with every row.
    @Test
    void onlyTheChosenRowsOfTheTableChange() {
        Parameters parameters = learned(learning(Update.TOUCHED, new Clipping.None()), 1);
        float[] before = parameters.weights("0.0.weight").clone();
        Batch batch = new Batch(parameters.plan().spec().row(), 2);
        fill(batch, MISSING, -1f);
        new Learner(parameters, KERNELS, 2).learn(batch);

        float[] now = parameters.weights("0.0.weight");
        List<Integer> changed = IntStream.range(0, 9)
                .filter(row -> !Arrays.equals(before, row * 3, row * 3 + 3, now, row * 3, row * 3 + 3)).boxed()
                .toList();
        assertThat(changed).containsExactly(0, 8);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsRefusedJudgedOrPredictedTeachesNothing(boolean clipped) {
        NetworkSpec spec = learning(Update.TOUCHED, clipped ? new Clipping.GlobalNorm(1) : new Clipping.None());
        Parameters parameters = learned(spec, 1);
        byte[][] before = pages(parameters);
        Learner learner = new Learner(parameters, KERNELS, 1);
        Batch batch = new Batch(spec.row(), 1);
        fill(batch, 2.2f);

        learner.judge(batch);
        learner.judgeGradient(batch);
        new Predictor(parameters.plan(), KERNELS, 1).predict(parameters, batch, new float[1]);
        batch.labels[0] = Float.NaN;
        assertThat(learner.learn(batch)).isNaN();
        if (!clipped) {
            // Found in the backward pass: its loss is finite, but no optimizer could square its gradients, were its slope 1.
            batch.numbers[0] = 1e22f;
            float[] predicted = new float[1];
            new Predictor(parameters.plan(), KERNELS, 1).predict(parameters, batch, predicted);
            batch.labels[0] = Math.nextUp(predicted[0]);
            assertThat(learner.learn(batch)).isNaN();
        }
        batch.labels[0] = 0;
        batch.numbers[0] = Float.NaN;
        assertThat(learner.learn(batch)).isNaN();

        assertThat(pages(parameters)).isDeepEqualTo(before);
    }

    /// Even where no output shows it.
    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
    void aNumberThatIsNotFiniteIsRefused(float number) {
        Buckets buckets = new Buckets(4, 1);
        Batch batch = new Batch(buckets.parameters.plan().spec().row(), 1);
        fill(batch, 1f);
        batch.numbers[0] = number;

        assertThat(new Learner(buckets.parameters, KERNELS, 1).learn(batch)).isNaN();
        assertThat(buckets.parameters.statistics("statistics")).containsOnly(0);
    }

    @Test
    void whatDoesNotFitARowIsRefused() {
        assertRefused(new Quantiles(1, 0, 4, 1, Update.TOUCHED),
                "expected a number within the row's 1; found number 1");
        assertRefused(new Quantiles(-1, 0, 4, 1, Update.TOUCHED), "found number -1");
        assertRefused(new Quantiles(0, 1, 4, 1, Update.TOUCHED), "ids 1 to 1");
        assertRefused(new Quantiles(0, 0, 1, 1, Update.TOUCHED),
                "expected 2 to 256 buckets of a dimension of at least 1; found 1 of 1");
        assertRefused(new Quantiles(0, 0, 257, 1, Update.TOUCHED), "found 257 of 1");
        assertRefused(new Quantiles(0, 0, 4, 0, Update.TOUCHED), "found 4 of 0");
    }

    private static void assertRefused(Layer layer, String message) {
        assertThatThrownBy(() -> Plan.of(spec(layer, new Clipping.None()))).isInstanceOf(ShapeException.class)
                .hasMessageContaining(message);
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
