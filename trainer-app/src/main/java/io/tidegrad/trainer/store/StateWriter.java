package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.Retention;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Writes a model's state into its changelog, one flush after the other, in one of two ways (`StoreKind`).
///
/// **Page log.** A flush that is due for it writes every page that has changed since the last such flush, and the carry:
/// the *base*. The others write only the manifest, which says what learning again from the base must give. A row of 32
/// bytes makes its page of 8 KiB dirty, so pages in each flush would be most of what a small model writes. They are due
/// once a restart would learn again for a second, or the log may lose an event that it would need.
///
/// **Image and redo.** The base is the newest whole image. The next image is written into the other
/// slot, some pages in each flush, and becomes the base in the flush that writes its last page. Otherwise a flush
/// writes only the manifest, which says what learning again from the base must give.
///
/// Going from page log to image and redo takes nothing, because the pages in the changelog are an image. That happens at
/// once when more changes than a commit may write, as when the state of an optimizer is reset. Going back
/// takes one flush with every page that has changed since the base, so it waits until they fit into one.
///
/// The wall clock decides when something is written, never what is learned.
final class StateWriter {
    private static final Logger LOG = LoggerFactory.getLogger(StateWriter.class);
    private static final int PAGE = Parameters.PAGE_BYTES;

    /// A check of all changed pages takes about a second for a gigabyte. It may take a tenth of the learning thread's
    /// time.
    private static final int CHECK_SHARE = 10;

    /// More bytes of rejections than this make an image due, because each flush writes their last record again.
    private static final int REJECTIONS_BYTES_MAX = 1 << 20;

    /// A page log writes pages sooner, because the last record of its rejections would be most of what a flush writes.
    private static final int PAGES_REJECTIONS_BYTES_MAX = 4_096;

    /// So many events do not wait for others. A manifest of 2 kB then costs 20 bytes an event.
    private static final int EVENTS_ENOUGH = 100;

    /// A page log that has learned nothing for so long writes its pages: a restart then needs no event, however long the
    /// silence lasts.
    static final Duration IDLE = Duration.ofSeconds(10);

    /// How often an idle model looks whether retention comes near, at most and at least.
    private static final long LOOK_MILLIS_MIN = 10_000;
    private static final long LOOK_MILLIS_MAX = 3_600_000;

    private static final long FLUSH_BYTES_MIN = 64 * PAGE;
    private static final long CHOOSE_EVERY_NANOS = 10_000_000_000L;
    private static final long WARN_EVERY_NANOS = 60_000_000_000L;

    /// The store for which the state is written. Tests override the methods that have a default.
    interface Store {
        void log(byte[] key, byte[] value);

        /// Returns whether the trainer was asked to stop: it should leave a whole image of its last state then.
        boolean stopping();

        /// Returns the first offset that the log still has, as far as is known; 0 if it is not.
        default long logBegin() {
            return 0;
        }

        /// Returns for how long the log keeps events, if that was changed since the trainer started; null if it was not.
        default @Nullable Retention logKeeps() {
            return null;
        }

        default void pageLogged(int page) {}

        default void imagePageLogged(int page) {}

        /// Returns whether a page may be committed. Several threads ask at a time.
        ///
        /// @param bytes where the page's content begins at `from`
        default boolean isFinite(Parameters parameters, int page, byte[] bytes, int from) {
            return parameters.isFinite(page, bytes, from);
        }

        /// Returns whether this image may become the base.
        default boolean isWhole(Image image) {
            return image.isWhole();
        }

        default void watch(Parameters parameters, Image image) {
            parameters.watch(image.watched(), image::keep);
        }
    }

    /// The parts of the state that the model does not hold.
    record State(long nextOffset, Accounts accounts, long newestAppendTime, List<RetainedSnapshot> retained) {
    }

    private final Lineage lineage;
    private final StoreSettings settings;
    private final Store store;
    private final TrainerClock clock;
    private final OnlineModel model;
    private final Parameters parameters;
    private final PageChecksums checksums; // as of the last check
    private final ChangeRate changeRate;
    private final ExternalRejections rejections;

    private StoreChoice choice;
    private @Nullable StoreChoice wanted; // waits for the image in progress
    private StoreBase base;
    private @Nullable StoreManifest manifest; // the newest logged or restored
    private @Nullable Image image; // in progress
    private long images; // the highest number given
    private final PageSet sinceBase; // pages that are not as the base has them
    private final PageSet unchecked; // pages that changed since the last check
    private byte[] digest;
    private long digestOffset;
    private final byte[][] carryLogged = {{}, {}};
    private byte[] rejectionsLogged;
    private boolean rejectionsChanged;

