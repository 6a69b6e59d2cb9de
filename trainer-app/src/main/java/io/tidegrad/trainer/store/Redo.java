package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.InvalidOffsetException;
import org.apache.kafka.common.TopicPartition;

/// Learns the log of record again, from a restored base up to the manifest's watermark. Only the model changes, because
/// dead letters, snapshots and progress of these events were committed when they were learned for the first time. The
/// result must be the same bit for bit. The manifest has what to compare it with: all counts, the digest of all pages,
/// and a checksum of everything else, such as the progressive evaluation, into which every prediction went.
final class Redo {
    private static final Duration POLL = Duration.ofMillis(200);

    /// After so long without progress, it fails.
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /// Decides what becomes of a record, as it did for the first time.
    @FunctionalInterface
    public interface Fold {
        /// @param rejected whether the record was rejected then for a reason outside of the log (`isExternal`). It must be
        ///     rejected again, whatever the reason is called now; what was served for it counts again.
        EventFold.Outcome fold(ConsumerRecord<byte[], byte[]> record, boolean rejected);
    }

    private final Lineage lineage;
    private final StoreManifest manifest;
    private final StoreBase base;
    private final OnlineModel model;
    private final PageChecksums checksums;
    private final ExternalRejections rejections;
    private final Fold fold;
    private final BooleanSupplier stopping;
    private final Consumer<RestoreProgress> progress;

    private final LogTally tally;

    Redo(Lineage lineage, StoreManifest manifest, Restoration.Restored restored, Fold fold, BooleanSupplier stopping,
            Consumer<RestoreProgress> progress) {
        this.lineage = lineage;
        this.manifest = manifest;
        base = manifest.base();
        model = restored.model();
        checksums = restored.checksums();
        rejections = restored.rejections();
        this.fold = fold;
        this.stopping = stopping;
        this.progress = progress;
        tally = new LogTally(base.nextOffset(), base.accounts().towards(manifest.accounts()), base.newestAppendTime());
    }

    /// @throws StopException if the log has lost these events, or gives another model than was committed
    void run(ReadCommitted readCommitted) {
        Refusals.reading(lineage, "the log", () -> {
            try {
                read(readCommitted);
            } catch (InvalidOffsetException e) {
                throw lost(-1);
            }
            return true;
        });
        checkEnd();
    }

