package io.tidegrad.model.spec;

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
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.LeakyRelu;
import io.tidegrad.engine.layer.MaxPool2d;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.RmsNorm;
import io.tidegrad.engine.layer.SelfAttention;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Silu;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Softplus;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Transpose;
import java.util.List;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The network of a canonical form.
final class CanonicalNetwork {
    private CanonicalNetwork() {}

    static String of(List<NetworkLayer> layers) {
        StringJoiner text = new StringJoiner(", ", "[", "]");
        for (int i = 0; i < layers.size(); i++) {
            text.add(layer(layers.get(i), i + 1 < layers.size() && isRelu(layers.get(i + 1))));
        }
        return text.toString();
    }

    static boolean isRelu(NetworkLayer layer) {
        return layer instanceof NetworkLayer.Single(Layer single)
                && (single instanceof Relu || single instanceof LeakyRelu);
    }

    /// As a spec writes it.
    static String layer(NetworkLayer layer, boolean reluFollows) {
        return switch (layer) {
            case NetworkLayer.Single single -> single(single.plain(), single.rateFactor(), reluFollows);
            case NetworkLayer.Features(List<List<String>> selected) -> "features: "
                    + selected.stream().map(CanonicalNetwork::fields).collect(Collectors.joining(", ", "[", "]"));
            case NetworkLayer.Branches(List<List<NetworkLayer>> branches) ->
                "branches: " + branches.stream().map(CanonicalNetwork::of).collect(Collectors.joining(", ", "[", "]"));
            case NetworkLayer.Residual(List<NetworkLayer> layers) -> "residual: " + of(layers);
            case NetworkLayer.Steps steps -> steps(steps);
        };
    }

    /// Its name.
    static String kind(NetworkLayer layer) {
        String text = layer(layer, false);
        int colon = text.indexOf(':');
        return colon < 0 ? text : text.substring(0, colon);
    }

    /// As a spec writes it, without the layers inside.
    static String heading(NetworkLayer layer, boolean reluFollows) {
        return switch (layer) {
            case NetworkLayer.Branches branches -> "branches";
            case NetworkLayer.Residual residual -> "residual";
            case NetworkLayer.Steps steps ->
                steps(new NetworkLayer.Steps(steps.layer(), steps.rateFactor(), steps.lengths(), List.of()));
            case NetworkLayer.Single single -> layer(layer, reluFollows);
            case NetworkLayer.Features features -> layer(layer, false);
        };
    }

    private static String fields(List<String> fields) {
        return fields.size() == 1 ? Flow.quoted(fields.getFirst())
                : fields.stream().map(Flow::quoted).collect(Collectors.joining(", ", "[", "]"));
    }

