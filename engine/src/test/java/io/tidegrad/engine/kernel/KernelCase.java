package io.tidegrad.engine.kernel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Arguments for a call of every kernel, drawn from a seed: the same seed gives the same numbers. What no kernel may
/// read or write is NaN: the gaps between rows, what lies before the first and after the last.
final class KernelCase {
    /// @param outputs what the kernel writes into, gaps included
    record Call(String name, Runnable work, float[]... outputs) {
    }

    private static final int[] NOTABLE_OUTPUTS = {1, 10, 16, 32, 33, 64, 100, 128};
    private static final int CASES_A_NOTABLE = 6;
    private static final int LARGE_EVERY = 7;

    /// As blocks have it: a vector that begins within what is used ends inside of the array, whatever is masked of it.
    static final int BEHIND = 16;

    final SplittableRandom random;
    final int rows;
    final Panels panels;
    final int at;
    final int xStride;
    final int yStride;
    final float scale;
    final float[] x;
    final float[] dy;
    final float[] weights;
    final float[] bias;
    final float[] tile = new float[Kernels.TILES];

    static KernelCase draw(long seed, int number) {
        SplittableRandom shapes = new SplittableRandom(seed + number);
        int notable = number / CASES_A_NOTABLE;
        // Kernels take other ways where there are many rows, or many inputs.
        boolean large = number % LARGE_EVERY == 0;
        int rows = shapes.nextInt(1, large ? 36 : 14);
        int inputs = large ? shapes.nextInt(50, 130) : shapes.nextInt(1, 71);
        int outputs = notable < NOTABLE_OUTPUTS.length ? NOTABLE_OUTPUTS[notable] : shapes.nextInt(1, 131);
        return new KernelCase(shapes.nextLong(), rows, inputs, outputs);
    }

    KernelCase(long seed, int rows, int inputs, int outputs) {
        this.random = new SplittableRandom(seed);
        this.rows = rows;
        panels = new Panels(inputs, outputs);
        at = random.nextInt(20);
        xStride = inputs + random.nextInt(5);
        yStride = panels.stride() + random.nextInt(5);
        scale = 1f / random.nextInt(1, 5);
        x = matrix(inputs, inputs, xStride);
        dy = matrix(outputs, panels.stride(), yStride);
        weights = new float[panels.length()];
        for (int i = 0; i < inputs; i++) {
            for (int o = 0; o < outputs; o++) {
                weights[panels.index(i, o)] = number();
            }
        }
        bias = new float[panels.stride()];
        for (int o = 0; o < outputs; o++) {
            bias[o] = number();
        }
    }

    interface Range {
        void run(int from, int to);
    }

    /// The definition in one go, the others in two: neither the range nor its border may change a bit.
    Runnable inPieces(Kernels k, int size, Range work) {
        int border = random.nextInt(size + 1);
        return k instanceof ScalarKernels ? () -> work.run(0, size) : () -> {
            work.run(0, border);
            work.run(border, size);
        };
    }

    List<Call> calls(Kernels k) {
        List<Call> calls = new ArrayList<>();
        DenseCase dense = new DenseCase(this);
        dense.addProducts(k, calls);
        TableCase table = new TableCase(this, random);
        table.addReading(k, calls);
        for (OptimizerStep.Kind kind : OptimizerStep.Kind.values()) {
            if (kind != OptimizerStep.Kind.STREAM_RMS) {
                addUpdates(k, kind, dense, table, calls);
            }
        }
        new ElementwiseCase(this).addTo(k, calls);
        new LineCase(this).addTo(k, calls);
        new RecurrentCase(this).addTo(k, calls);
        new ImageCase(this, random, panels.outputs()).addTo(k, calls);
        // Drawn last, so that the others' shapes stay what they were before there was this kind.
        addUpdates(k, OptimizerStep.Kind.STREAM_RMS, dense, table, calls);
        if (panels.sumsInputsInLanes()) {
            for (OptimizerStep.Kind kind : OptimizerStep.Kind.values()) {
                dense.addUpdatesByOutput(k, kind.name() + " by output", optimizer(kind), calls);
                dense.addUpdatesByOutput(k, "regularized " + kind + " by output", regularized(kind), calls);
            }
        }
        return calls;
    }

    private static void addUpdates(Kernels k, OptimizerStep.Kind kind, DenseCase dense, TableCase table,
            List<Call> calls) {
        OptimizerStep plain = optimizer(kind);
        dense.addUpdates(k, kind.name(), plain, calls);
        table.addUpdate(k, kind.name(), plain, calls);
        OptimizerStep regularized = regularized(kind);
        dense.addUpdates(k, "regularized " + kind, regularized, calls);
        table.addUpdate(k, "regularized " + kind, regularized, calls);
    }

    private static OptimizerStep regularized(OptimizerStep.Kind kind) {
        OptimizerStep regularized = optimizer(kind);
        regularized.l1 = 0.02f;
        regularized.l2 = 0.3f;
        return regularized;
    }

