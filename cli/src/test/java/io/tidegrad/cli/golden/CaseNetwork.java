package io.tidegrad.cli.golden;

import io.tidegrad.engine.layer.AveragePool2d;
import io.tidegrad.engine.layer.BatchNorm;
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
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.LeakyRelu;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Planner;
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
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Transpose;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A case's layers as the engine's tree. A case names what each layer reads, so that it may be any graph without
/// cycles; the engine takes those in which branches that share layers meet again in one concat.
final class CaseNetwork {
    private final CaseInputs inputs;
    private final Embedding.Update update;
    private final Map<String, Value> values = new HashMap<>();
    private final Map<String, RecurrentLayer> recurrent = new HashMap<>();
    private final Map<Layer, List<Own>> owned = new IdentityHashMap<>();
    private final Map<String, Parameter> parameters = new LinkedHashMap<>();
    private final Map<String, String> buffers = new LinkedHashMap<>();
    private final Value output;
    private final @Nullable Value lastState;

    /// What a layer puts out for one row.
    ///
    /// @param chain the layers that make it of the row; empty for integers, which only an embedding reads
    /// @param source type of the layer that made it, name of the input that it is
    private record Value(List<Layer> chain, String source) {
        Value then(Layer layer, String type) {
            return new Value(append(chain, layer), type);
        }

        boolean isIntegers() {
            return chain.isEmpty();
        }

        Layer layer() {
            return chain.size() == 1 ? chain.getFirst() : new Sequence(chain);
        }
    }

    /// A recurrent layer, whose last state others may ask for.
    private record RecurrentLayer(Value input, Recurrent layer) {
        Value put(Recurrent.Output output, String type, Map<Layer, List<Own>> owned) {
            Recurrent other = new Recurrent(layer.cell(), layer.hidden(), layer.bidirectional(), output,
                    layer.lengthAt(), layer.initial());
            owned.put(other, owned.getOrDefault(layer, List.of()));
            return input.then(other, type);
        }
    }

    /// A parameter or buffer of a layer of the case.
    ///
    /// @param name in the case: `fc1.weight`
    /// @param tensor its last name in the plan
    /// @param shape in the case's layout
    private record Own(String name, String tensor, List<Integer> shape, Order order) {
    }

    /// How the plan orders a parameter's axes.
    private enum Order {
        AS_IT_IS,
        /// [out, in, axes of the kernel] becomes (axes of the kernel, in, out).
        OUTPUTS_LAST,
        /// No parameter: a buffer.
        BUFFER
    }

    /// Where a parameter of the case lies in the plan.
    ///
    /// @param tensor its name there
    /// @param shape in the case's layout
    /// @param places index in the plan → index in the case
    record Parameter(String tensor, List<Integer> shape, int[] places) {
        float[] toPlan(float[] values) {
            float[] ordered = new float[values.length];
            for (int i = 0; i < values.length; i++) {
                ordered[i] = values[places[i]];
            }
            return ordered;
        }

        float[] fromPlan(float[] values) {
            float[] ordered = new float[values.length];
            for (int i = 0; i < values.length; i++) {
                ordered[places[i]] = values[i];
            }
            return ordered;
        }
    }

    /// @param first the input that the first layer reads unless it names another
    CaseNetwork(List<Fields> layers, String first, CaseInputs inputs, Embedding.Update update) {
        this.inputs = inputs;
        this.update = update;
        Value last = null;
        for (Fields layer : layers) {
            last = value(layer, first, last);
        }
        output = last == null ? named(first) : last;
        String lastName = layers.isEmpty() ? "" : name(layers.getLast());
        lastState = recurrent.containsKey(lastName)
                ? recurrent.get(lastName).put(Recurrent.Output.STATE, output.source, owned) : null;
        place(network(), "");
        for (List<Own> own : owned.values()) {
            for (Own parameter : own) {
                if (parameter.order != Order.BUFFER && !parameters.containsKey(parameter.name)) {
                    throw new UnsupportedException("parameter " + parameter.name + ", which nothing reads");
                }
            }
        }
    }

