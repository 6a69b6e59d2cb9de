package io.tidegrad.model.learn;

import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Event;
import io.tidegrad.schemas.AvroCodec;

/// Decodes the bytes of a record's value into an event.
@FunctionalInterface
public interface ValueDecoder {
    /// Returns an event that is only valid until the next call, because implementations reuse it.
    ///
    /// @throws io.tidegrad.schemas.UndecodableException the value can't be decoded
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer: try again
    Event decode(byte[] value);

    /// Returns a decoder of Avro in Confluent's wire format. Like the codec, it is not thread-safe.
    static ValueDecoder avro(AvroCodec codec) {
        AvroEvent event = new AvroEvent();
        return value -> event.of(codec.decode(value));
    }
}
