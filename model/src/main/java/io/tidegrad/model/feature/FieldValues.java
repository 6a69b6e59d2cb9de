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
    private final Map<String, Integer> paths = new HashMap<>();
    private final @Nullable Object[] values; // of this event or of an earlier one
    private final int[] events; // by path, the event of `values`
    private int event;
    private final Numeral[] numerals;
    private final TextView[] texts;
    private final @Nullable BytesView[] views; // made when they are needed
    private final @Nullable ListValues[] lists;
    private final FieldSink elements = new Elements();
    private @Nullable UnknownField unknownField;
    private @Nullable List<String> list; // the last list of fields, compared by identity
    private int[] listed = {}; // their places; -1 for a field that is not among the paths

    /// @param paths as they are asked for, in the order in which they are numbered
    public FieldValues(List<String> paths) {
        for (int path = 0; path < paths.size(); path++) {
            this.paths.putIfAbsent(paths.get(path), path);
        }
        values = new Object[paths.size()];
        events = new int[paths.size()];
        numerals = new Numeral[paths.size()];
        texts = new TextView[paths.size()];
        Arrays.setAll(numerals, path -> new Numeral());
        Arrays.setAll(texts, path -> new TextView());
        views = new BytesView[paths.size()];
        lists = new ListValues[paths.size()];
    }

    /// Makes all fields missing.
    public void begin() {
        event++;
        if (event <= 0) { // after two billion events: none may seem to be of this one
            Arrays.fill(events, 0);
            event = 1;
        }
        unknownField = null;
    }

    /// @param field see `Event.unknownField`
    public void unknownField(@Nullable UnknownField field) {
        unknownField = field;
    }

    private void put(int path, Object value) {
        // Mostly it is the object of the event before, and a reference costs more to write than to compare.
        if (values[path] != value) {
            values[path] = value;
        }
        events[path] = event;
    }

    @Override
    public void whole(int path, long value) {
        numerals[path].set(value);
        put(path, numerals[path]);
    }

    @Override
    public void real(int path, double value) {
        numerals[path].set(value);
        put(path, numerals[path]);
    }

    @Override
    public void real(int path, float value) {
        numerals[path].set(value);
        put(path, numerals[path]);
    }

    @Override
    public void flag(int path, boolean value) {
        put(path, value ? Boolean.TRUE : Boolean.FALSE);
    }

    @Override
    public void text(int path, String value) {
        put(path, value);
    }

    @Override
    public void text(int path, byte[] bytes, int from, int length) {
        texts[path].set(bytes, from, length);
        put(path, texts[path]);
    }

    @Override
    public void bytes(int path, byte[] bytes, int from, int length) {
        BytesView view = views[path];
        if (view == null) {
            view = new BytesView();
            views[path] = view;
        }
        view.set(bytes, from, length);
        put(path, view);
    }

    @Override
    public void other(int path, String description) {
        put(path, new OtherValue(description));
    }

    @Override
    public void list(int path) {
        ListValues begun = lists[path];
        if (begun == null) {
            begun = new ListValues();
            lists[path] = begun;
        }
        begun.begin();
        put(path, begun);
    }

    @Override
    public FieldSink elements() {
        return elements;
    }

    @Override
    public void clear(int path) {
        events[path] = event - 1;
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
            return Objects.requireNonNull(lists[path], "a list that has begun");
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
            of(path).addObject(new OtherValue(description));
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
            ListValues begun = lists[path];
            return begun == null || events[path] != event ? 0 : begun.size();
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
        return events[path] == event ? values[path] : null;
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
