package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidOffsetException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The live model, and how it survives. The engine changes the weights in place; this class makes them durable in the
/// transaction that commits the offsets of the events they were learned from. Either both are committed or neither.
///
/// **Writing.** Kafka Streams calls `flushCache` before every commit, inside the transaction (`StreamsInternals` says
/// why there and nowhere else). A `StateWriter` logs what it takes to get the state back: the pages that have changed,
/// or some pages of an image. Last comes the manifest, which says of which events this is the state: its *watermark* is
/// the next offset of the log of record. Nothing is ever taken back: when a commit fails, the process rebuilds the
/// state from the changelog, as after a crash.
///
/// **Reading.** There is no local file. A task's changelog is restored from its beginning; where its pages are an older
/// image, the events since are learned again from the log of record (`Redo`). The state is used only if all of this
/// holds (`begin`):
///
/// 1. the pages and the carry are the ones the manifest speaks of (checksums, digest);
/// 2. it is this spec's, epoch's, engine's and log's;
/// 3. the watermark that was committed *beside the group's offset* equals the manifest's. The offset itself can't tell:
///    it may lie beyond the watermark, because transaction markers and aborted records are skipped, and markers alone
///    cause commits;
/// 4. the first record that comes is the first visible one at or after the watermark (`checkFirst`).
///
/// Otherwise the trainer stops, says what it expected and found, and commits nothing.
///
/// **Trust.** Two checks tell when a version of Kafka Streams does not do what is relied on: the `CommitGuard` refuses
/// offsets without their state, and before the second commit with changes the first one's manifest is read back as any
/// reader would see it (the canary: about 60 ms, once per process; again with the next commit while it is hidden).
///
/// Not thread-safe: all of it runs on the task's stream thread. Other threads read `CommitGuard.committed`.
public class ModelStore extends StreamsInternals {
    /// The store's name, and part of its changelog topic's.
    public static final String NAME = "model";

    /// The watermark's key beside the group's offset.
    static final String WATERMARK = "w";

    /// The key of the commit's number. Two commits may have the same watermark: a snapshot that is published while no
    /// event comes changes what is retained.
    static final String COMMIT = "c";

    private static final Logger LOG = LoggerFactory.getLogger(ModelStore.class);

    /// How long a start looks for what must be there while something is hidden. Commit markers are written after the
    /// commit has been decided, so one miss proves nothing; half a transaction timeout later it does.
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    /// How long the first commit may be hidden. Brokers are late with markers where hundreds of models begin at once,
    /// and a trainer that died left a transaction open for its timeout and their sweep.
    private static final Duration HIDDEN_MAX = Duration.ofSeconds(60);

    private final Lineage lineage;
    private final Kernels kernels;
    private final StoreSettings settings;
    private final BooleanSupplier stopping;
    private final ReadCommitted readCommitted;
    private final CommitGuard guard;

    private @Nullable Restoration restoration; // from `init` to `begin`
    private long restoredUpTo; // in the changelog, by reading it ourselves
    private @Nullable OnlineModel model; // from `begin` on
    private @Nullable StateWriter writer; // likewise

    // The state besides the model's own.
    private long nextOffset;
    private long accepted;
    private long deadLetters;
    private long ticks;
    private long newestAppendTime;
    private List<RetainedSnapshot> retained = List.of();
    private SnapshotTotals snapshotTotals = SnapshotTotals.NONE;
    private @Nullable Report report;

    private boolean changed; // since the last flush
    private boolean firstRecordSeen;
    private long emptyUpTo; // no visible record from the watermark on to here
    private int flushes; // with changes, since `begin`
    private @Nullable StoreManifest first; // of this life's first commit, until the canary has seen it
    private long firstAt; // when it was handed over
    private @Nullable CommittedState flushed;
    private boolean published; // in the flush in progress
    private @Nullable RuntimeException failure;
    private Runnable outputs = () -> {
    };

