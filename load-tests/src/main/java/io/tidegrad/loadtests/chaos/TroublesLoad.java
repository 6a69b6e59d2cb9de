package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.Decisions;
import io.tidegrad.trainer.TrainerMain;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.StoredState;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/// Many small models in one trainer, and one kind of trouble after the other, each given to one model: what that model says, and
/// that all the others learn on, to the bits of a plain fold.
///
/// The models that are given a trouble have an events topic each; the others share one.
public final class TroublesLoad extends LoadTest {
    private static final String SHARED = "events-shared";
    private static final Duration START_WITHIN = Duration.ofMinutes(8);
    private static final Duration SAYS_WITHIN = Duration.ofSeconds(90);
    private static final Duration LEAST = Duration.ofSeconds(10);
    private static final Duration SETTLES_WITHIN = Duration.ofMinutes(3);
    private static final Duration LOOK_EVERY = Duration.ofMillis(250);
    private static final Duration BETWEEN_EVENTS = Duration.ofMillis(10);
    private static final Duration READ_WITHIN = Duration.ofSeconds(30);
    private static final double FAR =
            9e14; // a number that is taken, and that no rate above 0 survives
    private static final int MESSAGE_MAX = 200;
    private static final Decisions.By BY = new Decisions.By("loadtest", "troubles");

    private final int models;
    private final List<ModelTrouble> troubles;
    private final Topics topics = new Topics("troubles");
    private final SplittableRandom random = new SplittableRandom(1);
    private final List<String> violations = new ArrayList<>();
    private final Map<String, Readings> readings = new LinkedHashMap<>();
    private final Map<String, ModelSpec> specs = new LinkedHashMap<>();

    // Of the events, which a thread of its own writes.
    private volatile boolean closed;
    private volatile boolean paused;
    private volatile boolean idle;
    private volatile boolean diverging;
    private volatile boolean poisoned;

    /// @param models in all
    /// @param troubles each given to one of them
    /// @param out for the table, in Markdown
    public TroublesLoad(
            int models, List<ModelTrouble> troubles, PrintStream out, PrintStream progress) {
        super(out, progress);
        if (models <= troubles.size()) {
            throw new IllegalArgumentException(
                    "--models expects more than the "
                            + troubles.size()
                            + " that are given a trouble, found "
                            + models);
        }
        this.models = models;
        this.troubles = troubles.stream().sorted().toList(); // what stops the trainer comes last
    }

    /// What should not be.
    public List<String> violations() {
        return List.copyOf(violations);
    }

    @Override
    protected String measure(LocalStack stack, RunDirectory directory) throws InterruptedException {
        Path files = directory.logs().resolve("troubles");
        try (SchemaRegistry registry =
                        SchemaRegistry.connect(Map.of("schema.registry.url", stack.registryUrl()));
                Admin admin = Admin.create(Map.of("bootstrap.servers", stack.bootstrapServers()))) {
            describe(registry);
            for (String topic : readings.keySet()) {
                EventsTopic.create(stack.bootstrapServers(), topic);
            }
            List<String> flags = new ArrayList<>(childFlags());
            flags.add("-Xmx" + (512 + 8 * models) + "m");
            Thread producing =
                    Thread.ofPlatform()
                            .daemon()
                            .name("events")
                            .start(() -> produce(stack.bootstrapServers()));
            try (Trainer trainer =
                            new Trainer("trainer", "any", files, flags, command(stack, files));
                    HealthWatch health = new HealthWatch(trainer.port(), JsonNode::toString);
                    LogTail shared =
                            new LogTail(stack.bootstrapServers(), new TopicPartition(SHARED, 0))) {
                trainer.start();
                Run run = new Run(stack, admin, registry, trainer, health, files, shared);
                run.awaitLearning();
                StringBuilder table =
                        new StringBuilder(
                                """
                                | trouble | the model says | after s | the others: longest without a commit, s | trainer |
                                |---|---|---|---|---|
                                """);
                for (ModelTrouble trouble : troubles) {
                    table.append(run.give(trouble));
                }
                table.append(run.settle());
                if (!violations.isEmpty()) {
                    directory.keepLogs();
                    say("logs of all processes: %s", directory.logs());
                }
                table.append(String.format(Locale.ROOT, "%d violations%n", violations.size()));
                violations.forEach(each -> table.append("- ").append(each).append('\n'));
                return table.toString();
            } finally {
                closed = true;
                producing.join(Duration.ofSeconds(20));
            }
        }
    }

