package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.feature.Event;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/// Invariant I13: every answer is what exactly the version it names would say, bit for bit, while versions come and go.
class SwapUnderLoadTest {
    private static final int SWAPS = 60;
    private static final long SWAP_NANOS =
            TimeUnit.MILLISECONDS.toNanos(50); // 20 a second: 3 s in all

    private static final long[] OFFSETS = LongStream.range(0, 64).toArray();

    @Test
    void everyAnswerIsThatOfTheVersionItNames() throws Exception {
        TestTrainer trainer = TestTrainer.of("flights").learn(50);
        TestIntake intake = new TestIntake("flights");
        Map<Long, float[]> expected = new ConcurrentHashMap<>();
        expected.put(50L, trainer.answers(OFFSETS));
        intake.accept(trainer.publish());
        AtomicBoolean done = new AtomicBoolean();
        try (ExecutorService readers = Executors.newFixedThreadPool(2)) {
            Future<Seen> one = readers.submit(read(intake.session(1), expected, done));
            Future<Seen> other = readers.submit(read(intake.session(1), expected, done));
            try {
                for (int swap = 0; swap < SWAPS; swap++) {
                    LockSupport.parkNanos(SWAP_NANOS);
                    trainer.learn(25);
                    expected.put(trainer.model().parameters().updates(), trainer.answers(OFFSETS));
                    intake.accept(trainer.publish());
                }
            } finally {
                done.set(true);
            }
            assertSound(one.get());
            assertSound(other.get());
        }
        assertThat(intake.servedVersion()).isEqualTo("1." + (50 + 25 * SWAPS));
    }

    private static void assertSound(Seen seen) {
        assertThat(seen.wrong).as("answers that differ, of %d", seen.answers).isZero();
        assertThat(seen.answers).isGreaterThan(1_000);
        assertThat(seen.versions).as("versions met").isGreaterThan(5);
    }

    private record Seen(long answers, long wrong, int versions) {}

    private static Callable<Seen> read(
            ScoringSession session, Map<Long, float[]> expected, AtomicBoolean done) {
        Event[] events = LongStream.of(OFFSETS).mapToObj(TestTrainer::event).toArray(Event[]::new);
        return () -> {
            long answers = 0;
            long wrong = 0;
            int versions = 0;
            long last = -1;
            while (!done.get()) {
                for (int i = 0; i < events.length; i++) {
                    session.score(events[i]);
                    float[] told = expected.get(session.version());
                    if (told == null
                            || Float.floatToRawIntBits(told[i])
                                    != Float.floatToRawIntBits(session.probability(0))) {
                        wrong++;
                    }
                    answers++;
                    // Invariant I14: what a reader sees never goes back.
                    if (session.version() < last) {
                        wrong++;
                    } else if (session.version() > last) {
                        versions++;
                        last = session.version();
                    }
                }
            }
            return new Seen(answers, wrong, versions);
        };
    }
}
