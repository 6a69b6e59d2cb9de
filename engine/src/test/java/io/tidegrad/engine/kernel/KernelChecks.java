package io.tidegrad.engine.kernel;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/// The program that `KernelAgreementTest` runs in JVMs of its own for each vector width: every kernel against its
/// scalar twin, bit for bit, in a cold JVM. With `-Dhot=true` compiled instead, and before that no kernel may allocate
/// once it is: in a JVM that has seen nothing but what it is asked, for every shape that ever came changes what C2
/// makes. Last line of its own: `kernels, hash of all outputs`.
final class KernelChecks {
    private static final int CASES = 160;

    /// After warm-up, so many calls of every kernel must not allocate a byte.
    private static final int CALLS = 50;

    /// Liveness only, of this process's own processor time, compiler included, for how long that takes is the machine's
    /// affair: some ten are needed.
    private static final int WARM_UP_CPU_SECONDS_MAX = 60;

    private static final com.sun.management.OperatingSystemMXBean PROCESS =
            (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private static final com.sun.management.ThreadMXBean THREAD =
            (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

    private KernelChecks() {}

    public static void main(String[] arguments) {
        long seed = Long.parseLong(arguments[0]);
        Kernels kernels = Kernels.active();
        boolean hot = Boolean.getBoolean("hot");
        if (hot) {
            String allocating = warmUp(kernels, seed);
            if (!allocating.isEmpty()) {
                throw new AssertionError("%s: after %d s of processor time these still allocate: %s"
                        .formatted(kernels.name(), WARM_UP_CPU_SECONDS_MAX, allocating));
            }
        }
        String hash = checkAll(kernels, seed, hot ? "hot" : "cold");
        System.out.println(kernels.name() + ", " + hash);
    }

    private static String checkAll(Kernels kernels, long seed, String temperature) {
        long hash = 0;
        for (int number = 0; number < CASES; number++) {
            List<KernelCase.Call> calls = KernelCase.draw(seed, number).calls(kernels);
            KernelCase twin = KernelCase.draw(seed, number);
            List<KernelCase.Call> expected = twin.calls(new ScalarKernels());
            for (int c = 0; c < calls.size(); c++) {
                KernelCase.Call call = calls.get(c);
                call.work().run();
                expected.get(c).work().run();
                for (int o = 0; o < call.outputs().length; o++) {
                    float[] got = call.outputs()[o];
                    float[] want = expected.get(c).outputs()[o];
                    requireEqual(got, want, "%s %s, %s, output %d, %s (seed %d)".formatted(kernels.name(), temperature,
                            call.name(), o, twin, seed));
                    hash = hash(hash, got);
                }
            }
        }
        return "%016x".formatted(hash);
    }

    private static void requireEqual(float[] got, float[] want, String what) {
        for (int i = 0; i < want.length; i++) {
            if (Float.floatToIntBits(want[i]) != Float.floatToIntBits(got[i])) {
                throw new AssertionError(
                        "%s: [%d] is %s, but the definition gives %s".formatted(what, i, got[i], want[i]));
            }
        }
    }

    private static long hash(long hash, float[] values) {
        for (float value : values) {
            hash = (hash ^ Float.floatToIntBits(value)) * 0x9E3779B97F4A7C15L;
            hash ^= hash >>> 29;
        }
        return hash;
    }

    /// Until no kernel allocates (what boxes vectors isn't compiled yet, or never will be), or the time is over.
    /// Returns which still do.
    private static String warmUp(Kernels kernels, long seed) {
        List<KernelCase.Call> calls = new ArrayList<>();
        calls.addAll(new KernelCase(seed, 15, 70, 130).calls(kernels));
        calls.addAll(new KernelCase(seed, 15, 70, 10).calls(kernels));
        long end = PROCESS.getProcessCpuTime() + WARM_UP_CPU_SECONDS_MAX * 1_000_000_000L;
        String allocating;
        do {
            allocating = allocating(calls);
        } while (!allocating.isEmpty() && PROCESS.getProcessCpuTime() < end);
        return allocating;
    }

    /// Names of calls that allocate, with bytes.
    private static String allocating(List<KernelCase.Call> calls) {
        StringBuilder names = new StringBuilder();
        for (KernelCase.Call call : calls) {
            Runnable work = call.work();
            long before = THREAD.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < CALLS; i++) {
                work.run();
            }
            long bytes = THREAD.getCurrentThreadAllocatedBytes() - before;
            if (bytes != 0) {
                names.append(call.name()).append(": ").append(bytes).append(" bytes; ");
            }
        }
        return names.toString();
    }
}
