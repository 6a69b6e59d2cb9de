package io.tidegrad.cli.golden;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Schedule;
import java.util.List;

/// A network with a loss, as cases of training have it.
final class LabelledCase {
    private final CaseModel model;
    private final LossSpec loss;

    LabelledCase(Fields golden, Fields spec, CaseInputs inputs, CaseNetwork network, Optimizer optimizer,
            Schedule schedule, Clipping clipping, Regularization regularization) {
        loss = LossSpec.of(golden, spec, inputs.rows(), network.outputShape(), network.lastType());
        model = new CaseModel(golden, inputs, network,
                new NetworkSpec(new RowShape(inputs.numbers(), inputs.ids(), loss.labels().rowLength()),
                        network.network(), loss.loss(), loss.reduction(), optimizer, schedule, clipping, regularization,
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
