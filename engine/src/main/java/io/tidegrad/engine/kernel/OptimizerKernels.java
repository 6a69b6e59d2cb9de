package io.tidegrad.engine.kernel;

/// Updates from given gradients and from column sums. The updates of `DenseKernels` and `ConvolutionKernels` compute
/// their gradients from products.
interface OptimizerKernels {
    /// Added to an optimizer's state and subtracted again, which rounds much smaller values to a multiple of 1e-31: the
    /// JVM has no flush-to-zero, and denormal state would make a step up to 40 % slower. Zero stays zero; a variance of
    /// 1e-24 gives a denominator of 1e-12, negligible next to an epsilon of 1e-8.
    float FLUSH = 1e-24f;

    /// Applies the optimizer to `length` given gradients (of an embedding row, for example).
    ///
    /// @param state part p of the state of weight i is `state[p][stateAt + p * stateStride + i]`: stride 0 if each part
    ///     has its own array, the row's length if all are in the row
    default void update(OptimizerStep step, int length, float[] g, int gAt, float[] w, int wAt, float[][] state,
            int stateAt, int stateStride) {
        for (int k = 0; k < length; k++) {
            updateOne(step, g[gAt + k], w, wAt + k, state, stateAt + k, stateStride);
        }
    }

    /// db[o] = scale · Σ_r dy[r][o] (r ascending: starts with row 0, adds), applied to `bias` at once.
    default void biasUpdate(OptimizerStep step, int width, int rows, float scale, float[] dy, int dyAt, int dyStride,
            float[] bias, float[][] state, float[] tile) {
        for (int o = 0; o < width; o++) {
            float g = scale * NormKernels.columnSum(rows, dy, dyAt + o, dyStride);
            updateOne(step, g, bias, o, state, o, 0);
        }
    }

    static void updateOne(OptimizerStep step, float gradient, float[] w, int wAt, float[][] state, int stateAt,
            int stateStride) {
        float g = step.regularizes() ? regularized(step, gradient, w[wAt]) : gradient;
        switch (step.kind) {
            case GRADIENT -> w[wAt] = g;
            case SGD -> w[wAt] = Math.fma(-step.rate, g, w[wAt]);
            case MOMENTUM -> {
                float b = Math.fma(step.momentum, state[0][stateAt], FLUSH) + g - FLUSH;
                w[wAt] = Math.fma(-step.rate, b, w[wAt]);
                state[0][stateAt] = b;
            }
            case NESTEROV -> {
                float b = Math.fma(step.momentum, state[0][stateAt], FLUSH) + g - FLUSH;
                w[wAt] = Math.fma(-step.rate, Math.fma(step.momentum, b, g), w[wAt]);
                state[0][stateAt] = b;
            }
            case ADAGRAD -> {
                float s = Math.fma(g, g, state[0][stateAt] + FLUSH) - FLUSH;
                w[wAt] -= step.rate * g / ((float) Math.sqrt(s) + step.epsilon);
                state[0][stateAt] = s;
            }
            case RMSPROP -> rmsprop(step, g, w, wAt, state, stateAt, stateStride, false, false);
            case RMSPROP_MOMENTUM -> rmsprop(step, g, w, wAt, state, stateAt, stateStride, false, true);
            case RMSPROP_CENTERED -> rmsprop(step, g, w, wAt, state, stateAt, stateStride, true, false);
            case RMSPROP_CENTERED_MOMENTUM -> rmsprop(step, g, w, wAt, state, stateAt, stateStride, true, true);
            case ADAM -> adam(step, g, w, wAt, w[wAt], state, stateAt, stateStride, false);
            case ADAMW -> adam(step, g, w, wAt, w[wAt] * step.keep, state, stateAt, stateStride, false);
            case AMSGRAD -> adam(step, g, w, wAt, w[wAt], state, stateAt, stateStride, true);
            case ADAMW_AMSGRAD -> adam(step, g, w, wAt, w[wAt] * step.keep, state, stateAt, stateStride, true);
            case FTRL -> {
                float before = (float) Math.sqrt(state[1][stateAt + stateStride]);
                float n = Math.fma(g, g, state[1][stateAt + stateStride] + FLUSH) - FLUSH;
                float root = (float) Math.sqrt(n);
                float sigma = (root - before) * step.inverseAlpha;
                float z = Math.fma(-sigma, w[wAt], state[0][stateAt] + FLUSH + g) - FLUSH;
                float shrunk = z > 0f ? z - step.threshold : z + step.threshold;
                float slope = Math.fma(step.beta + root, step.inverseAlpha, step.ridge);
                w[wAt] = Math.abs(z) <= step.threshold ? 0f : -(shrunk / slope);
                state[0][stateAt] = z;
                state[1][stateAt + stateStride] = n;
            }
            case STREAM_RMS -> {
                float v = meanSquare(step, g, state[0][stateAt]);
                float deviation = (float) Math.sqrt(v * step.varianceCorrection) + step.epsilon;
                float d = state[1][stateAt + stateStride];
                float move = Math.fma(step.pull, d, step.rate * g / deviation);
                w[wAt] -= move;
                state[0][stateAt] = v;
                state[1][stateAt + stateStride] = d + FLUSH - move - FLUSH;
            }
            case FROZEN -> {
            }
        }
    }

    /// The running mean of g², Adam's v and RMSprop's s.
    private static float meanSquare(OptimizerStep step, float g, float before) {
        float flushed = Math.fma(step.beta2, before, FLUSH);
        return Math.fma(step.oneMinusBeta2 * g, g, flushed) - FLUSH;
    }

    private static void rmsprop(OptimizerStep step, float g, float[] w, int wAt, float[][] state, int stateAt,
            int stateStride, boolean centered, boolean momentum) {
        float s = meanSquare(step, g, state[0][stateAt]);
        float v = s;
        int part = 1;
        if (centered) {
            int at = stateAt + stateStride;
            float a = Math.fma(step.oneMinusBeta2, g, Math.fma(step.beta2, state[1][at], FLUSH)) - FLUSH;
            v = Math.max(Math.fma(-a, a, s), 0f);
            state[part++][at] = a;
        }
        float u = g / ((float) Math.sqrt(v) + step.epsilon);
        if (momentum) {
            int at = stateAt + part * stateStride;
            u = Math.fma(step.momentum, state[part][at], FLUSH) + u - FLUSH;
            state[part][at] = u;
        }
        w[wAt] = Math.fma(-step.rate, u, w[wAt]);
        state[0][stateAt] = s;
    }

    /// An Adam step that starts from weight `from`.
    private static void adam(OptimizerStep step, float g, float[] w, int wAt, float from, float[][] state, int stateAt,
            int stateStride, boolean amsgrad) {
        float m = Math.fma(step.beta1, state[0][stateAt], FLUSH);
        m = Math.fma(step.oneMinusBeta1, g, m) - FLUSH;
        float v = meanSquare(step, g, state[1][stateAt + stateStride]);
        float largest = amsgrad ? Math.max(state[2][stateAt + 2 * stateStride], v) : v;
        float deviation = (float) Math.sqrt(largest * step.varianceCorrection) + step.epsilon;
        w[wAt] = from - (step.rate * step.momentCorrection) * m / deviation;
        state[0][stateAt] = m;
        state[1][stateAt + stateStride] = v;
        if (amsgrad) {
            state[2][stateAt + 2 * stateStride] = largest;
        }
    }

    private static float regularized(OptimizerStep step, float g, float w) {
        float sign = w > 0f ? step.l1 : w < 0f ? -step.l1 : 0f;
        return Math.fma(step.l2, w, g) + sign;
    }
}