    /// @param stopping whether the trainer was asked to stop
    public ModelStore(Lineage lineage, Kernels kernels, StoreSettings settings, BooleanSupplier stopping,
            ReadCommitted readCommitted, CommitGuard guard, TrainerClock clock) {
        super(NAME, clock);
        this.lineage = lineage;
        this.kernels = kernels;
        this.settings = settings;
        this.stopping = stopping;
        this.readCommitted = readCommitted;
        this.guard = guard;
    }

    // ---- restoring ----

    @Override
    protected void reset() {
        guard.forget();
        restoration = null; // an earlier one may hold a whole model
        model = null;
        writer = null;
        restoration = new Restoration(lineage, kernels, guard::restoring);
        restoredUpTo = 0;
        nextOffset = -1;
        accepted = 0;
        deadLetters = 0;
        ticks = 0;
        newestAppendTime = Long.MIN_VALUE;
        retained = List.of();
        snapshotTotals = SnapshotTotals.NONE;
        report = null;
        changed = false;
        firstRecordSeen = false;
        flushes = 0;
        first = null;
        flushed = null;
        failure = null;
        outputs = () -> {
        };
    }

    @Override
    protected void restore(ConsumerRecord<byte[], byte[]> record) {
        restoreAgainWhenKept();
        if (record.offset() >= restoredUpTo) {
            restoration().apply(record);
        }
        recordRestored();
    }

    /// When learning moves to another instance and a warm copy stays here, Streams keeps the store as it is, without
    /// `init`: it takes what was learned for the beginning of what is restored. A `Restoration` begins with nothing, so
    /// all of it is read once more; the same where learning comes back before a record did.
    private void restoreAgainWhenKept() {
        if (restoration != null) {
            return;
        }
        reset();
        LOG.info("model {}: kept from when it was learned here; reading {} again", lineage.model(), changelogTopic());
        try {
            restoredUpTo = changelog().read(restoration()::apply);
        } catch (InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            throw Refusals.unreadable(lineage, "the changelog", e);
        }
    }

    @Override
    protected void closed() {
        restoration = null;
    }

    /// From `Processor.init`: the state is whole, or this throws. Only here does Streams show what was committed beside
    /// the offset.
    ///
    /// @param folds makes what decides about the records that have to be learned again
    public void begin(Function<OnlineModel, Redo.Fold> folds) {
        restoreAgainWhenKept();
        bindToCurrentNode();
        Long committed = besideOffset(WATERMARK);
        Long commit = besideOffset(COMMIT); // null beside an offset that was set, not committed
        if (committed != null && isBehind(committed, commit)) {
            awaitChangelog(committed, commit);
        }
        checkWatermark(committed, commit);
        Restoration restoration = restoration();
        StoreManifest restored = restoration.manifest();
        this.restoration = null;
        if (restored == null) {
            beginNew();
        } else {
            goOn(restored, restoration.base(restored), folds);
        }
        emptyUpTo = nextOffset;
        guard.restored(this, state());
    }

    private void beginNew() {
        OnlineModel model = OnlineModel.initial(lineage.spec(), kernels);
        this.model = model;
        nextOffset = lineage.startOffset();
        writer = writer(model, null, new PageChecksums(model.parameters().pages()), new ExternalRejections(), 0);
        LOG.info("model {}: new, learning from {} at offset {}", lineage.model(), lineage.log(), nextOffset);
    }

    private StateWriter writer(OnlineModel model, @Nullable StoreManifest restored, PageChecksums checksums,
            ExternalRejections rejections, long redoNanos) {
        return new StateWriter(lineage, settings, new Writing(), model, restored, checksums, rejections, redoNanos,
                clock());
    }

    private Restoration restoration() {
        return Objects.requireNonNull(restoration, "only between init and begin");
    }

    private long restoredWatermark() {
        StoreManifest restored = restoration().manifest();
        return restored == null ? lineage.startOffset() : restored.nextOffset();
    }

    private boolean isBehind(long committed, @Nullable Long commit) {
        StoreManifest restored = restoration().manifest();
        return restoredWatermark() < committed || commit != null && (restored == null ? 0 : restored.commit()) < commit;
    }

