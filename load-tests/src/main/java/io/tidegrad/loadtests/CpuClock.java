package io.tidegrad.loadtests;

/// Processor time of a process of this machine.
public final class CpuClock {
    private CpuClock() {}

    /// User and system, all threads, since it began; the operating system counts in hundredths. NaN where it does not
    /// tell.
    public static double seconds(long pid) {
        return ProcessHandle.of(pid).flatMap(process -> process.info().totalCpuDuration())
                .map(cpu -> cpu.toNanos() * 1e-9).orElse(Double.NaN);
    }

    /// Of this process.
    public static double own() {
        return seconds(ProcessHandle.current().pid());
    }
}
