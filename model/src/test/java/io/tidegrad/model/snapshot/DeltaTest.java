package io.tidegrad.model.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Successor;
import io.tidegrad.model.Specs;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot.Form;
import io.tidegrad.model.snapshot.PublishedSnapshot.Moment;
import io.tidegrad.model.snapshot.PublishedSnapshot.Parent;
import io.tidegrad.model.snapshot.Verification.Admitted;
import io.tidegrad.model.snapshot.Verification.Refused;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DeltaTest {
    private static final int EPOCH = 3;
    private static final Kernels KERNELS = new ScalarKernels();
    private static final Form ZSTD = new Form(PartCompression.ZSTD, null);

    /// A trainer, and a reader that gets its snapshots.
    private static final class Chain {
        final ModelSpec spec;
        final OnlineModel model;
        final Featurizer featurizer;
        final SnapshotVerifier verifier;
        @Nullable
        LoadedModel loaded;
        int events;
        long time = 1_700_000_000_000L;

        Chain(String yaml) {
            spec = ModelSpec.parse(yaml, "test.yaml");
            model = OnlineModel.initial(spec, KERNELS);
            featurizer = new Featurizer(spec);
            verifier = new SnapshotVerifier(spec.model(), KERNELS, 1 << 30);
        }

        Chain learn(int count) {
            for (int i = 0; i < count; i++) {
                model.accept(Specs.row(featurizer, Specs.flight(events++)));
            }
            return this;
        }

        private Moment moment() {
            return new Moment(model.weightsHash(), EPOCH, events, 77, true, time++);
        }

        PublishedSnapshot full(Form form) {
            PublishedSnapshot full = PublishedSnapshot.full(model, moment(), form);
            model.parameters().changes().clear();
            return full;
        }

        /// Of what changed since the snapshot that was made last.
        PublishedSnapshot delta(PublishedSnapshot parent, Form form) {
            PublishedSnapshot delta = PublishedSnapshot.delta(model, moment(),
                    new Parent(parent.manifest().version(), parent.manifest().chain()), form);
            model.parameters().changes().clear();
            return delta;
        }

        Verification verify(PublishedSnapshot snapshot) {
            SnapshotManifest manifest = SnapshotManifest.decode(snapshot.records().getLast().value());
            return verifier.verify(manifest, parts(snapshot), loaded);
        }

        LoadedModel admit(PublishedSnapshot snapshot) {
            Verification verification = verify(snapshot);
            assertThat(verification).isInstanceOf(Admitted.class);
            LoadedModel admitted = ((Admitted) verification).model();
            loaded = admitted;
            return admitted;
        }

        Refused refused(SnapshotManifest manifest, List<byte[]> parts) {
            Verification verification = verifier.verify(manifest, parts, loaded);
            assertThat(verification).isInstanceOf(Refused.class);
            return (Refused) verification;
        }
    }

    private static List<byte[]> parts(PublishedSnapshot snapshot) {
        return snapshot.records().subList(0, snapshot.records().size() - 1).stream().map(SnapshotEntry::value).toList();
    }

    private static byte[] stream(Parameters parameters) {
        byte[] stream = new byte[(int) parameters.servedBytes()];
        parameters.readServed(0, stream, 0, stream.length);
        return stream;
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void aChainOfDeltasEqualsTheFullModelBitForBit(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        String optimizer = random.nextBoolean() ? "adam: { rate: 0.01 }" : "ftrl: { alpha: 0.05 }";
        String history = "  - history: { key: origin, field: distance, time: departed,"
                + " values: [lag, difference, count, since-last], buckets: 3000 }\n"
                + "  - quantiles: { field: distance, buckets: 8, dimension: 2 }\n"
                + "  - vocabulary: { field: origin, capacity: 200, min-count: 2, expire-after: 400, dimension: 3 }\n";
        Chain chain = new Chain(Specs.FLIGHTS.replace("8192", random.nextBoolean() ? "40000" : "100")
                .replace("network:", seed % 2 == 0 ? history + "network:" : "network:")
                .replace("adam: { rate: 0.001 }", optimizer)
                .replace("size: 1", random.nextBoolean() ? "size: 1" : "size: 3"));
        chain.learn(20);
        PublishedSnapshot last = chain.full(Form.PLAIN);
        chain.admit(last);
        List<LoadedModel> versions = new ArrayList<>();
        List<byte[]> streams = new ArrayList<>();
        for (int version = 0; version < 15; version++) {
            long before = chain.model.parameters().updates();
            while (chain.model.parameters().updates() == before) {
                chain.learn(random.nextInt(1, 10));
            }
            Form form = random.nextBoolean() ? Form.PLAIN : ZSTD;
            last = random.nextInt(6) == 0 ? chain.full(form) : chain.delta(last, form);
            LoadedModel admitted = chain.admit(last);
            assertThat(stream(admitted.parameters())).isEqualTo(stream(chain.model.parameters()));
            assertThat(admitted.manifest().weightsHash()).isEqualTo(chain.model.weightsHash());
            versions.add(admitted);
            streams.add(stream(admitted.parameters()));
        }
        for (int version = 0; version < versions.size(); version++) {
            assertThat(stream(versions.get(version).parameters())).isEqualTo(streams.get(version));
        }
    }

    @Test
    void aDeltaSaysWhatItChangesAndWhereItsChainBegins() {
        Chain chain = new Chain(Specs.FLIGHTS).learn(20);
        PublishedSnapshot full = chain.full(Form.PLAIN);
        PublishedSnapshot first = chain.learn(2).delta(full, Form.PLAIN);
        PublishedSnapshot second = chain.learn(3).delta(first, Form.PLAIN);
        SnapshotManifest manifest = SnapshotManifest.decode(second.records().getLast().value());
        assertThat(manifest.isDelta()).isTrue();
        assertThat(manifest.parentVersion()).isEqualTo(22);
        assertThat(manifest.chain()).isEqualTo(new SnapshotManifest.Chain(20, full.manifest().chain().fullTime(), 2));
        assertThat(manifest.servedBytes()).isEqualTo(full.manifest().servedBytes());
        assertThat(manifest.payloadBytes()).isLessThan(manifest.servedBytes() / 10);
        assertThat(full.manifest().isDelta()).isFalse();
    }

    /// The rows of the Criteo kind: 26 categories, tables of 2^20 rows of 16 in all.
    @Test
    void aThousandEventsOf26FieldsAreADeltaOfLessThan5PercentOfTheFull() {
        int fields = 26;
        int buckets = (1 << 20) / fields;
        StringBuilder yaml =
                new StringBuilder("model: clicks\ninput: { topic: clicks }\nlabel: { field: click }\nfeatures:\n");
        for (int field = 0; field < fields; field++) {
            yaml.append("  - category: { field: c%d, buckets: %d, dimension: 16 }\n".formatted(field, buckets));
        }
        yaml.append("network: [ dense: 16, relu, dense: 1 ]\nloss: binary-cross-entropy\n"
                + "optimizer: { sgd: { rate: 0.01 } }\n");
        Chain chain = new Chain(yaml.toString());
        PublishedSnapshot full = chain.full(Form.PLAIN);
        SplittableRandom random = new SplittableRandom(1);
        Row row = chain.featurizer.newRow();
        List<java.util.Set<Integer>> touched = new ArrayList<>();
        for (int field = 0; field < fields; field++) {
            touched.add(new java.util.HashSet<>());
        }
        for (int event = 0; event < 1_000; event++) {
            Map<String, Object> values = new HashMap<>();
            for (int field = 0; field < fields; field++) {
                values.put("c" + field, "v" + random.nextInt(1 << 20));
            }
            values.put("click", random.nextBoolean());
            assertThat(chain.featurizer.featurize(new MapEvent(values), row)).isNull();
            chain.model.accept(row);
            for (int field = 0; field < fields; field++) {
                touched.get(field).add(row.ids[field]);
            }
        }
        PublishedSnapshot delta = chain.delta(full, Form.PLAIN);

        long rows = touched.stream().mapToLong(java.util.Set::size).sum();
        long dense = (fields * 16 * 16 + 16 + 16 + 1) * 4L;
        // A row that can be told from others is its number and its floats.
        long asRows = rows * (4 + 16 * 4) + dense;
        long asPages = delta(chain, delta).touched().count() * (long) Parameters.PAGE_BYTES;
        System.out.printf("full %,d bytes; delta %,d (%.2f %%); %,d rows: %,d bytes, of floats alone %,d; pages %,d%n",
                full.bytes(), delta.bytes(), 100.0 * delta.bytes() / full.bytes(), rows, asRows, rows * 64 + dense,
                asPages);
        assertThat(delta.bytes()).isLessThan((long) (full.bytes() * 0.05));
        assertThat((double) delta.bytes()).isLessThan(1.01 * Math.min(asRows, asPages));
        assertThat(delta.records()).allSatisfy(
                entry -> assertThat(entry.value().length).isLessThanOrEqualTo(SnapshotParts.PART_BYTES_MAX));
    }

    private static Successor delta(Chain chain, PublishedSnapshot delta) {
        Successor successor = new Successor(Parameters.served(chain.model.parameters().plan()));
        SnapshotParts.decodeChanges(delta.manifest(), parts(delta), successor);
        return successor;
    }

    @Test
    void aFlippedBitOfADeltaIsRefusedWhereverItIs() {
        Chain chain = new Chain(Specs.FLIGHTS.replace("dense: 16", "dense: 2")).learn(20);
        PublishedSnapshot full = chain.full(Form.PLAIN);
        chain.admit(full);
        for (Form form : List.of(Form.PLAIN, ZSTD)) {
            PublishedSnapshot delta = chain.learn(1).delta(full, form);
            byte[] part = parts(delta).getFirst();
            byte[] written = delta.records().getLast().value();
            SnapshotKey key = SnapshotKey.part(EPOCH, delta.manifest().version(), 0);
            for (int bit = 0; bit < 8 * part.length; bit++) {
                byte[] flipped = flip(part, bit);
                assertThatThrownBy(() -> SnapshotParts.check("flight-delay", key, flipped))
                        .isInstanceOf(SnapshotFormatException.class);
                assertThat(chain.refused(delta.manifest(), List.of(flipped)).reason())
                        .isEqualTo(RefusalReason.UNREADABLE);
            }
            for (int bit = 0; bit < 8 * written.length; bit++) {
                byte[] flipped = flip(written, bit);
                assertThatThrownBy(() -> SnapshotManifest.decode(flipped)).isInstanceOf(SnapshotFormatException.class);
            }
            chain.admit(delta);
            full = delta;
        }
    }

    private static byte[] flip(byte[] bytes, int bit) {
        byte[] flipped = bytes.clone();
        flipped[bit >> 3] ^= (byte) (1 << (bit & 7));
        return flipped;
    }

    @Test
    void aDeltaWithoutItsParentIsRefused() {
        Chain chain = new Chain(Specs.FLIGHTS).learn(20);
        PublishedSnapshot full = chain.full(Form.PLAIN);
        PublishedSnapshot first = chain.learn(2).delta(full, Form.PLAIN);
        PublishedSnapshot second = chain.learn(2).delta(first, Form.PLAIN);
        assertThat(chain.verify(first)).isEqualTo(new Refused(first.manifest(), RefusalReason.UNKNOWN_PARENT,
                "expected a full snapshot, found changes to version 3.20"));
        chain.admit(full);
        assertThat(chain.verify(second)).isEqualTo(new Refused(second.manifest(), RefusalReason.UNKNOWN_PARENT,
                "expected a full snapshot or changes to version 3.20, found changes to version 3.22"));
        chain.admit(first);
        chain.admit(second);
        assertThat(((Refused) chain.verify(first)).reason()).isEqualTo(RefusalReason.UNKNOWN_PARENT);
    }

    /// A part of a delta with any payload, and a manifest that fits it: what a forger can write.
    private static SnapshotManifest forged(SnapshotManifest m, long payloadBytes, String hash) {
        return new SnapshotManifest(m.model(), m.epoch(), m.version(), m.parentVersion(), m.specYaml(),
                m.specFingerprint(), m.featureFingerprint(), m.numerics(), m.examples(), m.nextOffset(),
                m.newestAppendTime(), m.eventTime(), m.caughtUp(), m.logLoss(), m.priorLogLoss(), m.accuracy(), m.auc(),
                1, m.servedBytes(), hash, m.goldenRows(), payloadBytes, m.chain(), m.origin(), m.classes(),
                m.signature());
    }

    private static Refused forge(Chain chain, PublishedSnapshot delta, BinaryWriter payload) {
        byte[] bytes = payload.toBytes();
        SnapshotManifest m = delta.manifest();
        byte[] part = SnapshotParts.sealed(SnapshotKey.part(EPOCH, m.version(), 0), m.model(), bytes, bytes.length,
                PartCompression.NONE);
        return chain.refused(forged(m, bytes.length, m.weightsHash()), List.of(part));
    }

    @Test
    void runsThatCantBeAreRefused() {
        Chain chain = new Chain(Specs.FLIGHTS).learn(20);
        PublishedSnapshot full = chain.full(Form.PLAIN);
        chain.admit(full);
        PublishedSnapshot delta = chain.learn(1).delta(full, Form.PLAIN);
        long words = full.manifest().servedBytes() / 4;
        byte[] eight = new byte[8];
        for (BinaryWriter payload : List.of(new BinaryWriter().varint(words).varint(2).raw(eight),
                new BinaryWriter().varint(words - 1).varint(2).raw(eight), new BinaryWriter().varint(0).varint(0),
                new BinaryWriter().varint(0).varint(3).raw(eight), new BinaryWriter().varint(0).varint(-1).raw(eight),
                new BinaryWriter().varint(-2).varint(2).raw(eight),
                new BinaryWriter().varint(Long.MAX_VALUE / 4).varint(2).raw(eight),
                new BinaryWriter().varint(1).varint(2).raw(eight), // half a double
                new BinaryWriter().varint(0).varint(1).raw(new byte[4]),
                new BinaryWriter().raw(new byte[]{-1, -1, -1}))) {
            assertThat(forge(chain, delta, payload).reason()).isEqualTo(RefusalReason.UNREADABLE);
        }
        assertThat(
                forge(chain, delta, new BinaryWriter().varint(words - 1).varint(1).floats(new float[]{Float.NaN}, 0, 1))
                        .reason())
                .isEqualTo(RefusalReason.NOT_FINITE);
        assertThat(forge(chain, delta, new BinaryWriter().varint(words - 1).varint(1).floats(new float[]{7}, 0, 1))
                .reason()).isEqualTo(RefusalReason.WEIGHTS_HASH);
        SnapshotManifest m = delta.manifest();
        assertThat(chain.refused(forged(m, m.payloadBytes() - 4, m.weightsHash()), parts(delta)))
                .extracting(Refused::detail).asString().contains("bytes in all parts");
        chain.admit(delta);
    }

    @Test
    void aManifestWhoseChainOrSizesContradictThemselvesIsRefused() {
        Chain chain = new Chain(Specs.FLIGHTS).learn(20);
        PublishedSnapshot full = chain.full(Form.PLAIN);
        SnapshotManifest m = chain.learn(1).delta(full, Form.PLAIN).manifest();
        byte[] tooLarge = forged(m, m.servedBytes(), m.weightsHash()).encode();
        assertThatThrownBy(() -> SnapshotManifest.decode(tooLarge))
                .hasMessageContaining("expected a payload of less than");
        byte[] tooMany = forged(m, 2L * SnapshotParts.PAYLOAD_BYTES_MAX, m.weightsHash()).encode();
        assertThatThrownBy(() -> SnapshotManifest.decode(tooMany)).isInstanceOf(SnapshotFormatException.class);
    }

    @Test
    void compressedPartsAreSmallerAndEvenZerosKeepTheRatio() {
        byte[] zeros = new byte[SnapshotParts.PAYLOAD_BYTES_MAX];
        SnapshotKey key = SnapshotKey.part(1, 2, 0);
        byte[] part = SnapshotParts.sealed(key, "m", zeros, zeros.length, PartCompression.ZSTD);
        assertThat(part.length).isBetween(zeros.length / 1_000, zeros.length / 900);
        SnapshotParts.check("m", key, part);
        byte[] noise = new byte[10_000];
        new java.util.Random(1).nextBytes(noise);
        byte[] kept = SnapshotParts.sealed(key, "m", noise, noise.length, PartCompression.ZSTD);
        assertThat(kept.length).isLessThan(noise.length + 64);
        SnapshotParts.check("m", key, kept);
    }

    /// What a forger can claim of a compressed part, checksum right.
    @Test
    void aPartThatClaimsMoreThanItMayHoldIsRefusedBeforeAnythingIsAllocated() {
        byte[] payload = new byte[100_000];
        SnapshotKey key = SnapshotKey.part(1, 2, 0);
        byte[] part = SnapshotParts.sealed(key, "m", payload, payload.length, PartCompression.ZSTD);
        for (int claim : new int[]{-1, 700_000, SnapshotParts.PAYLOAD_BYTES_MAX + 1, Integer.MAX_VALUE}) {
            byte[] forged = part.clone();
            ByteBuffer.wrap(forged).order(ByteOrder.LITTLE_ENDIAN).putInt(25, claim);
            byte[] sealed = sealed(forged, "m");
            assertThatThrownBy(() -> SnapshotParts.check("m", key, sealed)).isInstanceOf(SnapshotFormatException.class)
                    .hasMessageContaining("payload length");
        }
        byte[] ratio = part.clone();
        ByteBuffer.wrap(ratio).order(ByteOrder.LITTLE_ENDIAN).putInt(25, 500_000);
        byte[] sealed = sealed(ratio, "m");
        assertThatThrownBy(() -> SnapshotParts.check("m", key, sealed))
                .hasMessageContaining("expected at most 1000 times");
    }

    private static byte[] sealed(byte[] value, String model) {
        java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
        crc.update(model.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        crc.update(value, 0, value.length - 4);
        ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).putInt(value.length - 4, (int) crc.getValue());
        return value;
    }

    @Test
    void aFrameThatHoldsSomethingElseThanItClaimsIsRefused() {
        Chain chain = new Chain(Specs.FLIGHTS).learn(20);
        PublishedSnapshot full = chain.full(ZSTD);
        List<byte[]> parts = new ArrayList<>(parts(full));
        byte[] part = parts.getFirst().clone();
        assertThat(part[24]).as("compressed").isEqualTo((byte) 1);
        part[40] ^= 1; // inside the frame
        parts.set(0, sealed(part, "flight-delay"));
        assertThat(chain.refused(full.manifest(), parts).reason()).isIn(RefusalReason.UNREADABLE,
                RefusalReason.WEIGHTS_HASH, RefusalReason.NOT_FINITE);
        chain.admit(full);
    }
}
