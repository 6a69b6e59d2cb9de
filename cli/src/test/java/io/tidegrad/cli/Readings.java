package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.TrainerConfig;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.function.IntFunction;
import java.util.function.LongPredicate;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;

/// A topic of events on the shared stack, models that learn from it, trainers of them, and commands as they are typed.
final class Readings implements AutoCloseable {
    static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final Schema EVENT = new Schema.Parser().parse("""
                            {"type": "record", "name": "Reading", "fields": [
                              {"name": "a", "type": "float"}, {"name": "over", "type": "int"}]}
                            """);

    final String id;
    final String topic;
    final String bootstrap;
    final TopicPartition partition;
    private final String registryUrl;
    private final Admin admin;
    private final SchemaRegistry registry;
    private StringWriter out = new StringWriter();
    private StringWriter err = new StringWriter();

    Readings() {
        this(SharedStack.get());
    }

    /// On a stack of its own.
    Readings(KafkaProvider stack) {
        this(UUID.randomUUID().toString().substring(0, 8), stack);
        TopicCreation.create(admin, new NewTopic(topic, 1, (short) 1));
    }

    /// The topic that another one with this id has made.
    Readings(String id, KafkaProvider stack) {
        this.id = id;
        bootstrap = stack.bootstrapServers();
        registryUrl = stack.registryUrl();
        topic = "readings-" + id;
        partition = new TopicPartition(topic, 0);
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        registry = SchemaRegistry.connect(Map.of("schema.registry.url", registryUrl));
    }

    /// The topic of the same name on another stack, which something else makes and fills.
    Readings on(KafkaProvider stack) {
        return new Readings(id, stack);
    }

    private static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    /// What a feature reads.
    static float a(int i) {
        return (i % 7) / 7f;
    }

    void send(int events) {
        send(events, i -> null);
    }

    /// Sends one event a second, from a time on.
    void send(int events, Instant from) {
        send(events, i -> from.plusSeconds(i).toEpochMilli());
    }

    private void send(int events, IntFunction<@Nullable Long> times) {
        try (KafkaProducer<byte[], byte[]> producer = producer(Map.of())) {
            send(producer, events, times);
        }
    }

    /// Sends events with a key of their own each, so that none is like another.
    void sendKeyed(int from, int to) {
        int schema = registry.register(topic + "-value", EVENT);
        AvroCodec codec = new AvroCodec(registry);
        try (KafkaProducer<byte[], byte[]> producer = producer(Map.of())) {
            for (int i = from; i < to; i++) {
                producer.send(new ProducerRecord<>(topic, 0, ("key " + i).getBytes(StandardCharsets.UTF_8),
                        codec.encode(schema, event(i))));
            }
        }
    }

    private static GenericData.Record event(int i) {
        GenericData.Record event = new GenericData.Record(EVENT);
        event.put("a", a(i));
        event.put("over", i % 7 > 3 ? 1 : 0);
        return event;
    }

    /// In a transaction that is aborted: nobody who reads what was committed sees them.
    void sendAborted(int events) {
        try (KafkaProducer<byte[], byte[]> producer = producer(Map.of("transactional.id", "aborts-" + id))) {
            producer.initTransactions();
            producer.beginTransaction();
            send(producer, events, i -> null);
            producer.flush();
            producer.abortTransaction();
        }
    }

    private KafkaProducer<byte[], byte[]> producer(Map<String, Object> more) {
        Map<String, Object> settings = new HashMap<>(more);
        settings.put("bootstrap.servers", bootstrap);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private void send(KafkaProducer<byte[], byte[]> producer, int events, IntFunction<@Nullable Long> times) {
        int schema = registry.register(topic + "-value", EVENT);
        AvroCodec codec = new AvroCodec(registry);
        for (int i = 0; i < events; i++) {
            producer.send(new ProducerRecord<>(topic, 0, times.apply(i), null, codec.encode(schema, event(i))));
        }
    }

    /// Something that is no event.
    void sendBroken(int events) {
        send(Collections.nCopies(events, new byte[]{1, 2, 3}));
    }

    void send(List<byte[]> values) {
        try (KafkaProducer<byte[], byte[]> producer = producer(Map.of())) {
            values.forEach(value -> producer.send(new ProducerRecord<>(topic, 0, null, value)));
        }
    }

    /// Deletes the topic and creates it again, empty.
    void createAgain() {
        get(admin.deleteTopics(List.of(topic)).all());
        Awaitility.await().atMost(PATIENCE).ignoreExceptions() // a deletion takes a moment
                .untilAsserted(() -> TopicCreation.create(admin, new NewTopic(topic, 1, (short) 1)));
    }

    long end() {
        return get(admin.listOffsets(Map.of(partition, OffsetSpec.latest())).partitionResult(partition)).offset();
    }

    /// Returns the newest timestamp of an event.
    Instant newestTime() {
        return Instant.ofEpochMilli(
                get(admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).partitionResult(partition))
                        .timestamp());
    }

    Set<String> topics() {
        return get(admin.listTopics().names());
    }

    Path spec(Path directory, String model) {
        return spec(directory, model, 4);
    }

    /// @param hidden size of its hidden layer
    Path spec(Path directory, String model, int hidden) {
        return spec(directory, model, hidden, "adam: { rate: 0.01 }");
    }

