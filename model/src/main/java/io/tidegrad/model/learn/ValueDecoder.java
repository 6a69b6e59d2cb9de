package io.tidegrad.model.learn;

import io.tidegrad.model.feature.Event;

/// The bytes of a record's value → an event.
@FunctionalInterface
public interface ValueDecoder {
    /// The event is read before the next call: implementations reuse it.
    ///
    /// @throws UndecodableException the value itself is to blame
    Event decode(byte[] value) throws UndecodableException;
}
