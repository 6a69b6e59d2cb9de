package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.trainer.store.BreakableParts.KillPoint;
import java.nio.file.Path;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Invariant I8 of a whole process. The oracle is the heap it is given: what does not fit ends it.
class BoundedMemoryTest {
    /// Kafka's clients take most of it: 32 MiB the producer, up to 48 MiB what polls gave.
    private static final int HEAP_MIB = 128;

    private static final int LARGE = 1_200;
    private static final int LARGE_KEY_BYTES = 128 * 1024;
    private static final int SMALL = 1_000;

    /// 1 MiB of weights and optimizer state: kept after each event, the heap is full before half of the backlog.
    private static final int BUCKETS = 20_000;

    @TempDir
    Path directory;
    private TestLog log;

    /// A backlog that is larger than the heap: large events, and many. Compressed, so that all of the large ones come
    /// with one answer of the broker.
    @BeforeEach
    void fill() {
        log = new TestLog(directory, "1", SharedStack.get().registryUrl(), "", BUCKETS, 4, "PT0.2S").created();
        byte[] key = new byte[LARGE_KEY_BYTES];
        try (KafkaProducer<byte[], byte[]> producer =
                log.producer(Map.of(ProducerConfig.COMPRESSION_TYPE_CONFIG, "zstd"))) {
            for (int i = 0; i < LARGE; i++) {
                producer.send(new ProducerRecord<>(log.topic, 0, key, log.event(i)));
            }
        }
        log.send(LARGE, LARGE + SMALL);
    }

    @AfterEach
    void close() {
        log.close();
    }

    private TrainerProcess start(Breaker breaker) {
        return TrainerProcess.start(log, "-Xmx" + HEAP_MIB + "m -Xmn32m -XX:+ExitOnOutOfMemoryError", breaker,
                KillPoint.NEVER);
    }

    /// The same process in the same heap on the same backlog, broken and then as it is.
    @ProvesOracle(Breaker.KEEPS_EVERY_VERSION)
    @Test
    void aBacklogLargerThanTheHeapIsLearnedAndATrainerThatKeepsEveryVersionIsReported() {
        assertThat((long) LARGE * LARGE_KEY_BYTES).isGreaterThan((long) HEAP_MIB << 20);
        try (TrainerProcess trainer = start(Breaker.KEEPS_EVERY_VERSION)) {
            trainer.await("Terminating due to java.lang.OutOfMemoryError");
            assertThat(trainer.join()).isNotZero();
        }
        try (TrainerProcess trainer = start(Breaker.NONE)) {
            int port = Integer.parseInt(trainer.await("READY"));
            JsonNode health = TrainerProcess.awaitReport(port, LARGE + SMALL);
            assertThat(health.path("learned").asLong()).isEqualTo(LARGE + SMALL);
            trainer.kill();
        }
        try (TrainerProcess trainer = start(Breaker.NONE)) { // which learns all of it again
            trainer.await("READY");
        }
    }
}
