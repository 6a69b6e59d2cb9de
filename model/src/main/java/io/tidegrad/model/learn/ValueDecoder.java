package io.tidegrad.model.learn;

import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.EventReader;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.RecordDecoder;

/// Decodes the bytes of a record's value into an event.
@FunctionalInterface
public interface ValueDecoder {
    /// Returns an event that is only valid until the next call, because implementations reuse it.
    ///
    /// @throws io.tidegrad.schemas.UndecodableException the value can't be decoded
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry did not answer: try again
    Event decode(byte[] value);

    /// Returns a decoder of Avro in Confluent's wire format, which reads the fields that a spec names. Like the codec, it
    /// is not thread-safe.
    static ValueDecoder avro(ModelSpec spec, AvroCodec codec) {
        EventReader reader = new EventReader(spec);
        return value -> reader.read(codec, value);
    }

    /// Returns a decoder of the spec's events by whatever decodes a topic's records.
    static ValueDecoder of(ModelSpec spec, RecordDecoder decoder) {
        EventReader reader = new EventReader(spec);
        return value -> reader.read(decoder, value);
    }
}
