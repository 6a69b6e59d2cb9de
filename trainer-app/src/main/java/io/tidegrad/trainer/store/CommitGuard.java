package io.tidegrad.trainer.store;

import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Stands between the store and the producer that commits for it: lets offsets into a transaction only together with the
/// state that belongs to them, and tells other threads what has been committed.
///
/// Without it, a Kafka Streams that stopped calling `flushCache` would go on committing offsets, and the weights of all
/// events since would be lost at the next restart without a word. The guard stops already the first such commit. It also
/// refuses a commit without offsets of what a task has consumed, which Streams 4.3.1 attempts after a
/// `TaskCorruptedException`: it would make the bad task's output visible.
public final class CommitGuard {
    private final TopicPartition log;
    private final boolean enforce;
    private @Nullable ModelStore store; // stream thread only
    private volatile @Nullable CommittedState committed;

    public CommitGuard(TopicPartition log) {
        this(log, true);
    }

    /// @param enforce false only in tests that show what goes wrong without
    CommitGuard(TopicPartition log, boolean enforce) {
        this.log = log;
        this.enforce = enforce;
    }

    /// Null until the store has been restored and found consistent.
    public @Nullable CommittedState committed() {
        return committed;
    }

    void restored(ModelStore store, CommittedState state) {
        this.store = store;
        committed = state;
    }

    /// The store is being restored: it vouches for nothing.
    void forget() {
        store = null;
    }

    /// Before the offsets join the transaction.
    void check(Map<TopicPartition, OffsetAndMetadata> offsets) {
        ModelStore store = this.store;
        if (store == null) {
            return; // a task that is not learning yet has consumed nothing
        }
        store.offsetsJoin();
        if (!enforce) {
            return;
        }
        if (store.hasUnloggedChanges()) {
            throw refused("every change in the changelog", "changes that were not logged");
        }
        OffsetAndMetadata offset = offsets.get(log);
        if (offset == null) {
            CommittedState before = committed;
            if (before != null && before.nextOffset() != store.nextOffset()) {
                throw new TrainerException(
                        ExitCode.RETRYABLE,
                        "commit refused: expected an offset of "
                                + log
                                + " in it, as events from "
                                + before.nextOffset()
                                + " to "
                                + store.nextOffset()
                                + " were consumed, found none: Kafka Streams has given the task up and goes on without it."
                                + " Nothing was committed, start again from the last commit");
            }
            return;
        }
        Long watermark =
                StreamsInternals.decodeBesideOffset(offset.metadata(), ModelStore.WATERMARK);
        if (watermark == null || watermark != store.nextOffset()) {
            throw refused(
                    "the store's watermark " + store.nextOffset() + " beside the offset of " + log,
                    watermark == null ? "none" : "watermark " + watermark);
        }
        if (offset.offset() < watermark) {
            throw refused(
                    "an offset of " + log + " at or beyond the watermark " + watermark,
                    "" + offset.offset());
        }
    }

    /// After the transaction was committed.
    void committed(Map<TopicPartition, OffsetAndMetadata> offsets) {
        ModelStore store = this.store;
        CommittedState flushed = store == null ? null : store.flushed();
        if (flushed != null) {
            OffsetAndMetadata offset = offsets.get(log);
            committed = offset == null ? flushed : flushed.withGroupOffset(offset.offset());
        }
    }

    private static TrainerException refused(String expected, String found) {
        return new TrainerException(
                ExitCode.STATE_VIOLATION,
                "commit refused: expected "
                        + expected
                        + ", found "
                        + found
                        + "; this build of Tidegrad does not fit this version of Kafka Streams. Nothing was committed");
    }
}
