package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.process.ExitCode;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.trainer.store.BreakableParts.KillPoint;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A model that is large for its process: learned, written as images while learning goes on, killed, restored and
/// learned again in a heap of twice its size, what a published snapshot takes and a fixed part. Its events touch every
/// page while an image is written, so that every page is copied: the worst case.
///
/// By hand, not in CI: `-Dlarge.mib=1024 -Dlarge.events=1000000 -Dpatience.seconds=900` makes it a gigabyte,
/// `-Dlarge.options=" -XX:TieredStopAtLevel=4 -Dtidegrad.kernels=256"` compiles it as a real trainer,
/// `-Dlarge.settings=" --kafka.transaction.timeout.ms 300000"` gives a busy machine more time than a real one needs.
@LongProof("a model of which little more than two fit into the heap")
class LargeModelMemoryTest {
    private static final int MIB = 1 << 20;

    /// Kafka's clients (32 MiB of the producer alone), what is read at a time, classes and threads.
    private static final int FIXED_MIB = 96;

    /// Of the fixed part: by default a third of the heap would be kept for young objects.
    private static final int YOUNG_MIB = 32;

    private static final String MORE_SETTINGS = System.getProperty("large.settings", "");
    private static final String MORE = System.getProperty("large.options", "");

    private static final int DIMENSION = 16;
    private static final int BYTES_A_WEIGHT = 12; // Adam's

    @TempDir
    Path directory;

    @Test
    void twiceTheModelAndAFixedPartAreEnough() {
        int mib = Integer.getInteger("large.mib", 128);
        int events = Integer.getInteger("large.events", 80_000);
        int buckets = (int) ((long) mib * MIB / BYTES_A_WEIGHT / DIMENSION);
        try (TestLog log = new TestLog(directory, "32", SharedStack.get().registryUrl(), "", buckets, DIMENSION, "PT1H")
                .created()) {
            long modelBytes = Plan.of(log.spec().network()).parameterBytes();
            int heapMib = (int) (2 * modelBytes / MIB + modelBytes / 3 / MIB + FIXED_MIB);
            String[] settings = ("--store image-and-redo --redo-seconds 0" + MORE_SETTINGS).split(" ");
            send(log, 0, events / 2);
            try (TrainerProcess trainer = start(log, heapMib, settings)) {
                int port = Integer.parseInt(trainer.await("READY"));
                TrainerProcess.awaitHealth(port, health -> health.path("image").path("number").asLong() >= 1);
                send(log, events / 2, events);
                JsonNode health = TrainerProcess.awaitHealth(port, now -> now.path("image").path("number").asLong() >= 2
                        && now.path("watermark").asLong() > events / 2);
                System.out.println("killed at " + health);
                trainer.kill();
            }
            TestLog.Fold fold = log.fold();
            long start = System.nanoTime();
            try (TrainerProcess trainer = start(log, heapMib, settings)) {
                int port = Integer.parseInt(trainer.await("READY"));
                JsonNode restored = TrainerProcess.awaitHealth(port);
                System.out.printf("%d MiB model, heap %d MiB: restored after %d ms, JVM start included: %s%n",
                        modelBytes / MIB, heapMib, (System.nanoTime() - start) / 1_000_000, restored.path("restore"));
                JsonNode health =
                        TrainerProcess.awaitHealth(port, now -> now.path("watermark").asLong() == fold.nextOffset());
                System.out.println("learned all: " + health);
                long stop = System.nanoTime();
                assertThat(trainer.stop()).isEqualTo(ExitCode.OK.status());
                assertThat(trainer.await("STATE")).isEqualTo(fold.stateHash());
                System.out.printf("clean stop with an image: %d ms%n", (System.nanoTime() - stop) / 1_000_000);
            }
            start = System.nanoTime();
            try (TrainerProcess trainer = start(log, heapMib, settings)) {
                int port = Integer.parseInt(trainer.await("READY"));
                JsonNode restored = TrainerProcess.awaitHealth(port);
                System.out.printf("restored after %d ms: %s%n", (System.nanoTime() - start) / 1_000_000,
                        restored.path("restore"));
                assertThat(restored.path("restore").path("redo_events_of").asLong()).isZero();
                assertThat(restored.path("watermark").asLong()).isEqualTo(fold.nextOffset());
            }
        }
    }

    private static TrainerProcess start(TestLog log, int heapMib, String... settings) {
        return TrainerProcess.start(log, "-Xmx" + heapMib + "m -Xmn" + YOUNG_MIB + "m" + MORE, Breaker.NONE,
                KillPoint.NEVER, settings);
    }

    /// Places that are all different: rows all over the table.
    private static void send(TestLog log, int from, int to) {
        try (KafkaProducer<byte[], byte[]> producer = log.producer(java.util.Map.of())) {
            for (int i = from; i < to; i++) {
                SplittableRandom random = new SplittableRandom(i);
                float a = (float) random.nextDouble(-1, 1);
                String place = "p" + random.nextLong(1L << 40);
                producer.send(log.event(log.encode(place, a, 0, a > 0 ? 1 : 0)));
            }
        }
    }
}
