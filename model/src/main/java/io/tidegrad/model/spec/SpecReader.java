package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Initialization;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.layer.Tanh;
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
import io.tidegrad.model.spec.ModelSpec.InitialWeights;
import io.tidegrad.model.spec.ModelSpec.Input;
import io.tidegrad.model.spec.ModelSpec.Label;
import io.tidegrad.model.spec.SpecNode.Choice;
import io.tidegrad.model.spec.SpecNode.Mapping;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;

/// YAML → `ModelSpec`: the grammar, key by key, then what must fit together. One reader, one file.
final class SpecReader {
    private static final Pattern MODEL_NAME = Pattern.compile("[a-z0-9-]{1,100}");
    private static final Pattern TOPIC_NAME = Pattern.compile("(?!\\.{1,2}$)[a-zA-Z0-9._-]{1,249}");

    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");
    private static final Pattern SAFETENSORS_FILE =
            Pattern.compile("[^\\p{Cntrl}]{1,4096}\\.safetensors");

    private static final int FEATURES_MAX = 1_000;
    private static final int LAYERS_MAX = 100;
    private static final int UNITS_MAX = 65_536;
    private static final int BUCKETS_MAX = 1 << 28;
    private static final int DIMENSION_MAX = 1_024;
    private static final int CROSSED_MAX = 8;
    private static final int PIXELS_SIDE_MAX = 4_096;
    private static final int PIXELS_MAX = 1 << 20;
    private static final int ROWS_MAX = 65_536;
    private static final long STEPS_MAX = 1_000_000_000_000L;

    /// Floats that the open batch may hold: 64 MiB.
    private static final int BATCH_FLOATS_MAX = 1 << 24;

    private static final Duration PUBLISH_MIN = Duration.ofMillis(50);
    private static final Duration PUBLISH_MAX = Duration.ofDays(1);
    private static final Duration WINDOW_MIN = Duration.ofMillis(1);
    private static final Duration LONG_TIME = Duration.ofDays(36_500);

    private final String yaml;
    private final String source;
    private final Problems problems = new Problems();

    SpecReader(String yaml, String source) {
        this.yaml = yaml;
        this.source = source;
    }

    /// @throws SpecException with every mistake found
    ModelSpec read() {
        Node tree = YamlTree.read(yaml, problems);
        ModelSpec spec = tree == null ? null : spec(SpecNode.root(tree, problems));
        if (spec == null || !problems.isEmpty()) {
            throw new SpecException(source, problems.lines());
        }
        return spec;
    }

    private @Nullable ModelSpec spec(SpecNode root) {
        Mapping keys =
                root.mapping(
                        "model",
                        "input",
                        "label",
                        "features",
                        "network",
                        "loss",
                        "optimizer",
                        "schedule",
                        "gradient-clipping",
                        "regularization",
                        "mini-batch",
                        "publish",
                        "seed",
                        "initial-weights");
        if (!root.isMapping()) {
            return null;
        }
        String model =
                keys.required("model", "the model's name")
                        .text("a name of 1 to 100 characters a-z, 0-9 and -", MODEL_NAME);
        Input input = input(keys.required("input", "input: { topic: … }"));
        List<Feature> features = features(keys.required("features", "a list of features"));
        int before = problems.count();
        SpecNode networkNode = keys.required("network", "a list of layers, like [ dense: 1 ]");
        List<Layer> layers = layers(networkNode);
        LossKeys lossKeys = loss(keys.required("loss", "the name of a loss"));
        Loss loss = lossKeys.loss;
        boolean networkIsSound = problems.count() == before && loss != null;
        LabelKeys label = label(keys.required("label", "label: { field: … }"), loss);
        Optimizer optimizer =
                optimizer(
                        keys.required("optimizer", "an optimizer, like { adam: { rate: 0.001 } }"));
        Schedule schedule = schedule(keys.optional("schedule"), optimizer);
        Clipping clipping = clipping(keys.optional("gradient-clipping"));
        Regularization regularization = regularization(keys.optional("regularization"));
        MiniBatch miniBatch = miniBatch(keys.optional("mini-batch"), input);
        Duration publishEvery = publishEvery(keys.optional("publish"));
        SpecNode seedNode = keys.optional("seed");
        long seed = seedNode == null ? 0 : seedNode.integer(Long.MIN_VALUE, Long.MAX_VALUE);
        InitialWeights initialWeights = initialWeights(keys.optional("initial-weights"));
        if (networkIsSound && loss != null) {
            checkEnd(networkNode, layers, loss, label.classes, lossKeys.classWeights);
            checkRates(networkNode, layers, optimizer);
        }
        if (!problems.isEmpty() || loss == null) {
            return null;
        }
        RowLayout layout = RowLayout.of(features);
        long batchFloats = (long) miniBatch.size * (layout.numbers() + layout.ids() + 1L);
        if (batchFloats > BATCH_FLOATS_MAX) {
            SpecNode at = keys.required("mini-batch", "");
            at.problem(
                    "a mini-batch of "
                            + miniBatch.size
                            + " rows of "
                            + (layout.numbers() + layout.ids() + 1)
                            + " values takes "
                            + batchFloats
                            + " floats; expected at most "
                            + BATCH_FLOATS_MAX);
            return null;
        }
        return new ModelSpec(
                model,
                input,
                new Label(label.field, label.threshold, label.positive),
                features,
                layers,
                loss,
                optimizer,
                schedule,
                clipping,
                regularization,
                miniBatch.size,
                miniBatch.window,
                publishEvery,
                seed,
                initialWeights,
                yaml);
    }

