package io.tidegrad.cli.golden;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.loss.BatchLoss;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import java.util.Arrays;
import java.util.List;

/// A loss of given predictions, and its gradient.
final class LossCase {
    private LossCase() {}

    static void run(Fields golden, Comparison comparison, Kernels kernels) {
        Fields spec = golden.object("spec");
        LossSpec.requireKnown(spec);
        Fields expected = golden.object("expected");
        expected.requireOnly("loss", "loss_per_sample", "input_gradients");
        Tensor predictions = CaseModel.only(golden.tensors("inputs"), "predictions");
        if (predictions.integers()) {
            throw new GoldenException("inputs.predictions: expected floats, found integers");
        }
        int rows = predictions.rows();
        LossSpec loss = LossSpec.of(golden, spec, rows, predictions.rowShape(), "");
        spec.requireAllRead();
        golden.requireAllRead();
        int width = loss.width();
        float[] labels = loss.labels().values();
        float[] sampleWeights = new float[rows];
        Arrays.fill(sampleWeights, 1);
        if (loss.sampleWeights() != null) {
            System.arraycopy(loss.sampleWeights().values(), 0, sampleWeights, 0, rows);
        }

        BatchLoss batch = new BatchLoss(loss.loss(), loss.reduction(), rows, loss.lines(), width);
        batch.compare(kernels, rows, predictions.values(), 0, width, labels);
        double value = batch.reduce(rows, sampleWeights);
        float[] gradient = new float[predictions.values().length];
        batch.gradient(rows, labels, sampleWeights, gradient, 0, width);
        for (int i = 0; i < gradient.length; i++) {
            gradient[i] *= batch.scale();
        }

        if (expected.has("loss")) {
            comparison.number("loss", value, expected.number("loss"));
        }
        if (expected.has("loss_per_sample")) {
            comparison.tensor("loss_per_sample", List.of(rows), perSample(loss, batch, rows),
                    expected.tensor("loss_per_sample"));
        }
        expected.tensors("input_gradients").forEach((name, want) -> {
            if (!name.equals("predictions")) {
                throw new UnsupportedException("expected.input_gradients." + name);
            }
            comparison.tensor("input_gradients." + name, predictions.shape(), gradient, want);
        });
        expected.requireAllRead();
    }

    /// The mean over a row's elements; where lines may be ignored cases have the sum over those that are not.
    private static float[] perSample(LossSpec loss, BatchLoss batch, int rows) {
        float[] losses = Arrays.copyOf(batch.rowLosses(), rows);
        if (loss.loss() instanceof CategoricalCrossEntropy classes && classes.ignoreIndex() != null) {
            for (int row = 0; row < rows; row++) {
                losses[row] *= (float) batch.count(row);
            }
        }
        return losses;
    }
}
