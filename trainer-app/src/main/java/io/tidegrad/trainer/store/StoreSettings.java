package io.tidegrad.trainer.store;

import io.tidegrad.control.Retention;
import java.time.Duration;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Settings that decide how a model is kept and how often it is committed. They change no weight.
///
/// @param forced how the model is kept; null if the trainer chooses (`StoreChoice`)
/// @param modelBytes weights, statistics and optimizer state
/// @param bytesPerSecond the most bytes that are written to the changelog in a second
/// @param redoGoal a new image begins, or a page log writes its pages, once learning again would take longer
/// @param transactionTimeout timeout of the producer, of which a flush may take a quarter
/// @param shortest returns the shortest commit interval, which grows with the number of models in the process
/// @param freshness how long few events, or those of a backlog, may wait for their commit
/// @param commitMax the longest commit interval, after which Streams commits by itself
/// @param retention of the log of record
public record StoreSettings(@Nullable StoreKind forced, long modelBytes, long bytesPerSecond, Duration redoGoal,
        Duration transactionTimeout, Supplier<Duration> shortest, Duration freshness, Duration commitMax,
        Retention retention) {
    private static final int FLUSH_SHARE = 4;

    /// A page log's pages cost little, so a restart need not learn again for as long as after an image.
    private static final Duration PAGES_REDO_MAX = Duration.ofSeconds(1);

    /// Makes settings with a constant shortest commit interval.
    public StoreSettings(@Nullable StoreKind forced, long modelBytes, long bytesPerSecond, Duration redoGoal,
            Duration transactionTimeout, Duration commitMin, Duration freshness, Duration commitMax,
            Retention retention) {
        this(forced, modelBytes, bytesPerSecond, redoGoal, transactionTimeout, () -> commitMin, freshness, commitMax,
                retention);
    }

    /// Returns the present shortest commit interval, which is never above the longest.
    public Duration commitMin() {
        Duration now = shortest.get();
        return now.compareTo(commitMax) < 0 ? now : commitMax;
    }

    Duration flushMax() {
        return transactionTimeout.dividedBy(FLUSH_SHARE);
    }

    /// Returns how many bytes one commit may write.
    long flushBytesMax() {
        return bytesPerSecond * flushMax().toMillis() / 1_000;
    }

    /// Returns for how long a restart of a page log should learn again at most. It can be longer where pages take longer to
    /// write.
    Duration pagesRedoGoal() {
        return redoGoal.compareTo(PAGES_REDO_MAX) < 0 ? redoGoal : PAGES_REDO_MAX;
    }

    /// Returns how many bytes of pages may change until a page log writes them, so that no commit takes longer than the
    /// shortest interval.
    long pagesBytesGoal() {
        return bytesPerSecond * commitMin().toMillis() / 1_000;
    }

    /// Returns how long an image takes to write.
    Duration imageDuration() {
        return Duration.ofMillis(modelBytes * 1_000 / bytesPerSecond);
    }

    /// Returns whether this model may be kept as image and redo, so that its start can take minutes.
    public boolean mayRedo() {
        return forced == null ? modelBytes > flushBytesMax() : forced == StoreKind.IMAGE_AND_REDO;
    }

    /// Returns whether the store decides when to commit. Otherwise Streams commits by itself.
    boolean paced() {
        return commitMin().compareTo(commitMax) < 0;
    }
}
