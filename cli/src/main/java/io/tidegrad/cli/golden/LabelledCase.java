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

/// A network with a loss, as cases of training have it.
final class LabelledCase {
    private final CaseModel model;
    private final LossSpec loss;

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
        List<Integer> predictions = network.outputShape();
        loss = LossSpec.of(golden, spec, columns.rows(), predictions, network.lastType());
        if (!loss.isOfOneLine()) {
            throw new UnsupportedException(
                    "loss "
                            + spec.object("loss").text("type")
                            + " of a network's rows of shape "
                            + predictions);
        }
        model =
                new CaseModel(
                        golden,
                        inputs,
                        columns,
                        network,
                        new NetworkSpec(
                                new RowShape(
                                        columns.numbers(),
                                        columns.ids(),
                                        loss.labels().rowLength()),
                                network.network(),
                                loss.loss(),
                                loss.reduction(),
                                optimizer,
                                schedule,
                                clipping,
                                regularization,
                                1));
        spec.requireAllRead();
        golden.requireAllRead();
    }

    CaseModel model() {
        return model;
    }

    LossSpec loss() {
        return loss;
    }

    Batch batch(List<Integer> rows) {
        return model.batch(rows, loss.labels(), loss.sampleWeights());
    }
}
