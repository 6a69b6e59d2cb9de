package io.tidegrad.loadtests;

/// Processor time of a process of this machine.
public final class CpuClock {
    private CpuClock() {}

    /// User and system time of all threads since the process began, which the operating system counts in hundredths of a
    /// second. NaN if it does not tell.
    public static double seconds(long pid) {
        return ProcessHandle.of(pid).flatMap(process -> process.info().totalCpuDuration())
                .map(cpu -> cpu.toNanos() * 1e-9).orElse(Double.NaN);
    }

    /// Of this process.
    public static double own() {
        return seconds(ProcessHandle.current().pid());
    }
}
