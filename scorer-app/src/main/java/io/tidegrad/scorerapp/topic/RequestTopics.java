package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.DeadLetter;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.jspecify.annotations.Nullable;

/// Creates the topics of predictions and dead letters, and the topic of requests if it has the default name, and checks
/// those that exist. If a topic is set up so that requests or answers could be lost, no request is taken.
record RequestTopics(Admin admin, RequestsConfig config) {
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

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
        return new RequestTopics(admin, config).limits();
    }

    private Limits limits() {
        TopicDescription requests = requests();
        Config ofRequests = configOf(config.requests());
        String cleanup = text(ofRequests, TopicConfig.CLEANUP_POLICY_CONFIG);
        if (cleanup.contains(TopicConfig.CLEANUP_POLICY_COMPACT)) {
            throw notDeleting(config.requests(), cleanup, "compaction removes requests before they are read");
        }
        int requestBytes = bytesMax(ofRequests);
        // As many partitions as the topic of requests, so that the readers of predictions can share them in the same
        // way.
        int predictionBytes = checked(config.predictions(), Optional.of(requests.partitions().size()), Map.of(),
                "compaction would keep one answer of an id that asked twice");
        int letterBytes = (int) Math.min((long) requestBytes + DeadLetter.ROOM_BYTES, Integer.MAX_VALUE);
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
        return new Limits(predictionBytes, deadLetterBytes, logBytes);
    }

    private int log(String topic) {
        if (describe(topic) == null) {
            throw new TopicScoringRefusedException("topic " + topic
                    + ": expected the topic of what is served, found none; create it, or correct log-topic");
        }
        Config found = configOf(topic);
        String cleanup = text(found, TopicConfig.CLEANUP_POLICY_CONFIG);
        if (cleanup.contains(TopicConfig.CLEANUP_POLICY_COMPACT)) {
            throw notDeleting(topic, cleanup, "compaction removes events before they are joined");
        }
        return bytesMax(found);
    }

    private TopicDescription requests() {
        TopicDescription found = describe(config.requests());
        if (found == null && config.requests().equals(config.topics().requests())) {
            create(config.requests(), Optional.empty(), Map.of());
            found = describe(config.requests());
        } else if (found == null) {
            throw new TopicScoringRefusedException("topic " + config.requests()
                    + ": expected the topic of requests, found none; create it, or correct requests-topic (only "
                    + config.topics().requests() + " is created here)");
        }
        if (found == null) {
            throw new TimeoutException("topic " + config.requests() + " was created, but Kafka does not report it yet");
        }
        return found;
    }

    /// Returns the topic's `max.message.bytes`.
    ///
    /// @param why why compaction would be wrong
    private int checked(String topic, Optional<Integer> partitions, Map<String, String> whenCreated, String why) {
        if (describe(topic) == null) {
            create(topic, partitions, whenCreated);
        }
        Config found = configOf(topic);
        String cleanup = text(found, TopicConfig.CLEANUP_POLICY_CONFIG);
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

    private @Nullable TopicDescription describe(String topic) {
        try {
            return get(admin.describeTopics(List.of(topic)).allTopicNames()).get(topic);
        } catch (UnknownTopicOrPartitionException e) {
            return null;
        }
    }

    private void create(String topic, Optional<Integer> partitions, Map<String, String> settings) {
        // Set here, because the broker's default may differ.
        Map<String, String> all = new HashMap<>(settings);
        all.put(TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_DELETE);
        try {
            get(admin.createTopics(List.of(new NewTopic(topic, partitions, Optional.empty()).configs(all))).all());
        } catch (TopicExistsException e) {
            // Another process created it first. It is checked like any other.
            return;
        }
    }

    private Config configOf(String topic) {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        return Objects.requireNonNull(get(admin.describeConfigs(List.of(resource)).all()).get(resource));
    }

    private static String text(Config config, String key) {
        return config.get(key).value();
    }

    private static int bytesMax(Config config) {
        return Integer.parseInt(text(config, TopicConfig.MAX_MESSAGE_BYTES_CONFIG));
    }

    /// Returns Kafka's answer. Its exceptions are thrown as they are.
    private static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e);
        } catch (java.util.concurrent.TimeoutException e) {
            throw new TimeoutException("expected an answer from Kafka within " + TIMEOUT.toSeconds() + " s, found none",
                    e);
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
    }
}
