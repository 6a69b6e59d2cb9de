package io.tidegrad.model.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.SnapshotManifest.GoldenRow;
import io.tidegrad.model.snapshot.Verification.Admitted;
import io.tidegrad.model.snapshot.Verification.Refused;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class SnapshotTest {
    private static final int EPOCH = 3;
    private static final Kernels KERNELS = new ScalarKernels();

    /// Enough buckets for two parts.
    private static final ModelSpec SPEC = ModelSpec.parse(Specs.FLIGHTS.replace("8192", "40000"), "flights.yaml");

    private final OnlineModel model = learned();
    private final PublishedSnapshot snapshot = PublishedSnapshot.of(model, model.weightsHash(), EPOCH, 1_000, 77, true);
    private final SnapshotVerifier verifier = new SnapshotVerifier("flight-delay", KERNELS, 100_000_000);

    private static OnlineModel learned() {
        OnlineModel model = OnlineModel.initial(SPEC, KERNELS);
        Featurizer featurizer = new Featurizer(SPEC);
        for (int i = 0; i < 50; i++) {
            model.accept(Specs.row(featurizer, Specs.flight(i)));
        }
        return model;
    }

    private List<byte[]> parts() {
        List<byte[]> parts = new ArrayList<>();
        for (SnapshotEntry entry : snapshot.records().subList(0, snapshot.records().size() - 1)) {
            parts.add(entry.value());
        }
        return parts;
    }

    private Refused refused(SnapshotManifest manifest, List<byte[]> parts) {
        Verification verification = verifier.verify(manifest, parts, null);
        assertThat(verification).isInstanceOf(Refused.class);
        return (Refused) verification;
    }

    /// The manifest with one component changed, as a forger would: checksums right.
    private SnapshotManifest forged(Consumer<Components> change) {
        Components c = new Components(snapshot.manifest());
        change.accept(c);
        SnapshotManifest m = snapshot.manifest();
        SnapshotManifest forged =
                new SnapshotManifest(c.model, m.epoch(), c.version, c.parentVersion, c.specYaml, c.specFingerprint,
                        c.featureFingerprint, c.numerics, m.examples(), m.nextOffset(), m.newestAppendTime(),
                        m.eventTime(), m.caughtUp(), m.logLoss(), m.priorLogLoss(), m.accuracy(), m.auc(), m.parts(),
                        m.servedBytes(), c.weightsHash, c.goldenRows,
                        c.parentVersion < 0 ? m.payloadBytes() : m.payloadBytes() - 4,
                        c.parentVersion < 0 ? SnapshotManifest.Chain.ofFull(c.version, m.chain().fullTime())
                                : new SnapshotManifest.Chain(c.parentVersion, -1, 1),
                        m.origin(), m.classes(), m.signature());
        return SnapshotManifest.decode(forged.encode());
    }

    private static final class Components {
        String model;
        long version;
        long parentVersion;
        String specYaml;
        byte[] specFingerprint;
        byte[] featureFingerprint;
        int numerics;
        String weightsHash;
        List<GoldenRow> goldenRows;

        Components(SnapshotManifest from) {
            model = from.model();
            version = from.version();
            parentVersion = from.parentVersion();
            specYaml = from.specYaml();
            specFingerprint = from.specFingerprint();
            featureFingerprint = from.featureFingerprint();
            numerics = from.numerics();
            weightsHash = from.weightsHash();
            goldenRows = from.goldenRows();
        }
    }

    @Test
    void aPublishedModelIsAdmittedWithTheSameHashAndPredictions() {
        List<SnapshotEntry> records = snapshot.records();
        assertThat(records).hasSize(3);
        SnapshotManifest manifest = SnapshotManifest.decode(records.getLast().value());
        assertThat(manifest.encode()).isEqualTo(snapshot.manifest().encode());
        assertThat(SnapshotKey.decode(records.getLast().key())).isEqualTo(SnapshotKey.manifest(EPOCH, 50));
        for (int part = 0; part < 2; part++) {
            SnapshotKey key = SnapshotKey.decode(records.get(part).key());
            assertThat(key).isEqualTo(SnapshotKey.part(EPOCH, 50, part));
            assertThat(records.get(part).value().length).isLessThanOrEqualTo(SnapshotParts.PART_BYTES_MAX);
            SnapshotParts.check("flight-delay", key, records.get(part).value());
        }
        assertThat(manifest.goldenRows()).hasSize(4);
        Verification verification = verifier.verify(manifest, parts(), null);
        assertThat(verification).isInstanceOf(Admitted.class);
        LoadedModel loaded = ((Admitted) verification).model();
        assertThat(loaded.manifest().weightsHash()).isEqualTo(model.weightsHash());
        assertThat(loaded.parameters().updates()).isEqualTo(50);
        assertThat(loaded.parameters().examples()).isEqualTo(50);
        assertThat(loaded.spec().fingerprint()).isEqualTo(SPEC.fingerprint());
    }

    @Test
    void aModelThatHasLearnedNothingCanBePublished() {
        OnlineModel initial = OnlineModel.initial(SPEC, KERNELS);
        PublishedSnapshot fresh = PublishedSnapshot.of(initial, initial.weightsHash(), 0, 0, 0, false);
        List<byte[]> parts = fresh.records().stream().limit(2).map(SnapshotEntry::value).toList();
        assertThat(verifier.verify(SnapshotManifest.decode(fresh.manifest().encode()), parts, null))
                .isInstanceOf(Admitted.class);
    }

    @Test
    void everyFlippedBitOfAManifestIsNoticed() {
        byte[] bytes = snapshot.manifest().encode();
        for (int bit = 0; bit < 8 * bytes.length; bit++) {
            byte[] flipped = flip(bytes, bit);
            assertThatThrownBy(() -> SnapshotManifest.decode(flipped)).isInstanceOf(SnapshotFormatException.class);
        }
    }

    @Test
    void everyFlippedBitOfAHeartbeatIsNoticed() {
        byte[] bytes = new Heartbeat(EPOCH, 50, 1_000, true, 77).encode();
        assertThat(Heartbeat.decode(bytes)).isEqualTo(new Heartbeat(EPOCH, 50, 1_000, true, 77));
        for (int bit = 0; bit < 8 * bytes.length; bit++) {
            byte[] flipped = flip(bytes, bit);
            assertThatThrownBy(() -> Heartbeat.decode(flipped)).isInstanceOf(SnapshotFormatException.class);
        }
    }

    @Test
    void everyFlippedBitOfAStatusIsNoticed_andAMessageThatIsTooLongIsCut() {
        TrainerStatus status = new TrainerStatus(EPOCH, 77, TrainerStatus.RETRYING, 75, TrainerStatus.UNKNOWN,
                TrainerStatus.UNKNOWN, Double.NaN, List.of(new TrainerStatus.Reason("retrying", "Kafka is away", 70)),
                List.of(new TrainerStatus.AsServed(3, "live", 1_000, 0.25, Double.NaN, 0.031, 0.029)));
        byte[] bytes = status.encode();
        assertThat(TrainerStatus.decode(bytes)).isEqualTo(status);
        for (int bit = 0; bit < 8 * bytes.length; bit++) {
            byte[] flipped = flip(bytes, bit);
            assertThatThrownBy(() -> TrainerStatus.decode(flipped)).isInstanceOf(SnapshotFormatException.class);
        }
        String text = "→".repeat(5_000);
        TrainerStatus.Reason reason = new TrainerStatus.Reason("failed", text, 70);
        TrainerStatus told = TrainerStatus.decode(
                new TrainerStatus(EPOCH, 77, TrainerStatus.FAILED, 2, 0, 0, Double.NaN, List.of(reason), List.of())
                        .encode());
        assertThat(text).startsWith(told.reasons().getFirst().message().replace("…", ""));
        assertThat(told.reasons().getFirst().message()).hasSizeGreaterThan(1_000).endsWith("…");
    }

    @Test
    void everyFlippedBitOfAKeyIsNoticedAlone_orBesideItsValue() {
        byte[] key = snapshot.records().get(1).key();
        byte[] value = snapshot.records().get(1).value();
        for (int bit = 0; bit < 8 * key.length; bit++) {
            byte[] flipped = flip(key, bit);
            assertThatThrownBy(() -> SnapshotParts.check("flight-delay", SnapshotKey.decode(flipped), value))
                    .isInstanceOf(SnapshotFormatException.class);
        }
        for (SnapshotKey of : List.of(SnapshotKey.HEARTBEAT, SnapshotKey.STATUS)) {
            byte[] said = of.encode();
            for (int bit = 0; bit < 8 * said.length; bit++) {
                byte[] flipped = flip(said, bit);
                assertThatThrownBy(() -> SnapshotKey.decode(flipped)).isInstanceOf(SnapshotFormatException.class);
            }
        }
    }

    @Test
    void aFlippedBitOfAPartIsNoticedWhereverItIs() {
        byte[] part = parts().get(1);
        SnapshotKey key = SnapshotKey.part(EPOCH, 50, 1);
        SplittableRandom random = new SplittableRandom(5);
        for (int trial = 0; trial < 2_000; trial++) {
            // All of the frame's bits, then any.
            int bit = trial < 8 * 28 ? trial : random.nextInt(8 * part.length);
            byte[] flipped = flip(part, bit);
            assertThatThrownBy(() -> SnapshotParts.check("flight-delay", key, flipped))
                    .isInstanceOf(SnapshotFormatException.class);
        }
    }

    private static byte[] flip(byte[] bytes, int bit) {
        byte[] flipped = bytes.clone();
        flipped[bit >> 3] ^= (byte) (1 << (bit & 7));
        return flipped;
    }

    @Test
    void partsOutOfPlaceAreRefused() {
        List<byte[]> parts = parts();
        assertThat(refused(snapshot.manifest(), parts.reversed())).isEqualTo(new Refused(snapshot.manifest(),
                RefusalReason.UNREADABLE, "snapshot part 0: expected part 0, found 1"));
        assertThat(refused(snapshot.manifest(), parts.subList(0, 1)).detail())
                .isEqualTo("snapshot: expected 2 parts, found 1, and the manifest says 2");
        List<byte[]> ofAnotherEpoch = new ArrayList<>(SnapshotParts.encode(model.parameters(), "flight-delay", 4));
        assertThat(refused(snapshot.manifest(), ofAnotherEpoch).detail())
                .isEqualTo("snapshot part 0: expected epoch 3, found 4");
        List<byte[]> ofAnotherModel = SnapshotParts.encode(model.parameters(), "flight-cost", EPOCH);
        assertThat(refused(snapshot.manifest(), ofAnotherModel).detail()).contains("damaged or misplaced");
        List<byte[]> truncated = new ArrayList<>(parts);
        truncated.set(1, java.util.Arrays.copyOf(parts.get(1), parts.get(1).length - 1));
        assertThat(refused(snapshot.manifest(), truncated).reason()).isEqualTo(RefusalReason.UNREADABLE);
    }

    @Test
    void aForgedManifestIsRefusedWithItsReason() {
        assertThat(refused(forged(c -> c.model = "flight-cost"), parts()))
                .isEqualTo(new Refused(EPOCH, snapshot.manifest().version(), RefusalReason.WRONG_MODEL,
                        "expected model 'flight-delay', found 'flight-cost'"));
        assertThat(refused(forged(c -> c.parentVersion = 49), parts()).reason())
                .isEqualTo(RefusalReason.UNKNOWN_PARENT);
        assertThat(refused(forged(c -> c.numerics++), parts()).reason()).isEqualTo(RefusalReason.NUMERICS);
        assertThat(refused(forged(c -> c.specYaml = "model: x"), parts()).reason()).isEqualTo(RefusalReason.SPEC);
        assertThat(refused(forged(c -> c.specFingerprint = new byte[32]), parts()).reason())
                .isEqualTo(RefusalReason.SPEC);
        assertThat(refused(forged(c -> c.featureFingerprint = new byte[32]), parts()).reason())
                .isEqualTo(RefusalReason.FEATURES);
        assertThat(refused(forged(c -> c.weightsHash = "00".repeat(32)), parts()).reason())
                .isEqualTo(RefusalReason.WEIGHTS_HASH);
        assertThat(refused(forged(c -> c.goldenRows = List.of(otherPrediction(c.goldenRows.getFirst()))), parts())
                .reason()).isEqualTo(RefusalReason.GOLDEN_ROWS);
        assertThat(refused(forged(c -> c.goldenRows = List.of(new GoldenRow(new float[9], new int[4], new float[1]))),
                parts()).detail()).isEqualTo("golden row 0: expected 1 numbers, 4 ids, 1 predictions, found 9, 4, 1");
        assertThat(refused(forged(
                c -> c.goldenRows = List.of(new GoldenRow(new float[1], new int[]{0, 0, 1 << 30, -1}, new float[1]))),
                parts()).reason()).isEqualTo(RefusalReason.GOLDEN_ROWS);
        assertThat(new SnapshotVerifier("flight-delay", KERNELS, 1_000).verify(snapshot.manifest(), parts(), null))
                .isInstanceOfSatisfying(Refused.class,
                        tooLarge -> assertThat(tooLarge.reason()).isEqualTo(RefusalReason.TOO_LARGE));
    }

    /// The next float above.
    private static GoldenRow otherPrediction(GoldenRow row) {
        return new GoldenRow(row.numbers(), row.ids(), new float[]{Math.nextUp(row.predictions()[0])});
    }

    @Test
    void weightsThatAreNotFiniteAreRefusedThoughEveryChecksumIsRight() {
        Parameters poisoned = Parameters.served(Plan.of(SPEC.network()));
        SnapshotParts.decode(snapshot.manifest(), parts(), poisoned);
        byte[] page = new byte[Parameters.PAGE_BYTES];
        int last = poisoned.servedPages() - 1;
        poisoned.readPage(last, page, 0);
        java.nio.ByteBuffer.wrap(page).order(java.nio.ByteOrder.LITTLE_ENDIAN).putFloat(0, Float.NaN);
        poisoned.writePage(last, page, 0);
        assertThat(refused(snapshot.manifest(), SnapshotParts.encode(poisoned, "flight-delay", EPOCH)))
                .isEqualTo(new Refused(snapshot.manifest(), RefusalReason.NOT_FINITE,
                        "page " + last + " holds a NaN or an infinity"));
    }

    @Test
    void absurdSizesAreRefusedBeforeAnythingIsAllocated() {
        SnapshotManifest m = snapshot.manifest();
        SnapshotManifest absurd = new SnapshotManifest(m.model(), m.epoch(), m.version(), -1, m.specYaml(),
                m.specFingerprint(), m.featureFingerprint(), m.numerics(), m.examples(), m.nextOffset(),
                m.newestAppendTime(), m.eventTime(), true, 0, 0, 0, 0, Integer.MAX_VALUE, m.servedBytes(),
                m.weightsHash(), List.of(), m.payloadBytes(), m.chain(), m.origin(), m.classes(), m.signature());
        byte[] bytes = absurd.encode();
        assertThatThrownBy(() -> SnapshotManifest.decode(bytes)).isInstanceOf(SnapshotFormatException.class)
                .hasMessage("snapshot manifest: expected a number of parts from 0 to 4194304, found 2147483647");
    }

    @Test
    void aNewerFormatIsNamedAsSuch() {
        byte[] bytes = snapshot.manifest().encode();
        bytes[4] = 5;
        assertThatThrownBy(() -> SnapshotManifest.decode(bytes))
                .hasMessage("snapshot manifest: expected format 3 to 4, found 5; a newer build can read it");
        byte[] part = parts().getFirst();
        part[4] = 3;
        assertThatThrownBy(() -> SnapshotParts.check("flight-delay", SnapshotKey.part(EPOCH, 50, 0), part))
                .hasMessage("snapshot part 0: expected format 2, found 3; a newer build can read it");
    }

    @Test
    void tombstoneKeysAreExactlyThoseOfTheRecords() {
        List<byte[]> keys = PublishedSnapshot.keys(EPOCH, 50, 2);
        List<byte[]> written = snapshot.records().stream().map(SnapshotEntry::key).toList();
        assertThat(keys).containsExactlyInAnyOrderElementsOf(written);
        assertThat(keys.getFirst()).isEqualTo(written.getLast());
    }
}
