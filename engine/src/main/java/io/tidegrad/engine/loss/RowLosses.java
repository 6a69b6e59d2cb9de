package io.tidegrad.engine.loss;

/// What `Reduction` needs of each row.
final class RowLosses {
    final float[] losses; // l: the mean over the row's own elements
    final double[] weights; // m: the weight of its labels
    final double[] counts; // n: 1, or its lines that count

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
