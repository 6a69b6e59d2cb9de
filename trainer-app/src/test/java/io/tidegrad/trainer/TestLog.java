package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.control.ControlException;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.function.LongPredicate;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;

/// One model's log on a real broker, with topics of its own, and the oracle: a fold of the visible records in this
/// process, which knows nothing of changelogs, groups or transactions.
public final class TestLog implements AutoCloseable {
    public static final Schema EVENT = new Schema.Parser().parse("""
                            {"type": "record", "name": "Reading", "fields": [
                              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                              {"name": "place", "type": "string"},
                              {"name": "a", "type": "float"},
                              {"name": "b", "type": "float"},
                              {"name": "over", "type": "int"}]}
                            """);

    /// 2020-01-01T00:00:00Z: event time of the fixed stream's first event; a second lies between two.
    public static final long START = 1_577_836_800_000L;

    /// About 15 pages with Adam's state: small enough to restart often, large enough to be torn.
    private static final String SPEC = """
            model: MODEL
            input: { topic: TOPIC, event-time: at }
            label: { field: over }
            features:
              - number: { field: a, scale: standard }
              - number: { field: b }
              - category: { field: place, buckets: BUCKETS, dimension: DIMENSION }
            network: [ dense: 8, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            mini-batch: { size: BATCH }
            publish: { every: EVERY }
            seed: 7
            """;

    public final KafkaProvider kafka = SharedStack.get();
    public final String registryUrl;
    public final String prefix;
    public final String topic;
    public final Path directory;
    public final SchemaRegistry registry;
    public final Admin admin;
    private final KafkaProducer<byte[], byte[]> producer;
    private final AvroCodec codec;
    private final int schemaId;
    private final ModelSpec spec;

    public TestLog(Path directory, int miniBatch) {
        this(directory, miniBatch, SharedStack.get().registryUrl());
    }

    /// With a registry of its own.
    TestLog(Path directory, int miniBatch, String registryUrl) {
        this(directory, miniBatch, registryUrl, "");
    }

    /// With more keys in the spec.
    TestLog(Path directory, int miniBatch, String registryUrl, String moreKeys) {
        this(directory, "" + miniBatch, registryUrl, moreKeys);
    }

    /// @param miniBatch its size, and more of its keys: `8, window: PT20S`
    TestLog(Path directory, String miniBatch, String registryUrl, String moreKeys) {
        this(directory, miniBatch, registryUrl, moreKeys, 2_048, 4, "PT0.2S");
    }

    /// With another table, (buckets, dimension): the model's size. And snapshots so far apart.
    TestLog(Path directory, String miniBatch, String registryUrl, String moreKeys, int buckets, int dimension,
            String publishEvery) {
        String id = UUID.randomUUID().toString().substring(0, 8);
        this.directory = directory;
        this.registryUrl = registryUrl;
        prefix = "t" + id;
        topic = "readings-" + id;
        spec = ModelSpec.parse((SPEC + moreKeys).replace("MODEL", "m" + id).replace("TOPIC", topic)
                .replace("BATCH", miniBatch).replace("BUCKETS", "" + buckets).replace("DIMENSION", "" + dimension)
                .replace("EVERY", publishEvery), "test spec");
        registry = SchemaRegistry.connect(Map.of("schema.registry.url", registryUrl));
        codec = new AvroCodec(registry);
        schemaId = registry.register(topic + "-value", EVENT);
        admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
        producer = producer(Map.of());
    }

    public TestLog created() {
        return created(1, Map.of());
    }

    public TestLog created(int partitions, Map<String, String> settings) {
        TopicCreation.create(admin, new NewTopic(topic, partitions, (short) 1).configs(settings));
        return this;
    }

    public KafkaProducer<byte[], byte[]> producer(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.put("bootstrap.servers", kafka.bootstrapServers());
        all.put("linger.ms", 5);
        return new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
    }

    public ModelSpec spec() {
        return spec;
    }

    public String model() {
        return spec.model();
    }

    public Topics topics() {
        return new Topics(prefix);
    }

    public String group() {
        return topics().applicationId(model(), 1);
    }

    public TopicPartition partition() {
        return new TopicPartition(topic, 0);
    }

    public Path specFile() {
        return write("spec.yaml", spec.yaml());
    }

