package io.tidegrad.engine.layer;

/// What flows from layer to layer for one row of a batch (the batch axis is left out).
public sealed interface Shape {

    /// The row itself, as the log holds it: what the first layers (`Numbers`, `Embedding`) read.
    ///
    /// @param numbers floats in the row
    /// @param ids table rows (hashed categories) in the row
    record Row(int numbers, int ids) implements Shape {
        @Override
        public String toString() {
            return "the row itself (" + numbers + " numbers, " + ids + " ids)";
        }
    }

    record Vector(int width) implements Shape {
        @Override
        public String toString() {
            return "a vector of " + width;
        }
    }
}
