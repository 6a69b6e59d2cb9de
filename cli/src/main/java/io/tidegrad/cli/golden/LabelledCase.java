package io.tidegrad.cli.golden;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Schedule;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A network with a loss: what cases of losses and of training share.
final class LabelledCase {
    private final CaseModel model;
    private final LossSpec loss;
    private final Tensor targets;
    private final @Nullable Tensor sampleWeights;

    LabelledCase(
            Fields golden,
            Fields spec,
            Map<String, Tensor> inputs,
            RowColumns columns,
            CaseNetwork network,
            Optimizer optimizer,
            Schedule schedule,
            Clipping clipping,
            Regularization regularization) {
        targets = CaseModel.only(golden.tensors("targets"), "y");
        sampleWeights = golden.has("sample_weights") ? golden.tensor("sample_weights") : null;
        requireRows("targets.y", columns.rows(), targets);
        if (sampleWeights != null) {
            requireRows("sample_weights", columns.rows(), sampleWeights);
            Comparison.equal("sample_weights, axes", sampleWeights.shape().size(), 1);
        }
        loss = LossSpec.of(spec, network.outputShape(), network.lastType(), targets);
        model =
                new CaseModel(
                        golden,
                        inputs,
                        columns,
                        network,
                        new NetworkSpec(
                                new RowShape(columns.numbers(), columns.ids(), targets.rowLength()),
                                network.network(),
                                loss.loss(),
                                optimizer,
                                schedule,
                                clipping,
                                regularization,
                                1));
        spec.requireAllRead();
        golden.requireAllRead();
    }

    private static void requireRows(String what, int rows, Tensor tensor) {
        if (tensor.rows() != rows) {
            throw new GoldenException(
                    what + ": expected " + rows + " rows, found " + tensor.rows());
        }
    }

    CaseModel model() {
        return model;
    }

    LossSpec loss() {
        return loss;
    }

    Batch batch(List<Integer> rows) {
        Batch batch = model.batch(rows, targets, sampleWeights);
        loss.weigh(batch);
        return batch;
    }
}
