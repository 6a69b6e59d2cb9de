package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.MissingRight;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeTopicsOptions;
import org.apache.kafka.clients.admin.FeatureMetadata;
import org.apache.kafka.clients.admin.FinalizedVersionRange;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.SupportedVersionRange;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Creates our topics, and checks those that exist. It refuses settings under which weights or snapshots could be lost,
/// before anything is learned.
public final class KafkaTopics {
    private static final Logger LOG = LoggerFactory.getLogger(KafkaTopics.class);
    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final Duration KNOWN_SOON = Duration.ofMillis(50);
    private static final Duration SHORT_RETENTION = Duration.ofDays(7);
    private static final String TRANSACTION_VERSION = "transaction.version";
    private static final int SAFE_TRANSACTIONS = 2;

    private final Admin admin;
    private final short replication;

    public KafkaTopics(Admin admin, short replication) {
        this.admin = admin;
        this.replication = replication;
    }

    /// The topic of events as it was when it was looked at.
    ///
    /// @param bytesMax its `max.message.bytes`
    /// @param begin offset of its first record
    /// @param end offset after its last record
    public record Log(TopicPartition partition, Uuid topicId, int bytesMax, Retention retention, long begin, long end) {
    }

    /// A topic as Kafka describes it.
    ///
    /// @param settings empty if they were not asked for
    public record Found(Uuid id, int partitions, Map<String, String> settings) {
        public String text(String key) {
            return Objects.requireNonNull(settings.get(key), key);
        }

        public long number(String key) {
            return Long.parseLong(text(key));
        }

        public Retention retention() {
            return new Retention(number(TopicConfig.RETENTION_MS_CONFIG), number(TopicConfig.RETENTION_BYTES_CONFIG));
        }
    }

    /// Returns the topic of a spec if a model can learn from it.
    ///
    /// @param spec with its topic, if it names a stream
    /// @throws ControlException if it does not exist, has several partitions or is compacted
    public Log log(ModelSpec spec) {
        String stream = spec.stream();
        return stream == null ? log(spec.inputTopic())
                : log(spec.inputTopic(),
                        () -> refused("topic " + spec.inputTopic() + ": expected the examples of stream " + stream
                                + ", found no such topic: it was deleted. Delete its epoch (tidegrad streams delete "
                                + stream + " --epoch N) and create it again (tidegrad streams create --spec FILE)"));
    }

    /// Returns the topic of events if a model can learn from it.
    ///
    /// @throws ControlException if it does not exist, has several partitions or is compacted
    public Log log(String topic) {
        return log(topic, () -> refused("topic " + topic
                + ": expected the topic of events, found none; create it, or correct input.topic of the spec"));
    }

    /// @param none makes the exception to throw if there is no such topic
    public Log log(String topic, Supplier<? extends RuntimeException> none) {
        Found found = found(topic);
        if (found == null) {
            throw none.get();
        }
        requireLog(topic, found);
        Retention retention = found.retention();
        if (retention.millis() >= 0 && retention.millis() < SHORT_RETENTION.toMillis() || retention.bytes() >= 0) {
            LOG.warn(
                    "topic {} keeps events for {} and {}: what is deleted can't be replayed, and a trainer that was down"
                            + " for longer can't go on",
                    topic, retention.millis() < 0 ? "ever" : Duration.ofMillis(retention.millis()),
                    retention.bytes() < 0 ? "any size" : retention.bytes() + " bytes");
        }
        TopicPartition partition = new TopicPartition(topic, 0);
        return new Log(partition, found.id(), (int) found.number(TopicConfig.MAX_MESSAGE_BYTES_CONFIG), retention,
                offset(partition, OffsetSpec.earliest()), offset(partition, OffsetSpec.latest()));
    }

