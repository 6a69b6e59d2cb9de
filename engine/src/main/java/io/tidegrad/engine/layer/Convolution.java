package io.tidegrad.engine.layer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.Panels;
import io.tidegrad.engine.kernel.Patches;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The implementation of `Conv1d` and `Conv2d`. It is a direct convolution: patches of the image are multiplied in
/// place, without im2col. All channels of a pixel are contiguous, and output channels are in the lanes of vectors.
final class Convolution {
    private Convolution() {}

    /// @param channels of the output
    record Options(int channels, boolean bias, Initialization initialization) {
    }

    static void check(int channels, Sliding sliding) {
        if (channels < 1) {
            throw new IllegalArgumentException(
                    "expected at least 1 output channel for a kernel of " + sliding.kernel() + ", found " + channels);
        }
    }

    /// @param channels of the input
    /// @param output the output's grid for a number of patches
    static Planned plan(Planner planner, Layer layer, Sliding sliding, Extent image, int channels, Options options,
            Function<Extent, Shape.Grid> output) {
        Extent patches = sliding.over(planner, layer, image);
        int area = sliding.kernel().area();
        int outputs = options.channels();
        // Panels pad the outputs to at most 63 more, and the inputs' gradients need the transposed weights; an array
        // holds at most 2^31 - 1 floats.
        if ((long) area * (channels + 63L) * (outputs + 63L) > Integer.MAX_VALUE) {
            throw planner.mismatch(layer, "at most 2^31 weights in one layer",
                    "%d x %d x %d".formatted(area, channels, outputs));
        }
        Panels panels = new Panels(area * channels, outputs);
        int weight = planner.declare(new Tensor.Matrix(planner.name("weight"), panels, options.initialization(),
                area * channels, area * outputs));
        int bias = options.bias() ? planner.declareVector("bias", outputs, panels.stride(), Tensor.Vector.Role.BIAS)
                : Bound.NO_BIAS;
        Shape.Grid grid = output.apply(patches);
        Geometry geometry = new Geometry(sliding, image, patches, channels);
        return new Planned(grid, true, (workspace, x, into) -> new Bound(geometry, panels, weight, bias, workspace, x,
                workspace.activation(grid.lines(), panels.stride(), true)));
    }

    /// @param patches positions of the kernel
    /// @param channels of the input
    private record Geometry(Sliding sliding, Extent image, Extent patches, int channels) {

        /// Taps are ordered (u, v, c), as are the rows of the weights.
        Patches forward(Bordered x, int yStride) {
            Extent kernel = sliding.kernel();
            Extent stride = sliding.stride();
            int line = x.outer().width();
            int xStride = x.images().stride;
            int[] corners = new int[patches.area()];
            int[] places = new int[patches.area()];
            for (int p = 0; p < corners.length; p++) {
                int i = p / patches.width();
                int j = p % patches.width();
                corners[p] = (i * stride.height() * line + j * stride.width()) * xStride;
                places[p] = p * yStride;
            }
            int[] taps = new int[kernel.area() * channels];
            for (int k = 0; k < taps.length; k++) {
                int u = k / channels / kernel.width();
                int v = k / channels % kernel.width();
                taps[k] = (u * line + v) * xStride + k % channels;
            }
            return new Patches(corners, taps, places);
        }
    }

    /// Multiplies the patches of all images with one matrix. Workers divide the patches among themselves.
    private static final class Products {
        private final Panels panels;
        private final Patches patches;
        private final Block x;
        private final int xImage;
        private final Block y;
        private final int yImage;

        // Created once, so that a step allocates nothing.
        private final Step.Work part = this::run;
        private float[] w = {};
        private float @Nullable [] bias;

        /// @param xImage floats from one image of x to the next; `yImage` likewise for y
        Products(Panels panels, Patches patches, Block x, int xImage, Block y, int yImage) {
            this.panels = panels;
            this.patches = patches;
            this.x = x;
            this.xImage = xImage;
            this.y = y;
            this.yImage = yImage;
        }

        void run(Step step, float[] w, float @Nullable [] bias) {
            this.w = w;
            this.bias = bias;
            int all = step.rows * patches.count();
            step.share((long) panels.length() * all, Math.ceilDiv(all, patches.patchGrain()), part);
        }

