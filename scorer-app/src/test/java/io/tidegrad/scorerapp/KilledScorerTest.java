package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.LongProof;
import io.tidegrad.scorer.TestBroker;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorerapp.RawHttp.Answer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.LongStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/// `kill -9` while versions come 20 a second: the next process answers with the newest there is, and no answer is
/// wrong.
class KilledScorerTest {
    private static final long[] OFFSETS = LongStream.range(0, 32).toArray();
    private static final int KILLS = 2;
    private static final int ANSWERS = 300; // of each process before it is killed

    private final String model = TestBroker.newModelName();
    private final Map<Long, float[]> expected = new ConcurrentHashMap<>();
    private final AtomicBoolean done = new AtomicBoolean();
    private long newest; // that was answered

    @LongProof("processes that are killed")
    @Test
    void aScorerThatIsKilledInASwapStormComesBackWithTheNewestVersion() throws Exception {
        TestTrainer trainer = TestTrainer.of(model);
        try (TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), model).createTopic();
                ExecutorService storm = Executors.newSingleThreadExecutor()) {
            publish(trainer, publisher);
            Future<?> publishing = storm.submit(() -> {
                while (!done.get()) {
                    publish(trainer, publisher);
                    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
                }
            });
            try {
                for (int life = 0; life <= KILLS; life++) {
                    long start = System.nanoTime();
                    Process process = start();
                    try {
                        answers(port(process), start);
                    } finally {
                        process.destroyForcibly().waitFor();
                    }
                }
            } finally {
                done.set(true);
                publishing.get(1, TimeUnit.MINUTES);
            }
        }
    }

    private void publish(TestTrainer trainer, TestPublisher publisher) {
        trainer.learn(5);
        expected.put(trainer.model().parameters().updates(), trainer.answers(OFFSETS));
        publisher.publish(trainer.publish());
    }

    private Process start() throws IOException {
        return new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--add-modules",
                "jdk.incubator.vector", "-XX:TieredStopAtLevel=1", "-Dtidegrad.kernels=scalar", "-cp",
                System.getProperty("java.class.path"), ScorerMain.class.getName(), "--bootstrap-servers",
                TestBroker.bootstrapServers(), "--model", model, "--http-port", "0")
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
    }

    private static int port(Process process) throws IOException {
        String line =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)).readLine();
        assertThat(line).startsWith("scorer listening on http://127.0.0.1:");
        return Integer.parseInt(line.split("[: ]")[5]);
    }

    private void answers(int port, long start) {
        byte[] request = RawHttp.post("/v1/models/" + model + "/score", "", Flights.records(OFFSETS));
        long before = newest;
        try (RawHttp http = RawHttp.connect(port)) {
            Awaitility.await().atMost(Duration.ofMinutes(1)).pollInterval(Duration.ofMillis(10)).until(() -> {
                http.send(request);
                Answer answer = http.answer();
                assertThat(answer.status()).isIn(200, 503);
                return answer.status() == 200;
            });
            System.out.printf("from the start of the process to its first answer: %d ms%n",
                    TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
            for (int i = 0; i < ANSWERS; i++) {
                http.send(request);
                Answer answer = http.answer();
                assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
                long version = answer.json().get("version").asLong();
                assertThat(version).as("after one that was killed").isGreaterThanOrEqualTo(before);
                assertThat(version).as("never back").isGreaterThanOrEqualTo(newest);
                assertThat(Arrays.equals(expected.get(version), Flights.answers(answer)))
                        .as("the bits of version %d", version).isTrue();
                newest = version;
            }
        } catch (UncheckedIOException e) {
            throw new AssertionError(e);
        }
    }
}
