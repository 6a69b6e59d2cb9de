package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.AveragePool2d;
import io.tidegrad.engine.layer.BatchNorm;
import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Conv1d;
import io.tidegrad.engine.layer.Conv2d;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Dropout;
import io.tidegrad.engine.layer.Elu;
import io.tidegrad.engine.layer.Extent;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.InputBound;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.LeakyRelu;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.RmsNorm;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Silu;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Softplus;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Transpose;
import io.tidegrad.model.spec.SpecNode.Mapping;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Every layer that a network of a spec can name, each declared once. A layer that holds no others is declared whole:
/// its keys are read and written by its `Form`. `NetworkReader` reads the layers that hold others.
final class Layers {
    static final int UNITS_MAX = 65_536;

    /// The key of `InputBound`.
    static final String BOUND = "input-bound";

    private static final ValueType<Integer> UNITS = ValueType.whole(1, UNITS_MAX);
    private static final ValueType<Initialization> INITIALIZATION = ValueType.oneOf(Initialization.values());
    private static final ValueType<Recurrent.Output> OUTPUT = ValueType
            .oneOf(new Recurrent.Output[]{Recurrent.Output.LAST, Recurrent.Output.SEQUENCE, Recurrent.Output.STATE});
    private static final ValueType<Double> SLOPE =
            ValueType.decimal("a number from 0 to 100", slope -> slope >= 0 && slope <= 100);
    private static final ValueType<Double> MOMENTUM =
            ValueType.decimal("a number above 0 and at most 1", value -> value > 0 && value <= 1);
    private static final ValueType<Double> RATE_FACTOR =
            ValueType.decimal("a number above 0 and at most 1000 (for 0 write frozen: true)",
                    value -> (float) value > 0 && value <= 1000);
    private static final ValueType<Double> INPUT_BOUND = ValueType
            .decimal("a sum of magnitudes above 0 and at most 1e30", value -> (float) value > 0 && value <= 1e30);
    private static final int SIDE_MAX = 4_096;
    private static final ValueType<Integer> WINDOW = ValueType.whole(1, SIDE_MAX);
    private static final ValueType<Integer> PADDING = ValueType.whole(0, SIDE_MAX);
    private static final ValueType<Extent> WINDOW_2D = extent(1);
    private static final ValueType<Extent> PADDING_2D = extent(0);
    private static final ValueType<List<Integer>> AXES =
            ValueType.list("axes, like [1, 28, 28]", ValueType.whole(1, 1 << 20));

    private static final Layers BEFORE_RELU = new Layers(Initialization.HE_UNIFORM);
    private static final Layers ELSEWHERE = new Layers(Initialization.XAVIER_UNIFORM);

    /// Layers after which weights are drawn by another scheme.
    private static final List<String> RELUS = List.of("relu", "leaky-relu");

    /// @param form null for a layer that holds others
    /// @param needs what has to stand behind its name, for whoever forgot it
    /// @param isActivation whether it works number by number, or is softmax
    /// @param hasRate whether it may have `rate-factor` and `frozen`
    private record Entry(String name, @Nullable Form<? extends Layer> form, String needs, boolean isActivation,
            boolean hasRate) {
    }

    private final Map<String, Entry> byName = new LinkedHashMap<>();
    private final Map<Class<?>, Entry> byType = new HashMap<>();

