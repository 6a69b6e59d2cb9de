package io.tidegrad.engine.kernel;

import org.jspecify.annotations.Nullable;

/// Chooses the process's kernels once.
final class ActiveKernels {
    static final String PROPERTY = "tidegrad.kernels";

    private static final String VECTOR_MODULE = "jdk.incubator.vector";

    /// The vector kernels are compiled against the Vector API of this release, which older ones differ from.
    private static final int VECTOR_RELEASE = 25;

    private static final int DOT_LENGTH = 256;

    /// Without FMA hardware, `Math.fma` uses BigDecimal: about 500 ns compiled, 20 us interpreted (JDK 25, Zen 4). With
    /// hardware it takes at most 40 ns, interpreted. The bound is absolute, because a ratio depends on what is already
    /// compiled: 500 ns are 25 times an interpreted product and sum.
    private static final long FUSED_NANOS_MAX = 100;

    /// If everything is that slow (in an emulator, for example), FMA hardware is recognised by taking at most this many
    /// times as long as a product and a sum.
    private static final int RATIO_MAX = 8;

    /// The time is the best of this many rounds, because the process is not paused in all of them.
    private static final int ROUNDS_MIN = 8;

    private static final long BUDGET_NANOS = 200_000_000;

    private static @Nullable Kernels chosen;

    private ActiveKernels() {}

    static synchronized Kernels get() {
        if (chosen == null) {
            requireFmaHardware();
            chosen = choose(System.getProperty(PROPERTY));
        }
        return chosen;
    }

    private static Kernels choose(@Nullable String wanted) {
        boolean present = Runtime.version().feature() >= VECTOR_RELEASE
                && ModuleLayer.boot().findModule(VECTOR_MODULE).isPresent();
        if (wanted == null) {
            return present ? VectorKernels.of(VectorKernels.widestBits()) : new ScalarKernels();
        }
        return switch (wanted) {
            case "scalar" -> new ScalarKernels();
            case "128", "256", "512" -> {
                if (!present) {
                    throw new IllegalStateException(
                            "-D%s=%s needs the Vector API: start java %d or newer with --add-modules %s"
                                    .formatted(PROPERTY, wanted, VECTOR_RELEASE, VECTOR_MODULE));
                }
                int bits = Integer.parseInt(wanted);
                int widest = VectorKernels.widestBits();
                if (bits > widest) {
                    throw new IllegalStateException(
                            "-D%s=%d, but this processor's vectors have %d bits at most: leave the property out"
                                    .formatted(PROPERTY, bits, widest));
                }
                yield VectorKernels.of(bits);
            }
            default -> throw new IllegalStateException(
                    "-D%s must be scalar, 128, 256 or 512, found '%s'".formatted(PROPERTY, wanted));
        };
    }

    private static void requireFmaHardware() {
        if (!hasFmaHardware()) {
            throw new IllegalStateException(
                    "this processor has no fused multiply-add, or the JVM may not use it (-XX:-UseFMA): learning would be"
                            + " hundreds of times slower, and other instructions would give other weights. Run on x86-64"
                            + " with FMA3 (since 2013) or aarch64, without -XX:-UseFMA");
        }
    }

    /// Compares best times. With FMA hardware this takes 8 rounds, about 0.1 ms; without, it gives up after 0.2 s.
    private static boolean hasFmaHardware() {
        float[] a = new float[DOT_LENGTH];
        float[] b = new float[DOT_LENGTH];
        for (int i = 0; i < DOT_LENGTH; i++) {
            a[i] = 1f + i / 1024f;
            b[i] = 1f - i / 2048f;
        }
        long end = System.nanoTime() + BUDGET_NANOS;
        long fusedBest = Long.MAX_VALUE;
        long plainBest = Long.MAX_VALUE;
        float difference = 0f;
        for (int round = 0; round < ROUNDS_MIN || System.nanoTime() < end; round++) {
            long start = System.nanoTime();
            float fused = fusedDot(a, b);
            long middle = System.nanoTime();
            float plain = plainDot(a, b);
            plainBest = Math.min(plainBest, System.nanoTime() - middle);
            fusedBest = Math.min(fusedBest, middle - start);
            // Used below, so that no sum is optimised away.
            difference = Math.max(difference, Math.abs(fused - plain));
            if (round >= ROUNDS_MIN - 1
                    && (fusedBest <= FUSED_NANOS_MAX * DOT_LENGTH || fusedBest <= RATIO_MAX * plainBest)) {
                return difference < 1f;
            }
        }
        return false;
    }

    private static float fusedDot(float[] a, float[] b) {
        float sum = 0f;
        for (int i = 0; i < a.length; i++) {
            sum = Math.fma(a[i], b[i], sum);
        }
        return sum;
    }

    private static float plainDot(float[] a, float[] b) {
        float sum = 0f;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
