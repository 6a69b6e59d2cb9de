package io.tidegrad.model.evaluation;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.spec.ModelSpec;
import java.util.BitSet;
import java.util.List;

/// Progressive validation (test, then learn): every row is scored before it is learned. Gives log loss, accuracy and
/// AUC, each beside that of the running prior. It is part of the state, so a restart continues it, but not of a hash. A
/// measure that the task does not have is NaN, and so is every measure before the first row.
///
/// Of a label with a class for each step, what is said of rows holds of the steps that have one.
///
/// When the spec names a weight field, each row counts by its weight in every measure and in the prior; only the
/// accuracy over the newest 2,000 rows counts rows.
public final class ProgressiveEvaluation {
    static final int RECENT_ROWS = 2_000;

    private static final Loss PLAIN = new CategoricalCrossEntropy(false);

    private final MetricTask task;
    private final Loss loss;
    private final int outputs;
    private final int steps;
    private final int sequenceMax;
    private final int[] path; // scratch: classes of a sequence
    private final boolean weighted;
    private long rows;
    private long labels; // rows, of a label with a class for each step the steps that have one
    private double total; // sum of the labels' weights
    private double lossSum;
    private double priorLossSum;
    private double absoluteErrorSum;
    private double labelSum;
    private double correct;
    private double newestLoss;
    private final BitSet recentlyCorrect = new BitSet(RECENT_ROWS); // a ring, by the label's number
    private final double[] classCounts;
    private final AucHistogram aucHistogram;
    private final RecentEvaluation recent;

    public ProgressiveEvaluation(ModelSpec spec) {
        loss = spec.loss();
        weighted = spec.weighted();
        aucHistogram = new AucHistogram(weighted);
        task = MetricTask.of(spec);
        recent = new RecentEvaluation(spec, task);
        outputs = spec.outputs();
        steps = spec.steps();
        sequenceMax = spec.label().count();
        path = new int[task.kind() == MetricTask.Kind.SEQUENCE ? steps : 0];
        classCounts = new double[task.classes()];
    }

    /// Returns an evaluation from zero, whose linear baseline has learned what this one's has.
    public ProgressiveEvaluation restarted(ModelSpec spec) {
        ProgressiveEvaluation fresh = new ProgressiveEvaluation(spec);
        fresh.recent.continueLinear(recent);
        return fresh;
    }

    /// @param predictions of the row, `steps` times `outputs` floats from index `at`, made before the row was learned
    /// @param of labels of the row, from index `labelAt`
    /// @param weight how much the row counts
    public void addRow(float[] predictions, int at, float[] of, int labelAt, float rowLoss, float weight) {
        switch (task.kind()) {
            case STEPS -> addSteps(predictions, at, of, labelAt, rowLoss, weight);
            case SEQUENCE -> addSequence(predictions, at, of, labelAt, rowLoss, weight);
            case BINARY, MARGIN, CATEGORICAL, REGRESSION -> add(predictions, at, of[labelAt], rowLoss, weight);
        }
    }

    /// A row's loss is divided by its classes, as in the learned mean.
    private void addSequence(float[] predictions, int at, float[] of, int labelAt, float rowLoss, float weight) {
        int length = (int) of[labelAt + sequenceMax];
        int found = ((Ctc) loss).bestPath(predictions, at, (int) of[labelAt + sequenceMax + 1], outputs, path);
        boolean right = found == length;
        for (int i = 0; right && i < length; i++) {
            right = path[i] == (int) of[labelAt + i];
        }
        countRight(right, weight);
        addLoss(weight * (double) rowLoss / Math.max(1, length));
        rows++;
        labels++;
        total += weight;
    }

    private void addSteps(float[] predictions, int at, float[] of, int labelAt, float rowLoss, float weight) {
        // Without weights and smoothing the row's loss is the mean over its steps, exact where probabilities are rounded.
        boolean exact = loss.equals(PLAIN);
        long before = labels;
        double sum = 0;
        for (int step = 0; step < steps; step++) {
            float label = of[labelAt + step];
            if (label != ModelSpec.NO_CLASS) {
                int from = at + step * outputs;
                addClass((int) label, task.likeliest(predictions, from), weight);
                recent.add(predictions, from, label, weight);
                double ofStep = exact ? rowLoss : ofProbability(predictions, from, label);
                addLoss(weight * ofStep);
                sum += ofStep;
                labels++;
                total += weight;
            }
        }
        newestLoss = weight * sum / (labels - before);
        rows++;
    }

