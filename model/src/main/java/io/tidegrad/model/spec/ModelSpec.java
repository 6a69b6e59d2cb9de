package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Shape;
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
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.optim.Clipping;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Regularization;
import io.tidegrad.engine.optim.Schedule;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// One model's spec, parsed from one YAML file and validated whole. Immutable. The keys, `*` for required ones:
///
/// ```yaml
/// model: flight-delay                  # * [a-z0-9-]{1,100}: part of topic names
/// input:                               # *
///   topic: flights                     # *
///   event-time: departed               # epoch ms, Avro timestamp or ISO-8601; needed by windows
///   max-ahead: P365D                   # see StreamTime: what lies further ahead of stream time is rejected
/// label:                               # *
///   field: late                        # * boolean or 0/1; class index; number: as the loss needs
///   threshold: 15                      # binary: 1 when the field's number is at least this
///   positive: "yes"                    # binary: 1 when the field reads exactly so, else 0
///   classes: 10                        # categorical: must equal the last dense's outputs
/// weight: { field: passengers }        # how much an event counts, from 0 on; each counts 1 unless given
/// features:                            # * see Feature and Featurizer
///   - number:    { field: distance, scale: raw | standard, transform: none | log1p, missing: reject | indicator | 0 }
///   - category:  { field: origin, buckets: 512, dimension: 4, update: touched | dense }
///   - cross:     { fields: [origin, destination], buckets: 8192, dimension: 4 }
///   - time-part: { field: departed, parts: [minute-of-day, hour, weekday, day, month], dimension: 4 }
///   - cyclic:    { field: bearing, period: 360 }         # or { field: departed, part: hour }
///   - pixels:    { field: image, width: 28, height: 28, divide-by: 255 }
///   - sequence:   { field: readings, steps: 24, width: 1, shorter: reject | pad }
///   - categories: { field: words, count: 32, buckets: 4096, dimension: 16 }
///   - bag:        { field: tags, count: 20, buckets: 4096, dimension: 8, mode: sum | mean, weights: tag-weights }
///                                      #   each may have allow-label: true, which lets it read the label's field; not part of
///                                      #   the fingerprint
/// network: [ dense: 64, relu, dense: { units: 1, bias: true, init: he-uniform | he-normal | xavier-uniform | xavier-normal } ]
///                                      # * every layer of the engine: Layers, NetworkReader, docs/model-spec.md;
///                                      #   what has weights may have rate-factor: 0.1 (times the rate) or frozen: true
/// loss: binary-cross-entropy           # * or { binary-cross-entropy: { positive-weight: 1 } },
///                                      #   { categorical-cross-entropy: { label-smoothing: 0, class-weights: [1, 2] } },
///                                      #   mean-squared-error, mean-absolute-error, { huber: { delta: 1 } }, poisson,
///                                      #   { quantile: { quantiles: [0.1, 0.5, 0.9] } }, hinge
/// optimizer: { adam: { rate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false } }
///                                      # * or { adagrad: { rate: 0.01, epsilon: 1e-10, initial-accumulator: 0 } },
///                                      #   { adamw: { adam's keys, weight-decay: 0.01 } },
///                                      #   { rmsprop: { rate: 0.01, alpha: 0.99, epsilon: 1e-8, centered: false, momentum: 0 } },
///                                      #   { sgd: { rate: 0.05, momentum: 0, nesterov: false } }; sgd's rate is required,
///                                      #   { ftrl: { alpha: 0.1, beta: 1, l1: 0, l2: 0 } }; ftrl's alpha is required
/// schedule: { cosine: { total-steps: 100000, min-rate: 0 } }
///                                      # or step, exponential, linear-warmup, inverse-sqrt, warmup-cosine, one-cycle,
///                                      # warm-restarts; the optimizer's rate throughout unless given
/// gradient-clipping: { global-norm: 1 }  # or { value: 0.1 }; not clipped unless given
/// regularization: { l1: 0, l2: 0, applies-to: all | weights }
/// mini-batch: { size: 1, window: PT1H, step: mean }
/// publish: { every: PT0.5S }           # wall clock; not part of the fingerprint
/// seed: 0
/// initial-weights: { file: weights.safetensors, sha256: … }  # not drawn from the seed, but these; the file's name is not
///                                      # part of the fingerprint
/// ```
///
/// Values shown are the defaults where a key may be left out and has one.
public final class ModelSpec {
    private static final Pattern ENGINE_PLACE = Pattern.compile("layer (\\d{1,9})[ .].*");
    static final Duration PUBLISH_EVERY = Duration.ofMillis(500);

