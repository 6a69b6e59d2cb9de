package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.Windows;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The implementation of the pooling layers, which turn each channel of a window into one number. Windows are cut off
/// at the image's edges.
final class Pooling {
    private Pooling() {}

    /// The kernels that pool one image.
    interface Operation {
        /// @param first scratch with one number per element of y, passed on to `backward`
        void forward(Kernels kernels, Windows windows, int width, float[] x, int xAt, float[] y, float[] first, int yAt,
                int yStride);

        /// Adds to dx if windows overlap, otherwise overwrites it.
        void backward(Kernels kernels, Windows windows, int width, float[] first, float[] dy, int yAt, int yStride,
                float[] dx, int dxAt);
    }

    static void check(Sliding sliding) {
        Extent kernel = sliding.kernel();
        Extent padding = sliding.padding();
        if (2 * padding.height() > kernel.height() || 2 * padding.width() > kernel.width()) {
            throw new IllegalArgumentException("expected padding of at most half the kernel of " + kernel
                    + ", or a window could lie outside of the image; found " + padding);
        }
    }

    /// @param grid (channels, height, width), columns along the channels
    static Planned plan(Planner planner, Layer layer, Shape.Grid grid, Sliding sliding, Operation operation) {
        Extent image = Sliding.image(planner, layer, grid);
        Extent places = sliding.over(planner, layer, image);
        Shape.Grid output =
                new Shape.Grid(List.of(grid.width(), places.height(), places.width()), Shape.Columns.FIRST_AXIS);
        return new Planned(output, false, (workspace, x, into) -> {
            Activation y = workspace.activation(output, x.gradient() != null);
            Block dx = x.gradient();
            return new Bound(operation, grid.width(), image.area(), windows(sliding, image, places, x.value().stride),
                    dx == null ? null : windows(sliding, image, places, dx.stride),
                    workspace.floatsLike(y.value().values), x, y);
        });
    }

    private static Windows windows(Sliding sliding, Extent image, Extent places, int xStride) {
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

    /// @param pixels pixels of the input's image
    /// @param first as long as y's values
    private record Bound(Operation operation, int channels, int pixels, Windows windows,
            @Nullable Windows gradientWindows, float[] first, Activation input, Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            Block x = input.value();
            Block y = output.value();
            int width = width(x, y);
            for (int row = 0; row < step.rows; row++) {
                operation.forward(step.kernels, windows, width, x.values, x.row(row * pixels), y.values, first,
                        y.row(row * windows.count()), y.stride);
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
                int dxRow = dx.row(row * pixels);
                // Pixels in no window keep gradient 0, as allocated: nothing else writes them.
                if (gradientWindows.overlap()) {
                    Arrays.fill(dx.values, dxRow, dxRow + (pixels - 1) * dx.stride + width, 0);
                }
                operation.backward(step.kernels, gradientWindows, width, first, dy.values,
                        dy.row(row * windows.count()), dy.stride, dx.values, dxRow);
            }
        }

        /// Columns to process: padding included if both blocks have the same, because a few more numbers cost less than
        /// a tail in each line.
        private int width(Block a, Block b) {
            return a.liesAs(b) ? b.stride : channels;
        }
    }
}
