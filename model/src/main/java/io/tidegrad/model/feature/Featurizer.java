package io.tidegrad.model.feature;

import io.tidegrad.model.spec.ModelSpec;
import org.jspecify.annotations.Nullable;

/// Event → row. The only one: training and serving share it, so there is no skew. Deterministic: StrictMath, MurmurHash3,
/// no locale, no default time zone, no hash order. Not thread-safe; one a thread.
public final class Featurizer {
    public Featurizer(ModelSpec spec) {
        throw new UnsupportedOperationException();
    }

    public Row newRow() {
        throw new UnsupportedOperationException();
    }

    /// Features, label and event time. Null when `row` is filled; else why not (row undefined then).
    public @Nullable Rejection featurize(Event event, Row row) {
        throw new UnsupportedOperationException();
    }

    /// Features only: for scoring; label and event-time plausibility are not looked at.
    public @Nullable Rejection featurizeForScoring(Event event, Row row) {
        throw new UnsupportedOperationException();
    }
}
