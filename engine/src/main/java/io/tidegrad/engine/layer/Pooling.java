package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Windows;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The implementation of the pooling layers, which turn each channel of a window into one number. Windows are cut off
/// at the image's edges.
///
/// @param kind how a window becomes a number
record Pooling(Sliding sliding, Kind kind) {
    enum Kind {
        MAX,
        /// Relu and maximum as one pass: max(relu(x)) = relu(max x), and both orders stop the same gradients. This
        /// saves one pass over the image in each direction and the array between the two layers.
        MAX_OF_RELU, MEAN
    }

    Pooling(Extent kernel, Extent stride, Extent padding, Kind kind) {
        this(new Sliding(kernel, stride, padding), kind);
        if (2 * padding.height() > kernel.height() || 2 * padding.width() > kernel.width()) {
            throw new IllegalArgumentException("expected padding of at most half the kernel of " + kernel
                    + ", or a window could lie outside of the image; found " + padding);
        }
    }

    Planned plan(Planner planner, Layer layer, Shape input) {
        return planner.reading(layer, input, Shape.Columns.FIRST_AXIS, grid -> plan(planner, layer, grid));
    }

    /// @param grid (channels, height, width), columns along the channels
    Planned plan(Planner planner, Layer layer, Shape.Grid grid) {
        Extent image = Sliding.image(planner, layer, grid);
        Extent places = sliding.over(planner, layer, image);
        Shape.Grid output =
                new Shape.Grid(List.of(grid.width(), places.height(), places.width()), Shape.Columns.FIRST_AXIS);
        return new Planned(output, false, (workspace, x, into) -> {
            Activation y = workspace.activation(output, x.gradient() != null);
            Block dx = x.gradient();
            return new Bound(kind, sliding.kernel().area(), grid.width(), image.area(),
                    windows(image, places, x.value().stride), dx == null ? null : windows(image, places, dx.stride),
                    workspace.floatsLike(y.value().values), x, y);
        });
    }

    private Windows windows(Extent image, Extent places, int xStride) {
        int[] starts = new int[places.area() + 1];
        int[] pixels = new int[Math.multiplyExact(places.area(), sliding.kernel().area())];
        int count = 0;
        for (int w = 0; w < places.area(); w++) {
            int top = w / places.width() * sliding.stride().height() - sliding.padding().height();
            int left = w % places.width() * sliding.stride().width() - sliding.padding().width();
            int bottom = Math.min(image.height(), top + sliding.kernel().height());
            int right = Math.min(image.width(), left + sliding.kernel().width());
            for (int i = Math.max(0, top); i < bottom; i++) {
                for (int j = Math.max(0, left); j < right; j++) {
                    pixels[count++] = (i * image.width() + j) * xStride;
                }
            }
            starts[w + 1] = count;
        }
        boolean overlap = sliding.kernel().height() > sliding.stride().height()
                || sliding.kernel().width() > sliding.stride().width();
        return new Windows(starts, Arrays.copyOf(pixels, count), overlap);
    }

    /// @param divisor of a mean
    /// @param pixels pixels of the input's image
    /// @param first of a maximum, from forward to backward; as long as y's values
    private record Bound(Kind kind, float divisor, int channels, int pixels, Windows windows,
            @Nullable Windows gradientWindows, float[] first, Activation input, Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            Block x = input.value();
            Block y = output.value();
            int width = width(x, y);
            for (int row = 0; row < step.rows; row++) {
                int xAt = x.row(row * pixels);
                int yAt = y.row(row * windows.count());
                if (kind == Kind.MEAN) {
                    step.kernels.averagePool(windows, width, divisor, x.values, xAt, y.values, yAt, y.stride);
                } else {
                    step.kernels.maxPool(windows, kind == Kind.MAX_OF_RELU, width, x.values, xAt, y.values, first, yAt,
                            y.stride);
                }
            }
        }

        @Override
        public void backward(Step step) {
            Block dx = input.gradient();
            if (dx == null || gradientWindows == null) {
                return;
            }
            Block dy = output.requireGradient();
            int width = width(dx, dy);
            for (int row = 0; row < step.rows; row++) {
                int dxAt = dx.row(row * pixels);
                int dyAt = dy.row(row * windows.count());
                // Pixels in no window keep gradient 0, as allocated: nothing else writes them.
                if (gradientWindows.overlap) {
                    Arrays.fill(dx.values, dxAt, dxAt + (pixels - 1) * dx.stride + width, 0);
                }
                if (kind == Kind.MEAN) {
                    step.kernels.averagePoolGradient(gradientWindows, width, divisor, dy.values, dyAt, dy.stride,
                            dx.values, dxAt);
                } else {
                    step.kernels.maxPoolGradient(gradientWindows, width, first, dy.values, dyAt, dy.stride, dx.values,
                            dxAt);
                }
            }
        }

        /// Columns to process: padding included if both blocks have the same, because a few more numbers cost less than
        /// a tail in each line.
        private int width(Block a, Block b) {
            return a.liesAs(b) ? b.stride : channels;
        }
    }
}
