package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.BatchNorm;
import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Dropout;
import io.tidegrad.engine.layer.Elu;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.LeakyRelu;
import io.tidegrad.engine.layer.Rate;
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
import io.tidegrad.model.spec.SpecNode.Choice;
import io.tidegrad.model.spec.SpecNode.Mapping;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A layer of a spec's network that holds no others.
final class LayerReader {
    /// Layers that are a name alone; those of `WITH_SETTINGS` may be.
    static final List<String> ALONE = List.of("relu", "sigmoid", "tanh", "softmax", "silu", "softplus", "bias",
            "flatten", "transpose", "global-average-pool");

    private static final List<String> WITH_DEFAULTS =
            List.of("leaky-relu", "elu", "gelu", "layer-norm", "rms-norm", "batch-norm");

    /// Name → what stands behind it, for whoever forgot it.
    static final Map<String, String> WITH_SETTINGS =
            Map.ofEntries(Map.entry("dense", "its number of outputs, like dense: 64"),
                    Map.entry("conv2d", "channels and kernel, like conv2d: { channels: 8, kernel: 3 }"),
                    Map.entry("conv1d", "channels and kernel, like conv1d: { channels: 8, kernel: 3 }"),
                    Map.entry("max-pool", "its window, like max-pool: 2"),
                    Map.entry("average-pool", "its window, like average-pool: 2"),
                    Map.entry("reshape", "axes, like reshape: [1, 28, 28]"),
                    Map.entry("rnn", "its number of hidden units, like rnn: 64"),
                    Map.entry("gru", "its number of hidden units, like gru: 64"),
                    Map.entry("lstm", "its number of hidden units, like lstm: 64"),
                    Map.entry("dropout", "a rate, like dropout: 0.1"),
                    Map.entry("self-attention", "its number of heads, like self-attention: 4"),
                    Map.entry("residual", "a list of layers, like residual: [ dense: 64, relu ]"),
                    Map.entry("branches", "a list of lists of layers, like branches: [ [ dense: 8 ], [ dense: 4 ] ]"),
                    Map.entry("features", "a list of features' fields, like features: [distance]"));

    /// Every layer that a network may name.
    static final String[] KINDS = kinds();

    static final int UNITS_MAX = 65_536;
    private static final int AXIS_MAX = 1 << 20;
    private static final int HEADS_MAX = 1_024;

    private LayerReader() {}

    private static String[] kinds() {
        List<String> kinds = new ArrayList<>(List.of("dense"));
        kinds.addAll(ALONE);
        kinds.addAll(WITH_DEFAULTS);
        kinds.addAll(WITH_SETTINGS.keySet().stream().filter(k -> !k.equals("dense")).sorted().toList());
        return kinds.toArray(String[]::new);
    }

    static Layer alone(String name) {
        return switch (name) {
            case "relu" -> new Relu();
            case "sigmoid" -> new Sigmoid();
            case "tanh" -> new Tanh();
            case "softmax" -> new Softmax();
            case "silu" -> new Silu();
            case "softplus" -> new Softplus();
            case "bias" -> new Bias();
            case "flatten" -> new Flatten();
            case "transpose" -> new Transpose();
            case "global-average-pool" -> new GlobalAveragePool2d();
            case "leaky-relu" -> ModelSpec.LEAKY_RELU;
            case "elu" -> ModelSpec.ELU;
            case "gelu" -> ModelSpec.GELU;
            case "layer-norm" -> new LayerNorm();
            case "rms-norm" -> new RmsNorm();
            case "batch-norm" -> new BatchNorm();
            default -> throw new IllegalStateException("no layer for " + name);
        };
    }

    /// Null for a mistake, which is reported.
    static NetworkLayer.@Nullable Single read(Choice choice, boolean reluFollows) {
        SpecNode value = choice.value();
        int before = value.problems();
        Layer layer = switch (choice.kind()) {
            case "dense" -> dense(value, reluFollows);
            case "conv1d", "conv2d", "max-pool", "average-pool" ->
                SlidingReader.read(choice.kind(), value, defaultInitialization(reluFollows));
            case "leaky-relu" -> new LeakyRelu(slope(value, "slope", ModelSpec.LEAKY_RELU.slope()));
            case "elu" -> new Elu(slope(value, "alpha", ModelSpec.ELU.alpha()));
            case "gelu" -> gelu(value);
            case "layer-norm" -> {
                Mapping keys = value.mapping("epsilon", "rate-factor", "frozen");
                yield rated(new LayerNorm(epsilon(keys)), keys);
            }
            case "rms-norm" -> {
                Mapping keys = value.mapping("epsilon", "rate-factor", "frozen");
                yield rated(new RmsNorm(epsilon(keys)), keys);
            }
            case "batch-norm" -> batchNorm(value);
            case "dropout" -> dropout(value);
            case "reshape" -> reshape(value);
            case "self-attention" -> selfAttention(value);
            default -> throw new IllegalStateException("no layer for " + choice.kind());
        };
        return layer == null || value.problems() > before ? null : new NetworkLayer.Single(layer);
    }

