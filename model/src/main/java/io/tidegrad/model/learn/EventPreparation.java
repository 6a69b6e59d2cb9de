package io.tidegrad.model.learn;

import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.UndecodableException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/// The half of [EventFold] that needs no model: it turns a record's bytes into a row. It is a pure function of the
/// record, the spec and the registry's answers, so it can run ahead of learning, on another thread. Not thread-safe:
/// use one instance per thread.
public final class EventPreparation {
    private final ValueDecoder decoder;
    private final Featurizer featurizer;
    private final boolean firstHasAllFields;

    public EventPreparation(ModelSpec spec, ValueDecoder decoder) {
        this.decoder = decoder;
        featurizer = new Featurizer(spec);
        firstHasAllFields = spec.input().reader() instanceof ModelSpec.Reader.First;
    }

    public PreparedEvent newEvent() {
        return new PreparedEvent(featurizer.newRow());
    }

    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer; `into` is
    ///     not usable, try again
    public void prepare(byte @Nullable [] value, Headers headers, PreparedEvent into) {
        Header tick = headers.lastHeader(Tick.HEADER);
        if (tick != null) {
            tick(tick, into);
            return;
        }
        if (value == null) {
            into.reject(new Rejection(Rejection.Reason.NULL_VALUE,
                    "expected an event, found a null value without the header " + Tick.HEADER), null);
            return;
        }
        Event event;
        try {
            event = decoder.decode(value);
        } catch (UndecodableException undecodable) {
            into.reject(rejection(undecodable), value);
            return;
        }
        Rejection rejection = featurizer.featurize(event, into.row());
        if (rejection == null) {
            into.rowOf(value);
        } else {
            into.reject(rejection, value);
        }
        if (firstHasAllFields) {
            into.lacks(event.unknownField());
        }
    }

    /// The rejection of an event whose bytes can't be decoded.
    public static Rejection rejection(UndecodableException undecodable) {
        Rejection.Reason reason = switch (undecodable.reason()) {
            case UNKNOWN_SCHEMA -> Rejection.Reason.UNKNOWN_SCHEMA;
            case TOO_LARGE -> Rejection.Reason.TOO_LARGE;
            case NOT_JSON -> Rejection.Reason.NOT_JSON;
            case TOO_SHORT, WRONG_MAGIC_BYTE, UNSUPPORTED_SCHEMA, TRUNCATED, TRAILING_BYTES, MALFORMED ->
                Rejection.Reason.NOT_AVRO;
        };
        return new Rejection(reason, String.valueOf(undecodable.getMessage()));
    }

    private static void tick(Header header, PreparedEvent into) {
        try {
            into.tick(Tick.eventTime(header));
        } catch (NumberFormatException notATime) {
            into.reject(
                    new Rejection(Rejection.Reason.WRONG_TYPE,
                            "header " + Tick.HEADER + ": expected nothing or epoch milliseconds as decimal text"),
                    null);
        }
    }
}
