package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import io.tidegrad.engine.kernel.Panels;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import io.tidegrad.loadtests.bench.Workload.Loop;
import java.util.List;

/// Runs one kernel in this JVM, on matrices that lie where the last step left them, and measures it.
final class LoopBench {
    private final Loop loop;
    private final int rows;
    private final Kernels kernels = Kernels.active();
    private final float[] tile = new float[Kernels.TILES];

    LoopBench(Loop loop, int rows) {
        this.loop = loop;
        this.rows = rows;
    }

    /// A dense layer's matrices.
    private static final class Matrices {
        final Panels panels;
        final float[] x;
        final float[] y;
        final float[] w;
        final float[][] state;
        final float[] scratch;

        Matrices(Loop.Shape shape, int rows) {
            panels = Panels.ofLayer(shape.inputs(), shape.outputs());
            x = filled(rows * panels.inputs());
            y = filled(rows * panels.stride());
            w = filled(panels.length());
            scratch = new float[panels.scratch()];
            state = new float[][]{filled(panels.length()), filled(panels.length())};
        }

    }

    /// Small and positive: a step changes little, and nothing becomes denormal.
    static float[] filled(int length) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (1 + i % 7) * 0.01f;
        }
        return values;
    }

    List<Measurement> run(double seconds) {
        Meter meter = new Meter();
        List<Matrices> matrices = loop.shapes().stream().map(shape -> new Matrices(shape, rows)).toList();
        OptimizerStep step = optimizerStep();
        Meter.Steps work = steps -> {
            for (int i = 0; i < steps; i++) {
                for (int m = 0; m < matrices.size(); m++) {
                    run(matrices.get(m), step);
                }
            }
        };
        Meter.Window window = meter.measure(work, rows, false, seconds);

        double peak = MachineLimits.flopsPerNano();
        double stepNanos = 1e9 * rows / window.examplesPerCpuSecond();
        double gflops = loop.flops(rows) / stepNanos;
        Measurement.Lines lines = new Measurement.Lines(loop.name(), rows, 1, kernels.name(), "");
        window.to(lines).add(Metric.GFLOPS, gflops).add(Metric.FMA_PEAK_GFLOPS, peak);
        if (loop.kernel() == Loop.Kernel.ADAM) {
            int weights = matrices.stream().mapToInt(m -> m.panels.length()).sum();
            lines.add(Metric.STREAM_SHARE, MachineLimits.update(weights) / stepNanos);
        } else {
            lines.add(Metric.FMA_PEAK_SHARE, gflops / peak);
        }
        return lines.all();
    }

    private void run(Matrices m, OptimizerStep step) {
        Panels panels = m.panels;
        int inputs = panels.inputs();
        int stride = panels.stride();
        switch (loop.kernel()) {
            case FORWARD -> kernels.denseForward(panels, 0, panels.count(), rows, m.x, 0, inputs, m.w, null, m.y, 0,
                    stride, m.scratch);
            case WEIGHT_GRADIENT -> kernels.denseUpdate(step, panels, 0, inputs, rows, 1, m.x, 0, inputs, m.y, 0,
                    stride, m.w, m.state, tile);
            case INPUT_GRADIENT ->
                kernels.denseInputGradient(panels, 0, inputs, rows, m.y, 0, stride, m.w, m.x, 0, inputs, m.scratch);
            case ADAM -> kernels.denseInputGradientAndUpdate(step, panels, 0, inputs, 1, m.x, 0, m.y, 0, m.w, m.state,
                    null, 0, tile);
        }
    }

    private OptimizerStep optimizerStep() {
        OptimizerStep step = new OptimizerStep();
        if (loop.kernel() == Loop.Kernel.ADAM) {
            Adam.of(1e-6).prepare(1_000_000, step);
        } else {
            step.kind = OptimizerStep.Kind.GRADIENT;
        }
        return step;
    }
}
