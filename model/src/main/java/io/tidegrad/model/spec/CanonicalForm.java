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
import io.tidegrad.engine.layer.Flatten;
import io.tidegrad.engine.layer.Gelu;
import io.tidegrad.engine.layer.GlobalAveragePool2d;
import io.tidegrad.engine.layer.Identity;
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
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.engine.optim.Adagrad;
import io.tidegrad.engine.optim.Adam;
import io.tidegrad.engine.optim.AdamW;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.FtrlProximal;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.RmsProp;
import io.tidegrad.engine.optim.Schedule;
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
        Flow loss = loss(spec.loss());
        String name = name(spec.loss());
        line(text, "loss", loss.isEmpty() ? name : "{" + name + ": " + loss + "}");
        line(text, "optimizer", optimizer(spec.optimizer()));
        if (!(spec.schedule() instanceof Schedule.Constant)) {
            line(text, "schedule", schedule(spec.schedule()));
        }
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
            case Dense dense -> dense(dense, 1, reluFollows);
            case Rate(double factor, Dense dense) -> dense(dense, factor, reluFollows);
            case Relu relu -> "relu";
            case Sigmoid sigmoid -> "sigmoid";
            case Tanh tanh -> "tanh";
            case Softmax softmax -> "softmax";
            // Layers that a spec's network can't name; the binding puts them before it.
            case Rate rate -> throw unnamed(layer);
            case Sequence sequence -> throw unnamed(layer);
            case Concat concat -> throw unnamed(layer);
            case Numbers numbers -> throw unnamed(layer);
            case LeakyRelu relu -> throw unnamed(layer);
            case Elu elu -> throw unnamed(layer);
            case Gelu gelu -> throw unnamed(layer);
            case Silu silu -> throw unnamed(layer);
            case Softplus softplus -> throw unnamed(layer);
            case Embedding embedding -> throw unnamed(layer);
            case EmbeddingBag bag -> throw unnamed(layer);
            case Bias bias -> throw unnamed(layer);
            case Standardise standardise -> throw unnamed(layer);
            case Identity identity -> throw unnamed(layer);
            case Reshape reshape -> throw unnamed(layer);
            case Flatten flatten -> throw unnamed(layer);
            case Transpose transpose -> throw unnamed(layer);
            case LayerNorm norm -> throw unnamed(layer);
            case RmsNorm norm -> throw unnamed(layer);
            case BatchNorm norm -> throw unnamed(layer);
            case Dropout dropout -> throw unnamed(layer);
            case Residual residual -> throw unnamed(layer);
            case SelfAttention attention -> throw unnamed(layer);
            case Recurrent recurrent -> throw unnamed(layer);
            case Conv1d convolution -> throw unnamed(layer);
            case Conv2d convolution -> throw unnamed(layer);
            case MaxPool2d pool -> throw unnamed(layer);
            case AveragePool2d pool -> throw unnamed(layer);
            case GlobalAveragePool2d pool -> throw unnamed(layer);
        };
    }

    private static String dense(Dense dense, double rateFactor, boolean reluFollows) {
        boolean plain = dense.initialization() == SpecReader.defaultInitialization(reluFollows);
        if (dense.bias() && plain && rateFactor == 1) {
            return "dense: " + dense.outputs();
        }
        return "dense: "
                + new Flow()
                        .add("units", String.valueOf(dense.outputs()))
                        .add("bias", dense.bias() ? null : "false")
                        .add("init", plain ? null : SpecReader.name(dense.initialization()))
                        .add("rate-factor", rateFactor == 0 ? null : unless(1, rateFactor))
                        .add("frozen", rateFactor == 0 ? "true" : null);
    }

    private static IllegalStateException unnamed(Object part) {
        return new IllegalStateException("no spec can name " + part);
    }

    /// As a spec writes it.
    static String name(Loss loss) {
        return switch (loss) {
            case BinaryCrossEntropy binary -> "binary-cross-entropy";
            case CategoricalCrossEntropy categorical -> "categorical-cross-entropy";
            case MeanSquaredError squared -> "mean-squared-error";
            case MeanAbsoluteError absolute -> "mean-absolute-error";
            case Huber huber -> "huber";
            case Poisson poisson -> "poisson";
            case Quantile quantile -> "quantile";
            case Hinge hinge -> "hinge";
            // No event holds a sequence of labels.
            case Ctc ctc -> throw unnamed(ctc);
        };
    }

    private static Flow loss(Loss loss) {
        Flow flow = new Flow();
        return switch (loss) {
            case BinaryCrossEntropy(List<Double> weights) ->
                    flow.add(
                            "positive-weight",
                            weights.isEmpty() ? null : number(weights.getFirst()));
            case CategoricalCrossEntropy categorical ->
                    flow.add("label-smoothing", unless(0, categorical.labelSmoothing()))
                            .add(
                                    "class-weights",
                                    categorical.classWeights().isEmpty()
                                            ? null
                                            : numbers(categorical.classWeights()));
            case Huber(double delta) -> flow.add("delta", unless(ModelSpec.HUBER.delta(), delta));
            case Quantile(List<Double> quantiles) -> flow.add("quantiles", numbers(quantiles));
            case MeanSquaredError squared -> flow;
            case MeanAbsoluteError absolute -> flow;
            case Poisson poisson -> flow;
            case Hinge hinge -> flow;
            case Ctc ctc -> throw unnamed(ctc);
        };
    }

    private static String optimizer(Optimizer optimizer) {
        return switch (optimizer) {
            case Sgd(double rate, double momentum, boolean nesterov) ->
                    "{sgd: "
                            + new Flow()
                                    .add("rate", number(rate))
                                    .add("momentum", unless(0, momentum))
                                    .add("nesterov", flag(nesterov))
                            + "}";
            case Adagrad(double rate, double epsilon, double initial) -> {
                Adagrad byDefault = ModelSpec.ADAGRAD;
                yield named(
                        "adagrad",
                        new Flow()
                                .add("rate", unless(byDefault.rate(), rate))
                                .add("epsilon", unless(byDefault.epsilon(), epsilon))
                                .add(
                                        "initial-accumulator",
                                        unless(byDefault.initialAccumulator(), initial)));
            }
            case RmsProp(
                            double rate,
                            double alpha,
                            double epsilon,
                            boolean centered,
                            double momentum) -> {
                RmsProp byDefault = ModelSpec.RMSPROP;
                yield named(
                        "rmsprop",
                        new Flow()
                                .add("rate", unless(byDefault.rate(), rate))
                                .add("alpha", unless(byDefault.alpha(), alpha))
                                .add("epsilon", unless(byDefault.epsilon(), epsilon))
                                .add("centered", flag(centered))
                                .add("momentum", unless(0, momentum)));
            }
            case Adam adam -> named("adam", adam(adam));
            case AdamW(Adam adam, double decay) ->
                    named(
                            "adamw",
                            adam(adam)
                                    .add(
                                            "weight-decay",
                                            unless(ModelSpec.ADAMW.weightDecay(), decay)));
            case FtrlProximal(double alpha, double beta, double l1, double l2) ->
                    "{ftrl: "
                            + new Flow()
                                    .add("alpha", number(alpha))
                                    .add("beta", unless(1, beta))
                                    .add("l1", unless(0, l1))
                                    .add("l2", unless(0, l2))
                            + "}";
        };
    }

    private static Flow adam(Adam adam) {
        Adam byDefault = ModelSpec.ADAM;
        return new Flow()
                .add("rate", unless(byDefault.rate(), adam.rate()))
                .add("beta1", unless(byDefault.beta1(), adam.beta1()))
                .add("beta2", unless(byDefault.beta2(), adam.beta2()))
                .add("epsilon", unless(byDefault.epsilon(), adam.epsilon()))
                .add("amsgrad", flag(adam.amsgrad()));
    }

    /// The name alone where all is as by default.
    private static String named(String name, Flow settings) {
        return settings.isEmpty() ? name : "{" + name + ": " + settings + "}";
    }

    private static String schedule(Schedule schedule) {
        return switch (schedule) {
            case Schedule.Constant() -> throw new IllegalStateException("no schedule to write");
            case Schedule.Step(long stepSize, double gamma) ->
                    named(
                            "step",
                            new Flow()
                                    .add("step-size", String.valueOf(stepSize))
                                    .add("gamma", number(gamma)));
            case Schedule.Exponential(double gamma) ->
                    named("exponential", new Flow().add("gamma", number(gamma)));
            case Schedule.LinearWarmup(double startFactor, long steps) ->
                    named(
                            "linear-warmup",
                            new Flow()
                                    .add("start-factor", number(startFactor))
                                    .add("warmup-steps", String.valueOf(steps)));
            case Schedule.InverseSqrt(long steps) ->
                    named("inverse-sqrt", new Flow().add("warmup-steps", String.valueOf(steps)));
            case Schedule.Cosine(long total, double min) ->
                    named(
                            "cosine",
                            new Flow()
                                    .add("total-steps", String.valueOf(total))
                                    .add("min-rate", unless(0, min)));
            case Schedule.WarmupCosine(long warmup, long total, double min) ->
                    named(
                            "warmup-cosine",
                            new Flow()
                                    .add("warmup-steps", String.valueOf(warmup))
                                    .add("total-steps", String.valueOf(total))
                                    .add("min-rate", unless(0, min)));
            case Schedule.OneCycle(long total, double start, double div, double finalDiv) -> {
                Schedule.OneCycle byDefault = ModelSpec.ONE_CYCLE;
                yield named(
                        "one-cycle",
                        new Flow()
                                .add("total-steps", String.valueOf(total))
                                .add("pct-start", unless(byDefault.pctStart(), start))
                                .add("div-factor", unless(byDefault.divFactor(), div))
                                .add(
                                        "final-div-factor",
                                        unless(byDefault.finalDivFactor(), finalDiv)));
            }
            case Schedule.WarmRestarts(long period, long factor, double min) ->
                    named(
                            "warm-restarts",
                            new Flow()
                                    .add("period", String.valueOf(period))
                                    .add("period-factor", unless(1, factor))
                                    .add("min-rate", unless(0, min)));
        };
    }

    private static @Nullable String unless(double byDefault, double value) {
        return value == byDefault ? null : number(value);
    }

    private static @Nullable String flag(boolean set) {
        return set ? "true" : null;
    }

    private static Flow regularization(Regularization regularization) {
        return new Flow()
                .add("l1", unless(0, regularization.l1()))
                .add("l2", unless(0, regularization.l2()))
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

    private static String numbers(List<Double> values) {
        return values.stream()
                .map(CanonicalForm::number)
                .collect(Collectors.joining(", ", "[", "]"));
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
