package io.tidegrad.engine.kernel;

import org.jspecify.annotations.Nullable;

/// Chooses the process's kernels, once.
final class ActiveKernels {
    static final String PROPERTY = "tidegrad.kernels";

    private static final String VECTOR_MODULE = "jdk.incubator.vector";

    /// Long enough for 0.1 ms of work to be measured well, short enough to never be noticed.
    private static final int DOT_LENGTH = 256;

    /// `Math.fma` without hardware goes through BigDecimal: 500 to 9000 times a product and a sum. With hardware it is
    /// 1 to 3 times, in the interpreter too.
    private static final int RATIO_MAX = 50;

    private static final int ROUNDS_MIN = 20;
    private static final long BUDGET_NANOS = 200_000_000;

    private static @Nullable Kernels chosen;

    private ActiveKernels() {}

    static synchronized Kernels get() {
        if (chosen == null) {
            chosen = choose(System.getProperty(PROPERTY));
            requireFmaHardware();
        }
        return chosen;
    }

    private static Kernels choose(@Nullable String wanted) {
        boolean present = ModuleLayer.boot().findModule(VECTOR_MODULE).isPresent();
        if (wanted == null) {
            return present ? VectorKernels.of(VectorKernels.widestBits()) : new ScalarKernels();
        }
        return switch (wanted) {
            case "scalar" -> new ScalarKernels();
            case "128", "256", "512" -> {
                if (!present) {
                    throw new IllegalStateException(
                            "-D%s=%s needs the Vector API: start java with --add-modules %s"
                                    .formatted(PROPERTY, wanted, VECTOR_MODULE));
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
            default ->
                    throw new IllegalStateException(
                            "-D%s must be scalar, 128, 256 or 512, found '%s'"
                                    .formatted(PROPERTY, wanted));
        };
    }

    /// Any one round in which FMA keeps up is proof that there is hardware for it; a scheduler's pause or a change of
    /// compiler tier can only spoil a round, never fake one. So a machine with FMA leaves at once.
    private static void requireFmaHardware() {
        float[] a = new float[DOT_LENGTH];
        float[] b = new float[DOT_LENGTH];
        for (int i = 0; i < DOT_LENGTH; i++) {
            a[i] = 1f + i / 1024f;
            b[i] = 1f - i / 2048f;
        }
        long begin = System.nanoTime();
        for (int round = 0;
                round < ROUNDS_MIN || System.nanoTime() - begin < BUDGET_NANOS;
                round++) {
            long start = System.nanoTime();
            float fused = fusedDot(a, b);
            long middle = System.nanoTime();
            float plain = plainDot(a, b);
            long end = System.nanoTime();
            // The two sums differ by rounding only; asking keeps both from being optimised away.
            boolean same = Math.abs(fused - plain) < 1f;
            if (same && middle - start <= RATIO_MAX * Math.max(end - middle, 1)) {
                return;
            }
        }
        throw new IllegalStateException(
                "this processor has no fused multiply-add, or the JVM may not use it (-XX:-UseFMA): learning would be"
                        + " thousands of times slower, and other instructions would give other weights. Run on x86-64"
                        + " with FMA3 (since 2013) or aarch64, without -XX:-UseFMA");
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
