package io.tidegrad.proof;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.ByteArrayOutputStream;
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
            assertThat(SteadyAllocation.bytes(measure, CALLS, Duration.ofMillis(500), () -> {
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
            assertThat(SteadyAllocation.bytes(measure, CALLS, Duration.ofMillis(500), () -> {
                for (int i = 0; i < CALLS; i++) {
                    kept[0] = i == CALLS / 2 ? new Object() : kept[0];
                }
            })).isGreaterThanOrEqualTo(16);
        }
    }

    @Test
    void anArrayOnceInTenRoundsIsSeen() {
        Object[] kept = new Object[1];
        int[] rounds = new int[1];
        for (LongSupplier measure : MEASURES) {
            assertThat(SteadyAllocation.bytes(measure, CALLS, Duration.ofMillis(500), () -> {
                if (rounds[0]++ % 10 == 0) {
                    kept[0] = new byte[20 * CALLS];
                }
            })).isGreaterThanOrEqualTo(CALLS);
        }
    }

    @Test
    void aBufferThatDoublesIsSeen() {
        for (LongSupplier measure : MEASURES) {
            ByteArrayOutputStream buffer = new ByteArrayOutputStream();
            byte[] four = new byte[4];
            assertThat(SteadyAllocation.bytes(measure, CALLS, Duration.ofMillis(20), () -> {
                for (int i = 0; i < CALLS; i++) {
                    buffer.write(four, 0, four.length);
                }
            })).isGreaterThanOrEqualTo(CALLS);
        }
    }

    @Test
    void whatIsAllocatedOnceAndNotAgainIsNotCounted() {
        Object[] kept = new Object[1];
        int[] rounds = new int[1];
        assertThat(SteadyAllocation.ofThisThread(CALLS, () -> {
            if (rounds[0]++ == 20) {
                kept[0] = new byte[1_000 * CALLS];
            }
        })).isZero();
        assertThat(rounds[0]).isGreaterThan(1_000);
    }

    @Test
    void whatTheCompilerKeepsInRegistersIsNoAllocation() {
        Runnable round = () -> {
            for (int i = 0; i < CALLS; i++) {
                kept += new double[]{i, kept}[0];
            }
        };
        assertThat(SteadyAllocation.ofThisThread(CALLS, round)).isZero();
        assertThat(SteadyAllocation.ofAllThreads(CALLS, round)).isZero();
    }
}
