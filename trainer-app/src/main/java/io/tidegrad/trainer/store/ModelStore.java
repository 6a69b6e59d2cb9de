package io.tidegrad.trainer.store;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.apache.kafka.clients.consumer.ConsumerRecord;
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
/// **Writing.** Kafka Streams calls `flushCache` before every commit, inside the transaction (`StreamsInternals` says why
/// there and nowhere else). What has changed since the last flush goes to the changelog: dirty pages, then the carry
/// (pending rows, evaluation), then, last, the manifest, which says of which events this is the state: its *watermark*
/// is the next offset of the log of record. Nothing is ever taken back: when a commit fails, the process rebuilds the
/// state from the changelog, as after a crash.
///
/// **Reading.** There is no local file. A task's changelog is restored from its beginning, and the state is used only if
/// all of this holds (`begin`):
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
/// reader would see it (the canary: about 60 ms, once per process).
///
/// Not thread-safe: all of it runs on the task's stream thread. Other threads read `CommitGuard.committed`.
public class ModelStore extends StreamsInternals {
    /// The store's name, and part of its changelog topic's.
    public static final String NAME = "model";

    /// The watermark's key beside the group's offset.
    static final String WATERMARK = "w";

    private static final Logger LOG = LoggerFactory.getLogger(ModelStore.class);

    /// How long the canary and the checks at a start look for what must be there. Commit markers are written after the
    /// commit has been decided, so one miss proves nothing; half a transaction timeout later it does.
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final Lineage lineage;
    private final Kernels kernels;
    private final ReadCommitted readCommitted;
    private final CommitGuard guard;

    private @Nullable Restoration restoration; // from `init` to `begin`
    private @Nullable OnlineModel model; // from `begin` on
    private PageChecksums checksums = new PageChecksums(0);
    private @Nullable StoreManifest manifest; // the newest logged or restored

    // The state besides the model's own.
    private long nextOffset;
    private long accepted;
    private long deadLetters;
    private long ticks;
    private long newestAppendTime;
    private List<RetainedSnapshot> retained = List.of();
    private @Nullable Report report;

    private boolean changed; // since the last flush
    private boolean firstRecordSeen;
    private int flushes; // with changes, since `begin`
    private byte[] carryLogged = {};
    private @Nullable CommittedState flushed;
    private @Nullable RuntimeException failure;
    private Runnable outputs = () -> {};

    public ModelStore(
            Lineage lineage, Kernels kernels, ReadCommitted readCommitted, CommitGuard guard) {
        super(NAME);
        this.lineage = lineage;
        this.kernels = kernels;
        this.readCommitted = readCommitted;
        this.guard = guard;
    }

    // ---- restoring ----

    @Override
    protected void reset() {
        guard.forget();
        restoration = new Restoration(lineage, kernels);
        model = null;
        manifest = null;
        nextOffset = -1;
        accepted = 0;
        deadLetters = 0;
        ticks = 0;
        newestAppendTime = Long.MIN_VALUE;
        retained = List.of();
        report = null;
        changed = false;
        firstRecordSeen = false;
        flushes = 0;
        carryLogged = new byte[0];
        flushed = null;
        failure = null;
        outputs = () -> {};
    }

    @Override
    protected void restore(ConsumerRecord<byte[], byte[]> record) {
        restoration().apply(record);
        recordRestored();
    }

    /// From `Processor.init`: the state is whole, or this throws. Only here does Streams show what was committed beside
    /// the offset.
    public void begin() {
        bindToCurrentNode();
        Long committed = besideOffset(WATERMARK);
        if (committed != null && committed > restoredWatermark()) {
            awaitChangelog(committed);
        }
        checkWatermark(committed);
        Restoration restoration = restoration();
        StoreManifest restored = restoration.manifest();
        checksums = restoration.checksums();
        if (restored == null) {
            model = OnlineModel.initial(lineage.spec(), kernels);
            nextOffset = lineage.startOffset();
            LOG.info(
                    "model {}: new, learning from {} at offset {}",
                    lineage.model(),
                    lineage.log(),
                    nextOffset);
        } else {
            goOn(restored, restoration.model(restored));
        }
        this.restoration = null;
        guard.restored(this, state());
    }

