package io.tidegrad.loadtests.bench;

import io.tidegrad.loadtests.Spread;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Rows of cells, right-aligned; the first row is the header.
final class TextTable {
    private final List<List<String>> rows = new ArrayList<>();

    void add(List<String> row) {
        rows.add(row);
    }

    @Override
    public String toString() {
        List<String> lines = new ArrayList<>();
        for (List<String> cells : rows) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < cells.size(); column++) {
                int at = column;
                int width = rows.stream().mapToInt(row -> row.get(at).length()).max().orElse(1);
                line.append(format("%" + Math.max(1, width) + "s  ", cells.get(column)));
            }
            lines.add(line.toString().stripTrailing());
        }
        return String.join(System.lineSeparator(), lines);
    }

    static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    /// As below; nothing where there is none.
    static String spread(String format, double... values) {
        if (values.length == 0) {
            return "";
        }
        return spread(format, Spread.of(values));
    }

    /// The median, and the range where there is one.
    static String spread(String format, Spread spread) {
        String median = format(format, spread.median());
        return spread.least() == spread.most() ? median
                : format("%s (" + format + "–" + format + ")", median, spread.least(), spread.most());
    }
}
