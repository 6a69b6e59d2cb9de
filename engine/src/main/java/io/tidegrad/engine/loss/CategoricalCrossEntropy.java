package io.tidegrad.engine.loss;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// -Σ_k c_k t_k ln p_k for each line of a row, with targets t_k = (1 - e) y_k + e / K for K classes. PyTorch's
/// `CrossEntropyLoss`; label smoothing from C. Szegedy et al., Rethinking the Inception Architecture, 2016.
///
/// A line's label is one float, the class index, or with `oneHot` one float per class, its probability. A line has
/// count 1 and the weight c_y of its class, so `Reduction.WEIGHTED_MEAN` is PyTorch's mean. A row's loss is the
/// weighted mean of its lines' losses, without ignored lines.
///
/// @param oneHot whether labels are probabilities
/// @param fromLogits whether the network's output is logits z, with p = softmax(z); otherwise the output is p itself,
///     which is not clipped: a probability of 0 for the label gives an infinite loss
/// @param labelSmoothing e, from 0 to below 1
/// @param classWeights c, one per class, for class indices only; empty for 1
/// @param ignoreIndex the class index whose lines don't count and get no gradient; null for none
public record CategoricalCrossEntropy(boolean oneHot, boolean fromLogits, double labelSmoothing,
        List<Double> classWeights, @Nullable Integer ignoreIndex) implements Loss {
    public CategoricalCrossEntropy {
        classWeights = List.copyOf(classWeights);
        if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
            throw new IllegalArgumentException(
                    "label smoothing: expected a number from 0 to below 1, found " + labelSmoothing);
        }
        if (!classWeights.stream().allMatch(w -> w.floatValue() > 0 && Float.isFinite(w.floatValue()))) {
            throw new IllegalArgumentException("class weights: expected numbers above 0, found " + classWeights);
        }
        if (oneHot && !(classWeights.isEmpty() && ignoreIndex == null)) {
            throw new IllegalArgumentException(
                    "class weights and an ignored index are for labels that are class indices,"
                            + " found labels that are probabilities");
        }
    }

    /// A loss from logits without class weights, smoothing and ignored lines.
    public CategoricalCrossEntropy(boolean oneHot) {
        this(oneHot, true, 0, List.of(), null);
    }

    /// The same loss, for which lines of that class index don't count.
    public CategoricalCrossEntropy ignoring(int index) {
        return new CategoricalCrossEntropy(oneHot, fromLogits, labelSmoothing, classWeights, index);
    }

    @Override
    public int labels(int lines, int width) {
        return oneHot ? lines * width : lines;
    }

    @Override
    public Link link() {
        return fromLogits ? Link.MULTINOMIAL_LOGIT : Link.IDENTITY;
    }

    @Override
    public @Nullable String mismatch(int lines, int width) {
        if (width < 2) {
            return "expected at least 2 outputs of the network, found " + width;
        }
        int weights = classWeights.size();
        return weights == 0 || weights == width ? null
                : "expected as many outputs of the network as class weights, " + weights + ", found " + width;
    }

    @Override
    public LossPass bind(int maxRows, int lines, int width) {
        return new CategoricalCrossEntropyPass(this, lines, width);
    }
}
