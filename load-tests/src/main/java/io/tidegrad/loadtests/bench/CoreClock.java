package io.tidegrad.loadtests.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.List;

/// How much of a core each learning thread got: its CPU time by the clock. A worker that waits for the next part spins,
/// so on a free core it gets nearly all; less means that other programs had the core, or that there was too little to
/// share.
final class CoreClock {
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
