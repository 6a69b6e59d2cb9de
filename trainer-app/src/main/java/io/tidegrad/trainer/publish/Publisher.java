package io.tidegrad.trainer.publish;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.Lineage;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.evaluation.RecentEvaluation;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.trainer.store.ModelStore;
import io.tidegrad.trainer.store.Published;
import io.tidegrad.trainer.store.Report;
import io.tidegrad.trainer.store.RetainedSnapshot;
import io.tidegrad.trainer.store.TrainerClock;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.function.LongFunction;
import java.util.function.LongPredicate;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/// Publishes snapshots, tombstones for old ones, and progress. It is called in each flush, so that a snapshot, the
/// pages from which it was cut and the offsets behind them are one transaction. The wall clock decides when something
/// is published, never what is learned: nothing here changes the model.
public final class Publisher {
    /// The topology's sinks that this writes to.
    public static final String SNAPSHOTS = "snapshots";

    public static final String PROGRESS = "progress";

    private static final Duration PROGRESS_EVERY = Duration.ofSeconds(1);

    /// A report hashes the whole model, on all cores, which may take a fortieth of the learning thread's time.
    private static final int REPORT_SHARE = 40;

    @FunctionalInterface
    public interface Out {
        void forward(Record<byte[], byte[]> record, String sink);
    }

    /// @param every the least time between two snapshots
    /// @param series how snapshots are written and which of them stay on the topic
    /// @param progress returns a report as the value of a record on the progress topic
    /// @param atEnd returns whether an offset is the log's end, as far as is known
    /// @param stopping returns whether the trainer was asked to stop: everything is due then
    /// @param republish given when nothing that was published is on the topic any more
    /// @param gate what must hold before a version is published; null for nothing
    /// @param read reads the weights of a version that is on the topic, on any thread; null if it can't be read
    public record Settings(Duration every, SnapshotSeries.Settings series,
            BiFunction<ModelStore, Report, byte[]> progress, LongPredicate atEnd, BooleanSupplier stopping,
            RepublishOrder republish, ModelSpec.@Nullable Gate gate, LongFunction<@Nullable Parameters> read) {
    }

    private final Lineage lineage;
    private final Settings settings;
    private final SnapshotSeries series;
    private final @Nullable PublishGate gate;
    private @Nullable AgainstServed against; // null unless the gate compares
    private @Nullable String worse; // how the last version that waited was, until one is published
    private boolean holding; // a fault that is noted
    private long cutAt; // labels that were counted when the version was cut that waits at the gate
    private final RepublishOrder.Follower republish;
    private final WeightsHash weightsHash = new WeightsHash();
    private final TrainerClock clock;
    private final byte[] progressKey;
    private Published published;
    private long publishAt; // when the next one is due, by the clock's nanos
    private long reportAt;
    private long progressAt;
    private long progressOffset = -1; // watermark of the last progress record

    /// @param published what was published before this start
    public Publisher(Lineage lineage, Settings settings, Published published, TrainerClock clock) {
        this.lineage = lineage;
        this.published = published;
        this.settings = settings;
        series = new SnapshotSeries(settings.series());
        gate = settings.gate() == null ? null : new PublishGate(settings.gate());
        republish = settings.republish().follower();
        this.clock = clock;
        progressKey = lineage.model().getBytes(StandardCharsets.UTF_8);
        long now = clock.nanos();
        publishAt = now;
        reportAt = now;
        progressAt = now;
    }

    /// Begins to compare versions of the model that learns, if the gate wants it.
    public void begin(OnlineModel model) {
        if (settings.gate() != null && settings.gate().againstServed()) {
            against = new AgainstServed(model);
            long before = published.version();
            if (before >= 0) {
                against.begin(CompletableFuture.supplyAsync(() -> settings.read().apply(before),
                        task -> Thread.ofPlatform().name("served-" + lineage.model()).daemon().start(task)));
            }
        }
    }

    /// Returns how often to look whether something is due, until everything is settled.
    public Duration lookEvery() {
        Duration every = settings.every();
        return every.compareTo(PROGRESS_EVERY) < 0 ? every : PROGRESS_EVERY;
    }

    /// Returns whether nothing is left to publish until the next event.
    public boolean settled(ModelStore store) {
        Report report = published.report();
        return report != null && report.nextOffset() == store.nextOffset()
                && (progressOffset == store.nextOffset() || progressOffset == -1) && !isDue(store);
    }

    /// Returns whether there is a version that is not on the topic and that the gate would let pass now.
    private boolean isDue(ModelStore store) {
        long version = store.model().parameters().updates();
        return version > 0 && (version > published.version() || republish.isGiven()) && !published.waitsForLabels();
    }

    /// Returns whether a flush now would publish a version, or go on with one.
    public boolean isDueNow(ModelStore store) {
        return series.isSending() || isDue(store) && clock.nanos() - publishAt >= 0;
    }

    /// Returns when the spec allows the next version, by the clock's nanos.
    public long publishNotBefore() {
        return publishAt;
    }

