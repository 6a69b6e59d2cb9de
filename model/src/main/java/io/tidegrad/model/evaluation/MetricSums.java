package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import org.jspecify.annotations.Nullable;

/// Predictions, counted against their labels. All of it are sums, so that a prediction can be taken out again when its label
/// is corrected, and two sums can be added. A measure that the task does not have is NaN.
///
/// What is added for a prediction is rounded to a multiple of 2^-24 before it is weighted. Where weights are whole numbers,
/// sums are then exact up to 2^29, and do not depend on the order in which labels come.
public final class MetricSums {
    private static final double UNIT = 0x1p24;

    /// Half the distance from 1 to the float below: a probability nearer to 1 is written as 1.
    static final double LEAST_REST = 0x1p-25;

    /// By so much a mean may be off where weights are not whole numbers.
    private static final double SLACK = 1e-6;

    private final MetricTask task;
    private long predictions;
    private double total; // sum of weights
    private double lossSum; // log loss; of a regression the squared error
    private double brierSum; // squared error of probabilities; of a regression the absolute error
    private double correct;
    private double predictedSum; // of the probability of yes, of the likeliest class, or of the number
    private double actualSum; // of yes, of hits, or of the number
    private double labelMean; // of a regression, if detailed, and the sum of squared distances from it
    private double labelSpread;
    private final @Nullable Calibration calibration;
    private final @Nullable AucHistogram auc;
    private final @Nullable ClassCounts counts;
    private final boolean detailed;

    /// @param ranked whether there is a histogram for the area under the ROC curve
    /// @param detailed whether there are precision, recall and F1, and of a regression R²
    public MetricSums(MetricTask task, boolean ranked, boolean detailed) {
        this(task, ranked ? 0 : -1, detailed);
    }

    /// @param coarser of the histogram, as it takes it; -1 for none
    MetricSums(MetricTask task, int coarser, boolean detailed) {
        this.task = task;
        this.detailed = detailed;
        calibration = task.givesProbabilities() ? new Calibration() : null;
        auc = coarser >= 0 && task.isOfYesOrNo() ? new AucHistogram(true, coarser) : null;
        counts = detailed && task.classes() > 0 ? new ClassCounts(task.classes()) : null;
    }

    /// Whether a prediction can be compared with a label: all of its numbers are finite.
    static boolean isMeasurable(float[] prediction) {
        for (float each : prediction) {
            if (!Float.isFinite(each)) {
                return false;
            }
        }
        return true;
    }

    /// @param at index of the prediction's first number
    /// @param weight below 0 to take the prediction with this label out again
    /// @param count 1, or -1 likewise
    public void add(float[] prediction, int at, float label, double weight, int count) {
        switch (task.kind()) {
            case BINARY -> addProbability(prediction[at], label != 0, weight, count);
            case MARGIN -> addMargin(prediction[at], label > 0, weight, count);
            case CATEGORICAL, STEPS, SEQUENCE -> {
                int likeliest = task.likeliest(prediction, at);
                addClass((int) label, likeliest, prediction[at + (int) label], prediction[at + likeliest],
                        squaredError(task, prediction, at, (int) label), weight, count);
            }
            case REGRESSION -> addNumber(prediction[at + task.point()], label, weight, count);
        }
    }

    private void addProbability(float prediction, boolean yes, double weight, int count) {
        boolean predicted = prediction >= task.threshold();
        double p = prediction;
        lossSum += weight * rounded(surprise(yes ? p : 1 - p, yes ? Float.MIN_NORMAL : LEAST_REST));
        brierSum += weight * rounded((yes ? 1 - p : p) * (yes ? 1 - p : p));
        calibrate(p, yes, weight);
        if (auc != null) {
            auc.add(prediction, yes, weight);
        }
        count(yes ? 1 : 0, predicted ? 1 : 0, weight, count);
    }

    private void addMargin(float prediction, boolean yes, double weight, int count) {
        actualSum += yes ? weight : 0;
        if (auc != null) {
            auc.addMargin(prediction, yes, weight);
        }
        count(yes ? 1 : 0, prediction >= task.threshold() ? 1 : 0, weight, count);
    }

    /// Writes what [#addReduced] takes: the likeliest class, its probability, that of the label, and the squared error over
    /// all classes.
    static void reduce(MetricTask task, float[] prediction, int at, int label, float[] to, int toAt) {
        int likeliest = task.likeliest(prediction, at);
        to[toAt] = likeliest;
        to[toAt + 1] = prediction[at + likeliest];
        to[toAt + 2] = prediction[at + label];
        to[toAt + 3] = (float) squaredError(task, prediction, at, label);
    }

    /// Adds a prediction of classes, as [#reduce] has written it.
    void addReduced(float[] reduced, int at, int label, double weight, int count) {
        addClass(label, (int) reduced[at], reduced[at + 2], reduced[at + 1], reduced[at + 3], weight, count);
    }

