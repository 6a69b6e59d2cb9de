package io.tidegrad.model.feature;

import org.jspecify.annotations.Nullable;

/// One event as the Featurizer sees it: fields by name. Adapters: `AvroEvent`, `MapEvent` (JSON).
@FunctionalInterface
public interface Event {
    /// The field's value, or null when it is absent or null. Types understood: `Number`, `Boolean`, `CharSequence`,
    /// `java.time.Instant`, `byte[]`, `ByteBuffer`, `List` of numbers, `float[]`, Avro's `GenericFixed`.
    @Nullable Object get(String field);
}
