package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;
import org.jspecify.annotations.Nullable;

/// How old an answer's knowledge is: answer time − append time of the newest event in the served version. 0 while the
/// trainer's heartbeat says that the served version holds everything the log holds.
///
/// Append times are of other machines' clocks. Where the one here is behind the trainer's, which its heartbeats tell,
/// ages count by the trainer's: they are then too great where it is the trainer's that is ahead, and never too small.
final class Freshness {
    /// No event is in the served version, or the clock here is behind its append time: there is no age to tell.
    static final long UNKNOWN = -1;

    /// Three missed beats of about one a second: the trainer's silence is no longer news.
    static final long HEARTBEAT_MAX_AGE_MILLIS = 3_000;

    private Freshness() {}

    /// Milliseconds ≥ 0, or `UNKNOWN`.
    ///
    /// @param nowMillis epoch ms, by the clock here
    static long millis(ServedVersion served, @Nullable SeenHeartbeat seen, long nowMillis) {
        if (seen != null && isCaughtUp(served, seen, nowMillis)) {
            return 0;
        }
        long appended = served.newestAppendTime();
        if (appended <= 0) {
            return UNKNOWN;
        }
        long age = age(appended, seen, nowMillis);
        return age < -SeenHeartbeat.CLOCKS_APART_MILLIS ? UNKNOWN : Math.max(0, age);
    }

    /// How far the clock here is behind others', at least; 0 where it is not, by more than clocks differ.
    static long clockBehindMillis(@Nullable ServedVersion served, @Nullable SeenHeartbeat seen, long nowMillis) {
        long behind = seen == null ? 0 : seen.clockBehindMillis();
        if (served == null || served.newestAppendTime() <= 0) {
            return behind;
        }
        long ahead = -age(served.newestAppendTime(), null, nowMillis);
        return ahead > SeenHeartbeat.CLOCKS_APART_MILLIS ? Math.max(behind, ahead) : behind;
    }

    private static long age(long appended, @Nullable SeenHeartbeat seen, long nowMillis) {
        return nowMillis + (seen == null ? 0 : seen.clockBehindMillis()) - appended;
    }

    private static boolean isCaughtUp(ServedVersion served, SeenHeartbeat seen, long nowMillis) {
        Heartbeat heartbeat = seen.heartbeat();
        if (!heartbeat.caughtUp() || heartbeat.epoch() != served.epoch()
                || seen.ageMillis(nowMillis) > HEARTBEAT_MAX_AGE_MILLIS) {
            return false;
        }
        // With one row a step nothing can be pending, so an equal version holds all that was
        // learnable: offsets beyond it
        // are dead letters, which no snapshot will ever announce.
        return served.nextOffset() >= heartbeat.nextOffset()
                || (served.version() == heartbeat.version() && served.spec().miniBatch() == 1);
    }
}
