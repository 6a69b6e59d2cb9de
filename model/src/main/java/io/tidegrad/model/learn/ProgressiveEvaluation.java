package io.tidegrad.model.learn;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.spec.ModelSpec;
import java.util.BitSet;

/// Progressive validation (test, then learn): every row is scored before it is learned; log loss, accuracy and AUC beside
/// the running prior. Part of the state (a restart continues it), never of a hash. What a task has no meaning for, and
/// everything before the first row, is NaN.
public final class ProgressiveEvaluation {
    static final int RECENT_ROWS = 2_000;

    private enum Task {
        BINARY,
        CATEGORICAL,
        REGRESSION
    }

    private final Task task;
    private final int outputs;
    private long rows;
    private double lossSum;
    private double priorLossSum;
    private double absoluteErrorSum;
    private double labelSum;
    private long correct;
    private final BitSet recentlyCorrect = new BitSet(RECENT_ROWS); // a ring, by row number
    private final long[] classCounts;
    private final AucHistogram aucHistogram = new AucHistogram();

    ProgressiveEvaluation(ModelSpec spec) {
        task =
                switch (spec.loss()) {
                    case BinaryCrossEntropy() -> Task.BINARY;
                    case CategoricalCrossEntropy(boolean oneHot) -> Task.CATEGORICAL;
                    case MeanSquaredError() -> Task.REGRESSION;
                };
        outputs = spec.outputs();
        classCounts = new long[task == Task.BINARY ? 2 : task == Task.CATEGORICAL ? outputs : 0];
    }

    /// @param predictions of the row, `outputs` floats from index `at`, made before the row was learned
    void add(float[] predictions, int at, float label, float loss) {
        switch (task) {
            case BINARY -> {
                boolean positive = label != 0;
                addClass(positive ? 1 : 0, predictions[at] > 0.5f ? 1 : 0);
                aucHistogram.add(predictions[at], positive);
            }
            case CATEGORICAL -> addClass((int) label, likeliest(predictions, at));
            case REGRESSION -> {
                double prior = rows == 0 ? 0 : labelSum / rows;
                priorLossSum += (label - prior) * (label - prior);
                absoluteErrorSum += Math.abs((double) predictions[at] - label);
                labelSum += label;
            }
        }
        lossSum += loss;
        rows++;
    }

    private void addClass(int actual, int predicted) {
        double prior = (classCounts[actual] + 1.0) / (rows + classCounts.length);
        priorLossSum -= StrictMath.log(prior);
        classCounts[actual]++;
        boolean right = actual == predicted;
        correct += right ? 1 : 0;
        recentlyCorrect.set((int) (rows % RECENT_ROWS), right);
    }

    /// The first of equals.
    private int likeliest(float[] predictions, int at) {
        int best = 0;
        for (int output = 1; output < outputs; output++) {
            if (predictions[at + output] > predictions[at + best]) {
                best = output;
            }
        }
        return best;
    }

    private boolean classifies() {
        return task != Task.REGRESSION;
    }

    /// Rows scored.
    public long rows() {
        return rows;
    }

    /// Mean of -ln of the probability given to what happened.
    public double logLoss() {
        return classifies() ? lossSum / rows : Double.NaN;
    }

    /// Log loss of predicting the running class frequencies (Laplace-smoothed) of the rows before.
    public double priorLogLoss() {
        return classifies() ? priorLossSum / rows : Double.NaN;
    }

    /// Share of rows whose class was the likeliest predicted; of two, the one above one half.
    public double accuracy() {
        return classifies() ? (double) correct / rows : Double.NaN;
    }

    /// Over the newest 2,000 rows.
    public double accuracyLast2000() {
        return classifies()
                ? (double) recentlyCorrect.cardinality() / Math.min(rows, RECENT_ROWS)
                : Double.NaN;
    }

    /// By a fixed histogram; NaN unless binary.
    public double auc() {
        return task == Task.BINARY ? aucHistogram.auc() : Double.NaN;
    }

    /// The exact area lies within `auc()` ± this; NaN unless binary.
    public double aucErrorBound() {
        return task == Task.BINARY ? aucHistogram.errorBound() : Double.NaN;
    }

    /// NaN unless regression.
    public double meanSquaredError() {
        return classifies() ? Double.NaN : lossSum / rows;
    }

    /// Of predicting the running mean of the labels before (0 for the first); NaN unless regression.
    public double priorMeanSquaredError() {
        return classifies() ? Double.NaN : priorLossSum / rows;
    }

    /// NaN unless regression.
    public double meanAbsoluteError() {
        return classifies() ? Double.NaN : absoluteErrorSum / rows;
    }

    void write(BinaryWriter to) {
        to.int32(outputs).int64(rows).float64(lossSum).float64(priorLossSum);
        if (!classifies()) {
            to.float64(absoluteErrorSum).float64(labelSum);
            return;
        }
        to.int64(correct);
        for (long count : classCounts) {
            to.varint(count);
        }
        byte[] recent = recentlyCorrect.toByteArray(); // up to its highest set bit
        to.block(recent);
        if (task == Task.BINARY) {
            aucHistogram.write(to);
        }
    }

    void read(BinaryReader from) {
        from.expect("outputs", outputs);
        rows = from.int64();
        lossSum = from.float64();
        priorLossSum = from.float64();
        if (!classifies()) {
            absoluteErrorSum = from.float64();
            labelSum = from.float64();
            return;
        }
        correct = from.int64();
        for (int i = 0; i < classCounts.length; i++) {
            classCounts[i] = from.varint();
        }
        recentlyCorrect.clear();
        recentlyCorrect.or(BitSet.valueOf(from.raw(from.count("recent rows", RECENT_ROWS / 8))));
        if (task == Task.BINARY) {
            aucHistogram.read(from);
        }
    }
}
