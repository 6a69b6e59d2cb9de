package io.tidegrad.joiner.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.StreamDecisions;
import io.tidegrad.control.StreamState;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.topology.AlignedClients;
import io.tidegrad.joiner.topology.JoinProgress;
import io.tidegrad.joiner.topology.JoinerTopology;
import io.tidegrad.joiner.verify.Arrival;
import io.tidegrad.joiner.verify.BruteForceJoin.Result;
import io.tidegrad.joiner.verify.PossibleJoins;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.stream.Example.Kind;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.OperationsServer;
import io.tidegrad.process.StopException;
import io.tidegrad.process.TopicWatch;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.lang.reflect.Proxy;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaClientSupplier;
import org.apache.kafka.streams.KafkaStreams;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// A joiner in this process on a real broker and registry. Events lie in six partitions by card, labels in three by another
/// field.
@Execution(ExecutionMode.CONCURRENT)
class JoinerTest {
    /// Generous, because it bounds liveness and not speed.
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    /// Each look reads the examples by a consumer of its own, which takes the processor from the joiner.
    private static final Duration READ_EVERY = Duration.ofMillis(200);

    private static final String SESSION = "--kafka.session.timeout.ms";

    /// Of a joiner that goes without leaving its group: others wait for as long until they take its tasks.
    private static final String SHORT = "2000";

    private static final long START = 1_795_000_000_000L;

    /// Between two events, ms: a joiner that gets no processor for seconds must not read further apart than `align`.
    private static final long APART = 1_000;
    private static final Duration DISORDER = Duration.ofMinutes(1);

    private static final Schema EVENT = new Schema.Parser().parse("""
            {"type": "record", "name": "Payment", "fields": [
              {"name": "id", "type": "string"},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "amount", "type": "double"}]}
            """);
    private static final Schema LABEL = new Schema.Parser().parse("""
            {"type": "record", "name": "Chargeback", "fields": [
              {"name": "id", "type": "string"},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "fraud", "type": "boolean"},
              {"name": "withdrawn", "type": "boolean"},
              {"name": "note", "type": "string"}]}
            """);

    @TempDir
    Path directory;

