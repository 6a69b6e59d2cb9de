package io.tidegrad.model.snapshot;

import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ProgressiveEvaluation;
import io.tidegrad.model.snapshot.SnapshotManifest.GoldenRow;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A model as it is now, as the records of one transaction: parts, then the manifest.
///
/// @param records in the order to write them
public record PublishedSnapshot(SnapshotManifest manifest, List<SnapshotEntry> records) {
    public PublishedSnapshot {
        records = List.copyOf(records);
    }

    /// @param weightsHash the model's, as it is now
    /// @param nextOffset of the log of record, exclusive
    /// @param newestAppendTime record timestamp (epoch ms) of the newest event contained
    /// @param caughtUp no event beyond nextOffset was in the log
    public static PublishedSnapshot of(
            OnlineModel model,
            String weightsHash,
            int epoch,
            long nextOffset,
            long newestAppendTime,
            boolean caughtUp) {
        ModelSpec spec = model.spec();
        Parameters parameters = model.parameters();
        List<byte[]> parts = SnapshotParts.encode(parameters, spec.model(), epoch);
        ProgressiveEvaluation evaluation = model.evaluation();
        boolean regression = !spec.classifies();
        SnapshotManifest manifest =
                new SnapshotManifest(
                        spec.model(),
                        epoch,
                        parameters.updates(),
                        -1,
                        spec.yaml(),
                        spec.fingerprint(),
                        spec.featureFingerprint(),
                        Numerics.VERSION,
                        parameters.examples(),
                        nextOffset,
                        newestAppendTime,
                        model.eventTime(),
                        caughtUp,
                        regression ? evaluation.meanSquaredError() : evaluation.logLoss(),
                        regression ? evaluation.priorMeanSquaredError() : evaluation.priorLogLoss(),
                        evaluation.accuracy(),
                        evaluation.auc(),
                        parts.size(),
                        parameters.servedBytes(),
                        weightsHash,
                        goldenRows(model));
        List<SnapshotEntry> records = new ArrayList<>(parts.size() + 1);
        for (int part = 0; part < parts.size(); part++) {
            SnapshotKey key = SnapshotKey.part(epoch, manifest.version(), part);
            records.add(new SnapshotEntry(key.encode(), parts.get(part)));
        }
        SnapshotKey key = SnapshotKey.manifest(epoch, manifest.version());
        records.add(new SnapshotEntry(key.encode(), manifest.encode()));
        return new PublishedSnapshot(manifest, records);
    }

    /// Keys of a published snapshot, for the tombstones that retire it: the manifest's first, so that no reader begins
    /// what is about to go.
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
        new Predictor(model.parameters().plan(), model.kernels(), rows.capacity())
                .predict(model.parameters(), rows, predictions);
        RowShape shape = rows.row();
        List<GoldenRow> golden = new ArrayList<>(rows.size());
        for (int row = 0; row < rows.size(); row++) {
            golden.add(
                    new GoldenRow(
                            slice(rows.numbers, row, shape.numbers()),
                            Arrays.copyOfRange(
                                    rows.ids, row * shape.ids(), (row + 1) * shape.ids()),
                            slice(predictions, row, outputs)));
        }
        return golden;
    }

    private static float[] slice(float[] rows, int row, int width) {
        return Arrays.copyOfRange(rows, row * width, (row + 1) * width);
    }
}
