package io.tidegrad.trainer;

import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.store.StoreSettings;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Creates our topics, and checks those that exist: a setting under which weights or snapshots could be lost is refused
/// before anything is learned.
final class KafkaTopics {
    private static final Logger LOG = LoggerFactory.getLogger(KafkaTopics.class);
    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final Duration SHORT_RETENTION = Duration.ofDays(7);

    private final Admin admin;
    private final short replication;

    KafkaTopics(Admin admin, short replication) {
        this.admin = admin;
        this.replication = replication;
    }

    /// A log of record as it was found.
    ///
    /// @param bytesMax its `max.message.bytes`
    /// @param begin offset of its first record
    /// @param end offset after its last
    record Log(
            TopicPartition partition,
            Uuid topicId,
            int bytesMax,
            StoreSettings.Retention retention,
            long begin,
            long end) {}

    /// The events topic, if a model can learn from it directly: it exists, has one partition and keeps every event.
    Log log(String topic) {
        TopicDescription description = describe(topic);
        if (description == null) {
            throw refused(
                    "topic "
                            + topic
                            + ": expected the topic of events, found none; create it, or correct input.topic"
                            + " of the spec");
        }
        int partitions = description.partitions().size();
        if (partitions != 1) {
            throw refused(
                    "topic "
                            + topic
                            + ": expected 1 partition, whose order is the order of learning, found "
                            + partitions
                            + "; write the events to a topic with one partition");
        }
        Config config = config(topic);
        if (text(config, TopicConfig.CLEANUP_POLICY_CONFIG)
                .contains(TopicConfig.CLEANUP_POLICY_COMPACT)) {
            throw refused(
                    "topic "
                            + topic
                            + ": expected cleanup.policy=delete, found "
                            + text(config, TopicConfig.CLEANUP_POLICY_CONFIG)
                            + "; compaction removes events, and no replay could give these weights again. Write the events to"
                            + " a topic that is not compacted");
        }
        long retention = number(config, TopicConfig.RETENTION_MS_CONFIG);
        long retentionBytes = number(config, TopicConfig.RETENTION_BYTES_CONFIG);
        if (retention >= 0 && retention < SHORT_RETENTION.toMillis() || retentionBytes >= 0) {
            LOG.warn(
                    "topic {} keeps events for {} and {}: what is deleted can't be replayed, and a trainer that was down"
                            + " for longer can't go on",
                    topic,
                    retention < 0 ? "ever" : Duration.ofMillis(retention),
                    retentionBytes < 0 ? "any size" : retentionBytes + " bytes");
        }
        TopicPartition partition = new TopicPartition(topic, 0);
        return new Log(
                partition,
                description.topicId(),
                (int) number(config, TopicConfig.MAX_MESSAGE_BYTES_CONFIG),
                new StoreSettings.Retention(retention, retentionBytes),
                offset(partition, OffsetSpec.earliest()),
                offset(partition, OffsetSpec.latest()));
    }

    /// @throws TrainerException there is no such topic
    Uuid id(String topic) {
        TopicDescription description = describe(topic);
        if (description == null) {
            throw new TrainerException(
                    ExitCode.STATE_VIOLATION,
                    "topic "
                            + topic
                            + ": expected the topic of events, found none: it was deleted, and what was learned from it"
                            + " can't be learned again");
        }
        return description.topicId();
    }

    /// What a topic of ours must be like.
    ///
    /// @param partitions when created; -1 for the broker's default
    /// @param onePartition whether more are refused
    /// @param cleanup `compact` or `delete`, exactly
    /// @param bytesMax `max.message.bytes`, at least
    /// @param forEver whether a retention that deletes anything is refused
    /// @param settings more, when created
    record Wanted(
            String topic,
            int partitions,
            boolean onePartition,
            String cleanup,
            int bytesMax,
            boolean forEver,
            Map<String, String> settings) {
        Wanted(
                String topic,
                int partitions,
                boolean onePartition,
                String cleanup,
                int bytesMax,
                Map<String, String> settings) {
            this(topic, partitions, onePartition, cleanup, bytesMax, false, settings);
        }
    }