    static List<Fields> layers(Fields spec) {
        return spec.objects("layers");
    }

    Layer network() {
        return output.layer();
    }

    /// A network with the same parameters that puts out a last recurrent layer's final state instead; null where the
    /// last layer is another.
    @Nullable
    Layer lastState() {
        return lastState == null ? null : lastState.layer();
    }

    boolean isLastBidirectional() {
        return output.chain.getLast() instanceof Recurrent last && last.bidirectional();
    }

    List<Integer> outputShape() {
        return shape(output);
    }

    /// Of the layer that puts out the network's output.
    String lastType() {
        return output.source;
    }

    /// Name in the case (`fc1.weight`) → where it lies in the plan.
    Map<String, Parameter> parameters() {
        return parameters;
    }

    /// Name in the case (`norm.running_mean`) → tensor of statistics in the plan.
    Map<String, String> buffers() {
        return buffers;
    }

    /// Name of the table in the case → its layer.
    Map<String, Embedding> embeddings() {
        Map<String, Embedding> embeddings = new LinkedHashMap<>();
        owned.forEach((layer, own) -> {
            if (layer instanceof Embedding embedding) {
                embeddings.put(own.getFirst().name, embedding);
            }
        });
        return embeddings;
    }

    private static <T> List<T> append(List<T> list, T last) {
        List<T> longer = new ArrayList<>(list);
        longer.add(last);
        return longer;
    }

    private static String name(Fields layer) {
        return layer.text("name", layer.text("type"));
    }

    private Value value(Fields layer, String first, @Nullable Value previous) {
        String type = layer.text("type");
        String name = name(layer);
        List<Value> read = new ArrayList<>();
        if (layer.has("inputs")) {
            for (String input : layer.texts("inputs")) {
                read.add(named(input));
            }
        } else {
            read.add(previous == null ? named(first) : previous);
        }
        if (read.size() > 1 && !type.equals("concat")) {
            throw new UnsupportedException("layer " + type + " with " + read.size() + " inputs");
        }
        boolean table = type.equals("embedding") || type.equals("embedding_bag");
        if (read.stream().anyMatch(Value::isIntegers) != table) {
            throw table ? new GoldenException("layer " + name + ": expected to read an input of dtype i32")
                    : new UnsupportedException("layer " + type + " on integers");
        }
        Value x = read.getFirst();
        Value y = switch (type) {
            case "embedding" -> embedding(layer, name, x);
            case "embedding_bag" -> embeddingBag(layer, name, x);
            case "concat" -> new Value(join(read.stream().map(Value::chain).toList()), type);
            case "rnn", "gru", "lstm" -> recurrent(layer, type, name, x);
            default -> x.then(layer(layer, type, name, x), type);
        };
        layer.requireAllRead();
        if (layer.has("name") && values.put(name, y) != null) {
            throw new GoldenException("spec.layers: two layers are called " + name);
        }
        return y;
    }