    /// Commit markers reach the group's offsets and the changelog one after the other: after a fail-over the offset may
    /// be seen first. Until its marker is there a transaction is open in the changelog; where none is, nothing more can
    /// come, and a changelog that lost something is refused at once.
    private void awaitChangelog(long committed, @Nullable Long commit) {
        LOG.info("model {}: the group is at watermark {}, the changelog not yet; reading it again", lineage.model(),
                committed);
        try {
            if (changelog().isHidden()) {
                changelog().read(restoration()::apply, () -> !isBehind(committed, commit), PATIENCE);
                if (!isBehind(committed, commit)) {
                    return;
                }
            }
            // Asked before it is read for the last time: what hides it may end in between.
            boolean hidden = changelog().isHidden();
            changelog().read(restoration()::apply);
            if (isBehind(committed, commit) && hidden) {
                throw Refusals.hidden(lineage, "the manifest of watermark " + committed, changelogTopic());
            }
        } catch (InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            throw Refusals.unreadable(lineage, "the changelog", e);
        }
    }

    /// The state of the changelog belongs to the offsets of the group, or this throws.
    protected void checkWatermark(@Nullable Long committed, @Nullable Long commit) {
        StoreManifest restored = restoration().manifest();
        restoration().requireManifest();
        if (committed != null && committed == restoredWatermark()) {
            if (isBehind(committed, commit)) {
                throw Refusals.violation(lineage, "the manifest of commit " + commit + ", as beside the group's offset",
                        restored == null ? "none" : "that of commit " + restored.commit(),
                        "the changelog " + changelogTopic()
                                + " lost its newest records. Restore the topic, or learn again under a new model name");
            }
            return;
        }
        String found = committed == null ? "none" : "watermark " + committed;
        if (restored == null) {
            throw Refusals.violation(lineage,
                    "the start offset " + lineage.startOffset() + " beside the group's offset, as the changelog "
                            + changelogTopic() + " is empty",
                    found,
                    "the changelog lost its content, or the group's offset was set by hand. Restore the topic, or"
                            + " learn again under a new model name");
        }
        throw Refusals.violation(lineage,
                "watermark " + restored.nextOffset() + " of the changelog's manifest beside the group's offset", found,
                "the group's offset was altered by hand. With the trainer stopped, wait for the end of its session"
                        + " (kafka.session.timeout.ms, 6 s unless set: until then Kafka refuses), then delete the"
                        + " offset: kafka-consumer-groups.sh --delete-offsets --group " + group() + " --topic "
                        + lineage.log().topic() + ". The next start takes it from the manifest");
    }

    private void goOn(StoreManifest restored, Restoration.Restored base, Function<OnlineModel, Redo.Fold> folds) {
        OnlineModel model = base.model();
        long start = clock().nanos();
        long redoFrom = restored.base().nextOffset();
        if (redoFrom < restored.nextOffset()) {
            LOG.info("model {}: image {} restored, learning again {} events from offset {} to {}", lineage.model(),
                    restored.base().image(), restored.accounts().total() - restored.base().accounts().total(), redoFrom,
                    restored.nextOffset());
            redo(restored, base, folds.apply(model));
        }
        long redoNanos = clock().nanos() - start;
        this.model = model;
        writer = writer(model, restored, base.checksums(), base.rejections(), redoNanos);
        nextOffset = restored.nextOffset();
        accepted = restored.accounts().accepted();
        deadLetters = restored.accounts().deadLetters();
        ticks = restored.accounts().ticks();
        newestAppendTime = restored.newestAppendTime();
        retained = restored.retained();
        report = Report.of(model, nextOffset);
        LOG.info("model {}: version {} restored, {} rows pending, learning on at offset {} of {}", lineage.model(),
                model.parameters().updates(), model.pending(), nextOffset, lineage.log());
    }

