package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import java.util.Arrays;

/// Precision, recall and F1 of each class, from the weights of what was predicted, what happened, and both at once. A ratio
/// without a denominator is 0, as of a class that neither happened nor was predicted.
public final class ClassCounts {
    private final double[] hits;
    private final double[] predicted;
    private final double[] actual;

    ClassCounts(int classes) {
        hits = new double[classes];
        predicted = new double[classes];
        actual = new double[classes];
    }

    void add(int actualClass, int predictedClass, double weight) {
        actual[actualClass] += weight;
        predicted[predictedClass] += weight;
        if (actualClass == predictedClass) {
            hits[actualClass] += weight;
        }
    }

    void add(ClassCounts other) {
        for (int each = 0; each < hits.length; each++) {
            hits[each] += other.hits[each];
            predicted[each] += other.predicted[each];
            actual[each] += other.actual[each];
        }
    }

    void clear() {
        Arrays.fill(hits, 0);
        Arrays.fill(predicted, 0);
        Arrays.fill(actual, 0);
    }

    /// Returns the number of classes.
    public int classes() {
        return hits.length;
    }

    /// Of what was predicted to be the class, the share that was.
    public double precision(int of) {
        return ratio(hits[of], predicted[of]);
    }

    /// Of what was the class, the share that was predicted to be.
    public double recall(int of) {
        return ratio(hits[of], actual[of]);
    }

    /// Harmonic mean of precision and recall.
    public double f1(int of) {
        return ratio(2 * hits[of], predicted[of] + actual[of]);
    }

    /// Unweighted mean of the classes' F1.
    public double macroF1() {
        double sum = 0;
        for (int each = 0; each < hits.length; each++) {
            sum += f1(each);
        }
        return sum / hits.length;
    }

    /// The same of the classes that happened or were predicted. Others, such as outputs that wait for their class, say
    /// nothing about the model.
    public double macroF1OfSeen() {
        int seen = 0;
        for (int each = 0; each < hits.length; each++) {
            seen += predicted[each] + actual[each] > 0 ? 1 : 0;
        }
        return ratio(macroF1() * hits.length, seen);
    }

    /// Entropy of what happened, in nats: the log loss of always predicting these shares.
    public double entropy() {
        double all = 0;
        for (double each : actual) {
            all += each;
        }
        double sum = 0;
        for (double each : actual) {
            sum -= each > 0 ? each / all * StrictMath.log(each / all) : 0;
        }
        return sum;
    }

    private static double ratio(double part, double of) {
        return of == 0 ? 0 : part / of;
    }

    void write(BinaryWriter to) {
        for (int each = 0; each < hits.length; each++) {
            MetricSums.number(to, hits[each]);
            MetricSums.number(to, predicted[each]);
            MetricSums.number(to, actual[each]);
        }
    }

    void read(BinaryReader from) {
        for (int each = 0; each < hits.length; each++) {
            hits[each] = MetricSums.number(from);
            predicted[each] = MetricSums.number(from);
            actual[each] = MetricSums.number(from);
        }
    }
}