    /// Layers that read one value.
    private Layer layer(Fields layer, String type, String name, Value x) {
        return switch (type) {
            case "dense" -> dense(layer, name, x);
            case "relu" -> new Relu();
            case "sigmoid" -> new Sigmoid();
            case "tanh" -> new Tanh();
            case "silu" -> new Silu();
            case "softplus" -> new Softplus();
            case "softmax" -> new Softmax();
            case "leaky_relu" -> new LeakyRelu(layer.number("negative_slope"));
            case "elu" -> new Elu(layer.number("alpha"));
            case "gelu" -> new Gelu(switch (layer.text("form")) {
                case "erf" -> Gelu.Form.ERF;
                case "tanh" -> Gelu.Form.TANH;
                case String other -> throw new UnsupportedException("gelu of form " + other);
            });
            case "conv2d" -> conv2d(layer, name);
            case "conv1d" -> conv1d(layer, name);
            case "maxpool2d" ->
                new MaxPool2d(extent(layer, "kernel"), extent(layer, "stride"), extent(layer, "padding"));
            case "avgpool2d" ->
                new AveragePool2d(extent(layer, "kernel"), extent(layer, "stride"), extent(layer, "padding"));
            case "global_avgpool2d" -> new GlobalAveragePool2d();
            case "flatten" -> new Flatten();
            case "transpose" -> new Transpose();
            case "layer_norm" -> {
                Layer norm = new LayerNorm(layer.number("eps"));
                yield own(norm, scaleAndBias(layer, name));
            }
            case "rms_norm" -> {
                List<Integer> size = List.of(layer.count("size"));
                yield own(new RmsNorm(layer.number("eps")), new Own(name + ".weight", "weight", size, Order.AS_IT_IS));
            }
            case "batch_norm" -> batchNorm(layer, name);
            case "dropout" -> new Dropout(layer.number("p"), inputs.from(layer.text("mask")));
            case "self_attention" -> selfAttention(layer, name);
            case "residual" -> residual(layer, x);
            case "running_scale" -> runningScale(layer, name);
            case "mixture" -> mixture(layer, name, x);
            default -> throw new UnsupportedException("layer " + type);
        };
    }

    private Layer own(Layer layer, Own... own) {
        owned.put(layer, List.of(own));
        return layer;
    }

    private static Own[] scaleAndBias(Fields layer, String name) {
        List<Integer> size = List.of(layer.count("size"));
        return new Own[]{new Own(name + ".weight", "weight", size, Order.AS_IT_IS),
            new Own(name + ".bias", "bias", size, Order.AS_IT_IS)};
    }

    /// The weight, whose outputs come first in a case, and the bias if there is one.
    private Layer own(Layer layer, String name, List<Integer> shape, boolean bias) {
        Own weight = new Own(name + ".weight", "weight", shape, Order.OUTPUTS_LAST);
        if (!bias) {
            return own(layer, weight);
        }
        List<Integer> outputs = List.of(shape.getFirst());
        return own(layer, weight, new Own(name + ".bias", "bias", outputs, Order.AS_IT_IS));
    }

    private Layer dense(Fields layer, String name, Value x) {
        int in = layer.count("in");
        int out = layer.count("out");
        boolean bias = layer.flag("bias", true);
        requireLast(name, "in", in, x);
        return own(new Dense(out, bias, Initialization.HE_UNIFORM), name, List.of(out, in), bias);
    }

    private void requireLast(String name, String field, int expected, Value x) {
        if (shape(x).getLast() != expected) {
            throw new GoldenException(
                    "layer " + name + ": " + field + " is " + expected + ", but it reads " + shape(x));
        }
    }

    private Layer conv2d(Fields layer, String name) {
        int in = layer.count("in_channels");
        int out = layer.count("out_channels");
        Extent kernel = extent(layer, "kernel");
        boolean bias = layer.flag("bias", true);
        return own(new Conv2d(out, kernel, extent(layer, "stride"), extent(layer, "padding"), bias,
                Initialization.HE_UNIFORM), name, List.of(out, in, kernel.height(), kernel.width()), bias);
    }

    private Layer conv1d(Fields layer, String name) {
        int in = layer.count("in_channels");
        int out = layer.count("out_channels");
        int kernel = layer.count("kernel");
        boolean bias = layer.flag("bias", true);
        return own(
                new Conv1d(out, kernel, layer.count("stride"), layer.count("padding"), bias, Initialization.HE_UNIFORM),
                name, List.of(out, in, kernel), bias);
    }

    /// A number for both, or [height, width].
    private static Extent extent(Fields layer, String field) {
        List<Integer> found = layer.countOrCounts(field);
        if (found.size() > 2) {
            throw new GoldenException("layer " + name(layer) + ": expected " + field
                    + " as a number or as [height, width], found " + found);
        }
        return new Extent(found.getFirst(), found.getLast());
    }

