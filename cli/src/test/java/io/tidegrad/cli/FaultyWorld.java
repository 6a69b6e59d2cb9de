package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.console.ConsoleApp;
import io.tidegrad.console.ConsoleConfig;
import io.tidegrad.console.ConsoleSettings;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.joiner.app.JoinerApp;
import io.tidegrad.joiner.app.JoinerConfig;
import io.tidegrad.loadtests.Background;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.LocalStackOptions;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.TcpRelay;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.ConfluentAvroDeserializer;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorerapp.ScorerApp;
import io.tidegrad.scorerapp.ScorerConfig;
import io.tidegrad.scorerapp.ScorerMain;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.TrainerConfig;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;

/// Trainers, joiners, scorers and a console on a broker of their own, all of which are well at first, and what can go wrong with
/// them. Each model has a topic of events with its own name.
final class FaultyWorld implements AutoCloseable {
    private static final Duration STARTS_WITHIN = Duration.ofMinutes(3);

    /// Models of the first trainer.
    private static final List<String> MODELS = List.of("well", "broken", "lost", "changed", "flipped", "bounded",
            "numbers", "paused", "retained", "ahead", "mirrored", "dying");

    /// These have a trainer each.
    private static final List<String> ALONE = List.of("delayed", "narrow", "fatal");

    private static final Duration EVERY = Duration.ofMillis(200);
    private static final int HEALTHY = 24_000; // what an alarm of a change compares with
    private static final int LEARNED = 6_000;
    private static final int SOME = 300;

    /// What a trainer and a joiner with a narrow network fall behind by at once, and in each [#EVERY].
    private static final int BURST = 12_000;

    private static final int MORE = 200;
    private static final int BYTES_PER_SECOND = 4_000;
    private static final float FATAL = -1;
    private static final int KILLED_PORT = Ports.free();
    private static final int CUT_PORT = Ports.free();
    private static final int FATAL_PORT = Ports.free();

    /// The scorer that is killed, and the one whose network falls silent, as Prometheus names them.
    static final String KILLED = instance(KILLED_PORT);

    static final String CUT = instance(CUT_PORT);

    private static final List<String> STREAMS = List.of("joined", "lost-stream", "narrow-stream", "paused-stream");

    private static final Schema EVENT = new Schema.Parser().parse("""
            {"type": "record", "name": "Reading", "fields": [
              {"name": "a", "type": "float"}, {"name": "over", "type": ["null", "int"], "default": null}]}
            """);
    private static final Schema LABEL = new Schema.Parser().parse("""
            {"type": "record", "name": "Truth", "fields": [{"name": "over", "type": "int"}]}
            """);

    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final Path directory;
    private final TcpRelay toDelayed;
    private final TcpRelay toNarrow;
    private final TcpRelay toJoiner;
    private final TcpRelay toScorer;
    private final LocalStack stack;
    private final Topics topics = new Topics("alarms");
    private final Admin admin;
    private final KafkaProducer<byte[], byte[]> producer;
    private final AvroCodec codec;
    private final int event;
    private final SplittableRandom random = new SplittableRandom(1);
    private final ScorerApp scorer;
    private final ScorerApp cut;
    private final ChildJvm killed;
    private final Map<String, Background> sending = new ConcurrentHashMap<>();
    private final Map<String, List<String>> instances;
    private TrainerApp fatal;

    /// What somebody or something does to the world.
    @FunctionalInterface
    interface Action {
        void to(FaultyWorld world) throws Exception;
    }

