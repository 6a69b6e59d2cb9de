package io.tidegrad.engine.kernel;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Arguments for the kernels of dense layers and of optimizers, of a `KernelCase`.
final class DenseCase {
    private final KernelCase numbers;
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
    private final float[] tile;

    DenseCase(KernelCase numbers) {
        this.numbers = numbers;
        random = numbers.random;
        rows = numbers.rows;
        panels = numbers.panels;
        at = numbers.at;
        xStride = numbers.xStride;
        yStride = numbers.yStride;
        scale = numbers.scale;
        x = numbers.x;
        dy = numbers.dy;
        weights = numbers.weights;
        bias = numbers.bias;
        tile = numbers.tile;
    }

    void addProducts(Kernels k, List<KernelCase.Call> calls) {
        float[] y = KernelCase.gap(at + rows * yStride);
        float[] yWithoutBias = KernelCase.gap(at + rows * yStride);
        float[] dx = KernelCase.gap(at + rows * xStride);
        float[] scratch = new float[panels.scratch()];
        calls.add(new KernelCase.Call("forward", numbers.inPieces(k, panels.count(), (from, to) -> k
                .denseForward(panels, from, to, rows, x, at, xStride, weights, bias, y, at, yStride, scratch)), y));
        calls.add(
                new KernelCase.Call(
                        "forward without bias", numbers.inPieces(k, panels.count(), (from, to) -> k.denseForward(panels,
                                from, to, rows, x, at, xStride, weights, null, yWithoutBias, at, yStride, scratch)),
                        yWithoutBias));
        if (panels.sumsInputsInLanes()) {
            addProductsByOutput(k, calls);
        }
        calls.add(new KernelCase.Call("input gradient", numbers.inPieces(k, panels.inputs(), (from, to) -> k
                .denseInputGradient(panels, from, to, rows, dy, at, yStride, weights, dx, at, xStride, scratch)), dx));
    }

    /// Once as the others; and once where x ends with its last row, as a caller's own may.
    private void addProductsByOutput(Kernels k, List<KernelCase.Call> calls) {
        Panels laidOut = Panels.ofLayer(panels.inputs(), panels.outputs());
        float[] w = byOutput(weights);
        float[] cut = cut();
        float[] scratch = new float[laidOut.scratch()];
        for (float[] xs : List.of(x, cut)) {
            for (float[] b : new float[][]{bias, null}) {
                float[] y = KernelCase.gap(at + rows * yStride);
                calls.add(new KernelCase.Call("forward by output", numbers.inPieces(k, panels.count(), (from, to) -> k
                        .denseForward(laidOut, from, to, rows, xs, at, xStride, w, b, y, at, yStride, scratch)), y));
            }
        }
        for (int count : new int[]{1, rows}) {
            float[] dx = KernelCase.gap(at + rows * xStride);
            calls.add(new KernelCase.Call("input gradient by output",
                    numbers.inPieces(k, panels.inputs(), (from, to) -> k.denseInputGradient(laidOut, from, to, count,
                            dy, at, yStride, w, dx, at, xStride, scratch)),
                    dx));
        }
    }

    /// x that ends with its last row.
    private float[] cut() {
        return Arrays.copyOf(x, at + (rows - 1) * xStride + panels.inputs());
    }

    /// What lies in panels, output after output.
    private float[] byOutput(float[] inPanels) {
        Panels laidOut = Panels.ofLayer(panels.inputs(), panels.outputs());
        float[] to = new float[laidOut.length()];
        for (int i = 0; i < panels.inputs(); i++) {
            for (int o = 0; o < panels.outputs(); o++) {
                to[laidOut.index(i, o)] = inPanels[panels.index(i, o)];
            }
        }
        return to;
    }

