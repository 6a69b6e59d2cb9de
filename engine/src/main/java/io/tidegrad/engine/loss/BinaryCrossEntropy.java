package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarMath;

/// -y ln p - (1 - y) ln(1 - p) with p = 1 / (1 + e^-z), from the logit z, so that nothing overflows however sure the
/// network is; one label float an output, 0 or 1 (or a probability between).
public record BinaryCrossEntropy() implements Loss {
    @Override
    public int labels(int outputs) {
        return outputs;
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
        for (int row = 0; row < rows; row++) {
            for (int o = 0; o < outputs; o++) {
                predictions[row * outputs + o] = ScalarMath.sigmoid(y[at + row * stride + o]);
            }
        }
    }

    /// max(z, 0) - z y + ln(1 + e^-|z|)
    @Override
    public void losses(
            int rows, int outputs, float[] y, int at, int stride, float[] labels, float[] losses) {
        for (int row = 0; row < rows; row++) {
            double sum = 0;
            for (int o = 0; o < outputs; o++) {
                float z = y[at + row * stride + o];
                float label = labels[row * outputs + o];
                if (!(label >= 0 && label <= 1)) {
                    sum = Double.NaN;
                }
                sum += Math.max(z, 0) - z * label + ScalarMath.log1p(ScalarMath.exp(-Math.abs(z)));
            }
            losses[row] = (float) (sum / outputs);
        }
    }

    /// dz = w (p - y) / outputs
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
            float factor = sampleWeights[row] / outputs;
            for (int o = 0; o < outputs; o++) {
                int i = row * outputs + o;
                dy[dyAt + row * dyStride + o] = factor * (predictions[i] - labels[i]);
            }
        }
    }
}
