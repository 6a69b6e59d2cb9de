package io.tidegrad.trainer.store;

import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Stands between the store and the producer that commits for it: lets offsets into a transaction only together with
/// the state that belongs to them, and tells other threads what has been committed.
///
/// Without it, a Kafka Streams that stopped calling `flushCache` would go on committing offsets, and the weights of all
/// events since would be lost at the next restart without a word. The guard stops already the first such commit. It
/// also refuses a commit without offsets of what a task has consumed, which Streams 4.3.1 attempts after a
/// `TaskCorruptedException`: it would make the bad task's output visible.
public final class CommitGuard {
    private final TopicPartition log;
    private final boolean enforce;
    private @Nullable ModelStore store; // stream thread only
    private volatile @Nullable CommittedState committed;
    private volatile RestoreProgress restoring = RestoreProgress.NONE;
    private volatile boolean answered;
    private volatile long progressNanos;
    private volatile long flushNanos;
    private long flushBegan; // stream thread only

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

    /// Whether Kafka has taken a commit since this process began.
    public boolean hasCommitted() {
        return answered;
    }

    /// When the last commit was answered, or the state was restored, by the store's clock; 0 before that.
    public long progressNanos() {
        return progressNanos;
    }

    /// How far a start has come; as it was when the state was whole, from then on.
    public RestoreProgress restoring() {
        return restoring;
    }

    void restoring(RestoreProgress progress) {
        restoring = progress;
    }

    /// What the last commit took, from the first byte logged to the broker's answer.
    public Duration flushTime() {
        return Duration.ofNanos(flushNanos);
    }

    /// @param now in nanoseconds of the store's clock
    void flushing(long now) {
        flushBegan = now;
    }

    void restored(ModelStore store, CommittedState state) {
        this.store = store;
        progressNanos = store.clock().nanos();
        committed = state;
    }

    /// The store is being restored: it vouches for nothing.
    void forget() {
        store = null;
    }

    /// Before the offsets join the transaction: those that must join it.
    ///
    /// Streams sends none for a task that has consumed nothing, and then nobody asks whether the group still knows this
    /// member: a trainer that was replaced could publish what it restored long ago, and overwrite the newer manifest.
    /// So the offset that is committed already goes with what such a task publishes.
    Map<TopicPartition, OffsetAndMetadata> check(Map<TopicPartition, OffsetAndMetadata> offsets) {
        ModelStore store = this.store;
        if (store == null) {
            return offsets; // a task that is not learning yet has consumed nothing
        }
        store.offsetsJoin();
        if (!enforce) {
            return offsets;
        }
        OffsetAndMetadata offset = offsets.get(log);
        if (offset == null) {
            CommittedState before = committed;
            if (before != null && before.nextOffset() != store.nextOffset()) {
                throw new TrainerException(ExitCode.RETRYABLE, "commit refused: expected an offset of " + log
                        + " in it, as events from " + before.nextOffset() + " to " + store.nextOffset()
                        + " were consumed, found none: Kafka Streams has given the task up and goes on without it."
                        + " Nothing was committed, start again from the last commit");
            }
            return Map.of(log, store.committedOffset());
        }
        if (store.hasUnloggedChanges()) {
            throw refused("every change in the changelog", "changes that were not logged");
        }
        Long watermark = StreamsInternals.decodeBesideOffset(offset.metadata(), ModelStore.WATERMARK);
        if (watermark == null || watermark != store.nextOffset()) {
            throw refused("the store's watermark " + store.nextOffset() + " beside the offset of " + log,
                    watermark == null ? "none" : "watermark " + watermark);
        }
        if (offset.offset() < watermark && store.hasSeenARecord()) {
            throw refused("an offset of " + log + " at or beyond the watermark " + watermark, "" + offset.offset());
        }
        store.checkNothingSkipped(offset.offset());
        return offsets;
    }

    /// Whether the commit of this number, or a later one, was answered.
    boolean isTold(long commit) {
        CommittedState told = committed;
        return told != null && told.commits() >= commit;
    }

    /// After the transaction was committed.
    void committed(Map<TopicPartition, OffsetAndMetadata> offsets) {
        answered = true;
        ModelStore store = this.store;
        CommittedState flushed = store == null ? null : store.flushed();
        if (store == null) {
            return;
        }
        long now = store.clock().nanos();
        progressNanos = now;
        if (flushed != null) {
            flushNanos = now - flushBegan;
            OffsetAndMetadata offset = offsets.get(log);
            committed = offset == null ? flushed : flushed.withGroupOffset(offset.offset());
        }
    }

    private static TrainerException refused(String expected, String found) {
        return new TrainerException(ExitCode.STATE_VIOLATION, "commit refused: expected " + expected + ", found "
                + found + "; this build of Tidegrad does not fit this version of Kafka Streams. Nothing was committed");
    }
}