    /// In the order in which messages list them.
    ///
    /// @param drawn how weights are drawn unless the spec says it
    private Layers(Initialization drawn) {
        weighted("dense", "its number of outputs, like dense: 64", Dense.class,
                keys -> new Dense(keys.leading("units", "the number of outputs", UNITS, Dense::outputs),
                        keys.optional("bias", true, ValueType.FLAG, Dense::bias),
                        keys.optional("init", drawn, INITIALIZATION, Dense::initialization)));
        activation("relu", Relu.class, keys -> new Relu());
        activation("sigmoid", Sigmoid.class, keys -> new Sigmoid());
        activation("tanh", Tanh.class, keys -> new Tanh());
        activation("softmax", Softmax.class, keys -> new Softmax());
        activation("silu", Silu.class, keys -> new Silu());
        activation("softplus", Softplus.class, keys -> new Softplus());
        fixed("bias", "", Bias.class, keys -> new Bias());
        fixed("flatten", "", Flatten.class, keys -> new Flatten());
        fixed("transpose", "", Transpose.class, keys -> new Transpose());
        fixed("global-average-pool", "", GlobalAveragePool2d.class, keys -> new GlobalAveragePool2d());
        activation("leaky-relu", LeakyRelu.class,
                keys -> new LeakyRelu(keys.optional("slope", 0.01, SLOPE, LeakyRelu::slope)));
        activation("elu", Elu.class, keys -> new Elu(keys.optional("alpha", 1.0, SLOPE, Elu::alpha)));
        activation("gelu", Gelu.class, keys -> new Gelu(
                keys.optional("form", Gelu.Form.ERF, ValueType.oneOf(Gelu.Form.values()), Gelu::form)));
        weighted("layer-norm", "", LayerNorm.class,
                keys -> new LayerNorm(keys.optional("epsilon", 1e-5, ValueType.EPSILON, LayerNorm::epsilon)));
        weighted("rms-norm", "", RmsNorm.class,
                keys -> new RmsNorm(keys.optional("epsilon", 1e-5, ValueType.EPSILON, RmsNorm::epsilon)));
        weighted("batch-norm", "", BatchNorm.class,
                keys -> new BatchNorm(keys.optional("epsilon", 1e-5, ValueType.EPSILON, BatchNorm::epsilon),
                        keys.optional("momentum", 0.1, MOMENTUM, BatchNorm::momentum)));
        fixed("average-pool", "its window, like average-pool: 2", AveragePool2d.class, keys -> pool(keys,
                AveragePool2d::kernel, AveragePool2d::stride, AveragePool2d::padding, AveragePool2d::new));
        others("branches", "a list of lists of layers, like branches: [ [ dense: 8 ], [ dense: 4 ] ]", false);
        weighted("conv1d", "channels and kernel, like conv1d: { channels: 8, kernel: 3 }", Conv1d.class,
                keys -> new Conv1d(keys.required("channels", "the number of channels", UNITS, Conv1d::channels),
                        keys.required("kernel", "the steps of the window", WINDOW, Conv1d::kernel),
                        keys.optional("stride", 1, WINDOW, Conv1d::stride),
                        keys.optional("padding", 0, PADDING, Conv1d::padding),
                        keys.optional("bias", true, ValueType.FLAG, Conv1d::bias),
                        keys.optional("init", drawn, INITIALIZATION, Conv1d::initialization)));
        weighted("conv2d", "channels and kernel, like conv2d: { channels: 8, kernel: 3 }", Conv2d.class,
                keys -> new Conv2d(keys.required("channels", "the number of channels", UNITS, Conv2d::channels),
                        keys.required("kernel", "the window's side, or [height, width]", WINDOW_2D, Conv2d::kernel),
                        keys.optional("stride", Extent.of(1), WINDOW_2D, Conv2d::stride),
                        keys.optional("padding", Extent.of(0), PADDING_2D, Conv2d::padding),
                        keys.optional("bias", true, ValueType.FLAG, Conv2d::bias),
                        keys.optional("init", drawn, INITIALIZATION, Conv2d::initialization)));
        fixed("dropout", "a rate, like dropout: 0.1", Dropout.class,
                keys -> new Dropout(keys.leading("rate", "a rate, like 0.1", ValueType.FRACTION, Dropout::rate)));
        others("features", "a list of features' fields, like features: [distance]", false);
        others("gru", "its number of hidden units, like gru: 64", true);
        others("lstm", "its number of hidden units, like lstm: 64", true);
        fixed("max-pool", "its window, like max-pool: 2", MaxPool2d.class,
                keys -> pool(keys, MaxPool2d::kernel, MaxPool2d::stride, MaxPool2d::padding, MaxPool2d::new));
        fixed("reshape", "axes, like reshape: [1, 28, 28]", Reshape.class, Layers::reshape);
        others("residual", "a list of layers, like residual: [ dense: 64, relu ]", false);
        others("rnn", "its number of hidden units, like rnn: 64", true);
        weighted("self-attention", "its number of heads, like self-attention: 4", SelfAttention.class,
                keys -> new SelfAttention(
                        keys.leading("heads", "the number of heads", ValueType.whole(1, 1_024), SelfAttention::heads),
                        keys.optional("causal", false, ValueType.FLAG, SelfAttention::causal)));
    }

