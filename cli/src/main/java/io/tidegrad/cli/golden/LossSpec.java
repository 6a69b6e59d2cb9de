package io.tidegrad.cli.golden;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Batch;
import java.util.List;
import java.util.Set;

/// A case's loss. The engine's is Σ w_i l_i / N; another reduction is another factor on all sample weights of a batch.
///
/// @param elements of one sample that the loss compares
/// @param fusesLast whether the loss applies the network's last layer, so that what it reads are not the outputs
record LossSpec(Loss loss, Reduction reduction, int elements, boolean fusesLast) {
    enum Reduction {
        MEAN,
        WEIGHTED_MEAN,
        SUM
    }

    private static final Set<String> KNOWN =
            Set.of("mse", "binary_cross_entropy_with_logits", "categorical_cross_entropy");

    /// Asked first, for this reason tells people most.
    static void requireKnown(Fields spec) {
        String type = spec.object("loss").text("type");
        if (!KNOWN.contains(type)) {
            throw new UnsupportedException("loss " + type);
        }
    }

    /// @param predictions the shape of one row's
    /// @param lastType of the layer that puts them out
    static LossSpec of(Fields spec, List<Integer> predictions, String lastType, Tensor targets) {
        Fields fields = spec.object("loss");
        String type = fields.text("type");
        Reduction reduction =
                switch (fields.text("reduction")) {
                    case "mean" -> Reduction.MEAN;
                    case "weighted_mean" -> Reduction.WEIGHTED_MEAN;
                    case "sum" -> Reduction.SUM;
                    case String other -> throw new UnsupportedException("reduction " + other);
                };
        int outputs = Tensor.product(predictions);
        LossSpec loss =
                switch (type) {
                    case "mse" -> new LossSpec(new MeanSquaredError(), reduction, outputs, false);
                    case "binary_cross_entropy_with_logits" -> {
                        if (lastType.equals("sigmoid") || lastType.equals("softmax")) {
                            throw new UnsupportedException("loss " + type + " after " + lastType);
                        }
                        yield new LossSpec(new BinaryCrossEntropy(), reduction, outputs, false);
                    }
                    case "categorical_cross_entropy" ->
                            categorical(fields, reduction, predictions, lastType, targets);
                    default -> throw new IllegalStateException("loss " + type);
                };
        fields.requireAllRead();
        if (!(loss.loss instanceof CategoricalCrossEntropy)
                && !targets.rowShape().equals(predictions)) {
            throw new GoldenException(
                    "targets.y: expected rows of shape "
                            + predictions
                            + ", found "
                            + targets.rowShape());
        }
        return loss;
    }

    private static LossSpec categorical(
            Fields fields,
            Reduction reduction,
            List<Integer> predictions,
            String lastType,
            Tensor targets) {
        if (predictions.size() != 1) {
            throw new UnsupportedException(
                    "loss categorical_cross_entropy of rows of shape " + predictions);
        }
        boolean fromLogits = fields.flag("from_logits", true);
        boolean softmax = lastType.equals("softmax");
        if (fromLogits && softmax) {
            throw new UnsupportedException(
                    "loss categorical_cross_entropy of logits after softmax");
        }
        if (!fromLogits && !softmax) {
            throw new UnsupportedException(
                    "loss categorical_cross_entropy of probabilities that no softmax layer makes");
        }
        boolean indices = targets.rowShape().isEmpty();
        if (!indices && !targets.rowShape().equals(predictions)) {
            throw new GoldenException(
                    "targets.y: expected class indices or rows of shape "
                            + predictions
                            + ", found rows of "
                            + targets.rowShape());
        }
        return new LossSpec(new CategoricalCrossEntropy(!indices), reduction, 1, softmax);
    }

    /// Makes the engine's mean this reduction.
    void weigh(Batch batch) {
        double sum = 0;
        for (int row = 0; row < batch.size(); row++) {
            sum += batch.sampleWeights[row];
        }
        double factor =
                switch (reduction) {
                    case MEAN -> 1;
                    case WEIGHTED_MEAN -> batch.size() / sum;
                    case SUM -> (double) batch.size() * elements;
                };
        for (int row = 0; row < batch.size(); row++) {
            batch.sampleWeights[row] = (float) (batch.sampleWeights[row] * factor);
        }
    }
}
