package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Memory;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.model.evaluation.LossComparison;
import io.tidegrad.model.evaluation.RecentEvaluation;
import io.tidegrad.model.spec.ModelSpec.InitialWeights;
import io.tidegrad.model.spec.ModelSpec.Input;
import io.tidegrad.model.spec.ModelSpec.Label;
import io.tidegrad.model.spec.ModelSpec.LateLabels;
import io.tidegrad.model.spec.SpecNode.Mapping;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;

/// YAML → `ModelSpec`: the grammar, key by key, then what must fit together. Each section has a reader of its own.
final class SpecReader {
    private static final Pattern MODEL_NAME = Pattern.compile("[a-z0-9-]{1,100}");
    private static final Pattern TOPIC_NAME = Pattern.compile("(?!\\.{1,2}$)[a-zA-Z0-9._-]{1,249}");

    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    private static final ValueType<Label.Kind> KIND = ValueType.oneOf(Label.Kind.values());
    private static final ValueType<ModelSpec.Format> FORMAT = ValueType.oneOf(ModelSpec.Format.values());

    private static final String TIME_UNIT = "time-unit";
    private static final int ROWS_MAX = 65_536;

    /// Floats that the open batch may hold: 64 MiB.
    private static final int BATCH_FLOATS_MAX = 1 << 24;

    private static final int KEEP_MAX = 1_000_000;
    private static final int GATE_LABELS = 2_000;
    private static final int GATE_LABELS_MAX = 1_000_000_000;
    private static final Duration PUBLISH_MIN = Duration.ofMillis(50);
    private static final Duration PUBLISH_MAX = Duration.ofDays(1);
    private static final Duration WINDOW_MIN = Duration.ofMillis(1);
    private static final Duration LONG_TIME = Duration.ofDays(36_500);

    private final String yaml;
    private final String source;
    private final boolean registered;
    private final @Nullable String labelOfStream;
    private final Problems problems;
    private final Problems labelReads = new Problems();

    /// @param registered whether a model lives by this spec already: it goes on by rules that came later too
    /// @param labelOfStream the label's path in the events of the stream; null if it is not known or not in them
    SpecReader(String yaml, String source, boolean registered, @Nullable String labelOfStream) {
        this.yaml = yaml;
        this.source = source;
        this.registered = registered;
        this.labelOfStream = labelOfStream;
        problems = new Problems(registered);
    }

    /// @throws SpecException with every mistake found
    ModelSpec read() {
        Node tree = YamlTree.read(yaml, "model", problems);
        ModelSpec spec = tree == null ? null : spec(SpecNode.root(tree, problems));
        if (spec == null || !problems.isEmpty()) {
            throw new SpecException(source, problems.lines());
        }
        return spec;
    }

