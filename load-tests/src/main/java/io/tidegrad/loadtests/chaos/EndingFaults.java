package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.process.ExitCode;
import io.tidegrad.trainer.store.StoredState;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.TopicConfig;

/// Faults that end a model's life, each tried on a model of its own: its trainer must refuse to go on, say why, and
/// commit nothing. Also a model too large for one record, which must survive.
final class EndingFaults {
    private static final Duration REFUSES_WITHIN = Duration.ofSeconds(180);

    /// 10 MB of weights, 31 MB with Adam's state.
    private static final int LARGE_BUCKETS = 655_360;

    private EndingFaults() {}

    private interface Damage {
        void to(World world) throws InterruptedException;
    }

    /// A trainer learns a little and is stopped or killed; after the damage it must refuse to start.
    ///
    /// @param statuses one of which it must end with
    /// @param word that its message must have
    private static void refuses(Episode episode, Set<ExitCode> statuses, String word, Damage damage)
            throws InterruptedException {
        SplittableRandom random = episode.random();
        try (World world = World.open(episode.testBed(), "own-" + Long.toHexString(random.nextLong() >>> 32),
                World.Kind.SMALL, random)) {
            episode.add(world.audit());
            if (random.nextBoolean()) {
                episode.kill(world.trainer());
            } else {
                world.trainer().stop();
            }
            world.ledger().close();
            OffsetAndMetadata before = world.groupOffset();
            damage.to(world);
            world.trainer().start();
            Trainer.Ended ended = world.trainer().awaitEnd(REFUSES_WITHIN);
            episode.expectEnd("I2", ended, statuses, word);
            OffsetAndMetadata after = world.groupOffset();
            episode.expect("I2", after == null || after.equals(before), // gone with a deleted topic
                    "expected nothing committed after " + before + ", found " + after);
        }
    }

    /// Row 29: one bit of a page in the changelog is flipped.
    static void pageDamaged(Episode episode) throws InterruptedException {
        refuses(episode, Set.of(ExitCode.STATE_VIOLATION), "at offset", world -> {
            List<ConsumerRecord<byte[], byte[]>> pages =
                    world.ledger().stored().stream().filter(record -> !StoredState.endsCommit(record)).toList();
            ConsumerRecord<byte[], byte[]> page = pages.get(episode.random().nextInt(pages.size()));
            byte[] value = page.value().clone();
            value[episode.random().nextInt(value.length)] ^= (byte) (1 << episode.random().nextInt(8));
            send(episode, new ProducerRecord<>(world.changelogTopic(), 0, page.key(), value));
        });
    }

    private static void send(Episode episode, ProducerRecord<byte[], byte[]> record) {
        try (KafkaProducer<byte[], byte[]> producer =
                KafkaClients.writer(episode.testBed().bootstrapServers(), Map.of())) {
            producer.send(record);
        }
    }

    /// Row 30: the changelog is deleted, or its records are.
    static void changelogLost(Episode episode) throws InterruptedException {
        boolean topic = episode.random().nextBoolean();
        refuses(episode, Set.of(ExitCode.STATE_VIOLATION), "changelog", world -> {
            if (topic) {
                deleteTopic(episode, world.changelogTopic());
            } else {
                String before = world.alterTopic(world.changelogTopic(), TopicConfig.CLEANUP_POLICY_CONFIG,
                        TopicConfig.CLEANUP_POLICY_DELETE);
                deleteRecords(episode, new TopicPartition(world.changelogTopic(), 0));
                world.alterTopic(world.changelogTopic(), TopicConfig.CLEANUP_POLICY_CONFIG, before);
            }
        });
    }

    private static void deleteTopic(Episode episode, String topic) throws InterruptedException {
        KafkaClients.answer(episode.testBed().admin().deleteTopics(List.of(topic)).all());
        Await.until(topic + " gone", World.RECOVERS_WITHIN,
                () -> !KafkaClients.answer(episode.testBed().admin().listTopics().names()).contains(topic));
    }

    private static void deleteRecords(Episode episode, TopicPartition partition) throws InterruptedException {
        KafkaClients.answer(
                episode.testBed().admin().deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(-1))).all());
    }

    /// Row 46: the log gets a second partition.
    static void secondPartition(Episode episode) throws InterruptedException {
        refuses(episode, Set.of(ExitCode.CONFIGURATION, ExitCode.STATE_VIOLATION), "partition",
                world -> KafkaClients.answer(episode.testBed().admin()
                        .createPartitions(Map.of(world.spec().inputTopic(), NewPartitions.increaseTo(2))).all()));
    }

    /// Row 47: the log is deleted and created again.
    static void logCreatedAgain(Episode episode) throws InterruptedException {
        refuses(episode, Set.of(ExitCode.STATE_VIOLATION), "created again", world -> {
            world.traffic().close();
            String topic = world.spec().inputTopic();
            deleteTopic(episode, topic);
            if (episode.random().nextBoolean()) {
                EventsTopic.create(episode.testBed().bootstrapServers(), topic);
            } else {
                KafkaClients.answer(episode.testBed().admin()
                        .createTopics(List.of(new NewTopic(topic, Optional.of(1), Optional.empty()))).all());
            }
        });
    }

    /// Row 48: retention overtakes a trainer that is down.
    static void retentionOvertakes(Episode episode) throws InterruptedException {
        refuses(episode, Set.of(ExitCode.STATE_VIOLATION), "retention", world -> {
            long before = world.traffic().committed();
            world.traffic().go();
            Await.until("100 more events written", World.RECOVERS_WITHIN,
                    () -> world.traffic().committed() >= before + 100);
            world.traffic().pause();
            deleteRecords(episode, world.log());
        });
    }

    /// Row 49: the spec of the model gets another optimizer, or another size of its table.
    static void specChanged(Episode episode) throws InterruptedException {
        boolean optimizer = episode.random().nextBoolean();
        refuses(episode, Set.of(ExitCode.CONFIGURATION), "fingerprint",
                world -> world.write("spec.yaml", optimizer ? world.spec().yaml().replace("rate: 0.01", "rate: 0.02")
                        : world.spec().yaml().replace("buckets: 2048", "buckets: 4096")));
    }

    /// Row 33: a model whose snapshots are far larger than a record may be, through a kill.
    static void largeModel(Episode episode) throws InterruptedException {
        try (World world =
                World.open(episode.testBed(), "large-" + Long.toHexString(episode.random().nextLong() >>> 32),
                        new World.Kind(LARGE_BUCKETS, true, true, List.of(), List.of("-Xmx512m")), episode.random())) {
            episode.pass(Duration.ofSeconds(2), Duration.ofSeconds(4));
            long before = world.watermark();
            episode.kill(world.trainer());
            long since = System.nanoTime();
            world.trainer().start();
            episode.recovers(world, since, before);
            episode.add(world.audit());
        }
    }
}
