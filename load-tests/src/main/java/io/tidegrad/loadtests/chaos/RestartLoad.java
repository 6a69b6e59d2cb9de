package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.Limits;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.Result;
import io.tidegrad.localstack.LocalStackOptions;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.trainer.TrainerMain;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Measures how long a trainer is away: after SIGKILL, after SIGTERM, and when a warm standby takes over. Each time ends
/// with the first event that is learned and committed afterwards. In the same run it measures how fast a bare
/// read_committed consumer reads the changelog that a restart restores.
public final class RestartLoad extends LoadTest {
    /// What a restart may take besides reading the changelog, and its share of the bare consumer's rate.
    private static final double START_SECONDS = 5;

    private static final double RATE_SHARE = 0.6;

    private static final Duration SESSION = Duration.ofSeconds(6);
    private static final Duration WRITES_FOR = Duration.ofSeconds(5);
    private static final Duration WITHIN = Duration.ofSeconds(180);
    private static final int NEW_EVENTS = 200;

    /// A row of the table, with Adam's state.
    private static final int BUCKET_BYTES = 48;

    private final int megabytes;
    private final int repetitions;
    private final Networks networks = new Networks(1);
    private final Map<String, List<Double>> samples = new LinkedHashMap<>();

    /// @param megabytes of the model, with optimizer state
    public RestartLoad(int megabytes, int repetitions, boolean json, PrintStream out, PrintStream progress) {
        super(json, out, progress);
        Limits.require("--megabytes", megabytes, 1, 1_000);
        Limits.require("--repetitions", repetitions, 1, Integer.MAX_VALUE);
        this.megabytes = megabytes;
        this.repetitions = repetitions;
    }

    @Override
    protected LocalStackOptions stack(RunDirectory directory) {
        return super.stack(directory).withDoors(networks.doors());
    }

    @Override
    protected Map<String, Object> adminSettings() {
        return TestBed.ADMIN_SETTINGS;
    }

    @Override
    protected String measure() throws InterruptedException {
        // Twice the model while it is restored, and what the JVM and Kafka's clients need.
        List<String> heap = List.of("-Xmx" + (256 + 3 * megabytes) + "m");
        World.Kind kind = new World.Kind(megabytes * 1_000_000 / BUCKET_BYTES, false, false,
                List.of("--standby-replicas", "1", "--store", "page-log"), heap);
        try (TestBed testBed = new TestBed(lab(), networks, childFlags(), List.of(TrainerMain.class.getName()));
                World world = World.open(testBed, "restart", kind, new SplittableRandom(1))) {
            for (int repetition = 0; repetition < repetitions; repetition++) {
                write(world);
                kill(world);
                stop(world);
            }
            Trainer other = world.newTrainer("trainer-2");
            other.start();
            for (int repetition = 0; repetition < repetitions; repetition++) {
                failOver(world, false);
                failOver(world, true);
            }
        }
        Result result = new Result().put("model_mb", megabytes);
        samples.forEach(result::put);
        return text(List.of(result));
    }

    /// Writes events and waits until all are learned, so that there is something to restore.
    private static void write(World world) throws InterruptedException {
        world.traffic().go();
        Thread.sleep(WRITES_FOR);
        world.traffic().pause();
        long watermark = -1;
        for (long now = world.watermark(); now != watermark; now = world.watermark()) {
            watermark = now;
            Thread.sleep(Duration.ofMillis(500));
        }
    }

    private static void addEvents(World world) throws InterruptedException {
        List<ProducerRecord<byte[], byte @Nullable []>> events = new ArrayList<>();
        for (int i = 0; i < NEW_EVENTS; i++) {
            events.add(world.readings().event(world.traffic().next() + i));
        }
        world.traffic().add(events);
        Await.until(NEW_EVENTS + " more events written", WITHIN, world.traffic()::isDrained);
    }

    private void kill(World world) throws InterruptedException {
        Trainer trainer = world.trainer();
        long before = world.watermark();
        trainer.kill();
        long since = System.nanoTime();
        trainer.start();
        addEvents(world);
        world.awaitWatermark(before, WITHIN);
        double seconds = secondsSince(since);
        JsonNode restore = trainer.health().path("restore");
        double restored = restore.path("bytes").asDouble() * 1e-6;
        double rate = consumerRate(new TopicPartition(world.changelogTopic(), 0));
        double goal = START_SECONDS + restored / (RATE_SHARE * rate);
        add("kill_to_learning_s_all", seconds);
        add("kill_to_learning_goal_s_all", goal);
        add("restored_mb_all", restored);
        add("consumer_mb_per_s_all", rate);
        say("SIGKILL to learning: %.1f s; %.0f MB restored; a bare consumer reads %.0f MB/s, so the goal is %.1f s",
                seconds, restored, rate, goal);
    }

    /// MB/s of values, from the first record to the last.
    private double consumerRate(TopicPartition changelog) {
        List<TopicPartition> partitions = List.of(changelog);
        try (KafkaConsumer<byte[], byte[]> consumer =
                KafkaClients.reader(lab().bootstrapServers(), Map.of(), partitions)) {
            long end = consumer.endOffsets(partitions).values().iterator().next();
            long since = 0;
            long bytes = 0;
            while (consumer.position(changelog) < end) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    since = since == 0 ? System.nanoTime() : since;
                    bytes += record.serializedValueSize();
                }
            }
            return bytes * 1e-6 / secondsSince(since);
        }
    }

    private void stop(World world) throws InterruptedException {
        Trainer trainer = world.trainer();
        long before = world.watermark();
        long since = System.nanoTime();
        trainer.stop();
        double down = secondsSince(since);
        trainer.start();
        addEvents(world);
        world.awaitWatermark(before, WITHIN);
        add("stop_start_s_all", secondsSince(since));
        say("SIGTERM to learning again: %.1f s, %.1f of them stopping", secondsSince(since), down);
    }

    /// @param open whether a transaction is open at the kill
    private void failOver(World world, boolean open) throws InterruptedException {
        world.traffic().go();
        awaitWarm(world);
        Trainer learning = world.learner();
        long before = world.watermark();
        TopicPartition changelog = new TopicPartition(world.changelogTopic(), 0);
        Await.until((open ? "a" : "no") + " transaction open while the trainer stands still", WITHIN, () -> {
            learning.pause();
            boolean found = isTransactionOpen(changelog) == open;
            if (!found) {
                learning.resume();
            }
            return found;
        });
        learning.kill();
        long since = System.nanoTime();
        world.awaitWatermark(before, WITHIN);
        double seconds = secondsSince(since);
        add(open ? "fail_over_open_transaction_s_all" : "fail_over_s_all", seconds);
        say("SIGKILL to learning elsewhere: %.1f s, %s", seconds,
                open ? "a transaction was open" : "no transaction was open");
        learning.start();
        world.traffic().pause();
    }

    /// Waits until one trainer learns, one stands by, and the group has been at rest for a while: the copy is warm.
    private static void awaitWarm(World world) throws InterruptedException {
        world.awaitStandby();
        Thread.sleep(SESSION);
        world.awaitWatermark(world.watermark(), WITHIN);
    }

    private boolean isTransactionOpen(TopicPartition partition) throws InterruptedException {
        return lab().end(partition, IsolationLevel.READ_COMMITTED) < lab().end(partition,
                IsolationLevel.READ_UNCOMMITTED);
    }

    private void add(String name, double value) {
        samples.computeIfAbsent(name, none -> new ArrayList<>()).add(value);
    }
}