    private <L extends Layer> void activation(String name, Class<L> type, Function<Keys<L>, L> keys) {
        add(new Entry(name, new Form<>(name, type, keys), "", true, false));
    }

    private <L extends Layer> void fixed(String name, String needs, Class<L> type, Function<Keys<L>, L> keys) {
        add(new Entry(name, new Form<>(name, type, keys), needs, false, false));
    }

    private <L extends Layer> void weighted(String name, String needs, Class<L> type, Function<Keys<L>, L> keys) {
        add(new Entry(name, new Form<>(name, type, keys), needs, false, true));
    }

    private void others(String name, String needs, boolean hasRate) {
        add(new Entry(name, null, needs, false, hasRate));
    }

    private void add(Entry entry) {
        byName.put(entry.name, entry);
        if (entry.form != null) {
            byType.put(entry.form.type(), entry);
        }
    }

    /// A recurrent layer. It reads layers for its initial state, and the field of its lengths.
    ///
    /// @param lengths the type of the field's name
    /// @param initial the type of the layers
    static Form<NetworkLayer.Steps> steps(Recurrent.Cell cell, ValueType<String> lengths,
            ValueType<List<NetworkLayer>> initial) {
        return new Form<>(Flow.name(cell), NetworkLayer.Steps.class,
                keys -> new NetworkLayer.Steps(
                        new Recurrent(cell,
                                keys.leading("hidden", "the number of hidden units", UNITS, s -> s.layer().hidden()),
                                keys.optional("bidirectional", false, ValueType.FLAG, s -> s.layer().bidirectional()),
                                keys.optional("output", Recurrent.Output.LAST, OUTPUT, s -> s.layer().output()),
                                Recurrent.WHOLE, List.of()),
                        1, keys.orNull("lengths", lengths, NetworkLayer.Steps::lengths),
                        keys.optional("initial", List.of(), initial, NetworkLayer.Steps::initial)));
    }

    /// Windows lie side by side unless the spec gives a stride.
    private static <P extends Layer> P pool(Keys<P> keys, Function<P, Extent> kernelOf, Function<P, Extent> strideOf,
            Function<P, Extent> paddingOf, Pool<P> made) {
        Extent kernel = keys.leading("kernel", "the window's side, or [height, width]", WINDOW_2D, kernelOf);
        Extent stride = keys.optional("stride", kernel, WINDOW_2D, strideOf);
        Extent padding = keys.optional("padding", Extent.of(0), PADDING_2D, paddingOf);
        if (2 * padding.height() > kernel.height() || 2 * padding.width() > kernel.width()) {
            keys.problem("padding", "expected at most half the kernel of " + kernel + ", found " + padding);
            padding = Extent.of(0);
        }
        return made.of(kernel, stride, padding);
    }

    private interface Pool<P> {
        P of(Extent kernel, Extent stride, Extent padding);
    }

    private static Reshape reshape(Keys<Reshape> keys) {
        List<Integer> axes = keys.only(AXES, Reshape::axes);
        long size = 1;
        for (int axis : axes) {
            size = Math.min(size, Integer.MAX_VALUE) * axis;
        }
        if (size > Integer.MAX_VALUE) {
            keys.problem("expected axes that hold at most 2^31 - 1 numbers, found " + axes);
        }
        return new Reshape(axes);
    }

    /// One number for both axes, or [height, width].
    private static ValueType<Extent> extent(int min) {
        return new ValueType<>(node -> {
            if (!node.isList()) {
                return Extent.of(node.integer(min, SIDE_MAX));
            }
            List<SpecNode> sides = node.list("[height, width]");
            if (sides.size() != 2) {
                node.problem("expected one number or [height, width], found " + sides.size());
                return Extent.of(Math.max(1, min));
            }
            return new Extent(sides.getFirst().integer(min, SIDE_MAX), sides.getLast().integer(min, SIDE_MAX));
        }, extent -> extent.height() == extent.width() ? String.valueOf(extent.height())
                : "[" + extent.height() + ", " + extent.width() + "]");
    }

    /// He et al. derived theirs for relu and its leaky kin, Glorot & Bengio theirs for everything that is near linear
    /// around 0.
    private static Layers before(boolean relu) {
        return relu ? BEFORE_RELU : ELSEWHERE;
    }