    private long changedBytes;
    private long pagesBytes; // that this life's last pages had
    private long waiting; // events learned since the last flush
    private long waitingSince;
    private long learnedAt;
    private long baseAt; // when this life wrote the base, or began
    private long flushBytesMax; // how many bytes of pages one flush may write, as the last commits have shown
    private long flushedAt;
    private long checkAt;
    private long chooseAt;
    private long warnAt;

    // Time and bytes of learning since this life began, from which follows what a redo would take.
    private long learnedNanos;
    private long learnedBytes;
    private long baseNanos;
    private long baseBytes;
    private long imageNanos;
    private long imageBytes;
    private final long startedAt;

    /// @param model the model as restored and learned again; its dirty pages are those that differ from the base
    /// @param restored the manifest; null for a new model
    /// @param checksums those of the base's pages, or as of `restored.digestOffset` if learning again has checked them
    /// @param redoNanos how long learning again from the base took
    StateWriter(Lineage lineage, StoreSettings settings, Store store, OnlineModel model,
            @Nullable StoreManifest restored, PageChecksums checksums, ExternalRejections rejections, long redoNanos,
            TrainerClock clock) {
        this.clock = clock;
        this.lineage = lineage;
        this.settings = settings;
        this.store = store;
        this.model = model;
        this.checksums = checksums;
        this.rejections = rejections;
        rejectionsLogged = rejections.encode();
        parameters = model.parameters();
        manifest = restored;
        base = restored == null ? StoreBase.initial(lineage.startOffset()) : restored.base();
        images = base.image();
        digest = restored == null ? base.pagesDigest() : restored.pagesDigest();
        digestOffset = restored == null ? base.nextOffset() : restored.digestOffset();
        sinceBase = new PageSet(parameters.pages());
        unchecked = new PageSet(parameters.pages());
        sinceBase.addAll(parameters.dirty());
        unchecked.addAll(parameters.dirty());
        if (!base.isStored() && parameters.pages() > 0) {
            sinceBase.markRange(0, parameters.pages() - 1);
            unchecked.markRange(0, parameters.pages() - 1);
        }
        if (restored != null) {
            parameters.dirty().clear(); // they are committed
        }
        changeRate = new ChangeRate(parameters.pages(), settings.flushMax().toNanos(),
                restored == null ? Double.NaN : restored.changedBytesPerSecond());
        flushBytesMax = settings.flushBytesMax();
        baseNanos = -redoNanos;
        startedAt = clock.nanos();
        flushedAt = startedAt;
        learnedAt = startedAt;
        baseAt = startedAt;
        chooseAt = startedAt + CHOOSE_EVERY_NANOS;
        checkAt = startedAt;
        warnAt = startedAt;
        StoreKind before = restored == null ? null : restored.kind();
        choice = StoreChoice.of(lineage, settings, before, changeRate.bytesPerSecond());
        if (choice.kind() == StoreKind.PAGE_LOG && before == StoreKind.IMAGE_AND_REDO && !sinceBaseFitsAFlush()) {
            choice = new StoreChoice(StoreKind.IMAGE_AND_REDO,
                    "a page log, " + choice.reason() + ", begins after the next image");
        }
    }

    /// Notes that events were learned in this time, which have at most so many bytes in the log.
    void learned(int events, long nanos, long bytes) {
        learnedAt = clock.nanos();
        waitingSince = waiting == 0 ? learnedAt : waitingSince;
        waiting += events;
        learnedNanos += nanos;
        learnedBytes += bytes;
    }

    void rejectedFromOutside(long offset) {
        rejections.add(offset);
        rejectionsChanged = true;
    }

    /// Returns whether a flush has something to write although nothing has changed.
    boolean hasWork(long nextOffset) {
        return image != null || imageIsDue(nextOffset) || pagesAreDue(nextOffset);
    }

    /// Returns how often a model to which nothing comes has to look whether a flush has something to write; null for
    /// never, because a restart would need no event, or nothing deletes one.
    @Nullable
    Duration lookEvery(long nextOffset) {
        if (nextOffset == base.nextOffset()) {
            return null;
        }
        long retention = retention().millis();
        return choice.kind() == StoreKind.PAGE_LOG ? IDLE : retention < 0 ? null
                : Duration.ofMillis(Math.clamp(retention / 16, LOOK_MILLIS_MIN, LOOK_MILLIS_MAX));
    }

