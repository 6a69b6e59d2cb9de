package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Tanh;
import io.tidegrad.engine.layer.Transpose;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Sgd;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// One spec, one text: keys in fixed order, values equal to defaults left out, numbers in one spelling, every text
/// quoted. Itself a valid spec. Its SHA-256 is the fingerprint, so that no line here may change without need.
final class CanonicalForm {
    private CanonicalForm() {}

    /// Everything that decides a bit of a weight; `publish` and where a file lies don't.
    static String of(ModelSpec spec) {
        StringBuilder text = new StringBuilder();
        line(text, "model", quoted(spec.model()));
        line(text, "input", input(spec.input()));
        line(text, "label", label(spec.label()));
        text.append(features(spec.features()));
        line(text, "network", network(spec.layers()));
        line(
                text,
                "loss",
                switch (spec.loss()) {
                    case BinaryCrossEntropy() -> "binary-cross-entropy";
                    case CategoricalCrossEntropy(boolean oneHot) -> "categorical-cross-entropy";
                    case MeanSquaredError() -> "mean-squared-error";
                });
        line(text, "optimizer", optimizer(spec));
        switch (spec.clipping()) {
            case Clipping.None() -> {}
            case Clipping.Value(double limit) ->
                    line(text, "gradient-clipping", "{value: " + number(limit) + "}");
            case Clipping.GlobalNorm(double max) ->
                    line(text, "gradient-clipping", "{global-norm: " + number(max) + "}");
        }
        Flow regularization = regularization(spec.regularization());
        if (!regularization.isEmpty()) {
            line(text, "regularization", regularization.toString());
        }
        Flow miniBatch =
                new Flow()
                        .add(
                                "size",
                                spec.miniBatch() == 1 ? null : String.valueOf(spec.miniBatch()))
                        .add("window", spec.window() == null ? null : spec.window().toString());
        if (!miniBatch.isEmpty()) {
            line(text, "mini-batch", miniBatch.toString());
        }
        if (spec.seed() != 0) {
            line(text, "seed", String.valueOf(spec.seed()));
        }
        ModelSpec.InitialWeights initial = spec.initialWeights();
        if (initial != null) {
            line(text, "initial-weights", "{sha256: " + quoted(initial.sha256()) + "}");
        }
        return text.toString();
    }

    /// Everything that decides what a row's columns mean. The name of the hash is in it: another one would be another
    /// meaning.
    static String ofFeatures(List<Feature> features) {
        return "hash: murmur3-x86-32\n" + features(features);
    }

    private static void line(StringBuilder text, String key, String value) {
        text.append(key).append(": ").append(value).append('\n');
    }

    private static String input(ModelSpec.Input input) {
        return new Flow()
                .add("topic", quoted(input.topic()))
                .add("event-time", input.eventTime() == null ? null : quoted(input.eventTime()))
                .add(
                        "max-ahead",
                        input.maxAhead().equals(ModelSpec.Input.MAX_AHEAD)
                                ? null
                                : input.maxAhead().toString())
                .toString();
    }

    private static String label(ModelSpec.Label label) {
        return new Flow()
                .add("field", quoted(label.field()))
                .add("threshold", label.threshold() == null ? null : number(label.threshold()))
                .add("positive", label.positive() == null ? null : quoted(label.positive()))
                .toString();
    }

    private static String features(List<Feature> features) {
        StringBuilder text = new StringBuilder("features:\n");
        for (Feature feature : features) {
            text.append("- ").append(feature(feature)).append('\n');
        }
        return text.toString();
    }

