package io.tidegrad.engine.kernel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Arguments for a call of every kernel, drawn from a seed: the same seed gives the same numbers. What no kernel may read
/// or write is NaN: the gaps between rows, what lies before the first and after the last.
final class KernelCase {
    /// @param outputs what the kernel writes into, gaps included
    record Call(String name, Runnable work, float[]... outputs) {}

    private static final int[] NOTABLE_OUTPUTS = {1, 10, 16, 32, 33, 64, 100, 128};
    private static final int CASES_A_NOTABLE = 6;

    private final SplittableRandom random;
    private final int rows;
    private final Panels panels;
    private final int at;
    private final int xStride;
    private final int yStride;
    private final float scale;
    private final float[] x;
    private final float[] dy;
    private final float[] weights;
    private final float[] bias;
    private final float[] tile = new float[Kernels.TILE];

    static KernelCase draw(long seed, int number) {
        SplittableRandom shapes = new SplittableRandom(seed + number);
        int notable = number / CASES_A_NOTABLE;
        int rows = shapes.nextInt(1, 14);
        int inputs = shapes.nextInt(1, 71);
        int outputs =
                notable < NOTABLE_OUTPUTS.length
                        ? NOTABLE_OUTPUTS[notable]
                        : shapes.nextInt(1, 131);
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
        return k instanceof ScalarKernels
                ? () -> work.run(0, size)
                : () -> {
                    work.run(0, border);
                    work.run(border, size);
                };
    }

    List<Call> calls(Kernels k) {
        List<Call> calls = new ArrayList<>();
        products(k, calls);
        for (OptimizerStep.Kind kind : OptimizerStep.Kind.values()) {
            OptimizerStep plain = optimizer(kind);
            updates(k, kind.name(), plain, calls);
            OptimizerStep regularized = optimizer(kind);
            regularized.l1 = 0.02f;
            regularized.l2 = 0.3f;
            updates(k, "regularized " + kind, regularized, calls);
        }
        elementwise(k, calls);
        new ImageCase(this, random, panels.outputs()).addTo(k, calls);
        return calls;
    }

    private void products(Kernels k, List<Call> calls) {
        float[] y = gap(at + rows * yStride);
        float[] yWithoutBias = gap(at + rows * yStride);
        float[] dx = gap(at + rows * xStride);
        calls.add(
                new Call(
                        "forward",
                        inPieces(
                                k,
                                panels.count(),
                                (from, to) ->
                                        k.denseForward(
                                                panels, from, to, rows, x, at, xStride, weights,
                                                bias, y, at, yStride)),
                        y));
        calls.add(
                new Call(
                        "forward without bias",
                        inPieces(
                                k,
                                panels.count(),
                                (from, to) ->
                                        k.denseForward(
                                                panels,
                                                from,
                                                to,
                                                rows,
                                                x,
                                                at,
                                                xStride,
                                                weights,
                                                null,
                                                yWithoutBias,
                                                at,
                                                yStride)),
                        yWithoutBias));
        calls.add(
                new Call(
                        "input gradient",
                        inPieces(
                                k,
                                panels.inputs(),
                                (from, to) ->
                                        k.denseInputGradient(
                                                panels, from, to, rows, dy, at, yStride, weights,
                                                dx, at, xStride)),
                        dx));
    }

    private void updates(Kernels k, String name, OptimizerStep step, List<Call> calls) {
        for (int variant = 0; variant < 3; variant++) {
            float[] w = weights.clone();
            float[][] state = state(step.kind, panels.inputs(), panels.length());
            float[] dx = gap(at + xStride);
            switch (variant) {
                case 0 ->
                        calls.add(
                                new Call(
                                        name + " update",
                                        inPieces(
                                                k,
                                                panels.inputs(),
                                                (from, to) ->
                                                        k.denseUpdate(
                                                                step, panels, from, to, rows, scale,
                                                                x, at, xStride, dy, at, yStride, w,
                                                                state, tile)),
                                        outputs(w, state)));
                case 1 ->
                        calls.add(
                                new Call(
                                        name + " input gradient and update",
                                        inPieces(
                                                k,
                                                panels.inputs(),
                                                (from, to) ->
                                                        k.denseInputGradientAndUpdate(
                                                                step, panels, from, to, scale, x,
                                                                at, dy, at, w, state, dx, at,
                                                                tile)),
                                        outputs(w, state, dx)));
                default ->
                        calls.add(
                                new Call(
                                        name + " update by one row",
                                        inPieces(
                                                k,
                                                panels.inputs(),
                                                (from, to) ->
                                                        k.denseInputGradientAndUpdate(
                                                                step, panels, from, to, scale, x,
                                                                at, dy, at, w, state, null, 0,
                                                                tile)),
                                        outputs(w, state)));
            }
        }
        float[] b = bias.clone();
        float[][] biasState = state(step.kind, 1, b.length);
        int width = random.nextBoolean() ? b.length : panels.outputs();
        calls.add(
                new Call(
                        name + " bias update",
                        () ->
                                k.biasUpdate(
                                        step, width, rows, scale, dy, at, yStride, b, biasState,
                                        tile),
                        outputs(b, biasState)));
        // As a table row lies: weights, then their state, in one array.
        int length = random.nextInt(panels.stride() + 1);
        float[] g = numbers(length);
        float[] row = gap(at + length * (1 + lowest(step.kind).length));
        System.arraycopy(numbers(length), 0, row, at, length);
        float[][] rowState = state(step.kind, 1, length);
        for (int part = 0; part < rowState.length; part++) {
            System.arraycopy(rowState[part], 0, row, at + (1 + part) * length, length);
        }
        Arrays.fill(rowState, row);
        calls.add(
                new Call(
                        name + " update of given gradients",
                        () -> k.update(step, length, g, 0, row, at, rowState, at + length, length),
                        row));
    }

