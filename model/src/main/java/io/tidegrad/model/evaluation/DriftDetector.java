package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;

/// Watches a stream of numbers for a change of their mean. After a drift it goes on with what it takes for new.
public sealed interface DriftDetector permits Adwin, DriftDetectionMethod, PageHinkley {
    /// What a detector says after a value.
    enum Level {
        NONE, WARNING, DRIFT
    }

    /// Takes the next value; it must be finite.
    Level add(double value);

    void write(BinaryWriter to);

    void read(BinaryReader from);
}
