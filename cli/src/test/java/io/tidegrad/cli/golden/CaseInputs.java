package io.tidegrad.cli.golden;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;

/// Which columns of the engine's rows belong to which input of a case: floats side by side in `numbers`, integers in
/// `ids`. Nearly always row r of an input is what row r of the engine holds; states of both directions of a recurrent
/// layer have the batch as their second axis, and bags of indices lie one after the other.
final class CaseInputs {
    private final Map<String, Input> inputs = new LinkedHashMap<>();
    private final int numbers;
    private final int ids;
    private final int rows;

    /// @param values as the case has them
    /// @param from its first column
    /// @param rowShape of what a row of the engine holds of it
    /// @param sources (rows, columns): the index in `values` of what stands there, or -1 for a 0
    private record Input(Tensor values, int from, List<Integer> rowShape, int[] sources) {
        int columns() {
            return Tensor.product(rowShape);
        }

        float value(int row, int column) {
            int source = sources[row * columns() + column];
            return source < 0 ? 0 : values.values()[source];
        }
    }

    /// How an input lies in rows.
    private record Layout(int rows, List<Integer> rowShape, int[] sources) {
        static Layout batchFirst(Tensor tensor) {
            return new Layout(tensor.rows(), tensor.rowShape(), IntStream.range(0, tensor.values().length).toArray());
        }

        /// [2, N, hidden]: forward and backward side by side in a row.
        static Layout states(Tensor tensor) {
            if (tensor.shape().size() != 3 || tensor.rows() != 2) {
                throw new GoldenException("inputs: expected states of shape [2, N, hidden], found " + tensor.shape());
            }
            int rows = tensor.shape().get(1);
            int hidden = tensor.shape().get(2);
            int[] sources = new int[2 * rows * hidden];
            for (int i = 0; i < sources.length; i++) {
                int row = i / (2 * hidden);
                int direction = i / hidden % 2;
                sources[i] = (direction * rows + row) * hidden + i % hidden;
            }
            return new Layout(rows, List.of(2 * hidden), sources);
        }

        /// Bag i holds what stands from `offsets[i]` on: as many columns as the largest has.
        static Layout bags(Tensor tensor, int[] offsets) {
            int total = tensor.values().length;
            int[] ends = Arrays.copyOf(offsets, offsets.length + 1);
            ends[offsets.length] = total;
            int columns = 1;
            for (int bag = 0; bag < offsets.length; bag++) {
                if (ends[bag] > ends[bag + 1] || ends[0] != 0) {
                    throw new GoldenException(
                            "inputs: expected offsets that rise from 0, found " + Arrays.toString(offsets));
                }
                columns = Math.max(columns, ends[bag + 1] - ends[bag]);
            }
            int[] sources = new int[offsets.length * columns];
            for (int i = 0; i < sources.length; i++) {
                int source = ends[i / columns] + i % columns;
                sources[i] = source < ends[i / columns + 1] ? source : -1;
            }
            return new Layout(offsets.length, List.of(columns), sources);
        }
    }

    /// @param layers of the case, which say how some inputs lie
    CaseInputs(Map<String, Tensor> tensors, List<Fields> layers) {
        Map<String, Tensor> values = new TreeMap<>(tensors);
        Map<String, Layout> layouts = new TreeMap<>();
        values.forEach((name, tensor) -> layouts.put(name, Layout.batchFirst(tensor)));
        for (Fields layer : layers) {
            if (layer.has("bidirectional") && layer.flag("bidirectional", false)) {
                for (String state : List.of("initial_h", "initial_c")) {
                    String name = layer.text(state, "");
                    if (values.containsKey(name)) {
                        layouts.put(name, Layout.states(values.get(name)));
                    }
                }
            }
            if (layer.text("type").equals("embedding_bag")) {
                bags(layer, values, layouts);
            }
        }
        int floats = 0;
        int integers = 0;
        int first = -1;
        for (Map.Entry<String, Layout> entry : layouts.entrySet()) {
            Tensor tensor = Objects.requireNonNull(values.get(entry.getKey()));
            Layout layout = entry.getValue();
            int from = tensor.integers() ? integers : floats;
            Input input = new Input(tensor, from, layout.rowShape, layout.sources);
            inputs.put(entry.getKey(), input);
            integers += tensor.integers() ? input.columns() : 0;
            floats += tensor.integers() ? 0 : input.columns();
            first = first < 0 ? layout.rows : first;
            if (layout.rows != first) {
                throw new UnsupportedException("inputs with different numbers of rows");
            }
        }
        numbers = floats;
        ids = integers;
        rows = first;
    }

    /// The offsets become the sizes of the bags.
    private static void bags(Fields layer, Map<String, Tensor> values, Map<String, Layout> layouts) {
        String ids = layer.has("inputs") ? layer.texts("inputs").getFirst() : "x";
        String offsetsName = layer.text("offsets");
        Tensor tensor = values.get(offsetsName);
        if (tensor == null || !tensor.integers() || !values.containsKey(ids)) {
            throw new GoldenException("expected integer inputs '" + ids + "', '" + offsetsName + "'");
        }
        int[] offsets = new int[tensor.values().length];
        Arrays.setAll(offsets, i -> (int) tensor.values()[i]);
        int total = values.get(ids).values().length;
        float[] sizes = new float[offsets.length];
        for (int bag = 0; bag < sizes.length; bag++) {
            sizes[bag] = (bag + 1 < offsets.length ? offsets[bag + 1] : total) - offsets[bag];
        }
        values.put(offsetsName, new Tensor(tensor.shape(), sizes, true));
        layouts.put(ids, Layout.bags(values.get(ids), offsets));
        String weights = layer.text("weights", "");
        if (values.containsKey(weights)) {
            layouts.put(weights, Layout.bags(values.get(weights), offsets));
        }
    }

    int numbers() {
        return numbers;
    }

    int ids() {
        return ids;
    }

    int rows() {
        return rows;
    }

    List<Integer> allRows() {
        return IntStream.range(0, rows).boxed().toList();
    }

    /// Its first column.
    int from(String name) {
        return input(name).from;
    }

    boolean integers(String name) {
        return input(name).values.integers();
    }

    /// Of what a row of the engine holds of it.
    List<Integer> rowShape(String name) {
        return input(name).rowShape;
    }

    /// As the case has it.
    List<Integer> shape(String name) {
        return input(name).values.shape();
    }

    /// Row `row` of all inputs.
    void copy(int row, float[] numbersTo, int numbersAt, int[] idsTo, int idsAt) {
        for (Input input : inputs.values()) {
            for (int column = 0; column < input.columns(); column++) {
                float value = input.value(row, column);
                if (input.values.integers()) {
                    idsTo[idsAt + input.from + column] = (int) value;
                } else {
                    numbersTo[numbersAt + input.from + column] = value;
                }
            }
        }
    }

    /// What belongs to this input in the values of all rows' numbers, in the case's layout.
    float[] of(String name, float[] values) {
        Input input = input(name);
        float[] own = new float[input.values.values().length];
        for (int i = 0; i < input.sources.length; i++) {
            if (input.sources[i] >= 0) {
                int row = i / input.columns();
                own[input.sources[i]] = values[row * numbers + input.from + i % input.columns()];
            }
        }
        return own;
    }

    private Input input(String name) {
        Input input = inputs.get(name);
        if (input == null) {
            throw new GoldenException("expected an input or an earlier layer, found '" + name + "'");
        }
        return input;
    }
}
