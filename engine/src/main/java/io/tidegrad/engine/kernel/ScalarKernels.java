package io.tidegrad.engine.kernel;

import org.jspecify.annotations.Nullable;

/// The definition: every result of the engine is, bit for bit, what these loops give. Written to be read; also the
/// fallback where the Vector API is missing, and the oracle that the vector kernels are tested against.
public final class ScalarKernels implements Kernels {
    /// The virtual lanes of a dot product over outputs, whatever the hardware has.
    static final int LANES = 16;

    /// Added to an optimizer's state and taken away again, which rounds what is far below it to a multiple of 1e-31: the
    /// JVM has no flush-to-zero, and state that fades into denormals would make a step up to 40 % slower. Zero stays
    /// zero; a variance of 1e-24 is a denominator of 1e-12, nothing beside an epsilon of 1e-8.
    static final float FLUSH = 1e-24f;

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public void denseForward(
            Panels panels,
            int fromPanel,
            int toPanel,
            int rows,
            float[] x,
            int xAt,
            int xStride,
            float[] w,
            float @Nullable [] bias,
            float[] y,
            int yAt,
            int yStride) {
        int width = panels.width();
        for (int r = 0; r < rows; r++) {
            for (int p = fromPanel; p < toPanel; p++) {
                int yPanel = yAt + r * yStride + p * width;
                for (int o = 0; o < width; o++) {
                    y[yPanel + o] = bias == null ? 0f : bias[p * width + o];
                }
                for (int i = 0; i < panels.inputs(); i++) {
                    int wRow = panels.index(i, p * width);
                    float xi = x[xAt + r * xStride + i];
                    for (int o = 0; o < width; o++) {
                        y[yPanel + o] = Math.fma(xi, w[wRow + o], y[yPanel + o]);
                    }
                }
            }
        }
    }

