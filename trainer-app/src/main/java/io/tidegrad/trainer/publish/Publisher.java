package io.tidegrad.trainer.publish;

import io.tidegrad.control.Lineage;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.trainer.store.ModelStore;
import io.tidegrad.trainer.store.Published;
import io.tidegrad.trainer.store.Report;
import io.tidegrad.trainer.store.RetainedSnapshot;
import io.tidegrad.trainer.store.TrainerClock;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.function.LongPredicate;
import org.apache.kafka.streams.processor.api.Record;

/// What becomes visible with a commit, and when: snapshots, tombstones for old ones, progress. Called in each flush, so
/// a snapshot, the pages it was cut from and the offsets behind them are one transaction.
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
    /// @param series how they are written and which ones stay on the topic
    /// @param atEnd whether an offset is the log's end, as far as is known
    /// @param stopping true once the trainer is asked to stop: everything is due then
    /// @param republish given when nothing of what was published is on the topic any more
    public record Settings(Duration every, SnapshotSeries.Settings series,
            BiFunction<ModelStore, Report, byte[]> progress, LongPredicate atEnd, BooleanSupplier stopping,
            RepublishOrder republish) {
    }

    private final Lineage lineage;
    private final Settings settings;
    private final SnapshotSeries series;
    private final RepublishOrder.Follower republish;
    private final WeightsHash weightsHash = new WeightsHash();
    private final TrainerClock clock;
    private final byte[] progressKey;
    private Published published;
    private long publishAt; // from which the next is due, by the clock's nanos
    private long reportAt;
    private long progressAt;
    private long progressOffset = -1; // watermark of the last progress record

    /// @param published what was published before this start
    public Publisher(Lineage lineage, Settings settings, Published published, TrainerClock clock) {
        this.lineage = lineage;
        this.published = published;
        this.settings = settings;
        series = new SnapshotSeries(settings.series());
        republish = settings.republish().follower();
        this.clock = clock;
        progressKey = lineage.model().getBytes(StandardCharsets.UTF_8);
        long now = clock.nanos();
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
        Report report = published.report();
        return report != null && report.nextOffset() == store.nextOffset()
                && (progressOffset == store.nextOffset() || progressOffset == -1) && !isDue(store);
    }

    /// Whether there is a version that is not on the topic.
    private boolean isDue(ModelStore store) {
        long version = store.model().parameters().updates();
        return version > 0 && (version > published.version() || republish.isGiven());
    }

    /// Forwards to `out` what is due, once in the flush before each commit, and returns what is published with it.
    public Published publishDue(ModelStore store, Out out) {
        republish.committed(); // a flush comes after another only when the commit between them succeeded
        long now = clock.nanos();
        boolean all = settings.stopping().getAsBoolean();
        if (republish.isGiven()) {
            series.forget(); // a part of it went to the topic that is gone
            publishAt = now;
        }
        boolean publish = !series.isSending() && isDue(store) && (all || now - publishAt >= 0);
        weightsHash.noteDirty(store.model().parameters());
        Report report = published.report();
        if (report == null || report.nextOffset() != store.nextOffset()) {
            report = all || now - reportAt >= 0 ? report(store) : null;
        }
        if (series.isSending()) {
            goOn(published.retained(), all, out);
            // What was learned while it was being written is due as well, and no commit may follow.
            publish = all && isDue(store);
        }
        if (publish) {
            publishAt = now + settings.every().toNanos();
            publish(store, report == null ? weightsHash.of(store.model()) : report.weightsHash(), all, out);
        }
        if (report != null && progressOffset != report.nextOffset() && (all || now - progressAt >= 0)) {
            progressAt = now + PROGRESS_EVERY.toNanos();
            progressOffset = report.nextOffset();
            byte[] value = settings.progress().apply(store, report);
            out.forward(new Record<>(progressKey, value, clock.epochMillis()), PROGRESS);
        }
        return published;
    }

    private Report report(ModelStore store) {
        long start = clock.nanos();
        Report report = Report.of(store.model(), store.nextOffset());
        long end = clock.nanos();
        reportAt = end + REPORT_SHARE * (end - start);
        published = new Published(published.retained(), published.totals(), report);
        return report;
    }

    private void publish(ModelStore store, String weightsHash, boolean all, Out out) {
        PublishedSnapshot.Moment moment = new PublishedSnapshot.Moment(weightsHash, lineage.epoch(), store.nextOffset(),
                store.newestAppendTime(), settings.atEnd().test(store.nextOffset()), clock.epochMillis());
        List<RetainedSnapshot> retained = republish.isGiven() ? List.of() : published.retained();
        republish.followed();
        goOn(series.begin(store.model(), retained, moment, snapshots(out)), all, out);
    }

    private void goOn(List<RetainedSnapshot> retained, boolean all, Out out) {
        List<RetainedSnapshot> next = series.goOn(retained, lineage.epoch(), all, snapshots(out));
        published = new Published(next, series.totals(), published.report());
    }

    private static SnapshotSeries.Out snapshots(Out out) {
        return (key, value, time) -> out.forward(value == null ? tombstone(key, time) : new Record<>(key, value, time),
                SNAPSHOTS);
    }

    @SuppressWarnings("NullAway") // a tombstone is a record without a value; Streams' Record says nothing of
    // null
    private static Record<byte[], byte[]> tombstone(byte[] key, long now) {
        return new Record<>(key, null, now);
    }
}