    private void describe(SchemaRegistry registry) {
        readings.put(SHARED, new Readings(registry, SHARED));
        for (ModelTrouble trouble : troubles) {
            String topic = "events-" + trouble.model();
            readings.put(topic, new Readings(registry, topic));
            specs.put(trouble.model(), Readings.spec(trouble.model(), topic, 1, 64));
        }
        IntStream.range(0, models - troubles.size())
                .mapToObj(number -> String.format(Locale.ROOT, "well-%02d", number))
                .forEach(model -> specs.put(model, Readings.spec(model, SHARED, 1, 64)));
        // Squared errors of numbers that nothing scales: one large one is enough.
        specs.computeIfPresent(
                ModelTrouble.DIVERGED.model(),
                (model, spec) ->
                        ModelSpec.parse(
                                spec.yaml()
                                        .replace("scale: standard", "scale: raw")
                                        .replace("binary-cross-entropy", "mean-squared-error")
                                        .replace("adam: { rate: 0.01 }", "sgd: { rate: 0.01 }"),
                                "the spec of " + model));
    }

    private List<String> command(LocalStack stack, Path files) {
        List<String> command =
                new ArrayList<>(
                        List.of(
                                TrainerMain.class.getName(),
                                "--bootstrap-servers",
                                stack.bootstrapServers(),
                                "--registry-url",
                                stack.registryUrl(),
                                "--prefix",
                                topics.prefix()));
        specs.forEach(
                (model, spec) -> {
                    Path file = files.resolve(model + ".yaml");
                    write(file, spec.yaml());
                    command.addAll(List.of("--spec", file.toString()));
                });
        return command;
    }

