package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.Windows;

/// y[c, i, j] = max x[c, i s + u - p, j s + v - p] over the kernel's (u, v), where x is minus infinity beyond its
/// edges. dx: each dy goes to its window's maximum, or to the first of several equal ones in row-major order; gradients
/// from overlapping windows are added. (channels, height, width) to (channels, ⌊(height + 2 p - kernel) / s⌋ + 1, …).
/// Padding is at most half the kernel.
public record MaxPool2d(Extent kernel, Extent stride, Extent padding) implements Layer {
    public MaxPool2d {
        Pooling.check(new Sliding(kernel, stride, padding));
    }

    /// Square windows that don't overlap, without padding.
    public MaxPool2d(int side) {
        this(Extent.of(side), Extent.of(side), Extent.of(0));
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return plan(planner, input, new Max(false));
    }

    /// Plans relu and pooling as one pass: max(relu(x)) = relu(max x), and both orders stop the same gradients. This
    /// saves one pass over the image in each direction and the array between the two layers.
    Planned planAfterRelu(Planner planner, Shape input) {
        return plan(planner, input, new Max(true));
    }

    private Planned plan(Planner planner, Shape input, Max max) {
        Sliding sliding = new Sliding(kernel, stride, padding);
        return planner.reading(this, input, Shape.Columns.FIRST_AXIS,
                grid -> Pooling.plan(planner, this, grid, sliding, max));
    }

    private record Max(boolean relu) implements Pooling.Operation {
        @Override
        public void forward(Kernels kernels, Windows windows, int width, float[] x, int xAt, float[] y, float[] first,
                int yAt, int yStride) {
            kernels.maxPool(windows, relu, width, x, xAt, y, first, yAt, yStride);
        }

        @Override
        public void backward(Kernels kernels, Windows windows, int width, float[] first, float[] dy, int yAt,
                int yStride, float[] dx, int dxAt) {
            kernels.maxPoolGradient(windows, width, first, dy, yAt, yStride, dx, dxAt);
        }
    }
}
