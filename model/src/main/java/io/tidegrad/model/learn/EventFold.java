package io.tidegrad.model.learn;

import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.UndecodableException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/// Folds the records of a log of record into a model, one by one. Trainer, replay and tests all go through here: what is
/// learned, what ticks and what is rejected is decided once.
public final class EventFold {
    /// What became of a record.
    public sealed interface Outcome {
        /// Learned, or pending in the open mini-batch.
        record Accepted() implements Outcome {}

        /// No event: it ended the open mini-batch.
        record Ticked() implements Outcome {}

        /// For the dead-letter topic; the model is as if the record had not been there.
        ///
        /// @param schemaId as the value names it, null when it names none
        record Rejected(Rejection rejection, @Nullable Integer schemaId) implements Outcome {}
    }

    private static final Outcome ACCEPTED = new Outcome.Accepted();
    private static final Outcome TICKED = new Outcome.Ticked();

    private final OnlineModel model;
    private final ValueDecoder decoder;
    private final Featurizer featurizer;
    private final Row row;

    public EventFold(ModelSpec spec, OnlineModel model, ValueDecoder decoder) {
        this.model = model;
        this.decoder = decoder;
        featurizer = new Featurizer(spec);
        row = featurizer.newRow();
    }

    public OnlineModel model() {
        return model;
    }

    /// @throws ModelDivergedException the model itself, not this record, is to blame
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException nothing has changed: try again
    public Outcome fold(byte @Nullable [] value, Headers headers) {
        Header tick = headers.lastHeader(Tick.HEADER);
        if (tick != null) {
            return tick(tick);
        }
        if (value == null) {
            return rejected(
                    new Rejection(
                            Rejection.Reason.NULL_VALUE,
                            "expected an event, found a null value without the header "
                                    + Tick.HEADER),
                    null);
        }
        Event event;
        try {
            event = decoder.decode(value);
        } catch (UndecodableException undecodable) {
            return rejected(rejection(undecodable), schemaId(value));
        }
        Rejection rejection = featurizer.featurize(event, row);
        if (rejection == null) {
            rejection = model.accept(row);
        }
        return rejection == null ? ACCEPTED : rejected(rejection, schemaId(value));
    }

    private static Rejection rejection(UndecodableException undecodable) {
        Rejection.Reason reason =
                switch (undecodable.reason()) {
                    case UNKNOWN_SCHEMA -> Rejection.Reason.UNKNOWN_SCHEMA;
                    case TOO_SHORT,
                            WRONG_MAGIC_BYTE,
                            UNSUPPORTED_SCHEMA,
                            TRUNCATED,
                            TRAILING_BYTES,
                            MALFORMED ->
                            Rejection.Reason.NOT_AVRO;
                };
        return new Rejection(reason, String.valueOf(undecodable.getMessage()));
    }

    private Outcome tick(Header header) {
        try {
            Long eventTime = Tick.eventTime(header);
            if (eventTime == null) {
                model.tick();
            } else {
                model.tick(eventTime);
            }
            return TICKED;
        } catch (NumberFormatException notATime) {
            return rejected(
                    new Rejection(
                            Rejection.Reason.WRONG_TYPE,
                            "header "
                                    + Tick.HEADER
                                    + ": expected nothing or epoch milliseconds as decimal text"),
                    null);
        }
    }

    /// Confluent wire format: a zero, then the id, big-endian.
    private static @Nullable Integer schemaId(byte[] value) {
        if (value.length < 5 || value[0] != 0) {
            return null;
        }
        return (value[1] & 0xff) << 24
                | (value[2] & 0xff) << 16
                | (value[3] & 0xff) << 8
                | value[4] & 0xff;
    }

    private static Outcome rejected(Rejection rejection, @Nullable Integer schemaId) {
        return new Outcome.Rejected(rejection, schemaId);
    }
}