    private @Nullable InitialWeights initialWeights(@Nullable SpecNode node) {
        if (node == null) {
            return null;
        }
        Mapping keys = node.mapping("file", "sha256");
        String sha256 =
                keys.required("sha256", "the file's SHA-256, as sha256sum prints it")
                        .text("a SHA-256 of 64 digits 0-9 and a-f", SHA256);
        SpecNode file = keys.optional("file");
        return new InitialWeights(
                file == null
                        ? InitialWeights.defaultFile(sha256)
                        : file.text("the path of a .safetensors file", SAFETENSORS_FILE),
                sha256);
    }

    private Input input(SpecNode node) {
        Mapping keys = node.mapping("topic", "event-time", "max-ahead");
        String topic =
                keys.required("topic", "the events topic")
                        .text(
                                "a topic name of 1 to 249 characters a-z, A-Z, 0-9, '.', '_' and '-', not . or ..",
                                TOPIC_NAME);
        SpecNode eventTime = keys.optional("event-time");
        SpecNode maxAhead = keys.optional("max-ahead");
        if (maxAhead != null && eventTime == null) {
            maxAhead.problem("max-ahead needs event-time: without it no row has a time");
        }
        return new Input(
                topic,
                eventTime == null ? null : eventTime.text("the name of a field"),
                maxAhead == null
                        ? Input.MAX_AHEAD
                        : maxAhead.duration(Duration.ofSeconds(1), LONG_TIME));
    }

    private record LabelKeys(
            String field,
            @Nullable Double threshold,
            @Nullable String positive,
            @Nullable SpecNode classes) {}

    private LabelKeys label(SpecNode node, @Nullable Loss loss) {
        Mapping keys = node.mapping("field", "threshold", "positive", "classes");
        String field = keys.required("field", "the name of a field").text("the name of a field");
        SpecNode threshold = keys.optional("threshold");
        SpecNode positive = keys.optional("positive");
        SpecNode classes = keys.optional("classes");
        if (threshold != null && positive != null) {
            positive.problem("threshold and positive exclude one another: keep one");
        }
        for (SpecNode binaryOnly : new SpecNode[] {threshold, positive}) {
            if (binaryOnly != null
                    && loss != null
                    && !(loss instanceof BinaryCrossEntropy || loss instanceof Hinge)) {
                binaryOnly.problem("only for the losses binary-cross-entropy and hinge");
            }
        }
        if (classes != null && loss != null && !(loss instanceof CategoricalCrossEntropy)) {
            classes.problem("only for the loss categorical-cross-entropy");
        }
        return new LabelKeys(
                field,
                threshold == null ? null : threshold.decimal("a number", value -> true),
                positive == null ? null : positive.text("the field's value that counts as 1"),
                classes);
    }

    private List<Feature> features(SpecNode node) {
        List<SpecNode> entries = node.list("features, at least one");
        if (entries.size() > FEATURES_MAX) {
            node.problem("expected at most " + FEATURES_MAX + " features, found " + entries.size());
            return List.of();
        }
        List<Feature> features = new ArrayList<>();
        Map<String, Integer> lines = new HashMap<>();
        for (SpecNode entry : entries) {
            int before = problems.count();
            Feature feature = feature(entry);
            if (feature == null || problems.count() > before) {
                continue;
            }
            for (String reading : readings(feature)) {
                Integer earlier = lines.putIfAbsent(reading, entry.line());
                if (earlier != null) {
                    entry.problem(reading + " is a feature already, on line " + earlier);
                }
            }
            features.add(feature);
        }
        return features;
    }

    /// What a feature makes of which fields: two features with the same reading are a slip.
    private static List<String> readings(Feature feature) {
        return switch (feature) {
            case Feature.Numeric number -> List.of("number of '" + number.field() + "'");
            case Feature.Category category -> List.of("category of '" + category.field() + "'");
            case Feature.Cross cross ->
                    List.of("cross of '" + String.join("', '", cross.fields()) + "'");
            case Feature.TimePart time ->
                    time.parts().stream()
                            .map(part -> name(part) + " of '" + time.field() + "' as a time-part")
                            .toList();
            case Feature.Cyclic cyclic ->
                    List.of(
                            "cyclic of '"
                                    + cyclic.field()
                                    + "' with period "
                                    + (cyclic.part() == null
                                            ? cyclic.period()
                                            : name(cyclic.part())));
            case Feature.Pixels pixels -> List.of("pixels of '" + pixels.field() + "'");
        };
    }