    private static void write(Path file, String text) {
        try {
            Files.createDirectories(file.getParent());
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// A hundred events a second to every topic, whatever becomes of one.
    private void produce(String bootstrapServers) {
        try (KafkaProducer<byte[], byte @Nullable []> producer =
                new KafkaProducer<>(
                        Map.of(
                                "bootstrap.servers",
                                bootstrapServers,
                                "key.serializer",
                                ByteArraySerializer.class.getName(),
                                "value.serializer",
                                ByteArraySerializer.class.getName(),
                                "max.block.ms",
                                5, // of a topic that is gone; the others don't wait
                                "delivery.timeout.ms",
                                2_000,
                                "request.timeout.ms",
                                1_000,
                                "linger.ms",
                                5))) {
            readings.keySet().forEach(topic -> awaitMetadata(producer, topic));
            for (long event = 0; !closed; event++) {
                while (paused && !closed) {
                    producer.flush();
                    idle = true;
                    LockSupport.parkNanos(BETWEEN_EVENTS.toNanos());
                }
                idle = false;
                long number = event;
                readings.forEach(
                        (topic, of) -> producer.send(event(topic, of, number), (sent, gone) -> {}));
                LockSupport.parkNanos(BETWEEN_EVENTS.toNanos());
            }
        }
    }

    private static void awaitMetadata(
            KafkaProducer<byte[], byte @Nullable []> producer, String topic) {
        while (true) {
            try {
                producer.partitionsFor(topic);
                return;
            } catch (org.apache.kafka.common.errors.TimeoutException notYet) {
                LockSupport.parkNanos(BETWEEN_EVENTS.toNanos());
            }
        }
    }

    private ProducerRecord<byte[], byte @Nullable []> event(
            String topic, Readings of, long number) {
        if (poisoned && topic.equals("events-" + ModelTrouble.ONLY_POISON.model())) {
            return of.poison(random, number);
        }
        return diverging && topic.equals("events-" + ModelTrouble.DIVERGED.model())
                ? of.far(FAR, number)
                : of.event(number);
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) * 1e-9;
    }

    private static String shortened(String text) {
        String line = text.strip().replaceAll("\\s+", " ").replace("|", "\\|");
        return line.length() <= MESSAGE_MAX ? line : line.substring(0, MESSAGE_MAX) + "…";
    }

    /// How far a model is that has no trouble yet.
    private static final class Progress {
        private final ModelSpec spec;
        private long watermark;
        private long advancedAt;

        Progress(ModelSpec spec) {
            this.spec = spec;
        }

        /// @param now `System.nanoTime`
        void begin(JsonNode model, long now) {
            watermark = model.path("watermark").asLong(-1);
            advancedAt = now;
        }

        /// @return how long it has been without a commit, in seconds
        double advance(JsonNode model, long now) {
            double without = (now - advancedAt) * 1e-9;
            if (model.path("watermark").asLong(-1) > watermark) {
                begin(model, now);
            }
            return without;
        }
    }

    /// The trainer and who troubles its models.
    private final class Run {
        private final LocalStack stack;
        private final Admin admin;
        private final SchemaRegistry registry;
        private final Trainer trainer;
        private final HealthWatch health;
        private final Path files;
        private final LogTail shared;
        private final Map<String, Progress> well = new LinkedHashMap<>();

        Run(
                LocalStack stack,
                Admin admin,
                SchemaRegistry registry,
                Trainer trainer,
                HealthWatch health,
                Path files,
                LogTail shared) {
            this.stack = stack;
            this.admin = admin;
            this.registry = registry;
            this.trainer = trainer;
            this.health = health;
            this.files = files;
            this.shared = shared;
            specs.forEach((model, spec) -> well.put(model, new Progress(spec)));
        }

        private Map<String, JsonNode> models() throws InterruptedException {
            Map<String, JsonNode> found = new LinkedHashMap<>();
            for (JsonNode model : health.ask().json().path("models")) {
                found.put(model.path("model").asText(), model);
            }
            return found;
        }

        void awaitLearning() throws InterruptedException {
            long since = System.nanoTime();
            Await.until(
                    models + " models that learn",
                    START_WITHIN,
                    () -> {
                        requireRunning();
                        Map<String, JsonNode> now = models();
                        return specs.keySet().stream()
                                .allMatch(
                                        model -> of(now, model).path("watermark").asLong(-1) > 100);
                    });
            say("%d models learn, %.0f s after the start", models, seconds(since));
        }

        private void requireRunning() {
            Trainer.Ended ended = trainer.ended();
            if (ended != null) {
                throw new LoadTestException(
                        "expected the trainer to go on, found that it ended with "
                                + ended.status()
                                + ": "
                                + World.lastLine(ended.said()));
            }
        }

        /// A row of the table.
        String give(ModelTrouble trouble) throws InterruptedException {
            well.remove(trouble.model());
            int restarts = trainer.restarts();
            Map<String, JsonNode> before = models();
            long now = System.nanoTime();
            well.forEach((model, progress) -> progress.begin(of(before, model), now));
            long since = System.nanoTime();
            make(trouble);
            double longest = 0;
            String says = "";
            double after = -1;
            while (seconds(since) < SAYS_WITHIN.toSeconds()
                    && (after < 0 || seconds(since) < after + LEAST.toSeconds())) {
                requireRunning();
                Map<String, JsonNode> models = models();
                longest = Math.max(longest, advance(models));
                String said = said(of(models, trouble.model()));
                if (!said.isEmpty() && after < 0) {
                    says = said;
                    after = seconds(since);
                }
                Thread.sleep(LOOK_EVERY);
            }
            longest = Math.max(longest, advance(models()));
            List<String> stuck =
                    well.entrySet().stream()
                            .filter(each -> seconds(each.getValue().advancedAt) > LEAST.toSeconds())
                            .map(Map.Entry::getKey)
                            .toList();
            if (!stuck.isEmpty()) {
                violations.add(
                        trouble.model()
                                + ": expected all others to learn on, found "
                                + stuck
                                + " standing still");
            }
            if (says.isEmpty()) {
                long watermark = of(models(), trouble.model()).path("watermark").asLong(-1);
                says = "nothing: it learns on, at watermark " + watermark;
            }
            String row =
                    String.format(
                            Locale.ROOT,
                            "| %s | %s | %s | %.1f | %s |%n",
                            trouble.what(),
                            says,
                            after < 0 ? "-" : String.format(Locale.ROOT, "%.1f", after),
                            longest,
                            trainer.restarts() == restarts
                                    ? "one life"
                                    : "started again "
                                            + (trainer.restarts() - restarts)
                                            + " times");
            if (trainer.restarts() != restarts) {
                violations.add(
                        trouble.model()
                                + ": expected the trainer's process to go on, found it started again");
            }
            say("%s", row.strip());
            return row;
        }

        private static String said(JsonNode model) {
            for (JsonNode reason : model.path("reasons")) {
                return shortened(
                        reason.path("reason").asText() + ": " + reason.path("message").asText());
            }
            return "";
        }

        /// @return the longest time that one of the others has been without a commit, in seconds
        private double advance(Map<String, JsonNode> models) {
            double longest = 0;
            long now = System.nanoTime();
            for (Map.Entry<String, Progress> each : well.entrySet()) {
                longest =
                        Math.max(longest, each.getValue().advance(of(models, each.getKey()), now));
            }
            return longest;
        }

        private static JsonNode of(Map<String, JsonNode> models, String model) {
            return models.getOrDefault(model, Json.NOTHING);
        }

        private void make(ModelTrouble trouble) throws InterruptedException {
            String model = trouble.model();
            String topic = "events-" + model;
            String changelog = Changelog.topic(topics.applicationId(model, 1));
            switch (trouble) {
                case DIVERGED -> diverging = true;
                case ONLY_POISON -> poisoned = true;
                case TOPIC_DELETED ->
                        TopicDamage.DELETED.to(topic, admin, stack.bootstrapServers(), random);
                case TOPIC_RECREATED ->
                        TopicDamage.RECREATED.to(topic, admin, stack.bootstrapServers(), random);
                case CHANGELOG_DELETED ->
                        TopicDamage.DELETED.to(changelog, admin, stack.bootstrapServers(), random);
                case SNAPSHOTS_DELETED ->
                        TopicDamage.DELETED.to(
                                topics.snapshots(model), admin, stack.bootstrapServers(), random);
                case PARTITION_ADDED ->
                        Asked.of(
                                admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2)))
                                        .all());
                case PAGE_DAMAGED -> whilePaused(model, () -> damagePage(changelog));
                case RETENTION_OVERTAKEN -> whilePaused(model, () -> overtake(topic));
                case OFFSETS_ALTERED -> whilePaused(model, () -> alterOffset(model, topic));
                case SPEC_CHANGED -> {
                    trainer.stop();
                    write(
                            files.resolve(model + ".yaml"),
                            Readings.spec(model, topic, 2, 64).yaml());
                    trainer.start();
                }
            }
        }

        private interface Deed {
            void happen() throws InterruptedException;
        }

        private void whilePaused(String model, Deed deed) throws InterruptedException {
            Decisions decisions =
                    new Decisions(
                            KafkaSettings.of(stack.bootstrapServers()),
                            topics,
                            admin,
                            (short) -1,
                            BY);
            decisions.pause(model);
            Await.until(
                    model + " paused",
                    SAYS_WITHIN,
                    () -> of(models(), model).path("state").asText().equals("paused"));
            deed.happen();
            decisions.resume(model);
        }

        private void damagePage(String changelog) throws InterruptedException {
            ConsumerRecord<byte[], byte[]> page = newestPage(changelog);
            byte[] value = page.value().clone();
            value[value.length / 2] ^= 1;
            try (KafkaProducer<byte[], byte[]> producer =
                    new KafkaProducer<>(
                            Map.of("bootstrap.servers", stack.bootstrapServers()),
                            new ByteArraySerializer(),
                            new ByteArraySerializer())) {
                producer.send(new ProducerRecord<>(changelog, 0, page.key(), value)).get();
            } catch (ExecutionException e) {
                throw new LoadTestException("can't write to " + changelog + ": " + e, e);
            }
        }

        private ConsumerRecord<byte[], byte[]> newestPage(String changelog) {
            TopicPartition partition = new TopicPartition(changelog, 0);
            Map<String, Object> settings =
                    Map.of(
                            "bootstrap.servers",
                            stack.bootstrapServers(),
                            "isolation.level",
                            "read_committed");
            long deadline = System.nanoTime() + READ_WITHIN.toNanos();
            ConsumerRecord<byte[], byte[]> newest = null;
            try (KafkaConsumer<byte[], byte[]> consumer =
                    new KafkaConsumer<>(
                            settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
                consumer.assign(List.of(partition));
                consumer.seekToBeginning(List.of(partition));
                while (System.nanoTime() < deadline
                        && (newest == null || consumer.currentLag(partition).orElse(1) > 0)) {
                    for (ConsumerRecord<byte[], byte[]> record :
                            consumer.poll(Duration.ofMillis(100))) {
                        if (record.value() != null && !StoredState.endsCommit(record)) {
                            newest = record;
                        }
                    }
                }
            }
            if (newest == null) {
                throw new LoadTestException("expected a page on " + changelog + ", found none");
            }
            return newest;
        }

        private void overtake(String topic) throws InterruptedException {
            TopicPartition partition = new TopicPartition(topic, 0);
            long end = end(partition);
            Await.until("more events on " + topic, SAYS_WITHIN, () -> end(partition) > end + 200);
            Asked.of(
                    admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(end + 100)))
                            .all());
        }

        private long end(TopicPartition partition) throws InterruptedException {
            return Asked.of(
                            admin.listOffsets(Map.of(partition, OffsetSpec.latest()))
                                    .partitionResult(partition))
                    .offset();
        }

        private void alterOffset(String model, String topic) throws InterruptedException {
            String group = topics.applicationId(model, 1);
            Await.until(
                    "the offset of " + group + " altered",
                    SAYS_WITHIN,
                    () -> {
                        try {
                            admin.alterConsumerGroupOffsets(
                                            group,
                                            Map.of(
                                                    new TopicPartition(topic, 0),
                                                    new OffsetAndMetadata(0, "")))
                                    .all()
                                    .get();
                            return true;
                        } catch (ExecutionException stillInUse) {
                            return false;
                        }
                    });
        }

        /// All that were given no trouble come to rest, with the hash of a plain fold each.
        String settle() throws InterruptedException {
            paused = true;
            Await.until("the events at rest", READ_WITHIN, () -> idle);
            long end = end(new TopicPartition(SHARED, 0));
            Map<String, JsonNode> settled = new LinkedHashMap<>();
            Await.until(
                    "the models without trouble at rest at offset " + end,
                    SETTLES_WITHIN,
                    () -> {
                        requireRunning();
                        settled.clear();
                        settled.putAll(models());
                        return shared.end() == end
                                && well.keySet().stream()
                                        .map(model -> of(settled, model))
                                        .allMatch(
                                                model ->
                                                        model.path("watermark").asLong() == end
                                                                && model.path("report")
                                                                                .path("watermark")
                                                                                .asLong()
                                                                        == end);
                    });
            int equal = 0;
            for (Map.Entry<String, Progress> each : well.entrySet()) {
                String theirs =
                        of(settled, each.getKey()).path("report").path("state_hash").asText();
                if (theirs.equals(shared.foldedTo(end, each.getValue().spec, registry))) {
                    equal++;
                } else {
                    violations.add(
                            each.getKey() + ": expected the state-hash of a fold, found " + theirs);
                }
            }
            return String.format(
                    Locale.ROOT,
                    "%n%d models in one trainer, %d of them given a trouble; of the others %d of %d have the state-hash"
                            + " of a fold, at offset %,d%n",
                    models,
                    troubles.size(),
                    equal,
                    well.size(),
                    end);
        }
    }

    /// All kinds.
    public static List<ModelTrouble> all() {
        return Stream.of(ModelTrouble.values()).toList();
    }

    /// By their models' names.
    ///
    /// @throws IllegalArgumentException there is none of a name
    public static List<ModelTrouble> named(List<String> names) {
        return names.stream()
                .map(
                        name ->
                                Arrays.stream(ModelTrouble.values())
                                        .filter(each -> each.model().equals(name))
                                        .findFirst()
                                        .orElseThrow(
                                                () ->
                                                        new IllegalArgumentException(
                                                                "--troubles: expected "
                                                                        + String.join(
                                                                                ", ",
                                                                                all().stream()
                                                                                        .map(
                                                                                                ModelTrouble
                                                                                                        ::model)
                                                                                        .toList())
                                                                        + "; found '"
                                                                        + name
                                                                        + "'")))
                .toList();
    }
}
