package io.tidegrad.scorer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.schemas.Topics;
import java.nio.file.Path;
import java.security.PublicKey;
import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.jspecify.annotations.Nullable;

/// How to open a `Scorer` on a model's snapshots topic.
///
/// @param topics where the topic's name comes from (its prefix)
/// @param kafka consumer settings, passed through (`bootstrap.servers`, TLS, SASL, …); those in `FIXED` are ours
/// @param maxSnapshotBytes largest model that is taken, checked before memory is asked for; a full load needs it beside
///     the model that serves, the first one of another spec or epoch twice
/// @param maxBatch events a session scores at once
/// @param publicKey Ed25519 key that every manifest must be signed with; null when they need not be signed
/// @param clock what freshness and admission times are told by
/// @param stateDir where the version that serves is kept, for a start without Kafka; null for nowhere
/// @param maxAge of what is served, beyond which the scorer says that it is not ready, and goes on answering; null for
///     any
/// @param pin the one version that serves, whatever is published or decided after it; null for the newest
public record ScorerOptions(String model, Topics topics, Map<String, Object> kafka, long maxSnapshotBytes, int maxBatch,
        @Nullable PublicKey publicKey, InstantSource clock, Kernels kernels, @Nullable Path stateDir,
        @Nullable Duration maxAge, @Nullable Pin pin) {

    /// Settings whose value is part of what a follower promises: only committed snapshots, no group, no silent jump.
    static final Map<String, Object> FIXED = Map.of(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
            ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false", ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none",
            ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, "false");

    /// Settings that have no meaning here.
    private static final List<String> REFUSED =
            List.of(ConsumerConfig.GROUP_ID_CONFIG, ConsumerConfig.GROUP_INSTANCE_ID_CONFIG,
                    ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG);

    public ScorerOptions {
        kafka = Map.copyOf(kafka);
        if (model.isBlank()) {
            throw new IllegalArgumentException("a scorer needs the name of a model, found a blank one");
        }
        if (maxSnapshotBytes < 1) {
            throw new IllegalArgumentException("maxSnapshotBytes must be at least 1, found " + maxSnapshotBytes);
        }
        if (maxBatch < 1) {
            throw new IllegalArgumentException("maxBatch must be at least 1, found " + maxBatch);
        }
        if (stateDir != null) {
            LastGoodFile.requireName(model);
        }
        if (maxAge != null && !maxAge.isPositive()) {
            throw new IllegalArgumentException("maxAge must be positive, found " + maxAge);
        }
        if (!kafka.containsKey(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG)) {
            throw new IllegalArgumentException("kafka settings lack bootstrap.servers, for instance 127.0.0.1:9092");
        }
        for (Map.Entry<String, Object> fixed : FIXED.entrySet()) {
            Object found = kafka.get(fixed.getKey());
            if (found != null && !found.toString().equalsIgnoreCase(fixed.getValue().toString())) {
                throw new IllegalArgumentException("kafka setting " + fixed.getKey() + " must be " + fixed.getValue()
                        + " for a scorer, found " + found + "; leave it out");
            }
        }
        for (String refused : REFUSED) {
            if (kafka.containsKey(refused)) {
                throw new IllegalArgumentException("kafka setting " + refused
                        + " has no meaning for a scorer, which reads its topic without a group; leave it out");
            }
        }
    }

    /// A version to serve and no other.
    ///
    /// @param epoch at least 1
    /// @param version update count within it
    public record Pin(int epoch, long version) {
        @Override
        public String toString() {
            return epoch + "." + version;
        }
    }

    /// The defaults: prefix `tidegrad`, models up to a quarter of the heap, batches of 32, the system's clock.
    public static ScorerOptions of(String model, Map<String, ?> kafka) {
        return new ScorerOptions(model, Topics.DEFAULT, new LinkedHashMap<>(kafka),
                Runtime.getRuntime().maxMemory() / 4, 32, null, InstantSource.system(), Kernels.active(), null, null,
                null);
    }

    /// The same for another model, which is not kept in a file: it may have a scorer of its own that does that.
    ScorerOptions withModel(String other) {
        return with(draft -> {
            draft.model = other;
            draft.stateDir = null;
            draft.pin = null;
        });
    }

    public ScorerOptions withPrefix(String prefix) {
        return with(draft -> draft.topics = new Topics(prefix));
    }

    public ScorerOptions withMaxSnapshotBytes(long bytes) {
        return with(draft -> draft.maxSnapshotBytes = bytes);
    }

    public ScorerOptions withMaxBatch(int events) {
        return with(draft -> draft.maxBatch = events);
    }

    public ScorerOptions withPublicKey(@Nullable PublicKey key) {
        return with(draft -> draft.publicKey = key);
    }

    public ScorerOptions withClock(InstantSource source) {
        return with(draft -> draft.clock = source);
    }

    /// With a file for the version that serves: every half a minute at most it is written anew, and at the end. A start
    /// that Kafka does not answer serves it, after the same checks. The directory is made when it is not there.
    public ScorerOptions withStateDir(@Nullable Path directory) {
        return with(draft -> draft.stateDir = directory);
    }

    public ScorerOptions withMaxAge(@Nullable Duration age) {
        return with(draft -> draft.maxAge = age);
    }

    /// Serves this version and no other: what is published after it, rolled back or promoted changes nothing; only
    /// deletion of the model ends it. It is read from the topic, so it must still be there, and no state directory
    /// keeps it.
    public ScorerOptions withPin(@Nullable Pin version) {
        return with(draft -> draft.pin = version);
    }

    private ScorerOptions with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.checked();
    }

    /// Options that are being changed.
    private static final class Draft {
        String model;
        Topics topics;
        final Map<String, Object> kafka;
        long maxSnapshotBytes;
        int maxBatch;
        @Nullable
        PublicKey publicKey;
        InstantSource clock;
        final Kernels kernels;
        @Nullable
        Path stateDir;
        @Nullable
        Duration maxAge;
        @Nullable
        Pin pin;

        Draft(ScorerOptions from) {
            model = from.model;
            topics = from.topics;
            kafka = from.kafka;
            maxSnapshotBytes = from.maxSnapshotBytes;
            maxBatch = from.maxBatch;
            publicKey = from.publicKey;
            clock = from.clock;
            kernels = from.kernels;
            stateDir = from.stateDir;
            maxAge = from.maxAge;
            pin = from.pin;
        }

        ScorerOptions checked() {
            return new ScorerOptions(model, topics, kafka, maxSnapshotBytes, maxBatch, publicKey, clock, kernels,
                    stateDir, maxAge, pin);
        }
    }

    /// Of the model of that name.
    String topic() {
        return topics.snapshots(model);
    }

    Map<String, Object> consumerSettings() {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put(ConsumerConfig.CLIENT_ID_CONFIG, "tidegrad-scorer-" + model);
        // A part is at most half a MiB: sixteen in one answer keep a large load from being bound by
        // round trips.
        settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 8 * 1024 * 1024);
        settings.putAll(kafka);
        settings.putAll(FIXED);
        return settings;
    }
}
