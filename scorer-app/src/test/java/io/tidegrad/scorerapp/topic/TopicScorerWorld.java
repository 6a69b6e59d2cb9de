package io.tidegrad.scorerapp.topic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.model.feature.Event;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Prediction;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorer.TraceContext;
import io.tidegrad.scorerapp.Documented;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/// Topics of its own, a model that is published to them, somebody who asks, and any number of topic scorers; in the end an
/// account of every request.
final class TopicScorerWorld implements AutoCloseable {
    static final Duration SOON = Duration.ofSeconds(60);

    /// Of a request, and with it of its answer: which one it was.
    static final String NUMBER = "number";

    /// Events that requests ask about, again and again.
    static final long[] EVENTS = LongStream.range(0, 32).toArray();

    static final Schema REQUEST = new Schema.Parser().parse(Documented.block("request-schema"));

    final Topics topics = new Topics("t" + UUID.randomUUID().toString().substring(0, 8));
    final String model = "flights";
    final TestTrainer trainer = TestTrainer.of(model).learn(50);
    final TestPublisher publisher;
    final Map<String, ModelRouter> routers = new HashMap<>();

    /// Versions that have answered, as shadows hear of them, a batch each.
    final List<Predictions> heard = new CopyOnWriteArrayList<>();

    /// The events of these, for another version to score.
    final List<Function<ServedVersion, @Nullable List<Event>>> heardEvents = new CopyOnWriteArrayList<>();

    final KafkaProducer<byte[], byte[]> producer;

    /// Version → the trainer's own answers, known before the version is published.
    final Map<Long, float[]> expected = new ConcurrentHashMap<>();

    private final SchemaRegistry registry =
            SchemaRegistry.connect(RegistrySettings.of(TopicScorerStack.registryUrl()).client());
    private final AvroCodec codec = new AvroCodec(registry);
    private final int schemaId;
    private final List<TopicScorer> topicScorers = new ArrayList<>();
    private final List<String> sent = new ArrayList<>(); // key of each number

    /// @param partitions of the topic of requests
    TopicScorerWorld(int partitions) {
        String kafka = TopicScorerStack.bootstrapServers();
        create(topics.requests(), partitions, Map.of());
        publisher = new TestPublisher(kafka, topics, model).createTopic();
        routers.put(model, follow(model));
        producer = new KafkaProducer<>(Map.of("bootstrap.servers", kafka), new ByteArraySerializer(),
                new ByteArraySerializer());
        schemaId = registry.register(topics.requests() + "-value", REQUEST);
    }

