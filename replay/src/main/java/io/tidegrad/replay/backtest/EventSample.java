package io.tidegrad.replay.backtest;

import io.tidegrad.schemas.FieldPath;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Some events of a file or a topic, by the paths of their fields.
final class EventSample {
    /// How many events are looked at.
    static final int ROWS_MAX = 20_000;

    /// Objects whose keys are data would have fields without end.
    private static final int COLUMNS_MAX = 4_096;

    private final String source;
    private final Map<String, Column> columns = new LinkedHashMap<>();
    private final boolean typed;
    private boolean hasMore;
    private int rows;

    /// @param source for messages: a file or a topic
    /// @param typed whether the values have types, which those of CSV have not
    EventSample(String source, boolean typed) {
        this.source = source;
        this.typed = typed;
    }

    /// Reads a file's first rows.
    ///
    /// @throws io.tidegrad.process.StopException the file can't be read
    static EventSample of(Path file) {
        try (DataFile data = DataFile.open(file)) {
            EventSample sample = new EventSample(file.toString(), !(data instanceof CsvFile));
            List<String> names = data.columns();
            if (names != null && data instanceof CsvFile) {
                names.forEach(name -> sample.declare(name, null)); // in their order, also those without a value
            }
            while (sample.rows < ROWS_MAX && data.next()) {
                sample.add(data.values());
            }
            sample.end();
            return sample;
        }
    }

    /// Notes a field before it has a value.
    ///
    /// @param kind what a schema says of it; null without one
    void declare(String path, Column.@Nullable Kind kind) {
        columns.computeIfAbsent(path, name -> new Column(name, kind));
    }

    /// @param event its values by name: records are maps
    void add(Map<String, ?> event) {
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
    void end() {
        columns.values().forEach(column -> column.end(rows));
    }

    String source() {
        return source;
    }

    int rows() {
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
