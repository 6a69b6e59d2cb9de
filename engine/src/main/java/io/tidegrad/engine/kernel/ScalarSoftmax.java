package io.tidegrad.engine.kernel;

/// y = e^(x - max) / Σ e^(x - max): shared by the softmax layer and the cross-entropy that it is fused with. The sum runs in
/// index order; rows are as short as there are classes, so there is no vector twin.
public final class ScalarSoftmax {
    private ScalarSoftmax() {}

    public static void softmax(int width, float[] x, int xAt, float[] y, int yAt) {
        float max = x[xAt];
        for (int i = 1; i < width; i++) {
            max = Math.max(max, x[xAt + i]);
        }
        float sum = 0;
        for (int i = 0; i < width; i++) {
            float e = ScalarMath.exp(x[xAt + i] - max);
            y[yAt + i] = e;
            sum += e;
        }
        for (int i = 0; i < width; i++) {
            y[yAt + i] /= sum;
        }
    }
}
