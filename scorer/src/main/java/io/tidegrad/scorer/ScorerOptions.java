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
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.jspecify.annotations.Nullable;

/// How to open a `Scorer` on a model's snapshots topic.
///
/// @param topics gives the topic's name, from its prefix
/// @param kafka consumer settings, passed through (`bootstrap.servers`, TLS, SASL, …); those in `FIXED` can't be
///     changed
/// @param maxSnapshotBytes size of the largest model, checked before memory is allocated; a full load needs this much
///     beside the served model, and the first load of another spec or epoch needs it twice
/// @param maxBatch how many events a session scores at once
/// @param publicKey Ed25519 key with which every manifest must be signed; null if they need not be signed
/// @param clock source of freshness and admission times
/// @param stateDir directory that keeps the served version for a start without Kafka; null for none
/// @param maxAge age beyond which the served version makes the scorer not ready, although it still scores; null for any
/// @param pin the only version that serves, whatever is published or decided later; null for the newest
public record ScorerOptions(String model, Topics topics, Map<String, Object> kafka, long maxSnapshotBytes, int maxBatch,
        @Nullable PublicKey publicKey, InstantSource clock, Kernels kernels, @Nullable Path stateDir,
        @Nullable Duration maxAge, @Nullable Pin pin) {

    /// Settings on which the follower's guarantees depend: it reads committed snapshots only, has no group, and never
    /// jumps to another offset silently.
    static final Map<String, Object> FIXED = Map.of(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed",
            ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false", ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none",
            ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, "false");

    /// Settings that have no meaning for a scorer.
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

    /// The only version to serve.
    ///
    /// @param epoch at least 1
    /// @param version update count within the epoch
    public record Pin(int epoch, long version) {
        @Override
        public String toString() {
            return epoch + "." + version;
        }
    }

    /// Returns the defaults: prefix `tidegrad`, models up to a quarter of the heap, batches of 32, the system's clock.
    public static ScorerOptions of(String model, Map<String, ?> kafka) {
        return new ScorerOptions(model, Topics.DEFAULT, new LinkedHashMap<>(kafka),
                Runtime.getRuntime().maxMemory() / 4, 32, null, InstantSource.system(), Kernels.active(), null, null,
                null);
    }

    /// Returns the same options for another model, without a state directory: the model may have a scorer of its own
    /// that uses it.
    ScorerOptions withModel(String other) {
        return new ScorerOptions(other, topics, kafka, maxSnapshotBytes, maxBatch, publicKey, clock, kernels, null,
                maxAge, null);
    }

    public ScorerOptions withPrefix(String prefix) {
        return new ScorerOptions(model, new Topics(prefix), kafka, maxSnapshotBytes, maxBatch, publicKey, clock,
                kernels, stateDir, maxAge, pin);
    }

    public ScorerOptions withMaxSnapshotBytes(long bytes) {
        return new ScorerOptions(model, topics, kafka, bytes, maxBatch, publicKey, clock, kernels, stateDir, maxAge,
                pin);
    }

    public ScorerOptions withMaxBatch(int events) {
        return new ScorerOptions(model, topics, kafka, maxSnapshotBytes, events, publicKey, clock, kernels, stateDir,
                maxAge, pin);
    }

    public ScorerOptions withPublicKey(@Nullable PublicKey key) {
        return new ScorerOptions(model, topics, kafka, maxSnapshotBytes, maxBatch, key, clock, kernels, stateDir,
                maxAge, pin);
    }

    public ScorerOptions withClock(InstantSource source) {
        return new ScorerOptions(model, topics, kafka, maxSnapshotBytes, maxBatch, publicKey, source, kernels, stateDir,
                maxAge, pin);
    }

    /// Keeps the served version in a file of this directory, which is created if it does not exist. The file is written
    /// at most every 30 s, and when the scorer closes. If Kafka does not answer at a start, the file's version serves
    /// after the same checks.
    public ScorerOptions withStateDir(@Nullable Path directory) {
        return new ScorerOptions(model, topics, kafka, maxSnapshotBytes, maxBatch, publicKey, clock, kernels, directory,
                maxAge, pin);
    }

    public ScorerOptions withMaxAge(@Nullable Duration age) {
        return new ScorerOptions(model, topics, kafka, maxSnapshotBytes, maxBatch, publicKey, clock, kernels, stateDir,
                age, pin);
    }

    /// Serves only this version, whatever is published, rolled back or promoted later; only the deletion of the model
    /// ends it. It is read from the topic, so the topic must still have it. The state directory is not used.
    public ScorerOptions withPin(@Nullable Pin version) {
        return new ScorerOptions(model, topics, kafka, maxSnapshotBytes, maxBatch, publicKey, clock, kernels, stateDir,
                maxAge, version);
    }

    String topic() {
        return topics.snapshots(model);
    }

    Map<String, Object> consumerSettings() {
        Map<String, Object> settings = new LinkedHashMap<>();
        settings.put(ConsumerConfig.CLIENT_ID_CONFIG, "tidegrad-scorer-" + model);
        // A part is at most 0.5 MiB. With 16 in one fetch, round trips do not bound a large load.
        settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 8 * 1024 * 1024);
        settings.putAll(kafka);
        settings.putAll(FIXED);
        return settings;
    }
}
