package io.tidegrad.engine.kernel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

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
        lines(k, calls);
        attention(k, calls);
        recurrent(k, calls);
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
        activation(
                calls,
                "leaky relu",
                length,
                y -> k.leakyRelu(length, 0.3f, in, from, y, at),
                dx -> k.leakyReluGradient(length, 0.3f, in, from, dOut, from, dx, at));
        activation(
                calls,
                "elu",
                length,
                y -> k.elu(length, 0.3f, in, from, y, at),
                dx -> k.eluGradient(length, 0.3f, in, from, dOut, from, dx, at));
        activation(
                calls,
                "gelu",
                length,
                y -> k.gelu(length, in, from, y, at),
                dx -> k.geluGradient(length, in, from, dOut, from, dx, at));
        activation(
                calls,
                "gelu tanh",
                length,
                y -> k.geluTanh(length, in, from, y, at),
                dx -> k.geluTanhGradient(length, in, from, dOut, from, dx, at));
        activation(
                calls,
                "silu",
                length,
                y -> k.silu(length, in, from, y, at),
                dx -> k.siluGradient(length, in, from, dOut, from, dx, at));
        activation(
                calls,
                "softplus",
                length,
                y -> k.softplus(length, in, from, y, at),
                dx -> k.softplusGradient(length, in, from, dOut, from, dx, at));
        int classes = panels.outputs();
        float[] probabilities = gap(at + rows * yStride);
        calls.add(
                new Call(
                        "softmax",
                        () -> k.softmax(rows, classes, dy, at, yStride, probabilities, at, yStride),
                        probabilities));
    }

    private void activation(
            List<Call> calls,
            String name,
            int length,
            Consumer<float[]> function,
            Consumer<float[]> slope) {
        float[] y = gap(at + length);
        float[] dx = gap(at + length);
        calls.add(new Call(name, () -> function.accept(y), y));
        calls.add(new Call(name + " gradient", () -> slope.accept(dx), dx));
    }

    /// Of matrices (rows, inputs), gaps between the rows.
    private void lines(Kernels k, List<Call> calls) {
        int width = panels.inputs();
        boolean centred = random.nextBoolean();
        float[] normal = gap(at + rows * xStride);
        float[] inverse = gap(rows + 2);
        calls.add(
                new Call(
                        "normalise",
                        () ->
                                k.normalise(
                                        centred, rows, width, 1e-5f, x, at, xStride, normal, at,
                                        xStride, inverse, 2),
                        normal,
                        inverse));
        float[] given = numbers(rows);
        float[] gradient = matrix(width, width, xStride);
        calls.add(
                new Call(
                        "normalise gradient",
                        () ->
                                k.normaliseGradient(
                                        centred, rows, width, x, at, xStride, given, 0, gradient,
                                        at, xStride),
                        gradient));
        float[] factors = numbers(width);
        float[] shift = matrix(width, width, xStride);
        float[] shiftedByOne = gap(at + rows * xStride);
        calls.add(
                new Call(
                        "scale and shift",
                        () ->
                                k.scaleAndShift(
                                        rows,
                                        width,
                                        x,
                                        at,
                                        xStride,
                                        factors,
                                        shift,
                                        at,
                                        0,
                                        shiftedByOne,
                                        at,
                                        xStride),
                        shiftedByOne));
        float[] shifted = shift.clone();
        calls.add(
                new Call(
                        "scale and shift in place",
                        () ->
                                k.scaleAndShift(
                                        rows, width, x, at, xStride, factors, shifted, at, xStride,
                                        shifted, at, xStride),
                        shifted));
        float[] sums = gap(width);
        calls.add(
                new Call(
                        "column sums",
                        () -> k.columnSums(width, rows, scale, x, at, xStride, sums),
                        sums));
        float[] products = gap(width);
        calls.add(
                new Call(
                        "column products",
                        () ->
                                k.columnProducts(
                                        width, rows, scale, x, at, xStride, shift, at, xStride,
                                        products),
                        products));
        long key = random.nextLong();
        int from = random.nextInt();
        int limit = random.nextInt(1 << 24);
        int columnStep = random.nextInt(1, 30);
        float[] dropped = gap(at + rows * xStride);
        calls.add(
                new Call(
                        "dropout",
                        () ->
                                k.dropout(
                                        rows,
                                        width,
                                        key,
                                        from,
                                        width,
                                        columnStep,
                                        limit,
                                        1.5f,
                                        x,
                                        at,
                                        xStride,
                                        dropped,
                                        at,
                                        xStride),
                        dropped));
    }

    /// x (rows, inputs) as a and, with rows and columns exchanged, as aᵀ; scores in padded rows.
    private void attention(Kernels k, List<Call> calls) {
        int columns = panels.outputs();
        float[] b = new float[panels.inputs() * columns + 1];
        System.arraycopy(numbers(b.length), 0, b, 0, b.length);
        float[] product = gap(at + rows * yStride);
        calls.add(
                new Call(
                        "multiply",
                        () ->
                                k.multiply(
                                        rows,
                                        columns,
                                        panels.inputs(),
                                        scale,
                                        x,
                                        at,
                                        xStride,
                                        1,
                                        b,
                                        1,
                                        columns,
                                        product,
                                        at,
                                        yStride),
                        product));
        float[] transposed = gap(at + panels.inputs() * yStride);
        calls.add(
                new Call(
                        "multiply the transpose",
                        () ->
                                k.multiply(
                                        panels.inputs(),
                                        columns,
                                        rows,
                                        scale,
                                        x,
                                        at,
                                        1,
                                        xStride,
                                        dy,
                                        at,
                                        yStride,
                                        transposed,
                                        at,
                                        yStride),
                        transposed));
        int growth = random.nextInt(2);
        int width = random.nextInt(1, panels.outputs() + 1);
        int stride = panels.stride() + 16;
        float[] weights = gap(at + rows * stride);
        for (int r = 0; r < rows; r++) {
            System.arraycopy(
                    wideNumbers(width + growth * r),
                    0,
                    weights,
                    at + r * stride,
                    width + growth * r);
        }
        calls.add(
                new Call(
                        "softmax in lanes",
                        () -> k.softmaxInLanes(rows, width, growth, weights, at, stride),
                        weights));
        float[] scores = dy.clone();
        float[] probabilities = matrix(panels.outputs(), panels.stride(), yStride);
        calls.add(
                new Call(
                        "softmax in lanes gradient",
                        () ->
                                k.softmaxInLanesGradient(
                                        rows,
                                        panels.stride(),
                                        probabilities,
                                        at,
                                        yStride,
                                        scores,
                                        at,
                                        yStride),
                        scores));
    }

    /// Steps of recurrent layers, of as many units as the dense layers here have outputs; forward and gradient.
    private void recurrent(Kernels k, List<Call> calls) {
        int hidden = panels.outputs();
        int stride = hidden + random.nextInt(5);
        for (int gates = 3; gates <= 4; gates++) {
            int gateStride = gates * hidden + random.nextInt(5);
            float[] ofInputs = wideMatrix(gates * hidden, gateStride);
            float[] ofStates = matrix(gates * hidden, gates * hidden, gateStride);
            float[] state = matrix(hidden, hidden, stride);
            float[] next = gap(at + rows * stride);
            float[] nextH = gap(at + rows * stride);
            calls.add(
                    gates == 3
                            ? new Call(
                                    "gru step",
                                    () ->
                                            k.gruStep(
                                                    rows,
                                                    hidden,
                                                    ofInputs,
                                                    at,
                                                    ofStates,
                                                    at,
                                                    gateStride,
                                                    state,
                                                    at,
                                                    next,
                                                    at,
                                                    stride),
                                    ofInputs,
                                    ofStates,
                                    next)
                            : new Call(
                                    "lstm step",
                                    () ->
                                            k.lstmStep(
                                                    rows,
                                                    hidden,
                                                    ofInputs,
                                                    at,
                                                    ofStates,
                                                    at,
                                                    gateStride,
                                                    state,
                                                    at,
                                                    next,
                                                    at,
                                                    nextH,
                                                    at,
                                                    stride),
                                    ofInputs,
                                    next,
                                    nextH));
            float[] values = matrix(gates * hidden, gates * hidden, gateStride);
            float[] products = matrix(gates * hidden, gates * hidden, gateStride);
            float[] cell = wideMatrix(hidden, stride);
            float[] dh = matrix(hidden, hidden, stride);
            float[] dc = matrix(hidden, hidden, stride);
            calls.add(
                    gates == 3
                            ? new Call(
                                    "gru step gradient",
                                    () ->
                                            k.gruStepGradient(
                                                    rows,
                                                    hidden,
                                                    values,
                                                    at,
                                                    products,
                                                    at,
                                                    gateStride,
                                                    state,
                                                    at,
                                                    dh,
                                                    at,
                                                    stride),
                                    values,
                                    products,
                                    dh)
                            : new Call(
                                    "lstm step gradient",
                                    () ->
                                            k.lstmStepGradient(
                                                    rows,
                                                    hidden,
                                                    values,
                                                    at,
                                                    gateStride,
                                                    state,
                                                    at,
                                                    cell,
                                                    at,
                                                    dh,
                                                    at,
                                                    dc,
                                                    at,
                                                    stride),
                                    values,
                                    dc));
        }
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
            13.9f,
            -14.1f,
            -0.35f,
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

    private float[] wideMatrix(int columns, int stride) {
        float[] matrix = gap(at + rows * stride);
        for (int r = 0; r < rows; r++) {
            System.arraycopy(wideNumbers(columns), 0, matrix, at + r * stride, columns);
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
