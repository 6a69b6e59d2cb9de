package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.util.Arrays;

/// How far probabilities and what happened are apart, by tenths: of each bin [k/10, (k+1)/10), the last one with 1, the sum
/// of weights, of probabilities and of what happened. All of it are sums, so that one can be taken out again.
final class Calibration {
    /// Of probabilities, equally wide.
    static final int BINS = 10;

    private static final double SUPPORT = 10; // labels by which a bin is taken to be calibrated before it has some

    private final double[] total = new double[BINS];
    private final double[] predicted = new double[BINS];
    private final double[] actual = new double[BINS];

    /// @param predictedSum the probability, weighted
    /// @param actualSum what happened (0 or 1), weighted
    void add(double probability, double weight, double predictedSum, double actualSum) {
        int bin = bin(probability);
        total[bin] += weight;
        predicted[bin] += predictedSum;
        actual[bin] += actualSum;
    }

    private static int bin(double probability) {
        return Math.clamp((int) (probability * BINS), 0, BINS - 1);
    }

    /// Returns how likely it is what this probability is said of. In the lower half the probability is multiplied, so that
    /// within its bin the mean is what happened; in the upper half its rest is. Ten labels that are as promised are added
    /// to each bin, so that one without labels changes nothing.
    double calibrated(double probability) {
        int bin = bin(probability);
        if (!(total[bin] > 0)) {
            return probability;
        }
        double promised = predicted[bin] / total[bin];
        double happened = (actual[bin] + SUPPORT * promised) / (total[bin] + SUPPORT);
        return bin < BINS / 2 ? Math.min(1, probability * (promised > 0 ? happened / promised : 1))
                : Math.max(0, 1 - (1 - probability) * (promised < 1 ? (1 - happened) / (1 - promised) : 1));
    }

    void add(Calibration other) {
        for (int bin = 0; bin < BINS; bin++) {
            total[bin] += other.total[bin];
            predicted[bin] += other.predicted[bin];
            actual[bin] += other.actual[bin];
        }
    }

    double total(int bin) {
        return total[bin];
    }

    /// NaN without a label.
    double meanPrediction(int bin) {
        return total[bin] > 0 ? predicted[bin] / total[bin] : Double.NaN;
    }

    /// NaN without a label.
    double meanLabel(int bin) {
        return total[bin] > 0 ? actual[bin] / total[bin] : Double.NaN;
    }

    void clear() {
        Arrays.fill(total, 0);
        Arrays.fill(predicted, 0);
        Arrays.fill(actual, 0);
    }

    /// The sum over bins of |Σ p - Σ y|; divided by all weights it is the expected calibration error.
    double distance() {
        double sum = 0;
        for (int bin = 0; bin < BINS; bin++) {
            sum += Math.abs(predicted[bin] - actual[bin]);
        }
        return sum;
    }

    /// The slope of the least-squares line through the bins' (mean p, mean y), each of its weight: 1 if calibrated, less
    /// if probabilities are too extreme. NaN with fewer than two bins.
    double slope() {
        double weights = 0;
        double predictions = 0;
        double labels = 0;
        for (int bin = 0; bin < BINS; bin++) {
            weights += total[bin];
            predictions += predicted[bin];
            labels += actual[bin];
        }
        double meanPrediction = predictions / weights;
        double meanLabel = labels / weights;
        double together = 0;
        double spread = 0;
        int filled = 0;
        for (int bin = 0; bin < BINS; bin++) {
            if (total[bin] > 0) {
                double distance = predicted[bin] / total[bin] - meanPrediction;
                together += total[bin] * distance * (actual[bin] / total[bin] - meanLabel);
                spread += total[bin] * distance * distance;
                filled++;
            }
        }
        return filled < 2 ? Double.NaN : together / spread;
    }

    void write(BinaryWriter to) {
        for (int bin = 0; bin < BINS; bin++) {
            MetricSums.number(to, total[bin]);
            MetricSums.number(to, predicted[bin]);
            MetricSums.number(to, actual[bin]);
        }
    }

    void read(BinaryReader from) {
        for (int bin = 0; bin < BINS; bin++) {
            total[bin] = MetricSums.number(from);
            predicted[bin] = MetricSums.number(from);
            actual[bin] = MetricSums.number(from);
        }
    }
}
