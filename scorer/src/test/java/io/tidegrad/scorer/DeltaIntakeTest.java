package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.snapshot.PartCompression;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.Verification;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/// Full snapshots and deltas, in order and out of order.
class DeltaIntakeTest {
    private static final long[] OFFSETS = LongStream.range(1_000, 1_040).toArray();

    private final TestTrainer trainer = TestTrainer.of("flights").learn(50);
    private final TestIntake intake = new TestIntake("flights");

    private void assertServesWhatTheTrainerHas() {
        assertThat(intake.served().weightsHash()).isEqualTo(trainer.model().weightsHash());
        assertThat(answers(intake.session(1))).isEqualTo(trainer.answers(OFFSETS));
    }

    private static float[] answers(ScoringSession session) {
        float[] answers = new float[OFFSETS.length];
        for (int i = 0; i < OFFSETS.length; i++) {
            assertThat(session.score(TestTrainer.event(OFFSETS[i]))).isNull();
            answers[i] = session.probability(0);
        }
        return answers;
    }

    @Test
    void everyVersionOfAChainIsServedAsTheTrainerHasIt() {
        intake.accept(trainer.publishFull());
        assertServesWhatTheTrainerHas();
        SplittableRandom random = new SplittableRandom(3);
        for (int version = 0; version < 30; version++) {
            PartCompression compression = random.nextBoolean() ? PartCompression.ZSTD : PartCompression.NONE;
            trainer.with(new PublishedSnapshot.Form(compression, null));
            trainer.learn(random.nextInt(1, 6));
            boolean full = random.nextInt(8) == 0;
            intake.accept(full ? trainer.publishFull() : trainer.publishDelta());
            assertServesWhatTheTrainerHas();
        }
        SnapshotReading reading = intake.counters.reading();
        assertThat(reading.fulls() + reading.deltas()).isEqualTo(31);
        assertThat(reading.deltas()).isGreaterThan(20);
        assertThat(reading.fallbacks()).isZero();
    }

    /// An admission lets other threads run after decoding, after hashing, after the golden rows and between groups of
    /// recent requests.
    @Test
    void anAdmissionIsDoneInPieces() {
        intake.accept(trainer.publishFull());
        for (int version = 0; version < 3; version++) {
            intake.pieces = 0;
            intake.accept(trainer.learn(20).publishDelta());
            assertThat(intake.pieces).isGreaterThanOrEqualTo(8);
        }
        intake.pieces = 0;
        intake.accept(trainer.learn(20).publishFull());
        assertThat(intake.pieces).isGreaterThanOrEqualTo(8);
    }

    /// The version that a reader began with does not change, whatever is admitted in the meantime.
    @Test
    void aReaderInTheMiddleOfItsWorkSeesNothingOfANewVersion() {
        intake.accept(trainer.publishFull());
        float[] before = trainer.answers(OFFSETS);
        ScoringSession session = intake.session(1);
        session.begin();
        for (int version = 0; version < 5; version++) {
            intake.accept(trainer.learn(20).publishDelta());
            for (int i = 0; i < OFFSETS.length; i++) {
                session.clear();
                assertThat(session.add(TestTrainer.event(OFFSETS[i]))).isNull();
                session.score();
                assertThat(session.probability(0)).isEqualTo(before[i]);
            }
        }
        assertServesWhatTheTrainerHas();
    }

    @Test
    void aMissingDeltaStopsTheChainUntilTheNextFullSnapshot() {
        intake.accept(trainer.publishFull());
        trainer.learn(5).publishDelta(); // is lost
        List<Verification> decided = intake.accept(trainer.learn(5).publishDelta());
        assertRefused(decided, RefusalReason.UNKNOWN_PARENT);
        assertThat(intake.servedVersion()).isEqualTo("1.50");
        assertRefused(intake.accept(trainer.learn(5).publishDelta()), RefusalReason.UNKNOWN_PARENT);
        intake.accept(trainer.learn(5).publishFull());
        intake.accept(trainer.learn(5).publishDelta());
        assertThat(intake.servedVersion()).isEqualTo("1.75");
        assertServesWhatTheTrainerHas();
        assertThat(intake.counters.reading().fallbacks()).isEqualTo(1);
    }