    void add(float[] predictions, int at, float label, float rowLoss, float weight) {
        switch (task.kind()) {
            case BINARY -> {
                boolean positive = label != 0;
                addClass(positive ? 1 : 0, task.isYes(predictions, at) ? 1 : 0, weight);
                aucHistogram.add(predictions[at], positive, weight);
                addLoss(weight * surprise(predictions, at, label, rowLoss));
            }
            case MARGIN -> {
                boolean positive = label > 0;
                boolean predicted = task.isYes(predictions, at);
                addClass(positive ? 1 : 0, predicted ? 1 : 0, weight);
                aucHistogram.addMargin(predictions[at], positive, weight);
                newestLoss = predicted == positive ? 0 : weight;
            }
            case CATEGORICAL -> {
                addClass((int) label, task.likeliest(predictions, at), weight);
                addLoss(weight * surprise(predictions, at, label, rowLoss));
            }
            case REGRESSION -> {
                double prior = total == 0 ? 0 : labelSum / total;
                double error = (double) predictions[at + task.point()] - label;
                priorLossSum += weight * (label - prior) * (label - prior);
                addLoss(weight * (loss instanceof MeanSquaredError ? rowLoss : error * error));
                absoluteErrorSum += weight * Math.abs(error);
                labelSum += (double) weight * label;
            }
            case STEPS, SEQUENCE -> throw new IllegalStateException("a row's label is a list");
        }
        recent.add(predictions, at, label, weight);
        rows++;
        labels++;
        total += weight;
    }

    private void addLoss(double weighted) {
        newestLoss = weighted;
        lossSum += weighted;
    }

    /// -ln of the probability that was predicted for the label, without the class weights or smoothing that the learned
    /// loss adds. It is taken from the loss itself where possible, because the loss is exact where the probability is
    /// rounded.
    private double surprise(float[] predictions, int at, float label, float rowLoss) {
        return switch (loss) {
            case BinaryCrossEntropy(List<Double> weights) when !weights.isEmpty() && label != 0 ->
                rowLoss / weights.getFirst();
            case CategoricalCrossEntropy classes when classes.labelSmoothing() > 0 ->
                ofProbability(predictions, at, label);
            default -> rowLoss;
        };
    }

    /// A float32 softmax rounds probabilities below e^-87 to 0.
    private static double ofProbability(float[] predictions, int at, float label) {
        return -Fdlibm.log(Math.max(predictions[at + (int) label], Float.MIN_NORMAL));
    }

    private void addClass(int actual, int predicted, double weight) {
        double prior = (classCounts[actual] + 1.0) / (total + classCounts.length);
        priorLossSum -= weight * Fdlibm.log(prior);
        classCounts[actual] += weight;
        countRight(actual == predicted, weight);
    }

    private void countRight(boolean right, double weight) {
        correct += right ? weight : 0;
        recentlyCorrect.set((int) (labels % RECENT_ROWS), right);
    }

    /// Whether labels are classes; otherwise they are numbers.
    public boolean classifies() {
        return task.classifies();
    }

    /// Of the newest labels, with alarms.
    public RecentEvaluation recent() {
        return recent;
    }

    /// Rows scored.
    public long rows() {
        return rows;
    }

    /// What the newest row adds to [#logLoss] or [#meanSquaredError], with its weight; of margins 1 for a wrong side. Not part
    /// of the state.
    public double newestLoss() {
        return newestLoss;
    }

    /// Whether losses of the two can be compared.
    public boolean hasLossOf(ProgressiveEvaluation other) {
        return task.kind() == other.task.kind() || task.classes() > 0 && other.task.classes() > 0
                && task.givesProbabilities() && other.task.givesProbabilities() && steps == other.steps;
    }

    /// Mean of -ln of the probability that was predicted for the label, of a sequence for each of its classes.
    public double logLoss() {
        return task.givesProbabilities() ? lossSum / total : Double.NaN;
    }

