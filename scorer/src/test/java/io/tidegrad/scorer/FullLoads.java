package io.tidegrad.scorer;

import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.snapshot.ModelHash;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.model.spec.ModelSpec;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;

/// The main class of a child process: passes full snapshots of a model that fills most of the heap to an intake, one
/// after the other. They are read from files, a part at a time, as they would be from Kafka.
public final class FullLoads {
    static final int MODEL_MIB = 96;
    private static final int VERSIONS = 4;
    private static final int DIMENSION = 16;

    private FullLoads() {}

    public static void main(String[] arguments) throws IOException {
        Path directory = Path.of(arguments[0]);
        int buckets = MODEL_MIB * (1 << 20) / (DIMENSION * Float.BYTES);
        ModelSpec spec = ModelSpec.parse("""
                        model: ids
                        input: { topic: ids }
                        label: { field: y }
                        features: [ category: { field: id, buckets: %d, dimension: %d } ]
                        network: [ dense: 1 ]
                        loss: binary-cross-entropy
                        optimizer: { sgd: { rate: 0.1 } }
                        """.formatted(buckets, DIMENSION), "ids");
        for (int version = 1; version <= VERSIONS; version++) {
            write(spec, version, directory.resolve(version + ".snapshot"));
        }
        TestIntake intake = new TestIntake("ids", (MODEL_MIB + 1L) << 20, InstantSource.system());
        for (int version = 1; version <= VERSIONS; version++) {
            load(intake, directory.resolve(version + ".snapshot"));
        }
        System.out.println("served " + intake.servedVersion() + " of " + intake.admissions.count());
    }

    private static void write(ModelSpec spec, int version, Path file) throws IOException {
        Parameters parameters = Parameters.served(Plan.of(spec.network()));
        byte[] page = new byte[Parameters.PAGE_BYTES];
        ByteBuffer values = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
        for (int number = 0; number < parameters.servedPages(); number++) {
            for (int at = 0; at < page.length; at += Float.BYTES) {
                values.putFloat(at, version + number + at);
            }
            parameters.writePage(number, page, 0);
        }
        parameters.setCounts(version, version);
        long bytes = parameters.servedBytes();
        SnapshotManifest manifest = new SnapshotManifest(spec.model(), 1, version, -1, spec.yaml(), spec.fingerprint(),
                spec.featureFingerprint(), Numerics.VERSION, version, version, version, Long.MIN_VALUE, false, 0, 0, 0,
                0, (int) Math.ceilDiv(bytes, 63L * Parameters.PAGE_BYTES), bytes,
                ModelHash.weights(spec.fingerprint(), parameters), List.of(), bytes,
                SnapshotManifest.Chain.ofFull(version, -1), null, List.of(), new byte[0]);
        try (OutputStream to = new BufferedOutputStream(Files.newOutputStream(file))) {
            SnapshotFile.write(SnapshotFile.Head.of(manifest, spec.yaml()), parameters, to);
        }
    }

    /// Returns them as records of a topic.
    private static void load(TestIntake intake, Path file) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            SnapshotManifest manifest = SnapshotFile.read(in).head().manifest();
            DataInputStream parts = new DataInputStream(in);
            for (int part = 0; part < manifest.parts(); part++) {
                byte[] value = new byte[Integer.reverseBytes(parts.readInt())];
                parts.readFully(value);
                intake.intake.accept(SnapshotKey.part(1, manifest.version(), part).encode(), value, part, 1);
            }
            Verification decided = intake.intake.accept(SnapshotKey.manifest(1, manifest.version()).encode(),
                    manifest.encode(), manifest.parts(), 1);
            if (!(decided instanceof Verification.Admitted)) {
                throw new IllegalStateException(String.valueOf(decided));
            }
        }
    }
}
