package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;

/// A heartbeat and when it was read.
///
/// @param readAt by the clock here, epoch ms
record SeenHeartbeat(Heartbeat heartbeat, long readAt) {
    /// Clocks that are kept by NTP differ by less, and a heartbeat takes less on its way.
    static final long CLOCKS_APART_MILLIS = 2_000;

    /// By the trainer's clock or by ours, whichever says more: where ours is behind, the heartbeat of a trainer that
    /// fell silent would stay young.
    long ageMillis(long nowMillis) {
        return Math.max(0, Math.max(nowMillis - heartbeat.time(), nowMillis - readAt));
    }

    /// How far the clock here is behind the trainer's, at least; 0 where it is not, by more than clocks differ.
    long clockBehindMillis() {
        long behind = heartbeat.time() - readAt;
        return behind > CLOCKS_APART_MILLIS ? behind : 0;
    }
}
