package io.tidegrad.joiner.join;

import org.jspecify.annotations.Nullable;

/// A label as the join takes it, or the word that an earlier one is taken back.
///
/// @param time event time of the label, epoch milliseconds
/// @param label canonical text; null: what was said before is taken back
/// @param key the record's key, for a dead letter
/// @param value the record's value, for a dead letter
public record LabelRecord(long time, Position at, @Nullable String label, byte @Nullable [] key,
        byte @Nullable [] value) {
    boolean takesBack() {
        return label == null;
    }
}