    private Restoration restoration() {
        return Objects.requireNonNull(restoration, "only between init and begin");
    }

    private long restoredWatermark() {
        StoreManifest restored = restoration().manifest();
        return restored == null ? lineage.startOffset() : restored.nextOffset();
    }

    /// Commit markers reach the group's offsets and the changelog one after the other: after a fail-over the offset may be
    /// seen first.
    private void awaitChangelog(long committed) {
        LOG.info(
                "model {}: the group is at watermark {}, the changelog not yet; reading it again",
                lineage.model(),
                committed);
        try {
            changelog()
                    .read(restoration()::apply, () -> restoredWatermark() == committed, PATIENCE);
        } catch (InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            throw Refusals.unreadable(lineage, "the changelog", e);
        }
    }

    /// The state of the changelog belongs to the offsets of the group, or this throws.
    protected void checkWatermark(@Nullable Long committed) {
        StoreManifest restored = restoration().manifest();
        restoration().requireManifest();
        if (committed != null && committed == restoredWatermark()) {
            return;
        }
        String found = committed == null ? "none" : "watermark " + committed;
        if (restored == null) {
            throw Refusals.violation(
                    lineage,
                    "the start offset "
                            + lineage.startOffset()
                            + " beside the group's offset, as the changelog "
                            + changelogTopic()
                            + " is empty",
                    found,
                    "the changelog lost its content, or the group's offset was set by hand. Restore the topic, or"
                            + " learn again under a new model name");
        }
        throw Refusals.violation(
                lineage,
                "watermark "
                        + restored.nextOffset()
                        + " of the changelog's manifest beside the group's offset",
                found,
                "the group's offset was altered by hand. Delete it while the trainer is stopped: it then takes it from"
                        + " the manifest");
    }

