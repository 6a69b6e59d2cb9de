package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;

/// A heartbeat and the time at which it was read.
///
/// @param readAt by the clock here, epoch ms
record SeenHeartbeat(Heartbeat heartbeat, long readAt) {
    /// Clocks that NTP keeps differ by less than this, and a heartbeat takes less time to arrive.
    static final long CLOCKS_APART_MILLIS = 2_000;

    /// Returns the age by the trainer's clock or by ours, whichever is larger. If ours is behind, the age by the
    /// trainer's clock would stay small even after the trainer fell silent.
    long ageMillis(long nowMillis) {
        return Math.max(0, Math.max(nowMillis - heartbeat.time(), nowMillis - readAt));
    }

    /// Returns by how much the clock here is at least behind the trainer's; 0 if the difference is within
    /// `CLOCKS_APART_MILLIS`.
    long clockBehindMillis() {
        long behind = heartbeat.time() - readAt;
        return behind > CLOCKS_APART_MILLIS ? behind : 0;
    }
}
