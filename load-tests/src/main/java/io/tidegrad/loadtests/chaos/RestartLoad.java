package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.Limits;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.Spread;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.LocalStackOptions;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.trainer.TrainerMain;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// How long a trainer is away: after SIGKILL, after SIGTERM, and when another instance with a warm copy takes over.
/// Each time ends with the first event that is learned and committed afterwards. Beside it, in the same run, how fast a
/// bare read_committed consumer reads the changelog that a restart restores.
public final class RestartLoad extends LoadTest {
    /// What a restart may take besides reading the changelog, and its share of the bare consumer's rate.
    private static final double START_SECONDS = 5;

    private static final double RATE_SHARE = 0.6;

    private static final Duration SESSION = Duration.ofSeconds(6);
    private static final Duration WRITES_FOR = Duration.ofSeconds(5);
    private static final Duration WITHIN = Duration.ofSeconds(180);
    private static final int NEW_EVENTS = 200;

    /// Of the table, with Adam's state.
    private static final int BUCKET_BYTES = 48;

    private final int megabytes;
    private final int repetitions;
    private final boolean json;
    private final Networks networks = new Networks(1);
    private final List<Double> killed = new ArrayList<>();
    private final List<Double> killedGoals = new ArrayList<>();
    private final List<Double> restoredMegabytes = new ArrayList<>();
    private final List<Double> consumerRates = new ArrayList<>();
    private final List<Double> stopped = new ArrayList<>();
    private final List<Double> failedOver = new ArrayList<>();
    private final List<Double> failedOverFromOpen = new ArrayList<>();

    /// @param megabytes of the model, with optimizer state
    /// @param out for the result
    /// @param progress for a line a measurement
    public RestartLoad(int megabytes, int repetitions, boolean json, PrintStream out, PrintStream progress) {
        super(out, progress);
        Limits.require("--megabytes", megabytes, 1, 1_000);
        Limits.require("--repetitions", repetitions, 1, Integer.MAX_VALUE);
        this.megabytes = megabytes;
        this.repetitions = repetitions;
        this.json = json;
    }

    @Override
    protected LocalStackOptions stack(RunDirectory directory) {
        return super.stack(directory).withDoors(networks.doors());
    }

    @Override
    protected String measure(LocalStack stack, RunDirectory directory) throws InterruptedException {
        // Twice the model while it is restored, and what the JVM and Kafka's clients need.
        List<String> heap = List.of("-Xmx" + (256 + 3 * megabytes) + "m");
        World.Kind kind = new World.Kind(megabytes * 1_000_000 / BUCKET_BYTES, false, false,
                List.of("--standby-replicas", "1", "--store", "page-log"), heap);
        try (Stage stage =
                Stage.open(stack, networks, directory.path(), childFlags(), List.of(TrainerMain.class.getName()));
                World world = World.open(stage, "restart", kind, new SplittableRandom(1))) {
            for (int repetition = 0; repetition < repetitions; repetition++) {
                write(world);
                kill(world, stage);
                stop(world);
            }
            Trainer other = world.newTrainer("trainer-2");
            other.start();
            for (int repetition = 0; repetition < repetitions; repetition++) {
                failOver(world, stage, false);
                failOver(world, stage, true);
            }
        }
        return json ? json() : text();
    }

    /// So that there is something to restore, and that all of it is learned.
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

    private void kill(World world, Stage stage) throws InterruptedException {
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
        double rate = consumerRate(stage, new TopicPartition(world.changelogTopic(), 0));
        double goal = START_SECONDS + restored / (RATE_SHARE * rate);
        killed.add(seconds);
        killedGoals.add(goal);
        restoredMegabytes.add(restored);
        consumerRates.add(rate);
        say("SIGKILL to learning: %.1f s; %.0f MB restored; a bare consumer reads %.0f MB/s, so the goal is %.1f s",
                seconds, restored, rate, goal);
    }

    /// MB/s of values, from the first record to the last.
    private static double consumerRate(Stage stage, TopicPartition changelog) {
        try (KafkaConsumer<byte[], byte[]> consumer = KafkaClients.reader(stage.bootstrapServers(), Map.of())) {
            consumer.assign(List.of(changelog));
            consumer.seekToBeginning(List.of(changelog));
            long end = consumer.endOffsets(List.of(changelog)).values().iterator().next();
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
        stopped.add(secondsSince(since));
        say("SIGTERM to learning again: %.1f s, %.1f of them stopping", secondsSince(since), down);
    }

    /// @param open whether a transaction is, at the kill
    private void failOver(World world, Stage stage, boolean open) throws InterruptedException {
        world.traffic().go();
        awaitWarm(world);
        Trainer learning = world.learner();
        long before = world.watermark();
        TopicPartition changelog = new TopicPartition(world.changelogTopic(), 0);
        Await.until((open ? "a" : "no") + " transaction open while the trainer stands still", WITHIN, () -> {
            learning.pause();
            boolean found = isTransactionOpen(stage, changelog) == open;
            if (!found) {
                learning.resume();
            }
            return found;
        });
        learning.kill();
        long since = System.nanoTime();
        world.awaitWatermark(before, WITHIN);
        double seconds = secondsSince(since);
        (open ? failedOverFromOpen : failedOver).add(seconds);
        say("SIGKILL to learning elsewhere: %.1f s, %s", seconds,
                open ? "a transaction was open" : "no transaction was open");
        learning.start();
        world.traffic().pause();
    }

    /// One learns, one stands by, and the group has been at rest for a while: the copy is as warm as it gets.
    private static void awaitWarm(World world) throws InterruptedException {
        world.awaitStandby();
        Thread.sleep(SESSION);
        world.awaitWatermark(world.watermark(), WITHIN);
    }

    private static boolean isTransactionOpen(Stage stage, TopicPartition partition) throws InterruptedException {
        return end(stage, partition, IsolationLevel.READ_COMMITTED) < end(stage, partition,
                IsolationLevel.READ_UNCOMMITTED);
    }

    private static long end(Stage stage, TopicPartition partition, IsolationLevel isolation)
            throws InterruptedException {
        return KafkaClients.answer(
                stage.admin().listOffsets(Map.of(partition, OffsetSpec.latest()), new ListOffsetsOptions(isolation))
                        .partitionResult(partition))
                .offset();
    }

    private String text() {
        return String.format(Locale.ROOT, """
                model of %d MB, median (range), s
                SIGKILL to the first learned event  %s   goal %s = %.0f + %s MB at %.1f of a bare consumer's %s MB/s
                clean stop and start                %s
                fail-over to a warm standby         %s   no transaction open at the kill; session %d s
                                                    %s   a transaction open
                """, megabytes, spread(killed), spread(killedGoals), START_SECONDS, spread(restoredMegabytes),
                RATE_SHARE, spread(consumerRates), spread(stopped), spread(failedOver), SESSION.toSeconds(),
                spread(failedOverFromOpen));
    }

    private static String spread(List<Double> values) {
        return values.isEmpty() ? "none"
                : Spread.of(values.stream().mapToDouble(Double::doubleValue).toArray()).text("%.1f");
    }

    private String json() {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("model_mb", megabytes);
        line.put("kill_to_learning_s_all", killed);
        line.put("kill_to_learning_goal_s_all", killedGoals);
        line.put("restored_mb_all", restoredMegabytes);
        line.put("consumer_mb_per_s_all", consumerRates);
        line.put("stop_start_s_all", stopped);
        line.put("fail_over_s_all", failedOver);
        line.put("fail_over_open_transaction_s_all", failedOverFromOpen);
        return Json.write(line) + "\n";
    }
}
