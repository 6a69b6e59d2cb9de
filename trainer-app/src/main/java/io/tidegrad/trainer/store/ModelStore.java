package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.control.Retention;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.LongUnaryOperator;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidOffsetException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The state store of the live model. The engine changes the weights in place, and this class makes them durable in the
/// transaction that commits the offsets of the events from which they were learned. Either both are committed or neither.
///
/// **Writing.** Kafka Streams calls `flushCache` before every commit, inside the transaction (`StreamsInternals` says
/// why there and nowhere else). A `StateWriter` logs what a restart needs to get the state back: the pages that have
/// changed, or some pages of an image. The manifest comes last and says which events the state has learned: its
/// *watermark* is the next offset of the log of record. Nothing is ever undone: if a commit fails, the process rebuilds
/// the state from the changelog, as after a crash.
///
/// **Reading.** There is no local file. The changelog is restored from its beginning. If its pages are an older state,
/// the events since then are learned again from the log of record (`Redo`). `begin` accepts the state only if all of
/// this holds:
///
/// 1. Pages and carry are those of the manifest, by checksums and digest.
/// 2. The state is of this spec, epoch, numerics and log.
/// 3. The watermark that was committed *beside the group's offset* equals the manifest's. The offset itself may lie
///    beyond the watermark, because transaction markers and aborted records are skipped, and markers alone cause
///    commits.
/// 4. The first record that comes is the first visible one at or after the watermark (`checkFirst`).
///
/// Otherwise the trainer stops, says what it expected and found, and commits nothing.
///
/// **Trust.** Two checks notice if a version of Kafka Streams does not behave as this class needs. The `CommitGuard`
/// refuses offsets without their state. And before the second commit with changes, the canary reads the manifest of the
/// first one back as any reader would see it. That takes about 60 ms once a process, and is repeated with the next commit
/// if a transaction hides the manifest.
///
/// Everything runs on the task's stream thread. Other threads read `CommitGuard.committed`.
public class ModelStore extends StreamsInternals implements StateWriter.Store {
    /// The store's name, and part of its changelog topic's.
    public static final String NAME = "model";

    /// The watermark's key beside the group's offset.
    static final String WATERMARK = "w";

    /// The key of the commit's number. Two commits may have the same watermark, because a snapshot that is published while
    /// no event comes changes the list of retained snapshots.
    static final String COMMIT = "c";

    private static final Logger LOG = LoggerFactory.getLogger(ModelStore.class);

    /// How long a start waits for a committed record that an open transaction hides. Markers are written after the commit
    /// was decided, so that a record may be missing at first, but not after half a transaction timeout.
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    /// How long the first commit may be hidden. Brokers are late with markers if hundreds of models begin at once, and the
    /// transaction of a trainer that died stays open until its timeout and the brokers' next sweep.
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

    private LogTally tally = LogTally.from(-1);
    private HashBehind hash = new HashBehind(tally.hash());
    private List<ConsumerRecord<byte[], byte[]>> unhashed = new ArrayList<>(); // consumed since the last run was passed
    private long unhashedBytes;
    private Published published = Published.NOTHING;
    private boolean changed; // since the last flush
    private boolean firstRecordSeen;
    private long emptyUpTo; // no visible record from the watermark on to here
    private int flushes; // with changes, since `begin`
    private @Nullable StoreManifest first; // of this life's first commit, until the canary has seen it
    private long firstAt; // when it was handed over
    private @Nullable CommittedState flushed;
    private @Nullable RuntimeException failure;
    private @Nullable Supplier<Published> outputs;

