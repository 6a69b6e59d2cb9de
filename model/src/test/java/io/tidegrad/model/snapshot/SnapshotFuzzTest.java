package io.tidegrad.model.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.learn.CarryFormatException;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.Fuzz;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/// Whatever lies on a snapshot topic, or in a changelog's carry, is read or refused; half of it comes from a forger who
/// makes checksums right.
class SnapshotFuzzTest {
    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: m
                    input: { topic: t }
                    label: { field: over }
                    features:
                      - number: { field: a, scale: standard }
                      - category: { field: c, buckets: 5, dimension: 2 }
                    network: [ dense: 2, relu, dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { adam: { rate: 0.01 } }
                    mini-batch: { size: 4 }
                    """, "fuzz spec");

    private final OnlineModel model = OnlineModel.initial(SPEC, new ScalarKernels());
    private final PublishedSnapshot snapshot = PublishedSnapshot.of(model, model.weightsHash(), 3, 1_000, 77, true);

    private static Fuzz fuzz(String what, byte[]... good) {
        return new Fuzz(what, SnapshotFuzzTest.class, "model", List.of(good));
    }

    /// The frame's magic and format as they were, a checksum that fits.
    private static byte[] forged(byte[] like, byte[] bytes, byte[] context) {
        byte[] forged = Arrays.copyOf(bytes, Math.max(12, bytes.length));
        System.arraycopy(like, 0, forged, 0, 8);
        CRC32C crc = new CRC32C();
        crc.update(context);
        crc.update(forged, 0, forged.length - 4);
        ByteBuffer.wrap(forged).order(ByteOrder.LITTLE_ENDIAN).putInt(forged.length - 4, (int) crc.getValue());
        return forged;
    }

    @Test
    void aDamagedManifestIsReadOrRefused() {
        byte[] good = snapshot.manifest().encode();
        SplittableRandom some = new SplittableRandom(1);
        SnapshotVerifier verifier = new SnapshotVerifier("m", new ScalarKernels(), 1 << 20);
        List<byte[]> parts = SnapshotParts.encode(model.parameters(), "m", 3);
        fuzz("snapshot manifests", good).repaired((bytes, random) -> forged(good, bytes, new byte[0])).run(150_000,
                bytes -> {
                    SnapshotManifest manifest = SnapshotManifest.decode(bytes);
                    if (some.nextInt(8) == 0) { // it parses the spec, which takes longer
                        assertThat(verifier.verify(manifest, parts, null)).isNotNull();
                    }
                }, SnapshotFormatException.class);
    }

    @Test
    void aDamagedPartIsReadOrRefused() {
        byte[] good = SnapshotParts.encode(model.parameters(), "m", 3).getFirst();
        Parameters into = Parameters.served(Plan.of(SPEC.network()));
        fuzz("snapshot parts", good)
                .repaired((bytes, random) -> forged(good, bytes, "m".getBytes(StandardCharsets.UTF_8))).run(100_000,
                        bytes -> SnapshotParts.decode(snapshot.manifest(), List.of(bytes), into),
                        SnapshotFormatException.class);
    }

    @Test
    void aDamagedKeyOrHeartbeatIsReadOrRefused() {
        byte[] heartbeat = new Heartbeat(3, 50, 1_000, true, 77).encode();
        List<byte[]> good = new ArrayList<>(List.of(heartbeat));
        snapshot.records().forEach(entry -> good.add(entry.key()));
        new Fuzz("snapshot keys and heartbeats", SnapshotFuzzTest.class, "model", good)
                .repaired((bytes, random) -> random.nextBoolean() ? forged(heartbeat, bytes, new byte[0]) : bytes)
                .run(50_000, bytes -> {
                    if (bytes.length > 0 && bytes[0] == 'T') {
                        Heartbeat.decode(bytes);
                    } else {
                        SnapshotKey.decode(bytes);
                    }
                }, SnapshotFormatException.class);
    }

    @Test
    void aDamagedCarryIsReadOrRefused() {
        byte[] good = model.carry();
        OnlineModel blank = OnlineModel.blank(SPEC, new ScalarKernels());
        fuzz("carries", good).repaired((bytes, random) -> forged(good, bytes, new byte[0])).run(100_000,
                blank::restoreCarry, CarryFormatException.class);
    }
}
