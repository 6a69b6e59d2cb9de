package io.tidegrad.model.learn;

import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.spec.ModelSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Predictions that were served, counted against their labels. All of it are sums, so that a prediction can be taken out
/// again when its label is corrected, and two sums can be added.
///
/// What is added for a prediction is rounded to a multiple of 2^-24 before it is weighted. Where weights are whole numbers,
/// sums are then exact up to 2^29, and do not depend on the order in which labels come.
final class ServedSums {
    /// Of probabilities, equally wide.
    static final int BINS = 10;

    private static final double UNIT = 0x1p24;

    /// Half the distance from 1 to the float below: a probability nearer to 1 is written as 1.
    private static final double LEAST_REST = 0x1p-25;

    /// By so much a mean may be off where weights are not whole numbers.
    private static final double SLACK = 1e-6;

    private enum Task {
        BINARY, MARGIN, CATEGORICAL, REGRESSION
    }

    private final Task task;
    private final Loss loss;
    private final int point; // index of the output that is taken for the prediction
    private long predictions;
    private double total; // sum of weights
    private double lossSum; // log loss; of a regression the squared error
    private double brierSum; // squared error of probabilities; of a regression the absolute error
    private double correct;
    private double predictedSum; // of the probability of yes, of the likeliest class, or of the number
    private double actualSum; // of yes, of hits, or of the number
    private final double[] binTotal = new double[BINS];
    private final double[] binPredicted = new double[BINS];
    private final double[] binActual = new double[BINS];
    private final @Nullable AucHistogram auc;

