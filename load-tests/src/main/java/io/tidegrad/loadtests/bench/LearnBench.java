package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// Learns one workload in this JVM and measures it; then learns a fixed number of steps from the start for the hash.
record LearnBench(Workload.Learning workload, int batchSize, Workers workers) {
    static final int HASHED_STEPS = 256;
    private static final Kernels KERNELS = Kernels.active();

    List<Measurement> run(double seconds) {
        Meter meter = new Meter();
        Run run = new Run();
        CoreClock cores = new CoreClock();
        Meter.Window window = meter.measure(run, batchSize, false, seconds, cores::begin);
        double coreObtained = cores.least();

        Measurement.Lines lines =
                new Measurement.Lines(workload.name(), batchSize, workers.count(), KERNELS.name(), hash());
        window.to(lines);
        if (workers.count() > 1) {
            lines.add(Metric.CORE_OBTAINED, coreObtained);
        }
        return lines.all();
    }

    private String hash() {
        Run run = new Run();
        run.run(HASHED_STEPS);
        byte[] fingerprint = workload.name().getBytes(StandardCharsets.US_ASCII);
        return ModelHash.weights(fingerprint, run.parameters);
    }

    /// A model that learns on and on.
    private final class Run implements Meter.Steps {
        final Plan plan = Plan.of(workload.spec());
        final Parameters parameters = Parameters.initial(plan);
        final Learner learner = new Learner(parameters, KERNELS, batchSize, workers);
        final Batch batch = new Batch(workload.spec().row(), batchSize);
        final MadeUpRows rows = new MadeUpRows(plan);

        @Override
        public void run(int steps) {
            for (int step = 0; step < steps; step++) {
                rows.fill(batch);
                if (Double.isNaN(learner.learn(batch))) {
                    throw new IllegalStateException("the loss of " + workload.name() + " is not finite");
                }
            }
        }
    }

    /// How much of a core each learning thread got: its CPU time by the clock. A worker that waits for the next part spins,
    /// so on a free core it gets nearly all; less means that other programs had the core, or that there was too little to
    /// share.
    private static final class CoreClock {
        private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

        private final List<Long> threads = new ArrayList<>();
        private final List<Long> cpu = new ArrayList<>();
        private long wall;

        /// Looks up the calling thread and the crew's.
        void begin() {
            threads.clear();
            cpu.clear();
            threads.add(Thread.currentThread().threadId());
            for (ThreadInfo thread : THREADS.getThreadInfo(THREADS.getAllThreadIds())) {
                if (thread != null && thread.getThreadName().startsWith("tidegrad-worker-")) {
                    threads.add(thread.getThreadId());
                }
            }
            threads.forEach(id -> cpu.add(THREADS.getThreadCpuTime(id)));
            wall = System.nanoTime();
        }

        /// Since `begin`, of the thread that got least.
        double least() {
            double elapsed = System.nanoTime() - wall;
            double least = 1;
            for (int i = 0; i < threads.size(); i++) {
                long spent = THREADS.getThreadCpuTime(threads.get(i)) - cpu.get(i);
                least = Math.min(least, spent / elapsed);
            }
            return least;
        }
    }
}