    /// @throws ControlException if no model can learn from the topic
    public static void requireLog(String topic, Found found) {
        if (found.partitions() != 1) {
            throw refused("topic " + topic + ": expected 1 partition, whose order is the order of learning, found "
                    + found.partitions() + "; write the events to a topic with one partition");
        }
        if (!found.settings().isEmpty()
                && found.text(TopicConfig.CLEANUP_POLICY_CONFIG).contains(TopicConfig.CLEANUP_POLICY_COMPACT)) {
            throw refused("topic " + topic + ": expected cleanup.policy=delete, found "
                    + found.text(TopicConfig.CLEANUP_POLICY_CONFIG)
                    + "; compaction removes events, and no replay could give these weights again. Write the events to"
                    + " a topic that is not compacted");
        }
    }

    /// @throws ControlException if there is no such topic
    Uuid id(String topic) {
        Found found = look(Set.of(topic), false).get(topic);
        if (found == null) {
            throw new ControlException(Reason.STATE_VIOLATION,
                    "topic " + topic
                            + ": expected the topic of events, found none: it was deleted, and what was learned from it"
                            + " can't be learned again");
        }
        return found.id();
    }

    /// Returns the `max.message.bytes` of a topic whose records are up to `room` bytes larger than those of another.
    public static int bytesMax(int ofTheOther, int room) {
        return (int) Math.min((long) ofTheOther + room, Integer.MAX_VALUE);
    }

    /// What a topic of ours must be like. It is created with one partition.
    ///
    /// @param cleanup the exact `cleanup.policy`: `compact` or `delete`
    /// @param bytesMax the least `max.message.bytes`
    /// @param forEver whether a retention that deletes anything is refused
    /// @param settings further settings if the topic is created
    /// @param otherPartitions what to do if the topic has more than one partition; null if they do no harm
    public record Wanted(String topic, String cleanup, int bytesMax, boolean forEver, Map<String, String> settings,
            @Nullable String otherPartitions) {
        public Wanted(String topic, String cleanup, int bytesMax, Map<String, String> settings) {
            this(topic, cleanup, bytesMax, false, settings, null);
        }

        Wanted keptForEver() {
            return new Wanted(topic, cleanup, bytesMax, true, settings, otherPartitions);
        }

        /// @param remedy what to do if the topic has more partitions
        public Wanted withOnePartition(String remedy) {
            return new Wanted(topic, cleanup, bytesMax, forEver, settings, remedy);
        }
    }

    /// A topic of ours that is as it must be.
    ///
    /// @param bytesMax its `max.message.bytes`
    /// @param created whether this call created it
    public record Checked(Uuid id, int bytesMax, boolean created) {
    }

    /// Returns when a broker knows the topic: the controller creates it before brokers learn of it, and a process that looks
    /// for it meanwhile would take it for deleted.
    ///
    /// @throws ControlException if it exists and is not as it must be
    public Checked createOrCheck(Wanted wanted) {
        long giveUp = System.nanoTime() + TIMEOUT.toNanos();
        boolean created = false;
        for (Found found = found(wanted.topic());; found = found(wanted.topic())) {
            if (found != null) {
                check(wanted, found);
                return new Checked(found.id(), (int) found.number(TopicConfig.MAX_MESSAGE_BYTES_CONFIG), created);
            }
            if (System.nanoTime() - giveUp >= 0) {
                throw new ControlException(Reason.RETRYABLE,
                        "topic " + wanted.topic() + ": expected a broker to know it within " + TIMEOUT.toSeconds()
                                + " s of its creation, found none; the brokers are too busy, or something deletes it");
            }
            if (create(wanted)) {
                created = true;
            } else {
                LockSupport.parkNanos(KNOWN_SOON.toNanos());
            }
        }
    }

