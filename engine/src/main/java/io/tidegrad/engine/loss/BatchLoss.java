package io.tidegrad.engine.loss;

import io.tidegrad.engine.kernel.Kernels;

/// A loss and its reduction at work on one learner's batches: `compare`, then `reduce`, then `gradient`. Allocates
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

    /// @param lines of a row, 1 for a vector
    /// @throws IllegalArgumentException if the loss can't compare such rows
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

    /// What a reader gets to see of a batch, and nothing else.
    ///
    /// @param predictions (rows, lines, width), tight
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

    /// The batch's loss, and with it the normaliser. 0 where nothing counts (every line ignored, all weights 0): there
    /// is nothing to learn then, `isEmpty` says so, and 0 / 0 is no reason to lose a model.
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
        // A sum that is not finite must be seen, whatever it would be divided by.
        return isEmpty() && Double.isFinite(sum) ? 0 : sum / normaliser;
    }

    /// Whether the last `reduce` found nothing that counts.
    public boolean isEmpty() {
        return normaliser == 0;
    }

    /// What the gradient that `gradient` writes has yet to be multiplied with: 1 / Z. It is applied with the optimizer.
    public float scale() {
        return isEmpty() ? 0 : (float) (1 / normaliser);
    }

    /// dy = Z times the gradient of the loss that `reduce` returned.
    ///
    /// @param dy (rows, lines, width), laid out as y
    public void gradient(int rows, float[] labels, float[] sampleWeights, float[] dy, int dyAt, int dyStride) {
        pass.gradient(rows, predictions, labels, sampleWeights, dy, dyAt, dyStride);
    }

    /// (rows, lines, width), tight, of the last `compare`.
    public float[] predictions() {
        return predictions;
    }

    /// Each row's loss in the last `compare`, without weights: the mean over its own elements. May be marked as not
    /// finite before `reduce`.
    public float[] rowLosses() {
        return rowLosses.losses;
    }

    /// How much a row of the last `compare` counts: 1, or its lines that are not ignored.
    public double count(int row) {
        return rowLosses.counts[row];
    }
}
