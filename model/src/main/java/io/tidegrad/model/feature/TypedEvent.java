package io.tidegrad.model.feature;

import io.tidegrad.schemas.settings.NearestName;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// An event that is filled through handles, without a box for any number: reused, one a thread.
///
/// ```java
/// TypedEvent event = new TypedEvent("distance", "origin");
/// int distance = event.field("distance");
/// event.clear().set(distance, 2_586L).set(event.field("origin"), "SFO");
/// ```
///
/// A handle is a place among the names that this event was made with, and knows no spec: it stays what it is when a
/// model with another spec answers. That one reads its own fields by their names: those that the event does not have
/// are missing, those that it reads no more are not looked at.
public final class TypedEvent implements Event {
    private final List<String> names;
    private final Map<String, Integer> handles = new HashMap<>();
    private final Numeral[] numerals; // one a field, reused
    private final @Nullable Object[] values; // a field's numeral, or what else it holds
    private @Nullable List<String> list; // of the fields asked for last, by identity
    private int[] listed = {}; // their handles, -1 for a field that is not here

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

    /// Where a field's value goes: to be looked up once.
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

    /// In the order of their handles.
    public List<String> fields() {
        return names;
    }

    public TypedEvent set(int field, double value) {
        numerals[field].set(value);
        values[field] = numerals[field];
        return this;
    }

    /// As a category 0.1f is another text than the double that it is equal to: see `CanonicalText`.
    public TypedEvent set(int field, float value) {
        numerals[field].set(value);
        values[field] = numerals[field];
        return this;
    }

    /// A whole number; of a time its epoch milliseconds.
    public TypedEvent set(int field, long value) {
        numerals[field].set(value);
        values[field] = numerals[field];
        return this;
    }

    public TypedEvent set(int field, boolean value) {
        values[field] = value;
        return this;
    }

    /// Kept, not copied: as it is when the event is scored.
    public TypedEvent set(int field, CharSequence value) {
        values[field] = value;
        return this;
    }

    public TypedEvent set(int field, Instant value) {
        return set(field, value.toEpochMilli());
    }

    /// Pixels, or the numbers of a sequence. Kept, not copied.
    public TypedEvent set(int field, float[] values) {
        this.values[field] = values;
        return this;
    }

    /// Pixels. Kept, not copied.
    public TypedEvent set(int field, byte[] values) {
        this.values[field] = values;
        return this;
    }

    /// The values of a sequence, of `categories` or of a bag. Kept, not copied.
    public TypedEvent set(int field, List<?> values) {
        this.values[field] = values;
        return this;
    }

    /// The field is missing again.
    public TypedEvent clear(int field) {
        values[field] = null;
        return this;
    }

    /// All fields are missing again.
    public TypedEvent clear() {
        Arrays.fill(values, null);
        return this;
    }

    @Override
    public @Nullable Object get(String field) {
        Integer handle = handles.get(field);
        return handle == null ? null : values[handle];
    }

    /// Whoever asks for the same list again, as a Featurizer does, has it looked up once.
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
