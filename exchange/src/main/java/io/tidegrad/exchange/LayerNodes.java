package io.tidegrad.exchange;

import static io.tidegrad.exchange.OnnxGraph.attribute;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import io.tidegrad.engine.layer.AveragePool2d;
import io.tidegrad.engine.layer.BatchNorm;
import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Dropout;
import io.tidegrad.engine.layer.Elu;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.FromRow;
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.InputBound;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.LearnedCross;
import io.tidegrad.engine.layer.LeakyRelu;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.OwnOptimizer;
import io.tidegrad.engine.layer.Planner;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.RmsNorm;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Silu;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Softplus;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Sum;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Transpose;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.RowShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Translates each layer to nodes of an `OnnxGraph`. Values between layers have the batch axis, then the layer's axes,
/// in row-major order, independent of the engine's layout in memory.
record LayerNodes(OnnxGraph graph, Parameters parameters) {
    static final String NUMBERS = "numbers";
    static final String IDS = "ids";

    /// The engine's `Standardise` keeps a count, means, then sums of squared differences.
    private static final int MEANS_AT = 1;

    /// The input or output of a layer.
    ///
    /// @param name the value's name in the graph; empty for the row itself, which is the graph's inputs
    record Value(String name, Shape shape) {
    }

    /// @param path the layer's place as written by `Planner`
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
            case OwnOptimizer own -> of(own.layer(), layer.place(path, 0), x).name();
            case InputBound bound -> of(bound.layer(), layer.place(path, 0), x).name();
            case FromRow(Layer inner) -> of(inner, layer.place(path, 0), row()).name();
            case Sum(List<Layer> layers) -> {
                String sum = of(layers.getFirst(), layer.place(path, 0), x).name();
                for (int i = 1; i < layers.size(); i++) {
                    sum = graph.node(path, "Add", List.of(sum, of(layers.get(i), layer.place(path, i), x).name()));
                }
                yield sum;
            }
            case Mixture mixture -> new RecipeNodes(graph, parameters, this).mixture(mixture, path, x);
            case RunningScale scale -> new RecipeNodes(graph, parameters, this).runningScale(scale, path, x);
            case Identity identity -> x.name();
            case Numbers(int from, int count) -> slice(path, NUMBERS, from, count);
            case History history -> throw new NotExpressibleException("layer " + path
                    + " remembers what came before, per key (a history in the spec): an ONNX model has no state"
                    + " that its inputs change; serve this model with a scorer");
            case Quantiles quantiles -> quantiles(quantiles, path);
            case Vocabulary vocabulary -> vocabulary(vocabulary, path);
            case LearnedCross cross -> new CrossNodes(graph, parameters, this).of(cross, path);
            case Embedding embedding -> embedding(embedding, path);
            case Standardise(double clip) -> standardise(clip, path, x);
            case Reshape(List<Integer> axes) -> reshape(path, x.name(), axes);
            case Flatten flatten -> flatten(path, x.name());
            case Transpose transpose -> transpose(path, x.name(), 0, 2, 1);
            case Dense dense -> dense(dense, path, x);
            case Relu relu -> graph.node(path, "Relu", List.of(x.name()));
            case Sigmoid sigmoid -> graph.node(path, "Sigmoid", List.of(x.name()));
            case Tanh tanh -> graph.node(path, "Tanh", List.of(x.name()));
            case Softmax softmax -> softmax(path, x.name());
            case LeakyRelu(double slope) ->
                graph.node(path, "LeakyRelu", List.of(x.name()), attribute("alpha", (float) slope));
            case Elu(double alpha) -> graph.node(path, "Elu", List.of(x.name()), attribute("alpha", (float) alpha));
            case Gelu(Gelu.Form form) -> gelu(form, path, x.name());
            case Silu silu -> {
                String gate = graph.node(path, "Sigmoid", List.of(x.name()));
                yield graph.node(path, "Mul", List.of(x.name(), gate));
            }
            case Softplus softplus -> graph.node(path, "Softplus", List.of(x.name()));
            case Bias bias -> graph.node(path, "Add", List.of(x.name(), vector(child(path, "bias"))));
            case EmbeddingBag bag -> embeddingBag(bag, path);
            case Conv2d conv -> convolution(path, x.name(), conv.channels(), conv.bias(), sides(conv.kernel()),
                    sides(conv.stride()), sides(conv.padding()));
            case Conv1d conv -> convolution(path, x.name(), conv.channels(), conv.bias(), new long[]{conv.kernel()},
                    new long[]{conv.stride()}, new long[]{conv.padding()});
            case MaxPool2d pool -> pooling("MaxPool", path, x, pool.kernel(), pool.stride(), pool.padding());
            case AveragePool2d pool -> pooling("AveragePool", path, x, pool.kernel(), pool.stride(), pool.padding(),
                    attribute("count_include_pad", 1L));
            case GlobalAveragePool2d pool -> flatten(path, graph.node(path, "GlobalAveragePool", List.of(x.name())));
            case Recurrent recurrent -> new RecurrentNodes(graph, parameters, this).of(recurrent, path, x.name());
            case LayerNorm(double epsilon) -> layerNorm(path, x, epsilon);
            case RmsNorm(double epsilon) -> rmsNorm(path, x.name(), epsilon);
            case BatchNorm norm -> graph.node(path, "BatchNormalization",
                    List.of(x.name(), vector(child(path, "weight")), vector(child(path, "bias")),
                            statistics(child(path, "running_mean")), statistics(child(path, "running_var"))),
                    attribute("epsilon", (float) norm.epsilon()));
            // Dropout is the identity in prediction.
            case Dropout dropout -> x.name();
            case Residual(Layer inner) ->
                graph.node(path, "Add", List.of(x.name(), of(inner, layer.place(path, 0), x).name()));
            case SelfAttention attention -> attention(attention, path, x);
        };
    }

    /// The row itself, which is the graph's inputs.
    private Value row() {
        RowShape row = parameters.plan().spec().row();
        return new Value("", new Shape.Row(row.numbers(), row.ids()));
    }

    String softmax(String path, String x) {
        return graph.node(path, "Softmax", List.of(x), attribute("axis", -1L));
    }

    /// A slice of columns of one of the graph's inputs.
    String slice(String path, String input, int from, int count) {
        return graph.node(path, "Slice", List.of(input, graph.longs(path + "/from", from),
                graph.longs(path + "/to", from + count), graph.longs(path + "/axes", 1)));
    }

    private String embedding(Embedding embedding, String path) {
        String weight = child(path, "weight");
        String table = graph.floats(weight, parameters.weights(weight), embedding.rows(), embedding.dimension());
        String ids = slice(path, IDS, embedding.from(), embedding.columns());
        String vectors = graph.node(path, "Gather", List.of(table, ids), attribute("axis", 0L));
        return reshape(path, vectors, List.of(embedding.columns() * embedding.dimension()));
    }

    /// The bucket of the number, or that of a missing one, selects a row of the table.
    private String quantiles(Quantiles quantiles, String path) {
        String weight = child(path, "weight");
        String table = graph.floats(weight, parameters.weights(weight), quantiles.buckets() + 1, quantiles.dimension());
        String id = bucket(quantiles, path, path, quantiles.numberAt(), quantiles.missingAt());
        String vectors = graph.node(path, "Gather", List.of(table, id), attribute("axis", 0L));
        return reshape(path, vectors, List.of(quantiles.dimension()));
    }

    /// How many bounds, which are constants here, are not above the number; of a missing number the number of buckets.
    ///
    /// @param of the place of the quantiles
    String bucket(Quantiles quantiles, String of, String path, int numberAt, int missingAt) {
        double[] bounds = new double[quantiles.buckets() - 1];
        Quantiles.bounds(parameters.statistics(child(of, "statistics")), quantiles.buckets(), bounds);
        String number = cast(path, slice(path, NUMBERS, numberAt, 1), TensorProto.DataType.DOUBLE);
        String isReached = graph.node(path, "GreaterOrEqual",
                List.of(number, graph.doubles(path + "/bounds", bounds, bounds.length)));
        String bucket = graph.node(path, "ReduceSum",
                List.of(cast(path, isReached, TensorProto.DataType.INT64), graph.longs(path + "/each", 1)));
        if (missingAt == Quantiles.NEVER_MISSING) {
            return bucket;
        }
        String isMissing = cast(path, slice(path, IDS, missingAt, 1), TensorProto.DataType.BOOL);
        return graph.node(path, "Where",
                List.of(isMissing, graph.longs(path + "/missing", quantiles.buckets()), bucket));
    }

    /// The row of the value selects a row of the table.
    private String vocabulary(Vocabulary vocabulary, String path) {
        String weight = child(path, "weight");
        String table =
                graph.floats(weight, parameters.weights(weight), vocabulary.capacity() + 1, vocabulary.dimension());
        String row = rowOfValue(vocabulary, path, path, vocabulary.keyAt());
        String vectors = graph.node(path, "Gather", List.of(table, row), attribute("axis", 0L));
        return reshape(path, vectors, List.of(vocabulary.dimension()));
    }

    /// The values that have a row are constants here: the number of the one that the ids equal, and 0 for all others.
    ///
    /// @param of the place of the vocabulary
    String rowOfValue(Vocabulary vocabulary, String of, String path, int keyAt) {
        List<Long> firsts = new ArrayList<>();
        List<Long> seconds = new ArrayList<>();
        List<Long> rows = new ArrayList<>();
        vocabulary.forEachRow(parameters.weights(child(of, "vocabulary")), (first, second, row) -> {
            firsts.add((long) first);
            seconds.add((long) second);
            rows.add((long) row);
        });
        if (rows.isEmpty()) {
            // Nothing can be found, but the node wants something to look for.
            firsts.add(0L);
            seconds.add(0L);
            rows.add(0L);
        }
        String isFirst =
                graph.node(path, "Equal", List.of(slice(path, IDS, keyAt, 1), constants(path + "/first", firsts)));
        String isSecond = graph.node(path, "Equal",
                List.of(slice(path, IDS, keyAt + 1, 1), constants(path + "/second", seconds)));
        String isFound = cast(path, graph.node(path, "And", List.of(isFirst, isSecond)), TensorProto.DataType.INT64);
        return graph.node(path, "ReduceSum",
                List.of(graph.node(path, "Mul", List.of(isFound, constants(path + "/rows", rows))),
                        graph.longs(path + "/each", 1)));
    }

    private String constants(String name, List<Long> values) {
        return graph.longs(name, values.stream().mapToLong(value -> value).toArray());
    }

    /// Computes in doubles, like the engine, because next to a mean of 10^12 a float has no digits left. If the
    /// deviation is unknown, dividing by infinity gives the 0.
    private String standardise(double clip, String path, Value x) {
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
        return scaled(path, cast(path, x.name(), TensorProto.DataType.DOUBLE), means, deviations,
                Math.min(Math.sqrt(count), clip));
    }

    /// (x - mean) / deviation of doubles, held within ±limit, as floats.
    String scaled(String path, String x, double[] means, double[] deviations, double limit) {
        int width = means.length;
        String difference = graph.node(path, "Sub", List.of(x, graph.doubles(path + "/mean", means, width)));
        String scaled =
                graph.node(path, "Div", List.of(difference, graph.doubles(path + "/deviation", deviations, width)));
        String held = graph.node(path, "Clip", List.of(scaled, graph.doubles(path + "/least", new double[]{-limit}),
                graph.doubles(path + "/most", new double[]{limit})));
        return cast(path, held, TensorProto.DataType.FLOAT);
    }

    String cast(String path, String x, TensorProto.DataType type) {
        return graph.node(path, "Cast", List.of(x), attribute("to", (long) type.getNumber()));
    }

    private String dense(Dense dense, String path, Value x) {
        String product = graph.node(path, "MatMul", List.of(x.name(), matrix(child(path, "weight"), dense.outputs())));
        return dense.bias() ? graph.node(path, "Add", List.of(product, vector(child(path, "bias")))) : product;
    }

    /// Handles lines of one number, which equals its own mean, separately, because ONNX Runtime refuses to normalise
    /// them.
    private String layerNorm(String path, Value x, double epsilon) {
        String bias = vector(child(path, "bias"));
        if (((Shape.Grid) x.shape()).axes().getLast() == 1) {
            String nothing = graph.node(path, "Sub", List.of(x.name(), x.name()));
            return graph.node(path, "Add", List.of(nothing, bias));
        }
        return graph.node(path, "LayerNormalization", List.of(x.name(), vector(child(path, "weight")), bias),
                attribute("epsilon", (float) epsilon));
    }

    /// x / sqrt(mean of x² + epsilon) · weight
    private String rmsNorm(String path, String x, double epsilon) {
        String squares = graph.node(path, "Mul", List.of(x, x));
        String mean = graph.node(path, "ReduceMean", List.of(squares), attribute("axes", new long[]{-1}));
        String shifted = graph.node(path, "Add", List.of(mean, scalar(path + "/epsilon", (float) epsilon)));
        String root = graph.node(path, "Sqrt", List.of(shifted));
        String normal = graph.node(path, "Div", List.of(x, root));
        return graph.node(path, "Mul", List.of(normal, vector(child(path, "weight"))));
    }

    /// softmax(q kᵀ / sqrt(d)) v for concatenated heads, between the input and output projections.
    private String attention(SelfAttention attention, String path, Value x) {
        List<Integer> axes = ((Shape.Grid) x.shape()).axes();
        int steps = axes.getFirst();
        int width = axes.getLast();
        int heads = attention.heads();
        int headWidth = width / heads;
        String projected =
                affine(path, x.name(), matrix(child(path, "in_proj_weight"), 3 * width), child(path, "in_proj_bias"));
        List<String> parts = graph.nodes(path, "Split", 3, List.of(projected), attribute("axis", -1L));
        List<Integer> split = List.of(steps, heads, headWidth);
        String q = transpose(path, reshape(path, parts.get(0), split), 0, 2, 1, 3);
        String k = transpose(path, reshape(path, parts.get(1), split), 0, 2, 3, 1);
        String v = transpose(path, reshape(path, parts.get(2), split), 0, 2, 1, 3);
        String products = graph.node(path, "MatMul", List.of(q, k));
        String scores = graph.node(path, "Mul",
                List.of(products, scalar(path + "/factor", (float) (1 / Math.sqrt(headWidth)))));
        if (attention.causal()) {
            float[] hidden = new float[steps * steps];
            for (int step = 0; step < steps; step++) {
                Arrays.fill(hidden, step * steps + step + 1, (step + 1) * steps, Float.NEGATIVE_INFINITY);
            }
            scores = graph.node(path, "Add", List.of(scores, graph.floats(path + "/hidden", hidden, steps, steps)));
        }
        String seen = graph.node(path, "MatMul", List.of(softmax(path, scores), v));
        String joined = reshape(path, transpose(path, seen, 0, 2, 1, 3), List.of(steps, width));
        return affine(path, joined, matrix(child(path, "out_proj_weight"), width), child(path, "out_proj_bias"));
    }

    private String affine(String path, String x, String weight, String bias) {
        return graph.node(path, "Add", List.of(graph.node(path, "MatMul", List.of(x, weight)), vector(bias)));
    }

    private String scalar(String name, float value) {
        return graph.floats(name, new float[]{value});
    }

    private String statistics(String name) {
        double[] values = parameters.statistics(name);
        float[] rounded = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            rounded[i] = (float) values[i];
        }
        return graph.floats(name, rounded, rounded.length);
    }

    private static long[] sides(Extent extent) {
        return new long[]{extent.height(), extent.width()};
    }

    /// The kernel's rows are (places, input channels), ONNX wants (output channels, input channels, places).
    private String convolution(String path, String x, int outputs, boolean bias, long[] kernel, long[] stride,
            long[] padding) {
        float[] values = parameters.weights(child(path, "weight"));
        int axes = kernel.length;
        long[] shape = Arrays.copyOf(kernel, axes + 2);
        long[] order = new long[axes + 2];
        shape[axes + 1] = outputs;
        shape[axes] = values.length / outputs / Arrays.stream(kernel).reduce(1, (a, b) -> a * b);
        order[0] = axes + 1L;
        order[1] = axes;
        for (int axis = 0; axis < axes; axis++) {
            order[2 + axis] = axis;
        }
        String weight = transpose(path, graph.floats(child(path, "weight"), values, shape), order);
        List<String> inputs = bias ? List.of(x, weight, vector(child(path, "bias"))) : List.of(x, weight);
        return graph.node(path, "Conv", inputs, attribute("kernel_shape", kernel), attribute("strides", stride),
                attribute("pads", twice(padding)));
    }

    private String pooling(String operator, String path, Value x, Extent kernel, Extent stride, Extent padding,
            AttributeProto... more) {
        List<AttributeProto> attributes = new ArrayList<>(List.of(attribute("kernel_shape", sides(kernel)),
                attribute("strides", sides(stride)), attribute("pads", twice(sides(padding)))));
        attributes.addAll(List.of(more));
        return graph.node(path, operator, List.of(x.name()), attributes.toArray(AttributeProto[]::new));
    }

    /// The padding at the beginning of each axis, then at the end of each axis.
    private static long[] twice(long[] padding) {
        long[] both = Arrays.copyOf(padding, 2 * padding.length);
        System.arraycopy(padding, 0, both, padding.length, padding.length);
        return both;
    }

    private String flatten(String path, String x) {
        return graph.node(path, "Flatten", List.of(x));
    }

    /// x / 2 · (1 + erf(x / sqrt 2)), or its tanh approximation, from simpler nodes, because the operator Gelu is newer
    /// than `OPSET`.
    private String gelu(Gelu.Form form, String path, String x) {
        String bend = switch (form) {
            case ERF -> graph.node(path, "Erf", List.of(times(path, x, (float) Math.sqrt(0.5))));
            case TANH -> {
                String square = graph.node(path, "Mul", List.of(x, x));
                String cube = graph.node(path, "Mul", List.of(square, x));
                String inner = graph.node(path, "Add", List.of(x, times(path, cube, 0.044715f)));
                yield graph.node(path, "Tanh", List.of(times(path, inner, (float) Math.sqrt(2 / Math.PI))));
            }
        };
        String sum = graph.node(path, "Add", List.of(bend, scalar(path + "/one", 1)));
        return graph.node(path, "Mul", List.of(times(path, x, 0.5f), sum));
    }

    private String times(String path, String x, float factor) {
        return graph.node(path, "Mul", List.of(x, scalar(path + "/factor", factor)));
    }

    /// Ids after a row's count can have any value, so they are replaced by 0, and their table row gets weight 0.
    private String embeddingBag(EmbeddingBag bag, String path) {
        String weight = child(path, "weight");
        String table = graph.floats(weight, parameters.weights(weight), bag.rows(), bag.dimension());
        String ids = slice(path, IDS, bag.from(), bag.columns());
        String factors = bag.weightsFrom() == EmbeddingBag.UNWEIGHTED ? ""
                : slice(path, NUMBERS, bag.weightsFrom(), bag.columns());
        String count = "";
        if (bag.countAt() != EmbeddingBag.ALL) {
            long[] places = new long[bag.columns()];
            Arrays.setAll(places, place -> place);
            count = slice(path, IDS, bag.countAt(), 1);
            String counts = graph.node(path, "Less", List.of(graph.longs(path + "/places", places), count));
            ids = graph.node(path, "Where", List.of(counts, ids, graph.longs(path + "/first", 0)));
            factors = factors.isEmpty() ? cast(path, counts, TensorProto.DataType.FLOAT)
                    : graph.node(path, "Where", List.of(counts, factors, scalar(path + "/none", 0)));
        }
        String vectors = graph.node(path, "Gather", List.of(table, ids), attribute("axis", 0L));
        if (!factors.isEmpty()) {
            String column = graph.node(path, "Unsqueeze", List.of(factors, graph.longs(path + "/last", 2)));
            vectors = graph.node(path, "Mul", List.of(vectors, column));
        }
        String sum = graph.node(path, "ReduceSum", List.of(vectors, graph.longs(path + "/bag", 1)),
                attribute("keepdims", 0L));
        return switch (bag.mode()) {
            case SUM -> sum;
            case MEAN -> graph.node(path, "Div", List.of(sum, divisor(path, count, bag.columns())));
            case ROOT -> graph.node(path, "Div",
                    List.of(sum, graph.node(path, "Sqrt", List.of(divisor(path, count, bag.columns())))));
        };
    }

    /// The number of a bag's vectors: at least 1, so that an empty bag gives 0, not 0 / 0.
    private String divisor(String path, String count, int columns) {
        if (count.isEmpty()) {
            return scalar(path + "/count", columns);
        }
        String least = graph.node(path, "Max", List.of(count, graph.longs(path + "/least", 1)));
        return cast(path, least, TensorProto.DataType.FLOAT);
    }

    /// A constant with a tensor's weights, as a matrix with `columns` columns.
    private String matrix(String name, int columns) {
        float[] values = parameters.weights(name);
        return graph.floats(name, values, values.length / columns, columns);
    }

    private String vector(String name) {
        float[] values = parameters.weights(name);
        return graph.floats(name, values, values.length);
    }

    String transpose(String path, String x, long... order) {
        return graph.node(path, "Transpose", List.of(x), attribute("perm", order));
    }

    /// Reshapes x to `axes`; the 0 before them keeps the batch axis, whatever its size.
    String reshape(String path, String x, List<Integer> axes) {
        long[] shape = new long[1 + axes.size()];
        for (int i = 0; i < axes.size(); i++) {
            shape[1 + i] = axes.get(i);
        }
        return graph.node(path, "Reshape", List.of(x, graph.longs(path + "/shape", shape)));
    }

    Shape output(Layer layer, Shape input) {
        RowShape row = parameters.plan().spec().row();
        Planner scratch = new Planner(new Shape.Row(row.numbers(), row.ids()));
        return layer.plan(scratch, input).output();
    }

    static String child(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }
}
