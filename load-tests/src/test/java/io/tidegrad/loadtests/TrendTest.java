package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

/// The judgement of a soak against series that are made up, as of a process of 200 MB that is looked at every five seconds
/// for fifteen minutes, with 3 MB of noise to either side.
class TrendTest {
    private static final double ALLOWED = 0.1; // MB a minute
    private static final int POINTS = 180;

    /// @param more that is added to the noise, by the minute
    private static Trend trend(long seed, DoubleUnaryOperator more) {
        SplittableRandom random = new SplittableRandom(seed);
        double[] seconds = new double[POINTS];
        double[] values = new double[POINTS];
        for (int i = 0; i < POINTS; i++) {
            seconds[i] = 5.0 * i;
            values[i] = 200 + random.nextDouble(-3, 3) + more.applyAsDouble(seconds[i] / 60);
        }
        return Trend.of(seconds, values);
    }

    @Test
    void noiseAloneDoesNotGrow() {
        for (long seed = 0; seed < 200; seed++) {
            Trend trend = trend(seed, minute -> 0);
            assertThat(trend.grows(ALLOWED)).isFalse();
            assertThat(trend.slope()).isBetween(-0.15, 0.15);
        }
    }

    @Test
    void aLeakOfAMegabyteAMinuteIsFound() {
        for (long seed = 0; seed < 200; seed++) {
            Trend trend = trend(seed, minute -> minute);
            assertThat(trend.grows(ALLOWED)).isTrue();
            assertThat(trend.slope()).isBetween(0.85, 1.15);
        }
    }

    /// Half of these slopes are found above the bound, by chance.
    @Test
    void whatMayBeWithinTheBoundIsNotTakenForGrowth() {
        int found = 0;
        for (long seed = 0; seed < 400; seed++) {
            found += trend(seed, minute -> ALLOWED * minute).grows(ALLOWED) ? 1 : 0;
        }
        assertThat(found).isLessThan(12);
    }

    @Test
    void theRangeHasTheSlopeNineteenTimesOutOfTwenty() {
        int inside = 0;
        for (long seed = 0; seed < 1_000; seed++) {
            Trend trend = trend(seed, minute -> 0.3 * minute);
            inside += trend.least() <= 0.3 && 0.3 <= trend.most() ? 1 : 0;
        }
        assertThat(inside).isBetween(925, 975);
    }

    @Test
    void oneStepIsNoLeakButAStairIs() {
        for (double at : new double[]{2, 7.5, 13}) {
            assertThat(trend(1, minute -> minute > at ? 20 : 0).grows(ALLOWED)).as("a step at %s", at).isFalse();
        }
        assertThat(trend(1, minute -> 5 * Math.floor(minute / 3)).grows(ALLOWED)).isTrue();
    }

    @Test
    void aSpikeAndASeriesThatFallsAreNoGrowth() {
        assertThat(trend(1, minute -> minute > 14.8 ? 500 : 0).grows(ALLOWED)).isFalse();
        assertThat(trend(1, minute -> -minute).grows(ALLOWED)).isFalse();
    }

    /// The slopes of all pairs are -1, 0.5, 2, 2, 2 and 5 a second.
    @Test
    void theSlopeIsTheMedianOfAllPairs() {
        Trend trend = Trend.of(new double[]{0, 1, 2, 3}, new double[]{0, 2, 1, 6});
        assertThat(trend.slope()).isCloseTo(120, within(1e-9));
        assertThat(trend.least()).isCloseTo(-60, within(1e-9));
        assertThat(trend.most()).isCloseTo(300, within(1e-9));
    }

    @Test
    void threePointsSayNothing() {
        Trend trend = Trend.of(new double[]{0, 1, 2}, new double[]{0, 100, 200});
        assertThat(trend.slope()).isNaN();
        assertThat(trend.grows(0)).isFalse();
    }
}