        private void run(Step step, int part, int parts, int worker) {
            int count = patches.count();
            int all = step.rows * count;
            int grain = patches.patchGrain();
            int grains = Math.ceilDiv(all, grain);
            int at = Workers.cut(grains, part, parts) * grain;
            int end = Math.min(all, Workers.cut(grains, part + 1, parts) * grain);
            while (at < end) {
                int image = at / count;
                int from = at % count;
                int to = Math.min(count, from + end - at);
                step.kernels.convolution(panels, patches, from, to, x.values, x.at + image * xImage, w, bias, y.values,
                        y.at + image * yImage);
                at += to - from;
            }
        }
    }

    private static final class Bound implements Pass {
        static final int NO_BIAS = -1;

        private final Panels panels;
        private final int weight;
        private final int bias;
        private final float[] biasGradient;
        private final Bordered x;
        private final Patches patches;
        private final Activation output;
        private final Products forward;
        private final @Nullable InputGradient inputGradient;
        private final Step.Work updatePart = this::update;

        Bound(Geometry geometry, Panels panels, int weight, int bias, Workspace workspace, Activation input,
                Activation output) {
            this.panels = panels;
            this.weight = weight;
            this.bias = bias;
            biasGradient = workspace.floats(bias == NO_BIAS ? 0 : panels.stride());
            this.output = output;
            Extent padding = geometry.sliding.padding();
            x = Bordered.around(workspace, input.value(), geometry.channels, geometry.image, padding, padding);
            Block y = output.value();
            patches = geometry.forward(x, y.stride);
            forward = new Products(panels, patches, x.images(), x.length(), y, patches.count() * y.stride);
            Block dx = input.gradient();
            inputGradient =
                    dx == null ? null : new InputGradient(geometry, panels, workspace, output.requireGradient(), dx);
        }

        @Override
        public Activation output() {
            return output;
        }

        /// y = W · patch + b
        @Override
        public void forward(Step step) {
            x.copy(step.rows);
            forward.run(step, step.slab.dense(weight).weights(),
                    bias == NO_BIAS ? null : step.slab.dense(bias).weights());
            step.watch(output.value(), patches.count());
        }

        /// dx, computed with the W of forward; dW = Σ patch · dy; db = Σ dy
        @Override
        public void backward(Step step) {
            if (inputGradient != null) {
                inputGradient.compute(step, step.slab.dense(weight).weights());
            }
            step.share((long) panels.length() * step.rows * patches.count(),
                    Math.ceilDiv(panels.inputs(), patches.tapGrain()), updatePart);
        }

        /// Updates the weights of a range of taps. The first part also updates the bias.
        private void update(Step step, int part, int parts, int worker) {
            float[] tile = step.tile(worker);
            Block dy = output.requireGradient();
            int grains = Math.ceilDiv(panels.inputs(), patches.tapGrain());
            boolean hasBias = part == 0 && bias != NO_BIAS && !step.optimizer(bias).isFrozen();
            Storage.Dense w = step.target.dense(weight);
            step.kernels.convolutionUpdate(step.optimizer(weight), panels, patches,
                    Workers.cut(grains, part, parts) * patches.tapGrain(),
                    Math.min(panels.inputs(), Workers.cut(grains, part + 1, parts) * patches.tapGrain()), step.rows,
                    step.scale, x.images().values, x.images().at, x.length(), dy.values, dy.at, dy.stride, w.weights(),
                    w.state(), hasBias ? biasGradient : null, tile);
            if (hasBias) {
                Storage.Dense b = step.target.dense(bias);
                step.kernels.update(step.optimizer(bias), panels.stride(), biasGradient, 0, b.weights(), 0, b.state(),
                        0, 0);
            }
        }
    }

    /// dx[c, i, j] = Σ W[o, c, u, v] dy[o, (i + p - u) / s, (j + p - v) / s], summed over the kernel's (u, v) for which
    /// s divides both numerators, then over o, ascending. This is a convolution of dy, which is 0 beyond its edges,
    /// with the transposed weights. Pixels are grouped into s² phases by (i + p) mod s and (j + p) mod s; all pixels of
    /// a phase have the same (u, v).
    private static final class InputGradient {
        private static final int WIDEST_PANEL = 64;

        /// The fewest pixels of an image for which pixels, not channels, are put in the lanes of vectors.
        private static final int PLANE_PIXELS_MIN = 16;

        private final @Nullable Bordered dy;
        private final List<Phase> phases = new ArrayList<>();

