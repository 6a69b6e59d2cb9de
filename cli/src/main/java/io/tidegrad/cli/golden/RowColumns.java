package io.tidegrad.cli.golden;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// Which columns of the engine's rows belong to which input of a case: floats side by side in `numbers`, integers in
/// `ids`.
final class RowColumns {
    private final Map<String, Tensor> inputs;
    private final Map<String, Integer> from = new LinkedHashMap<>();
    private final int numbers;
    private final int ids;
    private final int rows;

    RowColumns(Map<String, Tensor> inputs) {
        this.inputs = inputs;
        int floats = 0;
        int integers = 0;
        int first = -1;
        for (Map.Entry<String, Tensor> entry : inputs.entrySet()) {
            Tensor input = entry.getValue();
            from.put(entry.getKey(), input.integers() ? integers : floats);
            if (input.integers()) {
                integers += input.rowLength();
            } else {
                floats += input.rowLength();
            }
            first = first < 0 ? input.rows() : first;
            if (input.rows() != first) {
                throw new UnsupportedException("inputs with different numbers of rows");
            }
        }
        numbers = floats;
        ids = integers;
        rows = first;
    }

    int numbers() {
        return numbers;
    }

    int ids() {
        return ids;
    }

    /// Of each input.
    int rows() {
        return rows;
    }

    List<Integer> allRows() {
        return IntStream.range(0, rows).boxed().toList();
    }

    /// Its first column.
    int from(String name) {
        input(name);
        return from.getOrDefault(name, 0);
    }

    /// The columns of this input in the values of all rows.
    float[] of(String name, float[] values) {
        int length = input(name).rowLength();
        float[] own = new float[rows * length];
        for (int row = 0; row < rows; row++) {
            System.arraycopy(values, row * numbers + from(name), own, row * length, length);
        }
        return own;
    }

    Tensor input(String name) {
        Tensor input = inputs.get(name);
        if (input == null) {
            throw new GoldenException(
                    "expected an input or an earlier layer, found '" + name + "'");
        }
        return input;
    }
}
