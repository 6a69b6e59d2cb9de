package io.tidegrad.engine.kernel;

import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.IntStream;

/// How fast the kernels are, in thread-CPU time (best and median of many rounds), beside the processor's own limits
/// measured in the same run. Not a test: it asserts nothing.
///
///     mvn -pl engine test-compile
///     java --add-modules jdk.incubator.vector -cp engine/target/classes:engine/target/test-classes \
///         io.tidegrad.engine.kernel.KernelBenchmark
///
/// With `-Dtidegrad.kernels=256`, the same for another width.
final class KernelBenchmark {
    private static final int ROUNDS = 41;
    private static final long ROUND_NANOS = 4_000_000;

    private static final com.sun.management.ThreadMXBean THREAD =
            (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final Kernels kernels = Kernels.active();

    public static void main(String[] arguments) {
        new KernelBenchmark().run(arguments.length > 0 ? arguments[0] : "");
    }

    private void run(String filter) {
        System.out.println(kernels.name() + ", " + Runtime.version());
        int[][] shapes = {{784, 512}, {512, 256}, {784, 10}, {64, 128}};
        for (int[] shape : shapes) {
            for (int rows : new int[]{1, 8, 32, 128}) {
                dense(filter, rows, Panels.ofLayer(shape[0], shape[1]));
            }
        }
        for (int rows : new int[]{1, 8, 32}) {
            for (OptimizerStep.Kind kind : OptimizerStep.Kind.values()) {
                step(filter, "step 784-10-10", kind, rows, 784, 10, 10);
                step(filter, "step 784-512-256-10", kind, rows, 784, 512, 256, 10);
            }
        }
        convolution(filter, 1, 28, 1, 8);
        convolution(filter, 1, 28, 1, 16);
        convolution(filter, 1, 28, 8, 16);
        convolution(filter, 32, 28, 1, 8);
        convolution(filter, 32, 13, 8, 16);
        convolution(filter, 8, 28, 64, 64);
        elementwise(filter);
        attention(filter);
        norms(filter);
    }

    /// Kernels of 3 x 3 over square images, without padding, columns of padding counted as work done; dX is a
    /// convolution of dy within a border of zeros.
    private void convolution(String filter, int images, int side, int channels, int outputs) {
        int stride = channels == 1 ? 1 : new Panels(1, channels).stride();
        Panels panels = new Panels(9 * channels, outputs);
        Patches patches = patches(side, 3, channels, stride, panels.stride());
        int length = patches.count() * panels.stride();
        float[] x = numbers(images * side * side * stride);
        float[] y = numbers(images * length);
        float[] w = numbers(panels.length());
        float[][] state = new float[2][w.length];
        float[] tile = new float[Kernels.TILES];
        String shape = "%d x %d x %d x %d -> %d".formatted(images, side, side, channels, outputs);
        double flops = 2.0 * images * patches.count() * panels.length();
        report(filter, "conv forward " + shape, flops, 0, () -> {
            for (int image = 0; image < images; image++) {
                int xAt = image * side * side * stride;
                kernels.convolution(panels, patches, 0, patches.count(), x, xAt, w, null, y, image * length);
            }
        });
        OptimizerStep adam = optimizer(OptimizerStep.Kind.ADAM);
        report(filter, "conv dW+adam " + shape, flops, 0, () -> kernels.convolutionUpdate(adam, panels, patches, 0,
                9 * channels, images, 1f, x, 0, side * side * stride, y, 0, panels.stride(), w, state, null, tile));
        Panels transposed = new Panels(9 * outputs, channels);
        Patches all = patches(side + 2, 3, outputs, panels.stride(), transposed.stride());
        float[] dy = numbers(images * (side + 2) * (side + 2) * panels.stride());
        float[] dx = new float[images * all.count() * transposed.stride()];
        float[] wT = numbers(transposed.length());
        report(filter, "conv dX " + shape, 2.0 * images * all.count() * transposed.length(), 0, () -> {
            for (int image = 0; image < images; image++) {
                kernels.convolution(transposed, all, 0, all.count(), dy,
                        image * (side + 2) * (side + 2) * panels.stride(), wT, null, dx,
                        image * all.count() * transposed.stride());
            }
        });
    }

    private static Patches patches(int side, int kernel, int channels, int xStride, int yStride) {
        int places = side - kernel + 1;
        return new Patches(
                IntStream.range(0, places * places).map(p -> (p / places * side + p % places) * xStride).toArray(),
                IntStream.range(0, kernel * kernel * channels)
                        .map(k -> (k / channels / kernel * side + k / channels % kernel) * xStride + k % channels)
                        .toArray(),
                IntStream.range(0, places * places).map(p -> p * yStride).toArray());
    }

    private void dense(String filter, int rows, Panels panels) {
        Layer layer = new Layer(panels, rows);
        String shape = "%d x %d -> %d".formatted(rows, panels.inputs(), panels.outputs());
        double flops = 2.0 * rows * panels.length();
        OptimizerStep sgd = optimizer(OptimizerStep.Kind.SGD);
        OptimizerStep adam = optimizer(OptimizerStep.Kind.ADAM);
        report(filter, "forward " + shape, flops, 0, () -> layer.forward(kernels));
        report(filter, "dX " + shape, flops, 0, () -> layer.inputGradient(kernels));
        report(filter, "dW+sgd " + shape, flops, panels.length(), () -> layer.update(kernels, sgd));
        report(filter, "dW+adam " + shape, flops, panels.length(), () -> layer.update(kernels, adam));
        if (rows == 1) {
            report(filter, "dX+dW+sgd " + shape, 2 * flops, panels.length(), () -> layer.both(kernels, sgd));
            report(filter, "dX+dW+adam " + shape, 2 * flops, panels.length(), () -> layer.both(kernels, adam));
        }
    }

    /// Forward, softmax, backward, update of a stack of dense layers with relu between.
    private void step(String filter, String name, OptimizerStep.Kind kind, int rows, int... widths) {
        Layer[] layers = new Layer[widths.length - 1];
        for (int l = 0; l < layers.length; l++) {
            layers[l] = new Layer(Panels.ofLayer(widths[l], widths[l + 1]), rows);
        }
        OptimizerStep step = optimizer(kind);
        report(filter, name + " " + kind + " B=" + rows, 0, 0, () -> learn(layers, step, rows));
    }

    private void learn(Layer[] layers, OptimizerStep step, int rows) {
        int last = layers.length - 1;
        for (int l = 0; l <= last; l++) {
            Layer layer = layers[l];
            layer.forward(kernels);
            if (l < last) {
                kernels.activate(ActivationFunction.RELU, 0, rows * layer.stride, layer.y, 0, layers[l + 1].x, 0);
            } else {
                int classes = layer.panels.outputs();
                kernels.softmax(rows, classes, layer.y, 0, layer.stride, layer.dy, 0, layer.stride);
                for (int r = 0; r < rows; r++) {
                    layer.dy[r * layer.stride + r % classes] -= 1f;
                }
            }
        }
        for (int l = last; l >= 0; l--) {
            Layer layer = layers[l];
            layer.biasUpdate(kernels, step);
            if (rows == 1) {
                layer.gradientAndUpdate(kernels, step, l > 0);
            } else {
                if (l > 0) {
                    layer.inputGradient(kernels);
                }
                layer.update(kernels, step);
            }
            if (l > 0) {
                Layer below = layers[l - 1];
                kernels.activateGradient(ActivationFunction.RELU, 0, rows * below.stride, below.y, 0, layer.x, 0,
                        layer.dx, 0, below.dy, 0);
            }
        }
    }

    private void elementwise(String filter) {
        int length = 4096;
        float[] x = numbers(length);
        float[] y = new float[length];
        for (ActivationFunction function : ActivationFunction.values()) {
            report(filter, function + " 4096", 0, length, () -> kernels.activate(function, 0.3f, length, x, 0, y, 0));
            report(filter, function + " gradient 4096", 0, length,
                    () -> kernels.activateGradient(function, 0.3f, length, x, 0, x, 0, x, 0, y, 0));
        }
        report(filter, "softmax 1 x 10", 0, 10, () -> kernels.softmax(1, 10, x, 0, 0, y, 0, 0));
        report(filter, "softmax 8 x 512", 0, length, () -> kernels.softmax(8, 512, x, 0, 512, y, 0, 512));
    }

    /// One head of one row: 32 steps, 16 wide, in a matrix of 192 columns.
    private void attention(String filter) {
        int steps = 32;
        int width = 16;
        int stride = 192;
        float[] q = numbers(steps * stride);
        float[] k = numbers(width * steps);
        float[] y = new float[steps * stride];
        float[] scores = new float[steps * steps];
        double flops = 2.0 * steps * steps * width;
        report(filter, "scores 32 x 16 -> 32", flops, 0,
                () -> kernels.multiply(steps, steps, width, 0.25f, q, 0, stride, 1, k, 0, steps, scores, 0, steps));
        report(filter, "values 32 x 32 -> 16", flops, 0,
                () -> kernels.multiply(steps, width, steps, 1, scores, 0, steps, 1, q, 0, stride, y, 0, stride));
        report(filter, "values, 15 wide", flops * 15 / 16, 0,
                () -> kernels.multiply(steps, 15, steps, 1, scores, 0, steps, 1, q, 0, stride, y, 0, stride));
        report(filter, "softmax in lanes 32 x 32", 0, steps * steps,
                () -> kernels.softmaxInLanes(steps, steps, 0, scores, 0, steps));
        report(filter, "softmax in lanes gradient 32 x 32", 0, steps * steps,
                () -> kernels.softmaxInLanesGradient(steps, steps, scores, 0, steps, y, 0, steps));
    }

    private void norms(String filter) {
        int rows = 64;
        int width = 64;
        int length = rows * width;
        float[] x = numbers(length);
        float[] y = new float[length];
        float[] factors = numbers(rows);
        float[] ones = new float[width];
        Arrays.fill(ones, 1);
        report(filter, "normalise 64 x 64", 0, length,
                () -> kernels.normalise(true, rows, width, 1e-5f, x, 0, width, y, 0, width, factors, 0));
        float[] dy = numbers(length);
        report(filter, "normalise gradient 64 x 64", 0, length,
                () -> kernels.normaliseGradient(true, rows, width, y, 0, width, factors, 0, dy, 0, width));
        report(filter, "scale and shift 64 x 64", 0, length,
                () -> kernels.scaleAndShift(rows, width, x, 0, width, ones, ones, 0, 0, y, 0, width));
        report(filter, "dropout 64 x 64", 0, length,
                () -> kernels.dropout(rows, width, 12345678901L, 0, width, 1, 1 << 23, 2, x, 0, width, y, 0, width));
    }

    private static OptimizerStep optimizer(OptimizerStep.Kind kind) {
        OptimizerStep step = new OptimizerStep();
        step.kind = kind;
        step.rate = 1e-6f;
        step.momentum = 0.9f;
        step.beta1 = 0.9f;
        step.oneMinusBeta1 = 0.1f;
        step.beta2 = 0.999f;
        step.oneMinusBeta2 = 0.001f;
        step.epsilon = 1e-8f;
        step.momentCorrection = 1f;
        step.varianceCorrection = 1f;
        step.keep = 1f;
        step.inverseAlpha = 10f;
        step.beta = 1f;
        return step;
    }

    private static void report(String filter, String name, double flops, int parameters, Runnable work) {
        if (!name.contains(filter)) {
            return;
        }
        int calls = 1;
        long spent = 0;
        for (long warm = 0; warm < 1_500_000_000L || spent < ROUND_NANOS; warm += spent) {
            spent = time(work, calls);
            if (spent < ROUND_NANOS) {
                calls *= 2;
            }
        }
        calls = Math.max(1, (int) (calls * (double) ROUND_NANOS / spent));
        long allocated = THREAD.getCurrentThreadAllocatedBytes();
        double[] nanos = new double[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            nanos[round] = (double) time(work, calls) / calls;
        }
        allocated = THREAD.getCurrentThreadAllocatedBytes() - allocated;
        Arrays.sort(nanos);
        double best = nanos[0];
        double median = nanos[ROUNDS / 2];
        String line =
                String.format(Locale.ROOT, "%-34s best %9.2f us, median %9.2f us", name, best / 1e3, median / 1e3);
        if (flops > 0) {
            line += String.format(Locale.ROOT, ", %6.1f GFLOP/s", flops / best);
        }
        if (parameters > 0) {
            line += String.format(Locale.ROOT, ", %6.3f ns an element", best / parameters);
        }
        System.out.println(line + (allocated > 100_000 ? ", ALLOCATES " + allocated : ""));
    }

    private static long time(Runnable work, int calls) {
        long start = THREAD.getCurrentThreadCpuTime();
        for (int call = 0; call < calls; call++) {
            work.run();
        }
        return THREAD.getCurrentThreadCpuTime() - start;
    }

    private static float[] numbers(int length) {
        float[] x = new float[length];
        for (int i = 0; i < length; i++) {
            x[i] = (float) Math.floorMod(i * 7919L, 2001) / 1000f - 1f;
        }
        return x;
    }

    private static final class Layer {
        final Panels panels;
        final int rows;
        final int stride;
        final float[] w;
        final float[][] state;
        final float[] bias;
        final float[] tile = new float[Kernels.TILES];
        final float[][] biasState;
        final float[] scratch;
        final float[] x;
        final float[] dx;
        final float[] y;
        final float[] dy;

        Layer(Panels panels, int rows) {
            this.panels = panels;
            this.rows = rows;
            stride = panels.stride();
            w = new float[panels.length()];
            for (int i = 0; i < panels.inputs(); i++) {
                for (int o = 0; o < panels.outputs(); o++) {
                    w[panels.index(i, o)] = ((i * 31 + o * 17) % 201 - 100) / 3000f;
                }
            }
            state = new float[3][panels.length()];
            bias = new float[stride];
            scratch = new float[panels.scratch()];
            biasState = new float[3][stride];
            x = numbers(rows * inputStride());
            dx = new float[rows * inputStride()];
            y = new float[rows * stride];
            dy = new float[rows * stride];
            for (int r = 0; r < rows; r++) {
                for (int o = 0; o < panels.outputs(); o++) {
                    dy[r * stride + o] = ((r + o * 7) % 11 - 5) / 50f;
                }
            }
        }

        int inputStride() {
            return (panels.inputs() + 63) / 64 * 64;
        }

        void forward(Kernels kernels) {
            kernels.denseForward(panels, 0, panels.count(), rows, x, 0, inputStride(), w, bias, y, 0, stride, scratch);
        }

        void inputGradient(Kernels kernels) {
            kernels.denseInputGradient(panels, 0, panels.inputs(), rows, dy, 0, stride, w, dx, 0, inputStride(),
                    scratch);
        }

        void update(Kernels kernels, OptimizerStep step) {
            kernels.denseUpdate(step, panels, 0, panels.inputs(), rows, 1f / rows, x, 0, inputStride(), dy, 0, stride,
                    w, state, tile);
        }

        void biasUpdate(Kernels kernels, OptimizerStep step) {
            kernels.biasUpdate(step, stride, rows, 1f / rows, dy, 0, stride, bias, biasState, tile);
        }

        void both(Kernels kernels, OptimizerStep step) {
            gradientAndUpdate(kernels, step, true);
        }

        void gradientAndUpdate(Kernels kernels, OptimizerStep step, boolean inputsToo) {
            kernels.denseInputGradientAndUpdate(step, panels, 0, panels.inputs(), 1f, x, 0, dy, 0, w, state,
                    inputsToo ? dx : null, 0, tile);
        }
    }
}
