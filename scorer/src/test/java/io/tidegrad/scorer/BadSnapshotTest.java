package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.Verification;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Whatever is wrong with a snapshot, the last good version stays, the reason is counted, and the next good version is
/// loaded.
class BadSnapshotTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private TestTrainer trainer;
    private TestIntake intake;

    @BeforeEach
    void serveVersion10() {
        trainer = TestTrainer.of("flights").learn(10);
        intake = new TestIntake("flights");
        intake.accept(trainer.publish());
        assertThat(intake.servedVersion()).isEqualTo("1.10");
        trainer.learn(10);
    }

    private void assertRefused(List<SnapshotEntry> bad, RefusalReason reason) {
        ServedVersion before = intake.served();
        List<Verification> decided = intake.accept(bad);
        assertThat(decided).isNotEmpty()
                .allSatisfy(admission -> assertThat(admission).isInstanceOfSatisfying(Verification.Refused.class,
                        refused -> assertThat(refused.reason()).as(refused.detail()).isEqualTo(reason)));
        assertThat(intake.served()).isSameAs(before);
        assertThat(intake.counters.refusedCounts()).containsEntry(reason, (long) decided.size());
    }

    private void assertTheNextGoodOneLoads() {
        intake.accept(trainer.learn(10).publish());
        assertThat(intake.servedVersion()).isEqualTo("1.30");
    }

    /// Flips every bit of every key and value, one at a time, in an otherwise good snapshot.
    @Test
    void aFlippedBitIsRefusedWhereverItIs() {
        List<SnapshotEntry> good = trainer.publish().records();
        long flips = 0;
        for (int record = 0; record < good.size(); record++) {
            SnapshotEntry entry = good.get(record);
            for (int bit = 0; bit < 8 * entry.key().length; bit++) {
                assertNotServed(good, record, new SnapshotEntry(Forgery.flipped(entry.key(), bit), entry.value()));
                flips++;
            }
            for (int bit = 0; bit < 8 * entry.value().length; bit++) {
                assertNotServed(good, record, new SnapshotEntry(entry.key(), Forgery.flipped(entry.value(), bit)));
                flips++;
            }
        }
        assertThat(flips).isGreaterThan(8 * trainer.publish().manifest().servedBytes());
        assertTheNextGoodOneLoads();
    }

    /// Cuts values at every length, and appends bytes of more than one kind.
    @Test
    void aKeyOrValueOfAnotherLengthIsRefused() {
        List<SnapshotEntry> good = trainer.publish().records();
        for (int record = 0; record < good.size(); record++) {
            SnapshotEntry entry = good.get(record);
            for (int length = 0; length <= entry.key().length + 16; length++) {
                if (length != entry.key().length) {
                    assertNotServed(good, record, new SnapshotEntry(Arrays.copyOf(entry.key(), length), entry.value()));
                }
            }
            for (int length = 0; length <= entry.value().length + 64; length++) {
                if (length != entry.value().length) {
                    assertNotServed(good, record, new SnapshotEntry(entry.key(), Arrays.copyOf(entry.value(), length)));
                }
            }
        }
        assertTheNextGoodOneLoads();
    }

    private void assertNotServed(List<SnapshotEntry> good, int record, SnapshotEntry bad) {
        List<SnapshotEntry> records = new ArrayList<>(good);
        records.set(record, bad);
        List<Verification> decided = intake.accept(records);
        if (decided.isEmpty() || !intake.servedVersion().equals("1.10")) {
            throw new AssertionError(
                    "record " + record + " damaged, decided " + decided + ", served " + intake.servedVersion());
        }
    }

    /// The sizes that a forged manifest or key claims cost no memory.
    @Test
    void absurdSizesAreRefusedBeforeAnythingIsAllocated() {
        PublishedSnapshot next = trainer.publish();
        List<SnapshotEntry> absurd = Forgery.manifest(next, forged -> {
            forged.parts = SnapshotKey.PARTS_MAX;
            forged.servedBytes = SnapshotKey.PARTS_MAX * 63L * 8192;
        });
        // The first use of the code also allocates, so it is not measured.
        new TestIntake("flights").accept(absurd);
        long before = THREADS.getCurrentThreadAllocatedBytes();
        assertThat(intake.accept(absurd)).noneMatch(Verification.Admitted.class::isInstance);
        assertThat(THREADS.getCurrentThreadAllocatedBytes() - before).isLessThan(1 << 18);
        assertTheNextGoodOneLoads();
    }

    @Test
    void aMissingManifestCostsThatVersionOnly() {
        List<SnapshotEntry> records = trainer.publish().records();
        assertThat(intake.accept(records.subList(0, records.size() - 1))).isEmpty();
        assertTheNextGoodOneLoads();
        assertThat(intake.counters.refusedCounts()).containsEntry(RefusalReason.INCOMPLETE, 1L);
    }

    @Test
    void anotherSpecUnderTheSameEpochIsRefusedAndUnderTheNextServed() {
        assertRefused(TestTrainer.of("flights", 1, 8).learn(20).publish().records(), RefusalReason.SPEC_CHANGED);
        intake.accept(TestTrainer.of("flights", 2, 8).learn(5).publish());
        assertThat(intake.servedVersion()).isEqualTo("2.5");
        intake.accept(trainer.learn(10).publish());
        assertThat(intake.servedVersion()).as("the old epoch is over").isEqualTo("2.5");
    }

    @Test
    void moreBytesThanAllowedAreNotKept() {
        TestIntake small = new TestIntake("flights", 1_000, intake.clock);
        List<Verification> decided = small.accept(trainer.publish());
        assertThat(decided).singleElement().isInstanceOfSatisfying(Verification.Refused.class,
                refused -> assertThat(refused.reason()).isEqualTo(RefusalReason.TOO_LARGE));
        assertThat(small.servedVersion()).isEqualTo("none");
    }

    @Test
    void nullsAndForeignRecordsDisturbNothing() {
        List<SnapshotEntry> records = trainer.publish().records();
        assertThat(intake.intake.accept(null, null, 1_000, 0)).isInstanceOf(Verification.Refused.class);
        assertThat(
                intake.intake.accept("hello".getBytes(java.nio.charset.StandardCharsets.UTF_8), new byte[3], 1_001, 0))
                .isInstanceOf(Verification.Refused.class);
        assertThat(intake.intake.accept(SnapshotKey.manifest(1, 3).encode(), null, 1_002, 0)).isNull();
        assertThat(intake.intake.accept(SnapshotKey.HEARTBEAT.encode(), new byte[7], 1_003, 0))
                .isInstanceOf(Verification.Refused.class);
        intake.accept(records);
        assertThat(intake.servedVersion()).isEqualTo("1.20");
    }

    @Test
    void aRefusedManifestReadAgainIsNeitherTriedNorCountedTwice() {
        List<SnapshotEntry> bad = Forgery.manifest(trainer.publish(), forged -> forged.weightsHash = "00".repeat(32));
        for (int reading = 0; reading < 3; reading++) {
            for (int i = 0; i < bad.size(); i++) {
                intake.intake.accept(bad.get(i).key(), bad.get(i).value(), 500 + i, 0);
            }
        }
        assertThat(intake.counters.refusedCounts()).containsEntry(RefusalReason.WEIGHTS_HASH, 1L);
        assertThat(intake.counters.seenCount()).isEqualTo(2);
    }

    @Test
    void anEventInTheServedVersionAnswersAsTheTrainerDid() {
        long[] offsets = Stream.iterate(100L, offset -> offset + 7).limit(50).mapToLong(Long::longValue).toArray();
        intake.accept(trainer.learn(200).publish());
        float[] expected = trainer.answers(offsets);
        ScoringSession session = intake.session(1);
        for (int i = 0; i < offsets.length; i++) {
            assertThat(session.score(TestTrainer.event(offsets[i]))).isNull();
            assertThat(Float.floatToRawIntBits(session.probability(0))).isEqualTo(Float.floatToRawIntBits(expected[i]));
        }
        assertThat(Kernels.active().name()).isNotEmpty();
    }
}
