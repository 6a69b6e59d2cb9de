package io.tidegrad.model.feature;

import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.spec.ModelSpec;

/// A row that says nothing, with which others are compared to tell what their features add to a prediction.
public final class NeutralRow {
    private NeutralRow() {}

    /// Returns a row with the learned means of the numbers that the model standardises, 0 for the others, and else what a
    /// missing field gives.
    ///
    /// @throws IllegalStateException the parameters are of another model, without the statistics
    public static Row of(ModelSpec spec, Parameters parameters) {
        Featurizer featurizer = new Featurizer(spec);
        Row neutral = featurizer.newRow();
        featurizer.writeNeutral(neutral);
        int[] columns = spec.standardisedColumns();
        if (columns.length == 0) {
            return neutral;
        }
        for (Tensor tensor : parameters.plan().tensors()) {
            if (tensor instanceof Tensor.Statistics) {
                double[] statistics = parameters.statistics(tensor.name());
                for (int i = 0; i < columns.length; i++) {
                    neutral.numbers[columns[i]] = (float) statistics[spec.meanAt(i)];
                }
                return neutral;
            }
        }
        throw new IllegalStateException("model '" + spec.model() + "' standardises numbers without statistics");
    }
}
