package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.RunningScale;
import java.util.ArrayList;
import java.util.List;

/// The columns of a row that one `RunningScale` reads: values, then flags that say which of them are missing.
final class RunningNumbers {
    private final List<Integer> values = new ArrayList<>();
    private final List<Integer> indicators = new ArrayList<>(); // by value: the column of its flag; below 0 for none

    void add(int column, int indicator) {
        values.add(column);
        indicators.add(indicator);
    }

    boolean isEmpty() {
        return values.isEmpty();
    }

    /// What reads them.
    Layer row() {
        List<Layer> runs = new ArrayList<>();
        addRuns(values, runs);
        addRuns(flagColumns(), runs);
        return runs.size() == 1 ? runs.getFirst() : new Concat(runs);
    }

    /// As `RunningScale` has them.
    List<Integer> flags() {
        List<Integer> columns = flagColumns();
        return indicators.stream()
                .map(column -> column < 0 ? RunningScale.NEVER_MISSING : values.size() + columns.indexOf(column))
                .toList();
    }

    private List<Integer> flagColumns() {
        return indicators.stream().filter(column -> column >= 0).distinct().sorted().toList();
    }

    /// Columns that lie side by side are read together.
    private static void addRuns(List<Integer> columns, List<Layer> runs) {
        int from = 0;
        for (int i = 1; i <= columns.size(); i++) {
            if (i == columns.size() || columns.get(i) != columns.get(i - 1) + 1) {
                runs.add(new Numbers(columns.get(from), i - from));
                from = i;
            }
        }
    }
}
