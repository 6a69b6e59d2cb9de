package io.tidegrad.engine.loss;

/// A loss that compares element by element, defined by its formula and slope. A row's loss is the mean over its
/// outputs.
public sealed interface ElementwiseLoss extends Loss
        permits BinaryCrossEntropy, Hinge, Huber, MeanAbsoluteError, MeanSquaredError, Poisson, Quantile {
    /// Labels of one line: one per output, or one that all outputs of the line are compared with.
    default int labelsOfLine(int width) {
        return width;
    }

    @Override
    default int labels(int lines, int width) {
        return lines * labelsOfLine(width);
    }

    @Override
    default Link link() {
        return Link.IDENTITY;
    }

    /// l(z, y); NaN if y is not a valid label.
    ///
    /// @param z the network's output
    double loss(float z, float label, int column);

    /// dl/dz
    ///
    /// @param prediction p, computed from z by `link`
    float slope(float prediction, float label, int column);

    @Override
    default LossPass bind(int maxRows, int lines, int width) {
        return new ElementwiseLossPass(this, lines, width, labelsOfLine(width));
    }
}
