package io.tidegrad.loadtests.bench;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/// Measures work that is done again and again in this JVM: until its speed is stable, then in a window. Made before the
/// work's memory is allocated. For a true warm-up, one measurement a JVM.
public final class Meter {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private static final long SLICE_NANOS = 20_000_000;

    /// Without a gain of 5 %, because C2 compiles in the background. It is CPU time of the thread that works: on a busy machine
    /// the compiler's threads are as late as this one.
    private static final long STABLE_NANOS = 1_000_000_000L;

    /// Of the same time.
    private static final long WARM_UP_NANOS_MAX = 60_000_000_000L;

    private final long cpuAtOpening = PROCESS.getProcessCpuTime();

    /// Work, so many steps of it.
    @FunctionalInterface
    public interface Steps {
        void run(int steps);
    }

    /// What came out of a window.
    ///
    /// @param examplesPerCpuSecond of CPU time of the whole process
    /// @param examplesPerWallSecond by the clock
    /// @param warmUpCpuSeconds see `Measurement.Metric.WARMUP_CPU_S`
    /// @param bytesAStep see `Measurement.Metric.BYTES_ALLOCATED_PER_STEP`
    public record Window(double examplesPerCpuSecond, double examplesPerWallSecond, double warmUpCpuSeconds,
            double bytesAStep) {
        /// Adds the lines that every measurement begins with.
        public Measurement.Lines to(Measurement.Lines lines) {
            return lines.add(Measurement.Metric.EXAMPLES_PER_CPU_S, examplesPerCpuSecond)
                    .add(Measurement.Metric.EXAMPLES_PER_WALL_S, examplesPerWallSecond)
                    .add(Measurement.Metric.WARMUP_CPU_S, warmUpCpuSeconds)
                    .add(Measurement.Metric.BYTES_ALLOCATED_PER_STEP, bytesAStep);
        }
    }

    /// What happened in some milliseconds.
    ///
    /// @param speed steps per second of the calling thread's CPU time
    /// @param bytes allocated by all threads
    /// @param processCpuNanos of the process since its start, at the end
    private record Slice(long steps, double speed, long bytes, long processCpuNanos) {
        double bytesAStep() {
            return (double) bytes / steps;
        }
    }

    /// As below, with nothing to do between warm-up and window.
    public Window measure(Steps work, int batch, boolean allocates, double seconds) {
        return measure(work, batch, allocates, seconds, () -> {
        });
    }

    /// @param batch examples of a step
    /// @param allocates whether the work allocates even when it is compiled: where it does not, allocating means that
    ///     the compiler isn't done
    /// @param beforeWindow run between warm-up and window
    public Window measure(Steps work, int batch, boolean allocates, double seconds, Runnable beforeWindow) {
        // Less than a millisecond of work between two looks at the clock.
        int stepsALook = allocates ? 1 : Math.max(1, 256 / batch);
        long warmUpEnd = THREADS.getCurrentThreadCpuTime() + WARM_UP_NANOS_MAX;
        List<Slice> warmUp = new ArrayList<>();
        List<Slice> window = new ArrayList<>();
        long wall;
        long cpu;
        boolean compiling;
        do {
            // A window in which code was compiled anew was warm-up: W8 at batch 1 allocates nothing
            // for a second, then twelve vectors a step for another.
            warmUp.addAll(window);
            untilStable(work, stepsALook, allocates, warmUp, warmUpEnd);

            beforeWindow.run();
            wall = System.nanoTime();
            cpu = PROCESS.getProcessCpuTime();
            window.clear();
            long end = wall + (long) (1e9 * seconds);
            do {
                window.add(slice(work, stepsALook));
            } while (System.nanoTime() < end);
            compiling = !allocates && median(window, Slice::bytesAStep) >= 1;
        } while (compiling && THREADS.getCurrentThreadCpuTime() < warmUpEnd);
        double cpuSeconds = 1e-9 * (PROCESS.getProcessCpuTime() - cpu);
        double wallSeconds = 1e-9 * (System.nanoTime() - wall);
        double examples = (double) batch * window.stream().mapToLong(Slice::steps).sum();
        double finalSpeed = median(window, Slice::speed);
        return new Window(examples / cpuSeconds, examples / wallSeconds,
                1e-9 * (cpuAtSpeed(warmUp, 0.9 * finalSpeed) - cpuAtOpening), median(window, Slice::bytesAStep));
    }

    /// @param slices where each is added
    private static void untilStable(Steps work, int stepsALook, boolean allocates, List<Slice> slices, long end) {
        double best = 0;
        long now = THREADS.getCurrentThreadCpuTime();
        long stableSince = now;
        while (now - stableSince < STABLE_NANOS && now < end) {
            Slice slice = slice(work, stepsALook);
            slices.add(slice);
            now = THREADS.getCurrentThreadCpuTime();
            if (slice.speed > 1.05 * best || !allocates && slice.bytesAStep() >= 1) {
                stableSince = now;
            }
            best = Math.max(best, slice.speed);
        }
    }

    private static Slice slice(Steps work, int stepsALook) {
        long steps = 0;
        long bytes = THREADS.getTotalThreadAllocatedBytes();
        long cpu = THREADS.getCurrentThreadCpuTime();
        long end = System.nanoTime() + SLICE_NANOS;
        do {
            work.run(stepsALook);
            steps += stepsALook;
        } while (System.nanoTime() < end);
        cpu = THREADS.getCurrentThreadCpuTime() - cpu;
        bytes = THREADS.getTotalThreadAllocatedBytes() - bytes;
        return new Slice(steps, 1e9 * steps / cpu, bytes, PROCESS.getProcessCpuTime());
    }

    /// Where the warm-up never got there (the window was faster), all of it.
    private static long cpuAtSpeed(List<Slice> warmUp, double speed) {
        return warmUp.stream().filter(slice -> slice.speed >= speed).findFirst().orElse(warmUp.getLast())
                .processCpuNanos();
    }

    private static double median(List<Slice> slices, ToDoubleFunction<Slice> of) {
        double[] sorted = slices.stream().mapToDouble(of).sorted().toArray();
        return sorted[sorted.length / 2];
    }
}
