package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.LocalStackOptions;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ServedModel;
import io.tidegrad.trainer.TrainerMain;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/// What happens when somebody deletes, empties, recreates, widens or fills with garbage a topic that a trainer and a scorer
/// use, one after the other, each with a model of its own: for how long learning and serving stand still, how the trainer
/// ends if it does, and what its next start makes of it.
public final class TopicsLoad extends LoadTest {
    private static final Duration LOOK_EVERY = Duration.ofMillis(50);

    /// Longer than a trainer takes to notice anything of its topics.
    private static final Duration WATCHED_AT_LEAST = Duration.ofSeconds(20);

    private static final Duration WATCHED_AT_MOST = Duration.ofSeconds(120);
    private static final Duration MOVED_WITHIN = Duration.ofSeconds(2);
    private static final Duration STARTS_WITHIN = Duration.ofSeconds(60);
    private static final int GARBAGE_RECORDS = 20;
    private static final int GARBAGE_BYTES = 200;

    /// A topic that trainer or scorer use.
    public enum Target {
        EVENTS((stage, world) -> world.spec().inputTopic()),
        MODELS((stage, world) -> stage.topics().models()),
        CONTROL((stage, world) -> stage.topics().control()),
        CHANGELOG((stage, world) -> world.changelogTopic()),
        SNAPSHOTS((stage, world) -> world.snapshotsTopic()),
        PROGRESS((stage, world) -> stage.topics().progress()),
        DEAD_LETTERS((stage, world) -> stage.topics().deadLetters());

        private final BiFunction<Stage, World, String> topic;

        Target(BiFunction<Stage, World, String> topic) {
            this.topic = topic;
        }

        String word() {
            return name().toLowerCase(Locale.ROOT).replace('_', ' ');
        }
    }

    /// What is done to it.
    enum Deed {
        DELETED("deleted") {
            @Override
            void to(String topic, Stage stage, SplittableRandom random)
                    throws InterruptedException {
                Asked.of(stage.admin().deleteTopics(List.of(topic)).all());
            }
        },
        CREATED_AGAIN("deleted, created with the brokers' defaults") {
            @Override
            void to(String topic, Stage stage, SplittableRandom random)
                    throws InterruptedException {
                Asked.of(stage.admin().deleteTopics(List.of(topic)).all());
                NewTopic again = new NewTopic(topic, Optional.of(1), Optional.empty());
                Asked.of(stage.admin().createTopics(List.of(again)).all());
            }
        },
        EMPTIED("emptied") {
            @Override
            void to(String topic, Stage stage, SplittableRandom random)
                    throws InterruptedException {
                Asked.of(
                        stage.admin()
                                .deleteRecords(
                                        Map.of(
                                                new TopicPartition(topic, 0),
                                                RecordsToDelete.beforeOffset(-1)))
                                .all());
            }
        },
        WIDENED("a partition added") {
            @Override
            void to(String topic, Stage stage, SplittableRandom random)
                    throws InterruptedException {
                int partitions =
                        Asked.of(stage.admin().describeTopics(List.of(topic)).allTopicNames())
                                .values()
                                .iterator()
                                .next()
                                .partitions()
                                .size();
                Asked.of(
                        stage.admin()
                                .createPartitions(
                                        Map.of(topic, NewPartitions.increaseTo(partitions + 1)))
                                .all());
            }
        },
        GARBAGE(GARBAGE_RECORDS + " records of garbage") {
            @Override
            void to(String topic, Stage stage, SplittableRandom random) {
                try (KafkaProducer<byte[], byte[]> producer =
                        new KafkaProducer<>(
                                Map.of(
                                        ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
                                        stage.bootstrapServers()),
                                new ByteArraySerializer(),
                                new ByteArraySerializer())) {
                    for (int i = 0; i < GARBAGE_RECORDS; i++) {
                        byte[] key = new byte[random.nextInt(1, 40)];
                        byte[] value = new byte[random.nextInt(GARBAGE_BYTES)];
                        random.nextBytes(key);
                        random.nextBytes(value);
                        producer.send(new ProducerRecord<>(topic, 0, key, value));
                    }
                }
            }
        };

        private final String words;

        Deed(String words) {
            this.words = words;
        }

        abstract void to(String topic, Stage stage, SplittableRandom random)
                throws InterruptedException;
    }

    private final List<Target> targets;
    private final Networks networks = new Networks(1);

    /// @param targets that are tried; all when empty
    public TopicsLoad(List<Target> targets, PrintStream out, PrintStream progress) {
        super(out, progress);
        this.targets = targets.isEmpty() ? List.of(Target.values()) : List.copyOf(targets);
    }

    @Override
    protected LocalStackOptions stack(RunDirectory directory) {
        return super.stack(directory).withDoors(networks.doors());
    }

    @Override
    protected String measure(LocalStack stack, RunDirectory directory) throws InterruptedException {
        StringBuilder table =
                new StringBuilder(
                        "| topic | what is done to it | learning stood for, s | serving stood for, s | the trainer | its next"
                                + " start |\n|---|---|---|---|---|---|\n");
        try (Stage stage =
                new Stage(
                        stack,
                        networks,
                        directory.path(),
                        childFlags(),
                        List.of(TrainerMain.class.getName()))) {
            for (Target target : targets) {
                for (Deed deed : Deed.values()) {
                    String row = row(stage, target, deed);
                    say("%s", row);
                    table.append(row).append('\n');
                }
            }
        }
        return table.toString();
    }