    void create(String topic, int partitions, Map<String, String> settings) {
        try (Admin admin = admin()) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(settings))).all().get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    static Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", TopicScorerStack.bootstrapServers()));
    }

    /// From now on these, and what was allowed before, are all that may be done with what has names beginning so.
    void allow(ResourceType type, String prefix, AclOperation... operations) {
        List<AclBinding> bindings = Arrays.stream(operations)
                .map(operation -> new AclBinding(new ResourcePattern(type, prefix, PatternType.PREFIXED),
                        new AccessControlEntry("User:*", "*", operation, AclPermissionType.ALLOW)))
                .toList();
        try (Admin admin = admin()) {
            admin.createAcls(bindings).all().get();
            await("the broker knows what the controller did").atMost(SOON)
                    .until(() -> admin.describeAcls(AclBindingFilter.ANY).values().get().containsAll(bindings));
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    ModelRouter follow(String name) {
        return ModelRouter.open(ScorerOptions.of(name, Map.of("bootstrap.servers", TopicScorerStack.bootstrapServers()))
                .withPrefix(topics.prefix()));
    }

    Scorer scorer() {
        return router().live();
    }

    ModelRouter router() {
        ModelRouter ours = routers.get(model);
        assertThat(ours).isNotNull();
        return ours;
    }

    /// A version that was not there before, which need not serve yet.
    void publish() {
        trainer.learn(5);
        expected.put(trainer.model().parameters().updates(), trainer.answers(EVENTS));
        publisher.publish(trainer.publishFull());
    }

    TopicScorerWorld published() throws InterruptedException {
        publish();
        assertThat(scorer().awaitReady(SOON)).isTrue();
        return this;
    }

    // ---- topic scorers ----

    /// Kafka's settings in the tests: who is gone is found out soon.
    static final Map<String, String> SHORT = Map.of("session.timeout.ms", "1500", "transaction.timeout.ms", "2000");

    /// Topics of the logs of what is served, by name.
    Map<String, String> logs = Map.of();

    RequestsConfig config(String kafka, Map<String, String> settings) {
        return new RequestsConfig(topics, topics.requests(), topics.predictions(), logs, topics.requestsGroup(),
                new KafkaSettings(kafka, settings), RegistrySettings.of(TopicScorerStack.relayedRegistryUrl()), -1);
    }

    TopicScorer start(RequestsConfig config, TopicClients clients) {
        TopicScorer topicScorer = TopicScorer.start(config, routers, (asked, by, predictions, events, bytes) -> {
            heard.add(predictions);
            heardEvents.add(events);
        }, () -> routers.values().stream().allMatch(each -> each.live().ready()), InstantSource.system(), clients);
        topicScorers.add(topicScorer);
        return topicScorer;
    }

    TopicScorer start() {
        return start(config(TopicScorerStack.bootstrapServers(), SHORT), TopicClients.KAFKA);
    }

    /// Through the network that can be cut.
    TopicScorer startBehindRelay(Map<String, String> settings, TopicClients clients) {
        return start(config(TopicScorerStack.relayedBootstrapServers(), settings), clients);
    }

    void awaitPartitions(TopicScorer topicScorer, int partitions) {
        awaitStatus(topicScorer, status -> status.partitions() == partitions);
    }

    void awaitState(TopicScorer topicScorer, TopicScorerStatus.State state) {
        awaitStatus(topicScorer, status -> status.state() == state);
    }

    void awaitAnswered(TopicScorer topicScorer, long requests) {
        awaitStatus(topicScorer,
                status -> status.predictions().values().stream().mapToLong(Long::longValue).sum() == requests);
    }

    void awaitDeadLetters(TopicScorer topicScorer, long requests) {
        awaitStatus(topicScorer,
                status -> status.deadLetters().values().stream().mapToLong(Long::longValue).sum() == requests);
    }

    void awaitNothingServes() {
        await().atMost(SOON).until(() -> !scorer().ready());
    }

    /// Says what it found instead.
    private static void awaitStatus(TopicScorer topicScorer, Predicate<TopicScorerStatus> wanted) {
        await().atMost(SOON).untilAsserted(() -> assertThat(topicScorer.status()).matches(wanted, "as awaited"));
    }

    // ---- who asks ----

    byte[] value(long event) {
        return codec.encode(schemaId, record(event));
    }

    /// By a schema of its own.
    byte[] encoded(GenericRecord record) {
        Schema schema = record.getSchema();
        return codec.encode(registry.register("other-" + UUID.randomUUID(), schema), record);
    }

    /// Of a value by a schema of its own.
    byte[] header(Schema schema) {
        int id = registry.register("other-" + UUID.randomUUID(), schema);
        return ByteBuffer.allocate(AvroCodec.HEADER_BYTES).put((byte) 0).putInt(id).array();
    }

    static GenericRecord record(long event) {
        GenericRecord record = new GenericData.Record(REQUEST);
        record.put("departed", TestTrainer.event(event).get("departed"));
        record.put("distance", distance(event));
        record.put("origin", TestTrainer.event(event).get("origin"));
        record.put("destination", TestTrainer.event(event).get("destination"));
        return record;
    }

    private static int distance(long event) {
        return TestTrainer.event(event).get("distance") instanceof Number number ? number.intValue() : 0;
    }

    /// A request with the next number, about the event of that number.
    ///
    /// @param partition null for the one of its key
    void ask(String key, @Nullable Integer partition) {
        int number = sent.size();
        sent.add(key);
        ProducerRecord<byte[], byte[]> request =
                new ProducerRecord<>(topics.requests(), partition, bytes(key), value(number % EVENTS.length));
        request.headers().add(NUMBER, bytes(Integer.toString(number)));
        trace(number).writeTo(request.headers());
        producer.send(request);
    }

    /// The trace of the request with that number.
    static TraceContext trace(int number) {
        return new TraceContext("00-%032x-%016x-01".formatted(number + 1, number + 1), "number=" + number);
    }

    void ask(int requests) {
        for (int i = 0; i < requests; i++) {
            ask("key-" + sent.size() % 37, null);
        }
        producer.flush();
    }

    /// Of the only partition, as retention does it.
    void deleteRequestsBefore(long offset) {
        try (Admin admin = admin()) {
            admin.deleteRecords(Map.of(new TopicPartition(topics.requests(), 0), RecordsToDelete.beforeOffset(offset)))
                    .all().get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    // ---- the account ----

    /// Everything that a read_committed reader sees of a topic, when nothing more can become visible: no transaction is
    /// open.
    List<ConsumerRecord<byte[], byte[]>> all(String topic) {
        try (KafkaConsumer<byte[], byte[]> committed = reader("read_committed");
                KafkaConsumer<byte[], byte[]> uncommitted = reader("read_uncommitted")) {
            List<TopicPartition> partitions = committed.partitionsFor(topic).stream()
                    .map(info -> new TopicPartition(topic, info.partition())).toList();
            await().atMost(SOON)
                    .until(() -> committed.endOffsets(partitions).equals(uncommitted.endOffsets(partitions)));
            Map<TopicPartition, Long> ends = committed.endOffsets(partitions);
            committed.assign(partitions);
            committed.seekToBeginning(partitions);
            List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>();
            long deadline = System.nanoTime() + SOON.toNanos();
            while (partitions.stream()
                    .anyMatch(partition -> committed.position(partition) < ends.getOrDefault(partition, 0L))) {
                assertThat(System.nanoTime()).as("time to read " + topic).isLessThan(deadline);
                committed.poll(Duration.ofMillis(100)).forEach(all::add);
            }
            return all;
        }
    }

    private static KafkaConsumer<byte[], byte[]> reader(String isolation) {
        return new KafkaConsumer<>(Map.of("bootstrap.servers", TopicScorerStack.bootstrapServers(), "isolation.level",
                isolation, "fetch.max.wait.ms", 20), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    Prediction prediction(ConsumerRecord<byte[], byte[]> record) {
        return codec.decode(record.value(), Prediction.class);
    }

    static String text(ConsumerRecord<byte[], byte[]> record, String header) {
        Header found = record.headers().lastHeader(header);
        return found == null ? "" : new String(found.value(), StandardCharsets.UTF_8);
    }

    /// Asks once more in every partition and waits until that is answered: then so is, or never will be, what was asked
    /// before.
    void awaitEnd() {
        int partitions = producer.partitionsFor(topics.requests()).size();
        int first = sent.size();
        for (int partition = 0; partition < partitions; partition++) {
            ask("last-" + partition, partition);
        }
        producer.flush();
        await().atMost(SOON).pollInterval(Duration.ofMillis(200)).until(() -> all(topics.predictions()).stream()
                .filter(record -> Integer.parseInt(text(record, NUMBER)) >= first).count() >= partitions);
    }

    /// What is wrong with the answers, when all requests were good ones: nothing, or each fault in words.
    List<String> faults() {
        List<String> faults = new ArrayList<>();
        int[] answers = new int[sent.size()];
        Map<String, Integer> last = new HashMap<>(); // number, by key
        for (ConsumerRecord<byte[], byte[]> record : all(topics.predictions())) {
            int number = Integer.parseInt(text(record, NUMBER));
            answers[number]++;
            Prediction prediction = prediction(record);
            String key = new String(record.key(), StandardCharsets.UTF_8);
            if (!key.equals(sent.get(number)) || !prediction.getRequestId().equals(key)) {
                faults.add(number + " of " + sent.get(number) + " was answered to " + key);
            }
            Integer before = last.put(key, number);
            if (before != null && before > number) {
                faults.add(key + ": " + before + " before " + number);
            }
            float[] told = expected.get(prediction.getVersion());
            float found = prediction.getProbabilities().getFirst();
            if (told == null
                    || Float.floatToRawIntBits(told[number % EVENTS.length]) != Float.floatToRawIntBits(found)) {
                faults.add(number + " by version " + prediction.getVersion() + ": " + found);
            }
        }
        for (ConsumerRecord<byte[], byte[]> letter : all(topics.deadLetters())) {
            faults.add("dead letter: " + text(letter, "tidegrad-detail"));
        }
        for (int number = 0; number < answers.length; number++) {
            if (answers[number] != 1) {
                faults.add(number + " was answered " + answers[number] + " times");
            }
        }
        return faults;
    }

    @Override
    public void close() {
        topicScorers.forEach(TopicScorer::close);
        routers.values().forEach(ModelRouter::close);
        publisher.close();
        producer.close(Duration.ofSeconds(5));
        registry.close();
    }
}
