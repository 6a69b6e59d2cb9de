package io.tidegrad.trainer.decode;

import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.UndecodableException;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.RecordDecoder;
import org.jspecify.annotations.Nullable;

/// A log's values in Confluent wire format, as events. What can't be decoded, now or ever, is the value's fault;
/// `RegistryUnavailableException` passes through. One a thread.
public final class AvroValues implements ValueDecoder {
    private final String topic;
    private final RecordDecoder decoder;
    private final AvroEvent event = new AvroEvent();

    public AvroValues(String topic, RecordDecoder decoder) {
        this.topic = topic;
        this.decoder = decoder;
    }

    @Override
    public Event decode(byte[] value) throws UndecodableException {
        try {
            return event.of(decoder.decode(topic, value));
        } catch (io.tidegrad.schemas.UndecodableException e) {
            throw new UndecodableException(new Rejection(reason(e.reason()), String.valueOf(e.getMessage())), id(value));
        }
    }

    private static Rejection.Reason reason(io.tidegrad.schemas.UndecodableException.Reason reason) {
        return switch (reason) {
            case UNKNOWN_SCHEMA -> Rejection.Reason.UNKNOWN_SCHEMA;
            case TOO_SHORT, WRONG_MAGIC_BYTE, UNSUPPORTED_SCHEMA, TRUNCATED, TRAILING_BYTES, MALFORMED ->
                    Rejection.Reason.NOT_AVRO;
        };
    }

    private static @Nullable Integer id(byte[] value) {
        return value.length < AvroCodec.HEADER_BYTES || value[0] != 0 ? null : AvroCodec.schemaId(value);
    }
}