    /// Creates a topic of ours again that was deleted while it was in use. If brokers create topics by themselves
    /// (`auto.create.topics.enable`), one of our producers has made them do so meanwhile, and the topic gets our settings.
    ///
    /// @throws ControlException if it can't become as it must be
    public Checked createAgain(Wanted wanted) {
        Found found = found(wanted.topic());
        if (found == null) {
            return createOrCheck(wanted);
        }
        Map<String, String> missing = new HashMap<>(settings(wanted));
        missing.entrySet().removeIf(each -> each.getValue().equals(found.settings().get(each.getKey())));
        if (!missing.isEmpty()) {
            set(wanted.topic(), missing);
        }
        return createOrCheck(wanted);
    }

    /// Gives a topic of ours these settings.
    void set(String topic, Map<String, String> settings) {
        List<AlterConfigOp> changes = settings.entrySet().stream().map(
                each -> new AlterConfigOp(new ConfigEntry(each.getKey(), each.getValue()), AlterConfigOp.OpType.SET))
                .toList();
        asked(AclOperation.ALTER_CONFIGS, topic, admin.incrementalAlterConfigs(Map.of(resource(topic), changes)).all());
    }

    /// @param found the topic; its settings are checked unless they are empty
    /// @throws ControlException if it is not as it must be
    public static void check(Wanted wanted, Found found) {
        if (wanted.otherPartitions() != null && found.partitions() != 1) {
            throw refused("topic " + wanted.topic() + ": expected 1 partition, found " + found.partitions() + "; "
                    + wanted.otherPartitions());
        }
        if (found.settings().isEmpty()) {
            return;
        }
        String cleanup = found.text(TopicConfig.CLEANUP_POLICY_CONFIG);
        if (!cleanup.equals(wanted.cleanup())) {
            throw refused("topic " + wanted.topic() + ": expected cleanup.policy=" + wanted.cleanup() + ", found "
                    + cleanup + "; " + remedy(wanted.topic(), TopicConfig.CLEANUP_POLICY_CONFIG, wanted.cleanup()));
        }
        long bytesMax = found.number(TopicConfig.MAX_MESSAGE_BYTES_CONFIG);
        if (bytesMax < wanted.bytesMax()) {
            throw refused("topic " + wanted.topic() + ": expected max.message.bytes of at least " + wanted.bytesMax()
                    + ", found " + bytesMax + "; " + remedy(wanted.topic(), TopicConfig.MAX_MESSAGE_BYTES_CONFIG,
                            Integer.toString(wanted.bytesMax())));
        }
        if (wanted.forEver()) {
            requireKeptForEver(wanted.topic(), found);
        }
    }

    private static void requireKeptForEver(String topic, Found found) {
        for (String key : List.of(TopicConfig.RETENTION_MS_CONFIG, TopicConfig.RETENTION_BYTES_CONFIG)) {
            if (found.number(key) >= 0) {
                throw refused("topic " + topic + ": expected " + key + "=-1, found " + found.number(key)
                        + ": what was decided would be forgotten; " + remedy(topic, key, "-1"));
            }
        }
    }

    /// Warns if the topic keeps records for another time than `wanted`. The topic's own setting is not changed.
    ///
    /// @param wanted in ms, -1 for ever
    public void tellRetention(String topic, long wanted, String setting) {
        Found there = found(topic);
        if (there == null) {
            return;
        }
        long found = there.number(TopicConfig.RETENTION_MS_CONFIG);
        if (found != wanted) {
            LOG.warn("topic {} keeps records {}, and {} says {}; a topic that exists is not changed. {}, or correct {}",
                    topic, kept(found), setting, kept(wanted),
                    remedy(topic, TopicConfig.RETENTION_MS_CONFIG, Long.toString(wanted)), setting);
        }
    }

    private static String kept(long millis) {
        if (millis < 0) {
            return "for ever";
        }
        Duration time = Duration.ofMillis(millis);
        return time.toDays() > 0 && time.equals(Duration.ofDays(time.toDays())) ? "for " + time.toDays() + " days"
                : "for " + time;
    }

    private static String remedy(String topic, String setting, String value) {
        return "set it: kafka-configs.sh --alter --entity-type topics --entity-name " + topic + " --add-config "
                + setting + "=" + value;
    }

