package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.Mutations;
import io.tidegrad.trainer.Poison.Kind;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.utils.Utils;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Hostile events between good ones, on a real broker. The oracle is a fold of the good ones alone.
///
/// A run prints its seed; `-Dseed=…` repeats its choices.
class PoisonTest extends TrainerFixture {
    private static final int POISON = 1_000;
    private static final int BULKY = 12;

    private long seed;

    PoisonTest() {
        super(8);
    }

    @Override
    @BeforeEach
    void open() {
        seed = Long.getLong("seed", System.nanoTime());
        System.out.println("seed " + seed + " · rerun: mvn -pl trainer-app test -Dtest=PoisonTest -Dseed=" + seed);
        super.open();
    }

    @LongProof("a thousand malformed events")
    @Test
    void aThousandMalformedEventsAreDeadLettersOnceAndTheModelIsAsIfTheyHadNotBeenThere() throws Exception {
        Map<Long, Sent> sent = send();
        TestLog.Fold fold = log.fold(offset -> !sent.containsKey(offset));
        assertThat(fold.rejected()).isEmpty();
        try (TrainerApp trainer = TrainerApp.start(config())) {
            CommittedState state = awaitSettled(trainer, log.fold().nextOffset());
            Report report = Objects.requireNonNull(state.report());
            assertThat(report.weightsHash()).isEqualTo(fold.weightsHash());
            assertThat(report.stateHash()).isEqualTo(fold.stateHash());
            assertThat(state.pending()).isEqualTo(fold.pending());
            assertThat(state.accounts().accepted()).isEqualTo(fold.visible() - fold.ticks());
            assertThat(state.accounts().deadLetters()).isEqualTo(POISON);

            JsonNode health = TrainerProcess.health(trainer.httpPort());
            assertThat(health.path("dead_letters").asInt()).isEqualTo(POISON);
            assertThat(health.path("learned").asLong() + health.path("pending").asLong()
                    + health.path("dead_letters").asLong() + health.path("ticks").asLong())
                    .isEqualTo(fold.visible() + POISON);
        }
        assertLetters(sent);
        try (TrainerApp again = TrainerApp.start(config())) { // and none comes twice
            log.send(0, 1);
            awaitSettled(again, log.fold().nextOffset());
        }
        assertThat(log.deadLetterOffsets()).hasSize(POISON);
    }

    /// Mutated schema ids are asked for one by one: a busy machine's registry may take its time.
    private TrainerConfig config() {
        return log.config("--kafka.transaction.timeout.ms", "60000");
    }

    private record Sent(Kind kind, ProducerRecord<byte[], byte[]> record) {
    }

    /// Runs of good events and of poison in random order, by offset what was poison. Every kind comes.
    private Map<Long, Sent> send() throws Exception {
        SplittableRandom random = new SplittableRandom(seed);
        Poison poison = new Poison(log, seed);
        List<Kind> kinds = new ArrayList<>(List.of(Kind.values()));
        List<Kind> small = kinds.stream().filter(kind -> !kind.bulky()).toList();
        List<Kind> bulky = kinds.stream().filter(Kind::bulky).toList();
        while (kinds.size() < POISON) {
            List<Kind> from = kinds.size() < BULKY + Kind.values().length ? bulky : small;
            kinds.add(from.get(random.nextInt(from.size())));
        }
        for (int i = kinds.size() - 1; i > 0; i--) {
            kinds.set(i, kinds.set(random.nextInt(i + 1), kinds.get(i)));
        }
        Map<Future<RecordMetadata>, Sent> sending = new LinkedHashMap<>();
        int good = 0;
        try (KafkaProducer<byte[], byte[]> producer = log.producer(Map.of())) {
            // Stream time needs support before it can call an event implausible.
            for (; good < 50; good++) {
                producer.send(log.event(log.event(good)));
            }
            for (Kind kind : kinds) {
                for (int run = random.nextInt(4); run > 0; run--) {
                    producer.send(log.event(log.event(good++)));
                }
                if (random.nextInt(100) == 0) {
                    producer.send(log.tick());
                }
                ProducerRecord<byte[], byte[]> record = poison.of(kind);
                sending.put(producer.send(record), new Sent(kind, record));
            }
            for (int rest = 0; rest < 203; rest++) {
                producer.send(log.event(log.event(good++)));
            }
        }
        Map<Long, Sent> sent = new TreeMap<>();
        for (Map.Entry<Future<RecordMetadata>, Sent> each : sending.entrySet()) {
            sent.put(each.getKey().get().offset(), each.getValue());
        }
        return sent;
    }

