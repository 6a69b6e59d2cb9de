package io.tidegrad.engine.kernel;

/// The definition of `ActivationKernels`: applies the functions of `ScalarMath` and `ScalarActivations` to every number
/// of a row.
interface ScalarActivationKernels extends ActivationKernels {
    /// A function of one number, and its slope if that is a function of x. This is not a functional interface, because
    /// a call site with many implementations would not be inlined into its loop.
    enum Function {
        RELU, SIGMOID, TANH, LEAKY_RELU, ELU, GELU, GELU_TANH, SILU, SOFTPLUS;

        float at(float factor, float x) {
            return switch (this) {
                case RELU -> Math.max(x, 0f);
                case SIGMOID -> ScalarMath.sigmoid(x);
                case TANH -> ScalarMath.tanh(x);
                case LEAKY_RELU -> ScalarActivations.leakyRelu(factor, x);
                case ELU -> ScalarActivations.elu(factor, x);
                case GELU -> ScalarActivations.gelu(x);
                case GELU_TANH -> ScalarActivations.geluTanh(x);
                case SILU -> ScalarActivations.silu(x);
                case SOFTPLUS -> ScalarMath.softplus(x);
            };
        }

        /// The slope at x. Functions whose gradient needs y have their own loops instead.
        float slope(float factor, float x) {
            return switch (this) {
                case RELU, SIGMOID, TANH -> throw new IllegalStateException(this + ": from y");
                case LEAKY_RELU -> ScalarActivations.leakyReluSlope(factor, x);
                case ELU -> ScalarActivations.eluSlope(factor, x);
                case GELU -> ScalarActivations.geluSlope(x);
                case GELU_TANH -> ScalarActivations.geluTanhSlope(x);
                case SILU -> ScalarActivations.siluSlope(x);
                case SOFTPLUS -> ScalarActivations.softplusSlope(x);
            };
        }
    }

    /// y = function(x), where `factor` is the function's parameter, if it has one.
    private static void map(Function function, float factor, int length, float[] x, int xAt, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = function.at(factor, x[xAt + k]);
        }
    }

    /// dx = dy function'(x)
    private static void mapGradient(Function function, float factor, int length, float[] x, int xAt, float[] dy,
            int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            dx[dxAt + k] = dy[dyAt + k] * function.slope(factor, x[xAt + k]);
        }
    }

    @Override
    default void relu(int length, float[] x, int xAt, float[] y, int yAt) {
        map(Function.RELU, 0f, length, x, xAt, y, yAt);
    }

    @Override
    default void reluGradient(int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            dx[dxAt + k] = y[yAt + k] > 0f ? dy[dyAt + k] : 0f;
        }
    }

    @Override
    default void sigmoid(int length, float[] x, int xAt, float[] y, int yAt) {
        map(Function.SIGMOID, 0f, length, x, xAt, y, yAt);
    }

    @Override
    default void sigmoidGradient(int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            float yk = y[yAt + k];
            dx[dxAt + k] = dy[dyAt + k] * yk * (1f - yk);
        }
    }

    @Override
    default void tanh(int length, float[] x, int xAt, float[] y, int yAt) {
        map(Function.TANH, 0f, length, x, xAt, y, yAt);
    }

    @Override
    default void tanhGradient(int length, float[] y, int yAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            float yk = y[yAt + k];
            dx[dxAt + k] = dy[dyAt + k] * Math.fma(-yk, yk, 1f);
        }
    }

    @Override
    default void leakyRelu(int length, float slope, float[] x, int xAt, float[] y, int yAt) {
        map(Function.LEAKY_RELU, slope, length, x, xAt, y, yAt);
    }

    @Override
    default void leakyReluGradient(int length, float slope, float[] x, int xAt, float[] dy, int dyAt, float[] dx,
            int dxAt) {
        mapGradient(Function.LEAKY_RELU, slope, length, x, xAt, dy, dyAt, dx, dxAt);
    }

    @Override
    default void elu(int length, float alpha, float[] x, int xAt, float[] y, int yAt) {
        map(Function.ELU, alpha, length, x, xAt, y, yAt);
    }

    @Override
    default void eluGradient(int length, float alpha, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        mapGradient(Function.ELU, alpha, length, x, xAt, dy, dyAt, dx, dxAt);
    }

    @Override
    default void gelu(int length, float[] x, int xAt, float[] y, int yAt) {
        map(Function.GELU, 0f, length, x, xAt, y, yAt);
    }

    @Override
    default void geluGradient(int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        mapGradient(Function.GELU, 0f, length, x, xAt, dy, dyAt, dx, dxAt);
    }

    @Override
    default void geluTanh(int length, float[] x, int xAt, float[] y, int yAt) {
        map(Function.GELU_TANH, 0f, length, x, xAt, y, yAt);
    }

    @Override
    default void geluTanhGradient(int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        mapGradient(Function.GELU_TANH, 0f, length, x, xAt, dy, dyAt, dx, dxAt);
    }

    @Override
    default void silu(int length, float[] x, int xAt, float[] y, int yAt) {
        map(Function.SILU, 0f, length, x, xAt, y, yAt);
    }

    @Override
    default void siluGradient(int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        mapGradient(Function.SILU, 0f, length, x, xAt, dy, dyAt, dx, dxAt);
    }

    @Override
    default void softplus(int length, float[] x, int xAt, float[] y, int yAt) {
        map(Function.SOFTPLUS, 0f, length, x, xAt, y, yAt);
    }

    @Override
    default void softplusGradient(int length, float[] x, int xAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        mapGradient(Function.SOFTPLUS, 0f, length, x, xAt, dy, dyAt, dx, dxAt);
    }
}
