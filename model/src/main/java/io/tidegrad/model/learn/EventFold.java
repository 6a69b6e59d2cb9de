package io.tidegrad.model.learn;

import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.spec.ModelSpec;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/// Folds the records of a log of record into a model, one by one. Trainer, replay and tests all go through here: what
/// is learned, what ticks and what is rejected is decided once. Two halves, for who prepares ahead of the learning:
/// [EventPreparation] reads the record, and [#learn] lets the model have it.
public final class EventFold {
    /// What became of a record.
    public sealed interface Outcome {
        /// Learned, or pending in the open mini-batch.
        record Accepted() implements Outcome {
        }

        /// No event: it ended the open mini-batch.
        record Ticked() implements Outcome {
        }

        /// For the dead-letter topic; the model is as if the record had not been there.
        ///
        /// @param schemaId as the value names it, null when it names none
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

    /// @throws ModelDivergedException the model itself, not this record, is to blame
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException nothing has changed: try again
    public Outcome fold(byte @Nullable [] value, Headers headers) {
        preparation.prepare(value, headers, prepared);
        return learn(prepared, model);
    }

    /// Refuses an event without reading it: why is decided elsewhere.
    public Outcome refuse(byte @Nullable [] value, Rejection rejection) {
        prepared.reject(rejection, value);
        return learn(prepared, model);
    }

    /// The second half: what `prepared` holds changes the model.
    ///
    /// @throws ModelDivergedException the model itself, not this record, is to blame
    public static Outcome learn(PreparedEvent prepared, OnlineModel model) {
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
