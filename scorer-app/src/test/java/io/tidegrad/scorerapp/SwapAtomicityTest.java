package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.scorer.BreakableScorer;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScoringSession;
import io.tidegrad.scorer.TestBroker;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorerapp.RawHttp.Answer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/// Invariant I13: every answer is what exactly the version it names would say, bit for bit, while versions come and go:
/// through the library and over HTTP, from one scorer that follows a real topic.
@LongProof("readers and a writer for many seconds")
class SwapAtomicityTest {
    private static final Duration LOAD = Duration.ofSeconds(30);
    private static final long SWAP_NANOS = TimeUnit.MILLISECONDS.toNanos(50); // 20 a second
    private static final long[] OFFSETS = LongStream.range(0, 32).toArray();

    @Test
    void everyAnswerIsThatOfTheVersionItNames() throws Exception {
        Seen seen = load(Breaker.NONE, LOAD, false);
        System.out.println("swaps under load: " + seen);
        assertThat(seen.wrong()).as(seen.toString()).isZero();
        assertThat(seen.libraryAnswers()).isGreaterThan(10_000);
        assertThat(seen.httpAnswers()).isGreaterThan(1_000);
        // A machine with other work may fall behind 20 a second; what it admitted, it was asked
        // for.
        assertThat(seen.versions()).isGreaterThan(100);
    }

    /// The oracle sees what it is there for: the same load on a scorer that decodes the next version where readers are.
    @ProvesOracle(Breaker.OVERWRITES_WHAT_IS_SERVED)
    @Test
    void anAnswerOfAVersionThatIsBeingOverwrittenIsSeen() throws Exception {
        Seen seen = load(Breaker.OVERWRITES_WHAT_IS_SERVED, LOAD, true);
        System.out.println("swaps under load without the copy: " + seen);
        assertThat(seen.wrongLibrary() + seen.wrongHttp()).isPositive();
    }

    /// @param versions admitted
    private record Seen(long libraryAnswers, long httpAnswers, long versions, long wrongLibrary, long wrongHttp) {
        long wrong() {
            return wrongLibrary + wrongHttp;
        }
    }

    /// Version → the trainer's own answers, known before the version is published.
    private final Map<Long, float[]> expected = new ConcurrentHashMap<>();

    private final AtomicBoolean done = new AtomicBoolean();
    private int versions; // published
    private boolean fullsOnly;
    private final AtomicLong libraryAnswers = new AtomicLong();
    private final AtomicLong httpAnswers = new AtomicLong();
    private final AtomicLong wrongLibrary = new AtomicLong();
    private final AtomicLong wrongHttp = new AtomicLong();

    private Seen load(Breaker breaker, Duration howLong, boolean untilWrong) throws Exception {
        // A delta would be decoded into a copy in any case.
        fullsOnly = breaker == Breaker.OVERWRITES_WHAT_IS_SERVED;
        String model = TestBroker.newModelName();
        TestTrainer trainer = TestTrainer.of(model);
        try (TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), model).createTopic();
                TestApp app = TestApp.of(model, options -> BreakableScorer.open(breaker, options));
                ExecutorService readers = Executors.newFixedThreadPool(5)) {
            publish(trainer, publisher);
            Scorer scorer = app.scorer(model);
            assertThat(scorer.awaitReady(Duration.ofMinutes(1))).isTrue();
            List<Future<Void>> reading = new ArrayList<>();
            for (int reader = 0; reader < 2; reader++) {
                reading.add(readers.submit(library(scorer.newSession())));
            }
            for (int reader = 0; reader < 3; reader++) {
                reading.add(readers.submit(http(app.port(), model)));
            }
            try {
                long start = System.nanoTime();
                for (long next = start; System.nanoTime() - start < howLong.toNanos()
                        && !(untilWrong && wrongLibrary.get() + wrongHttp.get() > 0); next += SWAP_NANOS) {
                    LockSupport.parkNanos(next - System.nanoTime());
                    publish(trainer, publisher);
                }
            } finally {
                done.set(true);
            }
            for (Future<Void> reader : reading) {
                reader.get(1, TimeUnit.MINUTES);
            }
            return new Seen(libraryAnswers.get(), httpAnswers.get(), scorer.admissions().count(), wrongLibrary.get(),
                    wrongHttp.get());
        }
    }

    private void publish(TestTrainer trainer, TestPublisher publisher) {
        trainer.learn(5);
        expected.put(trainer.model().parameters().updates(), trainer.answers(OFFSETS));
        boolean full = fullsOnly || versions % 4 == 0;
        versions++;
        publisher.publish(full ? trainer.publishFull() : trainer.publishDelta());
    }

    private Callable<Void> library(ScoringSession session) {
        return () -> {
            long last = -1;
            while (!done.get()) {
                for (int i = 0; i < OFFSETS.length; i++) {
                    assertThat(session.score(TestTrainer.event(OFFSETS[i]))).isNull();
                    float[] told = expected.get(session.version());
                    // Invariant I14 too: what a reader sees never goes back.
                    if (told == null || session.version() < last
                            || Float.floatToRawIntBits(told[i]) != Float.floatToRawIntBits(session.probability(0))) {
                        wrongLibrary.incrementAndGet();
                    }
                    last = session.version();
                    libraryAnswers.incrementAndGet();
                }
            }
            return null;
        };
    }

    /// All records in one request, so that a swap in the middle of it would show.
    private Callable<Void> http(int port, String model) {
        byte[] request = RawHttp.post("/v1/models/" + model + "/score", "", Flights.records(OFFSETS));
        return () -> {
            long last = -1;
            try (RawHttp http = RawHttp.connect(port)) {
                while (!done.get()) {
                    http.send(request);
                    Answer answer = http.answer();
                    assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
                    long version = answer.json().get("version").asLong();
                    float[] told = expected.get(version);
                    if (told == null || version < last || !Arrays.equals(told, Flights.answers(answer))) {
                        wrongHttp.incrementAndGet();
                    }
                    last = version;
                    httpAnswers.incrementAndGet();
                }
            }
            return null;
        };
    }
}
