package io.tidegrad.model.learn;

import io.tidegrad.model.feature.Rejection;
import org.jspecify.annotations.Nullable;

/// A value that is no event. Without a stack trace: a stream of poison must not cost more than a stream of events.
public final class UndecodableException extends Exception {
    private final transient Rejection rejection;
    private final @Nullable Integer schemaId;

    /// @param schemaId as the value names it, null when it names none
    public UndecodableException(Rejection rejection, @Nullable Integer schemaId) {
        super(rejection.detail(), null, false, false);
        this.rejection = rejection;
        this.schemaId = schemaId;
    }

    public Rejection rejection() {
        return rejection;
    }

    public @Nullable Integer schemaId() {
        return schemaId;
    }
}
