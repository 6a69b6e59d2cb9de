package io.tidegrad.cli.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PaceTest {
    private static final long SECOND = 1_000_000_000L;

    @Test
    void theRateRisesForEightSecondsAndIsSteadyThen() {
        Pace pace = new Pace(1_000);
        assertThat(pace.due(0, 10_000)).isEqualTo(1);
        // 1,000 events/s · 8 s / 4 · (2 s / 8 s)^4
        assertThat(pace.due(2 * SECOND, 10_000)).isEqualTo(8);
        assertThat(pace.due(8 * SECOND + 1, 10_000)).isEqualTo(2_001);
        assertThat(pace.due(8 * SECOND + SECOND / 1_000 + 1, 10_000)).isEqualTo(2_002);
        assertThat(pace.due(10 * SECOND + 1, 10_000)).isEqualTo(4_001);
    }

    @Test
    void whoeverWasHeldUpCatchesUpButNeverPastTheEnd() {
        Pace pace = new Pace(1_000);
        assertThat(pace.due(12 * SECOND + 1, 10_000)).isEqualTo(6_001);
        assertThat(pace.due(60 * SECOND, 10_000)).isEqualTo(10_000);
    }

    @ParameterizedTest
    @ValueSource(doubles = {0.3, 1, 7, 1_000, 10_000, 123_456.7})
    void anEventIsDueWhenItIsSaidToBe(double rate) {
        Pace pace = new Pace(rate);
        for (long index : new long[]{0, 1, 2, 10, 9_999, 250_000}) {
            assertThat(pace.due(pace.dueAt(index) + 10_000, Long.MAX_VALUE)).isGreaterThan(index);
            assertThat(pace.due(Math.max(0, pace.dueAt(index) - 10_000), Long.MAX_VALUE))
                    .isLessThanOrEqualTo(index + 1);
        }
    }

    @Test
    void maxMeansAllAtOnce() {
        assertThat(Pace.parse("max").due(0, 300_000)).isEqualTo(300_000);
        assertThat(Pace.parse("max").dueAt(299_999)).isZero();
        assertThat(Pace.parse("2500").due(10 * SECOND + 1, 300_000)).isEqualTo(10_001);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-5", "fast", "", "Infinity", "NaN"})
    void whatIsNoRateIsRefused(String rate) {
        assertThatThrownBy(() -> Pace.parse(rate)).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("expected a number of events/s above 0, or max, found '" + rate + "'");
    }
}
