package io.tidegrad.cli.golden;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Gradients;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.engine.optim.Sgd;
import java.util.List;
import java.util.Map;

/// A loss of given predictions, and its gradient.
final class LossCase {
    private LossCase() {}

    static void run(Fields golden, Comparison comparison, Kernels kernels) {
        Fields spec = golden.object("spec");
        LossSpec.requireKnown(spec);
        Fields expected = golden.object("expected");
        expected.requireOnly("loss", "loss_per_sample", "input_gradients");
        Map<String, Tensor> inputs = golden.tensors("inputs");
        CaseModel.only(inputs, "predictions");
        RowColumns columns = new RowColumns(inputs);
        LabelledCase labelled =
                new LabelledCase(
                        golden,
                        spec,
                        inputs,
                        columns,
                        new CaseNetwork(
                                List.of(), "predictions", columns, Embedding.Update.TOUCHED),
                        new Sgd(0),
                        Schedule.CONSTANT,
                        new Clipping.None(),
                        Regularization.NONE);

        CaseModel model = labelled.model();
        Batch batch = labelled.batch(columns.allRows());
        Gradients gradients = new Gradients(model.parameters(), kernels, batch.size());
        double loss = gradients.ofLoss(batch);

        if (expected.has("loss")) {
            comparison.number("loss", loss, expected.number("loss"));
        }
        if (expected.has("loss_per_sample")) {
            comparison.tensor(
                    "loss_per_sample",
                    List.of(batch.size()),
                    gradients.rowLosses(),
                    expected.tensor("loss_per_sample"));
        }
        model.checkInputGradients(expected, inputs, gradients, comparison);
        expected.requireAllRead();
    }
}
