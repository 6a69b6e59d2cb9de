package io.tidegrad.model.feature;

import io.tidegrad.schemas.UnknownField;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// One event for the Featurizer: fields by path. Implementations: `FieldValues`, `AvroEvent`, `MapEvent` (JSON),
/// `TypedEvent`.
@FunctionalInterface
public interface Event {
    /// The field's value, or null if it is absent or null. Supported types: `Number`, `Boolean`, `CharSequence`,
    /// `java.time.Instant`, `byte[]`, `ByteBuffer`, `List` of numbers, `float[]`, Avro's `GenericFixed`.
    @Nullable
    Object get(String field);

    /// A field of the model that the event's schema lacks; null when it has all, or there is no schema.
    default @Nullable UnknownField unknownField() {
        return null;
    }

    /// Writes the values of all `fields` to the first elements of `values`.
    default void get(List<String> fields, @Nullable Object[] values) {
        for (int i = 0; i < fields.size(); i++) {
            values[i] = get(fields.get(i));
        }
    }
}
