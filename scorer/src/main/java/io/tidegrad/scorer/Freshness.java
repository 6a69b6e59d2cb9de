package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;
import org.jspecify.annotations.Nullable;

/// How old an answer's knowledge is: answer time − append time of the newest event in the served version. 0 while the
/// trainer's heartbeat says that the served version holds everything the log holds.
final class Freshness {
    /// No event is in the served version: there is no age to tell.
    static final long UNKNOWN = -1;

    /// Three missed beats of about one a second: the trainer's silence is no longer news.
    static final long HEARTBEAT_MAX_AGE_MILLIS = 3_000;

    private Freshness() {}

    /// Milliseconds ≥ 0, or `UNKNOWN`.
    ///
    /// @param nowMillis epoch ms; an append time ahead of this clock counts as 0
    static long millis(ServedModel served, @Nullable Heartbeat heartbeat, long nowMillis) {
        if (heartbeat != null && isCaughtUp(served, heartbeat, nowMillis)) {
            return 0;
        }
        long appended = served.newestAppendTime();
        return appended <= 0 ? UNKNOWN : Math.max(0, nowMillis - appended);
    }

    private static boolean isCaughtUp(ServedModel served, Heartbeat heartbeat, long nowMillis) {
        if (!heartbeat.caughtUp()
                || heartbeat.epoch() != served.epoch()
                || nowMillis - heartbeat.time() > HEARTBEAT_MAX_AGE_MILLIS) {
            return false;
        }
        // With one row a step nothing can be pending, so an equal version holds all that was
        // learnable: offsets beyond it
        // are dead letters, which no snapshot will ever announce.
        return served.nextOffset() >= heartbeat.nextOffset()
                || (served.version() == heartbeat.version() && served.spec().miniBatch() == 1);
    }
}
