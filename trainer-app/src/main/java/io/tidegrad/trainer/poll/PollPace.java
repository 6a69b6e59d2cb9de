package io.tidegrad.trainer.poll;

import java.time.Duration;

/// How long a consumer rests before a poll. A broker answers as soon as there is one event, so that a trainer that keeps up
/// would ask for every few of them, and a round through Kafka Streams costs more than it takes to learn a few.
///
/// Two polls make a round: the first brings what the poll before had asked for, which is old after a rest, and the second what
/// came meanwhile. Rounds of few events begin 10 ms apart. So an event waits for 5 ms on average, one that comes alone for
/// none, and a trainer that is behind never rests. A longer wait of the broker (`fetch.max.wait.ms` and `fetch.min.bytes`)
/// would do the same, but then each idle model would have to ask every 10 ms.
final class PollPace {
    static final Duration ROUND = Duration.ofMillis(10);

    /// A poll with so many events is worth a round of its own.
    static final int MANY = 512;

    private static final int POLLS = 2;

    private int polls; // of this round, which brought a few events
    private long began; // nanoseconds

    /// Returns for how many nanoseconds to rest before the next poll.
    long restBefore(long now) {
        if (polls < POLLS) {
            return 0;
        }
        polls = 0;
        long rest = Math.max(0, began + ROUND.toNanos() - now);
        began = now + rest;
        return rest;
    }

    /// Notes how many events a poll has brought.
    void brought(int events) {
        if (events >= MANY) {
            polls = 0;
        } else if (events > 0) {
            polls++;
        }
    }
}
