package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarMath;

/// -Σ y ln p with p = softmax(z), from the logits z, shifted by their maximum so that nothing overflows; one label float:
/// the class index, or (`oneHot`) one float a class: its probability.
public record CategoricalCrossEntropy(boolean oneHot) implements Loss {
    @Override
    public int labels(int outputs) {
        return oneHot ? outputs : 1;
    }

    @Override
    public int outputsMin() {
        return 2;
    }

    @Override
    public void predict(
            Kernels kernels,
            int rows,
            int outputs,
            float[] y,
            int at,
            int stride,
            float[] predictions) {
        kernels.softmax(rows, outputs, y, at, stride, predictions, 0, outputs);
    }

    /// Σ y_k (ln Σ e^(z - max) - (z_k - max)); NaN for a class index that is none.
    @Override
    public void losses(
            int rows, int outputs, float[] y, int at, int stride, float[] labels, float[] losses) {
        for (int row = 0; row < rows; row++) {
            int zAt = at + row * stride;
            float max = y[zAt];
            for (int k = 1; k < outputs; k++) {
                max = Math.max(max, y[zAt + k]);
            }
            float sum = 0;
            for (int k = 0; k < outputs; k++) {
                sum += ScalarMath.exp(y[zAt + k] - max);
            }
            float logSum = ScalarMath.log(sum);
            double loss = 0;
            if (oneHot) {
                for (int k = 0; k < outputs; k++) {
                    float label = labels[row * outputs + k];
                    // A class of probability 0 adds nothing, even where its logit is minus
                    // infinity.
                    if (label != 0) {
                        loss += label * (logSum - (y[zAt + k] - max));
                    }
                }
            } else {
                float label = labels[row];
                int k = (int) label;
                loss =
                        k == label && k >= 0 && k < outputs
                                ? logSum - (y[zAt + k] - max)
                                : Double.NaN;
            }
            losses[row] = (float) loss;
        }
    }

    /// dz_k = w (p_k Σ y - y_k); Σ y is 1 for an index
    @Override
    public void gradient(
            int rows,
            int outputs,
            float[] predictions,
            float[] labels,
            float[] sampleWeights,
            float[] dy,
            int dyAt,
            int dyStride) {
        for (int row = 0; row < rows; row++) {
            float weight = sampleWeights[row];
            int to = dyAt + row * dyStride;
            int from = row * outputs;
            if (oneHot) {
                float total = 0;
                for (int k = 0; k < outputs; k++) {
                    total += labels[from + k];
                }
                for (int k = 0; k < outputs; k++) {
                    dy[to + k] = weight * (predictions[from + k] * total - labels[from + k]);
                }
            } else {
                int label = (int) labels[row];
                for (int k = 0; k < outputs; k++) {
                    float p = predictions[from + k];
                    dy[to + k] = weight * (k == label ? p - 1 : p);
                }
            }
        }
    }
}