    private @Nullable Feature feature(SpecNode entry) {
        Choice choice =
                entry.choice(
                        "feature", "number", "category", "cross", "time-part", "cyclic", "pixels");
        if (choice == null) {
            return null;
        }
        SpecNode value = choice.value();
        return switch (choice.kind()) {
            case "number" -> numeric(value);
            case "category" -> category(value);
            case "cross" -> cross(value);
            case "time-part" -> timePart(value);
            case "cyclic" -> cyclic(value);
            case "pixels" -> pixels(value);
            default -> throw new IllegalStateException("no reader for " + choice.kind());
        };
    }

    private static String field(Mapping keys) {
        return keys.required("field", "the name of a field").text("the name of a field");
    }

    private static Feature numeric(SpecNode node) {
        Mapping keys = node.mapping("field", "scale", "transform", "missing");
        SpecNode scale = keys.optional("scale");
        SpecNode transform = keys.optional("transform");
        if (scale != null && scale.is("log1p")) {
            scale.problem("log1p is a transform, before any scale: write transform: log1p");
            scale = null;
        }
        return new Feature.Numeric(
                field(keys),
                scale != null && "standard".equals(scale.name("raw", "standard"))
                        ? Feature.Scale.STANDARD
                        : Feature.Scale.RAW,
                transform != null && "log1p".equals(transform.name("none", "log1p"))
                        ? Feature.Transform.LOG1P
                        : Feature.Transform.NONE,
                missing(keys.optional("missing")));
    }

    private static Feature.Missing missing(@Nullable SpecNode node) {
        if (node == null || node.is("reject")) {
            return Feature.Missing.REJECT;
        }
        if (node.is("indicator")) {
            return Feature.Missing.INDICATOR;
        }
        return Feature.Missing.value(node.decimal("reject, indicator or a number", value -> true));
    }

    private static Feature category(SpecNode node) {
        Mapping keys = node.mapping("field", "buckets", "dimension", "update");
        return new Feature.Category(field(keys), buckets(keys), dimension(keys), update(keys));
    }

    private static Feature cross(SpecNode node) {
        Mapping keys = node.mapping("fields", "buckets", "dimension", "update");
        SpecNode list = keys.required("fields", "a list of two or more fields");
        List<String> fields = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (SpecNode entry : list.list("fields, two or more")) {
            String field = entry.text("the name of a field");
            if (!field.isEmpty() && !seen.add(field)) {
                entry.problem("'" + field + "' is crossed with itself");
            }
            fields.add(field);
        }
        if (fields.size() == 1 || fields.size() > CROSSED_MAX) {
            list.problem("expected 2 to " + CROSSED_MAX + " fields, found " + fields.size());
        }
        return new Feature.Cross(fields, buckets(keys), dimension(keys), update(keys));
    }

    private static int buckets(Mapping keys) {
        return keys.required("buckets", "the rows of the table").integer(1, BUCKETS_MAX);
    }

    private static int dimension(Mapping keys) {
        return keys.required("dimension", "the numbers of one table row").integer(1, DIMENSION_MAX);
    }

    private static Embedding.Update update(Mapping keys) {
        SpecNode node = keys.optional("update");
        return node != null && "dense".equals(node.name("touched", "dense"))
                ? Embedding.Update.DENSE
                : Embedding.Update.TOUCHED;
    }

    private static Feature timePart(SpecNode node) {
        Mapping keys = node.mapping("field", "parts", "dimension", "update");
        List<Feature.Part> parts = new ArrayList<>();
        for (SpecNode entry :
                keys.required("parts", "a list like [hour, weekday]")
                        .list("parts like [hour, weekday]")) {
            Feature.Part part = part(entry);
            if (part != null) {
                parts.add(part);
            }
        }
        SpecNode dimension = keys.optional("dimension");
        return new Feature.TimePart(
                field(keys),
                parts,
                dimension == null
                        ? ModelSpec.TIME_PART_DIMENSION
                        : dimension.integer(1, DIMENSION_MAX),
                update(keys));
    }

