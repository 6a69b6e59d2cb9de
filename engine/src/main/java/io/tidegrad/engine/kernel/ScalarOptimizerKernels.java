package io.tidegrad.engine.kernel;

/// The definition of `OptimizerKernels`: the update of one weight for each kind of optimizer.
interface ScalarOptimizerKernels extends OptimizerKernels {
    /// Added to an optimizer's state and subtracted again, which rounds much smaller values to a multiple of 1e-31: the
    /// JVM has no flush-to-zero, and denormal state would make a step up to 40 % slower. Zero stays zero; a variance of
    /// 1e-24 gives a denominator of 1e-12, negligible next to an epsilon of 1e-8.
    float FLUSH = 1e-24f;

    @Override
    default void update(OptimizerStep step, int length, float[] g, int gAt, float[] w, int wAt, float[][] state,
            int stateAt, int stateStride) {
        for (int k = 0; k < length; k++) {
            updateOne(step, g[gAt + k], w, wAt + k, state, stateAt + k, stateStride);
        }
    }

    @Override
    default void biasUpdate(OptimizerStep step, int width, int rows, float scale, float[] dy, int dyAt, int dyStride,
            float[] bias, float[][] state, float[] tile) {
        for (int o = 0; o < width; o++) {
            float g = scale * ScalarNormKernels.columnSum(rows, dy, dyAt + o, dyStride);
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
            case RMSPROP -> {
                float s = meanSquare(step, g, state[0][stateAt]);
                float u = g / ((float) Math.sqrt(s) + step.epsilon);
                w[wAt] = Math.fma(-step.rate, u, w[wAt]);
                state[0][stateAt] = s;
            }
            case RMSPROP_MOMENTUM -> {
                float s = meanSquare(step, g, state[0][stateAt]);
                float u = g / ((float) Math.sqrt(s) + step.epsilon);
                float b = Math.fma(step.momentum, state[1][stateAt + stateStride], FLUSH);
                b = b + u - FLUSH;
                w[wAt] = Math.fma(-step.rate, b, w[wAt]);
                state[0][stateAt] = s;
                state[1][stateAt + stateStride] = b;
            }
            case RMSPROP_CENTERED -> {
                float s = meanSquare(step, g, state[0][stateAt]);
                float a = mean(step, g, state[1][stateAt + stateStride]);
                float v = Math.max(Math.fma(-a, a, s), 0f);
                float u = g / ((float) Math.sqrt(v) + step.epsilon);
                w[wAt] = Math.fma(-step.rate, u, w[wAt]);
                state[0][stateAt] = s;
                state[1][stateAt + stateStride] = a;
            }
            case RMSPROP_CENTERED_MOMENTUM -> {
                float s = meanSquare(step, g, state[0][stateAt]);
                float a = mean(step, g, state[1][stateAt + stateStride]);
                float v = Math.max(Math.fma(-a, a, s), 0f);
                float u = g / ((float) Math.sqrt(v) + step.epsilon);
                float b = Math.fma(step.momentum, state[2][stateAt + 2 * stateStride], FLUSH);
                b = b + u - FLUSH;
                w[wAt] = Math.fma(-step.rate, b, w[wAt]);
                state[0][stateAt] = s;
                state[1][stateAt + stateStride] = a;
                state[2][stateAt + 2 * stateStride] = b;
            }
            case ADAM -> adam(step, g, w, wAt, w[wAt], state, stateAt, stateStride);
            case ADAMW -> adam(step, g, w, wAt, w[wAt] * step.keep, state, stateAt, stateStride);
            case AMSGRAD -> amsgrad(step, g, w, wAt, w[wAt], state, stateAt, stateStride);
            case ADAMW_AMSGRAD -> amsgrad(step, g, w, wAt, w[wAt] * step.keep, state, stateAt, stateStride);
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
            case FROZEN -> {
            }
        }
    }

    /// The running mean of g², Adam's v and RMSprop's s.
    private static float meanSquare(OptimizerStep step, float g, float before) {
        float flushed = Math.fma(step.beta2, before, FLUSH);
        return Math.fma(step.oneMinusBeta2 * g, g, flushed) - FLUSH;
    }

    /// RMSprop's running mean of g.
    private static float mean(OptimizerStep step, float g, float before) {
        return Math.fma(step.oneMinusBeta2, g, Math.fma(step.beta2, before, FLUSH)) - FLUSH;
    }

    /// An Adam step that starts from weight `from`.
    private static void adam(OptimizerStep step, float g, float[] w, int wAt, float from, float[][] state, int stateAt,
            int stateStride) {
        float m = Math.fma(step.beta1, state[0][stateAt], FLUSH);
        m = Math.fma(step.oneMinusBeta1, g, m) - FLUSH;
        float v = meanSquare(step, g, state[1][stateAt + stateStride]);
        w[wAt] = from - correctedStep(step, m, v);
        state[0][stateAt] = m;
        state[1][stateAt + stateStride] = v;
    }

    private static void amsgrad(OptimizerStep step, float g, float[] w, int wAt, float from, float[][] state,
            int stateAt, int stateStride) {
        float m = Math.fma(step.beta1, state[0][stateAt], FLUSH);
        m = Math.fma(step.oneMinusBeta1, g, m) - FLUSH;
        float v = meanSquare(step, g, state[1][stateAt + stateStride]);
        float largest = Math.max(state[2][stateAt + 2 * stateStride], v);
        w[wAt] = from - correctedStep(step, m, largest);
        state[0][stateAt] = m;
        state[1][stateAt + stateStride] = v;
        state[2][stateAt + 2 * stateStride] = largest;
    }

    private static float correctedStep(OptimizerStep step, float m, float v) {
        float deviation = (float) Math.sqrt(v * step.varianceCorrection) + step.epsilon;
        return (step.rate * step.momentCorrection) * m / deviation;
    }

    private static float regularized(OptimizerStep step, float g, float w) {
        float sign = w > 0f ? step.l1 : w < 0f ? -step.l1 : 0f;
        return Math.fma(step.l2, w, g) + sign;
    }
}
