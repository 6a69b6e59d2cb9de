package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MonotonicTimeTest {
    private long wall = 1_795_773_675_000L;
    private long nanos = -5;

    @Test
    void itBeginsWithTheWallClockAndGoesOnWhateverThatIsSetTo() {
        MonotonicTime time = new MonotonicTime(() -> wall, () -> nanos);
        assertThat(time.milliseconds()).isEqualTo(1_795_773_675_000L);
        wall -= 1_800_000;
        nanos += 250_000_000;
        assertThat(time.milliseconds()).isEqualTo(1_795_773_675_250L);
        wall += 7_200_000;
        nanos += 1_000_000;
        assertThat(time.milliseconds()).isEqualTo(1_795_773_675_251L);
    }

    @Test
    void aTimerOfItRunsOutAlthoughTheWallClockWasSetBack() {
        MonotonicTime time = new MonotonicTime(() -> wall, () -> nanos);
        var timer = time.timer(100);
        wall -= 1_800_000;
        nanos += 100_000_000;
        timer.update();
        assertThat(timer.isExpired()).isTrue();
    }
}
