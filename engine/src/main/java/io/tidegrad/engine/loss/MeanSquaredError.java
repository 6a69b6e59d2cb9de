package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.Kernels;

/// (p - y)², the mean over outputs; one label float an output.
public record MeanSquaredError() implements Loss {
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
            System.arraycopy(y, at + row * stride, predictions, row * outputs, outputs);
        }
    }

    @Override
    public void losses(
            int rows, int outputs, float[] y, int at, int stride, float[] labels, float[] losses) {
        for (int row = 0; row < rows; row++) {
            double sum = 0;
            for (int o = 0; o < outputs; o++) {
                double difference = (double) y[at + row * stride + o] - labels[row * outputs + o];
                sum += difference * difference;
            }
            losses[row] = (float) (sum / outputs);
        }
    }

    /// dp = 2 w (p - y) / outputs
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
            float factor = 2 * sampleWeights[row] / outputs;
            for (int o = 0; o < outputs; o++) {
                int i = row * outputs + o;
                dy[dyAt + row * dyStride + o] = factor * (predictions[i] - labels[i]);
            }
        }
    }
}
