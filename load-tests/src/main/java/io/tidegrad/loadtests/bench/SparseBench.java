package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.kernel.ActivationFunction;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import io.tidegrad.engine.layer.PackedRows;
import io.tidegrad.engine.layer.Storage;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import io.tidegrad.loadtests.bench.Workload.SparseUpdate;
import java.util.Arrays;
import java.util.List;

/// Runs what a sparse logistic regression spends its time on, in this JVM, and measures it: a table's reading and its
/// optimizer, as the engine's layers call them.
final class SparseBench {
    private final SparseUpdate sparse;
    private final Kernels kernels = Kernels.active();
    private final Plan plan;
    private final Tensor.Table table;
    private final Storage.Rows storage;
    private final Batch batch;
    private final MadeUpRows rows;
    private final OptimizerStep optimizer = new OptimizerStep();
    private final PackedRows numbers; // of one row's ids
    private final float[] probability = new float[1];

    SparseBench(SparseUpdate sparse, int batch) {
        if (batch != 1) {
            throw new IllegalArgumentException(
                    "--batch: expected 1, as " + sparse.name() + " takes row by row, found " + batch);
        }
        this.sparse = sparse;
        plan = Plan.of(sparse.learning().spec());
        table = (Tensor.Table) plan.tensors().getFirst();
        storage = (Storage.Rows) Storage.of(table, plan.spec().optimizer().stateParts());
        this.batch = new Batch(plan.spec().row(), 1);
        rows = new MadeUpRows(plan);
        numbers = new PackedRows(1, table.reads());
        plan.spec().optimizer().prepare(1, optimizer);
        plan.spec().optimizer().setRate(plan.spec().optimizer().rate(), optimizer);
    }

    List<Measurement> run(double seconds) {
        Meter meter = new Meter();
        Meter.Window window = meter.measure(this::run, 1, false, seconds);

        double fill = MachineLimits.nanos(() -> rows.fill(batch));
        double possible = fill + MachineLimits.randomRows(table.rows(), table.columns(),
                plan.spec().optimizer().stateParts(), table.reads(), true);
        Measurement.Lines lines = new Measurement.Lines(sparse.name(), 1, 1, kernels.name(), "");
        return window.to(lines).add(Metric.ROOFLINE_EXAMPLES_PER_CPU_S, 1e9 / possible)
                .add(Metric.ROOFLINE_SHARE, window.examplesPerCpuSecond() * possible * 1e-9)
                .add(Metric.FMA_PEAK_GFLOPS, MachineLimits.flopsPerNano()).all();
    }

    private void run(int steps) {
        for (int step = 0; step < steps; step++) {
            learn();
        }
    }

    private void learn() {
        rows.fill(batch);
        int count = table.reads();
        numbers.gather(storage, batch.ids, 0, count);
        probability[0] = sum();
        kernels.activate(ActivationFunction.SIGMOID, 0, 1, probability, 0, probability, 0);
        Arrays.fill(numbers.gradients(), 0, count, probability[0] - batch.labels[0]);
        numbers.update(kernels, optimizer);
        numbers.scatter(storage, batch.ids, 0);
    }

    /// Four at a time, as `EmbeddingBag` adds them.
    private float sum() {
        float[] weights = numbers.values();
        float sum = 0;
        for (int i = 0; i < table.reads(); i += 4) {
            sum += weights[i] + weights[i + 1] + (weights[i + 2] + weights[i + 3]);
        }
        return sum;
    }
}
