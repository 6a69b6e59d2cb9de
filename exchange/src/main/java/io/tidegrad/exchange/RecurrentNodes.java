package io.tidegrad.exchange;

import static io.tidegrad.exchange.OnnxGraph.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.RowShape;
import java.util.ArrayList;
import java.util.List;

/// Translates a `Recurrent` to ONNX's RNN, GRU or LSTM. There the steps come before the batch, weights and states have
/// an axis of directions first, and the gates have another order.
record RecurrentNodes(OnnxGraph graph, Parameters parameters, LayerNodes layers) {
    /// The engine's gate for each of ONNX's gates in order: a GRU has r, z, n here and z, r, h there; an LSTM has i, f,
    /// g, o here and i, o, f, c there.
    private static List<Integer> gates(Recurrent.Cell cell) {
        return switch (cell) {
            case RNN -> List.of(0);
            case GRU -> List.of(1, 0, 2);
            case LSTM -> List.of(0, 3, 1, 2);
        };
    }

    String of(Recurrent layer, String path, String x) {
        Recurrent.Cell cell = layer.cell();
        boolean hasCell = cell == Recurrent.Cell.LSTM;
        List<String> inputs = new ArrayList<>();
        inputs.add(layers.transpose(path, x, 1, 0, 2));
        inputs.add(weights(layer, path, "weight_ih"));
        inputs.add(weights(layer, path, "weight_hh"));
        inputs.add(biases(layer, path));
        boolean mayBeEmpty = layer.lengthAt() != Recurrent.WHOLE;
        String lengths = lengths(layer, path);
        inputs.add(mayBeEmpty ? graph.node(path, "Max", List.of(lengths, graph.ints(path + "/least", 1))) : lengths);
        List<String> initial = layer.initial().isEmpty() ? List.of() : initial(layer, path);
        inputs.addAll(initial);
        List<AttributeProto> attributes = new ArrayList<>();
        attributes.add(attribute("hidden_size", (long) layer.hidden()));
        attributes.add(attribute("direction", layer.bidirectional() ? "bidirectional" : "forward"));
        if (cell == Recurrent.Cell.GRU) {
            // By default ONNX applies the reset gate before the product.
            attributes.add(attribute("linear_before_reset", 1L));
        }
        List<String> outputs =
                graph.nodes(path, cell.name(), hasCell ? 3 : 2, inputs, attributes.toArray(AttributeProto[]::new));
        if (mayBeEmpty) {
            outputs = withEmptyRows(path, lengths, initial, outputs);
        }
        int width = directions(layer).size() * layer.hidden();
        return switch (layer.output()) {
            // (steps, directions, batch, hidden)
            case SEQUENCE -> {
                String y = layers.transpose(path, outputs.get(0), 2, 0, 1, 3);
                yield layers.reshape(path, y, List.of(0, width));
            }
            case LAST -> state(path, outputs.get(1), width);
            case STATE -> hasCell ? graph.node(path, "Concat",
                    List.of(state(path, outputs.get(1), width), state(path, outputs.get(2), width)),
                    attribute("axis", 1L)) : state(path, outputs.get(1), width);
        };
    }

    /// Handles rows without steps, whose state is the initial one and whose output is 0. ONNX Runtime's RNN reads
    /// undefined memory for them, and its GRU and LSTM ignore the initial state, so such rows get one step, and its
    /// results are replaced.
    private List<String> withEmptyRows(String path, String lengths, List<String> initial, List<String> outputs) {
        String empty = graph.node(path, "Less", List.of(lengths, graph.ints(path + "/least", 1)));
        // (1, batch, 1)
        String rows = graph.node(path, "Unsqueeze", List.of(empty, graph.longs(path + "/around", 0, 2)));
        String zero = graph.floats(path + "/zero", new float[]{0});
        List<String> replaced = new ArrayList<>();
        for (int i = 0; i < outputs.size(); i++) {
            String instead = i == 0 || initial.isEmpty() ? zero : initial.get(i - 1);
            replaced.add(graph.node(path, "Where", List.of(rows, instead, outputs.get(i))));
        }
        return replaced;
    }