    private @Nullable ModelSpec spec(SpecNode root) {
        Mapping keys = root.mapping("model", "input", "label", "weight", "late-labels", "features", "network", "recipe",
                "loss", "optimizer", "schedule", "gradient-clipping", "regularization", "quarantine", "on-change",
                "mini-batch", "learn", "publish", "watch", "seed", "initial-weights");
        if (!root.isMapping()) {
            return null;
        }
        String model = keys.required("model", "the model's name").text("a name of 1 to 100 characters a-z, 0-9 and -",
                MODEL_NAME);
        Input input = input(keys.required("input", "input: { topic: … } or input: { stream: … }"));
        int before = problems.count();
        Features featureReader = new Features();
        SpecNode featuresNode = keys.required("features", "a list of features");
        boolean isOpen = featuresNode.is("auto");
        List<Feature> features = isOpen ? List.of() : featureReader.read(featuresNode);
        boolean featuresAreSound = problems.count() == before && !features.isEmpty();
        before = problems.count();
        SpecNode recipeNode = keys.optional("recipe");
        Recipe recipe = recipeNode == null ? null : recipe(recipeNode, keys);
        if (isOpen && recipe == null) {
            featuresNode.problem("a network is made for features that are known: name them, or give a recipe instead");
        }
        SpecNode networkNode = recipeNode != null ? recipeNode
                : keys.required("network", "a list of layers, like [ dense: 1 ], or recipe: auto");
        NetworkReader networkReader = new NetworkReader(features);
        List<NetworkLayer> layers = recipe == null ? networkReader.read(networkNode) : List.of();
        boolean networkIsSound = problems.count() == before && !layers.isEmpty();
        boolean ofStream = input.stream() != null;
        SpecNode labelNode = ofStream ? keys.optional("label") : keys.required("label", "label: { field: … }");
        boolean isLabelOpen = isOpen && recipe != null && keys.optional("loss") == null && Recipe.isOpen(labelNode);
        Losses.Read lossKeys = isLabelOpen ? new Losses.Read(null, null) : losses(keys, recipe, labelNode);
        Loss loss = lossKeys.loss();
        LabelKeys label = label(labelNode, ofStream, loss, networkReader);
        featureReader.checkLabel(Objects.requireNonNullElse(ofStream ? labelOfStream : label.field, ""),
                (at, text) -> (registered ? labelReads : problems).add(at.mark(), at.path() + ": " + text));
        Optimizer optimizer = recipe != null ? recipe.optimizer()
                : Optimizers.read(keys.required("optimizer", "an optimizer, like { adam: { rate: 0.001 } }"));
        Schedule schedule = Schedules.read(keys.optional("schedule"), optimizer);
        Clipping clipping = Optimizers.clipping(keys.optional("gradient-clipping"));
        Regularization regularization = Optimizers.regularization(keys.optional("regularization"));
        Quarantine quarantine = Quarantine.read(keys.optional("quarantine"));
        SpecNode onChangeNode = keys.optional("on-change");
        OnChange.Read onChange = OnChange.read(onChangeNode, label.kind, optimizer);
        MiniBatch miniBatch = miniBatch(keys.optional("mini-batch"), input);
        int workers = workers(keys.optional("learn"));
        SpecNode publishNode = keys.optional("publish");
        ModelSpec.Publish publish = publish(publishNode);
        if (publishNode != null && publish.gate() != null && label.kind == Label.Kind.SEQUENCE) {
            publishNode.problem("a gate judges labels one by one; expected none where the label is a sequence");
        }
        Watch watched = Watch.read(keys.optional("watch"), features, label.kind, input);
        Watch watch = onChange.challenger() ? watched.withChallenger() : watched;
        if (onChangeNode != null && watch.challenger() && watch.falseAlarms() == 0) {
            onChangeNode.problem("a challenger begins at an alarm of what is watched; expected a watch whose"
                    + " false-alarms-every is not 0");
        }
        if (publishNode != null && publish.gate() != null && watch.falseAlarms() == 0) {
            publishNode.problem("a gate judges by what is watched; expected a watch whose false-alarms-every is not 0");
        }
        SpecNode seedNode = keys.optional("seed");
        long seed = seedNode == null ? 0 : seedNode.integer(Long.MIN_VALUE, Long.MAX_VALUE);
        SpecNode initialWeightsNode = keys.optional("initial-weights");
        InitialWeights initialWeights = initialWeights(initialWeightsNode);
        if (initialWeightsNode != null && label.learnsClasses()) {
            initialWeightsNode
                    .problem("the file's outputs have an order, and that of classes: auto is the order of learning;"
                            + " expected label: { classes: [ … ] }, their names in the file's order");
        }
        SpecNode weight = keys.optional("weight");
        if (weight != null && ofStream) {
            weight.problem("the weight comes with each example of a stream; name its path in the stream's spec");
        }
        LateLabels lateLabels = lateLabels(keys.optional("late-labels"), ofStream, loss);
        String weightField =
                weight == null ? null : weight.mapping("field").required("field", "the name of a field").field();
        int outputs = 1;
        int steps = 1;
        if (networkIsSound) {
            networkReader.checkRates(optimizer);
            // Without features no shape is known, but a last dense says enough of the end, unless that has steps.
            Shape.Grid output = featuresAreSound ? networkReader.output(networkNode, layers)
                    : label.kind == Label.Kind.ONE ? NetworkEnd.ofLastDense(layers) : null;
            outputs = output == null ? 1 : output.width();
            steps = output == null ? 1 : output.lines();
            if (output != null && loss != null) {
                NetworkEnd.check(networkNode, layers, output, loss, label, features, lossKeys.classWeights());
            }
            featureReader.checkShiftedLabel(label.kind, featuresAreSound ? output : null);
            if (output != null && featuresAreSound && label.kind == Label.Kind.STEPS) {
                networkReader.checkOrder(layers);
            }
        }
        if (recipe != null && recipeNode != null && (loss != null || isLabelOpen)) {
            outputs = loss instanceof CategoricalCrossEntropy ? classes(label) : 1;
            Recipe.check(recipeNode, loss, label.kind, lateLabels, outputs);
        }
        if (!problems.isEmpty() || loss == null && !isLabelOpen) {
            return null;
        }
        ModelSpec spec = new ModelSpec(model, input,
                new Label(label.field, label.threshold, label.positive, label.names, label.kind, label.count,
                        label.lengths, isLabelOpen, label.learnsClasses()),
                weightField, lateLabels, features, layers, recipe, outputs, steps,
                loss == null ? new MeanSquaredError() : loss, optimizer, schedule, clipping, regularization, quarantine,
                onChange.reactions(), miniBatch.size, miniBatch.window, publish, watch, workers, seed, initialWeights,
                yaml, labelReads.lines(), new ModelSpec.Memo());
        return isOpen || fits(spec, Objects.requireNonNullElse(keys.optional("mini-batch"), featuresNode), networkNode)
                ? spec : null;
    }

