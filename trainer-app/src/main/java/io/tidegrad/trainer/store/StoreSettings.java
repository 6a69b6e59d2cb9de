package io.tidegrad.trainer.store;

import io.tidegrad.control.Retention;
import java.time.Duration;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// What decides how a model is kept, and how often it is committed. Nothing of it reaches a weight.
///
/// @param forced null when the trainer chooses (`StoreChoice`)
/// @param modelBytes weights, statistics and optimizer state
/// @param bytesPerSecond to the changelog, at most
/// @param redoGoal a new image begins when learning again from the last one would take longer
/// @param transactionTimeout of the producer; a flush may take a quarter of it
/// @param shortest commit interval: it grows with the models of the process while it runs
/// @param commitMax the longest; Streams commits by itself then
/// @param retention of the log of record
public record StoreSettings(@Nullable StoreKind forced, long modelBytes, long bytesPerSecond, Duration redoGoal,
        Duration transactionTimeout, Supplier<Duration> shortest, Duration commitMax, Retention retention) {
    /// A flush may take this part of the transaction timeout.
    private static final int FLUSH_SHARE = 4;

    /// With a shortest commit interval that stays.
    public StoreSettings(@Nullable StoreKind forced, long modelBytes, long bytesPerSecond, Duration redoGoal,
            Duration transactionTimeout, Duration commitMin, Duration commitMax, Retention retention) {
        this(forced, modelBytes, bytesPerSecond, redoGoal, transactionTimeout, () -> commitMin, commitMax, retention);
    }

    /// As of now, and never more than the longest.
    public Duration commitMin() {
        Duration now = shortest.get();
        return now.compareTo(commitMax) < 0 ? now : commitMax;
    }

    Duration flushMax() {
        return transactionTimeout.dividedBy(FLUSH_SHARE);
    }

    /// What one commit may write.
    long flushBytesMax() {
        return bytesPerSecond * flushMax().toMillis() / 1_000;
    }

    /// How long an image takes to write.
    Duration imageDuration() {
        return Duration.ofMillis(modelBytes * 1_000 / bytesPerSecond);
    }

    /// Whether this model may ever be kept as image and redo: its start can take minutes then.
    public boolean mayRedo() {
        return forced == null ? modelBytes > flushBytesMax() : forced == StoreKind.IMAGE_AND_REDO;
    }

    /// Whether commits come at intervals that are chosen as the model learns; else Streams commits by itself.
    boolean paced() {
        return commitMin().compareTo(commitMax) < 0;
    }
}