    Path spec(Path directory, String model, int hidden, String optimizer) {
        try {
            return Files.writeString(directory.resolve(model + ".yaml"), """
                    model: %s
                    input: { topic: %s }
                    label: { field: over }
                    features: [ number: { field: a, scale: standard } ]
                    network: [ dense: %d, relu, dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { %s }
                    publish: { every: PT0.2S }
                    """.formatted(model, topic, hidden, optimizer));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Scorer scorer(String prefix, String model) {
        return Scorer.open(ScorerOptions.of(model, Map.of("bootstrap.servers", bootstrap)).withPrefix(prefix));
    }

    static void awaitServed(Scorer scorer, int epoch, long version) {
        Awaitility.await().atMost(PATIENCE.multipliedBy(3)).untilAsserted(() -> {
            ServedVersion served = scorer.current();
            assertThat(served == null ? "none" : served.epoch() + "." + served.version()).as("%s", scorer.status())
                    .isEqualTo(epoch + "." + version);
        });
    }

    /// Returns the bits of the answers to every event there is.
    static List<Integer> answers(Scorer scorer) {
        return IntStream.range(0, 7)
                .mapToObj(i -> Float.floatToRawIntBits(scorer.score(Map.of("a", a(i))).probabilities()[0])).toList();
    }

    private List<String> cluster(String prefix) {
        return List.of("--bootstrap-servers", bootstrap, "--registry-url", registryUrl, "--prefix", prefix);
    }

    /// With the prefix `p` and the id.
    TrainerApp trainer(Path state, String... more) {
        return trainerOf("p" + id, state, more);
    }

    TrainerApp trainerOf(String prefix, Path state, String... more) {
        List<String> arguments = new ArrayList<>(cluster(prefix));
        arguments.addAll(List.of("--http-port", "0"));
        if (!List.of(more).contains("--keep-snapshots")) {
            arguments.addAll(List.of("--keep-snapshots", "1000"));
        }
        arguments.addAll(List.of("--state-dir", state.resolve("s").toString()));
        arguments.addAll(List.of(more));
        return TrainerApp.start(TrainerConfig.parse(arguments, Map.of()));
    }

    static CommittedState awaitLearned(TrainerApp trainer, String model, int epoch, long nextOffset) {
        return awaitLearned(trainer, model, epoch, at -> at.nextOffset() == nextOffset);
    }

    static CommittedState awaitLearned(TrainerApp trainer, String model, int epoch, Predicate<CommittedState> far) {
        return awaitCommitted(trainer, model, epoch, at -> far.test(at) && at.settled());
    }

    /// Also what is not published yet.
    static CommittedState awaitCommitted(TrainerApp trainer, String model, int epoch, Predicate<CommittedState> far) {
        return Awaitility.await().atMost(PATIENCE)
                .until(() -> trainer.models().stream()
                        .filter(each -> each.lineage().model().equals(model) && each.lineage().epoch() == epoch)
                        .map(each -> each.committed()).filter(at -> at != null && far.test(at)).findFirst(),
                        Optional::isPresent)
                .orElseThrow();
    }

    int models(String prefix, String... words) {
        List<String> arguments = new ArrayList<>(List.of("models"));
        arguments.addAll(List.of(words));
        return run(prefix, arguments);
    }

    /// Status as typed; `out` and `err` are what it printed.
    int run(String prefix, List<String> words) {
        out = new StringWriter();
        err = new StringWriter();
        List<String> arguments = new ArrayList<>(words);
        arguments.addAll(cluster(prefix));
        return Tidegrad.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(arguments.toArray(String[]::new));
    }

    String out() {
        return out.toString();
    }

    String err() {
        return err.toString();
    }

    JsonNode json() {
        try {
            return new ObjectMapper().readTree(out());
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// What the events at these offsets make of a spec, in one process that knows neither trainer nor store.
    OnlineModel fold(Path spec, LongPredicate offsets) {
        return fold(spec, committed(partition).stream().filter(each -> offsets.test(each.offset())).toList());
    }

    /// What these records make of a spec, likewise.
    OnlineModel fold(Path spec, List<ConsumerRecord<byte[], byte[]>> records) {
        ModelSpec parsed;
        try {
            parsed = ModelSpec.parse(Files.readString(spec), "test spec");
            if (parsed.input().stream() != null) {
                parsed = parsed.onTopic(records.getFirst().topic());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        OnlineModel model = OnlineModel.initial(parsed, Kernels.active());
        foldOn(model, records);
        return model;
    }

    /// Lets a model learn these records, too.
    void foldOn(OnlineModel model, List<ConsumerRecord<byte[], byte[]>> records) {
        EventFold fold = new EventFold(model.spec(), model, ValueDecoder.avro(model.spec(), new AvroCodec(registry)));
        records.forEach(record -> fold.fold(record.value(), record.headers()));
    }

    /// Returns the records of a partition that are there and committed now.
    List<ConsumerRecord<byte[], byte[]>> committed(TopicPartition partition) {
        return committed(Map.of("bootstrap.servers", bootstrap), partition);
    }

    /// @param kafka settings of a client
    static List<ConsumerRecord<byte[], byte[]>> committed(Map<String, Object> kafka, TopicPartition partition) {
        Map<String, Object> settings = new HashMap<>(kafka);
        settings.put("isolation.level", "read_committed");
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = consumer.endOffsets(List.of(partition)).getOrDefault(partition, 0L);
            while (consumer.position(partition) < end) {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
            }
        }
        return records;
    }

    @Override
    public void close() {
        registry.close();
        admin.close();
    }
}