    private static Map<String, String> settings(Wanted wanted) {
        Map<String, String> settings = new HashMap<>(wanted.settings());
        settings.put(TopicConfig.CLEANUP_POLICY_CONFIG, wanted.cleanup());
        settings.put(TopicConfig.MAX_MESSAGE_BYTES_CONFIG, Integer.toString(wanted.bytesMax()));
        return settings;
    }

    /// Returns whether the topic is new; it may exist already.
    private boolean create(Wanted wanted) {
        NewTopic topic = new NewTopic(wanted.topic(), Optional.of(1),
                replication < 0 ? Optional.empty() : Optional.of(replication)).configs(settings(wanted));
        try {
            asked(AclOperation.CREATE, wanted.topic(), admin.createTopics(List.of(topic)).all());
            return true;
        } catch (TopicExistsException e) {
            return false;
        }
    }

    /// Warns if the brokers' transactions are of the version in which a delayed message can hit a later transaction.
    public void checkBroker() {
        FeatureMetadata features = get(admin.describeFeatures().featureMetadata());
        FinalizedVersionRange used = features.finalizedFeatures().get(TRANSACTION_VERSION);
        SupportedVersionRange possible = features.supportedFeatures().get(TRANSACTION_VERSION);
        int version = used == null ? 0 : used.maxVersionLevel();
        if (version < SAFE_TRANSACTIONS) {
            LOG.warn(
                    "the brokers run transactions of version {}, in which a delayed message can hit a later transaction. {}",
                    version,
                    possible == null || possible.maxVersion() < SAFE_TRANSACTIONS ? "Upgrade them to Kafka 4.0 or newer"
                            : "Raise it: kafka-features.sh upgrade --feature " + TRANSACTION_VERSION + "="
                                    + SAFE_TRANSACTIONS);
        }
    }

    /// Returns the offset after the last record of a topic with one partition.
    long end(String topic) {
        return offset(new TopicPartition(topic, 0), OffsetSpec.latest());
    }

    public boolean exists(String topic) {
        return !look(Set.of(topic), false).isEmpty();
    }

    private @Nullable Found found(String topic) {
        return look(Set.of(topic), true).get(topic);
    }

    /// Returns those of these topics that exist. This takes one request, with settings two.
    ///
    /// @param settings whether to ask for the settings too
    public Map<String, Found> look(Set<String> topics, boolean settings) {
        return look(topics, settings ? topics : Set.of());
    }

    /// @param withSettings the topics whose settings are asked for too
    public Map<String, Found> look(Set<String> topics, Set<String> withSettings) {
        var described = admin.describeTopics(topics).topicNameValues();
        Map<String, Found> found = new HashMap<>();
        List<ConfigResource> resources = new ArrayList<>();
        for (String topic : topics) {
            TopicDescription description = existing(AclOperation.DESCRIBE, topic, described.get(topic));
            if (description != null) {
                int partitions = description.partitions().size();
                found.put(topic, new Found(description.topicId(), partitions, Map.of()));
                if (withSettings.contains(topic)) {
                    resources.add(resource(topic));
                }
            }
        }
        if (!resources.isEmpty()) {
            var configs = admin.describeConfigs(resources).values();
            for (ConfigResource resource : resources) {
                Config config = existing(AclOperation.DESCRIBE_CONFIGS, resource.name(), configs.get(resource));
                Found before = Objects.requireNonNull(found.remove(resource.name()));
                if (config != null) {
                    found.put(resource.name(), new Found(before.id(), before.partitions(), values(config)));
                }
            }
        }
        return found;
    }

