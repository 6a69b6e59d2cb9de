package io.tidegrad.engine.kernel;

/// Elementwise activations and their gradients.
interface ActivationKernels {
    /// y = f(x); in place allowed.
    default void activate(ActivationFunction f, float factor, int length, float[] x, int xAt, float[] y, int yAt) {
        for (int k = 0; k < length; k++) {
            y[yAt + k] = f.at(factor, x[xAt + k]);
        }
    }

    /// dx = dy f'(x), from x and y = f(x); in place on dy allowed.
    default void activateGradient(ActivationFunction f, float factor, int length, float[] x, int xAt, float[] y,
            int yAt, float[] dy, int dyAt, float[] dx, int dxAt) {
        for (int k = 0; k < length; k++) {
            dx[dxAt + k] = f.gradient(factor, x[xAt + k], y[yAt + k], dy[dyAt + k]);
        }
    }
}
