package io.tidegrad.engine.kernel;

import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

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
        float[] relu = KernelCase.gap(at + length);
        float[] reluGradient = KernelCase.gap(at + length);
        float[] sigmoid = KernelCase.gap(at + length);
        float[] sigmoidGradient = KernelCase.gap(at + length);
        float[] tanh = KernelCase.gap(at + length);
        float[] tanhGradient = KernelCase.gap(at + length);
        byte[] bytes = new byte[from + length];
        random.nextBytes(bytes);
        float divisor = random.nextInt(3) == 0 ? 255 : 0.1f + random.nextInt(1_000) * 0.37f;
        float[] ofBytes = KernelCase.gap(at + length);
        calls.add(new KernelCase.Call("unsigned bytes",
                () -> k.unsignedBytes(length, bytes, from, divisor, ofBytes, at), ofBytes));
        calls.add(new KernelCase.Call("relu", () -> k.relu(length, in, from, relu, at), relu));
        calls.add(new KernelCase.Call("relu gradient",
                () -> k.reluGradient(length, in, from, dOut, from, reluGradient, at), reluGradient));
        calls.add(new KernelCase.Call("sigmoid", () -> k.sigmoid(length, in, from, sigmoid, at), sigmoid));
        calls.add(new KernelCase.Call("sigmoid gradient",
                () -> k.sigmoidGradient(length, in, from, dOut, from, sigmoidGradient, at), sigmoidGradient));
        calls.add(new KernelCase.Call("tanh", () -> k.tanh(length, in, from, tanh, at), tanh));
        calls.add(new KernelCase.Call("tanh gradient",
                () -> k.tanhGradient(length, in, from, dOut, from, tanhGradient, at), tanhGradient));
        activation(calls, "leaky relu", length, y -> k.leakyRelu(length, 0.3f, in, from, y, at),
                dx -> k.leakyReluGradient(length, 0.3f, in, from, dOut, from, dx, at));
        activation(calls, "elu", length, y -> k.elu(length, 0.3f, in, from, y, at),
                dx -> k.eluGradient(length, 0.3f, in, from, dOut, from, dx, at));
        activation(calls, "gelu", length, y -> k.gelu(length, in, from, y, at),
                dx -> k.geluGradient(length, in, from, dOut, from, dx, at));
        activation(calls, "gelu tanh", length, y -> k.geluTanh(length, in, from, y, at),
                dx -> k.geluTanhGradient(length, in, from, dOut, from, dx, at));
        activation(calls, "silu", length, y -> k.silu(length, in, from, y, at),
                dx -> k.siluGradient(length, in, from, dOut, from, dx, at));
        activation(calls, "softplus", length, y -> k.softplus(length, in, from, y, at),
                dx -> k.softplusGradient(length, in, from, dOut, from, dx, at));
        int classes = panels.outputs();
        float[] probabilities = KernelCase.gap(at + rows * yStride);
        calls.add(new KernelCase.Call("softmax",
                () -> k.softmax(rows, classes, dy, at, yStride, probabilities, at, yStride), probabilities));
    }

    private void activation(List<KernelCase.Call> calls, String name, int length, Consumer<float[]> function,
            Consumer<float[]> slope) {
        float[] y = KernelCase.gap(at + length);
        float[] dx = KernelCase.gap(at + length);
        calls.add(new KernelCase.Call(name, () -> function.accept(y), y));
        calls.add(new KernelCase.Call(name + " gradient", () -> slope.accept(dx), dx));
    }
}
