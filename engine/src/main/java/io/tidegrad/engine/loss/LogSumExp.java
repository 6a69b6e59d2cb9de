package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.ScalarMath;

/// The logarithm of a softmax's denominator: ln p_k = z_k - this.
final class LogSumExp {
    private LogSumExp() {}

    /// ln Σ_k e^z_k = max + ln Σ_k e^(z_k - max), so that nothing overflows.
    static double of(float[] z, int at, int classes) {
        float max = z[at];
        for (int k = 1; k < classes; k++) {
            max = Math.max(max, z[at + k]);
        }
        float sum = 0;
        for (int k = 0; k < classes; k++) {
            sum += ScalarMath.exp(z[at + k] - max);
        }
        return (double) max + ScalarMath.log(sum);
    }
}
