package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.Verification;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// Invariant I14 without Kafka: records of three epochs' trainers, who don't know of each other, in any order, and
/// rollbacks in between.
class SuccessionTest {
    private static final int EPOCHS = 3;

    @Test
    void whateverComesInWhateverOrderServedVersionsNeverGoBack() {
        int admitted = 0;
        int refused = 0;
        for (long seed = 1; seed <= 12; seed++) {
            TestIntake intake = new TestIntake("flights");
            SplittableRandom random = new SplittableRandom(seed);
            List<TestTrainer> trainers = new ArrayList<>();
            for (int epoch = 1; epoch <= EPOCHS; epoch++) {
                TestTrainer trainer = TestTrainer.of("flights", epoch, 4);
                trainer.learn(random.nextInt(1, 20)).publishFull();
                trainers.add(trainer);
            }
            Map<String, String> hashes = new HashMap<>();
            int begun = 1;
            String last = "0.0";
            for (int step = 0; step < 60; step++) {
                TestTrainer trainer = trainers.get(random.nextInt(EPOCHS));
                if (random.nextInt(12) == 0 && begun < EPOCHS && intake.current.get() != null) {
                    begun++;
                    LoadedModel base = intake.served().loaded();
                    intake.intake.begin(begun);
                    boolean goesOn = intake.served().epoch() >= begun;
                    if (!goesOn) {
                        intake.admission.bringBack(new Verification.Admitted(base, 0), begun);
                        hashes.put(intake.servedVersion(), base.manifest().weightsHash());
                    }
                } else {
                    trainer.learn(random.nextInt(1, 4));
                    PublishedSnapshot snapshot = random.nextBoolean() ? trainer.publishFull() : trainer.publishDelta();
                    String version = snapshot.manifest().epoch() + "." + snapshot.manifest().version();
                    for (Verification admission : intake.accept(snapshot)) {
                        if (admission instanceof Verification.Admitted) {
                            hashes.put(version, snapshot.manifest().weightsHash());
                            admitted++;
                        } else {
                            refused++;
                        }
                    }
                }
                if (intake.current.get() != null) {
                    ServedVersion served = intake.served();
                    assertThat(served.epoch()).as("seed " + seed).isGreaterThanOrEqualTo(
                            intake.current.succession().isOver("flights", begun - 1) ? begun : 1);
                    assertThat(compare(intake.servedVersion(), last))
                            .as("seed " + seed + ": " + last + " then " + intake.servedVersion()).isNotNegative();
                    assertThat(served.weightsHash()).as("seed " + seed).isEqualTo(hashes.get(intake.servedVersion()));
                    last = intake.servedVersion();
                }
            }
        }
        assertThat(admitted).isGreaterThan(80);
        assertThat(refused).isGreaterThan(80);
    }

    @Test
    void aHeartbeatOfAnotherModelOrOfAnEpochThatIsOverSaysNothing() {
        TestIntake intake = new TestIntake("flights");
        Heartbeat beat = new Heartbeat(1, 5, 5, true, 1_000);
        intake.current.beat("challenger", beat, 0);
        assertThat(intake.current.seenHeartbeat("flights")).isNull();
        assertThat(intake.current.seenHeartbeat("challenger")).extracting(SeenHeartbeat::heartbeat).isEqualTo(beat);
        intake.current.beat("flights", beat, 1);
        assertThat(intake.current.seenHeartbeat("flights")).extracting(SeenHeartbeat::heartbeat).isEqualTo(beat);
        intake.intake.begin(2);
        intake.current.beat("flights", new Heartbeat(1, 6, 6, true, 2_000), 2);
        assertThat(intake.current.seenHeartbeat("flights")).extracting(SeenHeartbeat::heartbeat).isEqualTo(beat);
    }

    private static int compare(String one, String other) {
        String[] a = one.split("\\.");
        String[] b = other.split("\\.");
        int epochs = Integer.compare(Integer.parseInt(a[0]), Integer.parseInt(b[0]));
        return epochs != 0 ? epochs : Long.compare(Long.parseLong(a[1]), Long.parseLong(b[1]));
    }
}