        /// @param outputs the panels of the layer's weights
        InputGradient(Geometry geometry, Panels outputs, Workspace workspace, Block dy, Block dx) {
            Extent kernel = geometry.sliding.kernel();
            Extent stride = geometry.sliding.stride();
            Extent padding = geometry.sliding.padding();
            Extent image = geometry.image;
            Extent patches = geometry.patches;
            Axis rows = new Axis(image.height(), kernel.height(), stride.height(), padding.height(), patches.height());
            Axis columns = new Axis(image.width(), kernel.width(), stride.width(), padding.width(), patches.width());
            Extent before = new Extent(rows.before(), columns.before());
            Extent after = new Extent(rows.after(), columns.after());
            int channels = geometry.channels;
            if (stride.area() == 1 && channels <= Kernels.NARROW_OUTPUTS && image.area() >= PLANE_PIXELS_MIN) {
                this.dy = null;
                Planes planes = Planes.around(workspace, dy, outputs.outputs(), patches, before, after);
                phases.add(new Phase(geometry, outputs, rows, columns, 0, 0, 0, channels, workspace, planes.length(), 1,
                        planes.outer().width(), (panels, taps) -> new PlaneProducts(panels, taps, planes,
                                rows.output(0) * planes.outer().width() + columns.output(0), image, dx)));
                return;
            }
            Bordered lines = Bordered.around(workspace, dy, outputs.outputs(), patches, before, after);
            this.dy = lines;
            // Lines of dx can be too short for panels of 64 but not for panels of 16.
            int group = dx.stride % WIDEST_PANEL == 0 ? channels : Panels.NARROW_OUTPUTS_MAX;
            for (int u = 0; u < stride.height(); u++) {
                for (int v = 0; v < stride.width(); v++) {
                    // A phase without taps has gradient 0, as allocated: nothing else writes it.
                    if (u < kernel.height() && v < kernel.width()) {
                        for (int from = 0; from < channels; from += group) {
                            int to = Math.min(channels, from + group);
                            int fromChannel = from;
                            int[] is = rows.pixelsOf(u);
                            int[] js = columns.pixelsOf(v);
                            workspace.count(2L * Integer.BYTES * is.length * js.length);
                            phases.add(new Phase(geometry, outputs, rows, columns, u, v, from, to, workspace, 1,
                                    lines.images().stride, lines.outer().width(), (panels, taps) -> products(panels,
                                            taps, is, js, rows, columns, lines, image, dx.from(fromChannel))));
                        }
                    }
                }
            }
        }

        private static Multiplication products(Panels panels, int[] taps, int[] is, int[] js, Axis vertical,
                Axis horizontal, Bordered dy, Extent image, Block dx) {
            int[] corners = new int[is.length * js.length];
            int[] places = new int[corners.length];
            for (int p = 0; p < corners.length; p++) {
                int i = is[p / js.length];
                int j = js[p % js.length];
                int output = vertical.output(i) * dy.outer().width() + horizontal.output(j);
                corners[p] = (dy.corner() + output) * dy.images().stride;
                places[p] = (i * horizontal.pixels + j) * dx.stride;
            }
            Products products = new Products(panels, new Patches(corners, taps, places), dy.images(), dy.length(), dx,
                    image.area() * dx.stride);
            return (step, w) -> products.run(step, w, null);
        }

        /// @param w the weights of forward
        void compute(Step step, float[] w) {
            if (dy != null) {
                dy.copy(step.rows);
            }
            for (int i = 0; i < phases.size(); i++) {
                phases.get(i).compute(step, w);
            }
        }
    }

    /// One axis of dx and dy.
    private record Axis(int pixels, int kernel, int stride, int padding, int patches) {
        /// The output that a pixel contributes to through the first tap of its phase.
        int output(int pixel) {
            return (pixel + padding) / stride;
        }

        /// Border before the first output: how many of the outputs that the formula reads don't exist there.
        int before() {
            return IntStream.range(0, pixels).map(i -> earliest(i)).map(o -> -o).max().orElse(0);
        }

        private int earliest(int pixel) {
            int phase = (pixel + padding) % stride;
            return Math.min(0, output(pixel) - Math.max(0, kernel - 1 - phase) / stride);
        }

        int after() {
            return Math.max(0, output(pixels - 1) - (patches - 1));
        }

