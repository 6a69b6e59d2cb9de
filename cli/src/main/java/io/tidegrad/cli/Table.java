package io.tidegrad.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// A table for people, with texts aligned to the left, numbers to the right, and `-` for unknown values.
final class Table {
    private final List<String> names = new ArrayList<>();
    private final List<List<String>> rows = new ArrayList<>();
    private final List<Boolean> left = new ArrayList<>();

    /// @param names names of the columns, of which the first two hold texts and the others numbers
    Table(String... names) {
        for (String name : names) {
            this.names.add(name);
            left.add(left.size() < 2);
        }
    }

    /// Adds a column of texts.
    Table leftAfter(String name) {
        names.add(name);
        left.add(true);
        return this;
    }

    void add(@Nullable Object... cells) {
        List<String> row = new ArrayList<>();
        for (Object cell : cells) {
            row.add(cell(cell));
        }
        rows.add(row);
    }

    static String cell(@Nullable Object cell) {
        return switch (cell) {
            case null -> "-";
            case Long number -> String.format(Locale.ROOT, "%,d", number);
            default -> cell.toString();
        };
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        append(names, text);
        rows.forEach(row -> append(row, text));
        return text.toString();
    }

    private void append(List<String> row, StringBuilder to) {
        StringBuilder line = new StringBuilder();
        for (int column = 0; column < row.size(); column++) {
            int at = column;
            int width = Math.max(names.get(column).length(),
                    rows.stream().mapToInt(each -> each.get(at).length()).max().orElse(0));
            String cell = row.get(column);
            String space = " ".repeat(width - cell.length());
            line.append(column == 0 ? "" : "  ");
            line.append(left.get(column) ? cell + space : space + cell);
        }
        to.append(line.toString().stripTrailing()).append(System.lineSeparator());
    }
}
