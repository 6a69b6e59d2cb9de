package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;
import org.jspecify.annotations.Nullable;

/// How old the knowledge behind a prediction is: the time of scoring minus the append time of the newest event in the
/// served version. It is 0 while the trainer's heartbeat says that the served version holds everything that the log
/// holds.
///
/// Append times come from the clocks of other machines. If the clock here is behind the trainer's, which its heartbeats
/// show, ages are computed by the trainer's clock. They are then too large if in fact the trainer's clock is ahead, and
/// never too small.
final class Freshness {
    /// The age is unknown, because the served version holds no event or because the clock here is behind its append
    /// time.
    static final long UNKNOWN = -1;

    /// A heartbeat that is older counts no longer: about three, one a second, were missed.
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

    /// Returns by how much the clock here is at least behind others; 0 if the difference is within
    /// `CLOCKS_APART_MILLIS`.
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
        // If each step learns one row, nothing can be pending, and the same version holds everything that could be
        // learned. Events beyond its offset are dead letters, which no snapshot will ever mention.
        return served.nextOffset() >= heartbeat.nextOffset()
                || (served.version() == heartbeat.version() && served.spec().miniBatch() == 1);
    }
}