    /// Whether its arrays are of a size that there can be; notes it if not.
    private static boolean fits(ModelSpec spec, SpecNode miniBatch, SpecNode network) {
        RowLayout layout = spec.layout();
        int rows = spec.miniBatch();
        int rowValues = layout.numbers() + layout.ids()
                + (spec.label().kind() == Label.Kind.SEQUENCE ? spec.label().count() + 2 : spec.steps());
        long batchFloats = (long) rows * rowValues;
        if (batchFloats > BATCH_FLOATS_MAX) {
            miniBatch.problem("a mini-batch of " + rows + " rows of " + rowValues + " values takes " + batchFloats
                    + " floats; expected at most " + BATCH_FLOATS_MAX);
            return false;
        }
        try {
            Memory.toLearn(Plan.of(spec.network()), rows, spec.quarantine().judgesGradients());
            return true;
        } catch (ArithmeticException tooLarge) {
            network.problem("expected layers whose arrays hold fewer than 2^31 numbers for a mini-batch of " + rows
                    + " rows, found one that would hold more");
            return false;
        }
    }

    private static Recipe recipe(SpecNode node, Mapping keys) {
        for (String other : new String[]{"network", "optimizer", "schedule"}) {
            SpecNode also = keys.optional(other);
            if (also != null) {
                also.problem("a recipe has its own: keep recipe, or write network and optimizer instead");
            }
        }
        return Recipe.read(node);
    }

    private static Losses.Read losses(Mapping keys, @Nullable Recipe recipe, @Nullable SpecNode label) {
        SpecNode node = keys.optional("loss");
        Loss byLabel = node != null || recipe == null || label == null ? null : Recipe.loss(label);
        if (byLabel != null) {
            return new Losses.Read(byLabel, null);
        }
        return Losses.read(keys.required("loss",
                recipe == null ? "the name of a loss"
                        : "the name of a loss, unless the label has threshold, positive or classes,"
                                + " or the spec features: auto"));
    }

    /// How many a label has, as far as it says; 0 for nothing said.
    private static int classes(LabelKeys label) {
        return label.classes == null ? 0 : label.learnsClasses() ? label.room
                : label.classes.isList() ? label.names.size() : number(label.classes);
    }

    /// How many classes there are, where they have no names.
    static int number(SpecNode classes) {
        return classes.integer("names of classes, auto, or a whole number from 2 to " + Layers.UNITS_MAX, 2,
                Layers.UNITS_MAX);
    }

    private @Nullable InitialWeights initialWeights(@Nullable SpecNode node) {
        if (node == null) {
            return null;
        }
        Mapping keys = node.mapping("file", "sha256", "statistics");
        SpecNode statistics = keys.optional("statistics");
        return new InitialWeights(hashedFile(keys, ".safetensors"),
                statistics == null ? null : hashedFile(statistics.mapping("file", "sha256"), ".json"));
    }

    private static ModelSpec.HashedFile hashedFile(Mapping keys, String suffix) {
        String sha256 = keys.required("sha256", "the file's SHA-256, as sha256sum prints it")
                .text("a SHA-256 of 64 digits 0-9 and a-f", SHA256);
        SpecNode file = keys.optional("file");
        Pattern path = Pattern.compile("[^\\p{Cntrl}]{1,4096}" + Pattern.quote(suffix));
        return new ModelSpec.HashedFile(
                file == null ? sha256 + suffix : file.text("the path of a " + suffix + " file", path), sha256);
    }