    private void assertLetters(Map<Long, Sent> sent) {
        List<ConsumerRecord<byte[], byte[]>> letters = log.visible(log.topics().deadLetters());
        assertThat(log.deadLetterOffsets()).containsExactlyElementsOf(sent.keySet());
        for (ConsumerRecord<byte[], byte[]> letter : letters) {
            long offset = Long.parseLong(TestLog.header(letter, "tidegrad-offset"));
            Sent original = Objects.requireNonNull(sent.get(offset));
            Kind kind = original.kind();
            ProducerRecord<byte[], byte[]> event = original.record();
            assertThat(TestLog.header(letter, "tidegrad-reason")).describedAs("%s at offset %d", kind, offset)
                    .isEqualTo(kind.reason.code());
            assertThat(letter.key()).describedAs("key of %s", kind).isEqualTo(event.key());
            assertThat(letter.value()).describedAs("value of %s", kind).isEqualTo(event.value());
            assertThat(TestLog.header(letter, "tidegrad-topic")).isEqualTo(log.topic);
            assertThat(TestLog.header(letter, "tidegrad-partition")).isEqualTo("0");
            assertThat(TestLog.header(letter, "tidegrad-model")).isEqualTo(log.model());
            assertThat(TestLog.header(letter, "tidegrad-epoch")).isEqualTo("1");
            assertThat(TestLog.header(letter, "tidegrad-detail")).isNotBlank();
            assertThat(TestLog.header(letter, "tidegrad-schema-id")).describedAs("schema id of %s", kind)
                    .isEqualTo(schemaId(event));
            assertHeaders(kind, event, letter);
        }
    }

    private static String schemaId(ProducerRecord<byte[], byte[]> event) {
        byte[] value = event.value();
        return value == null || value.length < 5 || value[0] != 0 || event.headers().lastHeader("tidegrad-tick") != null
                ? "" : Integer.toString(ByteBuffer.wrap(value).getInt(1));
    }

    /// The event's own headers come first and in order: all of them, or, flagged, those that fit 64 KiB.
    private static void assertHeaders(Kind kind, ProducerRecord<byte[], byte[]> event,
            ConsumerRecord<byte[], byte[]> letter) {
        Header[] own = event.headers().toArray();
        List<Header> copied = Arrays.stream(letter.headers().toArray())
                .takeWhile(header -> !header.key().matches("tidegrad-(reason|headers-cut)")).toList();
        if (kind == Kind.MANY_HEADERS) {
            assertThat(TestLog.header(letter, "tidegrad-headers-cut")).isEqualTo("true");
            assertThat(copied).isEqualTo(List.of(own).subList(0, copied.size()));
            int bytes = copied.stream().mapToInt(h -> Utils.utf8Length(h.key()) + h.value().length).sum();
            assertThat(bytes).isBetween(32 * 1024, 64 * 1024);
        } else {
            assertThat(TestLog.header(letter, "tidegrad-headers-cut")).isEmpty();
            assertThat(copied).containsExactly(own);
        }
    }

    /// The log's limit counts compressed batches: its events may be larger than it, and larger than any letter may be.
    @LongProof("megabytes that compress to nothing")
    @Test
    void anEventLargerThanItsTopicsLimitIsCutToFitAndSaysHowLongItWas() throws Exception {
        byte[] value = new byte[5 << 20];
        try (KafkaProducer<byte[], byte[]> producer =
                log.producer(Map.of("compression.type", "gzip", "max.request.size", 8 << 20))) {
            producer.send(log.event(log.event(0)));
            producer.send(new ProducerRecord<>(log.topic, 0, new byte[2 << 20], value)).get();
            producer.send(log.event(log.event(1)));
        }
        try (TrainerApp trainer = TrainerApp.start(config())) {
            assertEqual(awaitSettled(trainer, 3), log.fold());
        }
        ConsumerRecord<byte[], byte[]> letter = log.visible(log.topics().deadLetters()).getFirst();
        assertThat(TestLog.header(letter, "tidegrad-offset")).isEqualTo("1");
        assertThat(TestLog.header(letter, "tidegrad-key-cut")).isEqualTo(said(new byte[2 << 20]));
        assertThat(TestLog.header(letter, "tidegrad-value-cut")).isEqualTo(said(value));
        assertThat(letter.key().length + letter.value().length).isBetween(900_000, 1_400_000);
    }

    private static String said(byte[] bytes) throws Exception {
        return bytes.length + " " + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    /// Any bytes at all: a bit flipped here, an end cut off there, a length that promises gigabytes.
    @LongProof("thousands of damaged events")
    @Test
    void whateverIsDoneToTheBytesOfEventsTheTrainerEndsWhereAFoldDoes() {
        Mutations mutations = new Mutations(seed);
        log.send(0, 50);
        try (KafkaProducer<byte[], byte[]> producer = log.producer(Map.of())) {
            for (int i = 50; i < 5_000; i++) {
                byte[] value = log.event(i);
                producer.send(log.event(i % 3 == 0 ? value : mutations.of(value)));
            }
        }
        TestLog.Fold fold = log.fold();
        assertThat(fold.rejected()).hasSizeGreaterThan(500);
        try (TrainerApp trainer = TrainerApp.start(config())) {
            assertEqual(awaitSettled(trainer, fold.nextOffset()), fold);
        }
        assertThat(log.deadLetterOffsets()).isEqualTo(fold.rejected());
    }
}
