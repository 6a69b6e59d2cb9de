package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.proof.LongProof;
import io.tidegrad.trainer.publish.ServedVersion;
import io.tidegrad.trainer.store.CommittedState;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;

/// A gate that wants 2,000 labels without a fault after each version, and takes the model back after 12,000 with one.
class PublishGateTest extends TrainerFixture {
    private static final int HEALTHY = 20_000; // eight blocks, of which six say what has been
    private static final int DEAD = 28_000; // up to here
    private static final int MENDED = 48_000;
    private static final int LABELS = 2_000;
    private static final int LASTING = 12_000;
    private static final int AT_ONCE = 500;

    private final SplittableRandom random = new SplittableRandom(3);

    PublishGateTest() {
        super(1);
    }

    @Override
    TestLog newLog() {
        return new TestLog(directory, "1", SharedStack.get().registryUrl(), "", 2_048, 4,
                "PT0.05S, gate: { labels: " + LABELS + ", roll-back-after: " + LASTING
                        + ", against-served: true, bounds: { mean-label: [0.2, 0.6] } }");
    }

    private void send(int from, int to, boolean dead) {
        List<ProducerRecord<byte[], byte[]>> events = new ArrayList<>();
        for (int i = from; i < to; i++) {
            float a = random.nextInt(1_000) / 1_000f;
            int over = !dead && random.nextInt(1_000) < 1_000 * a * 0.8 ? 1 : 0;
            events.add(log.event(log.encode("p" + random.nextInt(50), a, 0, over)));
        }
        log.send(events);
    }

    /// While a trainer learns: the gate looks at each commit, and one of a long backlog may be thousands of labels late.
    private void send(TrainerApp trainer, int from, int to, boolean dead) {
        for (int next = from; next < to; next += AT_ONCE) {
            int end = Math.min(to, next + AT_ONCE);
            send(next, end, dead);
            // None learns for a moment when it is taken back.
            await().atMost(PATIENCE).until(() -> trainer.models().stream().map(ModelTrainer::committed)
                    .anyMatch(now -> now != null && now.nextOffset() >= end));
        }
    }

    private List<ControlRecord> notes() {
        return read().records(log.model()).stream().filter(record -> record.action() instanceof ControlAction.Note)
                .toList();
    }

    private static String status(TrainerApp trainer) {
        return json(get(trainer, "/health").body()).path("status").asText();
    }

    @LongProof("thousands of events at a broker until the gate opens")
    @Test
    void noVersionIsPublishedThatHasLearnedLabelsOfADeadSourceAndTheNextOneIsWhenItIsMended() {
        send(0, HEALTHY, false);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            CommittedState healthy = awaitSettled(trainer, HEALTHY);
            assertThat(healthy.fault()).isNull();

            send(trainer, HEALTHY, DEAD, true);
            CommittedState dead = awaitSettled(trainer, DEAD);
            assertThat(dead.version()).isEqualTo(DEAD);
            assertThat(dead.publishedVersion()).isBetween(healthy.publishedVersion(), (long) HEALTHY);
            assertThat(dead.fault()).contains("mean label is 0.0000, and was",
                    "mean label of the newest 2000 labels is 0.0000, expected 0.2 to 0.6");
            await().atMost(PATIENCE).until(
                    () -> health(trainer, log.model()).path("reasons").findValuesAsText("reason").contains("held"));
            assertThat(status(trainer)).isEqualTo("DEGRADED");
            await().atMost(PATIENCE).until(() -> notes().size() == 1);
            ControlRecord held = notes().getFirst();
            assertThat(held.author()).isEqualTo("gate");
            assertThat(held.reason()).contains("mean label is 0.");
            assertThat(held.action()).isInstanceOfSatisfying(ControlAction.Hold.class, hold -> {
                assertThat(hold.published()).isEqualTo(dead.publishedVersion());
                assertThat(hold.version()).isBetween((long) HEALTHY, (long) DEAD);
                assertThat(hold.offset()).isBetween((long) HEALTHY, (long) DEAD);
            });
        }
        long served = notes().getFirst().action() instanceof ControlAction.Hold hold ? hold.published() : -1;
        Parameters read =
                ServedVersion.read(log.config().kafka(), log.topics(), log.model(), 1, served, Kernels.active());
        assertThat(read.updates()).isEqualTo(served);
        assertThat(ModelHash.weights(log.spec().fingerprint(), read))
                .isEqualTo(log.fold(offset -> offset < served).weightsHash());
        try (TrainerApp trainer = TrainerApp.start(log.config())) { // finds the fault again, and notes it no more
            send(trainer, DEAD, MENDED, false);
            CommittedState mended = awaitSettled(trainer, MENDED);
            assertThat(mended.fault()).isNull();
            send(trainer, MENDED, MENDED + 2 * LABELS, false);
            await().atMost(PATIENCE).until(() -> {
                CommittedState now = trainer.models().getFirst().committed();
                return now != null && now.publishedVersion() > DEAD;
            });
            await().atMost(PATIENCE).until(() -> status(trainer).equals("UP"));
            await().atMost(PATIENCE).until(() -> notes().getLast().action() instanceof ControlAction.Publish);
        }
        assertThat(notes()).extracting(note -> note.action().word()).containsExactly("hold", "publish");
        assertThat(log.manifests(log.visible(log.topics().snapshots(log.model()))))
                .noneMatch(each -> each.version() > HEALTHY && each.version() <= DEAD);
    }

    @LongProof("thousands of events at a broker until the gate gives up")
    @Test
    void aFaultThatLastsTakesTheModelBackOnceToTheLastVersionThatWasPublished() {
        int end = HEALTHY + LASTING + 2 * LABELS;
        send(0, HEALTHY, false);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitSettled(trainer, HEALTHY);
            send(trainer, HEALTHY, end, true);
            await().atMost(PATIENCE).until(() -> !rollbacks().isEmpty());
            ControlRecord decision = rollbacks().getFirst();
            ControlAction.Hold held = (ControlAction.Hold) notes().getFirst().action();
            assertThat(decision.author()).isEqualTo("gate");
            assertThat(decision.reason()).contains("held since version " + held.version(), "mean label");
            ControlAction.Rollback back = (ControlAction.Rollback) decision.action();
            assertThat(back.base().epoch()).isEqualTo(1);
            assertThat(back.base().version()).isEqualTo(held.published());
            assertThat(back.resumeOffset()).isBetween(held.offset() + LASTING, (long) end);
            assertThat(read().model(log.model()).getEpoch()).isEqualTo(2);

            send(trainer, end, 2 * end, true); // the same fault, of which the base knows nothing
            await().atMost(PATIENCE)
                    .until(() -> health(trainer, log.model()).path("reasons").findValuesAsText("message").stream()
                            .anyMatch(why -> why.contains("no version was published since the last rollback")));
            CommittedState last = awaitSettled(trainer, 2 * end);
            assertThat(Objects.requireNonNull(last.report()).weightsHash()).isEqualTo(log
                    .fold(offset -> offset < back.base().nextOffset() || offset >= back.resumeOffset()).weightsHash());
        }
        assertThat(rollbacks()).hasSize(1);
    }

    private List<ControlRecord> rollbacks() {
        return read().records(log.model()).stream().filter(record -> record.action() instanceof ControlAction.Rollback)
                .toList();
    }
}
