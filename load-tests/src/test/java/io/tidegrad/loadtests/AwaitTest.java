package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class AwaitTest {
    @Test
    void aCountThatRisesMayTakeLongerThanItMayStandStill() throws Exception {
        Duration standstill = Duration.ofMillis(500);
        long began = System.nanoTime();
        long reached = Await.reached("steps", 1_200, standstill, () -> (System.nanoTime() - began) / 1_000_000);
        assertThat(reached).isGreaterThanOrEqualTo(1_200);
    }

    @Test
    void aCountThatStandsStillEndsTheWait() {
        assertThatThrownBy(() -> Await.reached("steps", 10, Duration.ofMillis(50), () -> 4L))
                .hasMessage("expected steps (10) to come nearer within 0 s, found 4");
    }
}