        int[] pixelsOf(int phase) {
            return IntStream.range(0, pixels).filter(i -> (i + padding) % stride == phase).toArray();
        }

        int[] tapsOf(int phase) {
            return IntStream.range(0, kernel).filter(u -> u % stride == phase).toArray();
        }
    }

    /// Computes all images of dx from those of dy.
    private interface Multiplication {
        /// @param w weights transposed as by `Phase`
        void run(Step step, float[] w);

        interface Factory {
            /// @param taps offsets from a pixel's first tap
            Multiplication of(Panels panels, int[] taps);
        }
    }

    /// dx for few channels: pixels are in the lanes of vectors, because channels would leave half the lanes empty.
    /// Workers divide the images among themselves.
    private static final class PlaneProducts implements Multiplication {
        private final Panels panels;
        private final int[] taps;
        private final Planes dy;
        private final int corner; // offset of the first pixel
        private final Extent image;
        private final Block dx;
        private final Step.Work part = this::run;
        private float[] w = {};

        PlaneProducts(Panels panels, int[] taps, Planes dy, int corner, Extent image, Block dx) {
            this.panels = panels;
            this.taps = taps;
            this.dy = dy;
            this.corner = dy.corner() + corner;
            this.image = image;
            this.dx = dx;
        }

        @Override
        public void run(Step step, float[] w) {
            this.w = w;
            step.share((long) panels.length() * step.rows * image.area(), step.rows, part);
        }

        private void run(Step step, int part, int parts, int worker) {
            int end = Workers.cut(step.rows, part + 1, parts);
            for (int row = Workers.cut(step.rows, part, parts); row < end; row++) {
                dy.copy(step.kernels, row);
                step.kernels.convolutionOfPlanes(panels, taps, image.height(), image.width(), dy.values(),
                        dy.row(row) + corner, dy.outer().width(), w, dx.values, dx.row(row * image.area()), dx.stride,
                        step.tile(worker));
            }
        }
    }

    /// The gradients of one phase's pixels, for channels `fromChannel` (inclusive) to `toChannel` (exclusive).
    private static final class Phase {
        private final Panels panels; // (taps of the phase · outputs, channels)
        private final float[] transposed;
        private final int[] rows; // tap → its first row in the weights
        private final int[] from; // output → start of its column of the weights
        private final int[] to; // channel → start of its column of the transposed weights
        private final int weightsStep;
        private final Multiplication products;

        /// @param outputStep floats from one output of a pixel of dy to the next; `pixelStep` floats from one pixel to
        ///     the next, `line` pixels from one line to the next
        Phase(Geometry geometry, Panels outputs, Axis vertical, Axis horizontal, int phaseV, int phaseH,
                int fromChannel, int toChannel, Workspace workspace, int outputStep, int pixelStep, int line,
                Multiplication.Factory multiplication) {
            int channels = toChannel - fromChannel;
            int[] us = vertical.tapsOf(phaseV);
            int[] vs = horizontal.tapsOf(phaseH);
            rows = new int[us.length * vs.length];
            int[] taps = new int[rows.length * outputs.outputs()];
            for (int t = 0; t < rows.length; t++) {
                int u = us[t / vs.length];
                int v = vs[t % vs.length];
                rows[t] = (u * horizontal.kernel + v) * geometry.channels + fromChannel;
                int back = u / vertical.stride * line + v / horizontal.stride;
                for (int o = 0; o < outputs.outputs(); o++) {
                    taps[t * outputs.outputs() + o] = o * outputStep - back * pixelStep;
                }
            }
            panels = new Panels(taps.length, channels);
            transposed = workspace.floats(panels.length());
            workspace.count((long) Integer.BYTES * taps.length);
            from = IntStream.range(0, outputs.outputs()).map(o -> outputs.index(0, o)).toArray();
            to = IntStream.range(0, channels).map(c -> panels.index(0, c)).toArray();
            weightsStep = outputs.width();
            products = multiplication.of(panels, taps);
        }

        void compute(Step step, float[] w) {
            int width = panels.width();
            for (int t = 0; t < rows.length; t++) {
                for (int c = 0; c < to.length; c++) {
                    int row = (rows[t] + c) * weightsStep;
                    int column = to[c] + t * from.length * width;
                    for (int o = 0; o < from.length; o++) {
                        transposed[column + o * width] = w[from[o] + row];
                    }
                }
            }
            products.run(step, transposed);
        }
    }
}
