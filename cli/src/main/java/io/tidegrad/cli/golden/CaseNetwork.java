package io.tidegrad.cli.golden;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Tanh;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A case's layers as the engine's tree. A case names what each layer reads, so that it may be any graph without cycles;
/// the engine takes those in which no layer with weights is read twice.
final class CaseNetwork {
    private static final Set<String> KNOWN =
            Set.of("dense", "embedding", "concat", "flatten", "relu", "sigmoid", "tanh", "softmax");

    /// What works on the last axis alone: more axes before it are more rows.
    private static final Set<String> LAST_AXIS =
            Set.of("dense", "relu", "sigmoid", "tanh", "softmax");

    private final RowColumns columns;
    private final Embedding.Update update;
    private final Map<String, Value> values = new HashMap<>();
    private final Map<Layer, Weights> weights = new IdentityHashMap<>();
    private final Map<String, Parameter> parameters = new LinkedHashMap<>();
    private final Value output;

    /// What a layer puts out for one row.
    ///
    /// @param chain the layers that make it of the row; empty for integers, which only an embedding reads
    /// @param shape of its values, which lie flat
    /// @param source type of the layer that made it, name of the input that it is
    private record Value(List<Layer> chain, List<Integer> shape, String source) {
        Value then(Layer layer, List<Integer> newShape, String type) {
            List<Layer> longer = new ArrayList<>(chain);
            longer.add(layer);
            return new Value(longer, newShape, type);
        }

        boolean isIntegers() {
            return chain.isEmpty();
        }

        Layer layer() {
            return chain.size() == 1 ? chain.getFirst() : new Sequence(chain);
        }
    }

    /// The parameters of a layer of the case.
    private record Weights(String layer, List<Integer> shape, boolean transposed, boolean bias) {}

    /// Where a parameter of the case lies in the plan.
    ///
    /// @param tensor its name there
    /// @param shape in the case's layout
    /// @param transposed whether the plan has its axes the other way round: (inputs, outputs) for [out, in]
    record Parameter(String tensor, List<Integer> shape, boolean transposed) {
        float[] toPlan(float[] values) {
            return transposed ? transposed(values, shape.getFirst(), shape.getLast()) : values;
        }

        float[] fromPlan(float[] values) {
            return transposed ? transposed(values, shape.getLast(), shape.getFirst()) : values;
        }

