package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.random.CounterRandom;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.ByteBuffer;
import java.util.Map;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LearningRateSweepTest {
    /// Of the loss (w x - y)² at x = ±3: its second derivative h is 2 x² = 18, and gradient descent diverges above 2 /
    /// h.
    private static final double DIVERGES_ABOVE = 2.0 / 18;

    /// With noise of variance σ² in y, steps on single rows keep the loss at σ² (1 + rate h / (2 - rate h)): four times
    /// its least from here on.
    private static final double FOURFOLD_FROM = 1.5 / 18;

    private static final LearningRateSweep.Range RANGE = new LearningRateSweep.Range(1e-6, 10, 10_000);

    private static ModelSpec spec(String optimizer, int miniBatch) {
        return ModelSpec.parse("""
                model: line
                input: { topic: points }
                label: { field: y }
                features: [ number: { field: x } ]
                network: [ dense: { units: 1, bias: false } ]
                loss: mean-squared-error
                optimizer: { %s }
                mini-batch: { size: %d }
                """.formatted(optimizer, miniBatch), "test spec");
    }

    /// y = 2 x and noise: a point's number is its bytes.
    private static MapEvent point(byte[] number) {
        int i = ByteBuffer.wrap(number).getInt();
        float x = i % 2 == 0 ? 3 : -3;
        return new MapEvent(Map.of("x", x, "y", 2 * x + CounterRandom.normal(1, 0, 0, i)));
    }

    private static RateCurve run(ModelSpec spec, LearningRateSweep.Range range, int points) {
        LearningRateSweep test = new LearningRateSweep(spec, LearningRateSweepTest::point, Kernels.active(), range);
        for (int i = 0; i < points; i++) {
            byte[] number = ByteBuffer.allocate(4).putInt(i).array();
            if (!test.fold(number, new RecordHeaders())) {
                break;
            }
        }
        return test.curve();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 8})
    void aQuadraticDivergesWhereItsCurvatureSaysAndTheSuggestionLiesBelow(int miniBatch) {
        RateCurve curve = run(spec("sgd: { rate: 0.5 }", miniBatch), RANGE, 10_000);

        assertThat(curve.end()).isEqualTo(RateCurve.End.LOSS_ROSE);
        double stop = curve.points().getLast().rate();
        assertThat(stop).isBetween(FOURFOLD_FROM, 2 * DIVERGES_ABOVE);
        double steepest = curve.steepest().orElseThrow();
        double least = curve.least().orElseThrow();
        assertThat(steepest).isPositive().isLessThan(least);
        assertThat(least).isLessThan(DIVERGES_ABOVE);
        assertThat(curve.tenthOfLeast().orElseThrow()).isEqualTo(least / 10);
        assertThat(curve.suggestion().orElseThrow()).isEqualTo(Math.min(steepest, least / 10))
                .isLessThan(DIVERGES_ABOVE / 5);
    }

    @Test
    void theRateOfTheSpecAndItsScheduleDontMatter() {
        RateCurve curve = run(spec("sgd: { rate: 0.5 }", 1), RANGE, 10_000);
        assertThat(run(spec("sgd: { rate: 0.001 }", 1), RANGE, 10_000)).isEqualTo(curve);
    }

    @Test
    void theSameStreamGivesTheSameCurve() {
        ModelSpec spec = spec("adam: {}", 4);
        assertThat(run(spec, RANGE, 10_000)).isEqualTo(run(spec, RANGE, 10_000));
    }

    @Test
    void ratesRiseByOneFactorFromTheFirstToTheLast() {
        RateCurve curve = run(spec("sgd: { rate: 1 }", 1), new LearningRateSweep.Range(1e-6, 1e-2, 5_000), 5_000);
        assertThat(curve.end()).isEqualTo(RateCurve.End.AT_THE_LAST_RATE);
        assertThat(curve.updates()).isEqualTo(5_000);
        assertThat(curve.points().getLast().rate()).isCloseTo(1e-2, within(1e-8));
        for (int i = 2; i < curve.points().size() - 1; i++) {
            double factor = curve.points().get(i).rate() / curve.points().get(i - 1).rate();
            double before = curve.points().get(i - 1).rate() / curve.points().get(i - 2).rate();
            assertThat(factor).isCloseTo(before, within(1e-9));
        }
    }

    @Test
    void aStreamThatEndsBeforeTheLastRateIsSaidSo() {
        RateCurve curve = run(spec("sgd: { rate: 1 }", 1), RANGE, 1_000);
        assertThat(curve.end()).isEqualTo(RateCurve.End.OF_THE_STREAM);
        assertThat(curve.events()).isEqualTo(1_000);
    }

    @Test
    void aLossThatNeverFallsGivesNoSuggestion() {
        RateCurve curve = run(spec("sgd: { rate: 1 }", 1), new LearningRateSweep.Range(0.2, 10, 1_000), 1_000);
        assertThat(curve.suggestion()).isEmpty();
    }

    @Test
    void aLossThatIsNoLongerFiniteEndsTheTest() {
        RateCurve curve = run(spec("sgd: { rate: 1 }", 8), new LearningRateSweep.Range(1e30, 1e38, 1_000), 1_000);
        assertThat(curve.end()).isEqualTo(RateCurve.End.NOT_FINITE);
        assertThat(curve.suggestion()).isEmpty();
    }

    @Test
    void ftrlIsRefusedWithWhatToDo() {
        assertThatThrownBy(() -> run(spec("ftrl: { alpha: 0.1 }", 1), RANGE, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("model line: expected an optimizer whose rate can change from update to update, found"
                        + " FtrlProximal, which has one for all updates; compare a few values of its alpha by replay"
                        + " instead");
    }

    @Test
    void tooFewEventsAreRefusedWithHowManyItTakes() {
        assertThatThrownBy(() -> run(spec("sgd: { rate: 1 }", 8), new LearningRateSweep.Range(1e-6, 10, 799), 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("model line: expected at least 100 mini-batches of 8 = 800 events, found 799");
    }
}