    /// Requires a right that Kafka is asked to use later only. Topics that do not exist are passed over.
    ///
    /// @throws TopicAuthorizationException naming the topic on which ACLs deny it
    public void requireRight(AclOperation operation, Set<String> topics) {
        var described = admin.describeTopics(topics, new DescribeTopicsOptions().includeAuthorizedOperations(true))
                .topicNameValues();
        for (String topic : topics) {
            TopicDescription description = existing(AclOperation.DESCRIBE, topic, described.get(topic));
            Set<AclOperation> allowed = description == null ? null : description.authorizedOperations();
            if (allowed != null && !allowed.contains(operation)) {
                throw denied(operation, topic);
            }
        }
    }

    private static Map<String, String> values(Config config) {
        Map<String, String> values = new HashMap<>();
        for (ConfigEntry entry : config.entries()) {
            if (entry.value() != null) {
                values.put(entry.name(), entry.value());
            }
        }
        return values;
    }

    private static <T> @Nullable T existing(AclOperation operation, String topic, @Nullable KafkaFuture<T> answer) {
        try {
            return asked(operation, topic, Objects.requireNonNull(answer));
        } catch (UnknownTopicOrPartitionException e) {
            return null;
        }
    }

    /// Waits for Kafka's answer, and says which right is missing: Kafka itself names neither operation nor topic.
    public static <T> T asked(AclOperation operation, String topic, KafkaFuture<T> future) {
        try {
            return get(future);
        } catch (TopicAuthorizationException e) {
            throw denied(operation, topic);
        }
    }

    /// Returns the exception that says which right is missing.
    public static TopicAuthorizationException denied(AclOperation operation, String topic) {
        return new TopicAuthorizationException(MissingRight.text(operation.name(), "topic " + topic), Set.of(topic));
    }

    /// Returns what a group has committed of these partitions, nothing if there is no such group.
    ///
    /// @throws TopicAuthorizationException naming a topic that ACLs hide: its partitions are not those of which nothing was
    ///     committed
    public static Map<TopicPartition, @Nullable OffsetAndMetadata> committed(Admin admin, String group,
            List<TopicPartition> partitions) {
        Map<TopicPartition, @Nullable OffsetAndMetadata> committed;
        try {
            committed = askedOfGroup(AclOperation.DESCRIBE, group,
                    admin.listConsumerGroupOffsets(
                            Map.of(group, new ListConsumerGroupOffsetsSpec().topicPartitions(partitions)))
                            .partitionsToOffsetAndMetadata(group));
        } catch (GroupIdNotFoundException none) {
            return Map.of();
        }
        for (TopicPartition each : partitions) {
            if (!committed.containsKey(each)) { // the client logs why, and leaves it out
                throw denied(AclOperation.DESCRIBE, each.topic());
            }
        }
        return committed;
    }

    /// Likewise for what is asked of a consumer group.
    public static <T> T askedOfGroup(AclOperation operation, String group, KafkaFuture<T> future) {
        try {
            return get(future);
        } catch (GroupAuthorizationException e) {
            throw new GroupAuthorizationException(MissingRight.text(operation.name(), "group " + group), group);
        }
    }

    private static ConfigResource resource(String topic) {
        return new ConfigResource(ConfigResource.Type.TOPIC, topic);
    }

    private long offset(TopicPartition partition, OffsetSpec spec) {
        var offsets = asked(AclOperation.DESCRIBE, partition.topic(), admin.listOffsets(Map.of(partition, spec)).all());
        return Objects.requireNonNull(offsets.get(partition)).offset();
    }

    private static ControlException refused(String message) {
        return new ControlException(Reason.CONFIGURATION, message);
    }

    /// Waits for Kafka's answer. Kafka's exceptions are thrown as they are.
    public static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e);
        } catch (TimeoutException e) {
            throw new ControlException(Reason.RETRYABLE,
                    "expected an answer from Kafka within " + TIMEOUT.toSeconds()
                            + " s, found none; check that kafka.security.protocol is the listener's, and that the"
                            + " addresses which the brokers advertise can be reached from here",
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ControlException(Reason.RETRYABLE, "interrupted while waiting for Kafka", e);
        }
    }
}
