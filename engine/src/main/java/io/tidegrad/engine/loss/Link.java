package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarMath;

/// How a prediction p follows from what the network puts out, z. Named as for generalised linear models: by the
/// function that leads from p to z.
public enum Link {
    /// p = z
    IDENTITY,

    /// p = e^z: a rate, always positive.
    LOG,

    /// p = 1 / (1 + e^-z): a probability of each output's own.
    LOGIT,

    /// p = softmax(z): the probabilities of a line's classes.
    MULTINOMIAL_LOGIT;

    /// Below a vector, a kernel does nothing but load its constants, which until it is compiled lie on the heap: a
    /// scorer's first predictions would make garbage. Its bits are those of `ScalarMath`.
    private static final int SHORT = 15;

    /// What a reader gets to see.
    ///
    /// @param z (lines, width), element (line, column) at `at + line * stride + column`
    /// @param predictions (lines, width), tight
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
            kernels.sigmoid(length, predictions, 0, predictions, 0);
            return;
        }
        for (int i = 0; i < length && this != IDENTITY; i++) {
            float p = predictions[i];
            predictions[i] = this == LOGIT ? ScalarMath.sigmoid(p) : ScalarMath.exp(p);
        }
    }
}