    private Input input(SpecNode node) {
        Mapping keys = node.mapping("topic", "stream", "event-time", TIME_UNIT, "max-ahead", "format", "schema");
        SpecNode stream = keys.optional("stream");
        if (stream != null) {
            return stream(stream, keys);
        }
        String topic = keys.required("topic", "the events topic, or stream: with the name of a stream")
                .text("a topic name of 1 to 249 characters a-z, A-Z, 0-9, '.', '_' and '-', not . or ..", TOPIC_NAME);
        SpecNode eventTime = keys.optional("event-time");
        SpecNode maxAhead = keys.optional("max-ahead");
        if (maxAhead != null && eventTime == null) {
            maxAhead.problem("max-ahead needs event-time: without it no row has a time");
        }
        SpecNode timeUnit = keys.optional(TIME_UNIT);
        if (timeUnit != null && eventTime == null) {
            timeUnit.problem("time-unit says what event-time counts: expected event-time, found none");
        }
        ModelSpec.Format format = format(keys);
        return new Input(topic, null, eventTime == null ? null : eventTime.field(),
                timeUnit == null ? TimeUnit.MILLISECONDS : ValueType.TIME_UNIT.read().apply(timeUnit), maxAhead(keys),
                format, reader(keys.optional("schema"), format));
    }

    private static Duration maxAhead(Mapping keys) {
        SpecNode node = keys.optional("max-ahead");
        return node == null ? Input.MAX_AHEAD : node.duration(Duration.ofSeconds(1), LONG_TIME);
    }

    private static ModelSpec.Format format(Mapping keys) {
        SpecNode node = keys.optional("format");
        return node == null ? ModelSpec.Format.AVRO : FORMAT.read().apply(node);
    }

    private static ModelSpec.Reader reader(@Nullable SpecNode node, ModelSpec.Format format) {
        if (node == null) {
            return ModelSpec.Reader.ANY;
        }
        if (format == ModelSpec.Format.JSON) {
            node.problem("only for events in Avro: those in JSON have no schema");
        }
        return node.is("first") ? ModelSpec.Reader.FIRST
                : new ModelSpec.Reader.Of(node.integer("first, or the id of a schema", 0, Integer.MAX_VALUE));
    }

    private static Input stream(SpecNode stream, Mapping keys) {
        for (SpecNode other : new SpecNode[]{keys.optional("topic"), keys.optional("event-time"),
            keys.optional(TIME_UNIT)}) {
            if (other != null) {
                other.problem(other == keys.optional("topic") ? "topic and stream exclude one another: keep one"
                        : "the event time comes with each example of a stream; name its path in the stream's spec");
            }
        }
        ModelSpec.Format format = format(keys);
        return new Input(null, stream.text("a name of 1 to 100 characters a-z, 0-9 and -", MODEL_NAME), null,
                TimeUnit.MILLISECONDS, maxAhead(keys), format, reader(keys.optional("schema"), format));
    }

    private static LateLabels lateLabels(@Nullable SpecNode node, boolean ofStream, @Nullable Loss loss) {
        if (node == null) {
            return LateLabels.RELEARN;
        }
        if (!ofStream) {
            node.problem("is for models that learn from a stream, input: { stream: … }:"
                    + " only there can a label come late");
        }
        LateLabels lateLabels = ValueType.oneOf(LateLabels.values()).read().apply(node);
        if (lateLabels == LateLabels.FNW && loss != null && !loss.equals(new BinaryCrossEntropy())) {
            node.problem("fnw weighs examples by the predicted probability: expected the loss binary-cross-entropy"
                    + " without positive-weight, found " + Losses.FORMS.inBraces(loss)
                    + "; change the loss, or choose relearn or ignore");
        }
        return lateLabels;
    }

    /// @param names of the classes, if they have some
    /// @param room for classes that are learned; 0 if they are not
    /// @param classes where they stand, if anywhere; `lengthsAt` likewise
    record LabelKeys(@Nullable String field, @Nullable Double threshold, @Nullable String positive, List<String> names,
            int room, Label.Kind kind, int count, @Nullable String lengths, @Nullable SpecNode classes,
            @Nullable SpecNode lengthsAt) {
        boolean learnsClasses() {
            return room > 0;
        }
    }

