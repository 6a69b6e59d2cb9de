package io.tidegrad.schemas;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Keeps what is found, as objects.
final class CollectedFields implements FieldSink {
    /// A value that no feature can be made of.
    record Other(String description) {
    }

    private final List<@Nullable Object> values;
    private final int[] marks;

    CollectedFields(int paths) {
        values = new ArrayList<>(Collections.nCopies(paths, null));
        marks = new int[paths];
    }

    List<@Nullable Object> values() {
        return values;
    }

    @SuppressWarnings("unchecked") // Lists are made here only.
    private @Nullable List<@Nullable Object> elements(int path) {
        return values.get(path) instanceof List<?> list ? (List<@Nullable Object>) list : null;
    }

    private void put(int path, Object value) {
        List<@Nullable Object> elements = elements(path);
        if (elements == null) {
            values.set(path, value);
        } else {
            elements.add(value);
        }
    }

    @Override
    public void whole(int path, long value) {
        put(path, value);
    }

    @Override
    public void real(int path, double value) {
        put(path, value);
    }

    @Override
    public void real(int path, float value) {
        put(path, value);
    }

    @Override
    public void flag(int path, boolean value) {
        put(path, value);
    }

    @Override
    public void text(int path, byte[] bytes, int from, int length) {
        put(path, new String(bytes, from, length, StandardCharsets.UTF_8));
    }

    @Override
    public void text(int path, String value) {
        put(path, value);
    }

    @Override
    public void bytes(int path, byte[] bytes, int from, int length) {
        put(path, ByteBuffer.wrap(Arrays.copyOfRange(bytes, from, from + length)));
    }

    @Override
    public void other(int path, String description) {
        put(path, new Other(description));
    }

    @Override
    public void list(int path) {
        values.set(path, new ArrayList<>());
    }

    @Override
    public FieldSink elements() {
        return this;
    }

    @Override
    public void clear(int path) {
        values.set(path, null);
    }

    @Override
    public void open(int path) {
        marks[path] = size(path);
    }

    @Override
    public void close(int path) {
        List<@Nullable Object> elements = elements(path);
        if (elements != null && elements.size() == marks[path]) {
            elements.add(null);
        }
    }

    @Override
    public void reopen(int path) {
        truncate(path, marks[path]);
    }

    @Override
    public int size(int path) {
        List<@Nullable Object> elements = elements(path);
        return elements == null ? 0 : elements.size();
    }

    @Override
    public void truncate(int path, int size) {
        List<@Nullable Object> elements = elements(path);
        if (elements != null) {
            elements.subList(size, elements.size()).clear();
        }
    }
}