    /// Log loss of predicting the running class frequencies (Laplace-smoothed) of the rows before. NaN for sequences.
    public double priorLogLoss() {
        return task.givesProbabilities() && task.kind() != MetricTask.Kind.SEQUENCE ? priorLossSum / total : Double.NaN;
    }

    /// Log loss of a linear model that learns the same rows in step; NaN where there is none, or nothing is watched.
    public double linearLogLoss() {
        return task.givesProbabilities() ? recent.linearLoss() : Double.NaN;
    }

    /// Share of margins on the wrong side by a linear model that learns the same rows in step; NaN for other labels.
    public double linearErrorRate() {
        return task.kind() == MetricTask.Kind.MARGIN ? recent.linearLoss() : Double.NaN;
    }

    /// Share of rows whose label had the highest prediction; for binary labels the threshold is one half, for margins
    /// 0.
    public double accuracy() {
        return classifies() ? correct / total : Double.NaN;
    }

    /// Accuracy over the newest 2,000 rows.
    public double accuracyLast2000() {
        return classifies() ? (double) recentlyCorrect.cardinality() / Math.min(labels, RECENT_ROWS) : Double.NaN;
    }

    /// Area under the ROC curve from a fixed histogram; NaN unless binary.
    public double auc() {
        return task.isOfYesOrNo() ? aucHistogram.auc() : Double.NaN;
    }

    /// The exact area lies within `auc()` ± this bound; NaN unless binary.
    public double aucErrorBound() {
        return task.isOfYesOrNo() ? aucHistogram.errorBound() : Double.NaN;
    }

    /// Mean squared error; for a quantile loss, of the quantile nearest to the median. NaN unless regression.
    public double meanSquaredError() {
        return classifies() ? Double.NaN : lossSum / total;
    }

    /// Mean squared error of predicting the running mean of the labels before (0 for the first); NaN unless regression.
    public double priorMeanSquaredError() {
        return classifies() ? Double.NaN : priorLossSum / total;
    }

    /// Mean squared error of a linear model that learns the same rows in step; NaN where there is none.
    public double linearMeanSquaredError() {
        return classifies() ? Double.NaN : recent.linearLoss();
    }

    /// Mean absolute error of the same prediction. NaN unless regression.
    public double meanAbsoluteError() {
        return classifies() ? Double.NaN : absoluteErrorSum / total;
    }

    public void write(BinaryWriter to) {
        to.int32(outputs).int64(rows).float64(lossSum).float64(priorLossSum);
        if (task.kind() == MetricTask.Kind.STEPS) {
            to.int64(labels);
        }
        if (weighted || task.kind() == MetricTask.Kind.STEPS) {
            to.float64(total);
        }
        if (!classifies()) {
            to.float64(absoluteErrorSum).float64(labelSum);
            return;
        }
        if (weighted) {
            to.float64(correct);
            for (double count : classCounts) {
                to.float64(count);
            }
        } else {
            to.int64((long) correct);
            for (double count : classCounts) {
                to.varint((long) count);
            }
        }
        byte[] recent = recentlyCorrect.toByteArray(); // ends with the highest set bit
        to.block(recent);
        if (task.isOfYesOrNo()) {
            aucHistogram.write(to);
        }
    }

    public void read(BinaryReader from) {
        from.expect("outputs", outputs);
        rows = from.int64();
        lossSum = from.float64();
        priorLossSum = from.float64();
        labels = task.kind() == MetricTask.Kind.STEPS ? from.int64() : rows;
        total = weighted || task.kind() == MetricTask.Kind.STEPS ? from.float64() : rows;
        if (!classifies()) {
            absoluteErrorSum = from.float64();
            labelSum = from.float64();
            return;
        }
        correct = weighted ? from.float64() : from.int64();
        for (int i = 0; i < classCounts.length; i++) {
            classCounts[i] = weighted ? from.float64() : from.varint();
        }
        recentlyCorrect.clear();
        recentlyCorrect.or(BitSet.valueOf(from.raw(from.count("recent rows", RECENT_ROWS / 8))));
        if (task.isOfYesOrNo()) {
            aucHistogram.read(from);
        }
    }
}
