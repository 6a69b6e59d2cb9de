package io.tidegrad.joiner.topology;

import java.time.Duration;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ProcessorContext;

/// Decides when a thread commits, which commits all of its tasks together: a commit interval after the end of the last
/// commit, if something was taken since. While the joiner is far behind nobody waits for the newest example, and the thread
/// would wait for Kafka a third of its time; then it does not ask, and Streams commits after its own, longer interval.
final class CommitPace {
    /// What was taken last waits so long beyond the interval, if nothing comes after it.
    private static final Duration LOOK_EVERY = Duration.ofMillis(50);

    private final Alignment alignment;
    private final long interval; // ms
    private long from = Long.MIN_VALUE; // when the last commit was over, or was not asked for
    private boolean isDue;
    private boolean isCommitting;

    CommitPace(Alignment alignment, Duration interval) {
        this.alignment = alignment;
        this.interval = interval.toMillis();
    }

    /// Returns the pace of this thread for a task, which looks at it also while it gets nothing. The task is to have a
    /// `CommitHook` that tells of commits.
    static CommitPace of(ThreadLocal<CommitPace> paces, ProcessorContext<?, ?> context) {
        CommitPace pace = paces.get();
        context.schedule(LOOK_EVERY, PunctuationType.WALL_CLOCK_TIME, now -> pace.look(context));
        return pace;
    }

    /// A task has something to commit.
    void took(ProcessorContext<?, ?> context) {
        isDue = true;
        look(context);
    }

    /// All that was taken is in the commit that begins now. Nothing is taken before it is over.
    void commits() {
        isDue = false;
        isCommitting = true;
    }

    /// Asks for a commit if it is time, also for what other tasks of the thread took.
    void look(ProcessorContext<?, ?> context) {
        long now = context.currentSystemTimeMs();
        if (isCommitting) {
            isCommitting = false;
            from = now;
        }
        if (!isDue || now - interval < from) {
            return;
        }
        if (alignment.isFarBehind()) {
            from = now;
        } else {
            context.commit();
        }
    }
}