    /// Returns the time between two commits while there is something to commit.
    long commitIntervalMillis() {
        if (!settings.paced()) {
            return settings.commitMax().toMillis();
        }
        boolean allWritePages = choice.kind() == StoreKind.PAGE_LOG && settings.pagesRedoGoal().isZero();
        return Math.clamp(allWritePages ? pagesMillis() : 0, settings.commitMin().toMillis(),
                settings.commitMax().toMillis());
    }

    /// Returns when that time is over since the last flush, by the clock's nanos.
    long commitNotBefore() {
        return flushedAt + commitIntervalMillis() * 1_000_000;
    }

    /// Returns whether to ask Streams for a commit: the interval is over and the events need not wait for others, or the
    /// changes of one more interval would be more than a flush may write.
    ///
    /// A commit costs the learning thread as much as thousands of events. While a backlog is longer than what one would
    /// commit, it makes nobody's answer fresh, so the next one waits as long as few events may wait.
    ///
    /// @param publishes whether the commit would publish something that is due
    /// @param backlog returns how many offsets of the log are not learned, as far as is known
    boolean isCommitDue(boolean publishes, LongSupplier backlog) {
        if (!settings.paced()) {
            return false;
        }
        long now = clock.nanos();
        long sinceFlush = (now - flushedAt) / 1_000_000;
        if (sinceFlush >= settings.commitMin().toMillis() && choice.kind() == StoreKind.PAGE_LOG
                && (long) (sinceBase.count() + parameters.dirty().count()) * PAGE >= flushBytesMax) {
            return true;
        }
        long interval = commitIntervalMillis();
        if (sinceFlush < interval) {
            return false;
        }
        // Who asks looks again after an interval, which must not be too late.
        if (sinceFlush + interval < settings.freshness().toMillis() && !store.stopping()
                && backlog.getAsLong() > waiting) {
            return false;
        }
        return waiting == 0 || waiting >= EVENTS_ENOUGH || publishes || image != null || store.stopping()
                || (now - waitingSince) / 1_000_000 + interval >= settings.freshness().toMillis();
    }

    // ---- flushing ----

    /// Writes everything of this flush but the manifest, which it returns and which goes last.
    ///
    /// @param published whether something becomes visible with this commit
    /// @param lastCommit how long the commit before took
    StoreManifest flush(State state, boolean published, Duration lastCommit) {
        limit(lastCommit);
        PageSet dirty = parameters.dirty();
        changedBytes = (long) dirty.count() * PAGE;
        if (!dirty.isEmpty()) {
            changeRate.changed(dirty, clock.nanos());
        }
        sinceBase.addAll(dirty);
        unchecked.addAll(dirty);
        if (image != null) {
            image.changed(dirty);
        }
        chooseAgain();
        byte[] carry = model.carry();
        switch (choice.kind()) {
            case PAGE_LOG -> {
                if (!base.isStored() || pagesAreDue(state.nextOffset())) {
                    logPages(state, carry);
                } else {
                    checkIfDue(published, state);
                }
            }
            case IMAGE_AND_REDO -> logImage(state, carry, published);
        }
        byte[] rejected = rejectionsLogged;
        if (rejectionsChanged) {
            rejected = rejections.encode();
            logChunks(StoreRecords.REJECTIONS, 0, rejected, rejectionsLogged);
            rejectionsLogged = rejected;
            rejectionsChanged = false;
        }
        dirty.clear();
        waiting = 0;
        flushedAt = clock.nanos();
        StoreManifest next = new StoreManifest(lineage.spec().fingerprint(), Numerics.VERSION, lineage.epoch(),
                lineage.logTopicId(), state.nextOffset(), parameters.updates(), parameters.examples(), state.accounts(),
                state.newestAppendTime(), parameters.pages(), digest, carry.length, Restoration.carryChecksum(carry),
                manifest == null ? 1 : manifest.commit() + 1, choice.kind(), base, digestOffset,
                changeRate.bytesPerSecond(), rejected.length, Restoration.checksum(rejected), state.retained());
        manifest = next;
        return next;
    }