    private void elementwise(Kernels k, List<Call> calls) {
        int length = random.nextInt(200);
        int from = random.nextInt(5);
        float[] in = wideNumbers(from + length);
        float[] dOut = numbers(from + length);
        float[] relu = gap(at + length);
        float[] reluGradient = gap(at + length);
        float[] sigmoid = gap(at + length);
        float[] sigmoidGradient = gap(at + length);
        float[] tanh = gap(at + length);
        float[] tanhGradient = gap(at + length);
        byte[] bytes = new byte[from + length];
        random.nextBytes(bytes);
        float divisor = random.nextInt(3) == 0 ? 255 : 0.1f + random.nextInt(1_000) * 0.37f;
        float[] ofBytes = gap(at + length);
        calls.add(
                new Call(
                        "unsigned bytes",
                        () -> k.unsignedBytes(length, bytes, from, divisor, ofBytes, at),
                        ofBytes));
        calls.add(new Call("relu", () -> k.relu(length, in, from, relu, at), relu));
        calls.add(
                new Call(
                        "relu gradient",
                        () -> k.reluGradient(length, in, from, dOut, from, reluGradient, at),
                        reluGradient));
        calls.add(new Call("sigmoid", () -> k.sigmoid(length, in, from, sigmoid, at), sigmoid));
        calls.add(
                new Call(
                        "sigmoid gradient",
                        () -> k.sigmoidGradient(length, in, from, dOut, from, sigmoidGradient, at),
                        sigmoidGradient));
        calls.add(new Call("tanh", () -> k.tanh(length, in, from, tanh, at), tanh));
        calls.add(
                new Call(
                        "tanh gradient",
                        () -> k.tanhGradient(length, in, from, dOut, from, tanhGradient, at),
                        tanhGradient));
        int classes = panels.outputs();
        float[] probabilities = gap(at + rows * yStride);
        calls.add(
                new Call(
                        "softmax",
                        () -> k.softmax(rows, classes, dy, at, yStride, probabilities, at, yStride),
                        probabilities));
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
        float[] numbers = new float[length];
        for (int i = 0; i < length; i++) {
            numbers[i] = number();
        }
        return numbers;
    }

    /// As `numbers`, with what exp must cope with: overflow, underflow, infinities, NaN.
    private float[] wideNumbers(int length) {
        float[] numbers = numbers(length);
        float[] hard = {
            88.36f,
            88.38f,
            -88.36f,
            -88.38f,
            87.32f,
            -87.34f,
            1000f,
            -1000f,
            0.625f,
            -0.6249f,
            0.6251f,
            Float.POSITIVE_INFINITY,
            Float.NEGATIVE_INFINITY,
            Float.NaN,
            Float.MIN_VALUE,
            Float.MAX_VALUE
        };
        for (int i = 0; i < length; i += 3) {
            numbers[i] =
                    random.nextBoolean() ? hard[random.nextInt(hard.length)] : numbers[i] * 30f;
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
    private static float[] lowest(OptimizerStep.Kind kind) {
        return switch (kind) {
            case GRADIENT, SGD, FROZEN -> new float[] {};
            case MOMENTUM, NESTEROV -> new float[] {-1f};
            case ADAGRAD, RMSPROP -> new float[] {0f};
            case RMSPROP_MOMENTUM, RMSPROP_CENTERED -> new float[] {0f, -1f};
            case RMSPROP_CENTERED_MOMENTUM -> new float[] {0f, -1f, -1f};
            case ADAM, ADAMW, FTRL -> new float[] {-1f, 0f};
            case AMSGRAD, ADAMW_AMSGRAD -> new float[] {-1f, 0f, 0f};
        };
    }

    /// An optimizer's state for `inputs` rows of weights in panels, each part `length` long, zero in padding: some of it
    /// never touched, some faded to almost nothing.
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
                        state[part][index] =
                                switch (random.nextInt(6)) {
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
    private float[] matrix(int columns, int padded, int stride) {
        float[] matrix = gap(at + rows * stride);
        for (int r = 0; r < rows; r++) {
            int row = at + r * stride;
            for (int c = 0; c < padded; c++) {
                matrix[row + c] = c < columns ? number() : 0f;
            }
        }
        return matrix;
    }

    static float[] gap(int length) {
        float[] gap = new float[length + 3];
        Arrays.fill(gap, Float.NaN);
        return gap;
    }

    @Override
    public String toString() {
        return "%d rows, %d -> %d, from %d, strides %d and %d"
                .formatted(rows, panels.inputs(), panels.outputs(), at, xStride, yStride);
    }
}
