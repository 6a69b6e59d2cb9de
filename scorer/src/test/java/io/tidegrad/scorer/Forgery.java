package io.tidegrad.scorer;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotManifest.Chain;
import io.tidegrad.model.snapshot.SnapshotManifest.GoldenRow;
import io.tidegrad.model.snapshot.SnapshotParts;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.CRC32C;

/// Forges a good snapshot with knowledge of the formats: everything that a forgery does not change on purpose is
/// correct, checksums included.
public final class Forgery {
    private final SnapshotManifest of;
    public String model;
    public int epoch;
    public long version;
    public long parentVersion;
    public String specYaml;
    public byte[] specFingerprint;
    public byte[] featureFingerprint;
    public int numerics;
    public long examples;
    public int parts;
    public long servedBytes;
    public String weightsHash;
    public List<GoldenRow> goldenRows;
    public long payloadBytes;
    public Chain chain;
    public byte[] signature;

    private Forgery(SnapshotManifest of) {
        this.of = of;
        model = of.model();
        epoch = of.epoch();
        version = of.version();
        parentVersion = of.parentVersion();
        specYaml = of.specYaml();
        specFingerprint = of.specFingerprint();
        featureFingerprint = of.featureFingerprint();
        numerics = of.numerics();
        examples = of.examples();
        parts = of.parts();
        servedBytes = of.servedBytes();
        weightsHash = of.weightsHash();
        goldenRows = of.goldenRows();
        payloadBytes = of.payloadBytes();
        chain = of.chain();
        signature = of.signature();
    }

    /// The snapshot's records with another manifest.
    public static List<SnapshotEntry> manifest(PublishedSnapshot snapshot, Consumer<Forgery> forge) {
        Forgery forged = new Forgery(snapshot.manifest());
        forge.accept(forged);
        return withManifest(snapshot, forged.manifest().encode());
    }

    public static List<SnapshotEntry> withManifest(PublishedSnapshot snapshot, byte[] value) {
        List<SnapshotEntry> records = new ArrayList<>(snapshot.records());
        records.set(records.size() - 1, new SnapshotEntry(records.getLast().key(), value));
        return records;
    }

    public static List<SnapshotEntry> withPart(PublishedSnapshot snapshot, int part, byte[] value) {
        List<SnapshotEntry> records = new ArrayList<>(snapshot.records());
        records.set(part, new SnapshotEntry(records.get(part).key(), value));
        return records;
    }

    /// Replaces a number in each row by the next float above.
    public void nudgeGoldenRows() {
        goldenRows = goldenRows.stream().map(row -> {
            float[] predictions = row.predictions().clone();
            predictions[0] = Math.nextUp(predictions[0]);
            return new GoldenRow(row.numbers(), row.ids(), predictions);
        }).toList();
    }

    /// All parts again after one float was overwritten with these bits: the stream's last, a bias.
    public static List<SnapshotEntry> weight(PublishedSnapshot snapshot, Plan plan, int bits) {
        Parameters parameters = Parameters.served(plan);
        SnapshotManifest manifest = snapshot.manifest();
        List<byte[]> parts =
                snapshot.records().subList(0, manifest.parts()).stream().map(SnapshotEntry::value).toList();
        SnapshotParts.decode(manifest, parts, parameters);
        int page = parameters.servedPages() - 1;
        byte[] bytes = new byte[Parameters.PAGE_BYTES];
        parameters.readPage(page, bytes, 0);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(parameters.pageLength(page) - Float.BYTES, bits);
        parameters.writePage(page, bytes, 0);
        List<SnapshotEntry> records = new ArrayList<>();
        List<byte[]> forged = SnapshotParts.encode(parameters, manifest.model(), manifest.epoch());
        for (int part = 0; part < forged.size(); part++) {
            records.add(new SnapshotEntry(snapshot.records().get(part).key(), forged.get(part)));
        }
        records.add(snapshot.records().getLast());
        return records;
    }

    /// Bytes 4 to 7 hold the format's number.
    public static byte[] withFormat(byte[] value, int format, String context) {
        byte[] forged = value.clone();
        ByteBuffer.wrap(forged).order(ByteOrder.LITTLE_ENDIAN).putInt(4, format);
        return sealed(forged, context);
    }

    /// Writes the checksum of the bytes into their last four.
    ///
    /// @param context a part's is its model's name, a manifest's is empty
    public static byte[] sealed(byte[] value, String context) {
        CRC32C crc = new CRC32C();
        crc.update(context.getBytes(StandardCharsets.UTF_8));
        crc.update(value, 0, value.length - 4);
        byte[] sealed = value.clone();
        ByteBuffer.wrap(sealed).order(ByteOrder.LITTLE_ENDIAN).putInt(value.length - 4, (int) crc.getValue());
        return sealed;
    }

    public static byte[] flipped(byte[] bytes, long bit) {
        byte[] flipped = bytes.clone();
        flipped[(int) (bit / 8)] ^= (byte) (1 << bit % 8);
        return flipped;
    }

    /// A part's frame and payload with some bytes more or fewer, and a checksum and lengths that agree.
    public static byte[] resized(byte[] part, int bytes, String model) {
        byte[] resized = Arrays.copyOf(part, part.length + bytes);
        ByteBuffer whole = ByteBuffer.wrap(part).order(ByteOrder.LITTLE_ENDIAN);
        ByteBuffer.wrap(resized).order(ByteOrder.LITTLE_ENDIAN).putInt(25, whole.getInt(25) + bytes).putInt(29,
                whole.getInt(29) + bytes);
        return sealed(resized, model);
    }

    /// The manifest's key and value as those of another (epoch, version).
    public static SnapshotEntry manifestEntry(SnapshotManifest manifest) {
        return new SnapshotEntry(SnapshotKey.manifest(manifest.epoch(), manifest.version()).encode(),
                manifest.encode());
    }

    private SnapshotManifest manifest() {
        if (of.parentVersion() < 0 && chain == of.chain() && payloadBytes == of.payloadBytes()) {
            boolean delta = parentVersion >= 0;
            chain = delta ? new Chain(parentVersion, -1, 1) : Chain.ofFull(version, chain.fullTime());
            payloadBytes = delta ? servedBytes - 4 : servedBytes;
        }
        return new SnapshotManifest(model, epoch, version, parentVersion, specYaml, specFingerprint, featureFingerprint,
                numerics, examples, of.nextOffset(), of.newestAppendTime(), of.eventTime(), of.caughtUp(), of.logLoss(),
                of.priorLogLoss(), of.accuracy(), of.auc(), parts, servedBytes, weightsHash, goldenRows, payloadBytes,
                chain, of.origin(), of.classes(), signature);
    }
}
