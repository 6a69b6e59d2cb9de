package io.tidegrad.engine.testing;

import io.tidegrad.engine.layer.Extent;
import java.util.List;

/// Convolutions and poolings in doubles, as their formulas are written: every index computed, every edge asked for.
final class DoubleImages {
    private DoubleImages() {}

    /// @param w (u, v, c) rows of o columns
    static DoubleNetwork.Values convolution(DoubleNetwork.Values x, Extent kernel, Extent stride, Extent padding,
            double[] w, double[] b) {
        int channels = x.axes().get(0);
        return slide(x, b.length, kernel, stride, padding, (row, o, top, left) -> {
            double sum = b[o];
            for (int c = 0; c < channels; c++) {
                for (int u = 0; u < kernel.height(); u++) {
                    for (int v = 0; v < kernel.width(); v++) {
                        int k = (u * kernel.width() + v) * channels + c;
                        sum += w[k * b.length + o] * at(x, row, c, top + u, left + v, 0);
                    }
                }
            }
            return sum;
        });
    }

    static DoubleNetwork.Values maxPool(DoubleNetwork.Values x, Extent kernel, Extent stride, Extent padding) {
        return slide(x, x.axes().get(0), kernel, stride, padding, (row, c, top, left) -> {
            double max = Double.NEGATIVE_INFINITY;
            for (int u = 0; u < kernel.height(); u++) {
                for (int v = 0; v < kernel.width(); v++) {
                    double number = at(x, row, c, top + u, left + v, Double.NEGATIVE_INFINITY);
                    max = Math.max(max, number);
                }
            }
            return max;
        });
    }

    static DoubleNetwork.Values averagePool(DoubleNetwork.Values x, Extent kernel, Extent stride, Extent padding) {
        return slide(x, x.axes().get(0), kernel, stride, padding, (row, c, top, left) -> {
            double sum = 0;
            for (int u = 0; u < kernel.height(); u++) {
                for (int v = 0; v < kernel.width(); v++) {
                    sum += at(x, row, c, top + u, left + v, 0);
                }
            }
            return sum / (kernel.height() * kernel.width());
        });
    }

    static DoubleNetwork.Values globalAveragePool(DoubleNetwork.Values x) {
        Extent image = new Extent(x.axes().get(1), x.axes().get(2));
        DoubleNetwork.Values y = averagePool(x, image, Extent.of(1), Extent.of(0));
        return new DoubleNetwork.Values(List.of(x.axes().get(0)), y.rows());
    }

    private interface Formula {
        double of(double[] row, int channel, int top, int left);
    }

    private static DoubleNetwork.Values slide(DoubleNetwork.Values x, int channels, Extent kernel, Extent stride,
            Extent padding, Formula formula) {
        int height = (x.axes().get(1) + 2 * padding.height() - kernel.height()) / stride.height() + 1;
        int width = (x.axes().get(2) + 2 * padding.width() - kernel.width()) / stride.width() + 1;
        return x.mapRows(List.of(channels, height, width), row -> {
            double[] y = new double[channels * height * width];
            for (int i = 0; i < y.length; i++) {
                int top = i / width % height * stride.height() - padding.height();
                int left = i % width * stride.width() - padding.width();
                y[i] = formula.of(row, i / width / height, top, left);
            }
            return y;
        });
    }

    private static double at(DoubleNetwork.Values x, double[] row, int c, int i, int j, double beyond) {
        int height = x.axes().get(1);
        int width = x.axes().get(2);
        boolean inside = i >= 0 && i < height && j >= 0 && j < width;
        return inside ? row[(c * height + i) * width + j] : beyond;
    }
}
