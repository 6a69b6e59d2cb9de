package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.loss.BinaryCrossEntropy;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Hinge;
import io.tidegrad.engine.loss.Huber;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.MeanAbsoluteError;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.loss.Poisson;
import io.tidegrad.engine.loss.Quantile;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.engine.snapshot.ModelHash;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// One model's spec, parsed from one YAML file and validated whole. Immutable. `docs/model-spec.md` describes its keys.
///
/// @param weightField the field that says how much an event counts; null: each counts 1
/// @param layers the spec's network as it was written; empty with a recipe
/// @param recipe what takes the place of network and optimizer; null: they are written
/// @param loss of a label that is open, one that nothing reads
/// @param outputs numbers of a prediction: 1, or the number of classes or quantiles; of a label that is a list, those of
///     a step
/// @param steps of a prediction: 1, unless the label is a list
/// @param onChange null: a change is no more than an alarm
/// @param miniBatch rows of a full mini-batch
/// @param window event time after which an unfinished mini-batch is learned too: edges lie at its multiples since 1970
/// @param publish not part of the fingerprint
/// @param watch not part of the fingerprint
/// @param workers threads that share each step, unless a process says how many; not part of the fingerprint
/// @param initialWeights null for weights drawn from the seed
/// @param yaml the text as the user wrote it: what `tidegrad.models` stores
/// @param labelReads a line for each feature that reads the label's field and does not say that this is meant; only of
///     a registered spec
/// @param memo new for each spec
public record ModelSpec(String model, Input input, Label label, @Nullable String weightField, LateLabels lateLabels,
        List<Feature> features, List<NetworkLayer> layers, @Nullable Recipe recipe, int outputs, int steps, Loss loss,
        Optimizer optimizer, Schedule schedule, Clipping clipping, Regularization regularization, Quarantine quarantine,
        @Nullable OnChange onChange, int miniBatch, @Nullable Duration window, Publish publish, Watch watch,
        int workers, long seed, @Nullable InitialWeights initialWeights, String yaml, List<String> labelReads,
        Memo memo) {
    /// In a row's labels, for a step that has none: it has no loss and no slope.
    public static final int NO_CLASS = -1;

    private static final Pattern ENGINE_PLACE = Pattern.compile("layer (\\d{1,9})[ .].*");

    /// @param topic the topic that events are read from; null: it is not known yet which one `stream` has
    /// @param stream the stream that examples come from; null: the spec names a topic
    /// @param eventTime the field that says when an event happened; null also for a stream, whose examples say it
    /// @param timeUnit what it counts where it is a number
    /// @param maxAhead how far ahead of stream time an event may lie
    public record Input(@Nullable String topic, @Nullable String stream, @Nullable String eventTime, TimeUnit timeUnit,
            Duration maxAhead, Format format, Reader reader) {
        /// A true gap of weeks is nothing unusual (a season, a holiday, an outage); a year is.
        static final Duration MAX_AHEAD = Duration.ofDays(365);
    }

    /// How snapshots are published.
    ///
    /// @param every wall clock between two of them
    /// @param gate null: each version is published, whatever its evaluation says
    public record Publish(Duration every, Keep keep, @Nullable Gate gate) {
        static final Publish DEFAULT = new Publish(Duration.ofMillis(500), Keep.DEFAULT, null);
    }

    /// What must hold before a version is published.
    ///
    /// @param labels the evaluation must find no fault with so many labels after the version
    /// @param bounds what measures of the newest labels must be, by the measure's name
    /// @param rollBackAfter after so many labels in which it published nothing, and with a fault still there, the model goes
    ///     back to the last version that was published; 0 for never
    /// @param againstServed whether the version must not lose more than the one that is served
    public record Gate(long labels, SortedMap<String, Bound> bounds, long rollBackAfter, boolean againstServed) {
        public Gate {
            bounds = Collections.unmodifiableSortedMap(new TreeMap<>(bounds));
        }
    }

    /// The least and the most that a measure may be.
    public record Bound(double least, double most) {
    }

    /// Which snapshots stay on the topic.
    ///
    /// @param newest how many of the newest ones; at least 1
    /// @param hourly for how many hours one stays; 0 for none
    /// @param daily for how many days one stays; 0 for none
    public record Keep(int newest, int hourly, int daily) {
        static final Keep DEFAULT = new Keep(5, 24, 31);

        /// Returns the most versions, counted as full snapshots: what deltas stay for is no larger than one more.
        public long fullsMax() {
            return (long) newest + 1 + hourly + daily;
        }
    }

    /// How the values of events are written.
    public enum Format {
        /// In Confluent's wire format.
        AVRO,
        /// As an object in UTF-8.
        JSON
    }

    /// By what the fields of events are known, which decides what it means that an event's schema lacks one
    /// (docs/decisions/0015-fields-are-paths.md).
    public sealed interface Reader {
        /// They were found in every schema of the events when the model was registered, or that was before anybody
        /// looked: what an event's schema lacks is missing.
        Reader ANY = new Any();

        /// Nobody knew a schema when the model was registered: the first event that it learns must have all of them.
        Reader FIRST = new First();

        record Any() implements Reader {
        }

        record First() implements Reader {
        }

        /// The schema that an author had in mind: what an event's schema lacks under its name there, and under the
        /// aliases there, is missing.
        ///
        /// @param id in the registry
        record Of(int id) implements Reader {
        }
    }

    /// What becomes of a correction: an example that came with another label before.
    public enum LateLabels {
        /// Its row is learned once more, with the label that it has now.
        RELEARN,
        /// All rows are learned with the weights of `FakeNegativeWeighted`.
        FNW,
        /// It is passed over.
        IGNORE
    }

    /// At most one of `threshold` and `positive`, and only for a loss of yes or no.
    ///
    /// @param field null: the label comes with the example
    /// @param classes what the field reads for each class, in their order; empty: it has their numbers
    /// @param count the most classes of a sequence; 0 for no sequence
    /// @param lengths the field of the feature that says how many steps a row has; null: each has all
    /// @param isOpen whether what it means, and by that the loss, is found out with the features
    /// @param learnsClasses whether each label that is new becomes a class when it is learned, up to the network's
    ///     outputs
    public record Label(@Nullable String field, @Nullable Double threshold, @Nullable String positive,
            List<String> classes, Kind kind, int count, @Nullable String lengths, boolean isOpen,
            boolean learnsClasses) {
        /// How many classes may be learned, so that their names fit beside a version's weights.
        public static final int ROOM_MAX = 1_024;

        /// How many outputs a recipe has unless the spec says it.
        static final int ROOM = 32;

        /// UTF-8 bytes of the longest name of a class that is learned.
        public static final int NAME_BYTES_MAX = 256;

        public Label {
            classes = List.copyOf(classes);
        }

        /// What the label's field holds.
        public enum Kind {
            /// One value.
            ONE,
            /// A list with a class for each step.
            STEPS,
            /// A list of classes in their order, which nobody has aligned with steps.
            SEQUENCE;

            boolean isList() {
                return this != ONE;
            }
        }

        public boolean isList() {
            return kind.isList();
        }

        /// Whether the field is compared with texts, which the spec says or which are learned.
        public boolean isText() {
            return positive != null || !classes.isEmpty() || learnsClasses;
        }
    }

    /// Files that the model starts from.
    ///
    /// @param weights a safetensors file
    /// @param statistics a JSON file of what numbers are scaled by, null if the other file has it, or nothing is scaled
    public record InitialWeights(HashedFile weights, @Nullable HashedFile statistics) {
    }

    /// @param file where it lies, relative to the directory that a command is started in
    /// @param sha256 of the file, 64 hex digits: what the spec means, wherever it lies
    public record HashedFile(String file, String sha256) {
    }

    /// Fingerprints are asked for with every snapshot and made once; two threads that make them at once make the same.
    static final class Memo {
        private volatile byte @Nullable [] fingerprint;
        private volatile byte @Nullable [] featureFingerprint;
    }

    public ModelSpec {
        features = List.copyOf(features);
        layers = List.copyOf(layers);
        labelReads = List.copyOf(labelReads);
    }

    /// @param source named in messages (a file name)
    /// @throws SpecException with every mistake found: line, expected, found
    public static ModelSpec parse(String yaml, String source) {
        return new SpecReader(yaml, source, false, null).read();
    }

    /// A spec that a model lives by: what was sound when it was registered is no mistake, though a new spec could not
    /// say it any more.
    ///
    /// @throws SpecException as `parse`
    public static ModelSpec parseRegistered(String yaml, String source) {
        return new SpecReader(yaml, source, true, null).read();
    }

    /// The same model at other rates, for a trial of them, in which every loss counts and nothing else sets the rate: without
    /// quarantine and reactions. What it is called and its text stay, its fingerprint does not.
    public ModelSpec withRates(Optimizer optimizer, Schedule schedule) {
        return with(input, optimizer, schedule, Quarantine.NONE, null);
    }

    /// The same model, whose fields are known by `reader`. The text says so, too.
    ///
    /// @throws IllegalStateException the text says already by what they are known
    public ModelSpec withReader(Reader reader) {
        if (reader instanceof Reader.Any) {
            return this;
        }
        ModelSpec changed = parseRegistered(SpecText.with(yaml, "input", "schema", switch (reader) {
            case Reader.Of(int id) -> Integer.toString(id);
            default -> "first";
        }), "the spec of " + model);
        if (!(input.reader instanceof Reader.Any) || !changed.input.reader.equals(reader)) {
            throw new IllegalStateException("expected a spec that says " + reader + ", found " + changed.input.reader);
        }
        return changed.withTopicOf(this);
    }

    /// This spec as it was registered: a file does not say what was found out about its fields then.
    public ModelSpec asRegistered(ModelSpec registered) {
        ModelSpec known = !label.isOpen ? this
                // Without a recipe it is another model, whatever its label means.
                : registered.recipe == null ? withLabel(new LabelMeaning(new Flow(), "mean-squared-error")) : withLabel(
                        new LabelMeaning(CanonicalForm.meaning(registered), Losses.FORMS.inBraces(registered.loss)));
        ModelSpec complete = isOpen() ? known.withFeatures(SpecText.of(registered.yaml, "features")) : known;
        return complete.input.reader instanceof Reader.Any ? complete.withReader(registered.input.reader) : complete;
    }

    /// Whether it says `features: auto`: which ones is found out before it is registered. Until then it has no network and
    /// no fingerprint.
    public boolean isOpen() {
        return features.isEmpty();
    }

    /// The same model with features, where it was open. The text says so, too.
    ///
    /// @param lines of the text: a list, with what is said of it, each line indented alike
    /// @throws SpecException the list is none that a spec can have
    public ModelSpec withFeatures(String lines) {
        return parseRegistered(SpecText.replaced(yaml, "features", lines), "the spec of " + model).withTopicOf(this);
    }

    /// What was found out about a label of which a spec says no more than where it is.
    ///
    /// @param keys what `label` has to say beside the field: `positive` or `classes`, if any
    /// @param loss as a spec names it; a comment may stand behind it
    public record LabelMeaning(Flow keys, String loss) {
    }

    /// The same model with what its label means, where that was open. The text says so, too.
    ///
    /// @throws SpecException that is nothing that a spec can say
    public ModelSpec withLabel(LabelMeaning meaning) {
        Flow keys = meaning.keys;
        String labelled = keys.isEmpty() ? yaml
                : SpecText.has(yaml, "label") ? SpecText.with(yaml, "label", keys.firstKey(), keys.firstValue())
                        : SpecText.before(yaml, "features", "label: " + keys); // of a stream
        return parseRegistered(SpecText.before(labelled, "features", "loss: " + meaning.loss), "the spec of " + model)
                .withTopicOf(this);
    }

    /// The same model, of a stream whose examples lie in `topic`.
    public ModelSpec onTopic(String topic) {
        return with(new Input(topic, input.stream(), input.eventTime(), input.timeUnit(), input.maxAhead(),
                input.format(), input.reader()), optimizer, schedule, quarantine, onChange);
    }

    private ModelSpec withTopicOf(ModelSpec other) {
        String topic = other.input.topic();
        return input.stream() == null || topic == null ? this : onTopic(topic);
    }

    private ModelSpec with(Input input, Optimizer optimizer, Schedule schedule, Quarantine quarantine,
            @Nullable OnChange onChange) {
        return new ModelSpec(model, input, label, weightField, lateLabels, features, layers, recipe, outputs, steps,
                loss, optimizer, schedule, clipping, regularization, quarantine, onChange, miniBatch, window, publish,
                watch, workers, seed, initialWeights, yaml, labelReads, new Memo());
    }

    /// The topic of events or examples.
    ///
    /// @throws IllegalStateException it is not known which topic the spec's stream has: `onTopic` says it
    public String inputTopic() {
        String topic = input.topic();
        if (topic == null) {
            throw new IllegalStateException("model " + model + " learns from the stream " + input.stream()
                    + ", and nobody has said which topic its examples lie in");
        }
        return topic;
    }

    /// The stream whose examples are learned; null: the spec names a topic of events.
    public @Nullable String stream() {
        return input.stream();
    }

    /// How many threads share each step of the model, the learning one included.
    ///
    /// @param given what the process says; 0: it says nothing
    public int workers(int given) {
        return given > 0 ? given : workers;
    }

    /// Whether events have weights of their own.
    public boolean weighted() {
        return weightField != null || input.stream() != null;
    }

    /// All fields of an event that are read, each once: the features', then label, weight and event time. Of a stream,
    /// whose examples bring the latter three, only the features'.
    public List<String> fields() {
        Set<String> fields = new LinkedHashSet<>();
        features.forEach(feature -> fields.addAll(feature.fields()));
        if (label.field() != null) {
            fields.add(label.field());
        }
        if (weightField != null) {
            fields.add(weightField);
        }
        if (input.eventTime() != null) {
            fields.add(input.eventTime());
        }
        return List.copyOf(fields);
    }

    /// A line for each feature that reads `field`, the label of the spec's stream, and does not say that this is meant.
    ///
    /// @throws SpecException a feature says so that does not read it
    public List<String> labelReads(String field) {
        return new SpecReader(yaml, "the spec of " + model, true, field).read().labelReads;
    }

    /// Whether the network reads all features side by side, and not some here and some there.
    public boolean readsFeaturesTogether() {
        return recipe != null || !NetworkBinding.readsRow(layers);
    }

    /// Numbers that the members of a recipe give a row, all together; 0 without one.
    public int memberOutputs() {
        return recipe == null ? 0 : recipe.members(loss, features).size() * outputs;
    }

    /// Whether labels are classes, of two or more; else they are numbers.
    public boolean classifies() {
        return switch (loss) {
            case BinaryCrossEntropy _,CategoricalCrossEntropy _,Hinge _,Ctc _,FakeNegativeWeighted _ -> true;
            case MeanSquaredError _,MeanAbsoluteError _,Huber _,Poisson _,Quantile _ -> false;
        };
    }

    /// A line for each layer of the network, those inside others before these; see `LayerOutline`.
    public List<LayerOutline> outline() {
        if (recipe != null) {
            return RecipeNetwork.outline(recipe, loss, features, network());
        }
        RowLayout layout = layout();
        NetworkShapes shapes = new NetworkShapes(new NetworkBinding(features, layout),
                new Shape.Row(layout.numbers(), layout.ids()), (layer, misfit) -> {
                    throw new IllegalStateException(misfit);
                });
        shapes.of(layers);
        return shapes.outlines();
    }

    /// Label floats of a row: with `fnw` the second is the label that the first replaces, a list has one a step, and a sequence
    /// what `Ctc` says.
    public int labels() {
        return switch (label.kind) {
            case ONE -> lateLabels == LateLabels.FNW ? 2 : 1;
            case STEPS -> steps;
            case SEQUENCE -> label.count + 2;
        };
    }

    /// The id of a row that says how many of its steps it has; -1 when each row has all.
    public int stepsAt() {
        return layout().lengthOf(label.lengths);
    }

    /// Which columns of a row belong to which feature.
    public RowLayout layout() {
        return new RowLayout(features);
    }

    /// Values equal to defaults left out, keys in fixed order: one spec, one text.
    public String canonical() {
        return CanonicalForm.of(this);
    }

    /// SHA-256 of the canonical form, 32 bytes.
    public byte[] fingerprint() {
        byte[] made = memo.fingerprint;
        if (made == null) {
            made = sha256(canonical());
            memo.fingerprint = made;
        }
        return made.clone();
    }

    /// Whether this is `other` under another name, or under the same: whatever else the fingerprint covers is equal.
    public boolean isRenamed(ModelSpec other) {
        return nameless(canonical()).equals(nameless(other.canonical()));
    }

    private static List<String> nameless(String canonical) {
        return canonical.lines().filter(line -> !line.startsWith("model: ")).toList();
    }

    /// SHA-256 of everything that decides what a row means (features, hashing), 32 bytes.
    public byte[] featureFingerprint() {
        byte[] made = memo.featureFingerprint;
        if (made == null) {
            made = sha256(CanonicalForm.ofFeatures(features));
            memo.featureFingerprint = made;
        }
        return made.clone();
    }

    /// Where the spec names the layer that the engine calls `layer 2.0 (Dense)`: ` = network[1]`, ` = the features`;
    /// empty for what is no layer.
    public String placeInNetwork(String layer) {
        if (recipe != null) {
            return " = the recipe";
        }
        Matcher matcher = ENGINE_PLACE.matcher(layer);
        if (!matcher.matches()) {
            return "";
        }
        int entry = Integer.parseInt(matcher.group(1)) - (NetworkBinding.readsRow(layers) ? 0 : 1);
        return entry < 0 ? " = the features" : " = network[" + entry + "]";
    }

    /// Names of the recipe's members in the order in which they are mixed; empty without a recipe.
    public List<String> memberNames() {
        return recipe == null ? List.of() : recipe.members(loss, features).stream().map(Flow::name).toList();
    }

    /// The engine's description of this model.
    public NetworkSpec network() {
        return NetworkBinding.bind(this);
    }

    private static byte[] sha256(String text) {
        return ModelHash.sha256().digest(text.getBytes(StandardCharsets.UTF_8));
    }
}