    private Layer batchNorm(Fields layer, String name) {
        Layer norm = new BatchNorm(layer.number("eps"), layer.number("momentum"));
        List<Own> own = new ArrayList<>(List.of(scaleAndBias(layer, name)));
        for (String buffer : List.of("running_mean", "running_var")) {
            own.add(new Own(name + "." + buffer, buffer, own.getFirst().shape, Order.BUFFER));
        }
        return own(norm, own.toArray(Own[]::new));
    }

    private Layer selfAttention(Fields layer, String name) {
        int embed = layer.count("embed");
        return own(new SelfAttention(layer.count("heads"), layer.flag("causal", false)),
                new Own(name + ".in_proj_weight", "in_proj_weight", List.of(3 * embed, embed), Order.OUTPUTS_LAST),
                new Own(name + ".in_proj_bias", "in_proj_bias", List.of(3 * embed), Order.AS_IT_IS),
                new Own(name + ".out_proj_weight", "out_proj_weight", List.of(embed, embed), Order.OUTPUTS_LAST),
                new Own(name + ".out_proj_bias", "out_proj_bias", List.of(embed), Order.AS_IT_IS));
    }

    /// Its layers are a chain that nothing outside reads.
    private Layer residual(Fields layer, Value x) {
        return new Residual(chain(layer.objects("layers"), x));
    }

    /// The buffer has eight statistics of each value.
    private Layer runningScale(Fields layer, String name) {
        List<Integer> indicators = new ArrayList<>();
        for (double indicator : layer.numbers("indicators")) {
            indicators.add((int) indicator);
        }
        return own(new RunningScale(indicators),
                new Own(name + ".statistics", "statistics", List.of(8 * indicators.size()), Order.BUFFER));
    }

    /// The buffer has the members' weights and what goes with them.
    private Layer mixture(Fields layer, String name, Value x) {
        List<Layer> members = new ArrayList<>();
        for (List<Fields> member : layer.objectLists("members")) {
            members.add(chain(member, x));
        }
        Mixture.Target target = switch (layer.text("target")) {
            case "classes" -> Mixture.Target.CLASSES;
            case "yes_no" -> Mixture.Target.YES_NO;
            case "number" -> Mixture.Target.NUMBER;
            case String other -> throw new UnsupportedException("mixture of " + other);
        };
        return own(new Mixture(members, target, Mixture.NONE),
                new Own(name + ".weights", "weights", List.of(), Order.BUFFER));
    }

    /// Layers that nothing outside reads, one after the other.
    private Layer chain(List<Fields> layers, Value x) {
        List<Layer> chain = new ArrayList<>();
        for (Fields inner : layers) {
            String type = inner.text("type");
            if (inner.has("inputs")) {
                throw new UnsupportedException("inputs inside of a layer");
            }
            List<Layer> before = new ArrayList<>(x.chain);
            before.addAll(chain);
            chain.add(layer(inner, type, name(inner), new Value(before, type)));
            inner.requireAllRead();
        }
        return new Sequence(chain);
    }

    private Value embedding(Fields layer, String name, Value x) {
        int rows = layer.count("num");
        int dimension = layer.count("dim");
        List<Integer> shape = inputs.rowShape(x.source);
        int padding = layer.has("padding_index") ? layer.count("padding_index") : Embedding.NO_PADDING;
        Embedding embedding =
                new Embedding(inputs.from(x.source), Tensor.product(shape), rows, dimension, update, padding);
        ownTable(embedding, name, rows, dimension);
        Value vectors = x.then(embedding, "embedding");
        return shape.isEmpty() ? vectors : vectors.then(new Reshape(append(shape, dimension)), "embedding");
    }

