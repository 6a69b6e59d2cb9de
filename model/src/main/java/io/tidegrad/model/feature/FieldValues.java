package io.tidegrad.model.feature;

import io.tidegrad.schemas.FieldSink;
import io.tidegrad.schemas.UnknownField;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The values of an event's fields that a model reads, as somebody finds them in it. It is reused for the next event,
/// and so are the values that it gives. Not thread-safe.
public final class FieldValues implements FieldSink, Event {
    private final Map<String, Integer> paths = new HashMap<>();
    private final @Nullable Object[] values;
    private final Numeral[] numerals;
    private final TextView[] texts;
    private final @Nullable BytesView[] views; // made when they are needed
    private final @Nullable ListValues[] lists;
    private @Nullable UnknownField unknownField;
    private @Nullable List<String> list; // the last list of fields, compared by identity
    private int[] listed = {}; // their places; -1 for a field that is not among the paths

    /// @param paths as they are asked for, in the order in which they are numbered
    public FieldValues(List<String> paths) {
        for (int path = 0; path < paths.size(); path++) {
            this.paths.putIfAbsent(paths.get(path), path);
        }
        values = new Object[paths.size()];
        numerals = new Numeral[paths.size()];
        texts = new TextView[paths.size()];
        Arrays.setAll(numerals, path -> new Numeral());
        Arrays.setAll(texts, path -> new TextView());
        views = new BytesView[paths.size()];
        lists = new ListValues[paths.size()];
    }

    /// Makes all fields missing.
    public void begin() {
        Arrays.fill(values, null);
        unknownField = null;
    }

    /// @param field see `Event.unknownField`
    public void unknownField(@Nullable UnknownField field) {
        unknownField = field;
    }

    @Override
    public void whole(int path, long value) {
        if (values[path] instanceof ListValues elements) {
            elements.addWhole(value);
        } else {
            numerals[path].set(value);
            values[path] = numerals[path];
        }
    }

    @Override
    public void real(int path, double value) {
        if (values[path] instanceof ListValues elements) {
            elements.addDouble(value);
        } else {
            numerals[path].set(value);
            values[path] = numerals[path];
        }
    }

    @Override
    public void real(int path, float value) {
        if (values[path] instanceof ListValues elements) {
            elements.addFloat(value);
        } else {
            numerals[path].set(value);
            values[path] = numerals[path];
        }
    }

    @Override
    public void flag(int path, boolean value) {
        object(path, value);
    }

    @Override
    public void text(int path, String value) {
        object(path, value);
    }

    @Override
    public void other(int path, String description) {
        object(path, new OtherValue(description));
    }

    private void object(int path, Object value) {
        if (values[path] instanceof ListValues elements) {
            elements.addObject(value);
        } else {
            values[path] = value;
        }
    }

    @Override
    public void text(int path, byte[] bytes, int from, int length) {
        if (values[path] instanceof ListValues elements) {
            elements.addText(bytes, from, length);
        } else {
            texts[path].set(bytes, from, length);
            values[path] = texts[path];
        }
    }

    @Override
    public void bytes(int path, byte[] bytes, int from, int length) {
        if (values[path] instanceof ListValues elements) {
            elements.addBytes(bytes, from, length);
        } else {
            BytesView view = views[path];
            if (view == null) {
                view = new BytesView();
                views[path] = view;
            }
            view.set(bytes, from, length);
            values[path] = view;
        }
    }

    @Override
    public void list(int path) {
        ListValues elements = lists[path];
        if (elements == null) {
            elements = new ListValues();
            lists[path] = elements;
        }
        elements.begin();
        values[path] = elements;
    }

    @Override
    public void clear(int path) {
        values[path] = null;
    }

    @Override
    public void open(int path) {
        if (values[path] instanceof ListValues elements) {
            elements.open();
        }
    }

    @Override
    public void close(int path) {
        if (values[path] instanceof ListValues elements) {
            elements.close();
        }
    }

    @Override
    public void reopen(int path) {
        if (values[path] instanceof ListValues elements) {
            elements.reopen();
        }
    }

    @Override
    public int size(int path) {
        return values[path] instanceof ListValues elements ? elements.size() : 0;
    }

    @Override
    public void truncate(int path, int size) {
        if (values[path] instanceof ListValues elements) {
            elements.truncate(size);
        }
    }

    @Override
    public @Nullable Object get(String field) {
        Integer path = paths.get(field);
        return path == null ? null : values[path];
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
            to[i] = listed[i] < 0 ? null : values[listed[i]];
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
