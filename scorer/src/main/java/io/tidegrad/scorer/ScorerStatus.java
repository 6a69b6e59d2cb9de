package io.tidegrad.scorer;

import io.tidegrad.control.ControlStatus;
import io.tidegrad.model.snapshot.Heartbeat;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a scorer knows about itself at one moment, for health and metrics.
///
/// @param served null while nothing has been admitted
/// @param freshnessMs see `Prediction`; -1 also while nothing is served, and where this clock is behind the append time
/// @param clockBehindMs how far the clock here is behind the trainer's or the one of append times, at least; freshness
///     then counts by the trainer's. 0 where they differ by less than two seconds
/// @param follower what the follower is doing: starting, waiting-for-topic, following, retrying, refused (Kafka does
///     not let it in, and nothing serves), deleted, failed, closed, or none for a scorer opened from bytes
/// @param followerDetail the cause, for a person; empty while all is well
/// @param control what the control topic says of the name
/// @param heartbeat the trainer's newest, null when none was seen
/// @param heartbeatAgeMs since it was written or read, whichever is more; -1 when none was seen
/// @param snapshotsSeen manifests read
/// @param snapshotsLoaded admissions
/// @param reading what they cost
/// @param followerFailures times that Kafka gave an error and the follower began again
/// @param refused every reason with its count
/// @param tooOld what serves is older than it may be for a scorer that is ready
public record ScorerStatus(String model, @Nullable ServedVersion served, long freshnessMs, long clockBehindMs,
        String follower, String followerDetail, ControlStatus control, @Nullable Heartbeat heartbeat,
        long heartbeatAgeMs, long snapshotsSeen, long snapshotsLoaded, SnapshotReading reading, long followerFailures,
        Map<RefusalReason, Long> refused, Admission.@Nullable Refused lastRefusal, boolean tooOld) {
    public boolean ready() {
        return served != null && !tooOld;
    }
}