    private Value embeddingBag(Fields layer, String name, Value x) {
        int rows = layer.count("num");
        int dimension = layer.count("dim");
        EmbeddingBag bag = new EmbeddingBag(inputs.from(x.source), Tensor.product(inputs.rowShape(x.source)),
                inputs.from(layer.text("offsets")), layer.has("weights") ? inputs.from(layer.text("weights")) : -1,
                rows, dimension, switch (layer.text("mode")) {
                    case "sum" -> EmbeddingBag.Mode.SUM;
                    case "mean" -> EmbeddingBag.Mode.MEAN;
                    case String other -> throw new UnsupportedException("bags of mode " + other);
                }, update);
        ownTable(bag, name, rows, dimension);
        return x.then(bag, "embedding_bag");
    }

    private void ownTable(Layer table, String name, int rows, int dimension) {
        own(table, new Own(name + ".weight", "weight", List.of(rows, dimension), Order.AS_IT_IS));
    }

    private Value recurrent(Fields layer, String type, String name, Value x) {
        int in = layer.count("in");
        int hidden = layer.count("hidden");
        boolean bidirectional = layer.flag("bidirectional", false);
        requireLast(name, "in", in, x);
        Recurrent.Cell cell = switch (type) {
            case "rnn" -> Recurrent.Cell.RNN;
            case "gru" -> Recurrent.Cell.GRU;
            default -> Recurrent.Cell.LSTM;
        };
        Recurrent.Output put = switch (layer.text("return", "sequence")) {
            case "sequence" -> Recurrent.Output.SEQUENCE;
            case "last" -> Recurrent.Output.LAST;
            case String other -> throw new UnsupportedException("return " + other);
        };
        Recurrent recurrentLayer = new Recurrent(cell, hidden, bidirectional, put,
                layer.has("lengths") ? inputs.from(layer.text("lengths")) : Recurrent.WHOLE, initial(layer, cell));
        int gates = switch (cell) {
            case RNN -> 1;
            case GRU -> 3;
            case LSTM -> 4;
        };
        List<Own> own = new ArrayList<>();
        for (String suffix : bidirectional ? List.of("", "_reverse") : List.of("")) {
            own.add(recurrentOwn(name, "weight_ih" + suffix, List.of(gates * hidden, in)));
            own.add(recurrentOwn(name, "weight_hh" + suffix, List.of(gates * hidden, hidden)));
            own.add(recurrentOwn(name, "bias_ih" + suffix, List.of(gates * hidden)));
            own.add(recurrentOwn(name, "bias_hh" + suffix, List.of(gates * hidden)));
        }
        own(recurrentLayer, own.toArray(Own[]::new));
        recurrent.put(name, new RecurrentLayer(x, recurrentLayer));
        return x.then(recurrentLayer, type);
    }

    private static Own recurrentOwn(String name, String tensor, List<Integer> shape) {
        return new Own(name + "." + tensor, tensor, shape, shape.size() == 1 ? Order.AS_IT_IS : Order.OUTPUTS_LAST);
    }

    /// What puts out the first state: for lstm h, then c.
    private List<Layer> initial(Fields layer, Recurrent.Cell cell) {
        String h = layer.text("initial_h", "");
        String c = layer.text("initial_c", "");
        if (h.isEmpty() && c.isEmpty()) {
            return List.of();
        }
        if (cell != Recurrent.Cell.LSTM) {
            return List.of(state(h));
        }
        if (h.isEmpty() || c.isEmpty()) {
            throw new UnsupportedException("lstm with one of initial_h and initial_c");
        }
        String encoder = h.endsWith(".h_n") ? h.substring(0, h.length() - 4) : "";
        RecurrentLayer both = recurrent.get(encoder);
        if (both != null && c.equals(encoder + ".c_n")) {
            return List.of(both.put(Recurrent.Output.STATE, "lstm", owned).layer());
        }
        return List.of(new Concat(state(h), state(c)));
    }