    /// Limits what the next flush may write if a broker is slower than the budget. A commit that took more than its
    /// part of the transaction timeout halves it, and quick commits raise it again.
    private void limit(Duration lastCommit) {
        Duration max = settings.flushMax();
        if (lastCommit.compareTo(max) > 0) {
            flushBytesMax = Math.max(FLUSH_BYTES_MIN, flushBytesMax / 2);
            LOG.warn("model {}: a commit took {} ms of a transaction timeout of {}; a slow broker, or a large snapshot",
                    lineage.model(), lastCommit.toMillis(), settings.transactionTimeout().toMillis());
        } else if (lastCommit.compareTo(max.dividedBy(2)) < 0) {
            flushBytesMax = Math.min(settings.flushBytesMax(), flushBytesMax + flushBytesMax / 8);
        }
    }

    private void chooseAgain() {
        long now = clock.nanos();
        if (now >= chooseAt) {
            chooseAt = now + CHOOSE_EVERY_NANOS;
            StoreChoice next = StoreChoice.of(lineage, settings, choice.kind(), changeRate.bytesPerSecond());
            if (next.kind() == choice.kind()) {
                choice = next;
                wanted = null;
            } else {
                wanted = next;
            }
        }
        if (choice.kind() == StoreKind.PAGE_LOG && base.isStored()
                && StoreChoice.isFarTooMuch(settings, (long) sinceBase.count() * PAGE)) {
            wanted = new StoreChoice(StoreKind.IMAGE_AND_REDO, "more has changed at once than a commit may write");
        }
        StoreChoice wanted = this.wanted;
        if (wanted == null || image != null) {
            return;
        }
        this.wanted = null;
        if (wanted.kind() == StoreKind.IMAGE_AND_REDO || sinceBaseFitsAFlush()) {
            choice = wanted;
            LOG.info("model {}: kept as {} from now on: {}", lineage.model(), choice.kind().word(), choice.reason());
        } // else after the next image, perhaps
    }

    private boolean sinceBaseFitsAFlush() {
        return settings.forced() != null || (long) sinceBase.count() * PAGE <= settings.flushBytesMax();
    }

    /// Checks each page as it is logged: what a page that isn't finite leaves behind is a transaction that never commits.
    /// All unchecked pages are among these.
    private void logPages(State state, byte[] carry) {
        int slot = Math.max(0, base.slot());
        pagesBytes = (long) sinceBase.count() * PAGE;
        for (int page = sinceBase.next(0); page >= 0; page = sinceBase.next(page + 1)) {
            byte[] key = StoreRecords.key(StoreRecords.PAGE, slot, page);
            byte[] value = StoreRecords.allocate(parameters.pageLength(page));
            parameters.readPage(page, value, StoreRecords.PAYLOAD_AT);
            if (!store.isFinite(parameters, page, value, StoreRecords.PAYLOAD_AT)) {
                throw notFinite(page, state);
            }
            checksums.set(page, StoreRecords.seal(key, lineage.epoch(), value));
            store.log(key, value);
            store.pageLogged(page);
        }
        sinceBase.clear();
        unchecked.clear();
        digest = checksums.digest();
        digestOffset = state.nextOffset();
        logCarry(slot, carry);
        become(state(slot, base.image(), state, carry), learnedNanos, learnedBytes);
        if (rejections.count() > 0) {
            rejections.forget(state.nextOffset());
            rejectionsChanged = rejectionsLogged.length > 0;
        }
    }

    private void logImage(State state, byte[] carry, boolean published) {
        Image image = this.image;
        boolean begins = image == null && imageIsDue(state.nextOffset());
        boolean moves = image != null && store.stopping() && image.base().nextOffset() != state.nextOffset();
        checkIfDue(begins || moves || published, state);
        if (begins) {
            images++;
            image = begun(state(base.otherSlot(), images, state, carry), carry);
        } else if (moves && image != null) {
            StoreBase later = state(image.base().slot(), image.base().image(), state, carry);
            image.moveTo(later, carry, checksums);
        }
        if (begins || moves) {
            imageNanos = learnedNanos;
            imageBytes = learnedBytes;
        }
        if (image != null) {
            image.write(imageBytesMax(), store::log, store::imagePageLogged);
            if (store.isWhole(image)) {
                imageIsWhole(image);
            }
        }
    }

    private Image begun(StoreBase now, byte[] carry) {
        Image begun = new Image(parameters, lineage.epoch(), now, carry, checksums);
        store.watch(parameters, begun);
        image = begun;
        LOG.debug("model {}: image {} begins at {}", lineage.model(), now.image(), now.nextOffset());
        return begun;
    }

