package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;

/// What a label and its prediction are as signals, each from 0 to 1. Numbers are put there by what the first 2,000 labels
/// were, which give no signals themselves.
final class SignalValues {
    private final MetricTask task;
    private long labels;
    private double mean; // of numbers, of the first labels, and then the sum of squared distances from it
    private double spread;
    private double scale;
    private double label;
    private double prediction;
    private double error;

    SignalValues(MetricTask task) {
        this.task = task;
    }

    /// Takes the next label; returns whether it gives signals.
    ///
    /// @param at index of the prediction's first number
    boolean add(float[] predictions, int at, float of) {
        labels++;
        if (labels <= RecentEvaluation.WINDOW) {
            if (!task.classifies()) {
                double distance = of - mean;
                mean += distance / labels;
                spread += distance * (of - mean);
                scale = Math.max(Math.sqrt(spread / labels), Float.MIN_NORMAL);
            }
            return false;
        }
        switch (task.kind()) {
            case BINARY -> set(of, predictions[at], Math.abs(of - predictions[at]));
            case MARGIN -> {
                double share = 1 / (1 + Fdlibm.exp(-predictions[at]));
                set(of > 0 ? 1 : 0, share, task.isYes(predictions, at) == of > 0 ? 0 : 1);
            }
            case CATEGORICAL, STEPS, SEQUENCE -> set(of / Math.max(1, task.outputs() - 1),
                    predictions[at + task.likeliest(predictions, at)], 1 - predictions[at + (int) of]);
            case REGRESSION -> {
                double number = predictions[at + task.point()];
                double off = Math.abs(number - of) / scale;
                set(squashed(of), squashed(number), off / (1 + off));
            }
        }
        return true;
    }

    /// From 0 to 1, one half at the mean of the first labels, a quarter one standard deviation of them below.
    private double squashed(double number) {
        double distance = (number - mean) / scale;
        return 0.5 + 0.5 * distance / (1 + Math.abs(distance));
    }

    private void set(double label, double prediction, double error) {
        this.label = label;
        this.prediction = Math.clamp(prediction, 0, 1);
        this.error = Math.clamp(error, 0, 1);
    }

    double label() {
        return label;
    }

    double prediction() {
        return prediction;
    }

    double error() {
        return error;
    }

    /// Returns how many labels there were.
    long labels() {
        return labels;
    }

    void write(BinaryWriter to) {
        to.int64(labels).float64(mean).float64(spread).float64(scale);
    }

    void read(BinaryReader from) {
        labels = from.int64();
        mean = from.float64();
        spread = from.float64();
        scale = from.float64();
    }
}