        private static float[] transposed(float[] values, int rows, int columns) {
            float[] transposed = new float[values.length];
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < columns; column++) {
                    transposed[column * rows + row] = values[row * columns + column];
                }
            }
            return transposed;
        }
    }

    /// @param first the input that the first layer reads unless it names another
    CaseNetwork(List<Fields> layers, String first, RowColumns columns, Embedding.Update update) {
        this.columns = columns;
        this.update = update;
        Value last = null;
        for (Fields layer : layers) {
            last = value(layer, first, last);
        }
        output = last == null ? named(first) : last;
        place(network(), "");
        for (Weights layer : weights.values()) {
            if (!parameters.containsKey(layer.layer + ".weight")) {
                throw new UnsupportedException("layer " + layer.layer + ", which nothing reads");
            }
        }
    }

    /// Asked first, for this reason tells people most.
    ///
    /// @throws UnsupportedException naming the first layer that the engine doesn't have
    static List<Fields> layers(Fields spec) {
        List<Fields> layers = spec.objects("layers");
        for (Fields layer : layers) {
            if (!KNOWN.contains(layer.text("type"))) {
                throw new UnsupportedException("layer " + layer.text("type"));
            }
        }
        return layers;
    }

    /// Whether axes between the first and the last can be taken for rows, because no layer looks across them.
    static boolean worksOnLastAxis(List<Fields> layers) {
        List<String> types = layers.stream().map(layer -> layer.text("type")).toList();
        return LAST_AXIS.containsAll(types)
                && (types.contains("dense") || types.contains("softmax"));
    }

    Layer network() {
        return output.layer();
    }

    List<Integer> outputShape() {
        return output.shape;
    }

    /// Of the layer that puts out the network's output.
    String lastType() {
        return output.source;
    }

    /// Name in the case (`fc1.weight`) → where it lies in the plan.
    Map<String, Parameter> parameters() {
        return parameters;
    }

    /// Name of the table in the case → its layer.
    Map<String, Embedding> embeddings() {
        Map<String, Embedding> embeddings = new LinkedHashMap<>();
        weights.forEach(
                (layer, own) -> {
                    if (layer instanceof Embedding embedding) {
                        embeddings.put(own.layer + ".weight", embedding);
                    }
                });
        return embeddings;
    }

    private Value value(Fields layer, String first, @Nullable Value previous) {
        String type = layer.text("type");
        String name = layer.text("name", type);
        List<Value> read = new ArrayList<>();
        if (layer.has("inputs")) {
            for (String input : layer.texts("inputs")) {
                read.add(named(input));
            }
        } else {
            read.add(previous == null ? named(first) : previous);
        }
        Value x = read.getFirst();
        if (read.size() > 1 && !type.equals("concat")) {
            throw new UnsupportedException("layer " + type + " with " + read.size() + " inputs");
        }
        if (read.stream().anyMatch(Value::isIntegers) && !type.equals("embedding")) {
            throw new UnsupportedException("layer " + type + " on integers");
        }
        Value y =
                switch (type) {
                    case "dense" -> dense(layer, name, x);
                    case "embedding" -> embedding(layer, name, x);
                    case "concat" -> concat(read);
                    case "flatten" -> new Value(x.chain, List.of(Tensor.product(x.shape)), type);
                    case "relu" -> x.then(new Relu(), x.shape, type);
                    case "sigmoid" -> x.then(new Sigmoid(), x.shape, type);
                    case "tanh" -> x.then(new Tanh(), x.shape, type);
                    case "softmax" -> {
                        width(type, x);
                        yield x.then(new Softmax(), x.shape, type);
                    }
                    default -> throw new IllegalStateException("layer " + type);
                };
        layer.requireAllRead();
        if (layer.has("name") && values.put(name, y) != null) {
            throw new GoldenException("spec.layers: two layers are called " + name);
        }
        return y;
    }

    /// An input of the case or an earlier layer.
    private Value named(String name) {
        Value value = values.get(name);
        if (value != null) {
            return value;
        }
        Tensor input = columns.input(name);
        Layer reader = new Numbers(columns.from(name), input.rowLength());
        return new Value(input.integers() ? List.of() : List.of(reader), input.rowShape(), name);
    }

    private static int width(String type, Value x) {
        if (x.shape.size() != 1) {
            throw new UnsupportedException(
                    "layer " + type + " on the last axis of " + x.shape + " in each row");
        }
        return x.shape.getFirst();
    }

    private Value dense(Fields layer, String name, Value x) {
        int inputs = layer.count("in");
        int outputs = layer.count("out");
        boolean bias = layer.flag("bias", true);
        if (inputs != width("dense", x)) {
            throw new GoldenException(
                    "layer " + name + ": in is " + inputs + ", but it reads " + x.shape);
        }
        Dense dense = new Dense(outputs, bias, Initialization.HE_UNIFORM);
        weights.put(dense, new Weights(name, List.of(outputs, inputs), true, bias));
        return x.then(dense, List.of(outputs), "dense");
    }

    private Value embedding(Fields layer, String name, Value x) {
        int rows = layer.count("num");
        int dimension = layer.count("dim");
        if (!x.isIntegers()) {
            throw new GoldenException("layer " + name + ": expected to read an input of dtype i32");
        }
        int ids = Tensor.product(x.shape);
        Embedding embedding = new Embedding(columns.from(x.source), ids, rows, dimension, update);
        weights.put(embedding, new Weights(name, List.of(rows, dimension), false, false));
        List<Integer> shape = new ArrayList<>(x.shape);
        shape.add(dimension);
        return new Value(List.of(embedding), shape, "embedding");
    }

    private static Value concat(List<Value> read) {
        int width = 0;
        for (Value value : read) {
            width += width("concat", value);
        }
        return new Value(
                List.of(new Concat(read.stream().map(Value::layer).toList())),
                List.of(width),
                "concat");
    }

    /// Finds each layer's place in the tree, from which the plan makes its tensors' names.
    private void place(Layer layer, String path) {
        List<Layer> inner = layer.layers();
        for (int i = 0; i < inner.size(); i++) {
            place(inner.get(i), path + i + ".");
        }
        Weights own = weights.get(layer);
        if (own != null) {
            add(own.layer + ".weight", new Parameter(path + "weight", own.shape, own.transposed));
            if (own.bias) {
                List<Integer> shape = List.of(own.shape.getFirst());
                add(own.layer + ".bias", new Parameter(path + "bias", shape, false));
            }
        }
    }

    private void add(String name, Parameter parameter) {
        if (parameters.put(name, parameter) != null) {
            throw new UnsupportedException(name + ", which is read twice");
        }
    }
}