    private static String single(Layer layer, double rate, boolean reluFollows) {
        Initialization byDefault = LayerReader.defaultInitialization(reluFollows);
        return switch (layer) {
            case Dense(int outputs, boolean bias, Initialization initialization) -> settings("dense", "units",
                    String.valueOf(outputs), rated(product(new Flow(), bias, initialization, byDefault), rate));
            case Conv1d(int channels, int kernel, int stride, int padding, boolean bias, Initialization initialization) ->
                "conv1d: " + rated(product(
                        new Flow().add("channels", String.valueOf(channels)).add("kernel", String.valueOf(kernel))
                                .add("stride", unless(1, stride)).add("padding", unless(0, padding)),
                        bias, initialization, byDefault), rate);
            case Conv2d(int channels, Extent kernel, Extent stride, Extent padding, boolean bias, Initialization initialization) ->
                "conv2d: " + rated(product(new Flow().add("channels", String.valueOf(channels))
                        .add("kernel", extent(kernel)).add("stride", unless(Extent.of(1), stride))
                        .add("padding", unless(Extent.of(0), padding)), bias, initialization, byDefault), rate);
            case MaxPool2d(Extent kernel, Extent stride, Extent padding) -> pool("max-pool", kernel, stride, padding);
            case AveragePool2d(Extent kernel, Extent stride, Extent padding) ->
                pool("average-pool", kernel, stride, padding);
            case GlobalAveragePool2d pool -> "global-average-pool";
            case Relu relu -> "relu";
            case Sigmoid sigmoid -> "sigmoid";
            case Tanh tanh -> "tanh";
            case Softmax softmax -> "softmax";
            case Silu silu -> "silu";
            case Softplus softplus -> "softplus";
            case LeakyRelu(double slope) ->
                named("leaky-relu", new Flow().add("slope", Flow.unless(ModelSpec.LEAKY_RELU.slope(), slope)));
            case Elu(double alpha) -> named("elu", new Flow().add("alpha", Flow.unless(ModelSpec.ELU.alpha(), alpha)));
            case Gelu(Gelu.Form form) ->
                named("gelu", new Flow().add("form", form == Gelu.Form.ERF ? null : Flow.name(form)));
            case Bias bias -> "bias";
            case Flatten flatten -> "flatten";
            case Transpose transpose -> "transpose";
            case Reshape(List<Integer> axes) ->
                "reshape: " + axes.stream().map(String::valueOf).collect(Collectors.joining(", ", "[", "]"));
            case LayerNorm(double epsilon) -> named("layer-norm", norm(epsilon, rate));
            case RmsNorm(double epsilon) -> named("rms-norm", norm(epsilon, rate));
            case BatchNorm(double epsilon, double momentum) -> named("batch-norm",
                    norm(epsilon, rate).add("momentum", Flow.unless(new BatchNorm().momentum(), momentum)));
            case Dropout(double dropped, int maskFrom) -> "dropout: " + Flow.number(dropped);
            case SelfAttention(int heads, boolean causal) -> settings("self-attention", "heads", String.valueOf(heads),
                    rated(new Flow().add("causal", Flow.flag(causal)), rate));
            // What a spec can't name in a line of its own: others hold it, or the binding puts it
            // before the network.
            case Rate inner -> throw CanonicalForm.unnamed(layer);
            case Sequence sequence -> throw CanonicalForm.unnamed(layer);
            case Concat concat -> throw CanonicalForm.unnamed(layer);
            case Residual residual -> throw CanonicalForm.unnamed(layer);
            case Recurrent recurrent -> throw CanonicalForm.unnamed(layer);
            case Numbers numbers -> throw CanonicalForm.unnamed(layer);
            case Embedding embedding -> throw CanonicalForm.unnamed(layer);
            case EmbeddingBag bag -> throw CanonicalForm.unnamed(layer);
            case Standardise standardise -> throw CanonicalForm.unnamed(layer);
            case Identity identity -> throw CanonicalForm.unnamed(layer);
        };
    }

    private static String steps(NetworkLayer.Steps steps) {
        Recurrent layer = steps.layer();
        Flow settings = new Flow().add("bidirectional", Flow.flag(layer.bidirectional()))
                .add("output", layer.output() == Recurrent.Output.LAST ? null : Flow.name(layer.output()))
                .add("lengths", steps.lengths() == null ? null : Flow.quoted(steps.lengths()))
                .add("initial", steps.initial().isEmpty() ? null : of(steps.initial()));
        return settings(Flow.name(layer.cell()), "hidden", String.valueOf(layer.hidden()),
                rated(settings, steps.rateFactor()));
    }

    private static Flow product(Flow flow, boolean bias, Initialization initialization, Initialization byDefault) {
        return flow.add("bias", bias ? null : "false").add("init",
                initialization == byDefault ? null : Flow.name(initialization));
    }

    private static Flow rated(Flow flow, double rate) {
        return flow.add("rate-factor", rate == 0 ? null : Flow.unless(1, rate)).add("frozen",
                rate == 0 ? "true" : null);
    }

    private static Flow norm(double epsilon, double rate) {
        return rated(new Flow().add("epsilon", Flow.unless(new LayerNorm().epsilon(), epsilon)), rate);
    }

    private static String pool(String name, Extent kernel, Extent stride, Extent padding) {
        return settings(name, "kernel", extent(kernel),
                new Flow().add("stride", unless(kernel, stride)).add("padding", unless(Extent.of(0), padding)));
    }

    /// The first setting alone where all others are as by default.
    private static String settings(String name, String key, String value, Flow others) {
        return name + ": " + (others.isEmpty() ? value : others.first(key, value));
    }

    /// The name alone where all is as by default.
    private static String named(String name, Flow settings) {
        return settings.isEmpty() ? name : name + ": " + settings;
    }

    private static @Nullable String unless(int byDefault, int value) {
        return value == byDefault ? null : String.valueOf(value);
    }

    private static @Nullable String unless(Extent byDefault, Extent value) {
        return value.equals(byDefault) ? null : extent(value);
    }

    private static String extent(Extent extent) {
        return extent.height() == extent.width() ? String.valueOf(extent.height())
                : "[" + extent.height() + ", " + extent.width() + "]";
    }
}
