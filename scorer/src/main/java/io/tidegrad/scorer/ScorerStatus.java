package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a scorer knows about itself at one moment, for health and metrics.
///
/// @param served null while nothing has been admitted
/// @param freshnessMs see `Prediction`; -1 also while nothing is served
/// @param follower what the follower is doing: starting, waiting-for-topic, following, retrying, refused (Kafka does not
///     let it in, and nothing serves), deleted, failed, closed, or none for a scorer opened from bytes
/// @param followerDetail the cause, for a person; empty while all is well
/// @param control what the control topic says of the name
/// @param heartbeat the trainer's newest, null when none was seen
/// @param snapshotsSeen manifests read
/// @param snapshotsLoaded admissions
/// @param reading what they cost
/// @param followerFailures times that Kafka gave an error and the follower began again
/// @param refused every reason with its count
/// @param tooOld what serves is older than it may be for a scorer that is ready
public record ScorerStatus(
        String model,
        @Nullable ServedModel served,
        long freshnessMs,
        String follower,
        String followerDetail,
        ControlStatus control,
        @Nullable Heartbeat heartbeat,
        long snapshotsSeen,
        long snapshotsLoaded,
        SnapshotReading reading,
        long followerFailures,
        Map<RefusalReason, Long> refused,
        Admission.@Nullable Refused lastRefusal,
        boolean tooOld) {
    public boolean ready() {
        return served != null && !tooOld;
    }
}
