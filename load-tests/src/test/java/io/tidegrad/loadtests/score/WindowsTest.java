package io.tidegrad.loadtests.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class WindowsTest {
    private static OpenLoop.Latencies window(long slowest) {
        OpenLoop.Latencies window = new OpenLoop.Latencies();
        for (int call = 0; call < 98; call++) {
            window.whole().recordValue(100);
        }
        window.whole().recordValueWithCount(slowest, 2);
        return window;
    }

    @Test
    void oneWindowThatStoodStillDoesNotDecide() {
        Windows windows = new Windows();
        windows.add(window(1_000));
        windows.add(window(4_000_000));
        windows.add(window(1_200));
        assertThat(windows.median(99)).isCloseTo(1_200, within(1.2));
        assertThat(windows.median(50)).isEqualTo(100);
        assertThat(windows.all().whole().getTotalCount()).isEqualTo(300);
        assertThat((double) windows.all().whole().getMaxValue()).isCloseTo(4_000_000, within(4e3));
    }

    @Test
    void ofTwoWindowsItIsTheirMeanAndOfNoneNoNumber() {
        Windows windows = new Windows();
        assertThat(windows.median(99)).isNaN();
        windows.add(window(1_000));
        windows.add(window(2_000));
        assertThat(windows.median(99)).isCloseTo(1_500, within(2.0));
    }
}