    /// Returns when everything learns, joins and serves.
    FaultyWorld(Path directory) throws Exception {
        this.directory = directory;
        try {
            toDelayed = opened(TcpRelay.startForKafka());
            toNarrow = opened(TcpRelay.startForKafka());
            toJoiner = opened(TcpRelay.startForKafka());
            toScorer = opened(TcpRelay.startForKafka());
            Map<String, TcpRelay> doors =
                    Map.of("DELAYED", toDelayed, "NARROW", toNarrow, "JOINER", toJoiner, "SCORER", toScorer);
            stack = opened(LocalStack.start(LocalStackOptions.temporary().withKafkaAsChild().withDoors(doors.entrySet()
                    .stream().collect(Collectors.toMap(Map.Entry::getKey, each -> List.of(each.getValue().port()))))));
            doors.forEach((door, relay) -> relay.to(stack.brokers().doorPort(0, door)));
            admin = opened(Admin.create(Map.of("bootstrap.servers", stack.bootstrapServers())));
            SchemaRegistry registry =
                    opened(SchemaRegistry.connect(Map.of("schema.registry.url", stack.registryUrl())));
            codec = new AvroCodec(registry);
            producer = opened(new KafkaProducer<>(Map.of("bootstrap.servers", stack.bootstrapServers()),
                    new ByteArraySerializer(), new ByteArraySerializer()));
            createTopics();
            event = registry.register("well-value", EVENT);
            for (String stream : STREAMS) {
                registry.register(stream + "-value", EVENT);
                registry.register(labels(stream) + "-value", LABEL);
                createStream(stream);
            }
            registry.register("ahead-value", EVENT); // what is served for it is logged by this
            sendFirst();
            TrainerApp trainer = opened(trainer("trainer", stack.bootstrapServers(), 0, MODELS));
            // It is to be slow, and not to lose its transaction.
            TrainerApp ofDelayed = opened(trainer("of-delayed", at(toDelayed), 0, List.of("delayed"),
                    "--kafka.transaction.timeout.ms", "60000"));
            TrainerApp ofNarrow = opened(trainer("of-narrow", at(toNarrow), 0, List.of("narrow")));
            fatal = fatalTrainer();
            opened.push(() -> fatal.close());
            JoinerApp joiner = opened(
                    joiner("joiner", stack.bootstrapServers(), List.of("joined", "lost-stream", "paused-stream")));
            JoinerApp ofNarrowStream = opened(joiner("of-narrow-stream", at(toJoiner), List.of("narrow-stream")));
            scorer = opened(scorer(stack.bootstrapServers(), 0, "ahead", "--model", "paused", "--log-topic",
                    "ahead=scored", "--requests-topic", topics.requests()));
            cut = opened(scorer(at(toScorer), CUT_PORT, "mirrored", "--max-age", "60"));
            killed = opened(scorerOfItsOwn());
            ConsoleApp console = opened(console());
            instances = Map.of("trainer",
                    instances(trainer.httpPort(), ofDelayed.httpPort(), ofNarrow.httpPort(), FATAL_PORT), "joiner",
                    instances(joiner.httpPort(), ofNarrowStream.httpPort()), "scorer",
                    instances(scorer.port(), cut.port(), KILLED_PORT), "console", instances(console.httpPort()));
            awaitWell(List.of(trainer, ofDelayed, ofNarrow, fatal));
        } catch (Exception | Error e) {
            close();
            throw e;
        }
    }

    private void createTopics() {
        Stream<String> all = Stream
                .of(MODELS, ALONE, List.of("scored"),
                        STREAMS.stream().flatMap(stream -> Stream.of(stream, labels(stream))).toList())
                .flatMap(List::stream);
        Map<String, String> settings = Map.of("retention.ms", "-1", "message.timestamp.type", "CreateTime");
        TopicCreation.create(admin,
                all.map(topic -> new NewTopic(topic, 1, (short) 1).configs(settings)).toArray(NewTopic[]::new));
    }

    private void sendFirst() {
        for (String model : MODELS) {
            send(model, model.equals("changed") ? HEALTHY
                    : List.of("flipped", "bounded", "numbers").contains(model) ? LEARNED : SOME);
        }
        ALONE.forEach(model -> send(model, SOME));
    }

    private void awaitWell(List<TrainerApp> trainers) throws Exception {
        for (TrainerApp each : trainers) {
            each.models().forEach(model -> await().atMost(STARTS_WITHIN).until(() -> {
                CommittedState committed = model.committed();
                return committed != null && committed.settled()
                        && committed.nextOffset() == sent(model.lineage().log().topic());
            }));
        }
        assertThat(scorer.scorer("ahead").awaitReady(STARTS_WITHIN)).isTrue();
        assertThat(scorer.scorer("paused").awaitReady(STARTS_WITHIN)).isTrue();
        assertThat(cut.scorer("mirrored").awaitReady(STARTS_WITHIN)).isTrue();
        await().atMost(STARTS_WITHIN)
                .until(() -> metrics(scorer).contains("tidegrad_scorer_requests_topic_running 1.0"));
        ask(); // its schema is known once it is in the log
        await().atMost(STARTS_WITHIN)
                .until(() -> metrics(scorer).contains("log_written_events_total{model=\"ahead\"} 1.0"));
    }

    private <T extends AutoCloseable> T opened(T part) {
        opened.push(part);
        return part;
    }