    @Override
    public void denseInputGradient(
            Panels panels,
            int fromInput,
            int toInput,
            int rows,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] w,
            float[] dx,
            int dxAt,
            int dxStride) {
        for (int r = 0; r < rows; r++) {
            for (int i = fromInput; i < toInput; i++) {
                dx[dxAt + r * dxStride + i] =
                        sumOfLanes(panels, i, dy, dyAt + r * dyStride, w, 0, 1);
            }
        }
    }

    /// The sum of lanes `lane`, `lane + step`, `lane + 2 step`, … as a tree: from (0, 1) it adds lanes 8 apart first, 1
    /// apart last.
    private static float sumOfLanes(
            Panels panels, int i, float[] dy, int dyAt, float[] w, int lane, int step) {
        if (step == LANES) {
            float sum = 0f;
            for (int o = lane; o < panels.stride(); o += LANES) {
                sum = Math.fma(dy[dyAt + o], w[panels.index(i, o)], sum);
            }
            return sum;
        }
        return sumOfLanes(panels, i, dy, dyAt, w, lane, 2 * step)
                + sumOfLanes(panels, i, dy, dyAt, w, lane + step, 2 * step);
    }

    @Override
    public void denseUpdate(
            OptimizerStep step,
            Panels panels,
            int fromInput,
            int toInput,
            int rows,
            float scale,
            float[] x,
            int xAt,
            int xStride,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] w,
            float[][] state,
            float[] tile) {
        for (int i = fromInput; i < toInput; i++) {
            for (int o = 0; o < panels.stride(); o++) {
                float g = 0f;
                for (int r = 0; r < rows; r++) {
                    g = Math.fma(x[xAt + r * xStride + i], dy[dyAt + r * dyStride + o], g);
                }
                int at = panels.index(i, o);
                updateOne(step, scale * g, w, at, state, at, 0);
            }
        }
    }

    @Override
    public void denseInputGradientAndUpdate(
            OptimizerStep step,
            Panels panels,
            int fromInput,
            int toInput,
            float scale,
            float[] x,
            int xAt,
            float[] dy,
            int dyAt,
            float[] w,
            float[][] state,
            float @Nullable [] dx,
            int dxAt,
            float[] tile) {
        int oneRow = 1;
        if (dx != null) {
            denseInputGradient(panels, fromInput, toInput, oneRow, dy, dyAt, 0, w, dx, dxAt, 0);
        }
        denseUpdate(
                step, panels, fromInput, toInput, oneRow, scale, x, xAt, 0, dy, dyAt, 0, w, state,
                tile);
    }

    @Override
    public void biasUpdate(
            OptimizerStep step,
            int width,
            int rows,
            float scale,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] bias,
            float[][] state,
            float[] tile) {
        for (int o = 0; o < width; o++) {
            float g = scale * columnSum(rows, dy, dyAt + o, dyStride);
            updateOne(step, g, bias, o, state, o, 0);
        }
    }

    @Override
    public void columnSums(
            int width, int rows, float scale, float[] x, int xAt, int xStride, float[] sums) {
        for (int c = 0; c < width; c++) {
            sums[c] = scale * columnSum(rows, x, xAt + c, xStride);
        }
    }

    @Override
    public void columnProducts(
            int width,
            int rows,
            float scale,
            float[] a,
            int aAt,
            int aStride,
            float[] b,
            int bAt,
            int bStride,
            float[] sums) {
        for (int c = 0; c < width; c++) {
            sums[c] = scale * columnProduct(rows, a, aAt + c, aStride, b, bAt + c, bStride);
        }
    }

    static float columnProduct(
            int rows, float[] a, int aAt, int aStride, float[] b, int bAt, int bStride) {
        float sum = 0f;
        for (int r = 0; r < rows; r++) {
            sum = Math.fma(a[aAt + r * aStride], b[bAt + r * bStride], sum);
        }
        return sum;
    }

    static float columnSum(int rows, float[] dy, int dyAt, int dyStride) {
        float sum = dy[dyAt];
        for (int r = 1; r < rows; r++) {
            sum += dy[dyAt + r * dyStride];
        }
        return sum;
    }

    @Override
    public void convolution(
            Panels panels,
            Patches patches,
            int fromPatch,
            int toPatch,
            float[] x,
            int xAt,
            float[] w,
            float @Nullable [] bias,
            float[] y,
            int yAt) {
        for (int p = fromPatch; p < toPatch; p++) {
            int corner = xAt + patches.corners()[p];
            int place = yAt + patches.places()[p];
            for (int o = 0; o < panels.stride(); o++) {
                float sum = bias == null ? 0f : bias[o];
                for (int k = 0; k < panels.inputs(); k++) {
                    sum = Math.fma(x[corner + patches.taps()[k]], w[panels.index(k, o)], sum);
                }
                y[place + o] = sum;
            }
        }
    }

    @Override
    public void convolutionUpdate(
            OptimizerStep step,
            Panels panels,
            Patches patches,
            int fromTap,
            int toTap,
            int images,
            float scale,
            float[] x,
            int xAt,
            int xImage,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] w,
            float[][] state,
            float[] tile) {
        for (int k = fromTap; k < toTap; k++) {
            for (int o = 0; o < panels.stride(); o++) {
                float g = 0f;
                for (int image = 0; image < images; image++) {
                    int tap = xAt + image * xImage + patches.taps()[k];
                    int line = dyAt + image * patches.count() * dyStride;
                    for (int p = 0; p < patches.count(); p++) {
                        float xp = x[tap + patches.corners()[p]];
                        g = Math.fma(xp, dy[line + p * dyStride + o], g);
                    }
                }
                int at = panels.index(k, o);
                updateOne(step, scale * g, w, at, state, at, 0);
            }
        }
    }

    @Override
    public void maxPool(
            Windows windows,
            int width,
            float[] x,
            int xAt,
            float[] y,
            float[] first,
            int yAt,
            int yStride) {
        for (int w = 0; w < windows.count(); w++) {
            int start = windows.starts()[w];
            for (int c = 0; c < width; c++) {
                float max = x[xAt + windows.places()[start] + c];
                float at = 0;
                for (int i = start + 1; i < windows.starts()[w + 1]; i++) {
                    float xi = x[xAt + windows.places()[i] + c];
                    if (xi > max || Float.isNaN(xi)) {
                        max = xi;
                        at = i - start;
                    }
                }
                y[yAt + w * yStride + c] = max;
                first[yAt + w * yStride + c] = at;
            }
        }
    }

    @Override
    public void maxPoolGradient(
            Windows windows,
            int width,
            float[] first,
            float[] dy,
            int yAt,
            int yStride,
            float[] dx,
            int dxAt) {
        for (int w = 0; w < windows.count(); w++) {
            int start = windows.starts()[w];
            for (int c = 0; c < width; c++) {
                int at = yAt + w * yStride + c;
                for (int i = start; i < windows.starts()[w + 1]; i++) {
                    float share = first[at] == i - start ? dy[at] : 0f;
                    int place = dxAt + windows.places()[i] + c;
                    dx[place] = windows.overlap() ? dx[place] + share : share;
                }
            }
        }
    }

    @Override
    public void averagePool(
            Windows windows,
            int width,
            float divisor,
            float[] x,
            int xAt,
            float[] y,
            int yAt,
            int yStride) {
        for (int w = 0; w < windows.count(); w++) {
            int start = windows.starts()[w];
            for (int c = 0; c < width; c++) {
                float sum = x[xAt + windows.places()[start] + c];
                for (int i = start + 1; i < windows.starts()[w + 1]; i++) {
                    sum += x[xAt + windows.places()[i] + c];
                }
                y[yAt + w * yStride + c] = sum / divisor;
            }
        }
    }

    @Override
    public void averagePoolGradient(
            Windows windows,
            int width,
            float divisor,
            float[] dy,
            int dyAt,
            int dyStride,
            float[] dx,
            int dxAt) {
        for (int w = 0; w < windows.count(); w++) {
            for (int c = 0; c < width; c++) {
                float share = dy[dyAt + w * dyStride + c] / divisor;
                for (int i = windows.starts()[w]; i < windows.starts()[w + 1]; i++) {
                    int place = dxAt + windows.places()[i] + c;
                    dx[place] = windows.overlap() ? dx[place] + share : share;
                }
            }
        }
    }

    @Override
    public void update(
            OptimizerStep step,
            int length,
            float[] g,
            int gAt,
            float[] w,
            int wAt,
            float[][] state,
            int stateAt,
            int stateStride) {
        for (int k = 0; k < length; k++) {
            updateOne(step, g[gAt + k], w, wAt + k, state, stateAt + k, stateStride);
        }
    }

    private static void updateOne(
            OptimizerStep step,
            float gradient,
            float[] w,
            int wAt,
            float[][] state,
            int stateAt,
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
            case ADAMW_AMSGRAD ->
                    amsgrad(step, g, w, wAt, w[wAt] * step.keep, state, stateAt, stateStride);
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
            case FROZEN -> {}
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

    /// From the weight `from`.
    private static void adam(
            OptimizerStep step,
            float g,
            float[] w,
            int wAt,
            float from,
            float[][] state,
            int stateAt,
            int stateStride) {
        float m = Math.fma(step.beta1, state[0][stateAt], FLUSH);
        m = Math.fma(step.oneMinusBeta1, g, m) - FLUSH;
        float v = meanSquare(step, g, state[1][stateAt + stateStride]);
        w[wAt] = from - correctedStep(step, m, v);
        state[0][stateAt] = m;
        state[1][stateAt + stateStride] = v;
    }

    private static void amsgrad(
            OptimizerStep step,
            float g,
            float[] w,
            int wAt,
            float from,
            float[][] state,
            int stateAt,
            int stateStride) {
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

    @Override
    public void unsignedBytes(
            int length, byte[] bytes, int from, float divisor, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = (bytes[from + k] & 0xff) / divisor;
        }
    }

    @Override
    public void relu(int length, float[] x, int xAt, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = Math.max(x[xAt + k], 0f);
        }
    }

    @Override
    public void reluGradient(
            int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            dx[dxAt + k] = y[yAt + k] > 0f ? dy[dyAt + k] : 0f;
        }
    }

    @Override
    public void sigmoid(int length, float[] x, int xAt, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = ScalarMath.sigmoid(x[xAt + k]);
        }
    }

    @Override
    public void sigmoidGradient(
            int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            float yk = y[yAt + k];
            dx[dxAt + k] = dy[dyAt + k] * yk * (1f - yk);
        }
    }

    @Override
    public void tanh(int length, float[] x, int xAt, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = ScalarMath.tanh(x[xAt + k]);
        }
    }

    @Override
    public void tanhGradient(
            int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            float yk = y[yAt + k];
            dx[dxAt + k] = dy[dyAt + k] * Math.fma(-yk, yk, 1f);
        }
    }

    @Override
    public void leakyRelu(int length, float slope, float[] x, int xAt, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = ScalarActivations.leakyRelu(slope, x[xAt + k]);
        }
    }

    @Override
    public void leakyReluGradient(
            int length,
            float slope,
            float[] x,
            int xAt,
            float[] dy,
            int dyAt,
            float[] dx,
            int dxAt) {
        for (int k = 0; k < length; k++) {
            dx[dxAt + k] = dy[dyAt + k] * ScalarActivations.leakyReluSlope(slope, x[xAt + k]);
        }
    }

    @Override
    public void elu(int length, float alpha, float[] x, int xAt, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = ScalarActivations.elu(alpha, x[xAt + k]);
        }
    }

    @Override
    public void eluGradient(
            int length,
            float alpha,
            float[] x,
            int xAt,
            float[] dy,
            int dyAt,
            float[] dx,
            int dxAt) {
        for (int k = 0; k < length; k++) {
            dx[dxAt + k] = dy[dyAt + k] * ScalarActivations.eluSlope(alpha, x[xAt + k]);
        }
    }

    @Override
    public void gelu(int length, float[] x, int xAt, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = ScalarActivations.gelu(x[xAt + k]);
        }
    }

    @Override
    public void geluGradient(
            int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            dx[dxAt + k] = dy[dyAt + k] * ScalarActivations.geluSlope(x[xAt + k]);
        }
    }

    @Override
    public void geluTanh(int length, float[] x, int xAt, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = ScalarActivations.geluTanh(x[xAt + k]);
        }
    }

    @Override
    public void geluTanhGradient(
            int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            dx[dxAt + k] = dy[dyAt + k] * ScalarActivations.geluTanhSlope(x[xAt + k]);
        }
    }

    @Override
    public void silu(int length, float[] x, int xAt, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = ScalarActivations.silu(x[xAt + k]);
        }
    }

    @Override
    public void siluGradient(
            int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            dx[dxAt + k] = dy[dyAt + k] * ScalarActivations.siluSlope(x[xAt + k]);
        }
    }

    @Override
    public void softplus(int length, float[] x, int xAt, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = ScalarMath.softplus(x[xAt + k]);
        }
    }

    @Override
    public void softplusGradient(
            int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            dx[dxAt + k] = dy[dyAt + k] * ScalarActivations.softplusSlope(x[xAt + k]);
        }
    }

    @Override
    public void softmax(
            int rows, int width, float[] x, int xAt, int xStride, float[] y, int yAt, int yStride) {
        for (int r = 0; r < rows; r++) {
            int xRow = xAt + r * xStride;
            int yRow = yAt + r * yStride;
            float max = max(width, x, xRow);
            expOfDifference(width, x, xRow, max, y, yRow);
            float sum = sum(width, y, yRow);
            for (int k = 0; k < width; k++) {
                y[yRow + k] /= sum;
            }
        }
    }

    @Override
    public void gruStep(
            int rows,
            int hidden,
            float[] gates,
            int gatesAt,
            float[] products,
            int productsAt,
            int gateStride,
            float[] h,
            int hAt,
            float[] next,
            int nextAt,
            int stride) {
        for (int r = 0; r < rows; r++) {
            gruStep(
                    0,
                    hidden,
                    gates,
                    gatesAt + r * gateStride,
                    products,
                    productsAt + r * gateStride,
                    h,
                    hAt + r * stride,
                    next,
                    nextAt + r * stride);
        }
    }

    /// One row, units `from` to `hidden`, the last not included.
    static void gruStep(
            int from,
            int hidden,
            float[] gates,
            int gatesAt,
            float[] products,
            int productsAt,
            float[] h,
            int hAt,
            float[] next,
            int nextAt) {
        for (int k = from; k < hidden; k++) {
            float r = ScalarMath.sigmoid(gates[gatesAt + k] + products[productsAt + k]);
            float z =
                    ScalarMath.sigmoid(
                            gates[gatesAt + hidden + k] + products[productsAt + hidden + k]);
            float n =
                    ScalarMath.tanh(
                            Math.fma(
                                    r,
                                    products[productsAt + 2 * hidden + k],
                                    gates[gatesAt + 2 * hidden + k]));
            next[nextAt + k] = Math.fma(z, h[hAt + k] - n, n);
            gates[gatesAt + k] = r;
            gates[gatesAt + hidden + k] = z;
            gates[gatesAt + 2 * hidden + k] = n;
        }
    }

    @Override
    public void gruStepGradient(
            int rows,
            int hidden,
            float[] gates,
            int gatesAt,
            float[] products,
            int productsAt,
            int gateStride,
            float[] h,
            int hAt,
            float[] dh,
            int dhAt,
            int stride) {
        for (int r = 0; r < rows; r++) {
            gruStepGradient(
                    0,
                    hidden,
                    gates,
                    gatesAt + r * gateStride,
                    products,
                    productsAt + r * gateStride,
                    h,
                    hAt + r * stride,
                    dh,
                    dhAt + r * stride);
        }
    }

    /// One row, units `from` to `hidden`, the last not included.
    static void gruStepGradient(
            int from,
            int hidden,
            float[] gates,
            int gatesAt,
            float[] products,
            int productsAt,
            float[] h,
            int hAt,
            float[] dh,
            int dhAt) {
        for (int k = from; k < hidden; k++) {
            float r = gates[gatesAt + k];
            float z = gates[gatesAt + hidden + k];
            float n = gates[gatesAt + 2 * hidden + k];
            float d = dh[dhAt + k];
            float dn = d * (1f - z) * Math.fma(-n, n, 1f);
            float dz = d * (h[hAt + k] - n) * z * (1f - z);
            float dr = dn * products[productsAt + 2 * hidden + k] * r * (1f - r);
            gates[gatesAt + k] = dr;
            gates[gatesAt + hidden + k] = dz;
            gates[gatesAt + 2 * hidden + k] = dn;
            products[productsAt + k] = dr;
            products[productsAt + hidden + k] = dz;
            products[productsAt + 2 * hidden + k] = dn * r;
            dh[dhAt + k] = d * z;
        }
    }

    @Override
    public void lstmStep(
            int rows,
            int hidden,
            float[] gates,
            int gatesAt,
            float[] products,
            int productsAt,
            int gateStride,
            float[] c,
            int cAt,
            float[] cNext,
            int cNextAt,
            float[] hNext,
            int hNextAt,
            int stride) {
        for (int r = 0; r < rows; r++) {
            lstmStep(
                    0,
                    hidden,
                    gates,
                    gatesAt + r * gateStride,
                    products,
                    productsAt + r * gateStride,
                    c,
                    cAt + r * stride,
                    cNext,
                    cNextAt + r * stride,
                    hNext,
                    hNextAt + r * stride);
        }
    }

    /// One row, units `from` to `hidden`, the last not included.
    static void lstmStep(
            int from,
            int hidden,
            float[] gates,
            int gatesAt,
            float[] products,
            int productsAt,
            float[] c,
            int cAt,
            float[] cNext,
            int cNextAt,
            float[] hNext,
            int hNextAt) {
        for (int k = from; k < hidden; k++) {
            float i = ScalarMath.sigmoid(gates[gatesAt + k] + products[productsAt + k]);
            float f =
                    ScalarMath.sigmoid(
                            gates[gatesAt + hidden + k] + products[productsAt + hidden + k]);
            float g =
                    ScalarMath.tanh(
                            gates[gatesAt + 2 * hidden + k]
                                    + products[productsAt + 2 * hidden + k]);
            float o =
                    ScalarMath.sigmoid(
                            gates[gatesAt + 3 * hidden + k]
                                    + products[productsAt + 3 * hidden + k]);
            float cell = Math.fma(f, c[cAt + k], i * g);
            cNext[cNextAt + k] = cell;
            hNext[hNextAt + k] = o * ScalarMath.tanh(cell);
            gates[gatesAt + k] = i;
            gates[gatesAt + hidden + k] = f;
            gates[gatesAt + 2 * hidden + k] = g;
            gates[gatesAt + 3 * hidden + k] = o;
        }
    }

    @Override
    public void lstmStepGradient(
            int rows,
            int hidden,
            float[] gates,
            int gatesAt,
            int gateStride,
            float[] c,
            int cAt,
            float[] cNext,
            int cNextAt,
            float[] dh,
            int dhAt,
            float[] dc,
            int dcAt,
            int stride) {
        for (int r = 0; r < rows; r++) {
            lstmStepGradient(
                    0,
                    hidden,
                    gates,
                    gatesAt + r * gateStride,
                    c,
                    cAt + r * stride,
                    cNext,
                    cNextAt + r * stride,
                    dh,
                    dhAt + r * stride,
                    dc,
                    dcAt + r * stride);
        }
    }

    /// One row, units `from` to `hidden`, the last not included.
    static void lstmStepGradient(
            int from,
            int hidden,
            float[] gates,
            int gatesAt,
            float[] c,
            int cAt,
            float[] cNext,
            int cNextAt,
            float[] dh,
            int dhAt,
            float[] dc,
            int dcAt) {
        for (int k = from; k < hidden; k++) {
            float i = gates[gatesAt + k];
            float f = gates[gatesAt + hidden + k];
            float g = gates[gatesAt + 2 * hidden + k];
            float o = gates[gatesAt + 3 * hidden + k];
            float t = ScalarMath.tanh(cNext[cNextAt + k]);
            float d = dh[dhAt + k];
            float dCell = Math.fma(d * o, Math.fma(-t, t, 1f), dc[dcAt + k]);
            gates[gatesAt + k] = dCell * g * i * (1f - i);
            gates[gatesAt + hidden + k] = dCell * c[cAt + k] * f * (1f - f);
            gates[gatesAt + 2 * hidden + k] = dCell * i * Math.fma(-g, g, 1f);
            gates[gatesAt + 3 * hidden + k] = d * t * o * (1f - o);
            dc[dcAt + k] = dCell * f;
        }
    }

    static void expOfDifference(
            int length, float[] x, int xAt, float subtrahend, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = ScalarMath.exp(x[xAt + k] - subtrahend);
        }
    }

    /// Shared by all kernels: a maximum has no rounding, and its order doesn't show.
    static float max(int length, float[] x, int xAt) {
        float max = x[xAt];
        for (int k = 1; k < length; k++) {
            max = Math.max(max, x[xAt + k]);
        }
        return max;
    }

    /// Shared by all kernels: in ascending order.
    static float sum(int length, float[] x, int xAt) {
        float sum = 0f;
        for (int k = 0; k < length; k++) {
            sum += x[xAt + k];
        }
        return sum;
    }

    @Override
    public void multiply(
            int rows,
            int columns,
            int depth,
            float scale,
            float[] a,
            int aAt,
            int aRow,
            int aStep,
            float[] b,
            int bAt,
            int bStep,
            float[] y,
            int yAt,
            int yRow) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                float sum = 0f;
                for (int k = 0; k < depth; k++) {
                    sum = Math.fma(a[aAt + r * aRow + k * aStep], b[bAt + k * bStep + c], sum);
                }
                y[yAt + r * yRow + c] = sum * scale;
            }
        }
    }

    @Override
    public void softmaxInLanes(int rows, int width, int growth, float[] x, int xAt, int xStride) {
        for (int r = 0; r < rows; r++) {
            int row = xAt + r * xStride;
            int columns = width + r * growth;
            expOfDifference(columns, x, row, max(columns, x, row), x, row);
            float sum = laneSum(columns, x, row, 0, 1);
            int end = columns;
            while (end % LANES != 0) {
                x[row + end++] = 0f;
            }
            for (int c = 0; c < end; c++) {
                x[row + c] /= sum;
            }
        }
    }

    @Override
    public void softmaxInLanesGradient(
            int rows,
            int width,
            float[] y,
            int yAt,
            int yStride,
            float[] dy,
            int dyAt,
            int dyStride) {
        for (int r = 0; r < rows; r++) {
            int yRow = yAt + r * yStride;
            int dyRow = dyAt + r * dyStride;
            float sum = laneProduct(width, y, yRow, dy, dyRow, 0, 1);
            for (int c = 0; c < width; c++) {
                dy[dyRow + c] = y[yRow + c] * (dy[dyRow + c] - sum);
            }
        }
    }

    @Override
    public void normalise(
            boolean centred,
            int rows,
            int width,
            float epsilon,
            float[] x,
            int xAt,
            int xStride,
            float[] y,
            int yAt,
            int yStride,
            float[] inverse,
            int inverseAt) {
        for (int r = 0; r < rows; r++) {
            int xRow = xAt + r * xStride;
            int yRow = yAt + r * yStride;
            float mean = centred ? laneSum(width, x, xRow, 0, 1) / width : 0f;
            for (int c = 0; c < width; c++) {
                y[yRow + c] = x[xRow + c] - mean;
            }
            float variance = laneProduct(width, y, yRow, y, yRow, 0, 1) / width;
            float factor = 1f / (float) Math.sqrt(variance + epsilon);
            for (int c = 0; c < width; c++) {
                y[yRow + c] *= factor;
            }
            inverse[inverseAt + r] = factor;
        }
    }

    @Override
    public void normaliseGradient(
            boolean centred,
            int rows,
            int width,
            float[] y,
            int yAt,
            int yStride,
            float[] inverse,
            int inverseAt,
            float[] dy,
            int dyAt,
            int dyStride) {
        for (int r = 0; r < rows; r++) {
            int yRow = yAt + r * yStride;
            int dyRow = dyAt + r * dyStride;
            float mean = centred ? laneSum(width, dy, dyRow, 0, 1) / width : 0f;
            float along = laneProduct(width, y, yRow, dy, dyRow, 0, 1) / width;
            for (int c = 0; c < width; c++) {
                float rest = Math.fma(-along, y[yRow + c], dy[dyRow + c] - mean);
                dy[dyRow + c] = inverse[inverseAt + r] * rest;
            }
        }
    }

    @Override
    public void scaleAndShift(
            int rows,
            int width,
            float[] x,
            int xAt,
            int xStride,
            float[] scale,
            float[] shift,
            int shiftAt,
            int shiftStride,
            float[] y,
            int yAt,
            int yStride) {
        scaleAndShift(
                rows,
                0,
                width,
                x,
                xAt,
                xStride,
                scale,
                shift,
                shiftAt,
                shiftStride,
                y,
                yAt,
                yStride);
    }

    static void scaleAndShift(
            int rows,
            int from,
            int to,
            float[] x,
            int xAt,
            int xStride,
            float[] scale,
            float[] shift,
            int shiftAt,
            int shiftStride,
            float[] y,
            int yAt,
            int yStride) {
        for (int r = 0; r < rows; r++) {
            for (int c = from; c < to; c++) {
                y[yAt + r * yStride + c] =
                        Math.fma(
                                x[xAt + r * xStride + c],
                                scale[c],
                                shift[shiftAt + r * shiftStride + c]);
            }
        }
    }

    @Override
    public void dropout(
            int rows,
            int width,
            long key,
            int from,
            int rowStep,
            int columnStep,
            int limit,
            float factor,
            float[] x,
            int xAt,
            int xStride,
            float[] y,
            int yAt,
            int yStride) {
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < width; c++) {
                int index = from + r * rowStep + c * columnStep;
                float kept = drawn(key, index) >= limit ? factor : 0f;
                y[yAt + r * yStride + c] = x[xAt + r * xStride + c] * kept;
            }
        }
    }

    static final int MIX_0 = 0x7feb352d;
    static final int MIX_1 = 0x846ca68b;

    /// 24 bits for an index under a key: the hash `lowbias32` (Wellons 2018) with the key's low word before its first
    /// multiplication and the high word after it. Philox, which draws the key, takes ten rounds of two 64-bit products.
    static int drawn(long key, int index) {
        int h = index ^ (int) key;
        h ^= h >>> 16;
        h = h * MIX_0 ^ (int) (key >>> 32);
        h ^= h >>> 15;
        h *= MIX_1;
        h ^= h >>> 16;
        return h >>> 8;
    }

    /// The sum of lanes `lane`, `lane + step`, `lane + 2 step`, … as a tree: from (0, 1) it adds lanes 8 apart first, 1
    /// apart last. Lane l sums the numbers whose index is l mod 16.
    private static float laneSum(int length, float[] x, int xAt, int lane, int step) {
        if (step == LANES) {
            float sum = 0f;
            for (int i = lane; i < length; i += LANES) {
                sum += x[xAt + i];
            }
            return sum;
        }
        return laneSum(length, x, xAt, lane, 2 * step)
                + laneSum(length, x, xAt, lane + step, 2 * step);
    }

    /// As `laneSum`, of a · b.
    private static float laneProduct(
            int length, float[] a, int aAt, float[] b, int bAt, int lane, int step) {
        if (step == LANES) {
            float sum = 0f;
            for (int i = lane; i < length; i += LANES) {
                sum = Math.fma(a[aAt + i], b[bAt + i], sum);
            }
            return sum;
        }
        return laneProduct(length, a, aAt, b, bAt, lane, 2 * step)
                + laneProduct(length, a, aAt, b, bAt, lane + step, 2 * step);
    }
}