    /// An input, or the last h of an earlier layer.
    private Layer state(String name) {
        if (name.endsWith(".h_n")) {
            RecurrentLayer encoder = recurrent.get(name.substring(0, name.length() - 4));
            if (encoder == null) {
                throw new GoldenException("expected an earlier recurrent layer, found " + name);
            }
            return encoder.put(Recurrent.Output.LAST, "state", owned).layer();
        }
        if (name.endsWith(".c_n")) {
            throw new UnsupportedException("the state " + name + " without its h_n");
        }
        return named(name).layer();
    }

    /// An input of the case or an earlier layer.
    private Value named(String name) {
        Value value = values.get(name);
        if (value != null) {
            return value;
        }
        if (inputs.integers(name)) {
            return new Value(List.of(), name);
        }
        List<Integer> shape = inputs.rowShape(name);
        Layer numbers = new Numbers(inputs.from(name), Tensor.product(shape));
        return new Value(shape.size() < 2 ? List.of(numbers) : List.of(numbers, new Reshape(shape)), name);
    }

    /// What the engine makes of the chain so far.
    private List<Integer> shape(Value value) {
        return shape(value.layer()).axes();
    }

    private Shape.Grid shape(Layer layer) {
        Shape.Row row = new Shape.Row(inputs.numbers(), inputs.ids());
        return layer.plan(new Planner(row), row).output();
    }

    /// Numbers that it puts out for one row.
    int width(Layer layer) {
        return shape(layer).size();
    }

    /// The chains side by side, as one chain: what they begin with in common is there once.
    private static List<Layer> join(List<List<Layer>> chains) {
        int common = 0;
        while (allHave(chains, common)) {
            common++;
        }
        List<Layer> joined = new ArrayList<>(chains.getFirst().subList(0, common));
        List<List<Layer>> rests = new ArrayList<>();
        for (List<Layer> chain : chains) {
            rests.add(chain.subList(common, chain.size()));
        }
        List<Layer> branches = new ArrayList<>();
        for (int from = 0; from < rests.size();) {
            int to = from + 1;
            while (to < rests.size() && startAlike(rests.get(from), rests.get(to))) {
                to++;
            }
            List<Layer> branch = to == from + 1 ? rests.get(from) : join(rests.subList(from, to));
            branches.add(switch (branch.size()) {
                case 0 -> new Identity();
                case 1 -> branch.getFirst();
                default -> new Sequence(branch);
            });
            from = to;
        }
        joined.add(new Concat(branches));
        return joined;
    }

    private static boolean allHave(List<List<Layer>> chains, int at) {
        List<Layer> first = chains.getFirst();
        return chains.stream()
                .allMatch(chain -> at < chain.size() && at < first.size() && chain.get(at) == first.get(at));
    }

    private static boolean startAlike(List<Layer> one, List<Layer> other) {
        return !one.isEmpty() && !other.isEmpty() && one.getFirst() == other.getFirst();
    }

    /// Finds each layer's place in the tree, from which the plan makes its tensors' names.
    private void place(Layer layer, String path) {
        List<Layer> inner = layer.layers();
        for (int i = 0; i < inner.size(); i++) {
            place(inner.get(i), path + (layer instanceof Recurrent ? "initial" : i) + ".");
        }
        for (Own own : owned.getOrDefault(layer, List.of())) {
            String tensor = path + own.tensor;
            Object before = own.order == Order.BUFFER ? buffers.put(own.name, tensor)
                    : parameters.put(own.name, new Parameter(tensor, own.shape, places(own)));
            if (before != null) {
                throw new UnsupportedException(own.name + ", which is read twice");
            }
        }
    }

    private static int[] places(Own own) {
        int size = Tensor.product(own.shape);
        int[] places = new int[size];
        int outputs = own.order == Order.AS_IT_IS ? 1 : own.shape.get(0);
        int in = own.order == Order.AS_IT_IS ? size : own.shape.get(1);
        int kernel = size / outputs / in;
        for (int i = 0; i < size; i++) {
            int o = i % outputs;
            int input = i / outputs % in;
            int k = i / outputs / in;
            places[i] = (o * in + input) * kernel + k;
        }
        return places;
    }
}
