package io.tidegrad.model.feature;

import io.tidegrad.schemas.FieldSink;
import io.tidegrad.schemas.UnknownField;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The values of an event's fields that a model reads, as somebody finds them in it. It is reused for the next event,
/// and so are the values that it gives. Not thread-safe.
public final class FieldValues implements FieldSink, Event {
    /// What is known of a path.
    private static final class Slot {
        @Nullable
        Object value; // of this event or of an earlier one
        int event; // whose it is
        final Numeral numeral = new Numeral();
        final TextView text = new TextView();
        @Nullable
        BytesView view; // made when it is needed
        @Nullable
        ListValues list;
    }

    private final Map<String, Integer> paths = new HashMap<>();
    private final Slot[] slots; // by path
    private int event;
    private final FieldSink elements = new Elements();
    private OtherValue other = new OtherValue("");
    private @Nullable UnknownField unknownField;
    private @Nullable List<String> list; // the last list of fields, compared by identity
    private int[] listed = {}; // their places; -1 for a field that is not among the paths

    /// @param paths as they are asked for, in the order in which they are numbered
    public FieldValues(List<String> paths) {
        for (int path = 0; path < paths.size(); path++) {
            this.paths.putIfAbsent(paths.get(path), path);
        }
        slots = new Slot[paths.size()];
        Arrays.setAll(slots, path -> new Slot());
    }

    /// Makes all fields missing.
    public void begin() {
        event++;
        if (event <= 0) { // after two billion events: none may seem to be of this one
            for (Slot slot : slots) {
                slot.event = 0;
            }
            event = 1;
        }
        unknownField = null;
    }

    /// @param field see `Event.unknownField`
    public void unknownField(@Nullable UnknownField field) {
        unknownField = field;
    }

    private void put(Slot slot, Object value) {
        // Mostly it is the object of the event before, and a reference costs more to write than to compare.
        if (slot.value != value) {
            slot.value = value;
        }
        slot.event = event;
    }

    @Override
    public void whole(int path, long value) {
        Slot slot = slots[path];
        slot.numeral.set(value);
        put(slot, slot.numeral);
    }

    @Override
    public void real(int path, double value) {
        Slot slot = slots[path];
        slot.numeral.set(value);
        put(slot, slot.numeral);
    }

    @Override
    public void real(int path, float value) {
        Slot slot = slots[path];
        slot.numeral.set(value);
        put(slot, slot.numeral);
    }

    @Override
    public void flag(int path, boolean value) {
        put(slots[path], value ? Boolean.TRUE : Boolean.FALSE);
    }

    @Override
    public void text(int path, String value) {
        put(slots[path], value);
    }

    @Override
    public void text(int path, byte[] bytes, int from, int length) {
        Slot slot = slots[path];
        slot.text.set(bytes, from, length);
        put(slot, slot.text);
    }

    @Override
    public void bytes(int path, byte[] bytes, int from, int length) {
        Slot slot = slots[path];
        BytesView view = slot.view;
        if (view == null) {
            view = new BytesView();
            slot.view = view;
        }
        view.set(bytes, from, length);
        put(slot, view);
    }

    @Override
    public void other(int path, String description) {
        put(slots[path], otherValue(description));
    }

    /// One object for all elements of a list. A value that is refused at its end has been read twice by then
    /// (`FieldReader.isRead`), which stays within the memory that it may take only without an object for each.
    private OtherValue otherValue(String description) {
        if (!other.description().equals(description)) {
            other = new OtherValue(description);
        }
        return other;
    }

    @Override
    public void list(int path) {
        Slot slot = slots[path];
        ListValues begun = slot.list;
        if (begun == null) {
            begun = new ListValues();
            slot.list = begun;
        }
        begun.begin();
        put(slot, begun);
    }

    @Override
    public FieldSink elements() {
        return elements;
    }

    @Override
    public void clear(int path) {
        slots[path].event = event - 1;
    }

    @Override
    public void open(int path) {
        elements.open(path);
    }

    @Override
    public void close(int path) {
        elements.close(path);
    }

    @Override
    public void reopen(int path) {
        elements.reopen(path);
    }

    @Override
    public int size(int path) {
        return elements.size(path);
    }

    @Override
    public void truncate(int path, int size) {
        elements.truncate(path, size);
    }

    /// Adds what it takes to the lists.
    private final class Elements implements FieldSink {
        private ListValues of(int path) {
            return Objects.requireNonNull(slots[path].list, "a list that has begun");
        }

        @Override
        public void whole(int path, long value) {
            of(path).addWhole(value);
        }

        @Override
        public void real(int path, double value) {
            of(path).addDouble(value);
        }

        @Override
        public void real(int path, float value) {
            of(path).addFloat(value);
        }

        @Override
        public void flag(int path, boolean value) {
            of(path).addObject(value);
        }

        @Override
        public void text(int path, String value) {
            of(path).addObject(value);
        }

        @Override
        public void text(int path, byte[] bytes, int from, int length) {
            of(path).addText(bytes, from, length);
        }

        @Override
        public void bytes(int path, byte[] bytes, int from, int length) {
            of(path).addBytes(bytes, from, length);
        }

        @Override
        public void other(int path, String description) {
            of(path).addObject(otherValue(description));
        }

        @Override
        public void list(int path) {
            FieldValues.this.list(path);
        }

        @Override
        public FieldSink elements() {
            return this;
        }

        @Override
        public void clear(int path) {
            FieldValues.this.clear(path);
        }

        @Override
        public void open(int path) {
            of(path).open();
        }

        @Override
        public void close(int path) {
            of(path).close();
        }

        @Override
        public void reopen(int path) {
            of(path).reopen();
        }

        @Override
        public int size(int path) {
            Slot slot = slots[path];
            return slot.list == null || slot.event != event ? 0 : slot.list.size();
        }

        @Override
        public void truncate(int path, int size) {
            of(path).truncate(size);
        }
    }

    @Override
    public @Nullable Object get(String field) {
        Integer path = paths.get(field);
        return path == null ? null : at(path);
    }

    private @Nullable Object at(int path) {
        Slot slot = slots[path];
        return slot.event == event ? slot.value : null;
    }

    /// A list that is passed again, as a Featurizer does, is looked up once.
    @Override
    public void get(List<String> fields, @Nullable Object[] to) {
        if (fields != list) {
            list = fields;
            listed = new int[fields.size()];
            Arrays.setAll(listed, i -> paths.getOrDefault(fields.get(i), -1));
        }
        for (int i = 0; i < listed.length; i++) {
            Object value = listed[i] < 0 ? null : at(listed[i]);
            if (to[i] != value) {
                to[i] = value;
            }
        }
    }

    @Override
    public @Nullable UnknownField unknownField() {
        return unknownField;
    }

    /// A value that may be kept.
    static @Nullable Object copy(@Nullable Object value) {
        return switch (value) {
            case Numeral number -> number.boxed();
            case TextView text -> text.toString();
            case BytesView bytes -> bytes.copy();
            case ListValues elements -> {
                List<@Nullable Object> copy = new ArrayList<>(elements.size());
                for (Object element : elements) {
                    copy.add(copy(element));
                }
                yield copy;
            }
            case null, default -> value;
        };
    }
}
