package io.tidegrad.trainer.poll;

import java.time.Duration;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/// How long a consumer rests before a poll. A broker answers as soon as there is one event, so that a trainer that keeps up
/// would ask for every few of them, and a round through Kafka Streams costs more than it takes to learn a few.
///
/// Two polls make a round (more if one of them brings as many events as a backlog): the first brings what the poll before had asked for, which is old after a rest, and the second what
/// came meanwhile. Rounds of few events begin at least `ROUND` apart. What is learned becomes visible with the next commit,
/// so no answer is older for that: shortly before a commit is due, polls come as events come, and where it is not known when
/// that is, they always do. Nor does an event wait that comes alone, or a trainer that is behind.
///
/// A longer wait of the broker (`fetch.max.wait.ms` and `fetch.min.bytes`) would do the same, but then each idle model would
/// have to ask as often.
///
/// For the stream thread only.
public final class PollPace {
    /// Long enough for events to gather. `docs/benchmarks.md`, "From an event to an answer", has what it saves.
    static final Duration ROUND = Duration.ofMillis(25);

    /// Long enough for a poll of what the broker has, and to learn it.
    static final Duration AHEAD = Duration.ofMillis(3);

    private static final int POLLS = 2;

    private @Nullable LongUnaryOperator commits;
    private int polls; // of this round, which brought a few events
    private long began; // nanoseconds

    /// Sets what tells when the next commit will be due: a time after the given one, or that one if it is not known. Both are
    /// times of `System.nanoTime`. Null for never knowing.
    public void commits(@Nullable LongUnaryOperator commits) {
        this.commits = commits;
    }

    /// Returns when the next commit is due: once the time after the last one is over, or that after the last version where
    /// only this is not over. Returns `now` if both are, or if Streams keeps the time between commits by itself.
    ///
    /// @param paced whether the store decides when to commit
    public static long nextCommit(boolean paced, long commitNotBefore, long publishNotBefore, long now) {
        if (!paced) {
            return now;
        }
        if (commitNotBefore - now > 0) {
            return commitNotBefore;
        }
        return publishNotBefore - now > 0 ? publishNotBefore : now;
    }

    /// Returns for how many nanoseconds to rest before the next poll.
    long restBefore(long now) {
        if (polls < POLLS) {
            return 0;
        }
        polls = 0;
        LongUnaryOperator commits = this.commits;
        long untilCommit = commits == null ? 0 : commits.applyAsLong(now) - now - AHEAD.toNanos();
        long rest = Math.max(0, Math.min(began + ROUND.toNanos() - now, untilCommit));
        began = now + rest;
        return rest;
    }

    /// Notes how many events a poll has brought.
    void brought(int events) {
        if (events >= EventsAhead.BACKLOG_EVENTS) {
            polls = 0;
        } else if (events > 0) {
            polls++;
        }
    }
}