    private void addClass(int label, int likeliest, float ofLabel, float ofLikeliest, double squares, double weight,
            int count) {
        lossSum += weight * rounded(surprise(ofLabel, Float.MIN_NORMAL));
        brierSum += weight * rounded(squares);
        calibrate(ofLikeliest, likeliest == label, weight);
        count(label, likeliest, weight, count);
    }

    private void count(int actual, int predicted, double weight, int count) {
        predictions += count;
        total += weight;
        correct += actual == predicted ? weight : 0;
        if (counts != null) {
            counts.add(actual, predicted, weight);
        }
    }

    private void addNumber(float prediction, float label, double weight, int count) {
        double error = (double) prediction - label;
        predictions += count;
        total += weight;
        lossSum += weight * rounded(error * error);
        brierSum += weight * rounded(Math.abs(error));
        predictedSum += weight * rounded(prediction);
        actualSum += weight * rounded(label);
        if (detailed && total > 0) { // the mean of what is left, after West (1979)
            double distance = label - labelMean;
            labelMean += weight / total * distance;
            labelSpread += weight * distance * (label - labelMean);
        }
    }

    private static double squaredError(MetricTask task, float[] prediction, int at, int label) {
        double squares = 0;
        for (int output = 0; output < task.outputs(); output++) {
            double error = prediction[at + output] - (output == label ? 1.0 : 0.0);
            squares += error * error;
        }
        return squares;
    }

    static double surprise(double probability, double least) {
        return -Fdlibm.log(Math.max(probability, least));
    }

    private static double rounded(double value) {
        return Math.rint(value * UNIT) / UNIT;
    }

    private void calibrate(double probability, boolean actual, double weight) {
        double predicted = weight * rounded(probability);
        double is = actual ? weight : 0;
        predictedSum += predicted;
        actualSum += is;
        if (calibration != null) {
            calibration.add(probability, weight, predicted, is);
        }
    }

    /// Adds sums of the same task and parts.
    public void add(MetricSums other) {
        if (detailed && total + other.total > 0) { // Chan, Golub and LeVeque (1979)
            double both = total + other.total;
            double distance = other.labelMean - labelMean;
            labelMean += other.total / both * distance;
            labelSpread += other.labelSpread + distance * distance * (total * other.total / both);
        }
        predictions += other.predictions;
        total += other.total;
        lossSum += other.lossSum;
        brierSum += other.brierSum;
        correct += other.correct;
        predictedSum += other.predictedSum;
        actualSum += other.actualSum;
        if (calibration != null && other.calibration != null) {
            calibration.add(other.calibration);
        }
        if (auc != null && other.auc != null) {
            auc.add(other.auc);
        }
        if (counts != null && other.counts != null) {
            counts.add(other.counts);
        }
    }

    void clear() {
        predictions = 0;
        total = 0;
        lossSum = 0;
        brierSum = 0;
        correct = 0;
        predictedSum = 0;
        actualSum = 0;
        labelMean = 0;
        labelSpread = 0;
        if (calibration != null) {
            calibration.clear();
        }
        if (auc != null) {
            auc.clear();
        }
        if (counts != null) {
            counts.clear();
        }
    }

    /// NaN if no prediction has a label now, or if predictions were taken out that never were counted and it shows.
    private double mean(double sum) {
        return isPossible() ? sum / total : Double.NaN;
    }

    /// Whether there can be predictions that have these sums.
    private boolean isPossible() {
        boolean shares = !task.classifies()
                || isShare(actualSum) && isShare(correct) && (!task.givesProbabilities() || isShare(predictedSum));
        return predictions > 0 && total > 0 && shares && lossSum >= -SLACK * total && brierSum >= -SLACK * total;
    }

    private boolean isShare(double sum) {
        return sum >= -SLACK * total && sum <= (1 + SLACK) * total;
    }

    /// How many predictions have a label now.
    public long predictions() {
        return predictions;
    }

    /// Mean of -ln of the probability that was predicted for the label.
    public double logLoss() {
        return task.givesProbabilities() ? mean(lossSum) : Double.NaN;
    }

    /// Log loss over that of always predicting the share of yes, after He et al. (2014): below 1 if predictions tell
    /// something. NaN unless binary, and where only one label occurs.
    public double normalisedEntropy() {
        double share = mean(actualSum);
        if (task.kind() != MetricTask.Kind.BINARY || !(share > 0 && share < 1)) {
            return Double.NaN;
        }
        return logLoss() / -(share * StrictMath.log(share) + (1 - share) * StrictMath.log(1 - share));
    }

    /// Mean squared error of probabilities, summed over classes; of yes or no that of yes alone.
    public double brier() {
        return task.givesProbabilities() ? mean(brierSum) : Double.NaN;
    }

    public double accuracy() {
        return task.classifies() ? mean(correct) : Double.NaN;
    }

    /// Precision, recall and F1; null unless detailed, and where a label is none of a few classes.
    public @Nullable ClassCounts counts() {
        return counts;
    }

