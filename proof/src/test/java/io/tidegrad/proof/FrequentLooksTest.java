package io.tidegrad.proof;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class FrequentLooksTest {
    @Test
    void aWaitIsLongerThanNeededByATwentiethAndTwentyMillisecondsAtMost() {
        Duration waited = Duration.ZERO;
        Duration next = Duration.ZERO;
        for (int look = 0; look < 1_000; look++) {
            next = FrequentLooks.next(next);
            assertThat(next).isBetween(Duration.ofMillis(20), Duration.ofMillis(20).plus(waited.dividedBy(20)));
            waited = waited.plus(next);
        }
        assertThat(next).isEqualTo(Duration.ofMillis(100));
    }
}