    private void goOn(StoreManifest restored, OnlineModel model) {
        this.model = model;
        manifest = restored;
        nextOffset = restored.nextOffset();
        accepted = restored.accounts().accepted();
        deadLetters = restored.accounts().deadLetters();
        ticks = restored.accounts().ticks();
        newestAppendTime = restored.newestAppendTime();
        retained = restored.retained();
        report = Report.of(model, nextOffset);
        LOG.info(
                "model {}: version {} restored, {} rows pending, learning on at offset {} of {}",
                lineage.model(),
                model.parameters().updates(),
                model.pending(),
                nextOffset,
                lineage.log());
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
                ConsumerRecord<byte[], byte[]> first =
                        readCommitted.first(lineage.log(), nextOffset, PATIENCE);
                visible = first == null ? null : first.offset();
            } catch (InvalidOffsetException e) {
                throw Refusals.violation(
                        lineage,
                        "the log " + lineage.log() + " from offset " + nextOffset + " on",
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
        // Streams 4.3.1 does this to a task that it revives: it goes on at the consumer's position
        // and skips what was
        // read but not committed. The stored state is sound, so a new process puts it right.
        throw new TrainerException(
                ExitCode.RETRYABLE,
                "model "
                        + lineage.model()
                        + ": expected the first visible record at or after watermark "
                        + nextOffset
                        + " of "
                        + lineage.log()
                        + ", found the one at offset "
                        + offset
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
    public void deadLettered(long offset) {
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

    /// Snapshots on the topic, oldest first.
    public List<RetainedSnapshot> retained() {
        return retained;
    }

    /// In `outputs`: the list after what was forwarded there.
    public void retain(List<RetainedSnapshot> snapshots) {
        retained = List.copyOf(snapshots);
        changed = true;
    }

    public long publishedVersion() {
        return retained.isEmpty() ? -1 : retained.getLast().version();
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
            forwarding(outputs);
            if (changed) {
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
        if (flushes == 1) {
            checkFirstCommit(Objects.requireNonNull(manifest));
        }
        OnlineModel model = model();
        Parameters parameters = model.parameters();
        checkFinite(parameters);
        PageSet dirty = parameters.dirty();
        for (int page = dirty.next(0); page >= 0; page = dirty.next(page + 1)) {
            byte[] key = StoreRecords.key(StoreRecords.PAGE, page);
            byte[] value = StoreRecords.allocate(parameters.pageLength(page));
            parameters.readPage(page, value, StoreRecords.PAYLOAD_AT);
            checksums.set(page, StoreRecords.seal(key, lineage.epoch(), value));
            log(key, value);
            pageLogged(page);
        }
        byte[] carry = model.carry();
        logCarry(carry);
        manifestNext();
        StoreManifest next =
                new StoreManifest(
                        lineage.spec().fingerprint(),
                        Numerics.VERSION,
                        lineage.epoch(),
                        lineage.logTopicId(),
                        nextOffset,
                        parameters.updates(),
                        parameters.examples(),
                        accounts(),
                        newestAppendTime,
                        parameters.pages(),
                        checksums.digest(),
                        carry.length,
                        Restoration.checksum(carry),
                        manifest == null ? 1 : manifest.commit() + 1,
                        retained);
        log(
                StoreRecords.MANIFEST_KEY,
                StoreRecords.sealed(StoreRecords.MANIFEST_KEY, lineage.epoch(), next.encode()));
        putWatermark(nextOffset);
        dirty.clear();
        manifest = next;
        carryLogged = carry;
        changed = false;
        flushes++;
    }

    private void checkFinite(Parameters parameters) {
        int page = parameters.firstNonFinitePage(parameters.dirty());
        if (page >= 0) {
            throw new TrainerException(
                    ExitCode.MODEL_DIVERGED,
                    "model "
                            + lineage.model()
                            + ": page "
                            + page
                            + " of "
                            + parameters.pages()
                            + " holds a weight or optimizer state that is not finite, after update "
                            + parameters.updates()
                            + ", offset "
                            + (nextOffset - 1)
                            + "; it was not committed. Lower the learning rate under a new model name");
        }
    }

    /// Chunks that have not changed stay as they are on the topic.
    private void logCarry(byte[] carry) {
        int size = StoreRecords.CARRY_CHUNK_BYTES;
        for (int chunk = 0, at = 0; at < carry.length; chunk++, at += size) {
            int to = Math.min(carry.length, at + size);
            int logged = Math.min(carryLogged.length, at + size);
            if (at >= logged || !Arrays.equals(carry, at, to, carryLogged, at, logged)) {
                byte[] key = StoreRecords.key(StoreRecords.CARRY, chunk);
                log(
                        key,
                        StoreRecords.sealed(
                                key, lineage.epoch(), Arrays.copyOfRange(carry, at, to)));
            }
        }
    }

    protected void putWatermark(long nextOffset) {
        putBesideOffset(WATERMARK, nextOffset);
    }

    /// The canary: the manifest of this life's first commit is where a restart will look for it.
    private void checkFirstCommit(StoreManifest first) {
        boolean visible;
        try {
            visible = changelog().endsWith(first.commit(), PATIENCE);
        } catch (InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            throw Refusals.unreadable(lineage, "the changelog", e);
        }
        if (!visible) {
            throw Refusals.violation(
                    lineage,
                    "the manifest of commit "
                            + first.commit()
                            + " at the end of "
                            + changelogTopic(),
                    "none within " + PATIENCE.toSeconds() + " s",
                    "this build of Tidegrad does not fit this version of Kafka, or the topic was emptied");
        }
    }

    private Changelog changelog() {
        return new Changelog(
                new TopicPartition(changelogTopic(), lineage.log().partition()), readCommitted);
    }

    private CommittedState state() {
        OnlineModel model = model();
        Parameters parameters = model.parameters();
        return new CommittedState(
                nextOffset,
                -1,
                parameters.updates(),
                parameters.examples(),
                model.pending(),
                publishedVersion(),
                accounts(),
                newestAppendTime,
                manifest == null ? 0 : manifest.commit(),
                report);
    }

    /// What the transaction in progress will have committed.
    @Nullable CommittedState flushed() {
        return flushed;
    }

    /// Whether a commit now would lose something. All pages of a new model are dirty; they go with its first event.
    boolean hasUnloggedChanges() {
        return changed || manifest != null && !model().parameters().dirty().isEmpty();
    }

    // ---- where tests kill the process ----

    protected void pageLogged(int page) {}

    protected void manifestNext() {}

    /// Everything is flushed, the offsets join the transaction next.
    protected void offsetsJoin() {}

    protected void recordRestored() {}
}