    private final KafkaProvider kafka = SharedStack.get();
    private final String name = "s" + UUID.randomUUID().toString().substring(0, 8);
    private final String events = "payments-" + name;
    private final String labels = "chargebacks-" + name;
    private final Topics topics = new Topics("t" + name);
    private final Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
    private final SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", kafka.registryUrl()));
    private final AvroCodec codec = new AvroCodec(registry);
    private final KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
            Map.of("bootstrap.servers", kafka.bootstrapServers(), "linger.ms", 5, "max.request.size", 4_000_000),
            new ByteArraySerializer(), new ByteArraySerializer());
    private final Map<String, Map<TopicPartition, List<Arrival>>> sent = new TreeMap<>();
    private final Map<Example.Source, byte[]> values = new HashMap<>();
    private int eventSchema;
    private int labelSchema;

    @BeforeEach
    void create() throws ExecutionException, InterruptedException {
        TopicCreation.create(admin, new NewTopic(events, 6, (short) 1).configs(Map.of("retention.ms", "-1")),
                new NewTopic(labels, 3, (short) 1).configs(Map.of("retention.ms", "-1")));
        eventSchema = registry.register(events + "-value", EVENT);
        labelSchema = registry.register(labels + "-value", LABEL);
    }

    @AfterEach
    void close() {
        producer.close();
        registry.close();
        admin.close();
    }

    private String yaml() {
        return """
                stream: %s
                events: { topic: %s, key: id, event-time: at }
                labels: { topic: %s, key: id, value: fraud, event-time: at, retract: withdrawn }
                weight: amount
                join: { wait: PT30M, missing: 0, window: P1D }
                align: PT10M
                """.formatted(name, events, labels);
    }

    private StreamDecisions streams() {
        return new StreamDecisions(KafkaSettings.of(kafka.bootstrapServers()), topics, admin, (short) -1,
                new Decisions.By("ann@host", "a test"));
    }

    private JoinerConfig config(String... more) {
        Map<String, String> options = new LinkedHashMap<>();
        options.put("--bootstrap-servers", kafka.bootstrapServers());
        options.put("--registry-url", kafka.registryUrl());
        options.put("--prefix", topics.prefix());
        options.put("--stream", name);
        options.put("--http-port", "0");
        options.put("--state-dir", directory.resolve("state").toString());
        for (int i = 0; i < more.length; i += 2) {
            options.put(more[i], more[i + 1]);
        }
        List<String> arguments = new ArrayList<>();
        options.forEach((key, value) -> arguments.addAll(List.of(key, value)));
        return JoinerConfig.parse(arguments, Map.of());
    }

    private void event(String id, long time, double amount) throws ExecutionException, InterruptedException {
        event(events, id, time, amount);
    }

    private void event(String events, String id, long time, double amount)
            throws ExecutionException, InterruptedException {
        byte[] value = eventBytes(id, time, amount);
        byte[] card = ("card-" + id.hashCode() % 50).getBytes(StandardCharsets.UTF_8);
        var at = producer.send(new ProducerRecord<>(events, null, time, card, value)).get();
        values.put(new Example.Source(events, at.partition(), at.offset()), value);
        keep(id, events, at.partition(), new Arrival.OfEvent(id,
                new EventRecord(time, new Position(at.partition(), at.offset()), amount, new Content(value))));
    }

    private void label(String id, long time, boolean fraud, boolean withdrawn)
            throws ExecutionException, InterruptedException {
        label(id, time, fraud, withdrawn, "");
    }

    private void label(String id, long time, boolean fraud, boolean withdrawn, String note)
            throws ExecutionException, InterruptedException {
        byte[] value = labelBytes(id, time, fraud, withdrawn, note);
        var at = producer.send(new ProducerRecord<>(labels, null, time, null, value)).get();
        keep(id, labels, at.partition(), new Arrival.OfLabel(id, new LabelRecord(time,
                new Position(at.partition(), at.offset()), withdrawn ? null : Boolean.toString(fraud), null, value)));
    }

    private void tick(long time) throws ExecutionException, InterruptedException {
        RecordHeader tick = new RecordHeader("tidegrad-tick", Long.toString(time).getBytes(StandardCharsets.UTF_8));
        for (int partition = 0; partition < 6; partition++) {
            producer.send(new ProducerRecord<>(events, partition, time, null, new byte[0], List.of(tick))).get();
        }
    }

    private byte[] eventBytes(String id, long time, double amount) {
        GenericData.Record event = new GenericData.Record(EVENT);
        event.put("id", id);
        event.put("at", time);
        event.put("amount", amount);
        return codec.encode(eventSchema, event);
    }

    private byte[] labelBytes(String id, long time, boolean fraud, boolean withdrawn, String note) {
        GenericData.Record label = new GenericData.Record(LABEL);
        label.put("id", id);
        label.put("at", time);
        label.put("fraud", fraud);
        label.put("withdrawn", withdrawn);
        label.put("note", note);
        return codec.encode(labelSchema, label);
    }

    private void keep(String id, String topic, int partition, Arrival arrival) {
        sent.computeIfAbsent(id, unused -> new LinkedHashMap<>())
                .computeIfAbsent(new TopicPartition(topic, partition), unused -> new ArrayList<>()).add(arrival);
    }

    /// Returns the examples that are committed, in their order; ticks are left out.
    private List<ConsumerRecord<byte[], byte[]>> examples() {
        return examples(1);
    }

    private List<ConsumerRecord<byte[], byte[]>> examples(int epoch) {
        List<ConsumerRecord<byte[], byte[]>> examples = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(Map.of("bootstrap.servers",
                kafka.bootstrapServers(), ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed"),
                new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            TopicPartition partition = new TopicPartition(topics.examples(name, epoch), 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = Objects.requireNonNull(consumer.endOffsets(List.of(partition)).get(partition));
            while (consumer.position(partition) < end) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    if (Example.isIn(record.headers())) {
                        examples.add(record);
                    }
                }
            }
        }
        return examples;
    }

    private static ConditionFactory awaitRead() {
        return await().atMost(PATIENCE).pollInterval(READ_EVERY);
    }

    private static void awaitJoined(JoinerApp joiner) {
        await().atMost(PATIENCE).pollInterval(Duration.ofMillis(100)).until(() -> {
            if (joiner.ended().isDone()) {
                throw joiner.ended().join();
            }
            return joiner.joiners().stream().map(each -> each.progress().seen())
                    .anyMatch(seen -> seen != null && seen.lag() == 0 && seen.mostTime().isPresent());
        });
    }

    /// Events and labels of 50 minutes, out of order, doubled, withdrawn and without one another, are joined while the
    /// joiner is stopped and started, and its tasks move between two.
    @LongProof("six lives of a joiner")
    @Test
    void theExamplesAreWhatTheRecordsMustHaveBecomeAcrossRestartsAndRebalances() throws Exception {
        Random random = new Random(11);
        streams().create(restarted(), null);
        try (JoinerApp first = JoinerApp.start(config("--threads", "2"))) {
            send(random, 0, 1_000);
            awaitJoined(first);
        }
        try (JoinerApp again = JoinerApp.start(config())) {
            try (JoinerApp second =
                    JoinerApp.start(config("--state-dir", directory.resolve("other").toString(), SESSION, SHORT))) {
                await().atMost(PATIENCE).until(() -> second.joiners().stream().anyMatch(StreamJoiner::joins));
                send(random, 1_000, 2_000);
                awaitJoined(second);
            }
            send(random, 2_000, 3_000);
            long end = START + Duration.ofDays(3).toMillis();
            tick(end);
            awaitJoined(again);
            awaitRead().untilAsserted(() -> assertThat(wrong(end)).isEmpty());
        }
    }

    /// With a wait that labels of events long ago come after.
    private StreamSpec restarted() {
        return StreamSpec.parse(yaml().replace("PT30M", "PT20M"), "spec");
    }

    /// A commit finds runs of events in the queue of a task. Had they the offset of their last event there, those before it
    /// would be passed over by the next joiner.
    @LongProof("ten starts of a joiner")
    @Test
    void ofEventsThatBringTheirLabelsEachHasOneExampleThoughEachJoinerEndsAfterItsFirstCommits() throws Exception {
        streams().create(StreamSpec.parse("""
                stream: %s
                events: { topic: %s, event-time: at }
                label: amount
                """.formatted(name, events), "spec"), null);
        int count = 30_000;
        for (int i = 0; i < count; i++) {
            producer.send(new ProducerRecord<>(events, i % 6, START + i, null, eventBytes("tx-" + i, START + i, 1)));
        }
        producer.flush();
        for (int before = 0; before < count; before = examples().size()) {
            AtomicInteger left = new AtomicInteger(3);
            try (JoinerApp joiner = JoinerApp.start(config("--kafka.commit.interval.ms", "10"), null, System::nanoTime,
                    clients("getProducer", config -> ending(config, left)))) {
                awaitRead().until(() -> left.get() <= 0 || examples().size() == count);
                assertThat(examples()).as(joiner.joiners().toString()).hasSizeGreaterThan(before);
            }
        }
        Set<Example.Source> sources = new HashSet<>();
        for (ConsumerRecord<byte[], byte[]> record : examples()) {
            sources.add(Example.read(record.headers()).source());
        }
        assertThat(sources).hasSize(count);
        assertThat(examples()).hasSize(count);
    }

    /// Its thread ends after some commits that wrote something, with what lies in its queues.
    ///
    /// @param left how many
    private static Object ending(Map<String, Object> config, AtomicInteger left) {
        return new KafkaProducer<byte[], byte[]>(config, new ByteArraySerializer(), new ByteArraySerializer()) {
            private boolean hasSent;

            @Override
            public Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> record, Callback callback) {
                hasSent = true;
                return super.send(record, callback);
            }

            @Override
            public void commitTransaction() {
                super.commitTransaction();
                boolean isOfExamples = hasSent;
                hasSent = false;
                if (isOfExamples && left.decrementAndGet() <= 0) {
                    throw new KafkaException("by the test");
                }
            }
        };
    }

    /// Days go through in a second, so that what one transaction writes is hours.
    @LongProof("a backfill from a broker")
    @Test
    void inABackfillEachLabelThatCameInTimeIsReadInTime() throws Exception {
        int count = 6_000;
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String id = "tx-" + i;
            long time = START - Duration.ofMinutes(count - i).toMillis();
            sent.add(producer.send(new ProducerRecord<>(events, null, time, id.getBytes(StandardCharsets.UTF_8),
                    eventBytes(id, time, 1))));
            sent.add(producer.send(new ProducerRecord<>(labels, null, time, null,
                    labelBytes(id, time + 60_000, i % 3 == 0, false, ""))));
        }
        for (Future<RecordMetadata> each : sent) {
            each.get();
        }
        streams().create(StreamSpec.parse(yaml(), "spec"), null);
        try (JoinerApp joiner = JoinerApp.start(config())) {
            awaitJoined(joiner);
        }
        assertThat(kinds()).hasSize(count).containsOnly(Kind.FINAL);
    }

    private List<Kind> kinds() throws ExampleException {
        List<Kind> kinds = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : examples()) {
            kinds.add(Example.read(record.headers()).kind());
        }
        return kinds;
    }

    private void send(Random random, int from, int to) throws ExecutionException, InterruptedException {
        for (int i = from; i < to; i++) {
            long time = START + i * APART + random.nextInt((int) DISORDER.toMillis());
            String id = "tx-" + i;
            switch (random.nextInt(10)) {
                case 0 -> label(id, time - 1_000, random.nextBoolean(), false); // before its event
                case 1 -> label("orphan-" + i, time, true, false);
                default -> {
                }
            }
            event(id, time, 1 + random.nextInt(3));
            if (random.nextInt(100) == 0) {
                event(id, time, 1);
            }
            int about = i - random.nextInt(Math.min(i + 1, 2_000));
            if (random.nextInt(3) == 0) {
                label("tx-" + about, START + i * APART, random.nextBoolean(), random.nextInt(5) == 0);
            }
        }
    }

    /// Returns the ids whose examples can't have become of their records, and how.
    private List<String> wrong(long end) throws ExampleException {
        Map<String, List<Example>> found = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : examples()) {
            Example example = Example.read(record.headers());
            assertThat(record.value()).as(example.toString()).isEqualTo(values.get(example.source()));
            found.computeIfAbsent(new String(record.key(), StandardCharsets.UTF_8), unused -> new ArrayList<>())
                    .add(example);
        }
        assertThat(sent.keySet()).containsAll(found.keySet());
        StreamSpec spec = restarted();
        Duration ahead = spec.align().plus(DISORDER).plusSeconds(1).plus(PATIENCE); // the last: time goes on in a pause
        List<String> wrong = new ArrayList<>();
        sent.forEach((id, partitions) -> {
            List<Example> of = found.getOrDefault(id, List.of());
            PossibleJoins.Possible possible = PossibleJoins.of(spec, id, List.copyOf(partitions.values()), ahead, end);
            if (possible.results().stream().map(Result::examples).noneMatch(of::equals)) {
                wrong.add(id + ": " + of + " of " + partitions.values());
            }
        });
        return wrong;
    }

    @Test
    void whatHasBecomeOfTopicsIsToldAtOnce() throws Exception {
        streams().create(StreamSpec.parse(yaml(), "spec"), null);
        admin.deleteTopics(List.of(labels)).all().get();
        await().atMost(PATIENCE).until(() -> !admin.listTopics().names().get().contains(labels));
        TopicCreation.create(admin, new NewTopic(labels, 5, (short) 1));
        admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, events),
                List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET)))).all()
                .get();
        await("the broker knows what the controller did").atMost(PATIENCE).until(() -> {
            Map<String, KafkaTopics.Found> found =
                    new KafkaTopics(admin, (short) -1).look(Set.of(events, labels), true);
            return found.size() == 2 && Objects.requireNonNull(found.get(labels)).partitions() == 5
                    && Objects.requireNonNull(found.get(events)).retention().millis() == 3_600_000;
        });
        assertThatThrownBy(() -> JoinerApp.start(config())).isInstanceOfSatisfying(StopException.class, refused -> {
            assertThat(refused.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
            assertThat(refused).hasMessageContainingAll("stream " + name + ", epoch 1 can't be joined",
                    "topic " + labels, "created again", "topic " + events, "retention.ms of at least join.window");
        });
    }

    @Test
    void whatIsDecidedIsFollowedWhileTheJoinerRuns() throws Exception {
        JoinerConfig all = JoinerConfig.parse(List.of("--bootstrap-servers", kafka.bootstrapServers(), "--registry-url",
                kafka.registryUrl(), "--prefix", topics.prefix(), "--all-streams", "--http-port", "0", "--state-dir",
                directory.resolve("all").toString()), Map.of());
        try (JoinerApp joiner = JoinerApp.start(all)) {
            assertThat(joiner.joiners()).isEmpty();
            streams().create(StreamSpec.parse(yaml(), "spec"), null);
            await().atMost(PATIENCE).until(() -> joiner.joiners().stream().anyMatch(StreamJoiner::joins));
            StreamJoiner joined = joiner.joiners().getFirst();
            assertThat(joined.alignment().align()).hasMinutes(10);
            streams().create(StreamSpec.parse(yaml().replace("align: PT10M", "align: PT2M"), "spec"), null);
            await().atMost(PATIENCE).until(() -> joined.alignment().align().toMinutes() == 2);
            assertThat(joiner.joiners()).as("it goes on").containsExactly(joined);
            streams().pause(name);
            await().atMost(PATIENCE).until(() -> joiner.joiners().isEmpty());
            streams().create(StreamSpec.parse(yaml().replace("missing: 0", "missing: drop"), "spec"), null);
            streams().resume(name);
            await().atMost(PATIENCE).until(() -> joiner.joiners().size() == 2);
            event("tx", START, 1);
            label("tx", START + 1, true, false);
            for (int epoch = 1; epoch <= 2; epoch++) {
                int of = epoch;
                await("models on the old epoch go on").atMost(PATIENCE).pollInterval(READ_EVERY)
                        .untilAsserted(() -> assertThat(examples(of)).hasSize(1));
            }
            streams().delete(name, OptionalInt.of(1));
            await().atMost(PATIENCE).until(() -> joiner.joiners().size() == 1);
            assertThat(joiner.ended()).isNotDone();
        }
    }

    private static JsonNode health(JoinerApp joiner) throws Exception {
        return new ObjectMapper().readTree(get(joiner, "health"));
    }

    private static String get(JoinerApp joiner, String path) throws Exception {
        return get(joiner.httpPort(), path).body();
    }

    static HttpResponse<String> get(int port, String path) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/" + path)).build(),
                    HttpResponse.BodyHandlers.ofString());
        }
    }

    private static List<String> reasons(JsonNode health) {
        return health.at("/streams").findValuesAsText("reason");
    }

    @Test
    void labelsThatStopComingAreToldInHealth() throws Exception {
        streams().create(StreamSpec.parse(yaml(), "spec"), null);
        AtomicLong passed = new AtomicLong();
        try (JoinerApp joiner =
                JoinerApp.start(config(), null, () -> System.nanoTime() + passed.get(), AlignedClients::new)) {
            await().atMost(PATIENCE).until(
                    () -> joiner.joiners().stream().anyMatch(each -> each.joins() && each.progress().seen() != null));
            for (int i = 0; i < 30; i++) {
                event("tx-" + i, START + i, 1);
                label("tx-" + i, START + i, true, false);
            }
            awaitJoined(joiner);
            await().atMost(PATIENCE).untilAsserted(() -> assertThat(reasons(health(joiner))).isEmpty());
            passed.set(Duration.ofMinutes(20).toNanos());
            await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(reasons(health(joiner))).containsExactly("labels-silent"));
            assertThat(health(joiner).get("status").asText()).isEqualTo("DEGRADED");
            label("tx-1", START + 100, false, false);
            await().atMost(PATIENCE).untilAsserted(() -> assertThat(reasons(health(joiner))).isEmpty());
        }
    }

    /// A client that is closed stands for a Kafka that is away.
    @Test
    void aJoinerThatHearsNothingOfKafkaIsStalledAndKnowsNothingOfItsCredentials() throws Exception {
        StreamState.Epoch epoch =
                Objects.requireNonNull(streams().create(StreamSpec.parse(yaml(), "spec"), null).after().current());
        AtomicLong passed = new AtomicLong();
        AtomicInteger answers = new AtomicInteger();
        AtomicInteger readings = new AtomicInteger();
        Admin own = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
        StreamJoiner.Surroundings surroundings = surroundings(own, () -> {
            readings.incrementAndGet();
            return System.nanoTime() + passed.get();
        }, answers::incrementAndGet, AlignedClients::new);
        StreamSlot slot = slot(epoch, surroundings);
        slot.start();
        StreamJoiner joiner = Objects.requireNonNull(slot.joiner());
        try (OperationsServer server =
                JoinerOperations.start("127.0.0.1", 0, new ServerSecurity(null, null), () -> List.of(slot)).server()) {
            await().atMost(PATIENCE).until(() -> joiner.joins() && answers.get() > 1);
            assertThat(get(server.port(), "health").statusCode()).isEqualTo(200);
            StreamSlot same = slot(epoch, surroundings);
            same.start();
            assertThat(same.failure()).isNotNull().hasMessageContainingAll("state directory", "state-dir")
                    .extracting(StopException::exitCode).isEqualTo(ExitCode.CONFIGURATION);
            own.close();
            awaitReadings(readings, 5);
            int before = answers.get();
            awaitReadings(readings, 30);
            assertThat(answers).hasValue(before);
            passed.set(Duration.ofSeconds(20).toNanos());
            HttpResponse<String> health = get(server.port(), "health");
            assertThat(health.statusCode()).isEqualTo(503);
            assertThat(health.body()).contains("stalled", "Kafka has not answered for");
        } finally {
            slot.end(true);
            own.close();
        }
    }

    /// Until it is RUNNING, a thread may wait for a Kafka that is away, which is no standstill.
    @LongProof("waiting for Kafka's groups")
    @Test
    void aJoinerThatHasNotBegunAsksKafkaToo() throws Exception {
        StreamState.Epoch epoch =
                Objects.requireNonNull(streams().create(StreamSpec.parse(yaml(), "spec"), null).after().current());
        AtomicLong passed = new AtomicLong();
        AtomicInteger readings = new AtomicInteger();
        CountDownLatch goOn = new CountDownLatch(1);
        Admin own = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
        StreamSlot slot = slot(epoch, surroundings(own, () -> {
            readings.incrementAndGet();
            return System.nanoTime() + passed.get();
        }, () -> {
        }, clients("getProducer", config -> beginning(config, goOn))));
        slot.start();
        try {
            StreamJoiner joiner = Objects.requireNonNull(slot.joiner());
            awaitReadings(readings, 12);
            passed.addAndGet(Duration.ofSeconds(20).toNanos());
            await().atMost(PATIENCE).untilAsserted(() -> assertThat(joiner.stalled()).as("Kafka answers").isNull());
            own.close();
            awaitReadings(readings, 12);
            passed.addAndGet(Duration.ofSeconds(20).toNanos());
            awaitReadings(readings, 12);
            assertThat(joiner.state()).isEqualTo(KafkaStreams.State.REBALANCING);
            assertThat(joiner.stalled()).contains("Kafka has not answered for");
        } finally {
            goOn.countDown();
            slot.end(true);
            own.close();
        }
    }

    private StreamJoiner.Surroundings surroundings(Admin own, LongSupplier clock, Runnable answered,
            Function<JoinerTopology.Parts, KafkaClientSupplier> clients) {
        return new StreamJoiner.Surroundings(config(), "joiner-1", own,
                new TopicWatch(new KafkaTopics(own, (short) -1), () -> {
                }), clock, answered, clients);
    }

    private static StreamSlot slot(StreamState.Epoch epoch, StreamJoiner.Surroundings surroundings) {
        return new StreamSlot(epoch, (of, failed) -> StreamJoiner.prepare(of, surroundings, failed), () -> true,
                why -> {
                });
    }

    private static void awaitReadings(AtomicInteger readings, int more) {
        int before = readings.get();
        await().atMost(PATIENCE).until(() -> readings.get() >= before + more);
    }

    @LongProof("records of 2 MB")
    @Test
    void aLabelMayBeLargerThanEvents() throws Exception {
        admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, labels),
                List.of(new AlterConfigOp(new ConfigEntry("max.message.bytes", "3000000"), AlterConfigOp.OpType.SET))))
                .all().get();
        streams().create(StreamSpec.parse(yaml(), "spec"), null);
        label("tx", START, true, false, "x".repeat(2_000_000));
        producer.send(new ProducerRecord<>(labels, 0, START, null, new byte[2_000_000])).get();
        try (JoinerApp joiner = JoinerApp.start(config())) {
            awaitJoined(joiner);
            event("tx", START, 1);
            awaitRead().untilAsserted(() -> assertThat(examples()).hasSize(1));
            assertThat(get(joiner, "metrics"))
                    .contains("tidegrad_joiner_dead_letters_total{epoch=\"1\",reason=\"unknown-schema\",stream=\""
                            + name + "\"} 1.0");
        }
    }

    @Test
    @LongProof("several joiners start")
    void aStreamBeginsAtTheTimeThatItsCreationSays() throws Exception {
        for (int day = 0; day < 3; day++) {
            label("tx-" + day, START + Duration.ofDays(day).toMillis(), true, false);
            event("tx-" + day, START + Duration.ofDays(day).toMillis(), 1);
        }
        streams().create(StreamSpec.parse(yaml(), "spec"), Instant.ofEpochMilli(START + 1));
        try (JoinerApp joiner = JoinerApp.start(config())) {
            awaitJoined(joiner);
            awaitRead().untilAsserted(() -> assertThat(examples()).extracting(each -> new String(each.key()))
                    .containsExactlyInAnyOrder("tx-1", "tx-2"));
        }
    }

    /// The first one stays a member of the group, as one that was killed does. What it remembered is needed: the label of
    /// the event that it took comes when it is gone.
    @LongProof("a session that has to end")
    @Test
    void aJoinerThatIsGoneIsReplacedByTheOneThatKeepsACopyOfItsState() throws Exception {
        streams().create(StreamSpec.parse(yaml(), "spec"), null);
        try (JoinerApp second = JoinerApp.start(config("--standby-replicas", "1"))) {
            try (JoinerApp first = JoinerApp.start(config("--standby-replicas", "1", "--state-dir",
                    directory.resolve("other").toString(), SESSION, SHORT))) {
                await().atMost(PATIENCE)
                        .until(() -> first.joiners().stream().anyMatch(StreamJoiner::joins)
                                && second.joiners().stream().anyMatch(StreamJoiner::joins)
                                && second.joiners().stream().flatMap(each -> each.threads().stream())
                                        .anyMatch(thread -> !thread.standbyTasks().isEmpty()));
                for (int i = 0; i < 50; i++) {
                    event("tx-" + i, START + i, 1);
                }
                awaitJoined(first);
                assertThat(examples()).isEmpty();
            }
            for (int i = 0; i < 25; i++) {
                label("tx-" + i, START + 100, true, false);
            }
            awaitRead().untilAsserted(() -> assertThat(kinds()).hasSize(25).containsOnly(Kind.FINAL));
            tick(START + Duration.ofHours(1).toMillis());
            await("the time index came with the copy").atMost(PATIENCE).pollInterval(READ_EVERY).untilAsserted(
                    () -> assertThat(kinds()).hasSize(50).filteredOn(each -> each == Kind.PROVISIONAL).hasSize(25));
        }
    }

    /// The time index is in no topic: it is made again from what is remembered of the events.
    @LongProof("a joiner that restores")
    @Test
    void anEventThatWaitedWhileTheStateDirectoryWasLostStillGetsItsProvisionalExample() throws Exception {
        streams().create(StreamSpec.parse(yaml(), "spec"), null);
        try (JoinerApp first = JoinerApp.start(config())) {
            for (int i = 0; i < 50; i++) {
                event("tx-" + i, START + i, 1);
            }
            for (int i = 0; i < 25; i++) {
                label("tx-" + i, START + 100, true, false);
            }
            awaitJoined(first);
            awaitRead().untilAsserted(() -> assertThat(kinds()).hasSize(25).containsOnly(Kind.FINAL));
        }
        try (JoinerApp kept = JoinerApp.start(config(SESSION, SHORT))) {
            await().atMost(PATIENCE).until(() -> kept.joiners().stream().anyMatch(StreamJoiner::joins));
            event("tx-kept", START, 1);
            awaitJoined(kept);
        }
        try (JoinerApp lost = JoinerApp.start(config("--state-dir", directory.resolve("empty").toString()))) {
            tick(START + Duration.ofHours(1).toMillis());
            awaitJoined(lost);
            awaitRead().untilAsserted(
                    () -> assertThat(kinds()).hasSize(51).filteredOn(each -> each == Kind.PROVISIONAL).hasSize(26));
        }
    }

    /// What somebody does to the topics of streams that are joined.
    @LongProof("two streams, one of which is broken")
    @Test
    void aStreamWhoseTopicsChangeStopsAloneAndSaysWhy() throws Exception {
        List<String> all = List.of("grown", "again", "short", "state", "whole");
        for (String each : all) {
            TopicCreation.create(admin, new NewTopic(each + name, 1, (short) 1).configs(Map.of("retention.ms", "-1")),
                    new NewTopic("of-" + each + name, 1, (short) 1));
            registry.register(each + name + "-value", EVENT);
            registry.register("of-" + each + name + "-value", LABEL);
            streams().create(StreamSpec.parse(yaml().replace(labels, "of-" + each + name).replace(events, each + name)
                    .replace("stream: " + name, "stream: " + each), "spec"), null);
        }
        List<String> arguments = List.of("--bootstrap-servers", kafka.bootstrapServers(), "--registry-url",
                kafka.registryUrl(), "--prefix", topics.prefix(), "--http-port", "0", "--state-dir",
                directory.resolve("many").toString());
        try (JoinerApp joiner = JoinerApp.start(JoinerConfig.parse(with(arguments, "--all-streams"), Map.of()))) {
            for (String each : all) {
                event(each + name, "tx", START, 1);
            }
            await().atMost(PATIENCE)
                    .until(() -> joiner.joiners().stream()
                            .filter(each -> each.progress().seen() instanceof JoinProgress.Seen seen && seen.lag() == 0
                                    && seen.mostTime().isPresent())
                            .count() == all.size());
            admin.createPartitions(Map.of("grown" + name, NewPartitions.increaseTo(2))).all().get();
            admin.deleteTopics(
                    List.of("of-again" + name, topics.joinerApplicationId("state", 1) + "-entries-changelog")).all()
                    .get();
            admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, "short" + name),
                    List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET))))
                    .all().get();
            await().atMost(PATIENCE).untilAsserted(() -> {
                Map<String, String> told = new TreeMap<>();
                for (JsonNode each : health(joiner).get("streams")) {
                    told.put(each.get("stream").asText(), each.get("state").asText() + " " + each.path("exit_code"));
                }
                assertThat(told).isEqualTo(Map.of("grown", "failed 2", "again", "failed 2", "short", "failed 2",
                        "state", "failed 3", "whole", "joining "));
            });
            assertThat(health(joiner).get("status").asText()).isEqualTo("DEGRADED");
            await("a task tells what waits now and then").atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(get(joiner, "metrics"))
                            .contains("tidegrad_joiner_up{epoch=\"1\",stream=\"short\"} 0.0",
                                    "tidegrad_joiner_up{epoch=\"1\",stream=\"whole\"} 1.0",
                                    "tidegrad_joiner_waiting_since_timestamp_seconds{epoch=\"1\",stream=\"whole\"} "
                                            + START / 1e3,
                                    "tidegrad_joiner_held_records{epoch=\"1\",stream=\"whole\"} 0.0"));
            assertThat(joiner.ended()).isNotDone();
            long before = joiner.joiners().getFirst().counts().events();
            event("whole" + name, "tx-1", START, 1);
            await().atMost(PATIENCE).until(() -> joiner.joiners().getFirst().counts().events() == before + 1);
        }
        try (JoinerApp again = JoinerApp.start(JoinerConfig.parse(with(arguments, "--all-streams"), Map.of()))) {
            await().atMost(PATIENCE).until(() -> again.joiners().stream().anyMatch(StreamJoiner::joins));
            assertThat(again.ended()).as("the first stream by name could not begin").isNotDone();
        }
        assertThatThrownBy(() -> JoinerApp.start(JoinerConfig.parse(with(arguments, "--stream", "state"), Map.of())))
                .isInstanceOfSatisfying(StopException.class,
                        refused -> assertThat(refused.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION))
                .hasMessageContaining("entries-changelog");
    }

    private void assertRefused(String... reason) {
        assertThatThrownBy(() -> JoinerApp.start(config()))
                .isInstanceOfSatisfying(StopException.class,
                        refused -> assertThat(refused.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION))
                .hasMessageContainingAll(reason);
    }

    /// Kafka deletes the offsets of a group that was empty for a week.
    @Test
    void aStreamIsRefusedIfItsOffsetsAreGoneOrLieAfterTheEndOfWhatWasJoined() throws Exception {
        admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, events),
                List.of(new AlterConfigOp(new ConfigEntry("max.message.bytes", "" + Integer.MAX_VALUE),
                        AlterConfigOp.OpType.SET))))
                .all().get();
        streams().create(StreamSpec.parse("""
                stream: %s
                events: { topic: %s, event-time: at }
                label: amount
                """.formatted(name, events), "spec"), null);
        for (int i = 0; i < 3; i++) {
            event("tx-" + i, START + i, 1);
        }
        String group = topics.joinerApplicationId(name, 1);
        try (JoinerApp joiner = JoinerApp.start(config())) {
            awaitRead().untilAsserted(() -> assertThat(examples()).hasSize(3));
            streams().pause(name);
            await().atMost(PATIENCE).until(() -> joiner.joiners().isEmpty());
        }
        streams().resume(name);
        TopicPartition first = new TopicPartition(events, 0);
        await().atMost(PATIENCE).ignoreExceptions().untilAsserted(
                () -> admin.alterConsumerGroupOffsets(group, Map.of(first, new OffsetAndMetadata(1_000))).all().get());
        assertRefused("expected " + first + " to reach offset 1000", "the log lost records");
        admin.deleteConsumerGroups(List.of(group)).all().get();
        assertRefused("expected the group " + group, topics.examples(name, 1), "offsets.retention.minutes",
                "Begin a new epoch");
        assertThat(examples()).hasSize(3);
    }

    @LongProof("topics that have to be deleted")
    @Test
    void aStreamWhoseTopicsOfKafkaStreamsAreAllGoneIsRefused() throws Exception {
        streams().create(StreamSpec.parse(yaml(), "spec"), null);
        event("tx", START, 1);
        try (JoinerApp joiner = JoinerApp.start(config())) {
            awaitJoined(joiner);
        }
        List<String> internal = admin.listTopics().names().get().stream()
                .filter(each -> each.startsWith(topics.joinerApplicationId(name, 1))).sorted().toList();
        assertThat(internal).hasSize(2);
        admin.deleteTopics(internal).all().get();
        await().atMost(PATIENCE).until(() -> admin.listTopics().names().get().stream().noneMatch(internal::contains));
        String group = topics.joinerApplicationId(name, 1);
        await("Kafka has deleted their offsets, too").atMost(PATIENCE)
                .until(() -> admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().keySet()
                        .stream().noneMatch(each -> internal.contains(each.topic())));
        assertRefused(String.join(", ", internal), "that it was deleted");
    }

    /// The transaction's records take the first offset of a partition that has nothing else, its end the second.
    @Test
    void whatATransactionHoldsIsNotLeftToReadWhileItIsOpenNorOnceItIsAborted() throws Exception {
        streams().create(StreamSpec.parse(yaml(), "spec"), null);
        TopicPartition partition = new TopicPartition(events, 0);
        String group = topics.joinerApplicationId(name, 1);
        try (KafkaProducer<byte[], byte[]> transactional =
                new KafkaProducer<>(
                        Map.of("bootstrap.servers", kafka.bootstrapServers(), "transactional.id", name,
                                "transaction.timeout.ms", 600_000),
                        new ByteArraySerializer(), new ByteArraySerializer())) {
            transactional.initTransactions();
            transactional.beginTransaction();
            transactional.send(new ProducerRecord<>(events, 0, null, new byte[0])).get();
            label("tx", START, true, false);
            try (JoinerApp joiner = JoinerApp.start(config())) {
                awaitJoined(joiner);
                transactional.abortTransaction();
                await().atMost(PATIENCE)
                        .until(() -> admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get()
                                .get(partition) instanceof OffsetAndMetadata at && at.offset() == 2);
                awaitJoined(joiner);
            }
        }
    }

    @LongProof("a transaction that times out")
    @Test
    void theLabelInATransactionThatStaysOpenIsNotLate() throws Exception {
        streams().create(StreamSpec.parse(yaml().replace("PT30M", "PT1S"), "spec"), null);
        AtomicLong passed = new AtomicLong();
        try (KafkaProducer<byte[], byte[]> transactional =
                new KafkaProducer<>(
                        Map.of("bootstrap.servers", kafka.bootstrapServers(), "transactional.id", name,
                                "transaction.timeout.ms", 600_000),
                        new ByteArraySerializer(), new ByteArraySerializer());
                JoinerApp joiner =
                        JoinerApp.start(config(), null, () -> System.nanoTime() + passed.get(), AlignedClients::new)) {
            transactional.initTransactions();
            transactional.beginTransaction();
            transactional
                    .send(new ProducerRecord<>(labels, null, START, null, labelBytes("tx", START, true, false, "")))
                    .get();
            event("tx", START, 1);
            awaitJoined(joiner);
            StreamJoiner joined = joiner.joiners().getFirst();
            awaitLooks(joined, 2);
            assertThat(reasons(health(joiner))).isEmpty();
            passed.set(Duration.ofMinutes(5).toNanos());
            await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(reasons(health(joiner))).containsExactly("open-transaction"));
            assertThat(health(joiner).toString()).contains("DEGRADED", "has been open for ", labels + "-");
            awaitLooks(joined, 3);
            assertThat(examples()).as("the label may still come in time").isEmpty();
            transactional.commitTransaction();
            awaitRead().untilAsserted(() -> assertThat(examples()).singleElement()
                    .satisfies(each -> assertThat(Example.read(each.headers()).kind()).isEqualTo(Kind.FINAL)));
            await().atMost(PATIENCE).untilAsserted(() -> assertThat(reasons(health(joiner))).isEmpty());
        }
    }

    private static void awaitLooks(StreamJoiner joiner, int more) {
        for (int i = 0; i < more; i++) {
            JoinProgress.Seen before = joiner.progress().seen();
            await().atMost(PATIENCE).until(() -> joiner.progress().seen() != before);
        }
    }

    /// The usual clients of a joiner, but for those of one kind.
    ///
    /// @param method of `KafkaClientSupplier`
    @SuppressWarnings("unchecked") // a method of a supplier is asked with a map
    private static Function<JoinerTopology.Parts, KafkaClientSupplier> clients(String method,
            Function<Map<String, Object>, Object> client) {
        return parts -> {
            KafkaClientSupplier usual = new AlignedClients(parts);
            return (KafkaClientSupplier) Proxy.newProxyInstance(JoinerTest.class.getClassLoader(),
                    new Class<?>[]{KafkaClientSupplier.class},
                    (proxy, called, arguments) -> called.getName().equals(method)
                            ? client.apply((Map<String, Object>) arguments[0]) : called.invoke(usual, arguments));
        };
    }

    /// Kafka Streams initializes transactions of a task that it was given, before it is RUNNING.
    private static Object beginning(Map<String, Object> config, CountDownLatch goOn) {
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer()) {
            @Override
            public void initTransactions() {
                try {
                    goOn.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                super.initTransactions();
            }
        };
    }

    private void assertTheProcessEnds(JoinerApp joiner, String... said) {
        StopException why = joiner.ended().orTimeout(2 * PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
        assertThat(why.exitCode()).as(why.getMessage()).isEqualTo(ExitCode.RETRYABLE);
        assertThat(why).hasMessageContainingAll(said).hasMessageContainingAll("stream " + name, "start it again")
                .matches(StopException::isOfTheProcess);
    }

    @LongProof("a thread that has to stand still for longer than a minute")
    @Test
    void aJoinerWhoseThreadHangsInARebalanceEndsTheProcess() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        streams().create(StreamSpec.parse(yaml(), "spec"), null);
        try (JoinerApp joiner = JoinerApp.start(config(), null, System::nanoTime,
                clients("getProducer", config -> beginning(config, goOn))); AutoCloseable released = goOn::countDown) {
            assertTheProcessEnds(joiner, "StreamThread-1", "to ask for records at least every 66 s", "REBALANCING");
            assertThat(released).isNotNull();
        }
    }

    /// It ends with the tasks that it gets when another joiner is gone.
    @LongProof("a session that has to end")
    @Test
    void aJoinerWhoseThreadThatRestoresHasEndedEndsTheProcess() {
        AtomicBoolean ends = new AtomicBoolean();
        streams().create(StreamSpec.parse(yaml(), "spec"), null);
        try (JoinerApp joiner = JoinerApp.start(config(), null, System::nanoTime, clients("getRestoreConsumer",
                config -> new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer()) {
                    @Override
                    public void assign(Collection<TopicPartition> partitions) {
                        if (ends.get()) {
                            // Else the wait of a test beside this one takes it for its own.
                            Thread.currentThread().setUncaughtExceptionHandler((thread, thrown) -> {
                            });
                            throw new AssertionError("by the test");
                        }
                        super.assign(partitions);
                    }
                }))) {
            await().atMost(PATIENCE).until(() -> joiner.joiners().stream().anyMatch(StreamJoiner::joins));
            try (JoinerApp other =
                    JoinerApp.start(config("--state-dir", directory.resolve("other").toString(), SESSION, SHORT))) {
                await().atMost(PATIENCE).until(() -> other.joiners().stream().anyMatch(StreamJoiner::joins));
                ends.set(true);
            }
            assertTheProcessEnds(joiner, "StateUpdater-1", "which restores state, found that it has ended");
        }
    }

    @LongProof("waiting for Kafka's groups")
    @Test
    void whatAnotherJoinerOfTheGroupCommitsDoesNotShowWhatThisOneMayDo() throws Exception {
        String one = "one-" + name;
        TopicCreation.create(admin, new NewTopic(one, 1, (short) 1).configs(Map.of("retention.ms", "-1")),
                new NewTopic("of-" + one, 1, (short) 1));
        registry.register(one + "-value", EVENT);
        registry.register("of-" + one + "-value", LABEL);
        // One task.
        streams().create(StreamSpec.parse(
                yaml().replace(labels, "of-" + one).replace(events, one).replace("key: id", "key: \"@key\""), "spec"),
                null);
        try (JoinerApp first = JoinerApp.start(config());
                JoinerApp second = JoinerApp.start(config("--state-dir", directory.resolve("other").toString()))) {
            List<StreamJoiner> both = List.of(first.joiners().getFirst(), second.joiners().getFirst());
            // Kafka Streams may give the task to the second one, which runs a moment before the first one hears of it.
            for (int i = 0; i < 2; i++) {
                await().atMost(PATIENCE)
                        .until(() -> both.stream().allMatch(
                                each -> each.progress().seen() != null && each.state() == KafkaStreams.State.RUNNING)
                                && both.stream().mapToInt(StreamJoiner::tasks).sum() == 1);
                for (StreamJoiner each : both) {
                    awaitLooks(each, 2);
                }
            }
            for (int i = 0; i < 2; i++) {
                long events = i + 1L;
                event(one, "tx-" + i, START + i, 1);
                await().atMost(PATIENCE)
                        .until(() -> both.stream().mapToLong(each -> each.counts().events()).sum() >= events);
                for (StreamJoiner each : both) {
                    awaitLooks(each, 2);
                }
            }
            await().atMost(PATIENCE).until(() -> both.stream().anyMatch(StreamJoiner::hasCommitted));
            assertThat(both).filteredOn(each -> each.counts().events() == 0).as("the task has not moved").hasSize(1)
                    .noneMatch(StreamJoiner::hasCommitted);
        }
    }

    @Test
    @LongProof("several joiners start")
    void anEntryThatCantBeReadIsToldWithWhatToDo() throws Exception {
        streams().create(StreamSpec.parse(yaml(), "spec"), null);
        event("tx", START, 1);
        try (JoinerApp joiner = JoinerApp.start(config())) {
            awaitJoined(joiner);
        }
        String changelog = topics.joinerApplicationId(name, 1) + "-entries-changelog";
        producer.send(new ProducerRecord<>(changelog, 0, new byte[]{'x'}, new byte[]{99, 1, 2})).get();
        try (JoinerApp joiner = JoinerApp.start(config("--state-dir", directory.resolve("empty").toString()))) {
            StopException why = joiner.ended().orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
            assertThat(why.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION);
            assertThat(why).hasMessageContainingAll("stream " + name, changelog, "expected format 1, found 99",
                    "If a newer build wrote it, start that one", "empty state-dir", "begin a new epoch");
        }
    }

    private static List<String> with(List<String> arguments, String... more) {
        List<String> all = new ArrayList<>(arguments);
        all.addAll(List.of(more));
        return all;
    }

    @Test
    void aStreamThatNobodyCreatedIsRefused() {
        assertThatThrownBy(() -> JoinerApp.start(config()))
                .isInstanceOfSatisfying(StopException.class,
                        refused -> assertThat(refused.exitCode()).isEqualTo(ExitCode.CONFIGURATION))
                .hasMessageContaining("stream " + name + ": expected a stream that was created, found none");
    }
}
