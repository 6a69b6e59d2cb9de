package io.tidegrad.scorer;

import io.tidegrad.control.ControlStatus;
import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.Verification;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The state of a scorer at one moment, for health and metrics.
///
/// @param served the served version; null if there is none
/// @param freshnessMs see `Prediction`; also -1 if nothing is served, or if the clock here is behind the append time
/// @param clockBehindMs by how much the clock here is at least behind the trainer's or the one of append times, in
///     which case freshness is computed by the trainer's clock; 0 if they differ by less than 2 s
/// @param follower what the follower does: starting, waiting-for-topic, following, retrying, refused (Kafka denies
///     access or the heap is too small, and nothing serves), deleted, failed, closed, or none for a scorer that was
///     opened from bytes
/// @param followerDetail the cause, for people; empty if there is nothing to report
/// @param control what the control topic says about the name
/// @param heartbeat the trainer's newest heartbeat; null if none was seen
/// @param heartbeatAgeMs time since it was written or since it was read, whichever is longer; -1 if none was seen
/// @param snapshotsSeen number of manifests read
/// @param snapshotsLoaded number of admissions
/// @param reading what following has cost
/// @param followerFailures how often Kafka returned an error and the follower began again
/// @param refused count for every reason
/// @param tooOld whether the served version is older than `ScorerOptions.maxAge`
public record ScorerStatus(String model, @Nullable ServedVersion served, long freshnessMs, long clockBehindMs,
        String follower, String followerDetail, ControlStatus control, @Nullable Heartbeat heartbeat,
        long heartbeatAgeMs, long snapshotsSeen, long snapshotsLoaded, SnapshotReading reading, long followerFailures,
        Map<RefusalReason, Long> refused, Verification.@Nullable Refused lastRefusal, boolean tooOld) {
    public boolean ready() {
        return served != null && !tooOld;
    }
}
