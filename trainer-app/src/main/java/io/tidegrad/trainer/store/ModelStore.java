package io.tidegrad.trainer.store;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.Consumer;
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

    /// How long the canary and the restart checks look for what must be there. Commit markers are written after the
    /// commit has been decided, so one miss proves nothing; half a transaction timeout later it does.
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final Lineage lineage;
    private final Kernels kernels;
    private final ReadCommitted readCommitted;
    private final CommitGuard guard;

    // From the changelog, until `begin` has checked it; see `reset`.
    private OnlineModel model;
    private int[] pageChecksums;
    private PageSet pagesRestored;
    private Map<Integer, byte[]> carryRestored;
    private @Nullable StoreManifest manifest; // the newest logged or restored

    // The state besides the model's own.
    private long nextOffset;
    private long accepted;
    private long deadLetters;
    private long ticks;
    private long newestAppendTime;
    private List<RetainedSnapshot> retained;
    private @Nullable Report report;

    private boolean learning; // between `begin` and the next `reset`
    private boolean changed; // since the last flush
    private boolean firstRecordSeen;
    private int flushes; // with changes, since `begin`
    private byte[] carryLogged;
    private @Nullable CommittedState flushed;
    private @Nullable RuntimeException failure;
    private Runnable outputs = () -> {};

    public ModelStore(Lineage lineage, Kernels kernels, ReadCommitted readCommitted, CommitGuard guard) {
        super(NAME);
        this.lineage = lineage;
        this.kernels = kernels;
        this.readCommitted = readCommitted;
        this.guard = guard;
        model = OnlineModel.blank(lineage.spec(), kernels);
        pageChecksums = new int[model.parameters().pages()];
        pagesRestored = new PageSet(model.parameters().pages());
        carryRestored = new HashMap<>();
        retained = List.of();
        carryLogged = new byte[0];
        clear();
    }

    // ---- restoring ----

    @Override
    protected void reset() {
        if (learning || manifest != null || !pagesRestored.isEmpty()) {
            model = OnlineModel.blank(lineage.spec(), kernels);
            pageChecksums = new int[model.parameters().pages()];
            pagesRestored = new PageSet(model.parameters().pages());
            carryRestored = new HashMap<>();
        }
        clear();
        guard.forget();
    }

    private void clear() {
        manifest = null;
        nextOffset = -1;
        accepted = 0;
        deadLetters = 0;
        ticks = 0;
        newestAppendTime = Long.MIN_VALUE;
        retained = List.of();
        report = null;
        learning = false;
        changed = false;
        firstRecordSeen = false;
        flushes = 0;
        carryLogged = new byte[0];
        flushed = null;
        failure = null;
        outputs = () -> {};
    }

    @Override
    protected void restore(byte[] key, byte @Nullable [] value) {
        if (value == null) {
            throw StoreRecords.damaged("a value under " + StoreRecords.describe(key), "a tombstone");
        }
        int checksum = StoreRecords.verify(key, lineage.epoch(), value);
        int number = StoreRecords.number(key);
        switch (StoreRecords.kind(key)) {
            case StoreRecords.PAGE -> restorePage(number, value, checksum);
            case StoreRecords.CARRY -> carryRestored.put(number, StoreRecords.payload(value));
            case StoreRecords.MANIFEST -> manifest = StoreManifest.decode(StoreRecords.payload(value));
            default -> throw StoreRecords.damaged("a page, carry or manifest", StoreRecords.describe(key));
        }
        recordRestored();
    }

    private void restorePage(int page, byte[] value, int checksum) {
        Parameters parameters = model.parameters();
        if (page < 0 || page >= parameters.pages()) {
            throw otherSpec("pages 0 to " + (parameters.pages() - 1), "page " + page);
        }
        int length = value.length - StoreRecords.PAYLOAD_AT;
        if (length != parameters.pageLength(page)) {
            throw otherSpec("page " + page + " of " + parameters.pageLength(page) + " bytes", length + " bytes");
        }
        parameters.writePage(page, value, StoreRecords.PAYLOAD_AT);
        pageChecksums[page] = checksum;
        pagesRestored.mark(page);
    }

    /// From `Processor.init`: the state is whole, or this throws. Only here does Streams show what was committed beside
    /// the offset.
    public void begin() {
        bindToCurrentNode();
        Long committed = besideOffset(WATERMARK);
        if (manifest == null && committed != null && committed > lineage.startOffset()
                || manifest != null && committed != null && committed > manifest.nextOffset()) {
            // After a fail-over the group's offset may be seen before the changelog's commit marker.
            restoreUpTo(committed);
        }
        checkWatermark(committed);
        if (manifest == null) {
            model = OnlineModel.initial(lineage.spec(), kernels);
            nextOffset = lineage.startOffset();
            LOG.info("model {}: a new model, learning from {} at offset {}", lineage.model(), lineage.log(), nextOffset);
        } else {
            adopt(manifest);
            report = Report.of(model, nextOffset);
            LOG.info(
                    "model {}: version {} restored, {} rows pending, learning on at offset {} of {}",
                    lineage.model(),
                    model.parameters().updates(),
                    model.pending(),
                    nextOffset,
                    lineage.log());
        }
        learning = true;
        guard.restored(this, state());
    }

    /// The state of the changelog belongs to the offsets of the group, or this throws.
    protected void checkWatermark(@Nullable Long committed) {
        StoreManifest manifest = this.manifest;
        if (manifest == null) {
            if (!pagesRestored.isEmpty()) {
                throw StoreRecords.damaged("a manifest after " + pagesRestored.count() + " pages", "none");
            }
            if (committed == null || committed != lineage.startOffset()) {
                throw violation(
                        "an empty changelog only at the start offset " + lineage.startOffset(),
                        committed == null
                                ? "a committed offset without a watermark"
                                : "events up to offset " + committed + " committed as learned",
                        "the changelog topic lost its content, or the group's offset was set by hand. Restore the topic, "
                                + "or learn again under a new model name");
            }
            return;
        }
        if (committed == null || committed != manifest.nextOffset()) {
            throw violation(
                    "watermark " + manifest.nextOffset() + " of the changelog's manifest beside the group's offset",
                    committed == null ? "none" : "watermark " + committed,
                    "the offsets of group " + applicationHint()
                            + " were altered by hand. Delete the group's offsets while the trainer is stopped: it then "
                            + "takes them from the manifest");
        }
    }

    private String applicationHint() {
        String changelog = changelogTopic();
        return changelog.substring(0, Math.max(0, changelog.length() - (NAME.length() + "-changelog".length() + 1)));
    }

    private void adopt(StoreManifest manifest) {
        Parameters parameters = model.parameters();
        if (!Arrays.equals(manifest.specFingerprint(), lineage.spec().fingerprint())) {
            throw otherSpec(
                    "spec " + hex(lineage.spec().fingerprint()) + " (of the file given)",
                    hex(manifest.specFingerprint()));
        }
        if (manifest.epoch() != lineage.epoch()) {
            throw otherSpec("epoch " + lineage.epoch(), "epoch " + manifest.epoch());
        }
        if (manifest.numerics() != Numerics.VERSION) {
            throw new TrainerException(
                    ExitCode.CONFIGURATION,
                    "the stored model was learned with numerics " + manifest.numerics() + ", this build has "
                            + Numerics.VERSION + " and would go on with other bits; start the build that wrote it, or replay"
                            + " the log under a new model name");
        }
        if (!manifest.inputTopicId().equals(lineage.logTopicId())) {
            throw violation(
                    "the log " + lineage.log().topic() + " with topic id " + manifest.inputTopicId(),
                    "topic id " + lineage.logTopicId(),
                    "the topic was deleted and created again, so its offsets mean other events. Learn from it under a new "
                            + "model name");
        }
        if (manifest.pages() != parameters.pages() || pagesRestored.count() != parameters.pages()) {
            throw StoreRecords.damaged(
                    parameters.pages() + " pages",
                    pagesRestored.count() + " pages and a manifest of " + manifest.pages());
        }
        byte[] digest = pagesDigest();
        if (!Arrays.equals(digest, manifest.pagesDigest())) {
            throw StoreRecords.damaged("pages with digest " + hex(manifest.pagesDigest()), hex(digest));
        }
        byte[] carry = carry(manifest);
        parameters.setCounts(manifest.updates(), manifest.examples());
        parameters.dirty().clear();
        model.restoreCarry(carry);
        carryLogged = carry;
        carryRestored = new HashMap<>();
        nextOffset = manifest.nextOffset();
        accepted = manifest.accounts().accepted();
        deadLetters = manifest.accounts().deadLetters();
        ticks = manifest.accounts().ticks();
        newestAppendTime = manifest.newestAppendTime();
        retained = manifest.retained();
    }

    private byte[] carry(StoreManifest manifest) {
        byte[] carry = new byte[manifest.carryBytes()];
        for (int chunk = 0, at = 0; at < carry.length; chunk++) {
            int length = Math.min(StoreRecords.CARRY_CHUNK_BYTES, carry.length - at);
            byte[] bytes = carryRestored.get(chunk);
            if (bytes == null || bytes.length < length) {
                throw StoreRecords.damaged(
                        "carry " + chunk + " of " + length + " bytes",
                        bytes == null ? "none" : bytes.length + " bytes");
            }
            System.arraycopy(bytes, 0, carry, at, length);
            at += length;
        }
        int checksum = crc(carry);
        if (checksum != manifest.carryChecksum()) {
            throw StoreRecords.damaged(
                    "carry with checksum %08x".formatted(manifest.carryChecksum()), "%08x".formatted(checksum));
        }
        return carry;
    }

    /// Reads the changelog once more, for a few seconds, until its manifest has the committed watermark.
    private void restoreUpTo(long committed) {
        TopicPartition changelog = changelog();
        LOG.info(
                "model {}: the group is at watermark {}, the changelog is not yet; reading {} again",
                lineage.model(),
                committed,
                changelog);
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(changelog)) {
            consumer.seekToBeginning(List.of(changelog));
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            while (System.nanoTime() < deadline) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) {
                    restore(record.key(), record.value());
                    deadline = System.nanoTime() + PATIENCE.toNanos();
                }
                if (manifest != null && manifest.nextOffset() == committed) {
                    return;
                }
            }
        } catch (InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            throw retryable("the changelog could not be read: " + e.getMessage(), e);
        }
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
                throw violation(
                        "the log " + lineage.log() + " from offset " + nextOffset + " on",
                        "that retention has deleted events that were not learned",
                        "learn again under a new model name, and raise the topic's retention");
            } catch (InterruptException e) {
                throw e;
            } catch (KafkaException e) {
                throw retryable("the log could not be read: " + e.getMessage(), e);
            }
            if (visible != null && visible == offset) {
                return; // in between lie only transaction markers and aborted records
            }
        }
        // Streams 4.3.1 does this to a task that it revives: it goes on at the consumer's position and skips what was
        // read but not committed. The stored state is sound, so a new process puts it right.
        throw new TrainerException(
                ExitCode.RETRYABLE,
                "model " + lineage.model() + ": expected the first visible record at or after watermark " + nextOffset
                        + " of " + lineage.log() + ", found the one at offset " + offset
                        + "; nothing was committed, start again from the last commit");
    }

    public OnlineModel model() {
        return model;
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
        if (!learning) {
            return;
        }
        try {
            forwarding(outputs);
            if (changed) {
                logChanges();
            }
            // Without changes too: a report may be new. Markers in the log alone cause commits; they log nothing.
            flushed = state();
        } catch (RuntimeException e) {
            failure = e;
            throw e;
        }
    }

    private void logChanges() {
        if (flushes == 1) {
            readBack(Objects.requireNonNull(manifest));
        }
        Parameters parameters = model.parameters();
        PageSet dirty = parameters.dirty();
        int bad = parameters.firstNonFinitePage(dirty);
        if (bad >= 0) {
            throw new TrainerException(
                    ExitCode.MODEL_DIVERGED,
                    "model " + lineage.model() + ": page " + bad + " of " + parameters.pages()
                            + " holds a weight or optimizer state that is not finite, after update "
                            + parameters.updates() + ", offset " + (nextOffset - 1)
                            + "; it was not committed. Lower the learning rate under a new model name");
        }
        for (int page = dirty.next(0); page >= 0; page = dirty.next(page + 1)) {
            byte[] key = StoreRecords.key(StoreRecords.PAGE, page);
            byte[] value = StoreRecords.allocate(parameters.pageLength(page));
            parameters.readPage(page, value, StoreRecords.PAYLOAD_AT);
            pageChecksums[page] = StoreRecords.seal(key, lineage.epoch(), value);
            log(key, value);
            pageLogged(page);
        }
        byte[] carry = model.carry();
        logCarry(carry);
        manifestNext();
        manifest =
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
                        pagesDigest(),
                        carry.length,
                        crc(carry),
                        manifest == null ? 1 : manifest.commit() + 1,
                        retained);
        log(
                StoreRecords.MANIFEST_KEY,
                StoreRecords.sealed(StoreRecords.MANIFEST_KEY, lineage.epoch(), manifest.encode()));
        putWatermark(nextOffset);
        dirty.clear();
        carryLogged = carry;
        changed = false;
        flushes++;
    }

    protected void putWatermark(long nextOffset) {
        putBesideOffset(WATERMARK, nextOffset);
    }

    private void logCarry(byte[] carry) {
        int size = StoreRecords.CARRY_CHUNK_BYTES;
        for (int chunk = 0, at = 0; at < carry.length; chunk++, at += size) {
            int to = Math.min(carry.length, at + size);
            boolean same =
                    to <= carryLogged.length && Arrays.equals(carry, at, to, carryLogged, at, to);
            if (!same) {
                byte[] key = StoreRecords.key(StoreRecords.CARRY, chunk);
                log(key, StoreRecords.sealed(key, lineage.epoch(), Arrays.copyOfRange(carry, at, to)));
            }
        }
    }

    /// The canary: the manifest of this life's first commit is where a restart will look for it.
    void readBack(StoreManifest first) {
        TopicPartition changelog = changelog();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(changelog)) {
            do {
                long beginning = ReadCommitted.begin(consumer, changelog);
                long end = ReadCommitted.end(consumer, changelog);
                // The manifest is its transaction's last record, so before the end lies only the commit marker.
                consumer.seek(changelog, Math.max(beginning, end - 2));
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) {
                    if (Arrays.equals(record.key(), StoreRecords.MANIFEST_KEY)
                            && record.value() != null
                            && StoreManifest.decode(StoreRecords.payload(record.value())).commit() == first.commit()) {
                        return;
                    }
                }
            } while (System.nanoTime() < deadline);
        } catch (InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            throw retryable("the changelog could not be read back: " + e.getMessage(), e);
        }
        throw violation(
                "the manifest of commit " + first.commit() + " at the end of " + changelog,
                "none within " + PATIENCE.toSeconds() + " s",
                "this build of Tidegrad does not fit this version of Kafka, or the topic was emptied");
    }

    private CommittedState state() {
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

    boolean hasUnloggedChanges() {
        return changed || learning && manifest != null && !model.parameters().dirty().isEmpty();
    }

    private byte[] pagesDigest() {
        ByteBuffer checksums = ByteBuffer.allocate(4 * pageChecksums.length);
        checksums.asIntBuffer().put(pageChecksums);
        try {
            return MessageDigest.getInstance("SHA-256").digest(checksums.array());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    private TopicPartition changelog() {
        return new TopicPartition(changelogTopic(), lineage.log().partition());
    }

    private static int crc(byte[] bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes, 0, 8) + "…";
    }

    private TrainerException otherSpec(String expected, String found) {
        return new TrainerException(
                ExitCode.CONFIGURATION,
                "model " + lineage.model() + ": the stored state is not of this spec: expected " + expected + ", found "
                        + found + "; give the spec it was learned with, or learn under a new model name");
    }

    private TrainerException violation(String expected, String found, String remedy) {
        return new TrainerException(
                ExitCode.STATE_VIOLATION,
                "model " + lineage.model() + ": expected " + expected + ", found " + found + "; " + remedy);
    }

    private TrainerException retryable(String what, Throwable cause) {
        return new TrainerException(ExitCode.RETRYABLE, "model " + lineage.model() + ": " + what, cause);
    }

    // ---- where tests kill the process ----


    protected void pageLogged(int page) {}

    protected void manifestNext() {}

    /// Everything is flushed, the offsets join the transaction next.
    protected void offsetsJoin() {}

    protected void recordRestored() {}
}
