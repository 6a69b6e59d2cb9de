package io.tidegrad.model.feature;

import org.jspecify.annotations.Nullable;

/// One event as the Featurizer sees it: fields by name. Adapters: Avro `GenericRecord`, `Map` (JSON).
@FunctionalInterface
public interface Event {
    /// The field's value (Number, Boolean, CharSequence, java.time.Instant, ByteBuffer, List, Avro's bytes), or null when absent or null.
    @Nullable Object get(String field);
}
