package io.tidegrad.joiner.join;

import io.tidegrad.model.feature.StreamFields;
import org.jspecify.annotations.Nullable;

/// An event as the join takes it.
///
/// @param time event time, epoch milliseconds
/// @param weight how much it counts, from 0 to `StreamFields.WEIGHT_MAX`
/// @param content what its example will hold
public record EventRecord(long time, Position at, double weight, Content content) {
    public EventRecord {
        if (!(weight >= 0 && weight <= StreamFields.WEIGHT_MAX)) {
            throw new IllegalArgumentException("expected a weight from 0 to 1e11, found " + weight);
        }
    }

    /// What goes from an event into its example unchanged.
    ///
    /// @param value the record's value
    /// @param headers those of its headers that examples carry on, in their order
    public record Content(byte[] value, CarriedHeader... headers) {
    }

    public record CarriedHeader(String name, byte @Nullable [] value) {
    }
}