    /// @param eventTime the field that says when an event happened
    /// @param maxAhead how far ahead of stream time an event may lie
    public record Input(String topic, @Nullable String eventTime, Duration maxAhead) {
        /// A true gap of weeks is nothing unusual (a season, a holiday, an outage); a year is.
        static final Duration MAX_AHEAD = Duration.ofDays(365);
    }

    /// At most one of `threshold` and `positive`, and only for a loss of yes or no.
    public record Label(String field, @Nullable Double threshold, @Nullable String positive) {
    }

    /// A safetensors file that the model starts from.
    ///
    /// @param file where it lies, relative to the directory that a command is started in
    /// @param sha256 of the file, 64 hex digits: what the spec means, wherever it lies
    public record InitialWeights(String file, String sha256) {
        static String defaultFile(String sha256) {
            return sha256 + ".safetensors";
        }
    }

    private final String model;
    private final Input input;
    private final Label label;
    private final @Nullable String weightField;
    private final List<Feature> features;
    private final List<NetworkLayer> layers;
    private final int outputs;
    private final Loss loss;
    private final Optimizer optimizer;
    private final Schedule schedule;
    private final Clipping clipping;
    private final Regularization regularization;
    private final int miniBatch;
    private final @Nullable Duration window;
    private final Duration publishEvery;
    private final long seed;
    private final @Nullable InitialWeights initialWeights;
    private final String yaml;
    private final List<String> labelReads;
    private final RowLayout layout;

    // Asked for with every snapshot, made once; two threads that make them at once make the same.
    private volatile byte @Nullable [] fingerprint;
    private volatile byte @Nullable [] featureFingerprint;

    ModelSpec(String model, Input input, Label label, @Nullable String weightField, List<Feature> features,
            List<NetworkLayer> layers, int outputs, Loss loss, Optimizer optimizer, Schedule schedule,
            Clipping clipping, Regularization regularization, int miniBatch, @Nullable Duration window,
            Duration publishEvery, long seed, @Nullable InitialWeights initialWeights, String yaml,
            List<String> labelReads) {
        this.model = model;
        this.input = input;
        this.label = label;
        this.weightField = weightField;
        this.features = List.copyOf(features);
        this.layers = List.copyOf(layers);
        this.outputs = outputs;
        this.loss = loss;
        this.optimizer = optimizer;
        this.schedule = schedule;
        this.clipping = clipping;
        this.regularization = regularization;
        this.miniBatch = miniBatch;
        this.window = window;
        this.publishEvery = publishEvery;
        this.seed = seed;
        this.initialWeights = initialWeights;
        this.yaml = yaml;
        this.labelReads = List.copyOf(labelReads);
        layout = RowLayout.of(this.features);
    }

    /// @param source named in messages (a file name)
    /// @throws SpecException with every mistake found: line, expected, found
    public static ModelSpec parse(String yaml, String source) {
        return new SpecReader(yaml, source, false).read();
    }

    /// A spec that a model lives by: what was sound when it was registered is no mistake, though a new spec could not
    /// say it any more.
    ///
    /// @throws SpecException as `parse`
    public static ModelSpec parseRegistered(String yaml, String source) {
        return new SpecReader(yaml, source, true).read();
    }

    /// The same model at other rates, for a trial of them: what it is called and its text stay, its fingerprint does
    /// not.
    public ModelSpec withRates(Optimizer optimizer, Schedule schedule) {
        return new ModelSpec(model, input, label, weightField, features, layers, outputs, loss, optimizer, schedule,
                clipping, regularization, miniBatch, window, publishEvery, seed, initialWeights, yaml, labelReads);
    }

    public String model() {
        return model;
    }

