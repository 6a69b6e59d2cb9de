package io.tidegrad.loadtests.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class JoinLoadTest {
    private static JoinLoad.Options options(double rate, int kills, int zombies, boolean brokerKill) {
        return new JoinLoad.Options(10_000, rate, kills, zombies, brokerKill, 1, 0.1, true);
    }

    @Test
    void faultsThatWouldNotComeAreRefused() {
        for (int kills : new int[]{0, 1}) {
            assertThatThrownBy(() -> options(100, kills, 1, false)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("expected --kills 2 at least, found " + kills);
        }
        assertThatThrownBy(() -> options(100, 0, 0, true)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("--no-broker-kill");
        assertThatThrownBy(() -> options(0, 2, 0, false)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("--rate expects 1 to 1,000,000, found 0");
        assertThat(options(100, 0, 0, false).kills()).isZero();
        assertThat(options(100, 2, 2, true).zombies()).isEqualTo(2);
    }

    @Test
    void labelsThatAreReadTooLateAreAViolationAboveABound() {
        assertThat(JoinLoad.tooManyLate("events", 10, 0.1, 0.1)).isNull();
        assertThat(JoinLoad.tooManyLate("events", 2_700, 27, 0.1)).contains("at most 0.1 % of the events",
                "found 2,700, which are 27.000 %");
    }
}