    ServedSums(ModelSpec spec) {
        loss = spec.loss();
        task = switch (loss) {
            case BinaryCrossEntropy _ -> Task.BINARY;
            case Hinge _ -> Task.MARGIN;
            default -> spec.classifies() ? Task.CATEGORICAL : Task.REGRESSION;
        };
        point = loss instanceof Quantile(List<Double> quantiles) ? ProgressiveEvaluation.middle(quantiles) : 0;
        auc = task == Task.BINARY || task == Task.MARGIN ? new AucHistogram(true) : null;
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

    /// @param weight below 0 to take the prediction with this label out again
    /// @param count 1, or -1 likewise
    void add(float[] prediction, float label, double weight, int count) {
        predictions += count;
        total += weight;
        switch (task) {
            case BINARY -> {
                boolean yes = label != 0;
                double p = prediction[0];
                lossSum += weight * rounded(surprise(yes ? p : 1 - p, yes ? Float.MIN_NORMAL : LEAST_REST));
                brierSum += weight * rounded((yes ? 1 - p : p) * (yes ? 1 - p : p));
                correct += p > 0.5 == yes ? weight : 0;
                calibrate(p, yes, weight);
                histogram().add(prediction[0], yes, weight);
            }
            case MARGIN -> {
                boolean yes = label > 0;
                correct += prediction[0] > 0 == yes ? weight : 0;
                actualSum += yes ? weight : 0;
                double share = 1 / (1 + StrictMath.exp(-prediction[0]));
                histogram().add((float) share, yes, weight);
            }
            case CATEGORICAL -> {
                int likeliest = 0;
                double squares = 0;
                for (int output = 0; output < prediction.length; output++) {
                    likeliest = prediction[output] > prediction[likeliest] ? output : likeliest;
                    double error = prediction[output] - (output == (int) label ? 1.0 : 0.0);
                    squares += error * error;
                }
                boolean hit = likeliest == (int) label;
                lossSum += weight * rounded(surprise(prediction[(int) label], Float.MIN_NORMAL));
                brierSum += weight * rounded(squares);
                correct += hit ? weight : 0;
                calibrate(prediction[likeliest], hit, weight);
            }
            case REGRESSION -> {
                double error = (double) prediction[point] - label;
                lossSum += weight * rounded(error * error);
                brierSum += weight * rounded(Math.abs(error));
                predictedSum += weight * rounded(prediction[point]);
                actualSum += weight * rounded(label);
            }
        }
    }

    private static double surprise(double probability, double least) {
        return -StrictMath.log(Math.max(probability, least));
    }

    private static double rounded(double value) {
        return Math.rint(value * UNIT) / UNIT;
    }

    private void calibrate(double probability, boolean actual, double weight) {
        int bin = Math.clamp((int) (probability * BINS), 0, BINS - 1);
        double predicted = weight * rounded(probability);
        double is = actual ? weight : 0;
        predictedSum += predicted;
        actualSum += is;
        binTotal[bin] += weight;
        binPredicted[bin] += predicted;
        binActual[bin] += is;
    }

    private AucHistogram histogram() {
        AucHistogram histogram = auc;
        if (histogram == null) {
            throw new IllegalStateException("no histogram for " + task);
        }
        return histogram;
    }

    void add(ServedSums other) {
        predictions += other.predictions;
        total += other.total;
        lossSum += other.lossSum;
        brierSum += other.brierSum;
        correct += other.correct;
        predictedSum += other.predictedSum;
        actualSum += other.actualSum;
        for (int bin = 0; bin < BINS; bin++) {
            binTotal[bin] += other.binTotal[bin];
            binPredicted[bin] += other.binPredicted[bin];
            binActual[bin] += other.binActual[bin];
        }
        if (auc != null) {
            auc.add(other.histogram());
        }
    }

    private boolean givesProbabilities() {
        return task == Task.BINARY || task == Task.CATEGORICAL;
    }

    /// NaN if no prediction has a label now, or if predictions were taken out that never were counted and it shows.
    private double mean(double sum) {
        return isPossible() ? sum / total : Double.NaN;
    }

    /// Whether there can be predictions that have these sums.
    private boolean isPossible() {
        boolean shares = task == Task.REGRESSION
                || isShare(actualSum) && isShare(correct) && (task == Task.MARGIN || isShare(predictedSum));
        return predictions > 0 && total > 0 && shares && lossSum >= -SLACK * total && brierSum >= -SLACK * total;
    }

    private boolean isShare(double sum) {
        return sum >= -SLACK * total && sum <= (1 + SLACK) * total;
    }

    long predictions() {
        return predictions;
    }

    double logLoss() {
        return givesProbabilities() ? mean(lossSum) : Double.NaN;
    }

    double brier() {
        return givesProbabilities() ? mean(brierSum) : Double.NaN;
    }

    double accuracy() {
        return task == Task.REGRESSION ? Double.NaN : mean(correct);
    }

    double auc() {
        double area = auc == null || !isPossible() ? Double.NaN : auc.auc();
        return area >= -SLACK && area <= 1 + SLACK ? area : Double.NaN;
    }

    double meanSquaredError() {
        return task == Task.REGRESSION ? mean(lossSum) : Double.NaN;
    }

    double meanAbsoluteError() {
        return task == Task.REGRESSION ? mean(brierSum) : Double.NaN;
    }

    /// Of yes, of the likeliest class, or of the number; NaN for margins.
    double meanPrediction() {
        return task == Task.MARGIN ? Double.NaN : mean(predictedSum);
    }

    /// What the mean prediction would be if it were calibrated: the share of yes, of hits, or the mean number.
    double meanLabel() {
        return mean(actualSum);
    }

    /// Expected calibration error: how far prediction and truth are apart within a tenth of the probabilities, on
    /// average over predictions. NaN unless the model gives probabilities.
    double calibrationError() {
        if (!givesProbabilities()) {
            return Double.NaN;
        }
        double sum = 0;
        for (int bin = 0; bin < BINS; bin++) {
            sum += Math.abs(binPredicted[bin] - binActual[bin]);
        }
        return mean(sum);
    }

    void write(BinaryWriter to) {
        to.int64(predictions);
        number(to, total);
        number(to, lossSum);
        number(to, brierSum);
        number(to, correct);
        number(to, predictedSum);
        number(to, actualSum);
        if (givesProbabilities()) {
            for (int bin = 0; bin < BINS; bin++) {
                number(to, binTotal[bin]);
                number(to, binPredicted[bin]);
                number(to, binActual[bin]);
            }
        }
        if (auc != null) {
            auc.write(to, ServedSums::number);
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
        if (givesProbabilities()) {
            for (int bin = 0; bin < BINS; bin++) {
                binTotal[bin] = number(from);
                binPredicted[bin] = number(from);
                binActual[bin] = number(from);
            }
        }
        if (auc != null) {
            auc.read(from, ServedSums::number);
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