    public Input input() {
        return input;
    }

    /// The events topic.
    public String inputTopic() {
        return input.topic();
    }

    public Label label() {
        return label;
    }

    /// The field that says how much an event counts; null: each counts 1.
    public @Nullable String weightField() {
        return weightField;
    }

    public List<Feature> features() {
        return features;
    }

    /// The spec's network as it was written.
    public List<NetworkLayer> layers() {
        return layers;
    }

    /// Whether the network reads all features side by side, and not some here and some there.
    public boolean readsFeaturesTogether() {
        return !NetworkBinding.readsRow(layers);
    }

    public Loss loss() {
        return loss;
    }

    /// Whether labels are classes, of two or more; else they are numbers.
    public boolean classifies() {
        return switch (loss) {
            case BinaryCrossEntropy binary -> true;
            case CategoricalCrossEntropy categorical -> true;
            case Hinge hinge -> true;
            case Ctc ctc -> true;
            case MeanSquaredError squared -> false;
            case MeanAbsoluteError absolute -> false;
            case Huber huber -> false;
            case Poisson poisson -> false;
            case Quantile quantile -> false;
        };
    }

    public Optimizer optimizer() {
        return optimizer;
    }

    public Schedule schedule() {
        return schedule;
    }

    public Clipping clipping() {
        return clipping;
    }

    public Regularization regularization() {
        return regularization;
    }

    /// Rows of a full mini-batch.
    public int miniBatch() {
        return miniBatch;
    }

    /// Event time after which an unfinished mini-batch is learned too: edges lie at its multiples since 1970.
    public @Nullable Duration window() {
        return window;
    }

    /// Wall clock between snapshots; not part of the fingerprint.
    public Duration publishEvery() {
        return publishEvery;
    }

    public long seed() {
        return seed;
    }

    /// Null for weights drawn from the seed.
    public @Nullable InitialWeights initialWeights() {
        return initialWeights;
    }

    /// The text as the user wrote it: what `tidegrad.models` stores.
    public String yaml() {
        return yaml;
    }

    /// A line for each feature that reads the label's field and does not say that this is meant; only of a registered
    /// spec.
    public List<String> labelReads() {
        return labelReads;
    }

    /// Width of a prediction: 1, or the number of classes or quantiles.
    public int outputs() {
        return outputs;
    }

    /// A line for each layer of the network, those inside others before these; see `LayerOutline`.
    public List<LayerOutline> outline() {
        NetworkShapes shapes = new NetworkShapes(new NetworkBinding(features, layout),
                new Shape.Row(layout.numbers(), layout.ids()), (layer, misfit) -> {
                    throw new IllegalStateException(misfit);
                });
        shapes.of(layers);
        return shapes.outlines();
    }

    /// Which columns of a row belong to which feature.
    public RowLayout layout() {
        return layout;
    }

    /// Values equal to defaults left out, keys in fixed order: one spec, one text.
    public String canonical() {
        return CanonicalForm.of(this);
    }

    /// SHA-256 of the canonical form, 32 bytes.
    public byte[] fingerprint() {
        byte[] made = fingerprint;
        if (made == null) {
            made = sha256(canonical());
            fingerprint = made;
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
        byte[] made = featureFingerprint;
        if (made == null) {
            made = sha256(CanonicalForm.ofFeatures(features));
            featureFingerprint = made;
        }
        return made.clone();
    }

    /// Where the spec names the layer that the engine calls `layer 2.0 (Dense)`: ` = network[1]`, ` = the features`;
    /// empty for what is no layer.
    public String placeInNetwork(String layer) {
        Matcher matcher = ENGINE_PLACE.matcher(layer);
        if (!matcher.matches()) {
            return "";
        }
        int entry = Integer.parseInt(matcher.group(1)) - (NetworkBinding.readsRow(layers) ? 0 : 1);
        return entry < 0 ? " = the features" : " = network[" + entry + "]";
    }

    /// The engine's description of this model.
    public NetworkSpec network() {
        return NetworkBinding.bind(this);
    }

    private static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException everyJavaHasIt) {
            throw new IllegalStateException(everyJavaHasIt);
        }
    }
}