    /// @param stopping returns whether the trainer was asked to stop
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
        count(LogTally.from(-1));
        published = Published.NOTHING;
        changed = false;
        firstRecordSeen = false;
        flushes = 0;
        first = null;
        flushed = null;
        failure = null;
        outputs = null;
    }

    @Override
    protected void restore(ConsumerRecord<byte[], byte[]> record) {
        restoreAgainWhenKept();
        if (record.offset() >= restoredUpTo) {
            restoration().apply(record);
        }
        recordRestored();
    }

    /// If learning moves to another instance and a warm copy stays here, Streams keeps the store without calling `init`,
    /// and restores only the records after what was learned. A `Restoration` begins with nothing, so this reads the whole
    /// changelog. The same happens if learning comes back before a record does.
    private void restoreAgainWhenKept() {
        if (restoration != null) {
            return;
        }
        reset();
        LOG.info("model {}: kept from when it was learned here; reading {} again", lineage.model(), changelogTopic());
        restoredUpTo = Refusals.reading(lineage, "the changelog", () -> changelog().read(restoration()::apply));
    }

    @Override
    protected void closed() {
        restoration = null;
    }

    /// Makes the restored state the live model, or throws. `Processor.init` calls this, because Streams does not show
    /// earlier what was committed beside the offset.
    ///
    /// @param folds returns the fold for records that have to be learned again
    public void begin(Function<OnlineModel, Redo.Fold> folds) {
        guard.begins();
        restoreAgainWhenKept();
        bindToCurrentNode();
        Long committed = besideOffset(WATERMARK);
        Long commit = besideOffset(COMMIT); // null beside an offset that was set and not committed
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
        emptyUpTo = nextOffset();
        CommittedState state = state();
        LOG.info("model {}: kept as {}: {}", lineage.model(), state.store().kind().word(), state.store().reason());
        guard.restored(this, state);
    }

    private void beginNew() {
        OnlineModel model = OnlineModel.initial(lineage.spec(), kernels);
        this.model = model;
        count(LogTally.from(lineage.startOffset()));
        writer = writer(model, null, new PageChecksums(model.parameters().pages()), new ExternalRejections(), 0);
        LOG.info("model {}: new, learning from {} at offset {}", lineage.model(), lineage.log(), nextOffset());
    }

    private StateWriter writer(OnlineModel model, @Nullable StoreManifest restored, PageChecksums checksums,
            ExternalRejections rejections, long redoNanos) {
        return new StateWriter(lineage, settings, this, model, restored, checksums, rejections, redoNanos, clock());
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

    /// The markers of a commit reach the group's offsets and the changelog one after the other, so that after a fail-over
    /// the offset may become visible first. Until then a transaction is open in the changelog. If none is open, nothing
    /// more can come, and the changelog has lost records.
    private void awaitChangelog(long committed, @Nullable Long commit) {
        LOG.info("model {}: the group is at watermark {}, the changelog not yet; reading it again", lineage.model(),
                committed);
        boolean hidden = Refusals.reading(lineage, "the changelog", () -> {
            if (changelog().isHidden()) {
                changelog().read(restoration()::apply, () -> !isBehind(committed, commit), PATIENCE);
                if (!isBehind(committed, commit)) {
                    return false;
                }
            }
            // Asked before the last read, because the transaction that hides records may end in between.
            boolean stillHidden = changelog().isHidden();
            changelog().read(restoration()::apply);
            return stillHidden;
        });
        if (hidden && isBehind(committed, commit)) {
            throw Refusals.hidden(lineage, "the manifest of watermark " + committed, changelogTopic());
        }
    }

    /// Checks that the state of the changelog belongs to the offset of the group.
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
            LOG.info("model {}: {} restored, learning again {} events from offset {} to {}", lineage.model(),
                    restored.kind() == StoreKind.PAGE_LOG ? "pages" : "image " + restored.base().image(),
                    restored.accounts().total() - restored.base().accounts().total(), redoFrom, restored.nextOffset());
            redo(restored, base, folds.apply(model));
        }
        long redoNanos = clock().nanos() - start;
        this.model = model;
        writer = writer(model, restored, base.checksums(), base.rejections(), redoNanos);
        count(new LogTally(restored.nextOffset(), restored.accounts(), restored.newestAppendTime()));
        published = Published.of(restored.retained(), Report.of(model, restored.nextOffset()));
        LOG.info("model {}: version {} restored, {} rows pending, learning on at offset {} of {}", lineage.model(),
                model.parameters().updates(), model.pending(), nextOffset(), lineage.log());
    }

    private void redo(StoreManifest restored, Restoration.Restored base, Redo.Fold fold) {
        Redo redo = new Redo(lineage, restored, base, (record, rejected) -> learnedAgain(fold, record, rejected),
                stopping, guard::restoring);
        redo.run(readCommitted);
    }

    protected EventFold.Outcome learnedAgain(Redo.Fold fold, ConsumerRecord<byte[], byte[]> record, boolean rejected) {
        return fold.fold(record, rejected);
    }

    private StateWriter writer() {
        return Objects.requireNonNull(writer, "begin comes first");
    }

    // ---- learning ----

    /// Called before the record at `offset` is learned. If it is the task's first record, no visible record may have been
    /// skipped, and none may come again.
    public void checkFirst(long offset) {
        if (firstRecordSeen) {
            return;
        }
        firstRecordSeen = true;
        checkContinues(offset);
    }

    /// Checks that the record at `offset` is the first visible one at or after the watermark.
    protected void checkContinues(long offset) {
        long nextOffset = nextOffset();
        if (offset == nextOffset) {
            return;
        }
        if (offset > nextOffset) {
            ConsumerRecord<byte[], byte[]> first = Refusals.reading(lineage, "the log", () -> {
                try {
                    return readCommitted.first(lineage.log(), nextOffset, PATIENCE);
                } catch (InvalidOffsetException e) {
                    throw Refusals.violation(lineage, "the log " + lineage.log() + " from offset " + nextOffset + " on",
                            "that retention has deleted events that were not learned",
                            "learn again under a new model name, and raise the topic's retention");
                }
            });
            if (first != null && first.offset() == offset) {
                return; // only transaction markers and aborted records lie in between
            }
        }
        throw skipped("the one at offset " + offset);
    }

    boolean hasSeenARecord() {
        return firstRecordSeen;
    }

    /// Called before an offset of the log is committed. Once a task has seen a record, the offset follows from what it has
    /// learned. Until then it is the position of the consumer, which may be wrong for a task that Streams has revived: it
    /// may lie behind records that were skipped, or before the watermark if another trainer has gone on meanwhile.
    protected void checkNothingSkipped(long offset) {
        if (firstRecordSeen) {
            return;
        }
        if (offset < nextOffset()) {
            throw skipped("a consumer at offset " + offset);
        }
        if (offset <= emptyUpTo) {
            return;
        }
        if (Refusals.reading(lineage, "the log",
                () -> readCommitted.firstBetween(lineage.log(), nextOffset(), offset)) != null) {
            throw skipped("a consumer at offset " + offset);
        }
        emptyUpTo = offset;
    }

    private StopException skipped(String found) {
        // A task that Streams 4.3.1 revives goes on at the consumer's position, and skips what was read but not committed.
        // The stored state is sound, so a new process learns these records.
        return new StopException(ExitCode.RETRYABLE,
                "model " + lineage.model() + ": expected the first visible record at or after watermark " + nextOffset()
                        + " of " + lineage.log() + ", found " + found
                        + "; nothing was committed, start again from the last commit");
    }

    public OnlineModel model() {
        return Objects.requireNonNull(model, "begin comes first");
    }

    /// Returns the watermark, the offset after the last visible record that was consumed.
    public long nextOffset() {
        return tally.nextOffset();
    }

    public Accounts accounts() {
        hashNow();
        return tally.accounts();
    }

    public long newestAppendTime() {
        return tally.newestAppendTime();
    }

    /// Takes a record, before it is counted, as the next one of those that were consumed.
    public void consumed(ConsumerRecord<byte[], byte[]> record) {
        unhashed.add(record);
        unhashedBytes += Math.max(0, record.serializedKeySize()) + Math.max(0, record.serializedValueSize());
    }

    /// Hashes the records that were consumed.
    public void hashNow() {
        hashLater();
        hash.hashAll();
    }

    /// Leaves that to whoever comes first, a commit or the other thread to which the result is given. It hashes some records,
    /// and returns whether there were any.
    public BooleanSupplier hashLater() {
        if (!unhashed.isEmpty()) {
            hash.add(unhashed, unhashedBytes);
            unhashed = new ArrayList<>(unhashed.size()); // the next burst is as long, most often
            unhashedBytes = 0;
        }
        return hash::hashNext;
    }

    private void count(LogTally from) {
        tally = from;
        hash = new HashBehind(from.hash());
        unhashed = new ArrayList<>();
        unhashedBytes = 0;
    }

    /// Counts the record at `offset`, with append time `appendTime` (epoch ms), which the model has taken.
    public void accepted(long offset, long appendTime) {
        tally.accepted(offset, appendTime);
        changed = true;
    }

    /// Counts the record at `offset`, which was forwarded to the dead letters.
    public void deadLettered(long offset, Rejection why) {
        if (Redo.isExternal(why)) {
            writer().rejectedFromOutside(offset);
        }
        tally.deadLettered(offset);
        changed = true;
    }

    /// Counts the record at `offset`, which was a tick.
    public void ticked(long offset) {
        tally.ticked(offset);
        changed = true;
    }

    /// Notes how long the last records took, and how many bytes their keys and values have.
    public void passed(int events, long nanos, long bytes) {
        writer().learned(events, nanos, bytes);
    }

    /// Returns whether a commit is due before Streams makes one by itself.
    ///
    /// @param publishes whether the commit would publish something that is due
    /// @param unlearned returns how many offsets of the log lie from one on, as far as is known
    public boolean isCommitDue(boolean publishes, LongUnaryOperator unlearned) {
        return writer().isCommitDue(publishes, () -> unlearned.applyAsLong(nextOffset()));
    }

    /// Returns the time between two commits while there is something to commit, or null if Streams keeps it by itself.
    public @Nullable Duration commitInterval() {
        return settings.paced() ? Duration.ofMillis(writer().commitIntervalMillis()) : null;
    }

    /// Returns when that time after the last commit is over, by the clock's nanos.
    public long commitNotBefore() {
        return writer().commitNotBefore();
    }

    /// Returns whether an image or pages have to be written, so that commits are needed although nothing was learned.
    public boolean hasWork() {
        return writer().hasWork(nextOffset());
    }

    /// Returns how often to look for such work while nothing is learned; null for never.
    public @Nullable Duration lookEvery() {
        return writer().lookEvery(nextOffset());
    }

    /// Returns what was published before this start, as the changelog says.
    public Published published() {
        return published;
    }

    /// Sets what runs at the start of every flush, before anything is logged. It may forward records, and returns what is
    /// published with them: what becomes visible with a commit belongs to exactly the state that the commit makes durable.
    public void outputs(Supplier<Published> outputs) {
        this.outputs = outputs;
    }

    // ---- committing ----

    @Override
    protected void beforeCommit() {
        if (failure != null) {
            throw failure; // Streams calls again when it closes a task that failed
        }
        Supplier<Published> outputs = this.outputs;
        if (model == null || outputs == null) {
            return;
        }
        try {
            checkAnswered();
            guard.flushing(clock().nanos());
            List<RetainedSnapshot> before = published.retained();
            asProcessor(() -> published = outputs.get());
            boolean publishes = !published.retained().equals(before);
            changed |= publishes;
            if (changed || hasWork()) {
                logChanges(publishes);
            }
            // Set without changes too, because a report may be new. Markers in the log alone cause such commits.
            flushed = state();
        } catch (RuntimeException e) {
            failure = e;
            throw e;
        }
    }

    private void logChanges(boolean publishes) {
        StateWriter writer = writer();
        StoreManifest unseen = first;
        if (unseen != null) {
            first = isThere(unseen) ? null : unseen;
        }
        StoreManifest next =
                writer.flush(new StateWriter.State(nextOffset(), accounts(), newestAppendTime(), published.retained()),
                        publishes, guard.flushTime());
        manifestNext();
        log(StoreRecords.MANIFEST_KEY, StoreRecords.sealed(StoreRecords.MANIFEST_KEY, lineage.epoch(), next.encode()));
        putWatermark(nextOffset(), next.commit());
        changed = false;
        flushes++;
        if (flushes == 1) {
            first = next;
            firstAt = clock().nanos();
        }
    }

    /// When Streams gives a task up, it flushes again before a commit was answered, and ignores this exception. What would
    /// be published and logged now does not belong to that commit.
    private void checkAnswered() {
        StoreManifest last = writer().manifest();
        if (flushes > 0 && last != null && !guard.isTold(last.commit())) {
            throw new StopException(ExitCode.RETRYABLE, "model " + lineage.model() + ": expected an answer to commit "
                    + last.commit()
                    + " before the next one, found none: Kafka Streams has given its transaction up; start again"
                    + " from the last commit");
        }
    }

    protected void putWatermark(long nextOffset, long commit) {
        putBesideOffset(WATERMARK, nextOffset);
        putBesideOffset(COMMIT, commit);
    }

    /// The canary: returns whether the manifest of this life's first commit is visible where a restart will look for it. If
    /// a transaction may hide it, the next commit looks again.
    private boolean isThere(StoreManifest unseen) {
        return Refusals.reading(lineage, "the changelog", () -> {
            if (changelog().reaches(unseen.commit())) {
                return true;
            }
            boolean hidden = changelog().isHidden(); // as in `awaitChangelog`
            if (changelog().reaches(unseen.commit())) {
                return true;
            }
            if (hidden && clock().nanos() - firstAt < HIDDEN_MAX.toNanos()) {
                return false;
            }
            throw hidden ? Refusals.hidden(lineage, "the manifest of commit " + unseen.commit(), changelogTopic())
                    : Refusals.violation(lineage,
                            "the manifest of commit " + unseen.commit() + " at the end of " + changelogTopic(), "none",
                            "this build of Tidegrad does not fit this version of Kafka, or the topic was emptied");
        });
    }

    private Changelog changelog() {
        return new Changelog(new TopicPartition(changelogTopic(), lineage.log().partition()), readCommitted);
    }

    private CommittedState state() {
        OnlineModel model = model();
        Parameters parameters = model.parameters();
        StateWriter writer = writer();
        StoreManifest manifest = writer.manifest();
        return new CommittedState(nextOffset(), -1, parameters.updates(), parameters.examples(), model.pending(),
                published.version(), published.waitsForLabels(), published.fault(), published.hold(),
                published.totals(), accounts(), newestAppendTime(), manifest == null ? 0 : manifest.commit(),
                published.report(), writer.status(nextOffset(), accounts()));
    }

    /// Returns the offset that is committed already, for a task that has consumed nothing since.
    OffsetAndMetadata committedOffset() {
        Map<String, Long> beside = new HashMap<>(Map.of(WATERMARK, nextOffset()));
        StoreManifest manifest = writer().manifest();
        if (manifest != null) {
            beside.put(COMMIT, manifest.commit());
        }
        return new OffsetAndMetadata(nextOffset(), StreamsInternals.encodeBesideOffset(beside));
    }

    /// Returns the state that the transaction in progress commits.
    @Nullable
    CommittedState flushed() {
        return flushed;
    }

    /// Returns whether a commit now would lose changes. All pages of a new model are dirty, and are logged with its first
    /// event.
    public boolean hasUnloggedChanges() {
        return changed || writer().manifest() != null && !model().parameters().dirty().isEmpty();
    }

    @Override
    public boolean stopping() {
        return stopping.getAsBoolean();
    }

    @Override
    public long logBegin() {
        return guard.logBegin();
    }

    @Override
    public @Nullable Retention logKeeps() {
        return guard.logKeeps();
    }

    // ---- where tests kill the process ----

    protected void manifestNext() {}

    protected void offsetsJoin() {}

    protected void recordRestored() {}
}