    public Path write(String name, String text) {
        try {
            return Files.writeString(directory.resolve(name), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// @param more option, value, …; in place of the defaults where they name the same
    /// Returns how many threads of this JVM share steps, without those that learn.
    public static long workers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("tidegrad-worker-")).count();
    }

    public TrainerConfig config(String... more) {
        return TrainerConfig.parse(arguments(more), Map.of());
    }

    public List<String> arguments(String... more) {
        Map<String, String> options = new LinkedHashMap<>();
        options.put("--bootstrap-servers", kafka.bootstrapServers());
        options.put("--registry-url", registryUrl);
        options.put("--prefix", prefix);
        options.put("--spec", specFile().toString());
        options.put("--http-port", "0");
        options.put("--state-dir", directory.resolve("state").toString());
        for (int i = 0; i < more.length; i += 2) {
            options.put(more[i], more[i + 1]);
        }
        List<String> arguments = new ArrayList<>();
        options.forEach((name, value) -> {
            arguments.add(name);
            arguments.add(value);
        });
        return arguments;
    }

    // ---- events ----

    /// Event number `index` of a fixed stream, with something to learn in it.
    public byte[] event(int index) {
        SplittableRandom random = new SplittableRandom(index);
        int place = random.nextInt(3_000);
        float a = (float) random.nextDouble(-1, 1);
        float b = (float) random.nextDouble(-1, 1);
        boolean over = a * b + (place % 7) * 0.2 > 0.6;
        return encode(START + index * 1_000L, "p" + place, a, b, over ? 1 : 0);
    }

    public byte[] encode(String place, float a, float b, int over) {
        return encode(START, place, a, b, over);
    }

    public byte[] encode(long at, String place, float a, float b, int over) {
        GenericData.Record event = new GenericData.Record(EVENT);
        event.put("at", at);
        event.put("place", place);
        event.put("a", a);
        event.put("b", b);
        event.put("over", over);
        return codec.encode(schemaId, event);
    }

    public ProducerRecord<byte[], byte[]> event(byte @Nullable [] value) {
        return new ProducerRecord<>(topic, 0, null, value);
    }

    public ProducerRecord<byte[], byte[]> tick() {
        ProducerRecord<byte[], byte[]> tick = event((byte[]) null);
        tick.headers().add(Tick.HEADER, new byte[0]);
        return tick;
    }

    public void send(int from, int to) {
        for (int i = from; i < to; i++) {
            producer.send(event(event(i)));
        }
        producer.flush();
    }

    public void send(ProducerRecord<byte[], byte[]> record) {
        send(List.of(record));
    }

    /// All of them, and then waits for the broker once.
    void send(List<ProducerRecord<byte[], byte[]>> records) {
        records.forEach(producer::send);
        producer.flush();
    }

    // ---- what the topics say ----

    /// What was written before this call and is committed. It waits for transactions' ends: one that is committed comes to
    /// its topics a little later.
    public List<ConsumerRecord<byte[], byte[]>> visible(String topic) {
        long written = end(topic, IsolationLevel.READ_UNCOMMITTED);
        org.awaitility.Awaitility.await().atMost(TrainerFixture.PATIENCE).pollDelay(Duration.ZERO)
                .until(() -> end(topic, IsolationLevel.READ_COMMITTED) >= written);
        return records(topic, "read_committed");
    }

    private long end(String topic, IsolationLevel isolation) {
        TopicPartition partition = new TopicPartition(topic, 0);
        return await(admin.listOffsets(Map.of(partition, OffsetSpec.latest()), new ListOffsetsOptions(isolation))
                .partitionResult(partition)).offset();
    }

    public List<ConsumerRecord<byte[], byte[]>> records(String topic, String isolation) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        Map<String, Object> settings = Map.of("bootstrap.servers", kafka.bootstrapServers(), "isolation.level",
                isolation, "auto.offset.reset", "earliest", "enable.auto.commit", false);
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            long end = ReadCommitted.end(consumer, partition);
            while (consumer.position(partition) < end) {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
            }
        }
        return records;
    }

    /// The newest value of each key of a compacted topic, tombstones left out, oldest key first.
    public Map<SnapshotKey, byte[]> live(List<ConsumerRecord<byte[], byte[]>> snapshots) {
        Map<SnapshotKey, byte[]> live = new LinkedHashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : snapshots) {
            SnapshotKey key = SnapshotKey.decode(record.key());
            if (record.value() == null) {
                live.remove(key);
            } else {
                live.put(key, record.value());
            }
        }
        return live;
    }

    /// Manifests of snapshots that are not buried.
    public List<SnapshotManifest> manifests(List<ConsumerRecord<byte[], byte[]>> snapshots) {
        return live(snapshots).entrySet().stream().filter(entry -> entry.getKey().kind() == SnapshotKey.Kind.MANIFEST)
                .map(entry -> SnapshotManifest.decode(entry.getValue())).toList();
    }

    public List<Heartbeat> heartbeats() {
        return visible(topics().snapshots(model())).stream()
                .filter(record -> SnapshotKey.decode(record.key()).kind() == SnapshotKey.Kind.HEARTBEAT)
                .map(record -> Heartbeat.decode(record.value())).toList();
    }

    /// What the visible records make of a model, in one process that never fails.
    public Fold fold() {
        return fold(offset -> true);
    }

    /// The same as if only the records at these offsets had been there.
    public Fold fold(LongPredicate offsets) {
        return fold(visible(topic), offsets);
    }

    /// By another spec, of the whole log.
    Fold fold(ModelSpec spec) {
        return fold(spec, visible(topic), offset -> true);
    }

    /// The same of records that were read before.
    public Fold fold(List<ConsumerRecord<byte[], byte[]>> visible, LongPredicate offsets) {
        return fold(spec, visible, offsets);
    }

    /// The same by another spec.
    Fold fold(ModelSpec spec, List<ConsumerRecord<byte[], byte[]>> visible, LongPredicate offsets) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        EventFold fold = new EventFold(spec, model, ValueDecoder.avro(spec, new AvroCodec(registry)));
        List<Long> rejected = new ArrayList<>();
        long ticks = 0;
        long next = 0;
        List<ConsumerRecord<byte[], byte[]>> records =
                visible.stream().filter(record -> offsets.test(record.offset())).toList();
        for (ConsumerRecord<byte[], byte[]> record : records) {
            switch (fold.fold(record.value(), record.headers())) {
                case EventFold.Outcome.Accepted() -> {
                }
                case EventFold.Outcome.Ticked() -> ticks++;
                case EventFold.Outcome.Rejected(var rejection, var id) -> rejected.add(record.offset());
            }
            next = record.offset() + 1;
        }
        return new Fold(records.size(), next, model.parameters().examples(), model.pending(), ticks, rejected,
                model.weightsHash(), model.stateHash(), restarts(model));
    }

    public record Fold(long visible, long nextOffset, long learned, int pending, long ticks, List<Long> rejected,
            String weightsHash, String stateHash, long restarts) {
    }

    /// How often the member of `recipe: auto` started again; 0 in another network.
    private static long restarts(OnlineModel model) {
        double[] mixture = model.parameters().plan().tensors().stream().map(Tensor::name).filter("2.weights"::equals)
                .findFirst().map(model.parameters()::statistics).orElse(new double[2]);
        return (long) mixture[mixture.length - 2];
    }

    /// Offsets of dead letters of this log, in their order on the topic.
    public List<Long> deadLetterOffsets() {
        return visible(topics().deadLetters()).stream().map(r -> Long.parseLong(header(r, "tidegrad-offset"))).toList();
    }

    public static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        var header = record.headers().lastHeader(name);
        return header == null ? "" : new String(header.value(), StandardCharsets.UTF_8);
    }

    /// Takes the group's members away, as it does itself once their sessions time out: a trainer does not leave when it
    /// stops, so that it gets its task back when it starts again. The time-out may come first, and Kafka's client fails if
    /// there is nobody to remove.
    void endSessions() {
        org.awaitility.Awaitility.await().atMost(TrainerFixture.PATIENCE).ignoreExceptions().until(() -> {
            boolean empty = isEmpty();
            if (!empty) {
                await(admin.removeMembersFromConsumerGroup(group(), new RemoveMembersFromConsumerGroupOptions()).all());
            }
            return empty;
        });
    }

    private boolean isEmpty() {
        return await(admin.describeConsumerGroups(List.of(group())).all()).values().stream()
                .allMatch(group -> group.members().isEmpty());
    }

    static <T> T await(org.apache.kafka.common.KafkaFuture<T> future) {
        try {
            return future.get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        producer.close();
        admin.close();
        registry.close();
    }

    /// A good event by a schema that no trainer has seen: one field more.
    byte[] byANewSchema() {
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", registryUrl))) {
            Schema more = new Schema.Parser().parse(EVENT.toString().replace("\"fields\":[",
                    "\"fields\":[{\"name\":\"more\",\"type\":\"int\",\"default\":0},"));
            int id = registry.register(topic + "-value", more);
            GenericData.Record event = new GenericData.Record(more);
            event.put("more", 1);
            event.put("at", START);
            event.put("place", "p1");
            event.put("a", 0.5f);
            event.put("b", 0.5f);
            event.put("over", 1);
            return new AvroCodec(registry).encode(id, event);
        }
    }

    /// Whatever says no, an app ends with this code and tells this.
    static void refused(ThrowingCallable run, ExitCode code, String... words) {
        assertThatThrownBy(run).isInstanceOfAny(StopException.class, ControlException.class).satisfies(thrown -> {
            StopException refusal = StopException.from(thrown);
            assertThat(refusal.exitCode()).isEqualTo(code);
            assertThat(refusal.getMessage()).contains(words);
        });
    }
}
