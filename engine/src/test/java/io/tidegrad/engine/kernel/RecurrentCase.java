package io.tidegrad.engine.kernel;

import java.util.List;
import java.util.SplittableRandom;

/// Arguments for the steps of recurrent layers, of a `KernelCase`.
final class RecurrentCase {
    private final KernelCase numbers;
    private final SplittableRandom random;
    private final int rows;
    private final Panels panels;
    private final int at;

    RecurrentCase(KernelCase numbers) {
        this.numbers = numbers;
        random = numbers.random;
        rows = numbers.rows;
        panels = numbers.panels;
        at = numbers.at;
    }

    /// Steps of recurrent layers, of as many units as the dense layers here have outputs; forward and gradient.
    void addTo(Kernels k, List<KernelCase.Call> calls) {
        int hidden = panels.outputs();
        int stride = hidden + random.nextInt(5);
        for (int gates = 3; gates <= 4; gates++) {
            int gateStride = gates * hidden + random.nextInt(5);
            float[] ofInputs = numbers.wideMatrix(gates * hidden, gateStride);
            float[] ofStates = numbers.matrix(gates * hidden, gates * hidden, gateStride);
            float[] state = numbers.matrix(hidden, hidden, stride);
            float[] next = KernelCase.gap(at + rows * stride);
            float[] nextH = KernelCase.gap(at + rows * stride);
            calls.add(gates == 3
                    ? new KernelCase.Call("gru step",
                            () -> k.gruStep(rows, hidden, ofInputs, at, ofStates, at, gateStride, state, at, next, at,
                                    stride),
                            ofInputs, ofStates, next)
                    : new KernelCase.Call("lstm step", () -> k.lstmStep(rows, hidden, ofInputs, at, ofStates, at,
                            gateStride, state, at, next, at, nextH, at, stride), ofInputs, next, nextH));
            float[] values = numbers.matrix(gates * hidden, gates * hidden, gateStride);
            float[] products = numbers.matrix(gates * hidden, gates * hidden, gateStride);
            float[] cell = numbers.wideMatrix(hidden, stride);
            float[] dh = numbers.matrix(hidden, hidden, stride);
            float[] dc = numbers.matrix(hidden, hidden, stride);
            calls.add(gates == 3
                    ? new KernelCase.Call("gru step gradient",
                            () -> k.gruStepGradient(rows, hidden, values, at, products, at, gateStride, state, at, dh,
                                    at, stride),
                            values, products, dh)
                    : new KernelCase.Call("lstm step gradient", () -> k.lstmStepGradient(rows, hidden, values, at,
                            gateStride, state, at, cell, at, dh, at, dc, at, stride), values, dc));
        }
    }
}