    private void redo(StoreManifest restored, Restoration.Restored base, Redo.Fold fold) {
        Redo redo = new Redo(lineage, restored, base, record -> learnedAgain(fold, record), stopping, guard::restoring);
        redo.run(readCommitted);
    }

    protected EventFold.Outcome learnedAgain(Redo.Fold fold, ConsumerRecord<byte[], byte[]> record) {
        return fold.fold(record);
    }

    private StateWriter writer() {
        return Objects.requireNonNull(writer, "begin comes first");
    }

    // ---- learning ----

    /// Before the record at `offset` is learned: in a task's first, no visible record was skipped or comes again.
    public void checkFirst(long offset) {
        if (firstRecordSeen) {
            return;
        }
        firstRecordSeen = true;
        checkContinues(offset);
    }

    /// The record at `offset` is the first visible one at or after the watermark, or this throws.
    protected void checkContinues(long offset) {
        if (offset == nextOffset) {
            return;
        }
        if (offset > nextOffset) {
            Long visible;
            try {
                ConsumerRecord<byte[], byte[]> first = readCommitted.first(lineage.log(), nextOffset, PATIENCE);
                visible = first == null ? null : first.offset();
            } catch (InvalidOffsetException e) {
                throw Refusals.violation(lineage, "the log " + lineage.log() + " from offset " + nextOffset + " on",
                        "that retention has deleted events that were not learned",
                        "learn again under a new model name, and raise the topic's retention");
            } catch (InterruptException e) {
                throw e;
            } catch (KafkaException e) {
                throw Refusals.unreadable(lineage, "the log", e);
            }
            if (visible != null && visible == offset) {
                return; // in between lie only transaction markers and aborted records
            }
        }
        throw skipped("the one at offset " + offset);
    }

    boolean hasSeenARecord() {
        return firstRecordSeen;
    }

    /// Before an offset of the log is committed. Once a task has seen a record, the offset follows from what it has
    /// learned; until then it is the consumer's own, and a revived task's would be committed for ever: behind records
    /// that it has skipped, or before the watermark where another trainer has gone on meanwhile.
    protected void checkNothingSkipped(long offset) {
        if (firstRecordSeen) {
            return;
        }
        if (offset < nextOffset) {
            throw skipped("a consumer at offset " + offset);
        }
        if (offset <= emptyUpTo) {
            return;
        }
        ConsumerRecord<byte[], byte[]> skipped;
        try {
            skipped = readCommitted.firstBetween(lineage.log(), nextOffset, offset);
        } catch (InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            throw Refusals.unreadable(lineage, "the log", e);
        }
        if (skipped != null) {
            throw skipped("a consumer at offset " + offset);
        }
        emptyUpTo = offset;
    }

    private TrainerException skipped(String found) {
        // Streams 4.3.1 does this to a task that it revives: it goes on at the consumer's position
        // and skips what was
        // read but not committed. The stored state is sound, so a new process puts it right.
        return new TrainerException(ExitCode.RETRYABLE,
                "model " + lineage.model() + ": expected the first visible record at or after watermark " + nextOffset
                        + " of " + lineage.log() + ", found " + found
                        + "; nothing was committed, start again from the last commit");
    }

    public OnlineModel model() {
        return Objects.requireNonNull(model, "begin comes first");
    }

    /// The watermark: one past the last visible record that was accounted for.
    public long nextOffset() {
        return nextOffset;
    }

    public Accounts accounts() {
        return new Accounts(accepted, deadLetters, ticks);
    }

    public long newestAppendTime() {
        return newestAppendTime;
    }

    /// The model took the record at `offset`, appended to the log at `appendTime` (epoch ms).
    public void accepted(long offset, long appendTime) {
        accepted++;
        newestAppendTime = Math.max(newestAppendTime, appendTime);
        passed(offset);
    }

    /// The record at `offset` was forwarded to the dead letters.
    public void deadLettered(long offset, Rejection why) {
        if (Redo.isExternal(why)) {
            writer().rejectedFromOutside(offset);
        }
        deadLetters++;
        passed(offset);
    }