    /// Every name that a network may use.
    static String[] names() {
        return ELSEWHERE.byName.keySet().toArray(String[]::new);
    }

    /// What has to stand behind the name of a layer; empty where the name may stand alone.
    static String needs(String name) {
        return entry(name).needs;
    }

    static boolean hasSettings(String name) {
        Entry entry = entry(name);
        return entry.form == null || entry.form.hasKeys();
    }

    private static Entry entry(String name) {
        return Objects.requireNonNull(ELSEWHERE.byName.get(name), name);
    }

    static boolean isActivation(Layer layer) {
        Entry entry = ELSEWHERE.byType.get(layer.getClass());
        return entry != null && entry.isActivation;
    }

    /// Whether an entry of a network is a layer before which weights are drawn for it.
    static boolean isRelu(SpecNode entry) {
        return entry.isKind(RELUS.toArray(String[]::new));
    }

    static boolean isRelu(Layer layer) {
        Entry entry = ELSEWHERE.byType.get(layer.getClass());
        return entry != null && RELUS.contains(entry.name);
    }

    /// As a spec calls a layer that holds no others, at whatever rate.
    static String name(Layer layer) {
        return written(layer, ELSEWHERE).name;
    }

    private static Entry written(Layer layer, Layers layers) {
        Entry entry = layers.byType.get(layer.getClass());
        if (entry == null) {
            throw new IllegalStateException("no spec can name " + layer);
        }
        return entry;
    }

    /// @param node what stands behind its name; `SpecNode.absent` where nothing does
    /// @return null, and a problem, for a mistake
    static @Nullable Layer read(String name, SpecNode node, boolean reluFollows) {
        Entry entry = Objects.requireNonNull(before(reluFollows).byName.get(name));
        Form<? extends Layer> form = Objects.requireNonNull(entry.form);
        int before = node.problems();
        boolean isBounded = form.type() == Dense.class;
        Mapping keys = isBounded ? rated(form, node, BOUND) : entry.hasRate ? rated(form, node) : form.keys(node);
        Layer layer = form.read(node, keys);
        double factor = entry.hasRate ? rateFactor(keys) : 1;
        SpecNode bound = isBounded ? keys.optional(BOUND) : null;
        if (layer != null && bound != null) {
            layer = new InputBound(INPUT_BOUND.read().apply(bound), layer);
            if (factor == 0) {
                bound.problem("a frozen layer takes no steps: keep one of " + BOUND + " and frozen");
            }
        }
        return layer == null || node.problems() > before ? null : factor == 1 ? layer : new Rate(factor, layer);
    }

    /// The keys of a layer that may have a rate of its own.
    static Mapping rated(Form<?> form, SpecNode node, String... also) {
        return form.keys(node,
                Stream.concat(Stream.of("rate-factor", "frozen"), Stream.of(also)).toArray(String[]::new));
    }

    /// What `rate-factor` and `frozen` say.
    static double rateFactor(Mapping keys) {
        SpecNode factor = keys.optional("rate-factor");
        SpecNode frozen = keys.optional("frozen");
        boolean isFrozen = frozen != null && frozen.bool();
        if (factor == null) {
            return isFrozen ? 0 : 1;
        }
        if (isFrozen) {
            factor.problem("a frozen layer has no rate: keep one of rate-factor and frozen");
        }
        return RATE_FACTOR.read().apply(factor);
    }

    /// As a spec writes it.
    ///
    /// @param layer without its rate and bound
    static String canonical(Layer layer, double rateFactor, @Nullable Double inputBound, boolean reluFollows) {
        Form<? extends Layer> form = Objects.requireNonNull(written(layer, before(reluFollows)).form);
        // The momentum of batch-norm came after the rate: the canonical form of a spec never changes.
        return form.entry(withRate(form.keysOf(layer), rateFactor).last("momentum").add(BOUND,
                inputBound == null ? null : Flow.number(inputBound)));
    }

    static Flow withRate(Flow keys, double factor) {
        return keys.add("rate-factor", factor == 0 || factor == 1 ? null : Flow.number(factor)).add("frozen",
                factor == 0 ? "true" : null);
    }
}
