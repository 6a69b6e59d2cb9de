package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.joiner.join.EventRecord.CarriedHeader;
import io.tidegrad.joiner.topology.JoinInputs.Keyed;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.proof.LongProof;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.KafkaClientSupplier;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The topology on a real broker, with one thread. Events lie in partitions 0 and 1 of six, labels in one.
@LongProof("Kafka Streams has to start, and a group to begin again")
class PackedInputsTest {
    private static final int EVENTS = 2_000;
    private static final int TICK_AT = 1_000;
    private static final int PARTITIONS = 6;
    private static final long NOW = 1_795_000_000_000L;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    Path directory;

    private final KafkaProvider kafka = SharedStack.get();
    private final String name = "packed-" + UUID.randomUUID().toString().substring(0, 8);
    private final String events = name + "-events";
    private final String labels = name + "-labels";
    private final String examples = name + "-examples";
    private final String byKey = name + "-by-key-repartition";
    private final Map<String, Object> client = Map.of("bootstrap.servers", kafka.bootstrapServers());
    private final Admin admin = Admin.create(client);
    private final StreamSpec spec = StreamSpec.parse("""
            stream: payments
            events: { topic: %s, key: id, event-time: time, format: json }
            labels: { topic: %s, key: id, value: fraud, event-time: time, format: json }
            join: { wait: P1D, missing: 0, window: P30D }
            align: P30D
            """.formatted(events, labels), "spec");
    private final Alignment alignment = new Alignment(spec.align());

    /// The producer that writes a record of the repartition topic as the one of this number is fenced.
    private int fencedAt = Integer.MAX_VALUE;

    private final AtomicInteger fenced = new AtomicInteger();

