package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.localstack.BrokerProcess;
import io.tidegrad.process.ExitCode;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.TopicConfig;

/// Faults of the brokers' processes and of what they keep.
final class BrokerFaults {
    private static final Duration HANGING_TIMEOUT = Duration.ofSeconds(6);

    /// How many lines trainers and scorer may log about an outage: Kafka's clients once a minute, and what both say
    /// themselves, with room for a restart. Unlimited, Kafka's clients would log more than ten a second.
    private static final long LINES_MAX = 60;

    private BrokerFaults() {}

    /// Row 13: the only broker is killed and comes back.
    static void killed(Episode episode) throws InterruptedException {
        BrokerProcess broker = episode.testBed().brokers().node(0);
        broker.kill();
        episode.pass(Duration.ofMillis(100), Duration.ofSeconds(5));
        broker.restart();
        episode.recovers();
    }

    /// Row 14: the broker that leads a partition, coordinates the group or controls the cluster is killed for a while;
    /// the other two are enough to go on.
    static void oneOfThreeKilled(Episode episode) throws InterruptedException {
        World world = episode.world();
        BrokerProcess broker = important(episode);
        long before = world.watermark();
        broker.kill();
        long since = System.nanoTime();
        episode.recovers(since, before);
        episode.pass(Duration.ofSeconds(1), Duration.ofSeconds(5));
        broker.restart();
        world.awaitWatermark(world.watermark(), World.RECOVERS_WITHIN);
    }

    private static BrokerProcess important(Episode episode) {
        World world = episode.world();
        return switch (episode.random().nextInt(4)) {
            case 0 -> episode.testBed().brokers().leaderOf(world.log());
            case 1 -> episode.testBed().brokers().leaderOf(new TopicPartition(world.changelogTopic(), 0));
            case 2 -> episode.testBed().brokers().coordinatorOf(world.group());
            default -> episode.testBed().brokers().controller();
        };
    }

    /// Row 15: all brokers are gone for longer than sessions and transactions live.
    static void allStopped(Episode episode) throws InterruptedException {
        boolean inOrder = episode.random().nextBoolean();
        long lines = episode.world().logged();
        episode.testBed().brokers().onEveryNode(inOrder ? BrokerProcess::stop : BrokerProcess::kill);
        episode.pass(Duration.ofSeconds(10), Duration.ofSeconds(20));
        episode.testBed().heal();
        episode.recovers();
        lines = episode.world().logged() - lines;
        episode.expect("I10", lines <= LINES_MAX, "expected at most " + LINES_MAX
                + " lines more in the logs of trainers and scorer after an outage, found " + lines);
    }

    /// Row 16: a broker is alive, and silent for longer than a session.
    static void stalled(Episode episode) throws InterruptedException {
        BrokerProcess broker =
                episode.testBed().brokers().size() == 1 ? episode.testBed().brokers().node(0) : important(episode);
        broker.pause();
        episode.pass(Duration.ofSeconds(8), Duration.ofSeconds(12));
        broker.resume();
        episode.recovers();
    }

    /// Row 20: a client begins a transaction and disappears; readers do not see what follows until the broker ends the
    /// transaction.
    static void hangingTransaction(Episode episode) throws InterruptedException {
        World world = episode.world();
        boolean events = episode.random().nextBoolean();
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(
                events ? world.spec().inputTopic() : world.snapshotsTopic(), 0, new byte[]{'?'}, new byte[]{0});
        KafkaProducer<byte[], byte[]> hanging = transactional(episode, "hanging", HANGING_TIMEOUT);
        hanging.initTransactions();
        hanging.beginTransaction();
        hanging.send(record);
        hanging.flush();
        hanging.close(Duration.ZERO);
        long since = System.nanoTime();
        Thread.sleep(HANGING_TIMEOUT); // until then, nobody reads beyond the transaction
        episode.recovers(since, world.watermark());
    }

    static KafkaProducer<byte[], byte[]> transactional(Episode episode, String id, Duration timeout) {
        return KafkaClients.writer(episode.testBed().bootstrapServers(), Map.of("transactional.id", id,
                "transaction.timeout.ms", (int) timeout.toMillis(), "max.request.size", 1_100_000));
    }

    /// Row 34: an operator lowers the size limit of the snapshots topic. The trainer must stop, name the cause, and go on
    /// after the repair.
    static void limitLowered(Episode episode) throws InterruptedException {
        World world = episode.world();
        Trainer trainer = world.trainer();
        String before = world.alterTopic(world.snapshotsTopic(), TopicConfig.MAX_MESSAGE_BYTES_CONFIG, "2000");
        long watermark;
        try {
            Trainer.Ended ended = trainer.awaitEnd(World.RECOVERS_WITHIN);
            episode.expectEnd("I10", ended, Set.of(ExitCode.CONFIGURATION), "max.message.bytes");
            watermark = episode.world().watermark();
        } finally {
            world.alterTopic(world.snapshotsTopic(), TopicConfig.MAX_MESSAGE_BYTES_CONFIG, before);
        }
        episode.restarts(trainer, watermark);
    }
}
