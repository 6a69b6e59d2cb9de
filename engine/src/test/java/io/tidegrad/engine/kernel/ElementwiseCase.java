package io.tidegrad.engine.kernel;

import java.util.List;
import java.util.SplittableRandom;

/// Arguments for the kernels that take number after number, of a `KernelCase`.
final class ElementwiseCase {
    private final KernelCase numbers;
    private final SplittableRandom random;
    private final int rows;
    private final Panels panels;
    private final int at;
    private final int yStride;
    private final float[] dy;

    ElementwiseCase(KernelCase numbers) {
        this.numbers = numbers;
        random = numbers.random;
        rows = numbers.rows;
        panels = numbers.panels;
        at = numbers.at;
        yStride = numbers.yStride;
        dy = numbers.dy;
    }

    void addTo(Kernels k, List<KernelCase.Call> calls) {
        int length = random.nextInt(200);
        int from = random.nextInt(5);
        float[] in = numbers.wideNumbers(from + length);
        float[] dOut = numbers.numbers(from + length);
        byte[] bytes = new byte[from + length];
        random.nextBytes(bytes);
        float divisor = random.nextInt(3) == 0 ? 255 : 0.1f + random.nextInt(1_000) * 0.37f;
        float[] ofBytes = KernelCase.gap(at + length);
        calls.add(new KernelCase.Call("unsigned bytes",
                () -> k.unsignedBytes(length, bytes, from, divisor, ofBytes, at), ofBytes));
        for (ActivationFunction function : ActivationFunction.values()) {
            float[] y = KernelCase.gap(at + length);
            float[] dx = KernelCase.gap(at + length);
            float[] out = KernelCase.gap(at + length); // what the gradient is given beside x: another array
            new ScalarKernels().activate(function, 0.3f, length, in, from, out, at);
            calls.add(new KernelCase.Call(function.toString(),
                    () -> k.activate(function, 0.3f, length, in, from, y, at), y));
            calls.add(new KernelCase.Call(function + " gradient",
                    () -> k.activateGradient(function, 0.3f, length, in, from, out, at, dOut, from, dx, at), dx));
        }
        float[] exponentials = KernelCase.gap(at + length);
        calls.add(new KernelCase.Call("exponentials of differences",
                () -> k.expOfDifference(length, in, from, 0.7f, exponentials, at), exponentials));
        int classes = panels.outputs();
        float[] probabilities = KernelCase.gap(at + rows * yStride);
        calls.add(new KernelCase.Call("softmax",
                () -> k.softmax(rows, classes, dy, at, yStride, probabilities, at, yStride), probabilities));
    }
}
