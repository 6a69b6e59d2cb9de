package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.model.ServedChanges;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.SnapshotManifest.GoldenRow;
import io.tidegrad.model.spec.ModelSpec;
import java.security.PrivateKey;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The records of a snapshot, full or delta: the parts, then the manifest. They are a copy, so learning may continue
/// while they are written.
///
/// @param records in the order to write them
public record PublishedSnapshot(SnapshotManifest manifest, List<SnapshotEntry> records) {
    /// Numbers of predictions in a manifest, 256 KiB: the topic of snapshots takes records of 576 KiB.
    private static final int GOLDEN_PREDICTIONS_MAX = 1 << 16;

    public PublishedSnapshot {
        records = List.copyOf(records);
    }

    /// How snapshots are encoded. This is the operator's choice and changes no weight.
    ///
    /// @param key the key that signs manifests; null for no signature
    public record Form(PartCompression compression, @Nullable PrivateKey key) {
        public static final Form PLAIN = new Form(PartCompression.NONE, null);
    }

    /// The state that a snapshot describes.
    ///
    /// @param weightsHash the model's present weights-hash
    /// @param nextOffset of the log of record, exclusive
    /// @param newestAppendTime record timestamp (epoch ms) of the newest event contained
    /// @param caughtUp whether the log had no event at or after nextOffset
    /// @param time timestamp of the records, epoch ms
    public record Moment(String weightsHash, int epoch, long nextOffset, long newestAppendTime, boolean caughtUp,
            long time) {
    }

    /// The snapshot that a delta builds on.
    public record Parent(long version, SnapshotManifest.Chain chain) {
    }

    /// A full snapshot, uncompressed and unsigned, whose time is not known.
    public static PublishedSnapshot of(OnlineModel model, String weightsHash, int epoch, long nextOffset,
            long newestAppendTime, boolean caughtUp) {
        return full(model, new Moment(weightsHash, epoch, nextOffset, newestAppendTime, caughtUp,
                SnapshotManifest.Chain.TIME_UNKNOWN), Form.PLAIN);
    }

    /// A full snapshot.
    public static PublishedSnapshot full(OnlineModel model, Moment moment, Form form) {
        return full(model, moment, form, null);
    }

    /// A full snapshot that is the first one of an epoch.
    ///
    /// @param origin the version that the epoch continues from; null if it began with a new model
    public static PublishedSnapshot full(OnlineModel model, Moment moment, Form form,
            SnapshotManifest.@Nullable Origin origin) {
        Parameters parameters = model.parameters();
        List<byte[]> parts = SnapshotParts.encode(parameters, model.spec().model(), moment.epoch(), form.compression());
        return of(model, moment, form, null, origin, parts, parameters.servedBytes());
    }

    /// Bytes that a delta would have now.
    public static long deltaBytes(OnlineModel model) {
        ServedChanges changes = model.parameters().changes();
        return changes.everything() ? model.parameters().servedBytes() : DeltaRuns.size(changes);
    }

    /// A delta: the changes since `Parameters.changes` was last cleared, when `parent` was published.
    public static PublishedSnapshot delta(OnlineModel model, Moment moment, Parent parent, Form form) {
        Parameters parameters = model.parameters();
        DeltaRuns.Payloads payloads = DeltaRuns.encode(parameters, parameters.changes());
        List<byte[]> parts = new ArrayList<>(payloads.parts().size());
        for (byte[] payload : payloads.parts()) {
            parts.add(SnapshotParts.sealed(SnapshotKey.part(moment.epoch(), parameters.updates(), parts.size()),
                    model.spec().model(), payload, payload.length, form.compression()));
        }
        return of(model, moment, form, parent, null, parts, payloads.bytes());
    }

    private static PublishedSnapshot of(OnlineModel model, Moment moment, Form form, @Nullable Parent parent,
            SnapshotManifest.@Nullable Origin origin, List<byte[]> parts, long payloadBytes) {
        ModelSpec spec = model.spec();
        Parameters parameters = model.parameters();
        ProgressiveEvaluation evaluation = model.evaluation();
        boolean regression = !spec.classifies();
        int epoch = moment.epoch();
        long version = parameters.updates();
        SnapshotManifest manifest = new SnapshotManifest(spec.model(), epoch, version,
                parent == null ? -1 : parent.version(), parent == null ? spec.yaml() : "", spec.fingerprint(),
                spec.featureFingerprint(), Numerics.VERSION, parameters.examples(), moment.nextOffset(),
                moment.newestAppendTime(), model.eventTime(), moment.caughtUp(),
                regression ? evaluation.meanSquaredError() : evaluation.logLoss(),
                regression ? evaluation.priorMeanSquaredError() : evaluation.priorLogLoss(), evaluation.accuracy(),
                evaluation.auc(), parts.size(), parameters.servedBytes(), moment.weightsHash(), goldenRows(model),
                payloadBytes,
                parent == null ? SnapshotManifest.Chain.ofFull(version, moment.time()) : parent.chain().next(), origin,
                model.classes() == null ? List.of() : model.classNames(), new byte[0]);
        PrivateKey key = form.key();
        if (key != null) {
            manifest = manifest.signed(bytes -> ManifestKeys.sign(key, bytes));
        }
        List<SnapshotEntry> records = new ArrayList<>(parts.size() + 1);
        for (int part = 0; part < parts.size(); part++) {
            records.add(new SnapshotEntry(SnapshotKey.part(epoch, version, part).encode(), parts.get(part)));
        }
        records.add(new SnapshotEntry(SnapshotKey.manifest(epoch, version).encode(), manifest.encode()));
        return new PublishedSnapshot(manifest, records);
    }

    /// Bytes of all records together.
    public long bytes() {
        return records.stream().mapToLong(e -> (long) e.key().length + e.value().length).sum();
    }

    /// Keys of a published snapshot, for the tombstones that delete it. The manifest's key is first, so that no reader
    /// starts on a snapshot that is being deleted.
    public static List<byte[]> keys(int epoch, long version, int parts) {
        List<byte[]> keys = new ArrayList<>(parts + 1);
        keys.add(SnapshotKey.manifest(epoch, version).encode());
        for (int part = 0; part < parts; part++) {
            keys.add(SnapshotKey.part(epoch, version, part).encode());
        }
        return keys;
    }

    private static List<GoldenRow> goldenRows(OnlineModel model) {
        Batch rows = model.recentRows();
        if (rows.size() == 0) {
            return List.of();
        }
        int outputs = model.parameters().plan().outputs();
        float[] predictions = new float[rows.capacity() * outputs];
        new Predictor(model.parameters().plan(), model.kernels(), rows.capacity()).predict(model.parameters(), rows,
                predictions);
        RowShape shape = rows.row();
        int kept = Math.min(rows.size(), Math.max(1, GOLDEN_PREDICTIONS_MAX / outputs));
        List<GoldenRow> golden = new ArrayList<>(kept);
        for (int row = 0; row < kept; row++) {
            golden.add(new GoldenRow(slice(rows.numbers, row, shape.numbers()),
                    Arrays.copyOfRange(rows.ids, row * shape.ids(), (row + 1) * shape.ids()),
                    slice(predictions, row, outputs)));
        }
        return golden;
    }

    private static float[] slice(float[] rows, int row, int width) {
        return Arrays.copyOfRange(rows, row * width, (row + 1) * width);
    }
}
