package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.model.stream.Served;
import io.tidegrad.proof.LongProof;
import io.tidegrad.scorer.ServedLog.Loss;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// What was served, on a real broker; and with Kafka's mock where a broker would have to fail in a certain way.
@Execution(ExecutionMode.CONCURRENT)
class ServedLogTest {
    private static final Duration SOON = Duration.ofSeconds(60);
    private static final int PARTITIONS = 3;

    private final String topic = "scored-" + UUID.randomUUID();

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static Served served(int event) {
        return new Served("m", 1, event, event, 1_795_000_000_000L + event, Served.Stage.LIVE, null,
                new float[]{event / 7f, Float.NaN});
    }

    private static Map<String, Object> kafka() {
        return Map.of("bootstrap.servers", TestBroker.bootstrapServers());
    }

    private static Producer<byte[], byte[]> producer(Map<String, Object> settings) {
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static MockProducer<byte[], byte[]> mock(boolean answers) {
        return new MockProducer<>(answers, null, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private void createTopic() throws Exception {
        try (Admin admin = Admin.create(kafka())) {
            admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
        }
    }

    private List<ConsumerRecord<byte[], byte[]>> read() {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(kafka(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions =
                    IntStream.range(0, PARTITIONS).mapToObj(each -> new TopicPartition(topic, each)).toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(each -> consumer.position(each) < ends.getOrDefault(each, 0L))) {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
            }
        }
        return records;
    }

    @Test
    @LongProof("5,000 records to a broker")
    void whatWasServedIsInTheLogOnceWithItsIdItsBytesAndTheAnswer() throws Exception {
        createTopic();
        int events = 5_000;
        ServedLog log =
                ServedLog.open(topic, kafka(), ServedLog.BUFFER_BYTES, SOON, System::nanoTime, ServedLogTest::producer);
        try (log) {
            for (int i = 0; i < events; i++) {
                assertThat(log.write(utf8("id-" + i), utf8("event " + i), served(i))).isTrue();
            }
        } // closing writes the rest
        assertThat(log.written()).isEqualTo(events);
        assertThat(log.buffered()).isZero();
        assertThat(log.problem()).isEmpty();
        List<ConsumerRecord<byte[], byte[]>> records = read();
        assertThat(records).hasSize(events);
        boolean[] seen = new boolean[events];
        for (ConsumerRecord<byte[], byte[]> record : records) {
            Served served = Served.read(record.headers());
            assertThat(served).isNotNull();
            int event = (int) served.version();
            assertThat(seen[event]).isFalse();
            seen[event] = true;
            assertThat(served).isEqualTo(served(event));
            assertThat(record.key()).isEqualTo(utf8("id-" + event));
            assertThat(record.value()).isEqualTo(utf8("event " + event));
            assertThat(record.timestamp()).isEqualTo(served.time());
        }
    }

    @Test
    void whatCanNotBeWrittenYetWaitsAndWhatCanNotBeWrittenAtAllIsCounted() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        try (ServedLog log = ServedLog.open(topic, kafka(), ServedLog.BUFFER_BYTES)) {
            assertThat(log.offer(2, new ServedLog.Entry() {
                @Override
                public int bytes() {
                    return 10;
                }

                @Override
                public @Nullable String write(ServedLog.Records to) {
                    if (asked.incrementAndGet() < 3) {
                        return "its schema is not known";
                    }
                    to.unwritable("field 'x': expected a number");
                    to.add(utf8("id"), utf8("event"), served(1), null);
                    return null;
                }
            })).isTrue();
            await().atMost(SOON).until(() -> log.lost(Loss.UNWRITABLE) == 1);
            assertThat(log.problem()).contains("unwritable", "field 'x': expected a number");
            assertThat(log.written()).isZero(); // there is no topic yet
            createTopic();
            await().atMost(SOON).until(() -> log.written() == 1 && log.buffered() == 0);
        }
        assertThat(read()).hasSize(1);
    }

    @Test
    void withoutBrokersTheBufferFillsAndWhatHasNoRoomIsCounted() {
        Map<String, Object> nobody = Map.of("bootstrap.servers", "127.0.0.1:9");
        ServedLog log =
                ServedLog.open(topic, nobody, 10_000, Duration.ofMillis(1), System::nanoTime, ServedLogTest::producer);
        int taken = 0;
        while (log.write(utf8("id"), new byte[100], served(taken))) {
            taken++;
        }
        assertThat(taken).isBetween(10, 100);
        assertThat(log.buffered()).isBetween(9_000L, 10_000L);
        assertThat(log.lost(Loss.FULL)).isEqualTo(1);
        assertThat(log.problem()).contains("full", "10000 bytes");
        log.close();
        int lost = taken;
        await().atMost(SOON).until(() -> log.lost(Loss.CLOSED) == lost); // once the log's thread has ended, too
        assertThat(log.buffered()).isZero();
        assertThat(log.write(utf8("id"), new byte[1], served(1))).isFalse();
    }

    /// Whatever happens between the two looks at a clock that an event makes when it comes.
    private static ServedLog open(String topic, MockProducer<byte[], byte[]> kafka, AtomicLong now,
            AtomicReference<@Nullable Consumer<ServedLog>> meanwhile) {
        AtomicReference<@Nullable ServedLog> opened = new AtomicReference<>();
        Thread test = Thread.currentThread();
        ServedLog log = ServedLog.open(topic, Map.of(), 10_000, SOON, () -> {
            Consumer<ServedLog> once = Thread.currentThread() == test ? meanwhile.getAndSet(null) : null;
            if (once != null) {
                once.accept(Objects.requireNonNull(opened.get()));
            }
            return now.get();
        }, _ -> kafka);
        opened.set(log);
        return log;
    }

    @Test
    void anEventThatComesAfterAnIdleHourHasNotWaitedForIt() {
        AtomicLong now = new AtomicLong();
        AtomicReference<@Nullable Consumer<ServedLog>> meanwhile = new AtomicReference<>();
        AtomicReference<@Nullable String> problem = new AtomicReference<>();
        try (ServedLog log = open(topic, mock(true), now, meanwhile)) {
            now.addAndGet(Duration.ofHours(1).toNanos());
            meanwhile.set(each -> problem.set(each.problem()));
            assertThat(log.write(utf8("id"), utf8("1"), served(1))).isTrue();
            assertThat(problem).hasValue("");
            await().atMost(SOON).until(() -> log.written() == 1);
        }
    }

    @Test
    void anEventThatComesWhileTheLogClosesIsWrittenOrCounted() {
        AtomicReference<@Nullable Consumer<ServedLog>> meanwhile = new AtomicReference<>();
        try (ServedLog log = open(topic, mock(true), new AtomicLong(), meanwhile)) {
            meanwhile.set(ServedLog::close);
            assertThat(log.write(utf8("id"), utf8("1"), served(1))).isFalse();
            assertThat(log.lost(Loss.CLOSED)).isEqualTo(1);
            assertThat(log.buffered()).isZero();
        }
    }

    @Test
    void thatKafkaDoesNotAnswerIsAProblemAlsoWhileEventsStillCome() {
        AtomicLong now = new AtomicLong();
        MockProducer<byte[], byte[]> kafka = mock(false);
        try (ServedLog log = ServedLog.open(topic, Map.of(), 10_000, Duration.ZERO, now::get, _ -> kafka)) {
            assertThat(log.write(utf8("a"), utf8("1"), served(1))).isTrue();
            now.addAndGet(Duration.ofSeconds(11).toNanos());
            assertThat(log.write(utf8("b"), utf8("2"), served(2))).isTrue();
            await().atMost(SOON).until(() -> kafka.history().size() == 2);
            assertThat(log.problem()).contains("events wait to be written to " + topic);
            assertThat(kafka.completeNext()).isTrue();
            assertThat(log.problem()).isEmpty();
            assertThat(kafka.completeNext()).isTrue();
            assertThat(log.written()).isEqualTo(2);
            await().atMost(SOON).until(() -> log.buffered() == 0); // once the log's thread is done with the event
        }
    }

    @Test
    void nothingIsLostWhileNoProducerCanBeMade() {
        AtomicInteger asked = new AtomicInteger();
        MockProducer<byte[], byte[]> kafka = mock(true);
        try (ServedLog log = ServedLog.open(topic, Map.of(), 10_000, SOON, System::nanoTime, _ -> {
            if (asked.incrementAndGet() == 1) {
                throw new KafkaException("no producer", new ConfigException("no broker's name can be resolved"));
            }
            return kafka;
        })) {
            assertThat(log.write(utf8("a"), utf8("1"), served(1))).isTrue();
            await().atMost(SOON).until(() -> log.written() == 1);
            assertThat(log.problem()).isEmpty();
        }
    }

    @Test
    void aProducerThatHasFailedForGoodIsReplaced() {
        MockProducer<byte[], byte[]> failing =
                new MockProducer<>(true, null, new ByteArraySerializer(), new ByteArraySerializer()) {
                    @Override
                    public void close(Duration within) {
                        super.close(within);
                        throw new KafkaException("Failed to close kafka producer");
                    }
                };
        List<MockProducer<byte[], byte[]>> producers = List.of(failing, mock(true));
        producers.getFirst().sendException = new KafkaException("fenced");
        AtomicInteger next = new AtomicInteger();
        try (ServedLog log = ServedLog.open(topic, Map.of(), 10_000, SOON, System::nanoTime,
                _ -> producers.get(next.getAndIncrement()))) {
            assertThat(log.write(utf8("a"), utf8("1"), served(1))).isTrue();
            assertThat(log.write(utf8("b"), utf8("2"), served(2))).isTrue();
            await().atMost(SOON).until(() -> log.written() == 1);
            assertThat(log.lost(Loss.REFUSED)).isEqualTo(1);
            assertThat(producers.getFirst().closed()).isTrue();
            assertThat(producers.getLast().history()).hasSize(1);
        }
    }

    @Test
    void aRecordThatKafkaRefusesIsCounted() throws Exception {
        createTopic();
        try (ServedLog log = ServedLog.open(topic, kafka(), ServedLog.BUFFER_BYTES)) {
            assertThat(log.write(utf8("id"), new byte[3 << 20], served(1))).isTrue();
            await().atMost(SOON).until(() -> log.lost(Loss.REFUSED) == 1 && log.buffered() == 0);
            assertThat(log.write(utf8("id"), new byte[3], served(1))).isTrue();
            await().atMost(SOON).until(() -> log.written() == 1);
        }
    }
}
