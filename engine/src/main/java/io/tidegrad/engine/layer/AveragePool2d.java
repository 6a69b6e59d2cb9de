package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.Windows;

/// y[c, i, j] = Σ x[c, i s + u - p, j s + v - p] / (height · width of the kernel) over its (u, v), where x is 0 beyond
/// its edges and these zeros count. dx = Σ dy / (height · width) over the windows that contain the number. (channels,
/// height, width) to (channels, ⌊(height + 2 p - kernel) / s⌋ + 1, …). Padding is at most half the kernel.
public record AveragePool2d(Extent kernel, Extent stride, Extent padding) implements Layer {
    public AveragePool2d {
        Pooling.check(new Sliding(kernel, stride, padding));
    }

    /// Square windows that don't overlap, without padding.
    public AveragePool2d(int side) {
        this(Extent.of(side), Extent.of(side), Extent.of(0));
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Sliding sliding = new Sliding(kernel, stride, padding);
        return planner.reading(this, input, Shape.Columns.FIRST_AXIS, grid -> plan(planner, this, grid, sliding));
    }

    static Planned plan(Planner planner, Layer layer, Shape.Grid grid, Sliding sliding) {
        return Pooling.plan(planner, layer, grid, sliding, new Mean(sliding.kernel().area()));
    }

    private record Mean(float divisor) implements Pooling.Operation {
        @Override
        public void forward(Kernels kernels, Windows windows, int width, float[] x, int xAt, float[] y, float[] first,
                int yAt, int yStride) {
            kernels.averagePool(windows, width, divisor, x, xAt, y, yAt, yStride);
        }

        @Override
        public void backward(Kernels kernels, Windows windows, int width, float[] first, float[] dy, int yAt,
                int yStride, float[] dx, int dxAt) {
            kernels.averagePoolGradient(windows, width, divisor, dy, yAt, yStride, dx, dxAt);
        }
    }
}
