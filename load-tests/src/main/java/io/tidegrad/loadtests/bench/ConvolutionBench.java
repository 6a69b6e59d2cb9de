package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.Panels;
import io.tidegrad.engine.kernel.Patches;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import io.tidegrad.loadtests.bench.Workload.Convolution;
import java.util.List;

/// Runs the convolution's kernel in this JVM, on images that lie as the engine's layer has them, and measures it.
final class ConvolutionBench {
    private static final int LANES = 16;

    private final Convolution convolution;
    private final int images;
    private final Kernels kernels = Kernels.active();
    private final Panels panels;
    private final Patches patches;
    private final int outer; // side of an image within its border
    private final int xStride; // a single channel lies tight, several are padded
    private final float[] x;
    private final float[] y;
    private final float[] w;
    private final float[] bias;

    ConvolutionBench(Convolution convolution, int images) {
        this.convolution = convolution;
        this.images = images;
        int channels = convolution.channels();
        outer = convolution.side() + Convolution.KERNEL - 1;
        xStride = channels == 1 ? 1 : Math.ceilDiv(channels, LANES) * LANES;
        panels = new Panels(Convolution.KERNEL * Convolution.KERNEL * channels, convolution.outputs());
        patches = patches();
        x = LoopBench.filled(Math.multiplyExact(images, outer * outer * xStride));
        y = new float[Math.multiplyExact(images, patches.count() * panels.stride())];
        w = LoopBench.filled(panels.length());
        bias = LoopBench.filled(panels.stride());
    }

    private Patches patches() {
        int side = convolution.side();
        int channels = convolution.channels();
        int[] corners = new int[side * side];
        int[] places = new int[corners.length];
        for (int p = 0; p < corners.length; p++) {
            corners[p] = (p / side * outer + p % side) * xStride;
            places[p] = p * panels.stride();
        }
        int[] taps = new int[panels.inputs()];
        for (int k = 0; k < taps.length; k++) {
            int u = k / channels / Convolution.KERNEL;
            int v = k / channels % Convolution.KERNEL;
            taps[k] = (u * outer + v) * xStride + k % channels;
        }
        return new Patches(corners, taps, places);
    }

    List<Measurement> run(double seconds) {
        Meter meter = new Meter();
        Meter.Window window = meter.measure(this::run, images, false, seconds);

        double peak = MachineLimits.flopsPerNano();
        double gflops = convolution.flops() * window.examplesPerCpuSecond() * 1e-9;
        Measurement.Lines lines = new Measurement.Lines(convolution.name(), images, 1, kernels.name(), "");
        return window.to(lines).add(Metric.GFLOPS, gflops).add(Metric.FMA_PEAK_GFLOPS, peak)
                .add(Metric.FMA_PEAK_SHARE, gflops / peak).all();
    }

    private void run(int steps) {
        int xImage = outer * outer * xStride;
        int yImage = patches.count() * panels.stride();
        for (int step = 0; step < steps; step++) {
            for (int image = 0; image < images; image++) {
                kernels.convolution(panels, patches, 0, patches.count(), x, image * xImage, w, bias, y, image * yImage);
            }
        }
    }
}