    private static Feature.@Nullable Part part(SpecNode node) {
        Feature.Part[] parts = Feature.Part.values();
        String[] names = new String[parts.length];
        for (int i = 0; i < parts.length; i++) {
            names[i] = name(parts[i]);
        }
        String name = node.name(names);
        return name == null
                ? null
                : Feature.Part.valueOf(name.toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    /// As written in a spec: `minute-of-day`.
    static String name(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static Feature cyclic(SpecNode node) {
        Mapping keys = node.mapping("field", "period", "part", "missing");
        SpecNode period = keys.optional("period");
        SpecNode partNode = keys.optional("part");
        if ((period == null) == (partNode == null)) {
            node.problem(
                    "expected either period (of a number) or part (of a time), found "
                            + (period == null ? "neither" : "both"));
        }
        Feature.Part part = partNode == null ? null : part(partNode);
        double size =
                period != null
                        ? period.decimal("a number above 0", value -> value > 0)
                        : part == null ? 1 : part.size();
        SpecNode missing = keys.optional("missing");
        if (missing != null && partNode != null && missing.isNumber()) {
            missing.problem("a missing time can be reject or indicator, not a number");
        }
        return new Feature.Cyclic(field(keys), part, size, missing(missing));
    }

    private static Feature pixels(SpecNode node) {
        Mapping keys = node.mapping("field", "width", "height", "divide-by");
        SpecNode divideBy = keys.optional("divide-by");
        int width = keys.required("width", "pixels in a line").integer(1, PIXELS_SIDE_MAX);
        int height = keys.required("height", "the number of lines").integer(1, PIXELS_SIDE_MAX);
        if (width * height > PIXELS_MAX) {
            node.problem(
                    "expected at most " + PIXELS_MAX + " pixels, found " + width + " x " + height);
        }
        return new Feature.Pixels(
                field(keys),
                width,
                height,
                divideBy == null
                        ? ModelSpec.PIXELS_DIVIDE_BY
                        : divideBy.decimal("a number above 0", value -> value > 0));
    }

    private List<Layer> layers(SpecNode node) {
        List<SpecNode> entries = node.list("layers, at least one dense");
        if (entries.size() > LAYERS_MAX) {
            node.problem("expected at most " + LAYERS_MAX + " layers, found " + entries.size());
            return List.of();
        }
        List<Layer> layers = new ArrayList<>();
        for (int i = 0; i < entries.size(); i++) {
            boolean reluFollows = i + 1 < entries.size() && entries.get(i + 1).is("relu");
            Layer layer = layer(entries.get(i), reluFollows);
            if (layer != null) {
                layers.add(layer);
            }
        }
        return layers;
    }

    private static @Nullable Layer layer(SpecNode entry, boolean reluFollows) {
        if (entry.isScalar()) {
            if (entry.is("dense")) {
                entry.problem("dense needs its number of outputs, like dense: 64");
                return null;
            }
            String name = entry.name("dense: N", "relu", "sigmoid", "tanh", "softmax");
            return switch (name) {
                case null -> null;
                case "relu" -> new Relu();
                case "sigmoid" -> new Sigmoid();
                case "tanh" -> new Tanh();
                case "softmax" -> new Softmax();
                default -> {
                    entry.problem("expected dense with a number, like dense: 64");
                    yield null;
                }
            };
        }
        Choice choice = entry.choice("layer", "dense", "relu", "sigmoid", "tanh", "softmax");
        if (choice == null) {
            return null;
        }
        if (!choice.kind().equals("dense")) {
            entry.problem(choice.kind() + " has no settings; write it alone");
            return null;
        }
        SpecNode value = choice.value();
        Initialization byDefault = defaultInitialization(reluFollows);
        if (!value.isMapping()) {
            return new Dense(value.integer(1, UNITS_MAX), true, byDefault);
        }
        Mapping keys = value.mapping("units", "bias", "init", "rate-factor", "frozen");
        SpecNode bias = keys.optional("bias");
        SpecNode init = keys.optional("init");
        String name =
                init == null
                        ? null
                        : init.name("he-uniform", "he-normal", "xavier-uniform", "xavier-normal");
        Dense dense =
                new Dense(
                        keys.required("units", "the number of outputs").integer(1, UNITS_MAX),
                        bias == null || bias.bool(),
                        name == null
                                ? byDefault
                                : Initialization.valueOf(
                                        name.toUpperCase(Locale.ROOT).replace('-', '_')));
        double rateFactor = rateFactor(keys.optional("rate-factor"), keys.optional("frozen"));
        return rateFactor == 1 ? dense : new Rate(rateFactor, dense);
    }

    private static double rateFactor(@Nullable SpecNode factor, @Nullable SpecNode frozen) {
        boolean isFrozen = frozen != null && frozen.bool();
        if (factor == null) {
            return isFrozen ? 0 : 1;
        }
        if (isFrozen) {
            factor.problem("a frozen layer has no rate: keep one of rate-factor and frozen");
        }
        return factor.decimal(
                "a number above 0 and at most 1000 (for 0 write frozen: true)",
                value -> (float) value > 0 && value <= 1000);
    }

    /// He et al. derived theirs for relu, Glorot & Bengio theirs for everything that is near linear around 0.
    static Initialization defaultInitialization(boolean reluFollows) {
        return reluFollows ? Initialization.HE_UNIFORM : Initialization.XAVIER_UNIFORM;
    }

    private record LossKeys(@Nullable Loss loss, @Nullable SpecNode classWeights) {
        LossKeys(@Nullable Loss loss) {
            this(loss, null);
        }
    }

    private static LossKeys loss(SpecNode node) {
        if (!node.isMapping()) {
            String name =
                    node.name(
                            "binary-cross-entropy",
                            "categorical-cross-entropy",
                            "mean-squared-error",
                            "mean-absolute-error",
                            "huber",
                            "poisson",
                            "quantile",
                            "hinge");
            return new LossKeys(
                    switch (name) {
                        case null -> null;
                        case "binary-cross-entropy" -> new BinaryCrossEntropy();
                        case "categorical-cross-entropy" -> new CategoricalCrossEntropy(false);
                        case "mean-squared-error" -> new MeanSquaredError();
                        case "mean-absolute-error" -> new MeanAbsoluteError();
                        case "huber" -> ModelSpec.HUBER;
                        case "poisson" -> new Poisson();
                        case "hinge" -> new Hinge();
                        default -> {
                            node.problem(
                                    "quantile needs its quantiles, like"
                                            + " { quantile: { quantiles: [0.1, 0.5, 0.9] } }");
                            yield null;
                        }
                    });
        }
        Choice choice =
                node.choice(
                        "loss with settings",
                        "binary-cross-entropy",
                        "categorical-cross-entropy",
                        "huber",
                        "quantile");
        if (choice == null) {
            return new LossKeys(null);
        }
        SpecNode value = choice.value();
        return switch (choice.kind()) {
            case "binary-cross-entropy" -> new LossKeys(binaryCrossEntropy(value));
            case "categorical-cross-entropy" -> categoricalCrossEntropy(value);
            case "huber" -> new LossKeys(huber(value));
            default -> new LossKeys(quantile(value));
        };
    }

    private static Loss binaryCrossEntropy(SpecNode node) {
        SpecNode positive = node.mapping("positive-weight").optional("positive-weight");
        double weight = positive == null ? 1 : weight(positive);
        return new BinaryCrossEntropy(weight == 1 ? List.of() : List.of(weight));
    }

    private static LossKeys categoricalCrossEntropy(SpecNode node) {
        Mapping keys = node.mapping("label-smoothing", "class-weights");
        double smoothing = fraction(keys.optional("label-smoothing"), 0);
        SpecNode list = keys.optional("class-weights");
        List<Double> weights =
                list == null
                        ? List.of()
                        : list.list("weights, one a class").stream()
                                .map(SpecReader::weight)
                                .toList();
        return new LossKeys(
                new CategoricalCrossEntropy(false, true, smoothing, weights, null), list);
    }

    private static double weight(SpecNode node) {
        return orOne(
                node.decimal(
                        "a number from 0.000001 to 1000000",
                        value -> value >= 1e-6 && value <= 1e6));
    }

    private static Loss huber(SpecNode node) {
        SpecNode delta = node.mapping("delta").optional("delta");
        return delta == null
                ? ModelSpec.HUBER
                : new Huber(
                        orOne(
                                delta.decimal(
                                        "a number above 0 and at most 1e15",
                                        value -> (float) value > 0 && value <= 1e15)));
    }

    /// 0 stands for a mistake, which is reported already.
    private static double orOne(double value) {
        return value == 0 ? 1 : value;
    }

    private static @Nullable Loss quantile(SpecNode node) {
        SpecNode list =
                node.mapping("quantiles")
                        .required("quantiles", "a list of numbers between 0 and 1");
        List<Double> quantiles = new ArrayList<>();
        for (SpecNode entry : list.list("quantiles, like [0.1, 0.5, 0.9]")) {
            double q =
                    entry.decimal(
                            "a number from 0.000001 to 0.999999",
                            value -> value >= 1e-6 && value <= 1 - 1e-6);
            if (q > 0 && quantiles.contains(q)) {
                entry.problem("the quantile " + q + " is there already");
            }
            quantiles.add(q);
        }
        return quantiles.isEmpty() || quantiles.contains(0.0) ? null : new Quantile(quantiles);
    }

    private Optimizer optimizer(SpecNode node) {
        if (node.is("adam")) {
            return ModelSpec.ADAM;
        }
        if (node.is("adamw")) {
            return ModelSpec.ADAMW;
        }
        if (node.is("adagrad")) {
            return ModelSpec.ADAGRAD;
        }
        if (node.is("rmsprop")) {
            return ModelSpec.RMSPROP;
        }
        Choice choice =
                node.choice("optimizer", "sgd", "adagrad", "rmsprop", "adam", "adamw", "ftrl");
        if (choice == null) {
            return ModelSpec.ADAM;
        }
        return switch (choice.kind()) {
            case "sgd" -> sgd(choice.value());
            case "adagrad" -> adagrad(choice.value());
            case "rmsprop" -> rmsProp(choice.value());
            case "adamw" -> adamW(choice.value());
            case "ftrl" -> ftrl(choice.value());
            default -> adam(choice.value().mapping("rate", "beta1", "beta2", "epsilon", "amsgrad"));
        };
    }

    private static Sgd sgd(SpecNode node) {
        Mapping keys = node.mapping("rate", "momentum", "nesterov");
        double rate = rate(keys.required("rate", "the learning rate"));
        double momentum = fraction(keys.optional("momentum"), 0);
        SpecNode nesterovNode = keys.optional("nesterov");
        boolean nesterov = nesterovNode != null && nesterovNode.bool();
        if (nesterovNode != null && nesterov && momentum == 0) {
            nesterovNode.problem("nesterov needs momentum above 0, like momentum: 0.9");
            nesterov = false;
        }
        return new Sgd(rate, momentum, nesterov);
    }

    private static Adagrad adagrad(SpecNode node) {
        Mapping keys = node.mapping("rate", "epsilon", "initial-accumulator");
        SpecNode rate = keys.optional("rate");
        SpecNode initial = keys.optional("initial-accumulator");
        return new Adagrad(
                rate == null ? ModelSpec.ADAGRAD.rate() : rate(rate),
                epsilon(keys.optional("epsilon"), ModelSpec.ADAGRAD.epsilon()),
                initial == null
                        ? ModelSpec.ADAGRAD.initialAccumulator()
                        : initial.decimal(
                                "a number from 0 to 1000", value -> value >= 0 && value <= 1000));
    }

    private static RmsProp rmsProp(SpecNode node) {
        Mapping keys = node.mapping("rate", "alpha", "epsilon", "centered", "momentum");
        SpecNode rate = keys.optional("rate");
        SpecNode centered = keys.optional("centered");
        return new RmsProp(
                rate == null ? ModelSpec.RMSPROP.rate() : rate(rate),
                fraction(keys.optional("alpha"), ModelSpec.RMSPROP.alpha()),
                epsilon(keys.optional("epsilon"), ModelSpec.RMSPROP.epsilon()),
                centered != null && centered.bool(),
                fraction(keys.optional("momentum"), 0));
    }

    private static AdamW adamW(SpecNode node) {
        Mapping keys = node.mapping("rate", "beta1", "beta2", "epsilon", "amsgrad", "weight-decay");
        SpecNode decay = keys.optional("weight-decay");
        return new AdamW(
                adam(keys), decay == null ? ModelSpec.ADAMW.weightDecay() : penalty(decay));
    }

    private Optimizer ftrl(SpecNode node) {
        int before = problems.count();
        Mapping keys = node.mapping("alpha", "beta", "l1", "l2");
        SpecNode beta = keys.optional("beta");
        double alpha =
                keys.required("alpha", "the learning rate")
                        .decimal(
                                "a number from 0.000001 to 1000",
                                value -> value >= 1e-6 && value <= 1000);
        double scale =
                beta == null
                        ? 1
                        : beta.decimal(
                                "a number from 0 to 1000", value -> value >= 0 && value <= 1000);
        double l1 = penalty(keys.optional("l1"));
        double l2 = penalty(keys.optional("l2"));
        return problems.count() > before ? ModelSpec.ADAM : new FtrlProximal(alpha, scale, l1, l2);
    }

    private static Adam adam(Mapping keys) {
        SpecNode rate = keys.optional("rate");
        SpecNode amsgrad = keys.optional("amsgrad");
        return new Adam(
                rate == null ? ModelSpec.ADAM.rate() : rate(rate),
                fraction(keys.optional("beta1"), ModelSpec.ADAM.beta1()),
                fraction(keys.optional("beta2"), ModelSpec.ADAM.beta2()),
                epsilon(keys.optional("epsilon"), ModelSpec.ADAM.epsilon()),
                amsgrad != null && amsgrad.bool());
    }

    private Schedule schedule(@Nullable SpecNode node, Optimizer optimizer) {
        Choice choice =
                node == null
                        ? null
                        : node.choice(
                                "schedule",
                                "step",
                                "exponential",
                                "linear-warmup",
                                "inverse-sqrt",
                                "cosine",
                                "warmup-cosine",
                                "one-cycle",
                                "warm-restarts");
        if (choice == null || node == null) {
            return Schedule.CONSTANT;
        }
        if (optimizer.hasFixedRate()) {
            node.problem("ftrl has one rate (alpha) for all updates: leave the schedule out");
            return Schedule.CONSTANT;
        }
        int before = problems.count();
        Supplier<Schedule> schedule = schedule(choice, optimizer.rate());
        if (problems.count() > before) {
            return Schedule.CONSTANT;
        }
        try {
            return schedule.get();
        } catch (IllegalArgumentException valuesDontFitTogether) {
            choice.value().problem(String.valueOf(valuesDontFitTogether.getMessage()));
            return Schedule.CONSTANT;
        }
    }

    /// What the values make, if none of them is a mistake.
    private static Supplier<Schedule> schedule(Choice choice, double baseRate) {
        SpecNode node = choice.value();
        return switch (choice.kind()) {
            case "step" -> {
                Mapping keys = node.mapping("step-size", "gamma");
                long size = steps(keys.required("step-size", "the updates of a step"));
                double gamma = gamma(keys);
                yield () -> new Schedule.Step(size, gamma);
            }
            case "exponential" -> {
                double gamma = gamma(node.mapping("gamma"));
                yield () -> new Schedule.Exponential(gamma);
            }
            case "linear-warmup" -> {
                Mapping keys = node.mapping("start-factor", "warmup-steps");
                double start =
                        keys.required("start-factor", "the first update's share of the rate")
                                .decimal("a number from 0 to 1", value -> value >= 0 && value <= 1);
                long warmup = warmupSteps(keys);
                yield () -> new Schedule.LinearWarmup(start, warmup);
            }
            case "inverse-sqrt" -> {
                long warmup = warmupSteps(node.mapping("warmup-steps"));
                yield () -> new Schedule.InverseSqrt(warmup);
            }
            case "cosine" -> {
                Mapping keys = node.mapping("total-steps", "min-rate");
                long total = totalSteps(keys);
                double min = minRate(keys, baseRate);
                yield () -> new Schedule.Cosine(total, min);
            }
            case "warmup-cosine" -> {
                Mapping keys = node.mapping("warmup-steps", "total-steps", "min-rate");
                long warmup = warmupSteps(keys);
                long total = totalSteps(keys);
                double min = minRate(keys, baseRate);
                yield () -> new Schedule.WarmupCosine(warmup, total, min);
            }
            case "one-cycle" -> oneCycle(node);
            default -> {
                Mapping keys = node.mapping("period", "period-factor", "min-rate");
                long period = steps(keys.required("period", "the updates before a restart"));
                SpecNode factorNode = keys.optional("period-factor");
                long factor = factorNode == null ? 1 : factorNode.integer(1, 1_000);
                double min = minRate(keys, baseRate);
                yield () -> new Schedule.WarmRestarts(period, factor, min);
            }
        };
    }

    private static Supplier<Schedule> oneCycle(SpecNode node) {
        Mapping keys = node.mapping("total-steps", "pct-start", "div-factor", "final-div-factor");
        Schedule.OneCycle byDefault = ModelSpec.ONE_CYCLE;
        long total = totalSteps(keys);
        double start = fraction(keys.optional("pct-start"), byDefault.pctStart());
        double div = divisor(keys.optional("div-factor"), byDefault.divFactor());
        double finalDiv = divisor(keys.optional("final-div-factor"), byDefault.finalDivFactor());
        return () -> new Schedule.OneCycle(total, start, div, finalDiv);
    }

    private static long steps(SpecNode node) {
        return node.integer(1, STEPS_MAX);
    }

    private static long warmupSteps(Mapping keys) {
        return steps(keys.required("warmup-steps", "the updates until the rate is reached"));
    }

    private static long totalSteps(Mapping keys) {
        return steps(keys.required("total-steps", "the updates until the last rate is reached"));
    }

    private static double gamma(Mapping keys) {
        return keys.required("gamma", "the factor between two rates")
                .decimal(
                        "a number above 0 and at most 1: a rate that grows for ever ends in infinity",
                        value -> (float) value > 0 && value <= 1);
    }

    private static double minRate(Mapping keys, double baseRate) {
        SpecNode node = keys.optional("min-rate");
        return node == null
                ? 0
                : node.decimal(
                        "a number from 0 to the optimizer's rate, " + baseRate,
                        value -> value >= 0 && value <= baseRate);
    }

    private static double divisor(@Nullable SpecNode node, double byDefault) {
        return node == null
                ? byDefault
                : node.decimal(
                        "a number from 1 to 1000000000", value -> value >= 1 && value <= 1e9);
    }

    private static Clipping clipping(@Nullable SpecNode node) {
        Choice choice = node == null ? null : node.choice("clipping", "global-norm", "value");
        if (choice == null) {
            return new Clipping.None();
        }
        double limit =
                choice.value()
                        .decimal(
                                "a number above 0 and at most 1e30",
                                value -> (float) value > 0 && value <= 1e30);
        if (limit == 0) { // a mistake, reported already
            return new Clipping.None();
        }
        return choice.kind().equals("value")
                ? new Clipping.Value(limit)
                : new Clipping.GlobalNorm(limit);
    }

    private static Regularization regularization(@Nullable SpecNode node) {
        if (node == null) {
            return Regularization.NONE;
        }
        Mapping keys = node.mapping("l1", "l2", "applies-to");
        SpecNode l1 = keys.optional("l1");
        SpecNode l2 = keys.optional("l2");
        SpecNode scope = keys.optional("applies-to");
        boolean weightsOnly = scope != null && "weights".equals(scope.name("all", "weights"));
        if (l1 == null && l2 == null && node.isMapping()) {
            node.problem("expected l1, l2 or both, like { l2: 0.0001 }");
        }
        double absolute = penalty(l1);
        double squared = penalty(l2);
        return absolute == 0 && squared == 0
                ? Regularization.NONE
                : new Regularization(
                        absolute,
                        squared,
                        weightsOnly ? Regularization.Scope.WEIGHTS : Regularization.Scope.ALL);
    }

    private static double penalty(@Nullable SpecNode node) {
        return node == null
                ? 0
                : node.decimal("a number from 0 to 1000", value -> value >= 0 && value <= 1000);
    }

    private static double epsilon(@Nullable SpecNode node, double byDefault) {
        double epsilon =
                node == null
                        ? byDefault
                        : node.decimal(
                                "a number above 0 and at most 1",
                                value -> (float) value > 0 && value <= 1);
        // 0 stands for a mistake, which is reported already.
        return epsilon == 0 ? byDefault : epsilon;
    }

    private static double rate(SpecNode node) {
        return node.decimal(
                "a number above 0 and at most 1000", value -> (float) value > 0 && value <= 1000);
    }

    private static double fraction(@Nullable SpecNode node, double byDefault) {
        return node == null
                ? byDefault
                : node.decimal(
                        "a number from 0 to below 1", value -> value >= 0 && (float) value < 1);
    }

    private record MiniBatch(int size, @Nullable Duration window) {}

    private static MiniBatch miniBatch(@Nullable SpecNode node, Input input) {
        if (node == null) {
            return new MiniBatch(1, null);
        }
        Mapping keys = node.mapping("size", "window", "step");
        SpecNode size = keys.optional("size");
        SpecNode windowNode = keys.optional("window");
        SpecNode step = keys.optional("step");
        if (step != null && step.is("rows")) {
            step.problem(
                    "step: rows is not offered yet; expected mean, or mini-batch: { size: 1 },"
                            + " which steps row by row");
        } else if (step != null) {
            step.name("mean", "rows");
        }
        Duration window = windowNode == null ? null : windowNode.duration(WINDOW_MIN, LONG_TIME);
        if (windowNode != null && input.eventTime() == null) {
            windowNode.problem(
                    "a window is one of event time: name its field, input: { event-time: … }");
        }
        if (window != null && window.toNanos() % 1_000_000 != 0 && windowNode != null) {
            windowNode.problem("expected whole milliseconds, found " + window);
        }
        return new MiniBatch(size == null ? 1 : size.integer(1, ROWS_MAX), window);
    }

    private static Duration publishEvery(@Nullable SpecNode node) {
        SpecNode every = node == null ? null : node.mapping("every").optional("every");
        return every == null ? ModelSpec.PUBLISH_EVERY : every.duration(PUBLISH_MIN, PUBLISH_MAX);
    }

    private static void checkRates(SpecNode network, List<Layer> layers, Optimizer optimizer) {
        for (Layer layer : layers) {
            if (optimizer.hasFixedRate()
                    && layer instanceof Rate(double factor, Layer inner)
                    && factor != 0) {
                network.problem(
                        "ftrl has one rate (alpha) for all layers: expected no rate-factor, found "
                                + factor);
            }
        }
    }

    /// The network's end must be what the loss compares with a label.
    private static void checkEnd(
            SpecNode network,
            List<Layer> layers,
            Loss loss,
            @Nullable SpecNode classes,
            @Nullable SpecNode classWeights) {
        int outputs = ModelSpec.outputs(layers);
        if (outputs == 0) {
            network.problem("expected at least one dense layer, found none");
            return;
        }
        for (Layer layer : layers.subList(0, layers.size() - 1)) {
            if (layer instanceof Softmax) {
                network.problem("softmax can only be the last layer");
                return;
            }
        }
        Layer last = ModelSpec.withoutRate(layers.getLast());
        String name = CanonicalForm.name(loss);
        switch (loss) {
            case BinaryCrossEntropy binary -> {
                checkYesOrNo(network, name, outputs);
                if (!(last instanceof Dense || last instanceof Sigmoid)) {
                    network.problem(endsIn(name, "dense or sigmoid", last));
                }
            }
            case Hinge hinge -> {
                checkYesOrNo(network, name, outputs);
                if (!(last instanceof Dense || last instanceof Tanh)) {
                    network.problem(endsIn(name, "dense or tanh", last));
                }
            }
            case CategoricalCrossEntropy categorical -> {
                if (outputs < 2) {
                    network.problem(
                            name
                                    + " needs a last dense with one output a class,"
                                    + " at least 2, found "
                                    + outputs
                                    + "; for yes or no use binary-cross-entropy");
                }
                if (!(last instanceof Dense || last instanceof Softmax)) {
                    network.problem(endsIn(name, "dense or softmax", last));
                }
                if (classes != null) {
                    int stated = classes.integer(2, UNITS_MAX);
                    if (stated != outputs && stated >= 2) {
                        classes.problem(
                                "expected "
                                        + outputs
                                        + ", the outputs of the last dense, found "
                                        + stated);
                    }
                }
                int weights = categorical.classWeights().size();
                if (classWeights != null && weights != outputs) {
                    classWeights.problem(
                            "expected "
                                    + outputs
                                    + " weights, one an output of the last dense, found "
                                    + weights);
                }
            }
            case Poisson poisson -> {
                checkOneLabel(network, name, outputs, last);
                if (!(last instanceof Dense || last instanceof Softmax)) {
                    network.problem(endsIn(name, "dense, the logarithm of the rate", last));
                }
            }
            case MeanSquaredError squared -> checkOneLabel(network, name, outputs, last);
            case MeanAbsoluteError absolute -> checkOneLabel(network, name, outputs, last);
            case Huber huber -> checkOneLabel(network, name, outputs, last);
            case Quantile(List<Double> quantiles) -> {
                if (outputs != quantiles.size()) {
                    network.problem(
                            name
                                    + " needs a last dense of "
                                    + quantiles.size()
                                    + ", an output a quantile, found "
                                    + outputs);
                }
                if (last instanceof Softmax) {
                    network.problem(name + " can't follow softmax: its outputs share out 1");
                }
            }
            case Ctc ctc -> throw new IllegalStateException("no spec can name " + ctc);
        }
    }

    private static void checkYesOrNo(SpecNode network, String loss, int outputs) {
        if (outputs != 1) {
            network.problem(
                    loss
                            + " needs a last dense of 1, found "
                            + outputs
                            + "; for more classes use categorical-cross-entropy");
        }
    }

    private static void checkOneLabel(SpecNode network, String loss, int outputs, Layer last) {
        if (outputs != 1) {
            network.problem(loss + " needs a last dense of 1 (one label field), found " + outputs);
        }
        if (last instanceof Softmax) {
            network.problem(loss + " can't follow softmax: one output would always be 1");
        }
    }

    private static String endsIn(String loss, String expected, Layer last) {
        return loss
                + " needs a network that ends in "
                + expected
                + ", found "
                + CanonicalForm.layer(last, false);
    }
}