    static OptimizerStep optimizer(OptimizerStep.Kind kind) {
        OptimizerStep step = new OptimizerStep();
        step.kind = kind;
        step.rate = 0.01f;
        step.momentum = 0.8f;
        step.beta1 = 0.9f;
        step.oneMinusBeta1 = 0.1f;
        step.beta2 = 0.999f;
        step.oneMinusBeta2 = 0.001f;
        step.epsilon = 1e-8f;
        step.momentCorrection = 3.7f;
        step.varianceCorrection = 334.2f;
        step.keep = 0.997f;
        step.pull = 0.003f;
        step.inverseAlpha = 3f;
        step.beta = 1f;
        step.threshold = 0.2f;
        step.ridge = 0.3f;
        return step;
    }

    /// Mostly of the size of activations; some zeros of both signs, some tiny, some large.
    float number() {
        float size = (float) (random.nextDouble() * 4 - 2);
        return switch (random.nextInt(24)) {
            case 0 -> 0f;
            case 1 -> -0f;
            case 2 -> size * 1e-20f;
            case 3 -> size * 1e4f;
            default -> size;
        };
    }

    float[] numbers(int length) {
        float[] numbers = new float[length + BEHIND];
        for (int i = 0; i < length; i++) {
            numbers[i] = number();
        }
        return numbers;
    }

    /// As `numbers`, with what exp must cope with: overflow, underflow, infinities, NaN.
    float[] wideNumbers(int length) {
        float[] numbers = numbers(length);
        float[] hard = {88.36f, 88.38f, -88.36f, -88.38f, 87.32f, -87.34f, 1000f, -1000f, 0.625f, -0.6249f, 0.6251f,
            13.9f, -14.1f, -0.35f, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, Float.NaN, Float.MIN_VALUE,
            Float.MAX_VALUE};
        for (int i = 0; i < length; i += 3) {
            numbers[i] = random.nextBoolean() ? hard[random.nextInt(hard.length)] : numbers[i] * 30f;
        }
        return numbers;
    }

    static float[][] outputs(float[] w, float[][] state, float[]... others) {
        List<float[]> outputs = new ArrayList<>(List.of(w));
        outputs.addAll(List.of(state));
        outputs.addAll(List.of(others));
        return outputs.toArray(float[][]::new);
    }

    /// The lowest value of each part of the state, relative to its largest: what is a sum of squares is never negative.
    static float[] lowest(OptimizerStep.Kind kind) {
        return switch (kind) {
            case GRADIENT, SGD, FROZEN -> new float[]{};
            case MOMENTUM, NESTEROV -> new float[]{-1f};
            case ADAGRAD, RMSPROP -> new float[]{0f};
            case RMSPROP_MOMENTUM, RMSPROP_CENTERED, STREAM_RMS -> new float[]{0f, -1f};
            case RMSPROP_CENTERED_MOMENTUM -> new float[]{0f, -1f, -1f};
            case ADAM, ADAMW, FTRL -> new float[]{-1f, 0f};
            case AMSGRAD, ADAMW_AMSGRAD -> new float[]{-1f, 0f, 0f};
        };
    }

    /// An optimizer's state for `inputs` rows of weights in panels, each part `length` long, zero in padding: some of
    /// it never touched, some faded to almost nothing.
    float[][] state(OptimizerStep.Kind kind, int inputs, int length) {
        float[] lowest = lowest(kind);
        float[][] state = new float[lowest.length][length];
        Panels laidOut = new Panels(inputs, panels.outputs());
        for (int part = 0; part < lowest.length; part++) {
            for (int i = 0; i < inputs; i++) {
                for (int o = 0; o < panels.outputs(); o++) {
                    int index = inputs == 1 ? o : laidOut.index(i, o);
                    if (index < length) {
                        float size = (float) random.nextDouble(lowest[part], 1.0);
                        state[part][index] = switch (random.nextInt(6)) {
                            case 0 -> 0f;
                            case 1 -> size * 1e-25f;
                            case 2 -> size * 1e-36f;
                            default -> size * 1e-2f;
                        };
                    }
                }
            }
        }
        return state;
    }

    /// `rows` rows of `columns` numbers, then zeros up to `padded`, then gaps up to `stride`.
    float[] matrix(int columns, int padded, int stride) {
        float[] matrix = gap(at + rows * stride);
        for (int r = 0; r < rows; r++) {
            int row = at + r * stride;
            for (int c = 0; c < padded; c++) {
                matrix[row + c] = c < columns ? number() : 0f;
            }
        }
        return matrix;
    }

    float[] wideMatrix(int columns, int stride) {
        float[] matrix = gap(at + rows * stride);
        for (int r = 0; r < rows; r++) {
            System.arraycopy(wideNumbers(columns), 0, matrix, at + r * stride, columns);
        }
        return matrix;
    }

    static float[] gap(int length) {
        float[] gap = new float[length + BEHIND];
        Arrays.fill(gap, Float.NaN);
        return gap;
    }

    @Override
    public String toString() {
        return "%d rows, %d -> %d, from %d, strides %d and %d".formatted(rows, panels.inputs(), panels.outputs(), at,
                xStride, yStride);
    }
}
