package io.tidegrad.trainer.store;

import io.tidegrad.control.Retention;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Stands between the store and the producer that commits for it. It lets offsets into a transaction only together with
/// the state that belongs to them, and tells other threads what was committed.
///
/// If a version of Kafka Streams stopped calling `flushCache`, it would go on committing offsets, and the weights of
/// all events since then would be lost at the next restart. The guard refuses the first such commit. It also refuses a
/// commit without the offset of events that a task has consumed, which Streams 4.3.1 attempts after a
/// `TaskCorruptedException`, because it would make the output of the broken task visible.
public final class CommitGuard {
    private final TopicPartition log;
    private final boolean enforce;
    private @Nullable ModelStore store; // stream thread only
    private volatile @Nullable CommittedState committed;
    private volatile RestoreProgress restoring = RestoreProgress.NONE;
    private volatile boolean answered;
    private volatile long progressNanos;
    private volatile long logBegin;
    private volatile @Nullable Retention logKeeps; // null: as when the trainer started
    private volatile long flushNanos;
    private long flushBegan; // stream thread only
    private volatile Runnable beforeLearning = () -> {
    };

    public CommitGuard(TopicPartition log) {
        this(log, true);
    }

    /// @param enforce false only in tests that show what goes wrong without the guard
    CommitGuard(TopicPartition log, boolean enforce) {
        this.log = log;
        this.enforce = enforce;
    }

    /// Sets what runs each time a task begins, when its process is a member of the group and has learned nothing yet. Who
    /// waits for an empty group has decided something by then that this can see. What it throws ends the task.
    public void beforeLearning(Runnable look) {
        beforeLearning = look;
    }

    void begins() {
        beforeLearning.run();
    }

    /// Returns the last commit, or null until the store has been restored and found consistent.
    public @Nullable CommittedState committed() {
        return committed;
    }

    /// Returns whether Kafka has accepted a commit since this process began.
    public boolean hasCommitted() {
        return answered;
    }

    /// Returns when the last commit was answered or the state was restored, by the store's clock; 0 before that.
    public long progressNanos() {
        return progressNanos;
    }

    /// Tells the first offset that the log still has. From any thread.
    public void logBegins(long offset) {
        logBegin = offset;
    }

    long logBegin() {
        return logBegin;
    }

    /// Tells for how long the log keeps events, since somebody has changed that. From any thread.
    public void logKeeps(Retention retention) {
        logKeeps = retention;
    }

    @Nullable
    Retention logKeeps() {
        return logKeeps;
    }

    /// Returns how far the restore of the state has come.
    public RestoreProgress restoring() {
        return restoring;
    }

    void restoring(RestoreProgress progress) {
        restoring = progress;
    }

    /// Returns how long the last commit took, from the first logged byte to the broker's answer.
    public Duration flushTime() {
        return Duration.ofNanos(flushNanos);
    }

    void flushing(long now) {
        flushBegan = now;
    }

    void restored(ModelStore store, CommittedState state) {
        this.store = store;
        progressNanos = store.clock().nanos();
        committed = state;
    }

    /// Called when the store is restored again, so that its state does not count.
    void forget() {
        store = null;
    }

    /// Called before the offsets join the transaction, and returns those that must join it.
    ///
    /// Streams commits no offset for a task that has consumed nothing, and then Kafka does not check whether the group
    /// still has this member. A trainer that was replaced could publish the state that it restored long ago, over a
    /// newer manifest. So what such a task publishes is committed with the offset that is committed already.
    Map<TopicPartition, OffsetAndMetadata> check(Map<TopicPartition, OffsetAndMetadata> offsets) {
        ModelStore store = this.store;
        if (store == null) {
            return offsets; // a task that does not learn yet has consumed nothing
        }
        store.offsetsJoin();
        if (!enforce) {
            return offsets;
        }
        OffsetAndMetadata offset = offsets.get(log);
        if (offset == null) {
            CommittedState before = committed;
            if (before != null && before.nextOffset() != store.nextOffset()) {
                throw new StopException(ExitCode.RETRYABLE, "commit refused: expected an offset of " + log
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

    /// Returns whether the commit of this number, or a later one, was answered.
    boolean isTold(long commit) {
        CommittedState told = committed;
        return told != null && told.commits() >= commit;
    }

    /// Called after the transaction was committed.
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

    private static StopException refused(String expected, String found) {
        return new StopException(ExitCode.STATE_VIOLATION, "commit refused: expected " + expected + ", found " + found
                + "; this build of Tidegrad does not fit this version of Kafka Streams. Nothing was committed");
    }
}
