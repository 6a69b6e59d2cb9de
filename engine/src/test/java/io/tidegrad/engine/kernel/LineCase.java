package io.tidegrad.engine.kernel;

import java.util.List;
import java.util.SplittableRandom;

/// Arguments for the kernels of lines, of a `KernelCase`: norms, dropout, attention.
final class LineCase {
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

    LineCase(KernelCase numbers) {
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
    }

    void addTo(Kernels k, List<KernelCase.Call> calls) {
        norms(k, calls);
        attention(k, calls);
    }

    /// Of matrices (rows, inputs), gaps between the rows.
    private void norms(Kernels k, List<KernelCase.Call> calls) {
        int width = panels.inputs();
        boolean centred = random.nextBoolean();
        float[] normal = KernelCase.gap(at + rows * xStride);
        float[] inverse = KernelCase.gap(rows + 2);
        calls.add(new KernelCase.Call("normalise",
                () -> k.normalise(centred, rows, width, 1e-5f, x, at, xStride, normal, at, xStride, inverse, 2), normal,
                inverse));
        float[] given = numbers.numbers(rows);
        float[] gradient = numbers.matrix(width, width, xStride);
        calls.add(new KernelCase.Call("normalise gradient",
                () -> k.normaliseGradient(centred, rows, width, x, at, xStride, given, 0, gradient, at, xStride),
                gradient));
        float[] factors = numbers.numbers(width);
        float[] shift = numbers.matrix(width, width, xStride);
        float[] shiftedByOne = KernelCase.gap(at + rows * xStride);
        calls.add(new KernelCase.Call("scale and shift",
                () -> k.scaleAndShift(rows, width, x, at, xStride, factors, shift, at, 0, shiftedByOne, at, xStride),
                shiftedByOne));
        float[] shifted = shift.clone();
        calls.add(new KernelCase.Call("scale and shift in place",
                () -> k.scaleAndShift(rows, width, x, at, xStride, factors, shifted, at, xStride, shifted, at, xStride),
                shifted));
        float[] sums = KernelCase.gap(width);
        calls.add(
                new KernelCase.Call("column sums", () -> k.columnSums(width, rows, scale, x, at, xStride, sums), sums));
        float[] products = KernelCase.gap(width);
        calls.add(new KernelCase.Call("column products",
                () -> k.columnProducts(width, rows, scale, x, at, xStride, shift, at, xStride, products), products));
        long key = random.nextLong();
        int from = random.nextInt();
        int limit = random.nextInt(1 << 24);
        int columnStep = random.nextInt(1, 30);
        float[] dropped = KernelCase.gap(at + rows * xStride);
        calls.add(new KernelCase.Call("dropout", () -> k.dropout(rows, width, key, from, width, columnStep, limit, 1.5f,
                x, at, xStride, dropped, at, xStride), dropped));
    }

    /// x (rows, inputs) as a and, with rows and columns exchanged, as aᵀ; scores in padded rows.
    private void attention(Kernels k, List<KernelCase.Call> calls) {
        int columns = panels.outputs();
        float[] b = new float[panels.inputs() * columns + 1 + KernelCase.BEHIND];
        System.arraycopy(numbers.numbers(b.length), 0, b, 0, b.length);
        float[] product = KernelCase.gap(at + rows * yStride);
        calls.add(new KernelCase.Call("multiply", () -> k.multiply(rows, columns, panels.inputs(), scale, x, at,
                xStride, 1, b, 1, columns, product, at, yStride), product));
        float[] transposed = KernelCase.gap(at + panels.inputs() * yStride);
        calls.add(new KernelCase.Call("multiply the transpose", () -> k.multiply(panels.inputs(), columns, rows, scale,
                x, at, 1, xStride, dy, at, yStride, transposed, at, yStride), transposed));
        int growth = random.nextInt(2);
        int width = random.nextInt(1, panels.outputs() + 1);
        int stride = panels.stride() + (rows + 15) / 16 * 16;
        float[] weights = KernelCase.gap(at + rows * stride);
        for (int r = 0; r < rows; r++) {
            System.arraycopy(numbers.wideNumbers(width + growth * r), 0, weights, at + r * stride, width + growth * r);
        }
        calls.add(new KernelCase.Call("softmax in lanes",
                () -> k.softmaxInLanes(rows, width, growth, weights, at, stride), weights));
        float[] scores = dy.clone();
        float[] probabilities = numbers.matrix(panels.outputs(), panels.stride(), yStride);
        calls.add(new KernelCase.Call("softmax in lanes gradient",
                () -> k.softmaxInLanesGradient(rows, panels.stride(), probabilities, at, yStride, scores, at, yStride),
                scores));
    }
}
