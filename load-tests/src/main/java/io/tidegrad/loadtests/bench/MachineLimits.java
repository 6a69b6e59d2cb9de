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

    /// Nanoseconds to read and write `arrays` arrays (1 to 3) of `length` floats once, side by side.
    static double update(int arrays, int length) {
        float[] w = filled(length, 1f);
        float[] m = filled(length, 1f);
        float[] v = filled(length, 1f);
        return nanos(() -> {
            switch (arrays) {
                case 1 -> add(w);
                case 2 -> add(w, m);
                default -> add(w, m, v);
            }
        });
    }

    private static void add(float[] w) {
        for (int i = 0; i < w.length; i++) {
            w[i] += 1f;
        }
    }

    private static void add(float[] w, float[] m) {
        for (int i = 0; i < w.length; i++) {
            w[i] += 1f;
            m[i] += 1f;
        }
    }

    private static void add(float[] w, float[] m, float[] v) {
        for (int i = 0; i < w.length; i++) {
            w[i] += 1f;
            m[i] += 1f;
            v[i] += 1f;
        }
    }

    /// Nanoseconds of one weight's Adam step with everything in a near cache: what its square root and division cost
    /// when memory costs next to nothing.
    static double adamArithmetic() {
        float[] w = filled(LONG, 1f);
        float[] m = filled(LONG, 0.1f);
        float[] v = filled(LONG, 0.1f);
        return nanos(() -> adam(w, m, v)) / LONG;
    }

    private static void adam(float[] w, float[] m, float[] v) {
        for (int i = 0; i < w.length; i++) {
            float moment = Math.fma(0.9f, m[i], 0.01f);
            float variance = Math.fma(0.999f, v[i], 0.001f);
            m[i] = moment;
            v[i] = variance;
            w[i] -= 0.001f * moment / ((float) Math.sqrt(variance) + 1e-8f);
        }
    }

    /// As `adamArithmetic`, of Adagrad.
    static double adagradArithmetic() {
        float[] w = filled(LONG, 1f);
        float[] s = filled(LONG, 0.1f);
        return nanos(() -> adagrad(w, s)) / LONG;
    }

    private static void adagrad(float[] w, float[] s) {
        for (int i = 0; i < w.length; i++) {
            float square = s[i] + 0.0001f;
            s[i] = square;
            w[i] -= 0.001f * 0.01f / ((float) Math.sqrt(square) + 1e-8f);
        }
    }

    /// Nanoseconds of one sigmoid or tanh in a near cache: the polynomial of an exponential, 12 FMAs one after the
    /// other, and a division.
    static double gateArithmetic() {
        float[] x = filled(LONG, 0.5f);
        return nanos(() -> gates(x)) / LONG;
    }

    private static void gates(float[] x) {
        float a = 0.5f;
        float b = 0.25f;
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
            y = Math.fma(y, a, b);
            y = Math.fma(y, a, b);
            y = Math.fma(y, a, b);
            y = Math.fma(y, a, b);
            x[i] = 1f / (1f + y);
        }
    }

    /// Nanoseconds to read `reads` random rows of a table, and then, with `updates`, to write them: rows of `dimension`
    /// weights beside `stateParts` parts of state. Memory only: no arithmetic but an addition.
    static double randomRows(int rows, int dimension, int stateParts, int reads, boolean updates) {
        int stride = dimension * (1 + stateParts);
        // A table's first 1 GiB is as far away as all of it.
        int tableRows = (int) Math.min(rows, (1L << 28) / stride);
        float[] table = filled(Math.multiplyExact(tableRows, stride), 1f);
        int[] ids = new int[1 << 20];
        for (int i = 0; i < ids.length; i++) {
            long mixed = (i + 1) * 0x9E3779B97F4A7C15L;
            ids[i] = (int) Long.remainderUnsigned(mixed ^ mixed >>> 29, tableRows);
        }
        int[] at = {0};
        return nanos(() -> {
            if (at[0] + reads > ids.length) {
                at[0] = 0;
            }
            float sum = 0;
            for (int k = at[0]; k < at[0] + reads; k++) {
                sum += table[ids[k] * stride];
                sum += table[ids[k] * stride + dimension - 1];
            }
            sink = sum;
            if (updates) {
                for (int k = at[0]; k < at[0] + reads; k++) {
                    int row = ids[k] * stride;
                    for (int i = row; i < row + stride; i++) {
                        table[i] += 1f;
                    }
                }
            }
            at[0] += reads;
        });
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
