package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.ActivationFunction;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarMath;

/// How a prediction p follows from the network's output z. Named like the link functions of generalised linear models,
/// which map p to z.
public enum Link {
    /// p = z
    IDENTITY,

    /// p = e^z: a rate, always positive, and finite (`rate`).
    LOG,

    /// p = 1 / (1 + e^-z): each output is a probability.
    LOGIT,

    /// p = softmax(z): the probabilities of a line's classes.
    MULTINOMIAL_LOGIT;

    /// The most outputs computed with `ScalarMath`, which gives the same bits. A kernel uses no vector for so few and
    /// only loads its constants, which it allocates on the heap until it is compiled: a scorer's first predictions
    /// would create garbage.
    private static final int SHORT = 15;

    /// e^z, held to the largest float: a rate that is too large can be learned from, an infinite one can't.
    static float rate(float z) {
        return Math.min(ScalarMath.exp(z), Float.MAX_VALUE);
    }

    /// Computes the predictions.
    ///
    /// @param z (lines, width), element (line, column) at `at + line * stride + column`
    /// @param predictions (lines, width), without padding
    void predict(Kernels kernels, int lines, int width, float[] z, int at, int stride, float[] predictions) {
        if (this == MULTINOMIAL_LOGIT) {
            kernels.softmax(lines, width, z, at, stride, predictions, 0, width);
            return;
        }
        for (int line = 0; line < lines; line++) {
            System.arraycopy(z, at + line * stride, predictions, line * width, width);
        }
        int length = lines * width;
        if (this == LOGIT && length > SHORT) {
            kernels.activate(ActivationFunction.SIGMOID, 0, length, predictions, 0, predictions, 0);
            return;
        }
        for (int i = 0; i < length && this != IDENTITY; i++) {
            float p = predictions[i];
            predictions[i] = this == LOGIT ? ScalarMath.sigmoid(p) : rate(p);
        }
    }
}
