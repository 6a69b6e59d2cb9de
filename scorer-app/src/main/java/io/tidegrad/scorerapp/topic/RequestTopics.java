package io.tidegrad.scorerapp.topic;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.schemas.DeadLetter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.jspecify.annotations.Nullable;

/// Creates the topics of predictions and dead letters, and the topic of requests if it has the default name, and checks
/// those that exist. If a topic is set up so that requests or answers could be lost, no request is taken.
record RequestTopics(Admin admin, KafkaTopics kafkaTopics, RequestsConfig config) {
    /// The largest record of each topic.
    ///
    /// @param predictionBytes `max.message.bytes` of the topic of predictions
    /// @param deadLetterBytes `max.message.bytes` of the topic of dead letters
    /// @param logBytes `max.message.bytes` of the topics of what is served, by topic
    record Limits(int predictionBytes, int deadLetterBytes, Map<String, Integer> logBytes) {
        Limits {
            logBytes = Map.copyOf(logBytes);
        }
    }

    /// @throws TopicScoringRefusedException if one of them can't be used
    static Limits createOrCheck(Admin admin, RequestsConfig config) {
        return new RequestTopics(admin, new KafkaTopics(admin, (short) -1), config).limits();
    }

    private Limits limits() {
        KafkaTopics.Found requests = requests();
        String cleanup = requests.text(TopicConfig.CLEANUP_POLICY_CONFIG);
        if (cleanup.contains(TopicConfig.CLEANUP_POLICY_COMPACT)) {
            throw notDeleting(config.requests(), cleanup, "compaction removes requests before they are read");
        }
        // As many partitions as the topic of requests, so that the readers of predictions can share them in the same
        // way.
        int predictionBytes = checked(config.predictions(), Optional.of(requests.partitions()), Map.of(),
                "compaction would keep one answer of an id that asked twice");
        int letterBytes = KafkaTopics.bytesMax(bytesMax(requests), DeadLetter.ROOM_BYTES);
        int deadLetterBytes = checked(config.deadLetters(), Optional.of(1),
                Map.of(TopicConfig.MAX_MESSAGE_BYTES_CONFIG, Integer.toString(letterBytes),
                        TopicConfig.RETENTION_MS_CONFIG, Long.toString(config.deadLetterRetention())),
                "compaction would keep one dead letter a key");
        if (deadLetterBytes < letterBytes) {
            throw new TopicScoringRefusedException("topic " + config.deadLetters()
                    + ": expected max.message.bytes of at least " + letterBytes + ", which is " + DeadLetter.ROOM_BYTES
                    + " above that of " + config.requests() + ", found " + deadLetterBytes + "; " + remedy(
                            config.deadLetters(), TopicConfig.MAX_MESSAGE_BYTES_CONFIG, Integer.toString(letterBytes)));
        }
        Map<String, Integer> logBytes = new HashMap<>();
        config.logs().values().forEach(topic -> logBytes.put(topic, log(topic)));
        Set<String> written = new TreeSet<>(logBytes.keySet());
        written.addAll(List.of(config.predictions(), config.deadLetters()));
        kafkaTopics.requireRight(AclOperation.WRITE, written); // not as late as with the first dead letter
        return new Limits(predictionBytes, deadLetterBytes, logBytes);
    }

    private int log(String topic) {
        KafkaTopics.Found found = find(topic);
        if (found == null) {
            throw new TopicScoringRefusedException("topic " + topic
                    + ": expected the topic of what is served, found none; create it, or correct log-topic");
        }
        String cleanup = found.text(TopicConfig.CLEANUP_POLICY_CONFIG);
        if (cleanup.contains(TopicConfig.CLEANUP_POLICY_COMPACT)) {
            throw notDeleting(topic, cleanup, "compaction removes events before they are joined");
        }
        return bytesMax(found);
    }

    private KafkaTopics.Found requests() {
        KafkaTopics.Found found = find(config.requests());
        if (found == null && config.requests().equals(config.topics().requests())) {
            return created(config.requests(), Optional.empty(), Map.of());
        } else if (found == null) {
            throw new TopicScoringRefusedException("topic " + config.requests()
                    + ": expected the topic of requests, found none; create it, or correct requests-topic (only "
                    + config.topics().requests() + " is created here)");
        }
        return found;
    }

    /// Returns the topic's `max.message.bytes`.
    ///
    /// @param why why compaction would be wrong
    private int checked(String topic, Optional<Integer> partitions, Map<String, String> whenCreated, String why) {
        KafkaTopics.Found there = find(topic);
        KafkaTopics.Found found = there == null ? created(topic, partitions, whenCreated) : there;
        String cleanup = found.text(TopicConfig.CLEANUP_POLICY_CONFIG);
        if (!cleanup.equals(TopicConfig.CLEANUP_POLICY_DELETE)) {
            throw notDeleting(topic, cleanup, why);
        }
        return bytesMax(found);
    }

    private static TopicScoringRefusedException notDeleting(String topic, String cleanup, String why) {
        return new TopicScoringRefusedException(
                "topic " + topic + ": expected cleanup.policy=delete, found " + cleanup + ": " + why + "; "
                        + remedy(topic, TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_DELETE));
    }

    private static String remedy(String topic, String setting, String value) {
        return "set it: kafka-configs.sh --alter --entity-type topics --entity-name " + topic + " --add-config "
                + setting + "=" + value;
    }

    private KafkaTopics.@Nullable Found find(String topic) {
        return kafkaTopics.look(Set.of(topic), true).get(topic);
    }

    private KafkaTopics.Found created(String topic, Optional<Integer> partitions, Map<String, String> settings) {
        // Set here, because the broker's default may differ.
        Map<String, String> all = new HashMap<>(settings);
        all.put(TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_DELETE);
        NewTopic wanted = new NewTopic(topic, partitions, Optional.empty()).configs(all);
        try {
            KafkaTopics.asked(AclOperation.CREATE, topic, admin.createTopics(List.of(wanted)).all());
        } catch (TopicExistsException e) {
            // Another process created it first. It is checked like any other.
        }
        KafkaTopics.Found found = find(topic);
        if (found == null) {
            throw new TimeoutException("topic " + topic + " was created, but Kafka does not report it yet");
        }
        return found;
    }

    private static int bytesMax(KafkaTopics.Found found) {
        return (int) found.number(TopicConfig.MAX_MESSAGE_BYTES_CONFIG);
    }
}
