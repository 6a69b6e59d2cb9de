package io.tidegrad.control.suggestion;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.schemas.FieldPath;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Some events of a file or a topic, by the paths of their fields.
public final class EventSample {
    private static final ObjectMapper JSON = new ObjectMapper();

    /// How many events are looked at.
    public static final int ROWS_MAX = 20_000;

    /// Objects whose keys are data would have fields without end.
    private static final int COLUMNS_MAX = 4_096;

    private final String source;
    private final Map<String, Column> columns = new LinkedHashMap<>();
    private final boolean typed;
    private boolean hasMore;
    private int rows;
    private String told = "";

    /// @param source for messages: a file or a topic
    /// @param typed whether the values have types, which those of CSV have not
    public EventSample(String source, boolean typed) {
        this.source = source;
        this.typed = typed;
    }

    /// An object's values by name; empty where there is none.
    public static Map<String, ?> object(byte[] bytes, int from) {
        try {
            return JSON.readValue(bytes, from, bytes.length - from, new TypeReference<Map<String, Object>>() {
            });
        } catch (IOException notJson) {
            return Map.of();
        }
    }

    /// Notes a field before it has a value.
    public void declare(String path) {
        declare(path, null);
    }

    /// @param kind what a schema says of it; null without one
    void declare(String path, Column.@Nullable Kind kind) {
        columns.computeIfAbsent(path, name -> new Column(name, kind));
    }

    /// @param event its values by name: records are maps
    public void add(Map<String, ?> event) {
        event.forEach((name, value) -> add(typed ? FieldPath.escaped(name) : name, value));
        next();
    }

    /// Ends an event.
    void next() {
        rows++;
    }

    /// Adds a value of the present event.
    void add(String path, @Nullable Object value) {
        switch (value) {
            case null -> {
            }
            case Map<?, ?> record ->
                record.forEach((name, inside) -> add(path + "." + FieldPath.escaped(String.valueOf(name)), inside));
            default -> {
                if (columns.size() < COLUMNS_MAX || columns.containsKey(path)) {
                    columns.computeIfAbsent(path, name -> new Column(name, null)).add(rows, value, typed);
                } else {
                    hasMore = true;
                }
            }
        }
    }

    /// Ends the sample; nothing can be added.
    ///
    /// @param what was looked at, for people: `the first 20,000 events of payments.csv`
    public void end(String what) {
        told = what;
        columns.values().forEach(column -> column.end(rows));
    }

    String source() {
        return source;
    }

    String told() {
        return told;
    }

    public int rows() {
        return rows;
    }

    /// Whether there are fields that were not looked at, because they are so many.
    boolean hasMore() {
        return hasMore;
    }

    List<Column> columns() {
        return new ArrayList<>(columns.values());
    }
}
