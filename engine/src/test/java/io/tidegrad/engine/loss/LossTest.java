package io.tidegrad.engine.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.testing.DoubleLoss;
import io.tidegrad.engine.testing.Families;
import io.tidegrad.engine.testing.RandomLosses;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every loss with every option over rows of one line and of more, against the definitions in doubles. The parameter is
/// the seed.
class LossTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final int SEEDS = 300;
    private static final float PADDING = 77;

    static IntStream seeds() {
        return IntStream.range(0, SEEDS);
    }

    /// A random loss with random rows, which lie somewhere in a larger array.
    private static final class Case {
        final Loss loss;
        final Reduction reduction;
        final int rows;
        final int lines;
        final int width;
        final int at;
        final int stride;
        final float[] y;
        final float[] labels;
        final float[] sampleWeights;
        final BatchLoss batchLoss;

        Case(int seed) {
            Random random = new Random(seed * 0x9E3779B97F4A7C15L);
            RandomLosses losses = new RandomLosses(random);
            rows = 1 + random.nextInt(4);
            lines = random.nextBoolean() ? 1 : 1 + random.nextInt(5);
            width = 1 + random.nextInt(5);
            loss = losses.draw(lines, width);
            reduction = losses.reduction();
            at = random.nextInt(3);
            stride = width + random.nextInt(4);
            y = new float[at + rows * lines * stride];
            Arrays.fill(y, PADDING);
            labels = new float[rows * loss.labels(lines, width)];
            sampleWeights = new float[rows];
            for (int row = 0; row < rows; row++) {
                losses.labels(loss, lines, width, labels, row * loss.labels(lines, width));
                sampleWeights[row] = random.nextInt(4) == 0 ? 0 : 3 * random.nextFloat();
            }
            boolean positive = RandomLosses.readsPositives(loss);
            for (int i = 0; i < rows * lines * width; i++) {
                y[place(i)] = positive ? 0.05f + random.nextFloat() : 2 * (float) random.nextGaussian();
            }
            batchLoss = new BatchLoss(loss, reduction, rows + 1, lines, width);
        }

        /// Where element number i of (rows, lines, width) lies.
        int place(int i) {
            return at + i / width * stride + i % width;
        }

        double compare() {
            batchLoss.compare(KERNELS, rows, y, at, stride, labels);
            return batchLoss.reduce(rows, sampleWeights);
        }

        double[] tight() {
            return IntStream.range(0, rows * lines * width).mapToDouble(i -> y[place(i)]).toArray();
        }

        DoubleLoss oracle() {
            return new DoubleLoss(loss, reduction, lines, width);
        }

        double oracle(double[] z) {
            double[] p = DoubleLoss.predict(loss.link(), z, width);
            return oracle().of(p, labels, sampleWeights);
        }

        @Override
        public String toString() {
            return loss + ", " + reduction + ", " + rows + " x " + lines + " x " + width;
        }
    }

    private static Offset<Double> within(double want) {
        return Offset.offset(2e-6 + 2e-5 * Math.abs(want));
    }

    @Test
    void everyLossIsDrawnWithOneLineAndWithMore() {
        for (boolean one : new boolean[]{true, false}) {
            Set<Class<?>> seen = new HashSet<>();
            seeds().mapToObj(Case::new).filter(drawn -> (drawn.lines == 1) == one)
                    .forEach(drawn -> seen.add(drawn.loss.getClass()));
            seen.add(FakeNegativeWeighted.class); // not the gradient of a loss: FakeNegativeWeightedTest has it
            assertThat(Families.members(Loss.class)).allMatch(seen::contains);
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void aBatchsLossAndEachRowsAreWhatTheDefinitionsSay(int seed) {
        Case drawn = new Case(seed);
        double[] p = DoubleLoss.predict(drawn.loss.link(), drawn.tight(), drawn.width);

        double loss = drawn.compare();

        assertThat(loss).as("%s", drawn).isCloseTo(drawn.oracle(drawn.tight()), within(loss));
        for (int row = 0; row < drawn.rows; row++) {
            double want = drawn.oracle().ofRow(p, drawn.labels, row);
            assertThat((double) drawn.batchLoss.rowLosses()[row]).as("%s, row %d", drawn, row).isCloseTo(want,
                    within(want));
        }
        for (int i = 0; i < p.length; i++) {
            assertThat((double) drawn.batchLoss.predictions()[i]).isCloseTo(p[i], within(p[i]));
        }
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void gradientsAgreeWithCentralDifferencesInDoubles(int seed) {
        Case drawn = new Case(seed);
        drawn.compare();
        float[] dy = new float[drawn.y.length];
        Arrays.fill(dy, PADDING);

        drawn.batchLoss.gradient(drawn.rows, drawn.labels, drawn.sampleWeights, dy, drawn.at, drawn.stride);

        double[] z = drawn.tight();
        float[] padding = dy.clone();
        for (int i = 0; i < z.length; i++) {
            double want = centralDifference(drawn, z, i);
            if (!Double.isNaN(want)) {
                double got = (double) dy[drawn.place(i)] * drawn.batchLoss.scale();
                assertThat(got).as("%s, element %d", drawn, i).isCloseTo(want, within(want));
            }
            padding[drawn.place(i)] = PADDING;
        }
        assertThat(padding).containsOnly(PADDING);
    }

    /// NaN on a kink.
    private static double centralDifference(Case drawn, double[] z, int i) {
        double h = 1e-6;
        double at = z[i];
        double middle = drawn.oracle(z);
        z[i] = at + h;
        double above = drawn.oracle(z);
        z[i] = at - h;
        double below = drawn.oracle(z);
        z[i] = at;
        boolean kink = Math.abs(above - 2 * middle + below) / h > 1e-3 * (1 + Math.abs(middle));
        return kink ? Double.NaN : (above - below) / (2 * h);
    }

    @Test
    void slopesOnKinksAreThoseInTheMiddle() {
        assertThat(new MeanAbsoluteError().slope(2, 2, 0)).isZero();
        assertThat(new Hinge().slope(1, 1, 0)).isZero();
        assertThat(new Hinge().slope(-1, -1, 0)).isZero();
        assertThat(new Quantile(List.of(0.5)).slope(2, 2, 0)).isZero();
        assertThat(new Quantile(List.of(0.9)).slope(2, 2, 0)).isEqualTo(-0.4f);
        assertThat(new Huber(1).slope(3, 2, 0)).isEqualTo(1);
    }

    private static double loss(Loss loss, int lines, float[] y, float... labels) {
        int width = y.length / lines;
        BatchLoss batchLoss = new BatchLoss(loss, Reduction.MEAN, 1, lines, width);
        batchLoss.compare(KERNELS, 1, y, 0, width, labels);
        return batchLoss.reduce(1, new float[]{1});
    }

    @Test
    void aLabelThatIsNoneMakesTheLossNaN() {
        float[] one = {0.5f};
        float[] two = {0.5f, -0.25f};
        assertThat(loss(new BinaryCrossEntropy(), 1, one, 1.5f)).isNaN();
        assertThat(loss(new Hinge(), 1, one, 0)).isNaN();
        assertThat(loss(new Poisson(), 1, one, -1)).isNaN();
        for (float label : new float[]{-1, 2, 0.5f, Float.NaN, 1e20f}) {
            assertThat(loss(new CategoricalCrossEntropy(false), 1, two, label)).isNaN();
        }
        // CTC: no class, the blank, lengths that are none, more lines than there are.
        Ctc ctc = new Ctc(0, 1, true, true);
        assertThat(loss(ctc, 1, two, 1, 1, 1)).isFinite();
        assertThat(loss(ctc, 1, two, 2, 1, 1)).isNaN();
        assertThat(loss(ctc, 1, two, 0, 1, 1)).isNaN();
        assertThat(loss(ctc, 1, two, 1, 2, 1)).isNaN();
        assertThat(loss(ctc, 1, two, 1, 0.5f, 1)).isNaN();
        assertThat(loss(ctc, 1, two, 1, 1, 2)).isNaN();
        assertThat(loss(ctc, 1, two, 1, 1, -1)).isNaN();
        // What lies beyond the label's length is not looked at.
        assertThat(loss(ctc, 1, two, 99, 0, 1)).isFinite();
    }

    @Test
    void aLabelThatItsLinesCannotSpellIsInfinitelyUnlikely() {
        float[] y = {1, 2, 3, 1, 2, 3};
        // Equals need a blank between them: three lines.
        float[] twice = {1, 1, 2, 2};
        assertThat(loss(new Ctc(0, 2, true, false), 2, y, twice)).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(loss(new Ctc(0, 2, true, true), 2, y, twice)).isZero();
        assertThat(loss(new Ctc(0, 2, true, false), 2, y, 1, 2, 2, 2)).isFinite();
        assertThat(loss(new Ctc(0, 2, true, false), 2, y, 1, 2, 1, 0)).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(loss(new Ctc(0, 2, true, false), 2, y, 1, 2, 0, 0)).isZero();
    }

    /// A path a thousand times less likely than a double can tell from 0.
    @Test
    void ctcOfVeryUnlikelyLabelsStaysFinite() {
        int lines = 40;
        float[] y = new float[lines * 2];
        float[] labels = new float[lines + 2];
        for (int t = 0; t < lines; t++) {
            y[2 * t] = 80;
            labels[t] = 1;
        }
        labels[lines] = lines / 2;
        labels[lines + 1] = lines;
        // 20 labels, each e^-80, with 19 blanks that keep them apart and one to spare.
        assertThat(loss(new Ctc(0, lines, false, false), lines, y, labels)).isCloseTo(20 * 80 - Math.log(21),
                Offset.offset(0.01));
    }

    @Test
    void aProbabilityOfZeroForWhatHappenedIsNotClipped() {
        Loss loss = new CategoricalCrossEntropy(false, false, 0, List.of(), null);
        assertThat(loss(loss, 1, new float[]{1, 0}, 1)).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(loss(loss, 1, new float[]{1, 0}, 0)).isZero();
    }

    @Test
    void whereNothingCountsTheLossIsZeroAndSoIsTheGradient() {
        Loss ignoring = new CategoricalCrossEntropy(false, true, 0.1, List.of(), 0);
        for (Reduction reduction : new Reduction[]{Reduction.MEAN, Reduction.WEIGHTED_MEAN}) {
            BatchLoss loss = new BatchLoss(ignoring, reduction, 2, 1, 2);
            loss.compare(KERNELS, 2, new float[]{1, 2, 3, 4}, 0, 2, new float[2]);
            assertThat(loss.reduce(2, new float[]{1, 1})).isZero();
            assertThat(loss.isEmpty()).isTrue();
            assertThat(loss.scale()).isZero();
        }
        BatchLoss weighted = new BatchLoss(new MeanSquaredError(), Reduction.WEIGHTED_MEAN, 2, 1, 1);
        weighted.compare(KERNELS, 2, new float[]{1, 2}, 0, 1, new float[2]);
        assertThat(weighted.reduce(2, new float[2])).isZero();
        assertThat(weighted.isEmpty()).isTrue();
        weighted.compare(KERNELS, 2, new float[]{1, Float.NaN}, 0, 1, new float[2]);
        assertThat(weighted.reduce(2, new float[2])).isNaN();
    }

    @Test
    void optionsThatMakeNoSenseAreRefused() {
        refused(() -> new Huber(0), "delta: expected a number above 0, found 0.0");
        refused(() -> new Poisson(false, -1), "epsilon: expected a number from 0 on, found -1.0");
        refused(() -> new Quantile(List.of(0.5, 1.0)),
                "quantiles: expected numbers between 0 and 1, at least one, found [0.5, 1.0]");
        refused(() -> new BinaryCrossEntropy(List.of(-1.0)),
                "positive weights: expected numbers from 0 on, found [-1.0]");
        refused(() -> new CategoricalCrossEntropy(false, true, 1, List.of(), null),
                "label smoothing: expected a number from 0 to below 1, found 1.0");
        refused(() -> new CategoricalCrossEntropy(false, true, 0, List.of(1.0, 0.0), null),
                "class weights: expected numbers above 0, found [1.0, 0.0]");
        refused(() -> new CategoricalCrossEntropy(true, true, 0, List.of(), 1),
                "class weights and an ignored index are for labels that are class indices,"
                        + " found labels that are probabilities");
        refused(() -> new Ctc(-1, 1, true, false), "blank: expected a class, found -1");
        refused(() -> new Ctc(0, 0, true, false), "labels: expected room for at least 1 in a row, found 0");
    }

    @Test
    void widthsThatDoNotFitAreRefused() {
        refused(() -> bind(new Quantile(List.of(0.1, 0.9)), 3),
                "expected an output of the network for each of 2 quantile(s), found 3");
        refused(() -> bind(new BinaryCrossEntropy(List.of(1.0, 2.0)), 3),
                "expected as many outputs of the network as positive weights, 2, found 3");
        refused(() -> bind(new CategoricalCrossEntropy(false, true, 0, List.of(1.0, 2.0), null), 3),
                "expected as many outputs of the network as class weights, 2, found 3");
        refused(() -> bind(new Ctc(3, 1, true, false), 3), "expected at least 4 outputs of the network, found 3");
    }

    private static void bind(Loss loss, int width) {
        new BatchLoss(loss, Reduction.MEAN, 1, 1, width);
    }

    private static void refused(ThrowingCallable mistake, String message) {
        assertThatThrownBy(mistake).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
    }
}
