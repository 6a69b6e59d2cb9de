package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.schemas.Progress;
import io.tidegrad.trainer.store.CommittedState;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// Poison among a log's events, and a spec that keeps it out.
@Execution(ExecutionMode.CONCURRENT)
class QuarantinedEventsTest extends TrainerFixture {
    QuarantinedEventsTest() {
        super(4);
    }

    @Override
    TestLog newLog() {
        return new TestLog(directory, 4, SharedStack.get().registryUrl(), "quarantine: { loss: 3, gradient: 100 }\n");
    }

    /// Whatever the model predicts of the number, one of the two labels is wrong, and nothing is learned from the other.
    private void sendPoison(float b) {
        log.send(log.event(log.encode("p1", 0.5f, b, 0)));
        log.send(log.event(log.encode("p1", 0.5f, b, 1)));
    }

    @LongProof("trainer and replay of the same poison")
    @Test
    void poisonIsInTheDeadLettersAndChangesNoBitWhoeverLearns() {
        CommittedState state;
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            log.send(0, 501);
            sendPoison(1e6f);
            log.send(501, 703);
            var unused = awaitSettled(trainer, log.fold().nextOffset());
        }
        log.endSessions();
        sendPoison(-1e6f);
        log.send(703, 1_002);
        sendPoison(3e6f);
        TestLog.Fold fold = log.fold();
        Set<Long> quarantined = new TreeSet<>(fold.rejected());
        assertThat(quarantined).hasSize(3);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            state = awaitSettled(trainer, fold.nextOffset());
            assertEqual(state, fold);
            assertThat(health(trainer, log.model()).path("report").path("quarantined").asLong()).isEqualTo(3);
            assertThat(get(trainer, "/metrics").body())
                    .contains("tidegrad_events_quarantined_total{model=\"" + log.model() + "\"} 3.0");
            Progress progress = await().atMost(PATIENCE).until(this::newestProgress,
                    newest -> newest.getNextOffset() == fold.nextOffset());
            assertThat(progress.getQuarantined()).isEqualTo(3);
            assertThat(progress.getDeadLetters()).isEqualTo(3);
        }
        TestLog.Fold without = log.fold(offset -> !quarantined.contains(offset));
        assertThat(without.rejected()).isEmpty();
        assertThat(without.weightsHash()).isEqualTo(fold.weightsHash());
        assertThat(without.stateHash()).isEqualTo(fold.stateHash());

        assertThat(log.deadLetterOffsets()).containsExactlyElementsOf(quarantined);
        for (ConsumerRecord<byte[], byte[]> letter : log.visible(log.topics().deadLetters())) {
            assertThat(TestLog.header(letter, "tidegrad-reason")).isEqualTo("quarantined");
            assertThat(TestLog.header(letter, "tidegrad-detail"))
                    .matches("quarantine\\.loss: expected at most 3\\.0 by version [0-9]+, found [0-9.E]+");
        }
        ReplayResult replay = Replay.run(Replays.of(kafka(), registry(), log.prefix, log.model()));
        assertThat(replay.stateHash()).isEqualTo(fold.stateHash());
        assertThat(replay.deadLetters()).isEqualTo(3);
        try (TrainerApp second = TrainerApp.start(
                log.config("--prefix", log.prefix + "second", "--state-dir", directory.resolve("second").toString()))) {
            assertEqual(awaitSettled(second, fold.nextOffset()), fold);
        }
        ModelSpec open = ModelSpec.parse(log.spec().yaml().replaceAll("quarantine.*\n", ""), "without quarantine");
        assertThat(log.fold(open).weightsHash()).isNotEqualTo(
                log.fold(open, log.visible(log.topic), offset -> !quarantined.contains(offset)).weightsHash());
    }
}
