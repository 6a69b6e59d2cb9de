package io.tidegrad.engine.loss;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// -Σ_k c_k t_k ln p_k, each line of a row for itself, with targets t_k = (1 - e) y_k + e / K for K classes. PyTorch's
/// `CrossEntropyLoss`; label smoothing from C. Szegedy et al., Rethinking the Inception Architecture, 2016.
///
/// A line's label is one float, the class index, or (`oneHot`) one float a class: its probability. A line counts 1 and
/// weighs c_y, the weight of its class: `Reduction.WEIGHTED_MEAN` is what PyTorch calls the mean. A row's loss is the
/// mean of its lines' losses by these weights; a line to be ignored is in no sum.
///
/// @param oneHot whether labels are probabilities
/// @param fromLogits p = softmax(z) of what the network puts out; else that is p itself, of which nothing is clipped: a
///     probability of 0 for what happened is an infinite loss
/// @param labelSmoothing e, from 0 to below 1
/// @param classWeights c, one a class, for class indices only; empty for 1
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

    /// From logits, every class and every line alike.
    public CategoricalCrossEntropy(boolean oneHot) {
        this(oneHot, true, 0, List.of(), null);
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
