package io.tidegrad.joiner.topology;

import java.time.Duration;
import org.apache.kafka.streams.processor.api.ProcessorContext;

/// Decides when a thread commits, which commits all of its tasks together: a commit interval after the last time, if
/// something was taken since. While the joiner is far behind nobody waits for the newest example, and the thread would wait
/// for Kafka a third of its time; then it does not ask, and Streams commits after its own, longer interval.
final class CommitPace {
    private final Alignment alignment;
    private final long interval; // ms
    private long lookedAt = Long.MIN_VALUE;
    private boolean isDue;

    CommitPace(Alignment alignment, Duration interval) {
        this.alignment = alignment;
        this.interval = interval.toMillis();
    }

    /// A task has something to commit.
    void took(ProcessorContext<?, ?> context) {
        isDue = true;
        look(context);
    }

    /// Asks for a commit if it is time, also for what other tasks of the thread took.
    void look(ProcessorContext<?, ?> context) {
        if (!isDue || context.currentSystemTimeMs() - interval < lookedAt) {
            return;
        }
        lookedAt = context.currentSystemTimeMs();
        if (!alignment.isFarBehind()) {
            context.commit();
            isDue = false;
        }
    }
}