    @BeforeEach
    void create() throws Exception {
        admin.createTopics(List.of(new NewTopic(events, PARTITIONS, (short) 1).configs(Map.of("retention.ms", "-1")),
                new NewTopic(labels, 1, (short) 1).configs(Map.of("retention.ms", "-1")),
                new NewTopic(examples, 1, (short) 1).configs(Map.of("retention.ms", "-1")),
                new NewTopic(name + "-dead-letters", 1, (short) 1))).all().get();
        Map<String, Object> inOrder = new HashMap<>(client);
        inOrder.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, 1); // a new topic may refuse the first request
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(inOrder, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = 0; i < EVENTS; i++) {
                if (i == TICK_AT) {
                    producer.send(new ProducerRecord<>(events, 0, NOW, null, null,
                            List.of(new RecordHeader(Tick.HEADER, Tick.headerValue(time(i))))));
                }
                producer.send(new ProducerRecord<>(events, i % 2, NOW, null,
                        TextEvents.bytes("id=tx-" + i + " time=" + time(i)),
                        List.of(new RecordHeader("tidegrad-served-model", bytes("model-" + i)))));
                producer.send(new ProducerRecord<>(labels, 0, NOW, null,
                        TextEvents.bytes("id=tx-" + i + " fraud=1 time=" + time(i))));
            }
        }
        Map<TopicPartition, OffsetAndMetadata> begin = new HashMap<>();
        begin.put(new TopicPartition(labels, 0), new OffsetAndMetadata(0));
        for (int i = 0; i < PARTITIONS; i++) {
            begin.put(new TopicPartition(events, i), new OffsetAndMetadata(0));
        }
        // Only now: a broker that has stored records knows their topics, which one that was just told of them may not.
        admin.alterConsumerGroupOffsets(name, begin).all().get();
    }

    private static long time(int event) {
        return NOW - 100_000_000 + event;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @AfterEach
    void close() {
        admin.close();
    }

    /// A producer that Kafka takes for a zombie from one record on.
    private final class Fenced extends KafkaProducer<byte[], byte[]> {
        private boolean isFenced;

        Fenced(Map<String, Object> config) {
            super(config, new ByteArraySerializer(), new ByteArraySerializer());
        }

        @Override
        public Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> record, Callback callback) {
            isFenced |= record.topic().equals(byKey) && fenced.incrementAndGet() == fencedAt;
            if (isFenced) {
                throw new KafkaException(new ProducerFencedException("by the test"));
            }
            return super.send(record, callback);
        }
    }

    private KafkaClientSupplier clients(JoinerTopology.Parts parts) {
        AlignedClients aligned = new AlignedClients(parts);
        return new KafkaClientSupplier() {
            @Override
            public Admin getAdmin(Map<String, Object> config) {
                return aligned.getAdmin(config);
            }

            @Override
            public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
                return new Fenced(config);
            }

            @Override
            public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) {
                return aligned.getConsumer(config);
            }

            @Override
            public Consumer<byte[], byte[]> getRestoreConsumer(Map<String, Object> config) {
                return aligned.getRestoreConsumer(config);
            }

            @Override
            public Consumer<byte[], byte[]> getGlobalConsumer(Map<String, Object> config) {
                return aligned.getGlobalConsumer(config);
            }
        };
    }

    /// Joins all, and returns what was sent to the join and committed, by partition.
    private Map<Integer, List<Keyed>> join() throws Exception {
        JoinerTopology.Parts parts = new JoinerTopology.Parts(spec, examples, name + "-dead-letters",
                new JoinDeadLetters(spec.stream(), 1, 1_000_000), PARTITIONS, 1, TextEvents::decoder,
                Duration.ofSeconds(5), () -> new KafkaEventLookup(spec.stream(), events, client, PATIENCE),
                new JoinCounts(), new StreamTime(), Duration.ofMillis(100), alignment);
        Properties settings = new Properties();
        settings.putAll(client);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, name);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, directory.toString());
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100L);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0L);
        settings.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedRocksDb.class);
        settings.put(StreamsConfig.REPARTITION_PURGE_INTERVAL_MS_CONFIG, Duration.ofHours(1).toMillis());
        try (KafkaStreams streams = new KafkaStreams(JoinerTopology.of(parts), settings, clients(parts))) {
            streams.start();
            await().atMost(PATIENCE).pollInterval(Duration.ofMillis(100)).until(() -> {
                alignment.elsewhere(Long.MAX_VALUE, Long.MAX_VALUE, System.nanoTime()); // nobody else reads
                return read(examples).stream().filter(each -> Example.isIn(each.headers())).count() >= EVENTS;
            });
        }
        int records = 0;
        Map<Integer, List<Keyed>> inputs = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : read(byKey)) {
            JoinInputs packed = JoinInputCodec.decode(byKey, Objects.requireNonNull(record.value()));
            assertThat(record.timestamp()).isEqualTo(packed.time());
            inputs.computeIfAbsent(record.partition(), unused -> new ArrayList<>()).addAll(packed.all());
            records++;
        }
        assertThat(records).as("records of " + 2 * EVENTS + " inputs").isLessThan(2 * EVENTS / 10);
        return inputs;
    }

    /// Returns what is committed.
    private List<ConsumerRecord<byte[], byte[]>> read(String topic) {
        List<TopicPartition> partitions = IntStream.range(0, topic.equals(byKey) ? PARTITIONS : 1)
                .mapToObj(each -> new TopicPartition(topic, each)).toList();
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        Map<String, Object> config = new HashMap<>(client);
        config.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream()
                    .anyMatch(each -> consumer.position(each) < Objects.requireNonNull(ends.get(each)))) {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
            }
        }
        return records;
    }

    /// Each event and label went once, to the partition of its id and behind those before it, and the tick to all of them
    /// between the events before and after it.
    private void assertOnceInOrder(Map<Integer, List<Keyed>> inputs) {
        List<Long> seen = new ArrayList<>();
        for (int i = 0; i < PARTITIONS; i++) {
            Map<String, Long> last = new HashMap<>();
            int ticks = 0;
            for (Keyed each : Objects.requireNonNull(inputs.get(i))) {
                String of = switch (each.input()) {
                    case JoinInput.OfEvent event -> "events-" + event.event().at().partition();
                    case JoinInput.OfLabel label -> "labels";
                    case JoinInput.OfTick tick -> {
                        ticks++;
                        yield "events-0";
                    }
                };
                assertThat(each.input().time()).as(of).isGreaterThan(last.getOrDefault(of, Long.MIN_VALUE));
                boolean isTick = each.input() instanceof JoinInput.OfTick;
                last.put(of, isTick ? each.input().time() - 1 : each.input().time()); // an event has the tick's time
                if (!isTick) {
                    assertThat(Utils.toPositive(Utils.murmur2(each.id())) % PARTITIONS).isEqualTo(i);
                    seen.add(2 * each.input().time() + (of.equals("labels") ? 1 : 0));
                }
            }
            assertThat(ticks).isEqualTo(1);
        }
        assertThat(seen).doesNotHaveDuplicates().hasSize(2 * EVENTS);
    }

    @Test
    void manyInputsGoInOneRecordInTheirOrderWithTheirHeadersAndATickGoesToAllPartitions() throws Exception {
        Map<Integer, List<Keyed>> inputs = join();
        assertOnceInOrder(inputs);
        inputs.values().stream().flatMap(List::stream).forEach(each -> {
            if (each.input() instanceof JoinInput.OfEvent event) {
                assertThat(event.event().content().headers()).singleElement().usingRecursiveComparison().isEqualTo(
                        new CarriedHeader("tidegrad-served-model", bytes("model-" + (event.event().time() - time(0)))));
            }
        });
        for (ConsumerRecord<byte[], byte[]> record : read(examples)) {
            if (Example.isIn(record.headers())) {
                Example example = Example.read(record.headers());
                assertThat(example.kind()).isEqualTo(Example.Kind.FINAL);
                Header model = record.headers().lastHeader("tidegrad-served-model");
                assertThat(model.value()).isEqualTo(bytes("model-" + (example.eventTime() - time(0))));
            }
        }
    }

    @Test
    void withATransactionTheInputsThatWereNotSentYetAreLostTooAndComeAgainOnce() throws Exception {
        fencedAt = 5;
        Map<Integer, List<Keyed>> inputs = join();
        assertThat(fenced.get()).as("a producer was fenced").isGreaterThan(5);
        assertOnceInOrder(inputs);
        assertThat(read(examples).stream().filter(each -> Example.isIn(each.headers()))).hasSize(EVENTS);
    }
}
