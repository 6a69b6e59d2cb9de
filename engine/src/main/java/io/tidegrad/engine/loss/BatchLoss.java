package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.Kernels;

/// Computes loss and reduction of one learner's batches: call `compare`, then `reduce`, then `gradient`. Allocates
/// nothing after construction.
public final class BatchLoss {
    private final Loss loss;
    private final Reduction reduction;
    private final int lines;
    private final int width;
    private final LossPass pass;
    private final RowLosses rowLosses;
    private final float[] predictions; // (maxRows, lines, width)
    private double normaliser;

    /// @param lines lines of a row; 1 for a vector
    /// @throws IllegalArgumentException the loss doesn't fit rows of this shape
    public BatchLoss(Loss loss, Reduction reduction, int maxRows, int lines, int width) {
        String mismatch = loss.mismatch(lines, width);
        if (mismatch != null) {
            throw new IllegalArgumentException(mismatch);
        }
        this.loss = loss;
        this.reduction = reduction;
        this.lines = lines;
        this.width = width;
        pass = loss.bind(maxRows, lines, width);
        rowLosses = new RowLosses(maxRows);
        predictions = new float[Math.multiplyExact(maxRows, Math.multiplyExact(lines, width))];
    }

    /// Only predicts.
    ///
    /// @param predictions (rows, lines, width), without padding
    public void predict(Kernels kernels, int rows, float[] y, int at, int stride, float[] predictions) {
        loss.predict(kernels, rows, lines, width, y, at, stride, predictions);
    }

    /// Predicts and computes each row's loss.
    ///
    /// @param y (rows, lines, width), line l of row r at `at + (r * lines + l) * stride`
    /// @param labels (rows, labels)
    public void compare(Kernels kernels, int rows, float[] y, int at, int stride, float[] labels) {
        predict(kernels, rows, y, at, stride, predictions);
        pass.losses(rows, y, at, stride, labels, rowLosses);
    }

    /// Computes the batch's loss and its normaliser. Returns 0, not 0 / 0, if nothing counts (every line is ignored, or
    /// all weights are 0); then `isEmpty` is true and there is nothing to learn.
    ///
    /// @param sampleWeights (rows)
    public double reduce(int rows, float[] sampleWeights) {
        double sum = 0;
        double weights = 0;
        double counts = 0;
        for (int row = 0; row < rows; row++) {
            double weight = sampleWeights[row] * rowLosses.weights[row];
            sum += weight * rowLosses.losses[row];
            weights += weight;
            counts += rowLosses.counts[row];
        }
        normaliser = reduction.normaliser(weights, counts, pass.elements());
        // A sum that is not finite must be reported, whatever it is divided by.
        return isEmpty() && Double.isFinite(sum) ? 0 : sum / normaliser;
    }

    /// Whether no row counted in the last `reduce`.
    public boolean isEmpty() {
        return normaliser == 0;
    }

    /// The factor 1 / Z that the result of `gradient` still has to be multiplied by. It is applied together with the
    /// optimizer.
    public float scale() {
        return isEmpty() ? 0 : (float) (1 / normaliser);
    }

    /// dy = Z times the gradient of the loss that `reduce` returned.
    ///
    /// @param dy (rows, lines, width), laid out as y
    public void gradient(int rows, float[] labels, float[] sampleWeights, float[] dy, int dyAt, int dyStride) {
        pass.gradient(rows, predictions, labels, sampleWeights, dy, dyAt, dyStride);
    }

    /// Predictions of the last `compare`, (rows, lines, width), without padding.
    public float[] predictions() {
        return predictions;
    }

    /// Each row's loss in the last `compare`, without weights: the mean over the row's elements. A caller may set it to
    /// NaN before `reduce`.
    public float[] rowLosses() {
        return rowLosses.losses;
    }

    /// The count of a row in the last `compare`: 1, or the number of its lines that are not ignored.
    public double count(int row) {
        return rowLosses.counts[row];
    }
}