    @Test
    void aDeltaWithoutItsPartIsIncompleteAndWhatFollowsHasNoParent() {
        intake.accept(trainer.publishFull());
        List<SnapshotEntry> records = trainer.learn(5).publishDelta().records();
        assertThat(records).hasSize(2);
        assertRefused(intake.accept(records.subList(1, 2)), RefusalReason.INCOMPLETE);
        assertRefused(intake.accept(trainer.learn(5).publishDelta()), RefusalReason.UNKNOWN_PARENT);
        intake.accept(trainer.learn(5).publishFull());
        assertServesWhatTheTrainerHas();
    }

    @Test
    void aFlippedBitOfADeltaIsNeverServed() {
        intake.accept(trainer.publishFull());
        List<SnapshotEntry> good = trainer.learn(1).publishDelta().records();
        for (int record = 0; record < good.size(); record++) {
            SnapshotEntry entry = good.get(record);
            for (int bit = 0; bit < 8 * entry.value().length; bit++) {
                List<SnapshotEntry> bad = new java.util.ArrayList<>(good);
                bad.set(record, new SnapshotEntry(entry.key(), Forgery.flipped(entry.value(), bit)));
                intake.accept(bad);
                assertThat(intake.servedVersion()).isEqualTo("1.50");
            }
        }
        intake.accept(good);
        assertServesWhatTheTrainerHas();
    }

    @Test
    void aForgedDeltaIsRefusedWithItsReason() {
        intake.accept(trainer.publishFull());
        PublishedSnapshot delta = trainer.learn(5).publishDelta();
        assertRefused(intake.accept(Forgery.manifest(delta, f -> f.weightsHash = "00".repeat(32))),
                RefusalReason.WEIGHTS_HASH);
        assertRefused(intake.accept(Forgery.manifest(delta, Forgery::nudgeGoldenRows)), RefusalReason.GOLDEN_ROWS);
        assertRefused(intake.accept(Forgery.manifest(delta, f -> f.numerics++)), RefusalReason.NUMERICS);
        assertRefused(intake.accept(Forgery.manifest(delta, f -> f.specFingerprint = new byte[32])),
                RefusalReason.SPEC_CHANGED);
        assertRefused(intake.accept(Forgery.manifest(delta, f -> f.featureFingerprint = new byte[32])),
                RefusalReason.FEATURES);
        assertRefused(intake.accept(Forgery.manifest(delta, f -> f.servedBytes += 4)), RefusalReason.UNREADABLE);
        assertRefused(intake.accept(Forgery.manifest(delta, f -> f.payloadBytes += 4)), RefusalReason.UNREADABLE);
        assertRefused(intake.accept(Forgery.manifest(delta, f -> f.examples++)), RefusalReason.WEIGHTS_HASH);
        assertThat(intake.servedVersion()).isEqualTo("1.50");
        intake.accept(delta);
        assertServesWhatTheTrainerHas();
    }

    @Test
    void aScorerWithAKeyTakesNothingThatItDidNotSign() throws GeneralSecurityException {
        KeyPair pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        KeyPair other = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        TestIntake strict = new TestIntake("flights", 64 << 20, pair.getPublic(), intake.clock);
        assertRefused(strict.accept(trainer.publishFull()), RefusalReason.SIGNATURE);
        trainer.with(new PublishedSnapshot.Form(PartCompression.NONE, other.getPrivate()));
        assertRefused(strict.accept(trainer.learn(1).publishFull()), RefusalReason.SIGNATURE);
        trainer.with(new PublishedSnapshot.Form(PartCompression.NONE, pair.getPrivate()));
        strict.accept(trainer.learn(1).publishFull());
        strict.accept(trainer.learn(1).publishDelta());
        assertThat(strict.servedVersion()).isEqualTo("1.53");
        trainer.with(PublishedSnapshot.Form.PLAIN);
        assertRefused(strict.accept(trainer.learn(1).publishDelta()), RefusalReason.SIGNATURE);
        assertThat(strict.servedVersion()).isEqualTo("1.53");
    }

    private static void assertRefused(List<Verification> decided, RefusalReason reason) {
        assertThat(decided).singleElement().isInstanceOfSatisfying(Verification.Refused.class,
                refused -> assertThat(refused.reason()).as(refused.detail()).isEqualTo(reason));
    }
}
