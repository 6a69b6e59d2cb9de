package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// Predicts with one model in this JVM and measures it, each prediction by the clock.
final class PredictBench {
    private final Workload.Predicting workload;
    private final int batchSize;

    PredictBench(Workload.Predicting workload, int batchSize) {
        this.workload = workload;
        this.batchSize = batchSize;
    }

    List<Measurement> run(double seconds) {
        Meter meter = new Meter();
        Kernels kernels = Kernels.active();
        Plan plan = Plan.of(workload.learning().spec());
        Parameters parameters = Parameters.initial(plan).servedCopy();
        Predictor predictor = new Predictor(plan, kernels, batchSize);
        Batch batch = new Batch(plan.spec().row(), batchSize);
        MadeUpRows rows = new MadeUpRows(plan);
        float[] predictions = new float[batchSize * plan.outputs()];
        Latencies latencies = new Latencies(() -> {
            rows.fill(batch);
            predictor.predict(parameters, batch, predictions);
        });
        Meter.Window window = meter.measure(latencies, batchSize, false, seconds, latencies::forget);

        byte[] fingerprint = workload.name().getBytes(StandardCharsets.US_ASCII);
        Measurement.Lines lines = new Measurement.Lines(workload.name(), batchSize, 1, kernels.name(),
                ModelHash.weights(fingerprint, parameters));
        window.to(lines);
        return latencies.to(lines).add(Metric.READING_PASS_NS, MachineLimits.read(denseWeights(plan))).all();
    }

    /// Padding included.
    private static int denseWeights(Plan plan) {
        int weights = 0;
        for (Tensor tensor : plan.tensors()) {
            weights += switch (tensor) {
                case Tensor.Matrix matrix -> matrix.panels().length();
                case Tensor.Vector vector -> vector.stride();
                case Tensor.Table table -> 0;
                case Tensor.Statistics statistics -> 0;
            };
        }
        return weights;
    }
}
