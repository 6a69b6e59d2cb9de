package io.tidegrad.engine.loss;

/// How the losses l_i of a batch's rows become the batch's loss. Row i has the sample weight w_i, the weight m_i of its
/// labels (1, unless the loss has weights: `CategoricalCrossEntropy`, `Ctc`, `FakeNegativeWeighted`) and the count n_i (1,
/// or the number of its lines that are not ignored). The loss is Σ w_i m_i l_i / Z, summed in doubles by ascending rows; its gradient is
/// learned.
public enum Reduction {
    /// Z = Σ n_i: the number of rows, or of lines that are not ignored.
    MEAN,

    /// Z = Σ w_i m_i, so that only the ratios of the weights matter.
    WEIGHTED_MEAN,

    /// A sum over rows and elements: each row's mean is multiplied by the row's number of elements.
    SUM;

    double normaliser(double weights, double counts, int elements) {
        return switch (this) {
            case MEAN -> counts;
            case WEIGHTED_MEAN -> weights;
            case SUM -> 1.0 / elements;
        };
    }
}