    /// Returns how many bytes of the image this flush may write: the budget of the time since the last one, or
    /// everything that a flush may write if the trainer stops.
    private long imageBytesMax() {
        if (store.stopping()) {
            return flushBytesMax;
        }
        long millis = Math.max(1, (clock.nanos() - flushedAt) / 1_000_000);
        return Math.min(settings.bytesPerSecond() * millis / 1_000, flushBytesMax);
    }

    private void imageIsWhole(Image whole) {
        logCarry(whole.base().slot(), whole.carry());
        become(whole.base(), imageNanos, imageBytes);
        sinceBase.clear();
        sinceBase.addAll(whole.changedSince());
        parameters.unwatch();
        image = null;
        if (rejections.count() > 0) {
            rejections.forget(base.nextOffset());
            rejectionsChanged = true;
        }
        LOG.debug("model {}: image {} is whole", lineage.model(), base.image());
    }

    private void become(StoreBase next, long nanos, long bytes) {
        base = next;
        baseNanos = nanos;
        baseBytes = bytes;
        baseAt = clock.nanos();
    }

    private StoreBase state(int slot, long number, State state, byte[] carry) {
        return new StoreBase(slot, number, state.nextOffset(), parameters.updates(), parameters.examples(),
                state.accounts(), state.newestAppendTime(), digest, carry.length, Restoration.carryChecksum(carry));
    }

    private Retention retention() {
        Retention changed = store.logKeeps();
        return changed == null ? settings.retention() : changed;
    }

    private boolean imageIsDue(long nextOffset) {
        if (choice.kind() == StoreKind.PAGE_LOG || nextOffset == base.nextOffset()) {
            return false;
        }
        return !base.isStored() || store.stopping() || redoNanos() >= settings.redoGoal().toNanos()
                || rejectionsLogged.length > REJECTIONS_BYTES_MAX || retentionIsNear();
    }

    /// Returns whether a page log has to write its pages: a restart would learn again for too long, what has changed is as
    /// much as a commit should write, or the log may lose an event.
    private boolean pagesAreDue(long nextOffset) {
        if (choice.kind() == StoreKind.IMAGE_AND_REDO || nextOffset == base.nextOffset()) {
            return false;
        }
        return !base.isStored() || store.stopping() || pagesAreWorthIt()
                || rejectionsLogged.length > PAGES_REJECTIONS_BYTES_MAX || clock.nanos() - learnedAt >= IDLE.toNanos()
                || aQuarterOfRetentionIsOver() || retentionIsNear();
    }

    /// Returns whether a restart would learn again for long enough, or enough has changed: but not before the last pages have
    /// had the time that they may take, because a model whose rows lie all over its pages changes most of them in a moment,
    /// and its commits should not wait for them; nor after a flush could not write them all.
    private boolean pagesAreWorthIt() {
        long changed = (long) sinceBase.count() * PAGE;
        if (settings.pagesRedoGoal().isZero() || changed >= flushBytesMax) {
            return true;
        }
        return (clock.nanos() - baseAt) / 1_000_000 >= pagesMillis()
                && (redoNanos() >= settings.pagesRedoGoal().toNanos() || changed >= settings.pagesBytesGoal());
    }

    /// Returns how long the last pages may take, by the bytes that may be written in a second.
    private long pagesMillis() {
        return pagesBytes * 1_000 / settings.bytesPerSecond();
    }

    /// Returns whether so much time has passed, or so much was learned, since the base was written, whatever the append
    /// times say: producers may have set them.
    private boolean aQuarterOfRetentionIsOver() {
        Retention retention = retention();
        return retention.millis() >= 0
                && (base.newestAppendTime() == Long.MIN_VALUE
                        || (clock.nanos() - baseAt) / 1_000_000 >= retention.millis() / 4)
                || retention.bytes() >= 0 && learnedBytes - baseBytes >= retention.bytes() / 4;
    }

    private long redoNanos() {
        return learnedNanos - baseNanos;
    }

    /// Returns whether a quarter of what retention leaves is used up, less than the time of two images is left, or the log
    /// has lost an event already.
    private boolean retentionIsNear() {
        if (store.logBegin() > base.nextOffset()) {
            warnOfLost();
            return true;
        }
        long until = retainedUntilMillis();
        if (until == Long.MAX_VALUE) {
            return false;
        }
        long left = until - clock.epochMillis();
        long twoImages = 2 * settings.imageDuration().toMillis();
        if (left < twoImages && choice.kind() == StoreKind.IMAGE_AND_REDO) {
            warn(left, twoImages);
        }
        long whole = retention().millis();
        return left < twoImages || whole >= 0 && left < whole - whole / 4;
    }

