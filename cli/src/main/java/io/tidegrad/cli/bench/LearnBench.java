package io.tidegrad.cli.bench;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.snapshot.ModelHash;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/// Learns one workload in this JVM and measures it: warms up until the speed is stable, then measures a window, then learns
/// a fixed number of steps from the start for the hash. For a true warm-up, one measurement a JVM.
final class LearnBench {
    static final int HASHED_STEPS = 256;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private static final long SLICE_NANOS = 20_000_000;

    /// A second without a gain of 5 %: C2 compiles in the background, and may be late on a busy machine.
    private static final int STABLE_SLICES = 50;

    private static final long WARM_UP_NANOS_MAX = 60_000_000_000L;

    private final Workload workload;
    private final int batchSize;
    private final Workers workers;
    private final Kernels kernels = Kernels.active();

    LearnBench(Workload workload, int batchSize, Workers workers) {
        this.workers = workers;
        this.workload = workload;
        this.batchSize = batchSize;
    }

    /// What happened in some milliseconds.
    ///
    /// @param speed examples per second of the calling thread's CPU time
    /// @param bytes allocated by all threads
    /// @param processCpuNanos of the process since its start, at the end
    private record Slice(long steps, double speed, long bytes, long processCpuNanos) {
        double bytesAStep() {
            return (double) bytes / steps;
        }
    }

    List<Measurement> run(double seconds) {
        long cpuAtOpening = PROCESS.getProcessCpuTime();
        Run run = new Run();
        List<Slice> warmUp = run.untilStable();

        long wall = System.nanoTime();
        long cpu = PROCESS.getProcessCpuTime();
        List<Slice> window = run.slices(seconds);
        double cpuSeconds = 1e-9 * (PROCESS.getProcessCpuTime() - cpu);
        double wallSeconds = 1e-9 * (System.nanoTime() - wall);
        double examples = (double) batchSize * window.stream().mapToLong(Slice::steps).sum();

        String hash = hash();
        double finalSpeed = median(window, Slice::speed);
        return List.of(
                measurement(Measurement.Metric.EXAMPLES_PER_CPU_S, examples / cpuSeconds, hash),
                measurement(Measurement.Metric.EXAMPLES_PER_WALL_S, examples / wallSeconds, hash),
                measurement(
                        Measurement.Metric.WARMUP_CPU_S,
                        1e-9 * (cpuAtSpeed(warmUp, 0.9 * finalSpeed) - cpuAtOpening),
                        hash),
                measurement(
                        Measurement.Metric.BYTES_ALLOCATED_PER_STEP,
                        median(window, Slice::bytesAStep),
                        hash));
    }

    private Measurement measurement(Measurement.Metric metric, double value, String hash) {
        return new Measurement(
                workload.name(), batchSize, workers.count(), metric, value, kernels.name(), hash);
    }

    private String hash() {
        Run run = new Run();
        run.learn(HASHED_STEPS);
        byte[] fingerprint = workload.name().getBytes(StandardCharsets.US_ASCII);
        return ModelHash.weights(fingerprint, run.parameters);
    }

    /// Where the warm-up never got there (the window was faster), all of it.
    private static long cpuAtSpeed(List<Slice> warmUp, double speed) {
        return warmUp.stream()
                .filter(slice -> slice.speed >= speed)
                .findFirst()
                .orElse(warmUp.getLast())
                .processCpuNanos();
    }

    private static double median(List<Slice> slices, ToDoubleFunction<Slice> of) {
        double[] sorted = slices.stream().mapToDouble(of).sorted().toArray();
        return sorted[sorted.length / 2];
    }

    /// A model that learns on and on.
    private final class Run {
        /// About a millisecond of work between two looks at the clock.
        private final int stepsALook = Math.max(1, 256 / batchSize);

        private final Parameters parameters;
        private final Learner learner;
        private final Batch batch;
        private final MadeUpRows rows;

        Run() {
            Plan plan = Plan.of(workload.spec());
            parameters = Parameters.initial(plan);
            learner = new Learner(parameters, kernels, batchSize, workers);
            batch = new Batch(workload.spec().row(), batchSize);
            rows = new MadeUpRows(workload.spec(), plan.outputs());
        }

        void learn(int steps) {
            for (int step = 0; step < steps; step++) {
                rows.fill(batch);
                if (Double.isNaN(learner.learn(batch))) {
                    throw new IllegalStateException(
                            "the loss of " + workload.name() + " is not finite");
                }
            }
        }

        List<Slice> untilStable() {
            List<Slice> slices = new ArrayList<>();
            long end = System.nanoTime() + WARM_UP_NANOS_MAX;
            double best = 0;
            int stable = 0;
            while (stable < STABLE_SLICES && System.nanoTime() < end) {
                Slice slice = slice();
                slices.add(slice);
                // While steps allocate, the compiler is not done: vectors still lie on the heap.
                boolean better = slice.speed > 1.05 * best || slice.bytesAStep() >= 1;
                stable = better ? 0 : stable + 1;
                best = Math.max(best, slice.speed);
            }
            return slices;
        }

        List<Slice> slices(double seconds) {
            List<Slice> slices = new ArrayList<>();
            long end = System.nanoTime() + (long) (1e9 * seconds);
            do {
                slices.add(slice());
            } while (System.nanoTime() < end);
            return slices;
        }

        private Slice slice() {
            long steps = 0;
            long bytes = THREADS.getTotalThreadAllocatedBytes();
            long cpu = THREADS.getCurrentThreadCpuTime();
            long end = System.nanoTime() + SLICE_NANOS;
            do {
                learn(stepsALook);
                steps += stepsALook;
            } while (System.nanoTime() < end);
            cpu = THREADS.getCurrentThreadCpuTime() - cpu;
            bytes = THREADS.getTotalThreadAllocatedBytes() - bytes;
            return new Slice(
                    steps, 1e9 * steps * batchSize / cpu, bytes, PROCESS.getProcessCpuTime());
        }
    }
}