    private static String row(Stage stage, Target target, Deed deed) throws InterruptedException {
        String name =
                target.name().toLowerCase(Locale.ROOT).replace('_', '-')
                        + "-"
                        + deed.name().toLowerCase(Locale.ROOT).replace('_', '-');
        SplittableRandom random = new SplittableRandom(name.hashCode());
        World.Kind kind = new World.Kind(2_048, false, true, List.of(), List.of());
        try (World world = World.open(stage, name, kind, random)) {
            Watch watch = new Watch(world);
            watch.awaitServed();
            String topic = target.topic.apply(stage, world);
            deed(deed, topic, world, stage, target, random);
            watch.watch();
            Trainer.Ended ended = world.trainer().ended();
            String next = nextStart(world, ended);
            return String.format(
                    Locale.ROOT,
                    "| %s | %s | %s | %s | %s | %s |",
                    target.word(),
                    deed.words,
                    ended == null ? seconds(watch.learningStood) : "ended",
                    seconds(watch.servingStood),
                    ended != null
                            ? String.format(
                                    Locale.ROOT,
                                    "ends with %d after %s s",
                                    ended.status(),
                                    seconds(watch.took))
                            : world.trainer().restarts() > 0
                                    ? "was started again " + world.trainer().restarts() + " times"
                                    : "learns on",
                    next);
        }
    }

    /// A compacted topic is emptied as an operator would have to: with another policy for a moment.
    private static void deed(
            Deed deed,
            String topic,
            World world,
            Stage stage,
            Target target,
            SplittableRandom random)
            throws InterruptedException {
        if (target == Target.EVENTS && deed != Deed.GARBAGE && deed != Deed.WIDENED) {
            world.traffic().pause(); // its transaction would hang on what is gone
        }
        if (deed != Deed.EMPTIED) {
            deed.to(topic, stage, random);
        } else {
            String policy =
                    world.alterTopic(
                            topic,
                            TopicConfig.CLEANUP_POLICY_CONFIG,
                            TopicConfig.CLEANUP_POLICY_DELETE);
            deed.to(topic, stage, random);
            world.alterTopic(topic, TopicConfig.CLEANUP_POLICY_CONFIG, policy);
        }
        if (target == Target.EVENTS && deed == Deed.EMPTIED) {
            world.traffic().go();
        }
    }

    private static String nextStart(World world, Trainer.@Nullable Ended ended)
            throws InterruptedException {
        if (ended == null) {
            world.trainer().stop();
        }
        world.trainer().start();
        long deadline = System.nanoTime() + STARTS_WITHIN.toNanos();
        long since = System.nanoTime();
        while (System.nanoTime() < deadline) {
            Trainer.Ended again = world.trainer().ended();
            if (again != null) {
                return "ends with " + again.status();
            }
            if (world.trainer().learns()) {
                return String.format(
                        Locale.ROOT,
                        "learns after %s s",
                        seconds(Duration.ofNanos(System.nanoTime() - since)));
            }
            Thread.sleep(LOOK_EVERY);
        }
        return "does not learn within " + STARTS_WITHIN.toSeconds() + " s";
    }

    private static String seconds(Duration duration) {
        return String.format(Locale.ROOT, "%.1f", duration.toNanos() * 1e-9);
    }

    /// The longest time without anything learned, and without a newer version served.
    private static final class Watch {
        private final World world;
        private Duration learningStood = Duration.ZERO;
        private Duration servingStood = Duration.ZERO;
        private Duration took = Duration.ZERO;

        Watch(World world) {
            this.world = world;
        }

        private long served() {
            Scorer observer = world.observer();
            ServedModel current = observer == null ? null : observer.current();
            return current == null ? -1 : current.version();
        }

        void awaitServed() throws InterruptedException {
            long deadline = System.nanoTime() + STARTS_WITHIN.toNanos();
            while (served() <= 0) {
                if (System.nanoTime() > deadline) {
                    throw new LoadTestException(
                            "expected a version served within "
                                    + STARTS_WITHIN.toSeconds()
                                    + " s, found none");
                }
                Thread.sleep(LOOK_EVERY);
            }
        }

        /// Until both have moved lately, or the trainer has ended.
        void watch() throws InterruptedException {
            long begin = System.nanoTime();
            long learnedAt = begin;
            long servedAt = begin;
            long watermark = world.watermark();
            long version = served();
            while (true) {
                long now = System.nanoTime();
                took = Duration.ofNanos(now - begin);
                long newWatermark = world.watermark();
                if (newWatermark > watermark) {
                    watermark = newWatermark;
                    learnedAt = now;
                }
                long newVersion = served();
                if (newVersion > version) {
                    version = newVersion;
                    servedAt = now;
                }
                learningStood = longer(learningStood, now - learnedAt);
                servingStood = longer(servingStood, now - servedAt);
                boolean moves =
                        now - learnedAt < MOVED_WITHIN.toNanos()
                                && now - servedAt < MOVED_WITHIN.toNanos();
                if (world.trainer().ended() != null
                        || moves && took.compareTo(WATCHED_AT_LEAST) > 0
                        || took.compareTo(WATCHED_AT_MOST) > 0) {
                    return;
                }
                Thread.sleep(LOOK_EVERY);
            }
        }

        private static Duration longer(Duration one, long nanos) {
            return one.toNanos() > nanos ? one : Duration.ofNanos(nanos);
        }
    }
}