    private static LabelKeys label(@Nullable SpecNode node, boolean ofStream, @Nullable Loss loss,
            NetworkReader network) {
        if (node == null) {
            return new LabelKeys(null, null, null, List.of(), 0, Label.Kind.ONE, 0, null, null, null);
        }
        Mapping keys = node.mapping("field", "threshold", "positive", "classes", "kind", "count", "lengths");
        SpecNode fieldNode = ofStream ? keys.optional("field") : keys.required("field", "the name of a field");
        if (ofStream && fieldNode != null) {
            fieldNode.problem("the label comes with each example of a stream; name its path in the stream's spec");
        }
        String field = ofStream || fieldNode == null ? null : fieldNode.field();
        SpecNode threshold = keys.optional("threshold");
        SpecNode positive = keys.optional("positive");
        SpecNode classes = keys.optional("classes");
        if (threshold != null && positive != null) {
            positive.problem("threshold and positive exclude one another: keep one");
        }
        for (SpecNode binaryOnly : new SpecNode[]{threshold, positive}) {
            if (binaryOnly != null && loss != null && !(loss instanceof BinaryCrossEntropy || loss instanceof Hinge)) {
                binaryOnly.problem("only for the losses binary-cross-entropy and hinge");
            }
        }
        SpecNode kindNode = keys.optional("kind");
        Label.Kind kind = kindNode == null ? Label.Kind.ONE : KIND.read().apply(kindNode);
        SpecNode ofSteps = kind == Label.Kind.STEPS && !(loss instanceof Ctc) ? kindNode : null;
        for (SpecNode classesOnly : new SpecNode[]{classes, ofSteps}) {
            if (classesOnly != null && loss != null && !(loss instanceof CategoricalCrossEntropy)) {
                classesOnly.problem("only for the loss categorical-cross-entropy");
            }
        }
        if (loss != null && loss instanceof Ctc != (kind == Label.Kind.SEQUENCE)) {
            (kindNode == null ? node : kindNode).problem(
                    loss instanceof Ctc ? "the loss ctc needs a label that is a sequence of classes: kind: sequence"
                            : "only for the loss ctc");
        }
        SpecNode countNode = keys.optional("count");
        if (countNode == null && kind == Label.Kind.SEQUENCE) {
            node.problem("the key 'count' is missing; expected the most classes that a label may have");
        } else if (countNode != null && kind != Label.Kind.SEQUENCE) {
            countNode.problem("only for a label of kind: sequence");
        }
        int count = countNode == null || kind != Label.Kind.SEQUENCE ? 0 : countNode.integer(1, Layers.UNITS_MAX);
        if (kindNode != null && kind != Label.Kind.ONE && ofStream) {
            kindNode.problem("a stream's label is one value; for a list name the topic of events that have it,"
                    + " input: { topic: … }");
        }
        SpecNode lengths = keys.optional("lengths");
        if (lengths != null && kind == Label.Kind.ONE) {
            lengths.problem("only for a label that is a list, like kind: steps");
        }
        return new LabelKeys(field, threshold == null ? null : threshold.decimal("a number", value -> true),
                positive == null ? null : positive.text("the field's value that counts as 1"), names(classes, kind),
                room(classes, kind), kind, count, lengths == null ? null : network.lengthField(lengths), classes,
                lengths);
    }

    /// For how many classes that are learned there is room; 0 where the spec says what they are.
    private static int room(@Nullable SpecNode classes, Label.Kind kind) {
        if (classes == null || !classes.is("auto") && !classes.isMapping()) {
            return 0;
        }
        if (kind != Label.Kind.ONE) {
            classes.problem(
                    "expected their number, because a label that is a list has the numbers of classes, found auto");
        }
        if (classes.isMapping()) {
            int before = classes.problems();
            int room = classes.mapping("auto").required("auto", "how many classes there is room for").integer(2,
                    Label.ROOM_MAX);
            return classes.problems() == before ? room : 1; // of which nothing more is said
        }
        return Label.ROOM;
    }

    private static List<String> names(@Nullable SpecNode classes, Label.Kind kind) {
        if (classes == null || !classes.isList()) {
            return List.of();
        }
        if (kind != Label.Kind.ONE) {
            classes.problem(
                    "expected their number, because a label that is a list has the numbers of classes, found names");
        }
        List<String> names = new ArrayList<>();
        for (SpecNode node : classes.list("names of classes")) {
            String name = node.text("the field's value for a class");
            if (names.contains(name) && !name.isEmpty()) {
                node.problem("expected each class once, found '" + name + "' twice");
            }
            names.add(name);
        }
        return names;
    }

    private record MiniBatch(int size, @Nullable Duration window) {
    }