    private void warn(long left, long twoImages) {
        long now = clock.nanos();
        if (now >= warnAt) {
            warnAt = now + WARN_EVERY_NANOS;
            LOG.warn(
                    "model {}: retention of {} may delete in {} ms what a restart needs; an image takes {} ms. Raise"
                            + " its retention",
                    lineage.model(), lineage.log().topic(), Math.max(0, left), twoImages / 2);
        }
    }

    private void warnOfLost() {
        long now = clock.nanos();
        if (now >= warnAt) {
            warnAt = now + WARN_EVERY_NANOS;
            LOG.warn(
                    "model {}: expected {} from offset {} on, from which a restart learns again, found that it begins at {}:"
                            + " somebody, or retention, deleted events. {}; until that is committed, a trainer that dies"
                            + " can't go on",
                    lineage.model(), lineage.log(), base.nextOffset(), store.logBegin(),
                    choice.kind() == StoreKind.PAGE_LOG ? "All changed pages are written now"
                            : "A new image begins now");
        }
    }

    /// Returns about when retention may delete the first event after the base, by its append time and by the
    /// uncompressed bytes learned since at the rate of this life. Both are rather too early.
    private long retainedUntilMillis() {
        Retention retention = retention();
        long until = Long.MAX_VALUE;
        if (retention.millis() >= 0 && base.newestAppendTime() != Long.MIN_VALUE) {
            until = base.newestAppendTime() + retention.millis();
        }
        if (retention.bytes() >= 0 && learnedBytes > 0) {
            double bytesPerMilli = learnedBytes / ((clock.nanos() - startedAt) / 1e6);
            double millis = (retention.bytes() - (learnedBytes - baseBytes)) / bytesPerMilli;
            until = Math.min(until, clock.epochMillis() + (long) millis);
        }
        return until;
    }

    // ---- checking ----

    private StopException notFinite(int page, State state) {
        return new StopException(ExitCode.MODEL_DIVERGED,
                "model " + lineage.model() + ": page " + page + " of " + parameters.pages()
                        + " holds a weight or optimizer state that is not finite, after update " + parameters.updates()
                        + ", offset " + (state.nextOffset() - 1)
                        + "; it was not committed. Lower the learning rate under a new model name");
    }

    private void checkIfDue(boolean now, State state) {
        if (now || clock.nanos() - checkAt >= 0) {
            check(state);
        }
    }

    /// Checks that all changed pages are finite, and makes the digest that of this watermark.
    private void check(State state) {
        long start = clock.nanos();
        int refused = checksums.update(parameters, unchecked, lineage.epoch(),
                (page, bytes) -> store.isFinite(parameters, page, bytes, 0));
        if (refused >= 0) {
            throw notFinite(refused, state);
        }
        unchecked.clear();
        digest = checksums.digest();
        digestOffset = state.nextOffset();
        long end = clock.nanos();
        checkAt = end + CHECK_SHARE * (end - start);
    }

    private void logCarry(int slot, byte[] carry) {
        logChunks(StoreRecords.CARRY, slot, carry, carryLogged[slot]);
        carryLogged[slot] = carry;
    }

    /// Logs the chunks that have changed.
    private void logChunks(byte kind, int slot, byte[] bytes, byte[] before) {
        int size = StoreRecords.CARRY_CHUNK_BYTES;
        for (int chunk = 0, at = 0; at < bytes.length; chunk++, at += size) {
            int to = Math.min(bytes.length, at + size);
            int logged = Math.min(before.length, at + size);
            if (at >= logged || !Arrays.equals(bytes, at, to, before, at, logged)) {
                byte[] key = StoreRecords.key(kind, slot, chunk);
                store.log(key, StoreRecords.sealed(key, lineage.epoch(), Arrays.copyOfRange(bytes, at, to)));
            }
        }
    }

    @Nullable
    StoreManifest manifest() {
        return manifest;
    }

    StoreStatus status(long nextOffset, Accounts accounts) {
        return new StoreStatus(choice.kind(), choice.reason(), commitIntervalMillis(), changedBytes,
                changeRate.bytesPerSecond(), base.image(), base.nextOffset(),
                image == null ? StoreStatus.NO_IMAGE : image.pagesWritten(), parameters.pages(),
                accounts.total() - base.accounts().total(), redoNanos() / 1_000_000,
                nextOffset == base.nextOffset() ? Long.MAX_VALUE : retainedUntilMillis());
    }
}
