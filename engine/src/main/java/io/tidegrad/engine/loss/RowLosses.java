package io.tidegrad.engine.loss;

/// The values of each row that `Reduction` needs.
final class RowLosses {
    final float[] losses; // l: the mean over the row's elements
    final double[] weights; // m: the weight of its labels
    final double[] counts; // n: 1, or the number of lines that are not ignored

    RowLosses(int maxRows) {
        losses = new float[maxRows];
        weights = new double[maxRows];
        counts = new double[maxRows];
    }

    void set(int row, double loss, double weight, double count) {
        losses[row] = (float) loss;
        weights[row] = weight;
        counts[row] = count;
    }
}