    private static Layer dense(SpecNode value, boolean reluFollows) {
        Initialization byDefault = defaultInitialization(reluFollows);
        if (!value.isMapping()) {
            return new Dense(value.integer(1, UNITS_MAX), true, byDefault);
        }
        Mapping keys = value.mapping("units", "bias", "init", "rate-factor", "frozen");
        return rated(new Dense(keys.required("units", "the number of outputs").integer(1, UNITS_MAX),
                flag(keys, "bias", true), initialization(keys, byDefault)), keys);
    }

    static boolean flag(Mapping keys, String key, boolean byDefault) {
        SpecNode node = keys.optional(key);
        return node == null ? byDefault : node.bool();
    }

    static Initialization initialization(Mapping keys, Initialization byDefault) {
        SpecNode init = keys.optional("init");
        String name = init == null ? null : init.name("he-uniform", "he-normal", "xavier-uniform", "xavier-normal");
        return name == null ? byDefault : Initialization.valueOf(name.toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    /// The layer at the rate that its `rate-factor` and `frozen` say.
    static Layer rated(Layer layer, Mapping keys) {
        double factor = rateFactor(keys.optional("rate-factor"), keys.optional("frozen"));
        return factor == 1 ? layer : new Rate(factor, layer);
    }

    static double rateFactor(@Nullable SpecNode factor, @Nullable SpecNode frozen) {
        boolean isFrozen = frozen != null && frozen.bool();
        if (factor == null) {
            return isFrozen ? 0 : 1;
        }
        if (isFrozen) {
            factor.problem("a frozen layer has no rate: keep one of rate-factor and frozen");
        }
        return factor.decimal("a number above 0 and at most 1000 (for 0 write frozen: true)",
                value -> (float) value > 0 && value <= 1000);
    }

    /// He et al. derived theirs for relu and its leaky kin, Glorot & Bengio theirs for everything that is near linear
    /// around 0.
    static Initialization defaultInitialization(boolean reluFollows) {
        return reluFollows ? Initialization.HE_UNIFORM : Initialization.XAVIER_UNIFORM;
    }

    private static double slope(SpecNode node, String key, double byDefault) {
        SpecNode value = node.mapping(key).optional(key);
        return value == null ? byDefault : value.decimal("a number from 0 to 100", slope -> slope >= 0 && slope <= 100);
    }

    private static Layer gelu(SpecNode node) {
        SpecNode form = node.mapping("form").optional("form");
        return form != null && "tanh".equals(form.name("erf", "tanh")) ? new Gelu(Gelu.Form.TANH) : ModelSpec.GELU;
    }

    private static double epsilon(Mapping keys) {
        SpecNode node = keys.optional("epsilon");
        double byDefault = new LayerNorm().epsilon();
        double epsilon = node == null ? byDefault
                : node.decimal("a number above 0 and at most 1", value -> (float) value > 0 && value <= 1);
        return epsilon == 0 ? byDefault : epsilon; // 0 for a mistake, which is reported already
    }

    private static Layer batchNorm(SpecNode node) {
        Mapping keys = node.mapping("epsilon", "momentum", "rate-factor", "frozen");
        SpecNode momentumNode = keys.optional("momentum");
        double momentum = momentumNode == null ? new BatchNorm().momentum()
                : momentumNode.decimal("a number above 0 and at most 1", value -> value > 0 && value <= 1);
        return rated(new BatchNorm(epsilon(keys), momentum == 0 ? 1 : momentum), keys);
    }

    private static Layer dropout(SpecNode node) {
        SpecNode rate = node.isMapping() ? node.mapping("rate").required("rate", "a rate, like 0.1") : node;
        return new Dropout(rate.decimal("a number from 0 to below 1", value -> value >= 0 && (float) value < 1));
    }

    private static @Nullable Layer reshape(SpecNode node) {
        List<Integer> axes = new ArrayList<>();
        long size = 1;
        for (SpecNode axis : node.list("axes, like [1, 28, 28]")) {
            axes.add(axis.integer(1, AXIS_MAX));
            size = Math.min(size, Integer.MAX_VALUE) * axes.getLast();
        }
        if (size > Integer.MAX_VALUE) {
            node.problem("expected axes that hold at most 2^31 - 1 numbers, found " + axes);
        }
        return axes.isEmpty() ? null : new Reshape(axes);
    }

    private static Layer selfAttention(SpecNode node) {
        if (!node.isMapping()) {
            return new SelfAttention(node.integer(1, HEADS_MAX), false);
        }
        Mapping keys = node.mapping("heads", "causal", "rate-factor", "frozen");
        return rated(new SelfAttention(keys.required("heads", "the number of heads").integer(1, HEADS_MAX),
                flag(keys, "causal", false)), keys);
    }
}
