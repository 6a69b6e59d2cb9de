package io.tidegrad.model.learn;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.evaluation.MetricTask;
import io.tidegrad.model.spec.ModelSpec;

/// Whether it is the model that fails, and not its events: whether so many in a row could not be learned because a loss or
/// gradient is not finite, or, where labels are numbers, were predicted far beyond any label. A single event can be at
/// fault for either; so many in a row are not.
final class Divergence {
    /// So many events in a row.
    static final int EVENTS = 100;

    /// Predictions up to this multiple of the largest label are those of a model that learns.
    private static final double BEYOND = 1e6;

    private final boolean ofNumbers;
    private final int outputs;
    private int inARow;
    private double largest; // size of the largest label that was learned; 0 unless labels are numbers

    Divergence(ModelSpec spec) {
        ofNumbers = !MetricTask.of(spec).classifies();
        outputs = spec.outputs();
    }

    /// Counts an event that was refused because a number is not finite.
    void refused() {
        inARow++;
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
        inARow = beyond ? inARow + 1 : 0;
    }

    private double bound() {
        return BEYOND * Math.max(1, largest);
    }

    /// Whether as many in a row as end the model have come.
    boolean isReached() {
        return inARow >= EVENTS;
    }

    /// @param last what became of the last of these events
    String describe(String last) {
        String predictions = ofNumbers ? " and predictions within ±" + bound() + ", 10^6 times the largest label" : "";
        return "expected losses that are finite" + predictions + ", found otherwise in " + inARow
                + " events in a row, the last one: " + last;
    }

    void write(BinaryWriter to) {
        to.int32(inARow).float64(largest);
    }

    void read(BinaryReader from) {
        inARow = from.count("events in a row that failed", EVENTS);
        largest = from.float64();
    }
}
