package io.tidegrad.model.feature;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// One event as the Featurizer sees it: fields by name. Adapters: `AvroEvent`, `MapEvent` (JSON).
@FunctionalInterface
public interface Event {
    /// The field's value, or null when it is absent or null. Types understood: `Number`, `Boolean`, `CharSequence`,
    /// `java.time.Instant`, `byte[]`, `ByteBuffer`, `List` of numbers, `float[]`, Avro's `GenericFixed`.
    @Nullable
    Object get(String field);

    /// All of `fields` at once, into as many first places of `values`.
    default void get(List<String> fields, @Nullable Object[] values) {
        for (int i = 0; i < fields.size(); i++) {
            values[i] = get(fields.get(i));
        }
    }
}
