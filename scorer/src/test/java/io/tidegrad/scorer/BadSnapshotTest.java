package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Whatever is wrong with a snapshot: the last good one keeps serving, the reason is counted, the next good one loads.
class BadSnapshotTest {
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
        ServedModel before = intake.served();
        List<Admission> decided = intake.accept(bad);
        assertThat(decided)
                .isNotEmpty()
                .allSatisfy(
                        admission ->
                                assertThat(admission)
                                        .isInstanceOfSatisfying(
                                                Admission.Refused.class,
                                                refused ->
                                                        assertThat(refused.reason())
                                                                .as(refused.detail())
                                                                .isEqualTo(reason)));
        assertThat(intake.served()).isSameAs(before);
        assertThat(intake.counters.refusedCounts()).containsEntry(reason, (long) decided.size());
    }

    private void assertTheNextGoodOneLoads() {
        intake.accept(trainer.learn(10).publish());
        assertThat(intake.servedVersion()).isEqualTo("1.30");
    }

    static Stream<Arguments> forgedManifests() {
        return Stream.of(
                forged(
                        "another model",
                        RefusalReason.WRONG_MODEL,
                        forged -> forged.model = "digits"),
                forged(
                        "a delta",
                        RefusalReason.UNKNOWN_PARENT,
                        forged -> forged.parentVersion = 10),
                forged(
                        "another build's numbers",
                        RefusalReason.NUMERICS,
                        forged -> forged.numerics++),
                forged(
                        "a spec that is none",
                        RefusalReason.SPEC,
                        forged -> forged.specYaml = "model: [flights"),
                forged(
                        "another spec fingerprint",
                        RefusalReason.SPEC_CHANGED,
                        forged -> forged.specFingerprint = new byte[32]),
                forged(
                        "another spec than its fingerprint says",
                        RefusalReason.SPEC,
                        forged ->
                                forged.specYaml = forged.specYaml.replace("seed: 42", "seed: 43")),
                forged(
                        "another feature fingerprint",
                        RefusalReason.FEATURES,
                        forged -> forged.featureFingerprint = new byte[32]),
                forged(
                        "another hash",
                        RefusalReason.WEIGHTS_HASH,
                        forged -> forged.weightsHash = "00".repeat(32)),
                forged(
                        "another count of examples",
                        RefusalReason.WEIGHTS_HASH,
                        forged -> forged.examples++),
                forged(
                        "a golden row one bit off",
                        RefusalReason.GOLDEN_ROWS,
                        Forged::nudgeGoldenRow));
    }

    private static Arguments forged(String what, RefusalReason reason, Consumer<Forged> forge) {
        return Arguments.of(Named.of(what, forge), reason);
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("forgedManifests")
    void aForgedManifestIsRefused(Consumer<Forged> forge, RefusalReason reason) {
        assertRefused(forge(trainer.publish(), forge), reason);
        assertTheNextGoodOneLoads();
    }

    private static List<SnapshotEntry> forge(PublishedSnapshot snapshot, Consumer<Forged> forge) {
        Forged forged = new Forged(snapshot.manifest());
        forge.accept(forged);
        List<SnapshotEntry> records = new ArrayList<>(snapshot.records());
        records.set(
                records.size() - 1,
                new SnapshotEntry(records.getLast().key(), forged.manifest().encode()));
        return records;
    }

    @Test
    void aNanAmongTheWeightsIsRefusedThoughEveryChecksumHolds() {
        Parameters parameters = trainer.model().parameters();
        int page = parameters.servedPages() - 1;
        byte[] bytes = new byte[Parameters.PAGE_BYTES];
        parameters.readPage(page, bytes, 0);
        byte[] poisoned = bytes.clone();
        int end = parameters.pageLength(page); // the stream's last float, a bias
        poisoned[end - 1] = (byte) 0x7f;
        poisoned[end - 2] = (byte) 0xc0;
        parameters.writePage(page, poisoned, 0);
        PublishedSnapshot bad = trainer.publish();
        parameters.writePage(page, bytes, 0);
        assertRefused(bad.records(), RefusalReason.NOT_FINITE);
        assertTheNextGoodOneLoads();
    }

    /// Every bit of key, part and manifest is one that matters: bits drawn over the whole of each.
    @Test
    void aFlippedBitIsRefusedWhereverItIs() {
        List<SnapshotEntry> good = trainer.publish().records();
        int refusals = 0;
        for (int record = 0; record < good.size(); record++) {
            SnapshotEntry entry = good.get(record);
            for (int bit = 0; bit < 8 * entry.key().length; bit++) {
                refusals +=
                        flipped(
                                good,
                                record,
                                new SnapshotEntry(flip(entry.key(), bit), entry.value()));
            }
            for (int at = 0; at < 400; at++) {
                int bit = (int) (at * 8L * entry.value().length / 400) + at % 8;
                refusals +=
                        flipped(
                                good,
                                record,
                                new SnapshotEntry(entry.key(), flip(entry.value(), bit)));
            }
        }
        assertThat(refusals).isPositive();
        assertTheNextGoodOneLoads();
    }

    private int flipped(List<SnapshotEntry> good, int record, SnapshotEntry bad) {
        List<SnapshotEntry> records = new ArrayList<>(good);
        records.set(record, bad);
        List<Admission> decided = intake.accept(records);
        assertThat(decided).isNotEmpty().noneMatch(Admission.Admitted.class::isInstance);
        assertThat(intake.servedVersion()).isEqualTo("1.10");
        return decided.size();
    }

    private static byte[] flip(byte[] bytes, int bit) {
        byte[] flipped = bytes.clone();
        flipped[bit / 8] ^= (byte) (1 << bit % 8);
        return flipped;
    }

    @Test
    void aMissingPartIsRefused() {
        List<SnapshotEntry> records = trainer.publish().records();
        assertRefused(records.subList(1, records.size()), RefusalReason.INCOMPLETE);
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
    void aVersionGoingBackIsRefused() {
        PublishedSnapshot older = TestTrainer.of("flights").learn(5).publish();
        assertRefused(older.records(), RefusalReason.NOT_NEWER);
        assertThat(intake.servedVersion()).isEqualTo("1.10");
        assertTheNextGoodOneLoads();
    }

    @Test
    void theServedVersionOnceMoreIsRefused() {
        assertRefused(
                TestTrainer.of("flights").learn(10).publish().records(), RefusalReason.NOT_NEWER);
        assertTheNextGoodOneLoads();
    }

    @Test
    void anotherSpecUnderTheSameEpochIsRefusedAndUnderTheNextServed() {
        assertRefused(
                TestTrainer.of("flights", 1, 8).learn(20).publish().records(),
                RefusalReason.SPEC_CHANGED);
        intake.accept(TestTrainer.of("flights", 2, 8).learn(5).publish());
        assertThat(intake.servedVersion()).isEqualTo("2.5");
        intake.accept(trainer.learn(10).publish());
        assertThat(intake.servedVersion()).as("the old epoch is over").isEqualTo("2.5");
    }

    @Test
    void moreBytesThanAllowedAreNotKept() {
        TestIntake small = new TestIntake("flights", 1_000, intake.clock);
        List<Admission> decided = small.accept(trainer.publish());
        assertThat(decided)
                .singleElement()
                .isInstanceOfSatisfying(
                        Admission.Refused.class,
                        refused -> assertThat(refused.reason()).isEqualTo(RefusalReason.TOO_LARGE));
        assertThat(small.servedVersion()).isEqualTo("none");
    }

    @Test
    void nullsAndForeignRecordsDisturbNothing() {
        List<SnapshotEntry> records = trainer.publish().records();
        assertThat(intake.intake.accept(null, null, 1_000, 0))
                .isInstanceOf(Admission.Refused.class);
        assertThat(
                        intake.intake.accept(
                                "hello".getBytes(java.nio.charset.StandardCharsets.UTF_8),
                                new byte[3],
                                1_001,
                                0))
                .isInstanceOf(Admission.Refused.class);
        assertThat(intake.intake.accept(SnapshotKey.manifest(1, 3).encode(), null, 1_002, 0))
                .isNull();
        assertThat(intake.intake.accept(SnapshotKey.HEARTBEAT.encode(), new byte[7], 1_003, 0))
                .isInstanceOf(Admission.Refused.class);
        intake.accept(records);
        assertThat(intake.servedVersion()).isEqualTo("1.20");
    }

    @Test
    void aRefusedManifestReadAgainIsNeitherTriedNorCountedTwice() {
        List<SnapshotEntry> bad =
                forge(trainer.publish(), forged -> forged.weightsHash = "00".repeat(32));
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
        long[] offsets =
                Stream.iterate(100L, offset -> offset + 7)
                        .limit(50)
                        .mapToLong(Long::longValue)
                        .toArray();
        intake.accept(trainer.learn(200).publish());
        float[] expected = trainer.answers(offsets);
        ScoringSession session = intake.session(1);
        for (int i = 0; i < offsets.length; i++) {
            assertThat(session.score(TestTrainer.event(offsets[i]))).isNull();
            assertThat(Float.floatToRawIntBits(session.probability(0)))
                    .isEqualTo(Float.floatToRawIntBits(expected[i]));
        }
        assertThat(Kernels.active().name()).isNotEmpty();
    }

    /// A manifest to be tampered with.
    static final class Forged {
        final SnapshotManifest of;
        String model;
        long parentVersion;
        String specYaml;
        byte[] specFingerprint;
        byte[] featureFingerprint;
        int numerics;
        long examples;
        String weightsHash;
        List<SnapshotManifest.GoldenRow> goldenRows;

        Forged(SnapshotManifest of) {
            this.of = of;
            model = of.model();
            parentVersion = of.parentVersion();
            specYaml = of.specYaml();
            specFingerprint = of.specFingerprint();
            featureFingerprint = of.featureFingerprint();
            numerics = of.numerics();
            examples = of.examples();
            weightsHash = of.weightsHash();
            goldenRows = of.goldenRows();
        }

        void nudgeGoldenRow() {
            Function<SnapshotManifest.GoldenRow, SnapshotManifest.GoldenRow> nudge =
                    row -> {
                        float[] predictions = row.predictions().clone();
                        predictions[0] = Math.nextUp(predictions[0]);
                        return new SnapshotManifest.GoldenRow(
                                row.numbers(), row.ids(), predictions);
                    };
            goldenRows = goldenRows.stream().map(nudge).toList();
        }

        SnapshotManifest manifest() {
            return new SnapshotManifest(
                    model,
                    of.epoch(),
                    of.version(),
                    parentVersion,
                    specYaml,
                    specFingerprint,
                    featureFingerprint,
                    numerics,
                    examples,
                    of.nextOffset(),
                    of.newestAppendTime(),
                    of.eventTime(),
                    of.caughtUp(),
                    of.logLoss(),
                    of.priorLogLoss(),
                    of.accuracy(),
                    of.auc(),
                    of.parts(),
                    of.servedBytes(),
                    weightsHash,
                    goldenRows);
        }
    }
}