    /// Area under the ROC curve from the histogram.
    public double auc() {
        double area = auc == null || !isPossible() ? Double.NaN : auc.auc();
        return area >= -SLACK && area <= 1 + SLACK ? area : Double.NaN;
    }

    /// Area under the precision-recall curve from the histogram.
    double averagePrecision() {
        return auc == null || !isPossible() ? Double.NaN : auc.averagePrecision();
    }

    /// The exact area lies within `auc()` ± this bound; NaN where there is no area.
    public double aucErrorBound() {
        return auc == null ? Double.NaN : auc.errorBound();
    }

    public double meanSquaredError() {
        return task.classifies() ? Double.NaN : mean(lossSum);
    }

    public double rootMeanSquaredError() {
        return Math.sqrt(meanSquaredError());
    }

    public double meanAbsoluteError() {
        return task.classifies() ? Double.NaN : mean(brierSum);
    }

    /// R²: 1 - the squared error over that of always predicting the labels' mean. NaN unless detailed, and where all labels
    /// are equal.
    public double rSquared() {
        return detailed && !task.classifies() && labelSpread > 0 ? 1 - mean(lossSum) / (labelSpread / total)
                : Double.NaN;
    }

    /// Of yes, of the likeliest class, or of the number; NaN for margins.
    public double meanPrediction() {
        return task.kind() == MetricTask.Kind.MARGIN ? Double.NaN : mean(predictedSum);
    }

    /// What the mean prediction would be if it were calibrated: the share of yes, of hits, or the mean number.
    public double meanLabel() {
        return mean(actualSum);
    }

    /// Expected calibration error: how far prediction and truth are apart within a tenth of the probabilities, on
    /// average over predictions.
    public double calibrationError() {
        return calibration == null ? Double.NaN : mean(calibration.distance());
    }

    /// The share of probabilities, of yes or of the likeliest class, that lie in this tenth (0 to 9; the last has 1). NaN
    /// where predictions are none.
    public double shareOfTenth(int tenth) {
        return calibration == null ? Double.NaN : mean(calibration.total(tenth));
    }

    /// The mean of the probabilities in this tenth. NaN where it has no label.
    public double meanPredictionOfTenth(int tenth) {
        return calibration == null || !isPossible() ? Double.NaN : calibration.meanPrediction(tenth);
    }

    /// What the mean of the probabilities in this tenth would be if they were calibrated: the share of yes, or of hits. NaN
    /// where it has no label.
    public double meanLabelOfTenth(int tenth) {
        return calibration == null || !isPossible() ? Double.NaN : calibration.meanLabel(tenth);
    }

    /// The mean prediction less the mean label: above 0 if too much is promised.
    public double calibrationBias() {
        return meanPrediction() - meanLabel();
    }

    /// The sum of predictions over that of labels. NaN if no label is yes.
    public double calibrationRatio() {
        return calibration == null || actualSum == 0 ? Double.NaN : mean(predictedSum) / mean(actualSum);
    }

    /// See [Calibration#slope].
    public double calibrationSlope() {
        return calibration == null || !isPossible() ? Double.NaN : calibration.slope();
    }

    void write(BinaryWriter to) {
        to.int64(predictions);
        number(to, total);
        number(to, lossSum);
        number(to, brierSum);
        number(to, correct);
        number(to, predictedSum);
        number(to, actualSum);
        if (calibration != null) {
            calibration.write(to);
        }
        if (auc != null) {
            auc.write(to, MetricSums::number);
        }
        if (counts != null) {
            counts.write(to);
        }
        if (detailed && !task.classifies()) {
            to.float64(labelMean).float64(labelSpread);
        }
    }

    void read(BinaryReader from) {
        predictions = from.int64();
        total = number(from);
        lossSum = number(from);
        brierSum = number(from);
        correct = number(from);
        predictedSum = number(from);
        actualSum = number(from);
        if (calibration != null) {
            calibration.read(from);
        }
        if (auc != null) {
            auc.read(from, MetricSums::number);
        }
        if (counts != null) {
            counts.read(from);
        }
        if (detailed && !task.classifies()) {
            labelMean = from.float64();
            labelSpread = from.float64();
        }
    }

    /// A whole number takes few bytes: its lowest bit is 0, then its sign, then its digits. 1 stands before another one.
    static void number(BinaryWriter to, double value) {
        long whole = (long) value;
        if (whole == value && Math.abs(whole) < 1L << 53) {
            to.varint((whole << 1 ^ whole >> 63) << 1);
        } else {
            to.varint(1).float64(value);
        }
    }

    static double number(BinaryReader from) {
        long code = from.varint();
        if (code == 1) {
            return from.float64();
        }
        if ((code & 1) != 0) {
            throw from.fail("expected a number, found the code " + code);
        }
        long zigzag = code >>> 1;
        return zigzag >>> 1 ^ -(zigzag & 1);
    }
}