    private static String at(TcpRelay relay) {
        return "127.0.0.1:" + relay.port();
    }

    private static String instance(int port) {
        return "127.0.0.1:" + port;
    }

    private static List<String> instances(int... ports) {
        return IntStream.of(ports).mapToObj(FaultyWorld::instance).toList();
    }

    private static String labels(String stream) {
        return stream + "-labels";
    }

    private List<String> settings(String bootstrap, int port, String... more) {
        List<String> settings = new ArrayList<>(List.of("--bootstrap-servers", bootstrap, "--registry-url",
                stack.registryUrl(), "--prefix", topics.prefix(), "--http-port", String.valueOf(port)));
        settings.addAll(List.of(more));
        return settings;
    }

    private static String yaml(String model) {
        return """
                model: %1$s
                input: { topic: %1$s }
                label: { field: over }
                features: [ number: { field: a } ]
                network: [ dense: 4, relu, dense: 1 ]
                loss: %2$s
                optimizer: { %3$s }
                publish: { every: PT0.2S%4$s }
                """.formatted(model, model.equals("numbers") ? "mean-squared-error" : "binary-cross-entropy",
                model.equals("dying") ? "sgd: { rate: 0.1 }"
                        : "adam: { rate: %s }".formatted(model.equals("flipped") ? 0.002 : 0.01),
                model.equals("changed") ? ", gate: { labels: 2000 }" : "")
                + (model.equals("bounded") ? "quarantine: { loss: 2 }\n" : "");
    }

    private TrainerApp trainer(String name, String bootstrap, int port, List<String> models, String... more)
            throws IOException {
        List<String> settings = settings(bootstrap, port, more);
        for (String model : models) {
            settings.addAll(
                    List.of("--spec", Files.writeString(directory.resolve(model + ".yaml"), yaml(model)).toString()));
        }
        settings.addAll(List.of("--state-dir", directory.resolve(name).toString(), "--store", "image-and-redo",
                "--redo-seconds", "86400"));
        return TrainerApp.start(TrainerConfig.parse(settings, Map.of()));
    }

    private TrainerApp fatalTrainer() throws IOException {
        return trainer("of-fatal", stack.bootstrapServers(), FATAL_PORT, List.of("fatal"),
                "--registry." + RecordDecoder.DESERIALIZER, FatalDeserializer.class.getName());
    }

    private JoinerApp joiner(String name, String bootstrap, List<String> streams) {
        List<String> settings = settings(bootstrap, 0, "--state-dir", directory.resolve(name).toString());
        streams.forEach(stream -> settings.addAll(List.of("--stream", stream)));
        return JoinerApp.start(JoinerConfig.parse(settings, Map.of()));
    }

    private ConsoleApp console() {
        Settings settings = Settings.read(ConsoleSettings.CONSOLE, CliSettings.ALL,
                settings(stack.bootstrapServers(), 0), Map.of());
        return ConsoleApp.start(ConsoleConfig.of(settings, of -> {
            throw new IllegalArgumentException("this console decides nothing");
        }));
    }

    private ScorerApp scorer(String bootstrap, int port, String model, String... more) {
        List<String> settings = settings(bootstrap, port, more);
        settings.addAll(List.of("--model", model));
        return ScorerApp.start(ScorerConfig.parse(settings, Map.of()), InstantSource.system());
    }

    /// In a process of its own.
    private ChildJvm scorerOfItsOwn() {
        List<String> flags = new ArrayList<>(ChildJvm.TIDEGRAD_FLAGS);
        flags.addAll(List.of("-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dtidegrad.kernels=scalar")); // quick to start
        List<String> command = new ArrayList<>(List.of(ScorerMain.class.getName()));
        command.addAll(settings(stack.bootstrapServers(), KILLED_PORT, "--model", "well"));
        return ChildJvm.run("scorer", flags, command, directory.resolve("killed.out"), directory.resolve("killed.log"));
    }

    private void command(String... words) {
        List<String> command = new ArrayList<>(List.of(words));
        command.addAll(List.of("--bootstrap-servers", stack.bootstrapServers(), "--registry-url", stack.registryUrl(),
                "--prefix", topics.prefix()));
        StringWriter said = new StringWriter();
        assertThat(Tidegrad.commandLine().setOut(new PrintWriter(said)).setErr(new PrintWriter(said))
                .execute(command.toArray(String[]::new))).as("%s", said).isZero();
    }

