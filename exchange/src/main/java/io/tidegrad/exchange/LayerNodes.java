package io.tidegrad.exchange;

import static io.tidegrad.exchange.OnnxGraph.attribute;

import ai.onnx.proto.OnnxMl.TensorProto;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Planner;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Transpose;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.RowShape;
import java.util.ArrayList;
import java.util.List;

/// Each layer as nodes of an `OnnxGraph`. What lies between layers has the layer's own axes behind the batch axis,
/// row-major, however the engine lays it out in memory.
final class LayerNodes {
    static final String NUMBERS = "numbers";
    static final String IDS = "ids";

    /// The engine's `Standardise` keeps a count, means, then sums of squared differences.
    private static final int MEANS_AT = 1;

    private final OnnxGraph graph;
    private final Parameters parameters;

    LayerNodes(OnnxGraph graph, Parameters parameters) {
        this.graph = graph;
        this.parameters = parameters;
    }

    /// What a layer reads or puts out.
    ///
    /// @param name of the value in the graph; empty for the row itself, which is the graph's inputs
    record Value(String name, Shape shape) {}

    /// @param path of the layer as `Planner` writes it
    Value of(Layer layer, String path, Value x) {
        return new Value(nodes(layer, path, x), output(layer, x.shape()));
    }

    private String nodes(Layer layer, String path, Value x) {
        return switch (layer) {
            case Sequence(List<Layer> layers) -> {
                Value y = x;
                for (int i = 0; i < layers.size(); i++) {
                    y = of(layers.get(i), layer.place(path, i), y);
                }
                yield y.name();
            }
            case Concat(List<Layer> layers) -> {
                List<String> branches = new ArrayList<>();
                for (int i = 0; i < layers.size(); i++) {
                    branches.add(of(layers.get(i), layer.place(path, i), x).name());
                }
                yield graph.node(path, "Concat", branches, attribute("axis", -1L));
            }
            case Rate rate -> of(rate.layer(), layer.place(path, 0), x).name();
            case Identity identity -> x.name();
            case Numbers(int from, int count) -> slice(path, NUMBERS, from, count);
            case Embedding embedding -> embedding(embedding, path);
            case Standardise standardise -> standardise(path, x);
            case Reshape(List<Integer> axes) -> reshape(path, x.name(), axes);
            case Flatten flatten -> graph.node(path, "Flatten", List.of(x.name()));
            case Transpose transpose -> transpose(path, x.name(), 0, 2, 1);
            case Dense dense -> dense(dense, path, x);
            case Relu relu -> graph.node(path, "Relu", List.of(x.name()));
            case Sigmoid sigmoid -> graph.node(path, "Sigmoid", List.of(x.name()));
            case Tanh tanh -> graph.node(path, "Tanh", List.of(x.name()));
            case Softmax softmax -> softmax(path, x.name());
        };
    }

    String softmax(String path, String x) {
        return graph.node(path, "Softmax", List.of(x), attribute("axis", -1L));
    }

    /// Columns of one of the graph's inputs.
    private String slice(String path, String input, int from, int count) {
        return graph.node(
                path,
                "Slice",
                List.of(
                        input,
                        graph.longs(path + "/from", from),
                        graph.longs(path + "/to", from + count),
                        graph.longs(path + "/axes", 1)));
    }

    private String embedding(Embedding embedding, String path) {
        String weight = child(path, "weight");
        String table =
                graph.floats(
                        weight,
                        parameters.weights(weight),
                        embedding.rows(),
                        embedding.dimension());
        String ids = slice(path, IDS, embedding.from(), embedding.columns());
        String vectors = graph.node(path, "Gather", List.of(table, ids), attribute("axis", 0L));
        return reshape(path, vectors, List.of(embedding.columns() * embedding.dimension()));
    }

    /// In doubles, as the engine does it: a mean of 10^12 would leave a float nothing. Where nothing is known, division by
    /// infinity makes the 0.
    private String standardise(String path, Value x) {
        double[] statistics = parameters.statistics(child(path, "statistics"));
        int width = (statistics.length - MEANS_AT) / 2;
        double count = statistics[0];
        double[] means = new double[width];
        double[] deviations = new double[width];
        for (int column = 0; column < width; column++) {
            double squares = statistics[MEANS_AT + width + column];
            double deviation = count < 2 ? 0 : Math.sqrt(squares / count);
            means[column] = statistics[MEANS_AT + column];
            deviations[column] = deviation > 0 ? deviation : Double.POSITIVE_INFINITY;
        }
        double limit = Math.sqrt(count);
        String wide = cast(path, x.name(), TensorProto.DataType.DOUBLE);
        String difference =
                graph.node(path, "Sub", List.of(wide, graph.doubles(path + "/mean", means, width)));
        String scaled =
                graph.node(
                        path,
                        "Div",
                        List.of(difference, graph.doubles(path + "/deviation", deviations, width)));
        String held =
                graph.node(
                        path,
                        "Clip",
                        List.of(
                                scaled,
                                graph.doubles(path + "/least", new double[] {-limit}),
                                graph.doubles(path + "/most", new double[] {limit})));
        return cast(path, held, TensorProto.DataType.FLOAT);
    }

    private String cast(String path, String x, TensorProto.DataType type) {
        return graph.node(path, "Cast", List.of(x), attribute("to", (long) type.getNumber()));
    }

    private String dense(Dense dense, String path, Value x) {
        String product =
                graph.node(
                        path,
                        "MatMul",
                        List.of(x.name(), matrix(child(path, "weight"), dense.outputs())));
        return dense.bias()
                ? graph.node(path, "Add", List.of(product, vector(child(path, "bias"))))
                : product;
    }

    /// A tensor with so many columns.
    private String matrix(String name, int columns) {
        float[] values = parameters.weights(name);
        return graph.floats(name, values, values.length / columns, columns);
    }

    private String vector(String name) {
        float[] values = parameters.weights(name);
        return graph.floats(name, values, values.length);
    }

    private String transpose(String path, String x, long... order) {
        return graph.node(path, "Transpose", List.of(x), attribute("perm", order));
    }

    /// 0 keeps the batch axis, whatever its size.
    private String reshape(String path, String x, List<Integer> axes) {
        long[] shape = new long[1 + axes.size()];
        for (int i = 0; i < axes.size(); i++) {
            shape[1 + i] = axes.get(i);
        }
        return graph.node(path, "Reshape", List.of(x, graph.longs(path + "/shape", shape)));
    }

    private Shape output(Layer layer, Shape input) {
        RowShape row = parameters.plan().spec().row();
        Planner scratch = new Planner(new Shape.Row(row.numbers(), row.ids()));
        return layer.plan(scratch, input).output();
    }

    private static String child(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }
}