    private static String feature(Feature feature) {
        return switch (feature) {
            case Feature.Numeric(
                            String field,
                            Feature.Scale scale,
                            Feature.Transform transform,
                            Feature.Missing missing) ->
                    "number: "
                            + new Flow()
                                    .add("field", quoted(field))
                                    .add(
                                            "scale",
                                            scale == Feature.Scale.RAW
                                                    ? null
                                                    : SpecReader.name(scale))
                                    .add(
                                            "transform",
                                            transform == Feature.Transform.NONE
                                                    ? null
                                                    : SpecReader.name(transform))
                                    .add("missing", missing(missing));
            case Feature.Category(
                            String field,
                            int buckets,
                            int dimension,
                            Embedding.Update update) ->
                    "category: "
                            + table(
                                    new Flow().add("field", quoted(field)),
                                    buckets,
                                    dimension,
                                    update);
            case Feature.Cross(
                            List<String> fields,
                            int buckets,
                            int dimension,
                            Embedding.Update update) ->
                    "cross: "
                            + table(
                                    new Flow()
                                            .add(
                                                    "fields",
                                                    fields.stream()
                                                            .map(CanonicalForm::quoted)
                                                            .collect(
                                                                    Collectors.joining(
                                                                            ", ", "[", "]"))),
                                    buckets,
                                    dimension,
                                    update);
            case Feature.TimePart(
                            String field,
                            List<Feature.Part> parts,
                            int dimension,
                            Embedding.Update update) ->
                    "time-part: "
                            + new Flow()
                                    .add("field", quoted(field))
                                    .add(
                                            "parts",
                                            parts.stream()
                                                    .map(SpecReader::name)
                                                    .collect(Collectors.joining(", ", "[", "]")))
                                    .add(
                                            "dimension",
                                            dimension == ModelSpec.TIME_PART_DIMENSION
                                                    ? null
                                                    : String.valueOf(dimension))
                                    .add("update", update(update));
            case Feature.Cyclic(
                            String field,
                            Feature.@Nullable Part part,
                            double period,
                            Feature.Missing missing) ->
                    "cyclic: "
                            + new Flow()
                                    .add("field", quoted(field))
                                    .add("part", part == null ? null : SpecReader.name(part))
                                    .add("period", part == null ? number(period) : null)
                                    .add("missing", missing(missing));
            case Feature.Pixels(String field, int width, int height, double divideBy) ->
                    "pixels: "
                            + new Flow()
                                    .add("field", quoted(field))
                                    .add("width", String.valueOf(width))
                                    .add("height", String.valueOf(height))
                                    .add(
                                            "divide-by",
                                            divideBy == ModelSpec.PIXELS_DIVIDE_BY
                                                    ? null
                                                    : number(divideBy));
        };
    }

    private static String table(Flow flow, int buckets, int dimension, Embedding.Update update) {
        return flow.add("buckets", String.valueOf(buckets))
                .add("dimension", String.valueOf(dimension))
                .add("update", update(update))
                .toString();
    }

    private static @Nullable String update(Embedding.Update update) {
        return update == Embedding.Update.TOUCHED ? null : SpecReader.name(update);
    }

    private static @Nullable String missing(Feature.Missing missing) {
        return switch (missing.kind()) {
            case REJECT -> null;
            case INDICATOR -> "indicator";
            case VALUE -> number(missing.value());
        };
    }

    private static String network(List<Layer> layers) {
        StringJoiner text = new StringJoiner(", ", "[", "]");
        for (int i = 0; i < layers.size(); i++) {
            boolean reluFollows = i + 1 < layers.size() && layers.get(i + 1) instanceof Relu;
            text.add(layer(layers.get(i), reluFollows));
        }
        return text.toString();
    }

