package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.Lab;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Writer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/// What an operator's mistake, a script or another application does to a topic in use.
public enum TopicDamage {
    /// `kafka-topics.sh --delete`.
    DELETED,
    /// All its records are deleted, as by `kafka-delete-records.sh`; a compacted topic needs another cleanup policy for
    /// that moment.
    EMPTIED,
    /// Deleted and, as soon as the broker lets it, created again with the same settings.
    RECREATED,
    /// A partition is added.
    WIDENED,
    /// Another application writes records into it.
    GARBAGE;

    private static final Duration WITHIN = Duration.ofSeconds(30);
    private static final int GARBAGE_RECORDS = 50;
    private static final int GARBAGE_BYTES_MAX = 300;

    /// Returns when it is done, as far as the broker can tell.
    void to(String topic, Lab lab, SplittableRandom random) throws InterruptedException {
        Admin admin = lab.admin();
        switch (this) {
            case DELETED -> KafkaClients.answer(admin.deleteTopics(List.of(topic)).all());
            case EMPTIED -> empty(topic, lab);
            case RECREATED -> recreate(topic, lab);
            case WIDENED -> KafkaClients.answer(admin
                    .createPartitions(Map.of(topic, NewPartitions.increaseTo(lab.partitions(topic).size() + 1))).all());
            case GARBAGE -> garbage(topic, lab, random);
        }
    }

    private static TopicDescription described(String topic, Admin admin) throws InterruptedException {
        return KafkaClients.answer(admin.describeTopics(List.of(topic)).allTopicNames()).values().iterator().next();
    }

    private static void empty(String topic, Lab lab) throws InterruptedException {
        Admin admin = lab.admin();
        String policy = lab.settings(topic).get(TopicConfig.CLEANUP_POLICY_CONFIG).value();
        boolean compacted = policy.equals(TopicConfig.CLEANUP_POLICY_COMPACT);
        if (compacted) { // else the broker refuses
            lab.set(topic, TopicConfig.CLEANUP_POLICY_CONFIG, policy + "," + TopicConfig.CLEANUP_POLICY_DELETE);
        }
        Map<TopicPartition, RecordsToDelete> all = new HashMap<>();
        lab.ends(lab.partitions(topic), IsolationLevel.READ_UNCOMMITTED)
                .forEach((partition, end) -> all.put(partition, RecordsToDelete.beforeOffset(end)));
        Await.until("the records of " + topic + " deleted", WITHIN, () -> {
            try {
                admin.deleteRecords(all).all().get();
                return true;
            } catch (ExecutionException notYet) {
                return false; // the broker learns of a policy a moment later
            }
        });
        if (compacted) {
            lab.set(topic, TopicConfig.CLEANUP_POLICY_CONFIG, policy);
        }
    }

    private static void recreate(String topic, Lab lab) throws InterruptedException {
        Admin admin = lab.admin();
        TopicDescription before = described(topic, admin);
        Map<String, String> settings = new HashMap<>();
        for (ConfigEntry entry : lab.settings(topic).entries()) {
            if (entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG) {
                settings.put(entry.name(), entry.value());
            }
        }
        NewTopic again = new NewTopic(topic, before.partitions().size(), (short) -1).configs(settings);
        KafkaClients.answer(admin.deleteTopics(List.of(topic)).all());
        Await.until(topic + " created again", WITHIN, () -> isCreated(again, before.topicId(), admin));
    }

    /// Whether the topic is there again, by us or by a process that was quicker.
    private static boolean isCreated(NewTopic topic, Uuid before, Admin admin) throws InterruptedException {
        try {
            admin.createTopics(List.of(topic)).all().get();
            return true;
        } catch (ExecutionException e) {
            if (!(e.getCause() instanceof TopicExistsException)) {
                throw new LoadTestException("can't create " + topic.name() + ": " + e, e);
            }
        }
        try {
            return !admin.describeTopics(List.of(topic.name())).allTopicNames().get().values().iterator().next()
                    .topicId().equals(before);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                return false;
            }
            throw new LoadTestException("can't look at " + topic.name() + ": " + e, e);
        }
    }

    private static void garbage(String topic, Lab lab, SplittableRandom random) {
        try (Writer writer = new Writer(topic, lab.bootstrapServers(), Map.of())) {
            for (int i = 0; i < GARBAGE_RECORDS; i++) {
                writer.send(new ProducerRecord<>(topic, 0, noise(random), noise(random)));
            }
            writer.flush();
        }
    }

    private static byte[] noise(SplittableRandom random) {
        byte[] noise = new byte[random.nextInt(1, GARBAGE_BYTES_MAX)];
        random.nextBytes(noise);
        return noise;
    }
}