    private void createStream(String stream) throws IOException {
        Path spec = Files.writeString(directory.resolve(stream + ".yaml"), """
                stream: %s
                events: { topic: %s, key: "@key" }
                labels: { topic: %s, key: "@key", value: over }
                join: { wait: PT2S, missing: 0, window: P7D, duplicates: last }
                """.formatted(stream, stream, labels(stream)));
        command("streams", "create", "--spec", spec.toString());
    }

    /// For these there is no alarm: somebody has decided so.
    void pause() {
        command("models", "pause", "paused");
        command("streams", "pause", "paused-stream");
    }

    /// Whom Prometheus has to scrape, by job.
    Map<String, List<String>> instances() {
        return instances;
    }

    private void write(String topic, long time, byte @Nullable [] key, byte @Nullable [] value) {
        producer.send(new ProducerRecord<>(topic, 0, time, key, value));
    }

    private byte[] encoded(float a, boolean over) {
        GenericData.Record reading = new GenericData.Record(EVENT);
        reading.put("a", a);
        reading.put("over", over ? 1 : 0);
        return codec.encode(event, reading);
    }

    /// What the label of an event is.
    @FunctionalInterface
    private interface Label {
        boolean of(float a);
    }

    private synchronized void send(String topic, int count, Label label) {
        // A mirror keeps the times of what it copies.
        long time = System.currentTimeMillis() - (topic.equals("mirrored") ? TimeUnit.MINUTES.toMillis(5) : 0);
        for (int i = 0; i < count; i++) {
            float a = random.nextInt(1_000) / 1_000f;
            write(topic, time, null, encoded(a, label.of(a)));
        }
        producer.flush();
    }

    void send(String topic, int count) {
        // Else a field that knows the label would be an alarm of its own.
        send(topic, count, topic.equals("changed") ? a -> random.nextFloat() < 0.2f + 0.6f * a : a -> a > 0.5f);
    }

    void sendFlipped(String topic, int count) {
        send(topic, count, a -> a <= 0.5f);
    }

    void sendFalse(String topic, int count) {
        send(topic, count, a -> false);
    }

    void sendShuffled(String topic, int count) {
        send(topic, count, a -> random.nextBoolean());
    }

    /// Somebody changes the unit for a moment. Steps are in proportion to it, and leave every unit's sum below 0.
    void sendInAnotherUnit() {
        for (int i = 0; i < 6; i++) {
            write("dying", System.currentTimeMillis(), null, encoded(10_000, i % 2 == 1));
        }
        again("dying", () -> send("dying", 100));
    }

    void sendBroken(String topic, int count) {
        for (int i = 0; i < count; i++) {
            write(topic, System.currentTimeMillis(), null, new byte[]{1, 2, 3});
        }
        producer.flush();
    }

    private long sent(String topic) {
        TopicPartition partition = new TopicPartition(topic, 0);
        return KafkaTopics.get(admin.listOffsets(Map.of(partition, OffsetSpec.latest())).partitionResult(partition))
                .offset();
    }

    private void again(String name, Runnable send) {
        sending.put(name, Background.start("send-" + name, self -> {
            while (!self.isClosed()) {
                send.run();
                Thread.sleep(EVERY);
            }
        }));
    }

    void endSending(String name) {
        Background background = sending.remove(name);
        if (background != null) {
            background.close();
            background.requireHealthy("send to " + name);
        }
    }

    void sendSomeFlipped() {
        again("bounded", () -> {
            send("bounded", 95);
            sendFlipped("bounded", 5);
        });
    }

    void deleteTopic(String topic) {
        KafkaTopics.get(admin.deleteTopics(List.of(topic)).all());
    }

