package io.tidegrad.trainer.publish;

import io.tidegrad.engine.model.Numerics;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ProgressiveEvaluation;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotParts;
import io.tidegrad.trainer.store.Lineage;
import io.tidegrad.trainer.store.ModelStore;
import io.tidegrad.trainer.store.PublishedSnapshot;
import io.tidegrad.trainer.store.Report;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.LongPredicate;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/// What becomes visible with a commit, and when: snapshots, tombstones for old ones, progress. Called in each flush, so a
/// snapshot, the pages it was cut from and the offsets behind them are one transaction.
///
/// It looks at the wall clock, and may: it decides what can be seen, never what is learned. Nothing here changes the
/// model.
public final class Publisher {
    /// The topology's sinks that this writes to.
    public static final String SNAPSHOTS = "snapshots";

    public static final String PROGRESS = "progress";

    private static final Duration PROGRESS_EVERY = Duration.ofSeconds(1);

    /// A report hashes the whole model; it may take a twentieth of the learning thread's time.
    private static final int REPORT_SHARE = 20;

    /// Where records go: one of the topology's sinks.
    @FunctionalInterface
    public interface Out {
        void forward(Record<byte[], byte[]> record, String sink);
    }

    /// @param every between two snapshots, at least
    /// @param keep this many newest snapshots stay on the topic
    /// @param atEnd whether an offset is the log's end, as far as is known
    /// @param stopping true once the trainer is asked to stop: everything is due then
    public record Settings(
            Duration every, int keep, ProgressWriter progress, LongPredicate atEnd, BooleanSupplier stopping) {
        public Settings {
            if (keep < 1) {
                throw new IllegalArgumentException("at least 1 snapshot stays, asked for " + keep);
            }
        }
    }

    private final Lineage lineage;
    private final Settings settings;
    private final byte[] progressKey;
    private long publishAt; // nanoTime from which the next is due
    private long reportAt;
    private long progressAt;
    private long progressOffset = -1; // watermark of the last progress record

    public Publisher(Lineage lineage, Settings settings) {
        this.lineage = lineage;
        this.settings = settings;
        progressKey = lineage.model().getBytes(StandardCharsets.UTF_8);
        long now = System.nanoTime();
        publishAt = now;
        reportAt = now;
        progressAt = now;
    }

    /// How often to look whether something is due, while not settled.
    public Duration lookEvery() {
        Duration every = settings.every();
        return every.compareTo(PROGRESS_EVERY) < 0 ? every : PROGRESS_EVERY;
    }

    /// Nothing is left to publish until the next event.
    public boolean settled(ModelStore store) {
        Report report = store.report();
        return report != null
                && report.nextOffset() == store.nextOffset()
                && (progressOffset == store.nextOffset() || progressOffset == -1)
                && !newerThanPublished(store);
    }

    private static boolean newerThanPublished(ModelStore store) {
        long version = store.model().parameters().updates();
        return version > 0 && version > store.publishedVersion();
    }

    public void publishDue(ModelStore store, Out out) {
        long now = System.nanoTime();
        boolean all = settings.stopping().getAsBoolean();
        boolean publish = newerThanPublished(store) && (all || now - publishAt >= 0);
        Report report = store.report();
        if (report == null || report.nextOffset() != store.nextOffset()) {
            report = all || now - reportAt >= 0 ? report(store) : null;
        }
        if (publish) {
            publishAt = now + settings.every().toNanos();
            publish(store, report, out);
        }
        if (report != null && progressOffset != report.nextOffset() && (all || now - progressAt >= 0)) {
            progressAt = now + PROGRESS_EVERY.toNanos();
            progressOffset = report.nextOffset();
            byte[] value = settings.progress().write(store, report);
            out.forward(new Record<>(progressKey, value, System.currentTimeMillis()), PROGRESS);
        }
    }

    private Report report(ModelStore store) {
        long start = System.nanoTime();
        Report report = Report.of(store.model(), store.nextOffset());
        long end = System.nanoTime();
        reportAt = end + REPORT_SHARE * (end - start);
        store.report(report);
        return report;
    }

    private void publish(ModelStore store, @Nullable Report report, Out out) {
        OnlineModel model = store.model();
        long version = model.parameters().updates();
        int epoch = lineage.epoch();
        long now = System.currentTimeMillis();
        List<byte[]> parts = SnapshotParts.encode(model.parameters(), lineage.model(), epoch);
        for (int part = 0; part < parts.size(); part++) {
            byte[] key = new SnapshotKey(SnapshotKey.Kind.PART, epoch, version, part).encode();
            out.forward(new Record<>(key, parts.get(part), now), SNAPSHOTS);
        }
        String weightsHash = report == null ? model.weightsHash() : report.weightsHash();
        byte[] manifest = manifest(store, parts.size(), weightsHash).encode();
        out.forward(new Record<>(manifestKey(version), manifest, now), SNAPSHOTS);
        store.published(bury(store.published(), new PublishedSnapshot(version, parts.size()), now, out));
    }

    /// Tombstones for all but the newest `keep`; the manifest first, so that no reader starts on parts that go away.
    private List<PublishedSnapshot> bury(
            List<PublishedSnapshot> before, PublishedSnapshot newest, long now, Out out) {
        List<PublishedSnapshot> kept = new ArrayList<>(before);
        kept.add(newest);
        while (kept.size() > settings.keep()) {
            PublishedSnapshot old = kept.removeFirst();
            out.forward(tombstone(manifestKey(old.version()), now), SNAPSHOTS);
            for (int part = 0; part < old.parts(); part++) {
                byte[] key = new SnapshotKey(SnapshotKey.Kind.PART, lineage.epoch(), old.version(), part).encode();
                out.forward(tombstone(key, now), SNAPSHOTS);
            }
        }
        return kept;
    }

    @SuppressWarnings("NullAway") // a tombstone is a record without a value; Streams' Record is not annotated
    private static Record<byte[], byte[]> tombstone(byte[] key, long now) {
        return new Record<>(key, null, now);
    }

    private byte[] manifestKey(long version) {
        return new SnapshotKey(SnapshotKey.Kind.MANIFEST, lineage.epoch(), version, 0).encode();
    }

    private SnapshotManifest manifest(ModelStore store, int parts, String weightsHash) {
        OnlineModel model = store.model();
        ProgressiveEvaluation evaluation = model.evaluation();
        return new SnapshotManifest(
                lineage.model(),
                lineage.epoch(),
                model.parameters().updates(),
                -1,
                lineage.spec().yaml(),
                lineage.spec().fingerprint(),
                lineage.spec().featureFingerprint(),
                Numerics.VERSION,
                model.parameters().examples(),
                store.nextOffset(),
                store.newestAppendTime(),
                model.streamTime(),
                settings.atEnd().test(store.nextOffset()),
                evaluation.logLoss(),
                evaluation.priorLogLoss(),
                evaluation.accuracy(),
                evaluation.auc(),
                parts,
                model.parameters().servedBytes(),
                weightsHash,
                model.goldenRows());
    }
}