    /// The record at `offset` was a tick.
    public void ticked(long offset) {
        ticks++;
        passed(offset);
    }

    private void passed(long offset) {
        nextOffset = offset + 1;
        changed = true;
    }

    /// Some records took so many nanoseconds; keys and values were so many bytes.
    public void passed(long nanos, long bytes) {
        writer().learned(nanos, bytes);
    }

    /// Whether to ask Streams for a commit, rather than wait for its own.
    public boolean isCommitDue() {
        return writer().isCommitDue();
    }

    /// Between two commits while there is something to commit; null when Streams looks after that by itself.
    public @Nullable Duration commitInterval() {
        return settings.paced() ? Duration.ofMillis(writer().commitIntervalMillis()) : null;
    }

    /// Whether commits are needed although nothing was learned: an image has to be written.
    public boolean hasWork() {
        return writer().hasWork(nextOffset);
    }

    /// Snapshots on the topic, oldest first.
    public List<RetainedSnapshot> retained() {
        return retained;
    }

    /// In `outputs`: the list after what was forwarded there.
    public void retain(List<RetainedSnapshot> snapshots, SnapshotTotals totals) {
        snapshotTotals = totals;
        if (!snapshots.equals(retained)) {
            retained = List.copyOf(snapshots);
            changed = true;
            published = true;
        }
    }

    /// -1 when there is none.
    public long publishedVersion() {
        for (RetainedSnapshot snapshot : retained.reversed()) {
            if (snapshot.complete()) {
                return snapshot.version();
            }
        }
        return -1;
    }

    public @Nullable Report report() {
        return report;
    }

    public void report(Report report) {
        this.report = report;
    }

    /// Runs at the start of every flush, before anything is logged, and may forward: what becomes visible with a commit
    /// belongs to exactly the state that the commit makes durable.
    public void outputs(Runnable outputs) {
        this.outputs = outputs;
    }

    // ---- committing ----

    @Override
    protected void beforeCommit() {
        if (failure != null) {
            throw failure; // a dirty close calls again
        }
        if (model == null) {
            return;
        }
        try {
            checkAnswered();
            guard.flushing(clock().nanos());
            published = false;
            asProcessor(outputs);
            if (changed || hasWork()) {
                logChanges();
            }
            // Without changes too: a report may be new. Markers in the log alone cause commits;
            // they log nothing.
            flushed = state();
        } catch (RuntimeException e) {
            failure = e;
            throw e;
        }
    }

    private void logChanges() {
        StateWriter writer = writer();
        StoreManifest unseen = first;
        if (unseen != null) {
            first = isThere(unseen) ? null : unseen;
        }
        StoreManifest next = writer.flush(new StateWriter.State(nextOffset, accounts(), newestAppendTime, retained),
                published, guard.flushTime());
        manifestNext();
        log(StoreRecords.MANIFEST_KEY, StoreRecords.sealed(StoreRecords.MANIFEST_KEY, lineage.epoch(), next.encode()));
        putWatermark(nextOffset, next.commit());
        changed = false;
        flushes++;
        if (flushes == 1) {
            first = next;
            firstAt = clock().nanos();
        }
    }

    /// Streams flushes again before a commit was answered when it gives a task up, and swallows this. What would be
    /// published and logged now does not belong to that commit, and nobody can say yet whether its manifest is where a
    /// restart will look.
    private void checkAnswered() {
        StoreManifest last = writer().manifest();
        if (flushes > 0 && last != null && !guard.isTold(last.commit())) {
            throw new TrainerException(ExitCode.RETRYABLE, "model " + lineage.model()
                    + ": expected an answer to commit " + last.commit()
                    + " before the next one, found none: Kafka Streams has given its transaction up; start again"
                    + " from the last commit");
        }
    }

    protected void putWatermark(long nextOffset, long commit) {
        putBesideOffset(WATERMARK, nextOffset);
        putBesideOffset(COMMIT, commit);
    }