    /// Forwards to `out` what is due, once in the flush before each commit, and returns what is published with it.
    public Published publishDue(ModelStore store, Out out) {
        republish.committed(); // a flush follows another one only if the commit between them succeeded
        long now = clock.nanos();
        boolean all = settings.stopping().getAsBoolean();
        if (republish.isGiven()) {
            series.forget(); // some of its parts went to the topic that is gone
            publishAt = now;
        }
        if (gate != null) {
            lookAt(gate, store);
        }
        boolean publish = !series.isSending() && isDue(store) && (all || now - publishAt >= 0);
        weightsHash.noteDirty(store.model().parameters());
        Report report = published.report();
        if (report == null || report.nextOffset() != store.nextOffset()) {
            report = all || now - reportAt >= 0 ? report(store) : null;
        }
        if (series.isSending()) {
            goOn(published.retained(), all, out);
            // What was learned meanwhile is due as well, because no commit may follow.
            publish = all && isDue(store);
        }
        if (publish) {
            publishAt = now + settings.every().toNanos();
            if (!series.isCut()) {
                cut(store, report == null ? weightsHash.of(store.model()) : report.weightsHash());
            }
            if (gate == null || isProven(gate, store) || republish.isGiven()) {
                republish.followed();
                worse = null;
                if (against != null) {
                    against.published();
                }
                goOn(series.begin(published.retained(), lineage.epoch(), snapshots(out)), all, out);
            } else {
                published = published.atGate(true, null);
            }
        }
        if (report != null && progressOffset != report.nextOffset() && (all || now - progressAt >= 0)) {
            progressAt = now + PROGRESS_EVERY.toNanos();
            progressOffset = report.nextOffset();
            report = report.with(store.model().inspect());
            published = published.with(report);
            byte[] value = settings.progress().apply(store, report);
            out.forward(new Record<>(progressKey, value, clock.epochMillis()), PROGRESS);
        }
        return published;
    }

    private Report report(ModelStore store) {
        long start = clock.nanos();
        Report before = published.report();
        Report report = Report.of(store.model(), store.nextOffset()).with(before == null ? null : before.inspection());
        long end = clock.nanos();
        reportAt = end + REPORT_SHARE * (end - start);
        published = published.with(report);
        return report;
    }

    /// Gives up the version that waits if there is a fault now. Where the topic lost all versions, none waits: whoever starts
    /// has nothing to serve.
    private void lookAt(PublishGate gate, ModelStore store) {
        if (against != null && against.takeRead()) {
            cutAt = store.model().evaluation().recent().labels(); // what waits is compared from now on
        }
        String fault = gate.fault(store.model().evaluation().recent());
        String lost = against == null ? null : against.worse();
        worse = lost == null ? worse : lost;
        if ((fault != null || lost != null) && series.isCut()) {
            series.forget();
            if (against != null) {
                against.givenUp();
            }
        }
        // After a version that was worse the next one may be cut, and is compared anew.
        published = published.atGate(fault != null || series.isCut() && !isProven(gate, store) && !republish.isGiven(),
                fault == null ? worse : fault);
        String told = published.fault();
        boolean holds = told != null && store.model().evaluation().recent().labels() >= RecentEvaluation.WINDOW;
        if (told != null && holds && !holding) {
            published = published.with(hold(told, store));
        }
        holding = holds;
    }

    private ControlRecord hold(String fault, ModelStore store) {
        Parameters of = store.model().parameters();
        return new ControlRecord(
                lineage.model(), new ControlAction.Hold(lineage.epoch(), of.updates(), published.version(),
                        store.nextOffset(), of.examples()),
                clock.epochMillis(), ControlRecord.GATE, ControlRecord.fitting(fault));
    }

    private boolean isProven(PublishGate gate, ModelStore store) {
        return (against == null || !against.isReading())
                && store.model().evaluation().recent().labels() - cutAt >= gate.labels();
    }

    private void cut(ModelStore store, String weightsHash) {
        PublishedSnapshot.Moment moment = new PublishedSnapshot.Moment(weightsHash, lineage.epoch(), store.nextOffset(),
                store.newestAppendTime(), settings.atEnd().test(store.nextOffset()), clock.epochMillis());
        if (republish.isGiven()) {
            published = published.with(List.of(), published.totals());
        }
        series.cut(store.model(), published.retained(), moment);
        if (against != null) {
            against.cut(store.model().parameters());
        }
        cutAt = store.model().evaluation().recent().labels();
    }

    private void goOn(List<RetainedSnapshot> retained, boolean all, Out out) {
        List<RetainedSnapshot> next = series.goOn(retained, lineage.epoch(), all, snapshots(out));
        published = published.with(next, series.totals());
    }

    private static SnapshotSeries.Out snapshots(Out out) {
        return (key, value, time) -> out.forward(value == null ? tombstone(key, time) : new Record<>(key, value, time),
                SNAPSHOTS);
    }

    @SuppressWarnings("NullAway") // a tombstone is a record without a value; Streams' Record has no annotation
    private static Record<byte[], byte[]> tombstone(byte[] key, long now) {
        return new Record<>(key, null, now);
    }
}
