package io.tidegrad.model.learn;

import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Event;
import io.tidegrad.schemas.AvroCodec;

/// The bytes of a record's value → an event.
@FunctionalInterface
public interface ValueDecoder {
    /// The event is read before the next call: implementations reuse it.
    ///
    /// @throws io.tidegrad.schemas.UndecodableException the value itself is to blame
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry is: try again
    Event decode(byte[] value);

    /// Avro in Confluent wire format. One a thread, as the codec.
    static ValueDecoder avro(AvroCodec codec) {
        AvroEvent event = new AvroEvent();
        return value -> event.of(codec.decode(value));
    }
}
