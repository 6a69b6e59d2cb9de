package io.tidegrad.engine.testing;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.random.CounterRandom;
import java.util.Arrays;
import java.util.stream.IntStream;

/// Norms and attention again, in doubles, straight from the formulas.
final class DoubleNorms {
    private DoubleNorms() {}

    static double[] layerNorm(double[] x, double epsilon, double[] w, double[] b) {
        double mean = Arrays.stream(x).average().orElseThrow();
        double variance = Arrays.stream(x).map(v -> (v - mean) * (v - mean)).sum() / x.length;
        return IntStream.range(0, x.length)
                .mapToDouble(i -> (x[i] - mean) / Math.sqrt(variance + epsilon) * w[i] + b[i]).toArray();
    }

    static double[] rmsNorm(double[] x, double epsilon, double[] w) {
        double square = Arrays.stream(x).map(v -> v * v).sum() / x.length;
        return IntStream.range(0, x.length).mapToDouble(i -> x[i] / Math.sqrt(square + epsilon) * w[i]).toArray();
    }

    /// @param rows each (channels, …), row-major
    static double[][] batchNorm(double[][] rows, int channels, boolean learns, double epsilon, double[] runningMean,
            double[] runningVariance, double[] w, double[] b) {
        int size = rows[0].length;
        int pixels = size / channels;
        double[][] y = new double[rows.length][size];
        for (int c = 0; c < channels; c++) {
            double mean = runningMean[c];
            double variance = runningVariance[c];
            if (learns && rows.length * pixels > 1) {
                int from = c * pixels;
                double[] values =
                        Arrays.stream(rows).flatMapToDouble(row -> Arrays.stream(row, from, from + pixels)).toArray();
                double average = Arrays.stream(values).average().orElseThrow();
                mean = average;
                variance = Arrays.stream(values).map(v -> (v - average) * (v - average)).sum() / values.length;
            }
            for (int row = 0; row < rows.length; row++) {
                for (int i = c * pixels; i < (c + 1) * pixels; i++) {
                    y[row][i] = (rows[row][i] - mean) / Math.sqrt(variance + epsilon) * w[c] + b[c];
                }
            }
        }
        return y;
    }

    static double[][] sum(double[][] a, double[][] b) {
        double[][] sum = new double[a.length][];
        for (int row = 0; row < a.length; row++) {
            sum[row] = a[row].clone();
            for (int i = 0; i < sum[row].length; i++) {
                sum[row][i] += b[row][i];
            }
        }
        return sum;
    }

    /// 0 or 1 for each number of a batch.
    static double[] drawnMask(long seed, int stream, long step, int count, double rate) {
        long low = CounterRandom.bits(seed, stream, step, 0);
        long high = CounterRandom.bits(seed, stream, step, 1);
        float[] ones = new float[count];
        Arrays.fill(ones, 1);
        float[] mask = new float[count];
        int limit = (int) Math.round(rate * (1 << 24));
        new ScalarKernels().dropout(1, count, high << 32 | low & 0xffffffffL, 0, 0, 1, limit, 1, ones, 0, 0, mask, 0,
                0);
        return DoubleNetwork.doubles(mask);
    }

    /// @param x (steps, width)
    /// @param inWeights (width, 3 width): for q, k and v side by side
    static double[] selfAttention(double[] x, int width, int heads, boolean causal, double[] inWeights, double[] inBias,
            double[] outWeights, double[] outBias) {
        int steps = x.length / width;
        int headWidth = width / heads;
        double[][] projected = new double[steps][];
        for (int t = 0; t < steps; t++) {
            double[] line = Arrays.copyOfRange(x, t * width, (t + 1) * width);
            projected[t] = DoubleNetwork.product(line, inWeights, inBias);
        }
        double[] y = new double[x.length];
        for (int t = 0; t < steps; t++) {
            double[] joined = new double[width];
            for (int head = 0; head < heads; head++) {
                int from = head * headWidth;
                int seen = causal ? t + 1 : steps;
                double[] scores = new double[seen];
                for (int s = 0; s < seen; s++) {
                    for (int i = from; i < from + headWidth; i++) {
                        scores[s] += projected[t][i] * projected[s][width + i] / Math.sqrt(headWidth);
                    }
                }
                double[] p = DoubleNetwork.softmax(scores);
                for (int s = 0; s < seen; s++) {
                    for (int i = from; i < from + headWidth; i++) {
                        joined[i] += p[s] * projected[s][2 * width + i];
                    }
                }
            }
            double[] line = DoubleNetwork.product(joined, outWeights, outBias);
            System.arraycopy(line, 0, y, t * width, width);
        }
        return y;
    }
}
