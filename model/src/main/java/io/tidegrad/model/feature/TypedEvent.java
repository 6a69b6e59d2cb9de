package io.tidegrad.model.feature;

import io.tidegrad.schemas.settings.NearestName;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// An event that is filled through handles, without boxing numbers. It is reused. Not thread-safe.
///
/// ```java
/// TypedEvent event = new TypedEvent("distance", "origin");
/// int distance = event.field("distance");
/// event.clear().set(distance, 2_586L).set(event.field("origin"), "SFO");
/// ```
///
/// A handle is an index into the names that this event was created with and does not depend on a spec: it stays valid
/// when a model with another spec answers. A model reads its fields by name: fields that the event does not have are
/// missing, and fields that the model does not read are ignored.
public final class TypedEvent implements Event {
    private final List<String> names;
    private final Map<String, Integer> handles = new HashMap<>();
    private final Numeral[] numerals; // one per field, reused
    private final @Nullable Object[] values; // a field's numeral or other value
    private @Nullable List<String> list; // the last list of fields, compared by identity
    private int[] listed = {}; // their handles; -1 for a field that this event does not have

    /// @param fields their names, each once
    public TypedEvent(String... fields) {
        this(List.of(fields));
    }

    /// @param fields their names, each once
    public TypedEvent(List<String> fields) {
        names = List.copyOf(fields);
        for (int handle = 0; handle < names.size(); handle++) {
            if (handles.put(names.get(handle), handle) != null) {
                throw new IllegalArgumentException("expected each field once, found '" + names.get(handle) + "' twice");
            }
        }
        values = new Object[names.size()];
        numerals = new Numeral[names.size()];
        Arrays.setAll(numerals, handle -> new Numeral());
    }

    /// The handle of a field, to be looked up once.
    ///
    /// @throws IllegalArgumentException no field has that name
    public int field(String name) {
        Integer handle = handles.get(name);
        if (handle == null) {
            throw new IllegalArgumentException(
                    "expected a field of this event, found '" + name + "'" + NearestName.hint(name, names));
        }
        return handle;
    }

    /// The field names in the order of their handles.
    public List<String> fields() {
        return names;
    }

    public TypedEvent set(int field, double value) {
        numerals[field].set(value);
        values[field] = numerals[field];
        return this;
    }

    /// Sets a float. As a category, 0.1f has another text than the double of the same value: see `CanonicalText`.
    public TypedEvent set(int field, float value) {
        numerals[field].set(value);
        values[field] = numerals[field];
        return this;
    }

    /// Sets a whole number; for a time, epoch milliseconds, or what the spec's `time-unit` says.
    public TypedEvent set(int field, long value) {
        numerals[field].set(value);
        values[field] = numerals[field];
        return this;
    }

    public TypedEvent set(int field, boolean value) {
        values[field] = value;
        return this;
    }

    /// Sets a text. It is not copied and must not change until the event has been scored.
    public TypedEvent set(int field, CharSequence value) {
        values[field] = value;
        return this;
    }

    /// Sets a time, whatever `time-unit` says.
    public TypedEvent set(int field, Instant value) {
        numerals[field].setTime(value.toEpochMilli());
        values[field] = numerals[field];
        return this;
    }

    /// Sets pixels, or the numbers of a sequence. The array is not copied.
    public TypedEvent set(int field, float[] values) {
        this.values[field] = values;
        return this;
    }

    /// Pixels. Kept, not copied.
    public TypedEvent set(int field, byte[] values) {
        this.values[field] = values;
        return this;
    }

    /// Sets the values of a sequence, of `categories` or of a bag. The list is not copied.
    public TypedEvent set(int field, List<?> values) {
        this.values[field] = values;
        return this;
    }

    /// Makes the field missing.
    public TypedEvent clear(int field) {
        values[field] = null;
        return this;
    }

    /// Makes all fields missing.
    public TypedEvent clear() {
        Arrays.fill(values, null);
        return this;
    }

    @Override
    public @Nullable Object get(String field) {
        Integer handle = handles.get(field);
        return handle == null ? null : values[handle];
    }

    /// A list that is passed again, as a Featurizer does, is looked up once.
    @Override
    public void get(List<String> fields, @Nullable Object[] to) {
        if (fields != list) {
            list = fields;
            listed = new int[fields.size()];
            Arrays.setAll(listed, i -> handles.getOrDefault(fields.get(i), -1));
        }
        for (int i = 0; i < listed.length; i++) {
            to[i] = listed[i] < 0 ? null : values[listed[i]];
        }
    }
}
