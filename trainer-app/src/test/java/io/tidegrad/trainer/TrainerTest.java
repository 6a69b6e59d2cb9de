package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A trainer in this process on a real broker.
class TrainerTest {
    /// Generous: a liveness bound, not a speed.
    static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir Path directory;
    TestLog log;

    @BeforeEach
    void open() {
        log = new TestLog(directory, 1).created();
    }

    @AfterEach
    void close() {
        log.close();
    }

    @Test
    void whatIsLearnedIsWhatAFoldOfTheLogLearns() {
        log.send(0, 3_000);
        TestLog.Fold fold = log.fold();
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            CommittedState state = awaitSettled(trainer, fold.nextOffset());
            Report report = Objects.requireNonNull(state.report());
            assertThat(report.weightsHash()).isEqualTo(fold.weightsHash());
            assertThat(report.stateHash()).isEqualTo(fold.stateHash());
            assertThat(state.examples()).isEqualTo(3_000);
        }
    }

    static CommittedState awaitSettled(TrainerApp trainer, long nextOffset) {
        return await().atMost(PATIENCE)
                .pollInterval(Duration.ofMillis(20))
                .until(
                        () -> {
                            if (trainer.ended().isDone()) {
                                throw trainer.ended().join();
                            }
                            return trainer.models().getFirst().committed();
                        },
                        state -> state != null && state.nextOffset() == nextOffset && state.settled());
    }
}
