package io.tidegrad.engine.loss;

/// What a batch makes of its rows' losses l_i. Row i has the sample weight w_i, the weight m_i of its labels (1, unless
/// the loss weighs them: `CategoricalCrossEntropy`, `Ctc`) and counts n_i (1, or its lines that are not ignored). The
/// loss is Σ w_i m_i l_i / Z, summed in doubles by ascending rows; what is learned is its gradient.
public enum Reduction {
    /// Z = Σ n_i: the number of rows, or of lines that count.
    MEAN,

    /// Z = Σ w_i m_i, so that the size of weights doesn't matter, only their ratio.
    WEIGHTED_MEAN,

    /// Not divided by anything, not even by a row's elements.
    SUM;

    double normaliser(double weights, double counts, int elements) {
        return switch (this) {
            case MEAN -> counts;
            case WEIGHTED_MEAN -> weights;
            case SUM -> 1.0 / elements;
        };
    }
}
