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
public record PredictBench(Workload.Predicting workload, int batchSize) {
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

    /// Of all dense layers, as if all lay in panels with their padding: a fixed yardstick, which for layers that lie output
    /// after output is more than a prediction reads. A table's rows are no part of it.
    public static int denseWeights(Plan plan) {
        return plan.tensors().stream().mapToInt(tensor -> switch (tensor) {
            case Tensor.Matrix matrix -> matrix.rows() * matrix.panels().stride();
            case Tensor.Vector vector -> vector.stride();
            case Tensor.Table _,Tensor.Statistics _ -> 0;
        }).sum();
    }
}