    /// The canary: the manifest of this life's first commit is where a restart will look for it. Not waited for: while
    /// something is hidden the next commit looks again.
    private boolean isThere(StoreManifest unseen) {
        try {
            if (changelog().reaches(unseen.commit(), Duration.ZERO)) {
                return true;
            }
            boolean hidden = changelog().isHidden(); // as in `awaitChangelog`
            if (changelog().reaches(unseen.commit(), Duration.ZERO)) {
                return true;
            }
            if (hidden && clock().nanos() - firstAt < HIDDEN_MAX.toNanos()) {
                return false;
            }
            throw hidden ? Refusals.hidden(lineage, "the manifest of commit " + unseen.commit(), changelogTopic())
                    : Refusals.violation(lineage,
                            "the manifest of commit " + unseen.commit() + " at the end of " + changelogTopic(), "none",
                            "this build of Tidegrad does not fit this version of Kafka, or the topic was emptied");
        } catch (InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            throw Refusals.unreadable(lineage, "the changelog", e);
        }
    }

    private Changelog changelog() {
        return new Changelog(new TopicPartition(changelogTopic(), lineage.log().partition()), readCommitted);
    }

    private CommittedState state() {
        OnlineModel model = model();
        Parameters parameters = model.parameters();
        StateWriter writer = writer();
        StoreManifest manifest = writer.manifest();
        return new CommittedState(nextOffset, -1, parameters.updates(), parameters.examples(), model.pending(),
                publishedVersion(), snapshotTotals, accounts(), newestAppendTime,
                manifest == null ? 0 : manifest.commit(), report, writer.status(nextOffset, accounts()));
    }

    /// As committed already, of a task that has consumed nothing since.
    OffsetAndMetadata committedOffset() {
        Map<String, Long> beside = new HashMap<>(Map.of(WATERMARK, nextOffset));
        StoreManifest manifest = writer().manifest();
        if (manifest != null) {
            beside.put(COMMIT, manifest.commit());
        }
        return new OffsetAndMetadata(nextOffset, StreamsInternals.encodeBesideOffset(beside));
    }

    /// What the transaction in progress will have committed.
    @Nullable
    CommittedState flushed() {
        return flushed;
    }

    /// Whether a commit now would lose something. All pages of a new model are dirty; they go with its first event.
    boolean hasUnloggedChanges() {
        return changed || writer().manifest() != null && !model().parameters().dirty().isEmpty();
    }

    /// How a `StateWriter` reaches the changelog, and tests reach in between.
    private final class Writing implements StateWriter.Store {
        @Override
        public void log(byte[] key, byte[] value) {
            ModelStore.this.log(key, value);
        }

        @Override
        public void pageLogged(int page) {
            ModelStore.this.pageLogged(page);
        }

        @Override
        public void imagePageLogged(int page) {
            ModelStore.this.imagePageLogged(page);
        }

        @Override
        public int firstNonFinitePage(Parameters parameters, PageSet pages) {
            return ModelStore.this.firstNonFinitePage(parameters, pages);
        }

        @Override
        public boolean isWhole(Image image) {
            return ModelStore.this.isWhole(image);
        }

        @Override
        public void watch(Parameters parameters, Image image) {
            ModelStore.this.watch(parameters, image);
        }

        @Override
        public boolean stopping() {
            return stopping.getAsBoolean();
        }
    }

    protected int firstNonFinitePage(Parameters parameters, PageSet pages) {
        return parameters.firstNonFinitePage(pages);
    }

    protected boolean isWhole(Image image) {
        return image.isWhole();
    }

    protected void watch(Parameters parameters, Image image) {
        parameters.watch(image.watched(), image::keep);
    }

    // ---- where tests kill the process ----

    protected void pageLogged(int page) {}

    protected void imagePageLogged(int page) {}

    protected void manifestNext() {}

    /// Everything is flushed, the offsets join the transaction next.
    protected void offsetsJoin() {}

    protected void recordRestored() {}
}
