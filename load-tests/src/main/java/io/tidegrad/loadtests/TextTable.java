package io.tidegrad.loadtests;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Rows of cells, the first column aligned left and the others right. The first row is the header.
final class TextTable {
    private final List<List<String>> rows = new ArrayList<>();

    void add(List<String> row) {
        rows.add(row);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (List<String> cells : rows) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < cells.size(); column++) {
                int at = column;
                int width = rows.stream().mapToInt(row -> row.get(at).length()).max().orElse(1);
                String format = "%" + (column == 0 ? "-" : "") + Math.max(1, width) + "s  ";
                line.append(String.format(Locale.ROOT, format, cells.get(column)));
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }
}