    void addUpdatesByOutput(Kernels k, String name, OptimizerStep step, List<KernelCase.Call> calls) {
        Panels laidOut = Panels.ofLayer(panels.inputs(), panels.outputs());
        float[] xs = random.nextBoolean() ? x : cut();
        for (int variant = 0; variant < 3; variant++) {
            float[] w = byOutput(weights);
            float[][] state = numbers.state(step.kind, panels.inputs(), panels.length());
            Arrays.setAll(state, part -> byOutput(state[part]));
            float[] dx = KernelCase.gap(at + xStride);
            switch (variant) {
                case 0 -> calls.add(new KernelCase.Call(name + " update",
                        numbers.inPieces(k, panels.inputs(), (from, to) -> k.denseUpdate(step, laidOut, from, to, rows,
                                scale, xs, at, xStride, dy, at, yStride, w, state, tile)),
                        KernelCase.outputs(w, state)));
                case 1 -> calls.add(new KernelCase.Call(name + " input gradient and update",
                        numbers.inPieces(k, panels.inputs(), (from, to) -> k.denseInputGradientAndUpdate(step, laidOut,
                                from, to, scale, xs, at, dy, at, w, state, dx, at, tile)),
                        KernelCase.outputs(w, state, dx)));
                default -> calls.add(new KernelCase.Call(name + " update by one row",
                        numbers.inPieces(k, panels.inputs(), (from, to) -> k.denseInputGradientAndUpdate(step, laidOut,
                                from, to, scale, xs, at, dy, at, w, state, null, 0, tile)),
                        KernelCase.outputs(w, state)));
            }
        }
    }

    void addUpdates(Kernels k, String name, OptimizerStep step, List<KernelCase.Call> calls) {
        for (int variant = 0; variant < 3; variant++) {
            float[] w = weights.clone();
            float[][] state = numbers.state(step.kind, panels.inputs(), panels.length());
            float[] dx = KernelCase.gap(at + xStride);
            switch (variant) {
                case 0 -> calls.add(new KernelCase.Call(name + " update",
                        numbers.inPieces(k, panels.inputs(), (from, to) -> k.denseUpdate(step, panels, from, to, rows,
                                scale, x, at, xStride, dy, at, yStride, w, state, tile)),
                        KernelCase.outputs(w, state)));
                case 1 -> calls.add(new KernelCase.Call(name + " input gradient and update",
                        numbers.inPieces(k, panels.inputs(), (from, to) -> k.denseInputGradientAndUpdate(step, panels,
                                from, to, scale, x, at, dy, at, w, state, dx, at, tile)),
                        KernelCase.outputs(w, state, dx)));
                default -> calls.add(new KernelCase.Call(name + " update by one row",
                        numbers.inPieces(k, panels.inputs(), (from, to) -> k.denseInputGradientAndUpdate(step, panels,
                                from, to, scale, x, at, dy, at, w, state, null, 0, tile)),
                        KernelCase.outputs(w, state)));
            }
        }
        float[] b = bias.clone();
        float[][] biasState = numbers.state(step.kind, 1, b.length);
        int width = random.nextBoolean() ? b.length : panels.outputs();
        calls.add(new KernelCase.Call(name + " bias update",
                () -> k.biasUpdate(step, width, rows, scale, dy, at, yStride, b, biasState, tile),
                KernelCase.outputs(b, biasState)));
        // As a table row lies: weights, then their state, in one array.
        int length = random.nextInt(panels.stride() + 1);
        float[] g = numbers.numbers(length);
        float[] row = KernelCase.gap(at + length * (1 + KernelCase.lowest(step.kind).length));
        System.arraycopy(numbers.numbers(length), 0, row, at, length);
        float[][] rowState = numbers.state(step.kind, 1, length);
        for (int part = 0; part < rowState.length; part++) {
            System.arraycopy(rowState[part], 0, row, at + (1 + part) * length, length);
        }
        Arrays.fill(rowState, row);
        calls.add(new KernelCase.Call(name + " update of given gradients",
                () -> k.update(step, length, g, 0, row, at, rowState, at + length, length), row));
    }
}
