package io.tidegrad.model.learn;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.evaluation.MetricTask;
import io.tidegrad.model.spec.ModelSpec;

/// Whether it is the model that fails, and not its events. An event fails that can't be learned because a loss or gradient
/// is not finite, or, where labels are numbers, that was predicted far beyond any label. A single event can be at fault for
/// either; where failing ones outweigh the others, events are not. A model whose weights are huge still learns some events,
/// so a success takes back one failure and not all.
final class Divergence {
    /// So many more events that failed than others.
    static final int EVENTS = 100;

    /// Predictions up to this multiple of the largest label are those of a model that learns.
    private static final double BEYOND = 1e6;

    private final boolean ofNumbers;
    private final int outputs;
    private int failing; // one more for each that fails, one less for each other one, not below 0
    private double largest; // size of the largest label that was learned; 0 unless labels are numbers

    Divergence(ModelSpec spec) {
        ofNumbers = !MetricTask.of(spec).classifies();
        outputs = spec.outputs();
    }

    /// Counts an event that was refused because a number is not finite.
    void refused() {
        failing++;
    }

    /// Looks at a row that was learned.
    ///
    /// @param predictions as they were before the step, of this row from `at` on
    void learned(float[] predictions, int at, float label) {
        boolean beyond = false;
        if (ofNumbers) {
            largest = Math.max(largest, Math.abs(label));
            for (int output = 0; output < outputs; output++) {
                beyond |= Math.abs(predictions[at + output]) > bound();
            }
        }
        failing = beyond ? failing + 1 : Math.max(0, failing - 1);
    }

    /// At least a million, because an untrained network predicts numbers around 1 however small the labels are: bounds for
    /// labels around 10^-8 would end it before it has learned their size.
    private double bound() {
        return BEYOND * Math.max(1, largest);
    }

    /// Whether as many have failed as end the model.
    boolean isReached() {
        return failing >= EVENTS;
    }

    /// @param last what became of the last of these events
    String describe(String last) {
        String predictions = ofNumbers ? " and predictions within ±" + bound() + ", 10^6 times the largest label" : "";
        return "expected losses that are finite" + predictions + ", found otherwise in " + failing
                + " more events than were learned well since the first of them, the last one: " + last;
    }

    void write(BinaryWriter to) {
        to.int32(failing).float64(largest);
    }

    void read(BinaryReader from) {
        failing = from.count("count of events that failed", EVENTS);
        largest = from.float64();
    }
}
