package io.tidegrad.model.learn;

import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.UnknownField;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/// Folds the records of a log of record into a model, one by one. Trainer, replay and tests all go through here: what
/// is learned, what ticks and what is rejected is decided once. It has two halves, so that a caller can prepare ahead
/// of learning: [EventPreparation] reads the record, [#learn] applies it to the model.
public final class EventFold {
    /// What became of a record.
    public sealed interface Outcome {
        /// The event was learned, or is pending in the open mini-batch.
        record Accepted() implements Outcome {
        }

        /// The record is not a row: a tick, which ended the open mini-batch, or a correction of a stream that the spec
        /// passes over, which changed nothing.
        record Ticked() implements Outcome {
        }

        /// The record belongs on the dead-letter topic. The model has not changed, but for what it counts as served.
        ///
        /// @param schemaId the id that the value carries; null when it carries none
        record Rejected(Rejection rejection, @Nullable Integer schemaId) implements Outcome {
        }
    }

    private static final Outcome ACCEPTED = new Outcome.Accepted();
    private static final Outcome TICKED = new Outcome.Ticked();

    private final OnlineModel model;
    private final EventPreparation preparation;
    private final PreparedEvent prepared;

    public EventFold(ModelSpec spec, OnlineModel model, ValueDecoder decoder) {
        this.model = model;
        preparation = new EventPreparation(spec, decoder);
        prepared = preparation.newEvent();
    }

    public OnlineModel model() {
        return model;
    }

    /// @throws ModelDivergedException the cause is the model, not this record
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException nothing has changed: try again
    public Outcome fold(byte @Nullable [] value, Headers headers) {
        preparation.prepare(value, headers, prepared);
        return learn(prepared, model);
    }

    /// Rejects an event without reading it, for a reason that the caller states.
    public Outcome refuse(byte @Nullable [] value, Headers headers, Rejection rejection) {
        preparation.refuse(value, headers, rejection, prepared);
        return learn(prepared, model);
    }

    /// The second half: applies a prepared record to the model.
    ///
    /// @throws ModelDivergedException the cause is the model, not this record
    public static Outcome learn(PreparedEvent prepared, OnlineModel model) {
        Outcome outcome = outcome(prepared, model);
        prepared.countServed(model); // once the class that it may bring is known
        return outcome;
    }

    private static Outcome outcome(PreparedEvent prepared, OnlineModel model) {
        UnknownField unknown = prepared.unknownField();
        if (unknown != null && model.isUntouched()) {
            return new Outcome.Rejected(new Rejection(Rejection.Reason.UNKNOWN_FIELD, unknown.message()),
                    prepared.schemaId());
        }
        if (prepared.isRow()) {
            Rejection rejection = model.accept(prepared.row());
            return rejection == null ? ACCEPTED : new Outcome.Rejected(rejection, prepared.schemaId());
        }
        if (prepared.isRejected()) {
            return new Outcome.Rejected(prepared.rejected(), prepared.schemaId());
        }
        prepared.tick(model);
        return TICKED;
    }
}