    private static MiniBatch miniBatch(@Nullable SpecNode node, Input input) {
        if (node == null) {
            return new MiniBatch(1, null);
        }
        Mapping keys = node.mapping("size", "window", "step");
        SpecNode size = keys.optional("size");
        SpecNode windowNode = keys.optional("window");
        SpecNode step = keys.optional("step");
        if (step != null && step.is("rows")) {
            step.problem("step: rows is not offered yet; expected mean, or mini-batch: { size: 1 },"
                    + " which steps row by row");
        } else if (step != null) {
            step.name("mean", "rows");
        }
        Duration window = windowNode == null ? null : windowNode.duration(WINDOW_MIN, LONG_TIME);
        if (windowNode != null && input.eventTime() == null && input.stream() == null) {
            windowNode.problem("a window is one of event time: name its field, input: { event-time: … }");
        }
        if (window != null && window.toNanos() % 1_000_000 != 0 && windowNode != null) {
            windowNode.problem("expected whole milliseconds, found " + window);
        }
        return new MiniBatch(size == null ? 1 : size.integer(1, ROWS_MAX), window);
    }

    private static int workers(@Nullable SpecNode node) {
        SpecNode workers = node == null ? null : node.mapping("workers").optional("workers");
        return workers == null ? 1 : workers.integer(1, Workers.COUNT_MAX);
    }

    private static ModelSpec.Publish publish(@Nullable SpecNode node) {
        ModelSpec.Publish unless = ModelSpec.Publish.DEFAULT;
        if (node == null) {
            return unless;
        }
        SpecNode.Mapping keys = node.mapping("every", "keep", "gate");
        SpecNode every = keys.optional("every");
        SpecNode keep = keys.optional("keep");
        return new ModelSpec.Publish(every == null ? unless.every() : every.duration(PUBLISH_MIN, PUBLISH_MAX),
                keep == null ? unless.keep() : keep(keep.mapping("newest", "hourly", "daily"), unless.keep()),
                gate(keys.optional("gate")));
    }

    private static ModelSpec.@Nullable Gate gate(@Nullable SpecNode node) {
        if (node == null) {
            return null;
        }
        SpecNode.Mapping keys = node.mapping("labels", "bounds", "roll-back-after", "against-served");
        SpecNode labels = keys.optional("labels");
        SpecNode rollBack = keys.optional("roll-back-after");
        SpecNode bounds = keys.optional("bounds");
        SortedMap<String, ModelSpec.Bound> of = new TreeMap<>();
        if (bounds != null) {
            List<String> names = RecentEvaluation.MEASURES.stream().map(RecentEvaluation.Measure::name).toList();
            SpecNode.Mapping measures = bounds.mapping(names.stream().map(SpecReader::key).toArray(String[]::new));
            for (String name : names) {
                SpecNode bound = measures.optional(key(name));
                if (bound != null) {
                    of.put(name, bound(bound));
                }
            }
        }
        int wanted = labels == null ? GATE_LABELS : labels.integer(0, GATE_LABELS_MAX);
        SpecNode against = keys.optional("against-served");
        boolean againstServed = against != null && against.bool();
        if (against != null && againstServed && wanted <= LossComparison.FIRST) {
            against.problem("the first " + LossComparison.FIRST
                    + " labels tell what one can make, and compare nothing; expected more labels of the gate, found "
                    + wanted);
        }
        return new ModelSpec.Gate(wanted, of, rollBack == null ? 0 : rollBack.integer(1, GATE_LABELS_MAX),
                againstServed);
    }

    private static String key(String measure) {
        return measure.replace('_', '-');
    }

    private static ModelSpec.Bound bound(SpecNode node) {
        List<SpecNode> ends = node.list("the least and the most, like [0, 0.5]");
        if (ends.size() != 2) {
            node.problem("expected the least and the most, like [0, 0.5]");
            return new ModelSpec.Bound(0, 0);
        }
        double least = ends.getFirst().decimal("a number", any -> true);
        double most = ends.getLast().decimal("a number from " + least + " on", number -> number >= least);
        return new ModelSpec.Bound(least, most);
    }

    private static ModelSpec.Keep keep(SpecNode.Mapping keys, ModelSpec.Keep unless) {
        SpecNode newest = keys.optional("newest");
        SpecNode hourly = keys.optional("hourly");
        SpecNode daily = keys.optional("daily");
        return new ModelSpec.Keep(newest == null ? unless.newest() : newest.integer(1, KEEP_MAX),
                hourly == null ? unless.hourly() : hourly.integer(0, KEEP_MAX),
                daily == null ? unless.daily() : daily.integer(0, KEEP_MAX));
    }
}