    private static List<String> directions(Recurrent layer) {
        return layer.bidirectional() ? List.of("", "_reverse") : List.of("");
    }

    /// (directions, batch, hidden) → one vector per row.
    private String state(String path, String state, int width) {
        return layers.reshape(path, layers.transpose(path, state, 1, 0, 2), List.of(width));
    }

    /// (directions, gates · hidden, inputs)
    private String weights(Recurrent layer, String path, String name) {
        List<float[]> parts = new ArrayList<>();
        for (String direction : directions(layer)) {
            parts.add(inOnnxOrder(layer, parameters.weights(LayerNodes.child(path, name + direction))));
        }
        int columns = gates(layer.cell()).size() * layer.hidden();
        int inputs = parts.getFirst().length / columns;
        String constant = graph.floats(LayerNodes.child(path, name), joined(parts), parts.size(), inputs, columns);
        return layers.transpose(path, constant, 0, 2, 1);
    }

    /// (directions, biases of inputs and of state, each gates · hidden)
    private String biases(Recurrent layer, String path) {
        List<float[]> parts = new ArrayList<>();
        for (String direction : directions(layer)) {
            for (String name : List.of("bias_ih", "bias_hh")) {
                parts.add(inOnnxOrder(layer, parameters.weights(LayerNodes.child(path, name + direction))));
            }
        }
        int directions = directions(layer).size();
        return graph.floats(LayerNodes.child(path, "bias"), joined(parts), directions,
                (long) parts.size() / directions * parts.getFirst().length);
    }

    /// Lines of gates · hidden columns with the blocks in ONNX's order.
    private static float[] inOnnxOrder(Recurrent layer, float[] lines) {
        int hidden = layer.hidden();
        List<Integer> gates = gates(layer.cell());
        float[] ordered = new float[lines.length];
        for (int block = 0; block < lines.length / hidden; block++) {
            int gate = block % gates.size();
            int from = block - gate + gates.get(gate);
            System.arraycopy(lines, from * hidden, ordered, block * hidden, hidden);
        }
        return ordered;
    }

    private static float[] joined(List<float[]> parts) {
        int length = parts.stream().mapToInt(part -> part.length).sum();
        float[] all = new float[length];
        int at = 0;
        for (float[] part : parts) {
            System.arraycopy(part, 0, all, at, part.length);
            at += part.length;
        }
        return all;
    }

    /// The name of the rows' lengths; empty if every row has all steps.
    private String lengths(Recurrent layer, String path) {
        if (layer.lengthAt() == Recurrent.WHOLE) {
            return "";
        }
        String column = layers.slice(path, LayerNodes.IDS, layer.lengthAt(), 1);
        String lengths = graph.node(path, "Squeeze", List.of(column, graph.longs(path + "/column", 1)));
        return layers.cast(path, lengths, TensorProto.DataType.INT32);
    }

    /// The names of the initial states h and, for an LSTM, c, each (directions, batch, hidden).
    private List<String> initial(Recurrent layer, String path) {
        RowShape row = parameters.plan().spec().row();
        LayerNodes.Value value = layers.of(layer.initial().getFirst(), layer.place(path, 0),
                new LayerNodes.Value("", new Shape.Row(row.numbers(), row.ids())));
        int states = layer.cell() == Recurrent.Cell.LSTM ? 2 : 1;
        String flat = graph.node(path, "Flatten", List.of(value.name()));
        String parted = layers.reshape(path, flat, List.of(states, directions(layer).size(), layer.hidden()));
        String ordered = layers.transpose(path, parted, 1, 2, 0, 3);
        List<String> parts = states == 1 ? List.of(ordered)
                : graph.nodes(path, "Split", states, List.of(ordered), attribute("axis", 0L));
        return parts.stream().map(part -> graph.node(path, "Squeeze", List.of(part, graph.longs(path + "/state", 0))))
                .toList();
    }
}