    private void read(ReadCommitted readCommitted) {
        TopicPartition log = lineage.log();
        try (var consumer = readCommitted.openToRead(log)) {
            long begin = ReadCommitted.begin(consumer, log);
            if (begin > tally.nextOffset()) {
                throw lost(begin);
            }
            consumer.seek(log, tally.nextOffset());
            long deadline = readCommitted.nanos() + PATIENCE.toNanos();
            long position = tally.nextOffset();
            while (tally.nextOffset() < manifest.nextOffset()) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    if (record.offset() >= manifest.nextOffset()) {
                        break;
                    }
                    learn(record);
                }
                tell();
                if (consumer.position(log) != position) {
                    position = consumer.position(log);
                    deadline = readCommitted.nanos() + PATIENCE.toNanos();
                } else if (readCommitted.nanos() - deadline > 0) {
                    throw new StopException(ExitCode.RETRYABLE,
                            "model " + lineage.model() + ": expected " + log + " up to offset " + manifest.nextOffset()
                                    + ", found nothing after " + position + " within " + PATIENCE.toSeconds() + " s");
                }
                if (position >= manifest.nextOffset()) {
                    break;
                }
            }
        }
    }

    void learn(ConsumerRecord<byte[], byte[]> record) {
        if (stopping.getAsBoolean()) {
            throw new StopException(ExitCode.RETRYABLE, "model " + lineage.model()
                    + ": asked to stop while learning again, at offset " + record.offset() + "; nothing was changed");
        }
        boolean rejected = rejections.contains(record.offset());
        EventFold.Outcome outcome = fold.fold(record, rejected);
        tally.hash().add(record);
        switch (outcome) {
            case EventFold.Outcome.Accepted() -> tally.accepted(record.offset(), record.timestamp());
            case EventFold.Outcome.Ticked() -> tally.ticked(record.offset());
            case EventFold.Outcome.Rejected(var rejection, var schemaId) -> {
                if (!rejected && isExternal(rejection)) {
                    throw Refusals.violation(lineage,
                            "the event at offset " + record.offset() + " of " + lineage.log()
                                    + " to be decoded, as when it was learned",
                            rejection.detail(), "bring the schema registry back to what it knew");
                }
                tally.deadLettered(record.offset());
            }
        }
        if (tally.nextOffset() == manifest.digestOffset()) {
            checkPages();
        }
    }

    /// Returns whether a rejection depends on something outside of the log: on an answer of the registry, which may change,
    /// or on how trainers ended.
    static boolean isExternal(Rejection rejection) {
        return switch (rejection.reason()) {
            case UNKNOWN_SCHEMA, NOT_AVRO, TOO_LARGE, ENDED_THE_TRAINER -> true;
            case NULL_VALUE, NOT_JSON, UNKNOWN_FIELD, WRONG_TYPE, MISSING_FIELD, MISSING_LABEL, INVALID_LABEL,
                    NO_ROOM_FOR_CLASS, INVALID_WEIGHT, NOT_FINITE, OUT_OF_RANGE, MISSING_TIME, FUTURE_TIME,
                    NOT_AN_EXAMPLE, QUARANTINED ->
                false;
        };
    }

    private void tell() {
        Parameters parameters = model.parameters();
        progress.accept(new RestoreProgress(parameters.pages(), parameters.pages(),
                (long) parameters.pages() * Parameters.PAGE_BYTES, tally.accounts().total() - base.accounts().total(),
                manifest.accounts().total() - base.accounts().total()));
    }

    private void checkPages() {
        Parameters parameters = model.parameters();
        if (!base.isStored() && parameters.pages() > 0) {
            parameters.dirty().markRange(0, parameters.pages() - 1);
        }
        checksums.update(parameters, parameters.dirty(), lineage.epoch(), (page, bytes) -> true);
        check("pages", Restoration.hex(manifest.pagesDigest()), Restoration.hex(checksums.digest()));
    }

    void checkEnd() {
        if (manifest.digestOffset() > base.nextOffset() && tally.nextOffset() < manifest.digestOffset()) {
            check("a record before offset", manifest.digestOffset(), tally.nextOffset());
        }
        check("the watermark", manifest.nextOffset(), tally.nextOffset());
        check("accounts", manifest.accounts(), tally.accounts());
        check("updates", manifest.updates(), model.parameters().updates());
        check("examples", manifest.examples(), model.parameters().examples());
        check("the newest append time", manifest.newestAppendTime(), tally.newestAppendTime());
        byte[] carry = model.carry();
        int checksum = Restoration.carryChecksum(carry);
        int expected = manifest.carryChecksum() == Restoration.ANY_CARRY ? checksum : manifest.carryChecksum();
        check("carry", "%d bytes, checksum %08x".formatted(manifest.carryBytes(), expected),
                "%d bytes, checksum %08x".formatted(carry.length, checksum));
    }

    private void check(String what, Object expected, Object found) {
        if (!expected.equals(found)) {
            throw Refusals.violation(lineage,
                    what + " " + expected + " after learning " + lineage.log() + " again from offset "
                            + base.nextOffset() + " to " + manifest.nextOffset(),
                    "" + found,
                    "the log is not the one that was learned, or this build learns otherwise. Start the build that wrote"
                            + " the changelog, or learn again under a new model name");
        }
    }

    private StopException lost(long begin) {
        long nextOffset = tally.nextOffset();
        return Refusals.violation(lineage,
                lineage.log() + " from offset " + nextOffset
                        + " on, as the state in the changelog is of there and a restart learns again up to "
                        + manifest.nextOffset(),
                begin < 0 ? "that retention deletes it meanwhile"
                        : "that it begins at " + begin + ": retention, or somebody, deleted offsets " + nextOffset
                                + " to " + (begin - 1),
                "scorers go on with the newest snapshot; bring the events back from a backup, or learn again"
                        + " under a new model name, and raise the topic's retention");
    }
}