    /// As a spec writes it.
    static String layer(Layer layer, boolean reluFollows) {
        return switch (layer) {
            case Dense dense -> {
                boolean plain =
                        dense.initialization() == SpecReader.defaultInitialization(reluFollows);
                if (dense.bias() && plain) {
                    yield "dense: " + dense.outputs();
                }
                yield "dense: "
                        + new Flow()
                                .add("units", String.valueOf(dense.outputs()))
                                .add("bias", dense.bias() ? null : "false")
                                .add(
                                        "init",
                                        plain ? null : SpecReader.name(dense.initialization()));
            }
            case Relu relu -> "relu";
            case Sigmoid sigmoid -> "sigmoid";
            case Tanh tanh -> "tanh";
            case Softmax softmax -> "softmax";
            // Layers that a spec's network can't name; the binding puts them before it.
            case Sequence sequence -> throw unnamed(layer);
            case Concat concat -> throw unnamed(layer);
            case Numbers numbers -> throw unnamed(layer);
            case Embedding embedding -> throw unnamed(layer);
            case Standardise standardise -> throw unnamed(layer);
            case Identity identity -> throw unnamed(layer);
            case Reshape reshape -> throw unnamed(layer);
            case Flatten flatten -> throw unnamed(layer);
            case Transpose transpose -> throw unnamed(layer);
        };
    }

    private static IllegalStateException unnamed(Layer layer) {
        return new IllegalStateException("no spec can name " + layer);
    }

    private static String optimizer(ModelSpec spec) {
        return switch (spec.optimizer()) {
            case Sgd(double rate, double momentum, boolean nesterov) ->
                    "{sgd: "
                            + new Flow()
                                    .add("rate", number(rate))
                                    .add("momentum", momentum == 0 ? null : number(momentum))
                                    .add("nesterov", nesterov ? "true" : null)
                            + "}";
            case Adagrad(double rate, double epsilon, double initial) -> {
                Adagrad byDefault = ModelSpec.ADAGRAD;
                Flow flow =
                        new Flow()
                                .add("rate", rate == byDefault.rate() ? null : number(rate))
                                .add(
                                        "epsilon",
                                        epsilon == byDefault.epsilon() ? null : number(epsilon))
                                .add(
                                        "initial-accumulator",
                                        initial == byDefault.initialAccumulator()
                                                ? null
                                                : number(initial));
                yield flow.isEmpty() ? "adagrad" : "{adagrad: " + flow + "}";
            }
            case Adam(double rate, double beta1, double beta2, double epsilon) -> {
                Adam byDefault = ModelSpec.ADAM;
                Flow flow =
                        new Flow()
                                .add("rate", rate == byDefault.rate() ? null : number(rate))
                                .add("beta1", beta1 == byDefault.beta1() ? null : number(beta1))
                                .add("beta2", beta2 == byDefault.beta2() ? null : number(beta2))
                                .add(
                                        "epsilon",
                                        epsilon == byDefault.epsilon() ? null : number(epsilon));
                yield flow.isEmpty() ? "adam" : "{adam: " + flow + "}";
            }
        };
    }

    private static Flow regularization(Regularization regularization) {
        return new Flow()
                .add("l1", regularization.l1() == 0 ? null : number(regularization.l1()))
                .add("l2", regularization.l2() == 0 ? null : number(regularization.l2()))
                .add(
                        "applies-to",
                        regularization.scope() == Regularization.Scope.ALL
                                ? null
                                : SpecReader.name(regularization.scope()));
    }

    /// The shortest decimal that reads back as the same number, without exponent.
    private static String number(double value) {
        BigDecimal decimal = new BigDecimal(Double.toString(value));
        return decimal.signum() == 0 ? "0" : decimal.stripTrailingZeros().toPlainString();
    }

    /// Double-quoted as in JSON, which is YAML too.
    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < 0x20 || c > 0x7e) {
                quoted.append(String.format(java.util.Locale.ROOT, "\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }

    /// `{key: value, …}`; a null value stands for the default and is left out.
    private static final class Flow {
        private final List<String> entries = new ArrayList<>();

        Flow add(String key, @Nullable String value) {
            if (value != null) {
                entries.add(key + ": " + value);
            }
            return this;
        }

        boolean isEmpty() {
            return entries.isEmpty();
        }

        @Override
        public String toString() {
            return "{" + String.join(", ", entries) + "}";
        }
    }
}
