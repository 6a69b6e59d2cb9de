package io.tidegrad.engine.loss;

/// Losses of one element at a time: each is its formula and its slope. A row's loss is the mean over its outputs.
public sealed interface Elementwise extends Loss
        permits BinaryCrossEntropy, Hinge, Huber, MeanAbsoluteError, MeanSquaredError, Poisson, Quantile {
    /// Labels of one line: one an output, or one that all outputs of the line are compared with.
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

    /// l(z, y); NaN where y is no label.
    ///
    /// @param z what the network puts out
    double loss(float z, float label, int column);

    /// dl/dz
    ///
    /// @param prediction what `link` makes of z
    float slope(float prediction, float label, int column);

    @Override
    default LossPass bind(int maxRows, int lines, int width) {
        return new ElementwisePass(this, lines, width, labelsOfLine(width));
    }
}
