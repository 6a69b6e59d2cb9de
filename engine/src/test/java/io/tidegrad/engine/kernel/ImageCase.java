package io.tidegrad.engine.kernel;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/// Arguments for the kernels that look at images, drawn for a `KernelCase`: images of a few pixels, columns and lines
/// of which are NaN where no kernel may look.
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
        boolean three = random.nextBoolean(); // what tiles of their own are made for
        int height = three ? random.nextInt(3, 9) : random.nextInt(1, 7);
        int width = three ? random.nextInt(3, 34) : random.nextInt(1, 7);
        boolean two = height > 1 && width > 1 && random.nextBoolean(); // the usual windows of poolings
        int kernelHeight = three ? 3 : two ? 2 : random.nextInt(1, Math.min(height, 3) + 1);
        int kernelWidth = three ? 3 : two ? 2 : random.nextInt(1, Math.min(width, 3) + 1);
        int step = three ? 1 : random.nextInt(1, 3);
        at = random.nextInt(20);
        images = random.nextInt(1, 4);
        channels = switch (random.nextInt(8)) {
            case 0, 1 -> random.nextInt(14, 36);
            case 2 -> 8;
            case 3 -> 1;
            default -> random.nextInt(1, 5);
        };
        int xStride = Math.max(channels, random.nextBoolean() ? 16 : channels + random.nextInt(4));
        xImage = height * width * xStride;
        panels = new Panels(kernelHeight * kernelWidth * channels, three ? random.nextInt(1, 33) : outputs);
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
                IntStream.range(0, places).map(p -> (p / columns * width + p % columns) * step * xStride).toArray();
        int[] pixels = IntStream.range(0, kernelHeight * kernelWidth)
                .map(i -> (i / kernelWidth * width + i % kernelWidth) * xStride).toArray();
        patches = new Patches(corners,
                IntStream.range(0, panels.inputs()).map(k -> pixels[k / channels] + k % channels).toArray(),
                IntStream.range(0, places).map(p -> p * yStride).toArray());
        windows = windows(corners, pixels);
    }

    /// As if edges cut some off: of each window only the first few; or all.
    private Windows windows(int[] corners, int[] pixels) {
        boolean whole = random.nextBoolean();
        int[] starts = new int[corners.length + 1];
        int[] places = new int[corners.length * pixels.length];
        for (int w = 0; w < corners.length; w++) {
            int size = whole ? pixels.length : random.nextInt(1, pixels.length + 1);
            for (int i = 0; i < size; i++) {
                places[starts[w] + i] = corners[w] + pixels[i];
            }
            starts[w + 1] = starts[w] + size;
        }
        // Overlapping windows that say that they don't: the last one's numbers stay.
        return new Windows(starts, Arrays.copyOf(places, starts[corners.length]), random.nextBoolean());
    }

    void addTo(Kernels k, List<KernelCase.Call> calls) {
        float[] weights = weights();
        float[] bias = random.nextBoolean() ? null : Arrays.copyOf(weights, panels.stride());
        float[] y = KernelCase.gap(at + patches.count() * yStride);
        calls.add(
                new KernelCase.Call("convolution",
                        inPieces(k, patches.count(), Math.max(1, patches.lineLength),
                                (from, to) -> k.convolution(panels, patches, from, to, x, at, weights, bias, y, at)),
                        y));
        OptimizerStep.Kind[] kinds = OptimizerStep.Kind.values();
        OptimizerStep step = KernelCase.optimizer(kinds[random.nextInt(kinds.length)]);
        step.l2 = random.nextBoolean() ? 0.1f : 0f;
        float[] w = weights();
        float[][] state = numbers.state(step.kind, panels.inputs(), w.length);
        float[] tile = new float[Kernels.TILES];
        float[] dy = lines(images * patches.count(), panels.outputs(), panels.stride());
        float[] sums = KernelCase.gap(panels.stride());
        calls.add(new KernelCase.Call(step.kind + " update of a convolution",
                inPieces(k, panels.inputs(), 3 * Math.max(1, patches.threesApart),
                        (from, to) -> k.convolutionUpdate(step, panels, patches, from, to, images, 0.3f, x, at, xImage,
                                dy, at, yStride, w, state, from == 0 ? sums : null, tile)),
                KernelCase.outputs(w, state, sums)));
        transpose(k, calls);
        planes(k, calls);
        pools(k, calls);
    }

    /// Pieces of any size, or of whole lines: tiles of their own are made for those.
    private Runnable inPieces(Kernels k, int size, int line, KernelCase.Range work) {
        int unit = random.nextInt(3) == 0 ? 1 : line;
        return numbers.inPieces(k, Math.ceilDiv(size, unit),
                (from, to) -> work.run(from * unit, Math.min(size, to * unit)));
    }

    private void transpose(Kernels k, List<KernelCase.Call> calls) {
        int rows = random.nextInt(1, 40);
        int columns = random.nextInt(1, 40);
        int xStride = columns + random.nextInt(3);
        int padded = random.nextBoolean() ? rows : Math.ceilDiv(rows, 16) * 16;
        int yStride = padded + random.nextInt(3);
        float[] lines = numbers.numbers(at + rows * xStride);
        float[] planes = KernelCase.gap(at + columns * yStride);
        calls.add(new KernelCase.Call("transpose",
                () -> k.transpose(rows, padded, columns, lines, at, xStride, planes, at, yStride), planes));
    }

    /// Images of some more pixels, so that whole tiles fit in, and their ends.
    private void planes(Kernels k, List<KernelCase.Call> calls) {
        int depth = random.nextInt(1, 20);
        Panels narrow = new Panels(depth, random.nextInt(1, Kernels.NARROW_OUTPUTS + 1));
        int lines = random.nextInt(1, 12);
        int columns = random.nextInt(1, 20);
        int xLine = columns + random.nextInt(3) * random.nextInt(2);
        int span = (lines - 1) * xLine + columns;
        int[] taps = IntStream.generate(() -> random.nextInt(30)).limit(depth).toArray();
        int last = IntStream.of(taps).max().orElseThrow();
        float[] xs = KernelCase.gap(at + span + last);
        for (int i = 0; i < span + last; i++) {
            xs[at + i] = numbers.number();
        }
        float[] w = new float[narrow.length()];
        for (int i = 0; i < depth; i++) {
            for (int o = 0; o < narrow.outputs(); o++) {
                w[narrow.index(i, o)] = numbers.number();
            }
        }
        int stride = narrow.stride() + random.nextInt(3);
        float[] y = KernelCase.gap(at + lines * columns * stride);
        float[] tile = new float[Kernels.TILES];
        calls.add(new KernelCase.Call("convolution of planes",
                () -> k.convolutionOfPlanes(narrow, taps, lines, columns, xs, at, xLine, w, y, at, stride, tile), y));
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
        boolean relu = random.nextBoolean();
        calls.add(new KernelCase.Call("max pool",
                () -> k.maxPool(windows, relu, channels, x, at, max, first, at, stride), max, first));
        calls.add(new KernelCase.Call("max pool gradient",
                () -> k.maxPoolGradient(windows, channels, first, dy, at, stride, dMax, at), dMax));
        calls.add(new KernelCase.Call("average pool",
                () -> k.averagePool(windows, channels, divisor, x, at, mean, at, stride), mean));
        calls.add(new KernelCase.Call("average pool gradient",
                () -> k.averagePoolGradient(windows, channels, divisor, dy, at, stride, dMean, at), dMean));
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
