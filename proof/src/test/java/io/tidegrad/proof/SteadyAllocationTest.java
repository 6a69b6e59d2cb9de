package io.tidegrad.proof;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;

class SteadyAllocationTest {
    private static final int CALLS = 200;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final List<LongSupplier> MEASURES =
            List.of(THREADS::getCurrentThreadAllocatedBytes, THREADS::getTotalThreadAllocatedBytes);

    private double kept;

    @Test
    void anObjectInEachCallIsSeen() {
        Object[] kept = new Object[1];
        for (LongSupplier measure : MEASURES) {
            assertThat(SteadyAllocation.least(measure, Duration.ofMillis(500), () -> {
                for (int i = 0; i < CALLS; i++) {
                    kept[0] = Double.valueOf(System.identityHashCode(kept));
                }
            })).isGreaterThanOrEqualTo(16L * CALLS);
        }
    }

    @Test
    void oneObjectInARoundIsSeen() {
        Object[] kept = new Object[1];
        for (LongSupplier measure : MEASURES) {
            assertThat(SteadyAllocation.least(measure, Duration.ofMillis(500), () -> {
                for (int i = 0; i < CALLS; i++) {
                    kept[0] = i == CALLS / 2 ? new Object() : kept[0];
                }
            })).isGreaterThanOrEqualTo(16);
        }
    }

    @Test
    void whatTheCompilerKeepsInRegistersIsNoAllocation() {
        Runnable round = () -> {
            for (int i = 0; i < CALLS; i++) {
                kept += new double[]{i, kept}[0];
            }
        };
        assertThat(SteadyAllocation.ofThisThread(round)).isZero();
        assertThat(SteadyAllocation.ofAllThreads(round)).isZero();
    }
}
