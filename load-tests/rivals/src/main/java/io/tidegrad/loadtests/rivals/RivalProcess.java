package io.tidegrad.loadtests.rivals;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.exchange.OnnxExport;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.bench.Latencies;
import io.tidegrad.loadtests.bench.MadeUpRows;
import io.tidegrad.loadtests.bench.Measurement;
import io.tidegrad.loadtests.bench.Meter;
import io.tidegrad.loadtests.bench.Workload;
import java.util.List;
import java.util.Map;

/// The main class of a JVM that measures one rival: `RivalProcess <rival> <workload> <batch> <seconds>`, the rival one
/// of `libtorch`, `onnxruntime`, `openblas`, `vw`, `c`. The same rows, the same meter, the same lines of JSON as the bench's.
public final class RivalProcess {
    private static final int REFUSED = 2;

    private RivalProcess() {}

    public static void main(String[] args) {
        Workload workload = Workload.named(args[1]);
        int batch = Integer.parseInt(args[2]);
        double seconds = Double.parseDouble(args[3]);
        int status = 0;
        try {
            measure(args[0], workload, batch, seconds).forEach(measurement -> System.out.println(measurement.toJson()));
        } catch (LoadTestException e) {
            System.err.println("tidegrad: " + e.getMessage());
            status = REFUSED;
        }
        // No reason to wait for the natives' threads and destructors.
        System.out.flush();
        Runtime.getRuntime().halt(status);
    }

    private static List<Measurement> measure(String rival, Workload workload, int batch, double seconds) {
        Measurement.Lines lines = new Measurement.Lines(workload.name(), batch, 1, rival, "");
        Meter meter = new Meter();
        return switch (workload) {
            case Workload.Learning learning -> {
                Plan plan = Plan.of(learning.spec());
                Batch rows = new Batch(plan.spec().row(), batch);
                MadeUpRows source = new MadeUpRows(plan);
                LibTorch libTorch = new LibTorch(Parameters.initial(plan), rows);
                Meter.Steps work = steps -> {
                    for (int step = 0; step < steps; step++) {
                        source.fill(rows);
                        libTorch.learn();
                    }
                };
                yield meter.measure(work, batch, true, seconds).to(lines).all();
            }
            case Workload.Predicting predicting -> {
                Plan plan = Plan.of(predicting.learning().spec());
                Batch rows = new Batch(plan.spec().row(), batch);
                MadeUpRows source = new MadeUpRows(plan);
                float[] predictions = new float[batch * plan.outputs()];
                OnnxSession.Buffers onnx = onnx(Parameters.initial(plan), batch);
                Latencies latencies = new Latencies(() -> {
                    source.fill(rows);
                    onnx.predict(rows.numbers, rows.ids, predictions, 0);
                });
                meter.measure(latencies, batch, true, seconds, latencies::forget).to(lines);
                yield latencies.to(lines).all();
            }
            case Workload.Recipes recipes -> {
                try (VowpalWabbit vowpalWabbit = new VowpalWabbit(VowpalWabbit.COIN)) {
                    vowpalWabbit.learn(lines);
                }
                yield lines.all();
            }
            case Workload.Linear linear -> {
                try (FlightsCache cache = new FlightsCache(linear.pairs())) {
                    cache.learn(seconds, lines);
                }
                yield lines.all();
            }
            case Workload.Loop loop -> {
                Meter.Steps work = rival.equals("c") ? new AdamLoop(loop)::run : new OpenBlas(loop, batch)::run;
                yield meter.measure(work, batch, true, seconds).to(lines).all();
            }
            case Workload.Convolution _,Workload.Decoding _,Workload.Watching _,Workload.Backtesting _ ->
                throw new LoadTestException("no rival of this build does " + workload.name());
        };
    }

    static OnnxSession.Buffers onnx(Parameters parameters, int batch) {
        RowShape row = parameters.plan().spec().row();
        return new OnnxSession(OnnxExport.of("network", parameters, Map.of())).newBuffers(batch, row.numbers(),
                row.ids(), parameters.plan().outputs());
    }
}
