package io.tidegrad.loadtests.bench;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;

/// What this processor can do at most, measured in this JVM, beside what it is compared with: loops so plain that C2
/// turns them into full-width vectors by itself. Each is the best of many rounds, in CPU time of the calling thread: a
/// neighbour can only make a limit look lower.
final class MachineLimits {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static final long ROUND_NANOS = 2_000_000;
    private static final int ROUNDS = 25;
    private static final long WARM_UP_NANOS = 150_000_000;

    /// Floats that stay in the first-level cache, 4 KB.
    private static final int BLOCK = 1024;

    /// With two arrays beside them still in the second-level cache, and so many that the scalar head and tail of the
    /// loop don't count: of 1,024 floats they take an eighth of the time.
    private static final int LONG = 16_384;

    private static final int FMAS = 8;

    /// Keeps results alive.
    private static volatile float sink;

    private MachineLimits() {}

    /// Floating-point operations a nanosecond, an FMA counted as two. Chains of `FMAS` in registers, a chain an
    /// element; elements are independent, so the processor runs as many chains side by side as it can.
    static double flopsPerNano() {
        float[] x = filled(LONG, 1f);
        return 2.0 * FMAS * LONG / nanos(() -> fmas(x));
    }

    private static void fmas(float[] x) {
        float a = 0.999f;
        float b = 0.001f;
        for (int i = 0; i < x.length; i++) {
            float y = x[i];
            y = Math.fma(y, a, b);
            y = Math.fma(y, a, b);
            y = Math.fma(y, a, b);
            y = Math.fma(y, a, b);
            y = Math.fma(y, a, b);
            y = Math.fma(y, a, b);
            y = Math.fma(y, a, b);
            y = Math.fma(y, a, b);
            x[i] = y;
        }
    }

    /// Nanoseconds to read `length` floats once, wherever they lie when nothing else does: copied block by block into
    /// the first-level cache, because C2 makes no vectors of a sum. In C a read alone is up to a quarter faster.
    static double read(int length) {
        float[] x = filled(length, 1f);
        float[] block = new float[BLOCK];
        return nanos(() -> {
            for (int at = 0; at < length; at += BLOCK) {
                System.arraycopy(x, at, block, 0, Math.min(BLOCK, length - at));
            }
            sink = block[0];
        });
    }

    /// Nanoseconds to read and write three arrays of `length` floats once, side by side.
    static double update(int length) {
        float[] w = filled(length, 1f);
        float[] m = filled(length, 1f);
        float[] v = filled(length, 1f);
        return nanos(() -> add(w, m, v));
    }

    private static void add(float[] w, float[] m, float[] v) {
        for (int i = 0; i < w.length; i++) {
            w[i] += 1f;
            m[i] += 1f;
            v[i] += 1f;
        }
    }

    /// Of one call: the best round.
    static double nanos(Runnable work) {
        long calls = 1;
        long spent = 0;
        for (long warm = 0; warm < WARM_UP_NANOS || spent < ROUND_NANOS; warm += spent) {
            spent = time(work, calls);
            if (spent < ROUND_NANOS) {
                calls *= 2;
            }
        }
        double best = Double.POSITIVE_INFINITY;
        for (int round = 0; round < ROUNDS; round++) {
            best = Math.min(best, (double) time(work, calls) / calls);
        }
        return best;
    }

    private static long time(Runnable work, long calls) {
        long start = THREADS.getCurrentThreadCpuTime();
        for (long call = 0; call < calls; call++) {
            work.run();
        }
        return THREADS.getCurrentThreadCpuTime() - start;
    }

    private static float[] filled(int length, float value) {
        float[] x = new float[length];
        Arrays.fill(x, value);
        return x;
    }
}