    /// Returns the topic's `max.message.bytes`.
    int createOrCheck(Wanted wanted) {
        TopicDescription description = describe(wanted.topic());
        if (description == null && create(wanted)) {
            return wanted.bytesMax();
        }
        if (description == null) {
            description = describe(wanted.topic()); // somebody else was faster
        }
        if (description == null) {
            throw new TrainerException(
                    ExitCode.RETRYABLE,
                    "topic " + wanted.topic() + " is being created and deleted");
        }
        int partitions = description.partitions().size();
        if (wanted.onePartition() && partitions != 1) {
            throw refused(
                    "topic "
                            + wanted.topic()
                            + ": expected 1 partition, found "
                            + partitions
                            + "; delete it, or choose another prefix");
        }
        Config config = config(wanted.topic());
        String cleanup = text(config, TopicConfig.CLEANUP_POLICY_CONFIG);
        if (!cleanup.equals(wanted.cleanup())) {
            throw refused(
                    "topic "
                            + wanted.topic()
                            + ": expected cleanup.policy="
                            + wanted.cleanup()
                            + ", found "
                            + cleanup
                            + "; "
                            + remedy(
                                    wanted.topic(),
                                    TopicConfig.CLEANUP_POLICY_CONFIG,
                                    wanted.cleanup()));
        }
        long bytesMax = number(config, TopicConfig.MAX_MESSAGE_BYTES_CONFIG);
        if (bytesMax < wanted.bytesMax()) {
            throw refused(
                    "topic "
                            + wanted.topic()
                            + ": expected max.message.bytes of at least "
                            + wanted.bytesMax()
                            + ", found "
                            + bytesMax
                            + "; "
                            + remedy(
                                    wanted.topic(),
                                    TopicConfig.MAX_MESSAGE_BYTES_CONFIG,
                                    Integer.toString(wanted.bytesMax())));
        }
        if (wanted.forEver()) {
            requireKeptForEver(wanted.topic(), config);
        }
        return (int) bytesMax;
    }

    private static void requireKeptForEver(String topic, Config config) {
        for (String key :
                List.of(TopicConfig.RETENTION_MS_CONFIG, TopicConfig.RETENTION_BYTES_CONFIG)) {
            if (number(config, key) >= 0) {
                throw refused(
                        "topic "
                                + topic
                                + ": expected "
                                + key
                                + "=-1, found "
                                + number(config, key)
                                + ": what was decided would be forgotten; "
                                + remedy(topic, key, "-1"));
            }
        }
    }

    private static String remedy(String topic, String setting, String value) {
        return "set it: kafka-configs.sh --alter --entity-type topics --entity-name "
                + topic
                + " --add-config "
                + setting
                + "="
                + value;
    }

    /// False when it exists already.
    private boolean create(Wanted wanted) {
        Map<String, String> settings = new HashMap<>(wanted.settings());
        settings.put(TopicConfig.CLEANUP_POLICY_CONFIG, wanted.cleanup());
        settings.put(TopicConfig.MAX_MESSAGE_BYTES_CONFIG, Integer.toString(wanted.bytesMax()));
        NewTopic topic =
                new NewTopic(
                                wanted.topic(),
                                wanted.partitions() < 0
                                        ? Optional.empty()
                                        : Optional.of(wanted.partitions()),
                                replication < 0 ? Optional.empty() : Optional.of(replication))
                        .configs(settings);
        try {
            get(admin.createTopics(List.of(topic)).all());
            return true;
        } catch (TopicExistsException e) {
            return false;
        }
    }

    /// Warns where the broker's transactions are of the old kind, in which a delayed message can hit a later one.
    void checkBroker() {
        var feature =
                get(admin.describeFeatures().featureMetadata())
                        .finalizedFeatures()
                        .get("transaction.version");
        if (feature == null || feature.maxVersionLevel() < 2) {
            LOG.warn(
                    "the brokers run transactions of version {}; a delayed message can hit a later transaction below 2."
                            + " Raise it: kafka-features.sh upgrade --feature transaction.version=2",
                    feature == null ? 0 : feature.maxVersionLevel());
        }
    }

    private @Nullable TopicDescription describe(String topic) {
        try {
            return get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic);
        } catch (UnknownTopicOrPartitionException e) {
            return null;
        }
    }

    private Config config(String topic) {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return Objects.requireNonNull(
                get(admin.describeConfigs(List.of(resource)).all()).get(resource));
    }

    private long offset(TopicPartition partition, OffsetSpec spec) {
        return Objects.requireNonNull(
                        get(admin.listOffsets(Map.of(partition, spec)).all()).get(partition))
                .offset();
    }

    private static String text(Config config, String key) {
        return config.get(key).value();
    }

    private static long number(Config config, String key) {
        return Long.parseLong(text(config, key));
    }

    private static TrainerException refused(String message) {
        return new TrainerException(ExitCode.CONFIGURATION, message);
    }

    /// Kafka's answer; its own exceptions are thrown as they are.
    static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e);
        } catch (TimeoutException e) {
            throw new TrainerException(
                    ExitCode.RETRYABLE,
                    "expected an answer from Kafka within "
                            + TIMEOUT.toSeconds()
                            + " s, found none; check that kafka.security.protocol is the listener's, and that the"
                            + " addresses which the brokers advertise can be reached from here",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TrainerException(
                    ExitCode.RETRYABLE, "interrupted while waiting for Kafka", e);
        }
    }
}
