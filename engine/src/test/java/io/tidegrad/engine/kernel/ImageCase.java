package io.tidegrad.engine.kernel;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/// Arguments for the kernels that look at images, drawn for a `KernelCase`: images of a few pixels, columns and lines of
/// which are NaN where no kernel may look.
final class ImageCase {
    private final KernelCase numbers;
    private final SplittableRandom random;
    private final Panels panels;
    private final Patches patches;
    private final Windows windows;
    private final int at;
    private final int images;
    private final int channels;
    private final int xImage;
    private final int yStride;
    private final float[] x;

    ImageCase(KernelCase numbers, SplittableRandom random, int outputs) {
        this.numbers = numbers;
        this.random = random;
        int height = random.nextInt(1, 7);
        int width = random.nextInt(1, 7);
        int kernelHeight = random.nextInt(1, Math.min(height, 3) + 1);
        int kernelWidth = random.nextInt(1, Math.min(width, 3) + 1);
        int step = random.nextInt(1, 3);
        at = random.nextInt(20);
        images = random.nextInt(1, 4);
        channels = random.nextInt(4) == 0 ? random.nextInt(14, 36) : random.nextInt(1, 5);
        int xStride = channels + random.nextInt(4);
        xImage = height * width * xStride;
        panels = new Panels(kernelHeight * kernelWidth * channels, outputs);
        yStride = panels.stride() + random.nextInt(4);
        x = KernelCase.gap(at + images * xImage);
        for (int line = 0; line < images * height * width; line++) {
            for (int c = 0; c < channels; c++) {
                x[at + line * xStride + c] = numbers.number();
            }
        }
        int columns = (width - kernelWidth) / step + 1;
        int places = ((height - kernelHeight) / step + 1) * columns;
        int[] corners =
                IntStream.range(0, places)
                        .map(p -> (p / columns * width + p % columns) * step * xStride)
                        .toArray();
        int[] pixels =
                IntStream.range(0, kernelHeight * kernelWidth)
                        .map(i -> (i / kernelWidth * width + i % kernelWidth) * xStride)
                        .toArray();
        patches =
                new Patches(
                        corners,
                        IntStream.range(0, panels.inputs())
                                .map(k -> pixels[k / channels] + k % channels)
                                .toArray(),
                        IntStream.range(0, places).map(p -> p * yStride).toArray());
        windows = windows(corners, pixels);
    }

    /// As if edges cut some off: of each window only the first few.
    private Windows windows(int[] corners, int[] pixels) {
        int[] starts = new int[corners.length + 1];
        int[] places = new int[corners.length * pixels.length];
        for (int w = 0; w < corners.length; w++) {
            int size = random.nextInt(1, pixels.length + 1);
            for (int i = 0; i < size; i++) {
                places[starts[w] + i] = corners[w] + pixels[i];
            }
            starts[w + 1] = starts[w] + size;
        }
        // Overlapping windows that say that they don't: the last one's numbers stay.
        return new Windows(
                starts, Arrays.copyOf(places, starts[corners.length]), random.nextBoolean());
    }

    void addTo(Kernels k, List<KernelCase.Call> calls) {
        float[] weights = weights();
        float[] bias = random.nextBoolean() ? null : Arrays.copyOf(weights, panels.stride());
        float[] y = KernelCase.gap(at + patches.count() * yStride);
        calls.add(
                new KernelCase.Call(
                        "convolution",
                        numbers.inPieces(
                                k,
                                patches.count(),
                                (from, to) ->
                                        k.convolution(
                                                panels, patches, from, to, x, at, weights, bias, y,
                                                at)),
                        y));
        OptimizerStep.Kind[] kinds = OptimizerStep.Kind.values();
        OptimizerStep step = KernelCase.optimizer(kinds[random.nextInt(kinds.length)]);
        step.l2 = random.nextBoolean() ? 0.1f : 0f;
        float[] w = weights();
        float[][] state = numbers.state(step.kind, panels.inputs(), w.length);
        float[] tile = new float[Kernels.TILE];
        float[] dy = lines(images * patches.count(), panels.outputs(), panels.stride());
        calls.add(
                new KernelCase.Call(
                        step.kind + " update of a convolution",
                        numbers.inPieces(
                                k,
                                panels.inputs(),
                                (from, to) ->
                                        k.convolutionUpdate(
                                                step, panels, patches, from, to, images, 0.3f, x,
                                                at, xImage, dy, at, yStride, w, state, tile)),
                        KernelCase.outputs(w, state)));
        pools(k, calls);
    }

    private void pools(Kernels k, List<KernelCase.Call> calls) {
        int stride = channels + random.nextInt(3);
        float[] max = KernelCase.gap(at + windows.count() * stride);
        float[] first = KernelCase.gap(at + windows.count() * stride);
        float[] mean = KernelCase.gap(at + windows.count() * stride);
        float[] dy = numbers.numbers(at + windows.count() * stride);
        float[] dMax = zeros();
        float[] dMean = zeros();
        float divisor = random.nextInt(1, 10);
        calls.add(
                new KernelCase.Call(
                        "max pool",
                        () -> k.maxPool(windows, channels, x, at, max, first, at, stride),
                        max,
                        first));
        calls.add(
                new KernelCase.Call(
                        "max pool gradient",
                        () -> k.maxPoolGradient(windows, channels, first, dy, at, stride, dMax, at),
                        dMax));
        calls.add(
                new KernelCase.Call(
                        "average pool",
                        () -> k.averagePool(windows, channels, divisor, x, at, mean, at, stride),
                        mean));
        calls.add(
                new KernelCase.Call(
                        "average pool gradient",
                        () ->
                                k.averagePoolGradient(
                                        windows, channels, divisor, dy, at, stride, dMean, at),
                        dMean));
    }

    /// An image, in which layers begin the sum of gradients.
    private float[] zeros() {
        float[] zeros = KernelCase.gap(at + xImage);
        Arrays.fill(zeros, at, at + xImage, 0f);
        return zeros;
    }

    private float[] weights() {
        float[] w = new float[panels.length()];
        for (int i = 0; i < panels.inputs(); i++) {
            for (int o = 0; o < panels.outputs(); o++) {
                w[panels.index(i, o)] = numbers.number();
            }
        }
        return w;
    }

    private float[] lines(int lines, int width, int padded) {
        float[] all = KernelCase.gap(at + lines * yStride);
        for (int line = 0; line < lines; line++) {
            for (int c = 0; c < padded; c++) {
                all[at + line * yStride + c] = c < width ? numbers.number() : 0f;
            }
        }
        return all;
    }
}