    private void alter(String topic, String key, String value) {
        KafkaTopics
                .get(admin
                        .incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic),
                                List.of(new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET))))
                        .all());
    }

    /// The third trainer sets the event aside.
    void sendFatalAndRestart() throws Exception {
        write("fatal", System.currentTimeMillis(), null, encoded(FATAL, true));
        for (int life = 0; life < 2; life++) {
            fatal.ended().get(STARTS_WITHIN.toSeconds(), TimeUnit.SECONDS);
            fatal.close();
            fatal = fatalTrainer();
        }
    }

    void shortenRetention() {
        alter("retained", "retention.ms", String.valueOf(TimeUnit.MINUTES.toMillis(30)));
        again("retained", () -> send("retained", 1));
    }

    void lengthenRetention() {
        alter("retained", "retention.ms", "-1");
    }

    void delayTrainer() {
        toDelayed.delay(Duration.ofMillis(500));
        again("delayed", () -> send("delayed", 20));
    }

    void healTrainer() {
        toDelayed.heal();
    }

    void narrowTrainer() {
        toNarrow.limit(BYTES_PER_SECOND);
        send("narrow", BURST);
        again("narrow", () -> send("narrow", MORE));
    }

    void widenTrainer() {
        endSending("narrow");
        toNarrow.heal();
    }

    void narrowJoiner() {
        toJoiner.limit(BYTES_PER_SECOND);
        sendKeyed("narrow-stream", BURST);
        again("narrow-stream", () -> sendKeyed("narrow-stream", MORE));
    }

    void widenJoiner() {
        endSending("narrow-stream");
        toJoiner.heal();
    }

    private synchronized void sendKeyed(String stream, int count) {
        for (int i = 0; i < count; i++) {
            byte[] key = Long.toString(random.nextLong()).getBytes(StandardCharsets.UTF_8);
            write(stream, System.currentTimeMillis(), key, encoded(0.5f, true));
        }
        producer.flush();
    }

    void sendWithoutKey() {
        write("joined", System.currentTimeMillis(), null, encoded(0.5f, true));
    }

    void cutScorer() {
        toScorer.stall(TcpRelay.Direction.RECEIVED);
    }

    void healScorer() {
        toScorer.heal();
    }

    void sendFromTheFuture() {
        write("ahead", System.currentTimeMillis() + 30_000, null, encoded(0.7f, true));
    }

    void publishDamaged() {
        OnlineModel model = OnlineModel.initial(ModelSpec.parse(yaml("ahead"), "test spec"), Kernels.active());
        PublishedSnapshot sound = PublishedSnapshot.of(model, model.weightsHash(), 1_000, 1, 0, false);
        for (SnapshotEntry each : sound.records()) {
            byte[] value = each.value().clone();
            value[value.length / 2] ^= 1;
            producer.send(new ProducerRecord<>(topics.snapshots("ahead"), each.key(), value));
        }
    }

    void decideGarbage() {
        producer.send(
                new ProducerRecord<>(topics.control(), "ahead".getBytes(StandardCharsets.UTF_8), new byte[]{1, 2, 3}));
    }

    void shutLog() throws Exception {
        alter("scored", "max.message.bytes", "10");
        ask();
    }

    void ask() throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> answer =
                    client.send(
                            HttpRequest
                                    .newBuilder(
                                            URI.create("http://" + instance(scorer.port()) + "/v1/models/ahead/score"))
                                    .POST(HttpRequest.BodyPublishers.ofString("{\"a\": 0.5}")).build(),
                            HttpResponse.BodyHandlers.ofString());
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        }
    }

    private static String metrics(ScorerApp of) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(URI.create("http://" + instance(of.port()) + "/metrics")).build(),
                    HttpResponse.BodyHandlers.ofString()).body();
        }
    }

    void requestNothing() {
        producer.send(new ProducerRecord<>(topics.requests(), "k".getBytes(StandardCharsets.UTF_8), null));
    }

    void killScorer() {
        killed.kill();
    }

    @Override
    public void close() {
        List.copyOf(sending.keySet()).forEach(this::endSending);
        // Who closes waits for Kafka.
        opened.stream().filter(each -> each instanceof TcpRelay).forEach(each -> ((TcpRelay) each).heal());
        IllegalStateException failed = new IllegalStateException("can't close what was started");
        for (AutoCloseable each : opened) {
            try {
                each.close();
            } catch (Exception e) {
                failed.addSuppressed(e);
            }
        }
        if (failed.getSuppressed().length > 0) {
            throw failed;
        }
    }

    /// Ours, but it throws what no decoder should at an event whose `a` is below 0.
    public static final class FatalDeserializer implements Deserializer<@Nullable GenericRecord> {
        private final ConfluentAvroDeserializer ours = new ConfluentAvroDeserializer();

        @Override
        public void configure(Map<String, ?> settings, boolean isKey) {
            ours.configure(settings, isKey);
        }

        @Override
        public @Nullable GenericRecord deserialize(String topic, byte @Nullable [] value) {
            GenericRecord event = ours.deserialize(topic, value);
            if (event != null && event.get("a") instanceof Float a && a < 0) {
                throw new StackOverflowError("thrown on purpose");
            }
            return event;
        }

        @Override
        public void close() {
            ours.close();
        }
    }
}
