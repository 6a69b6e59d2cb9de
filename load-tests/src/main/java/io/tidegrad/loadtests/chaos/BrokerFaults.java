package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.localstack.BrokerProcess;
import io.tidegrad.trainer.exit.ExitCode;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.TopicConfig;

/// What can happen to the brokers' processes and to what they keep.
final class BrokerFaults {
    private static final Duration HANGING_TIMEOUT = Duration.ofSeconds(6);

    /// Of an outage: what Kafka's clients say of it, once a minute, and what trainer and scorer say themselves, with
    /// room for a trainer that is started again. Kafka's clients alone would write more than ten a second.
    private static final long LINES_MAX = 60;

    private BrokerFaults() {}

    /// Row 13: the only one is killed and comes back.
    static void killed(Episode episode) throws InterruptedException {
        BrokerProcess broker = episode.stage().brokers().node(0);
        broker.kill();
        episode.pass(Duration.ofMillis(100), Duration.ofSeconds(5));
        broker.restart();
        episode.recovers();
    }

    /// Row 14: the one that leads the changelog, coordinates the group or controls the cluster is gone for a while; two
    /// are enough to go on.
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
            case 0 -> episode.stage().brokers().leaderOf(world.log());
            case 1 -> episode.stage().brokers().leaderOf(new TopicPartition(world.changelogTopic(), 0));
            case 2 -> episode.stage().brokers().coordinatorOf(world.group());
            default -> episode.stage().brokers().controller();
        };
    }

    /// Row 15: all of them, for longer than sessions and transactions live.
    static void allStopped(Episode episode) throws InterruptedException {
        boolean inOrder = episode.random().nextBoolean();
        long lines = episode.world().logged();
        episode.stage().brokers().onEveryNode(inOrder ? BrokerProcess::stop : BrokerProcess::kill);
        episode.pass(Duration.ofSeconds(10), Duration.ofSeconds(20));
        episode.stage().heal();
        episode.recovers();
        lines = episode.world().logged() - lines;
        episode.expect("I10", lines <= LINES_MAX, "expected at most " + LINES_MAX
                + " lines more in the logs of trainers and scorer after an outage, found " + lines);
    }

    /// Row 16: alive, and silent for longer than a session.
    static void stalled(Episode episode) throws InterruptedException {
        BrokerProcess broker =
                episode.stage().brokers().size() == 1 ? episode.stage().brokers().node(0) : important(episode);
        broker.pause();
        episode.pass(Duration.ofSeconds(8), Duration.ofSeconds(12));
        broker.resume();
        episode.recovers();
    }

    /// Row 20: a client begins a transaction and is never heard of again; what comes behind it is hidden until the
    /// broker ends it.
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
        Thread.sleep(HANGING_TIMEOUT); // nobody reads beyond it before that
        episode.recovers(since, world.watermark());
    }

    static KafkaProducer<byte[], byte[]> transactional(Episode episode, String id, Duration timeout) {
        return KafkaClients.writer(episode.stage().bootstrapServers(), Map.of("transactional.id", id,
                "transaction.timeout.ms", (int) timeout.toMillis(), "max.request.size", 1_100_000));
    }

    /// Row 34: an operator lowers what a record of the snapshots may have. The trainer must stop, name the cause, and
    /// go on after the repair.
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
        long since = System.nanoTime();
        trainer.start();
        episode.recovers(since, watermark);
    }
}
