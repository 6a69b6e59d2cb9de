package io.tidegrad.scorer;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/// What the follower has seen and done since the process started. Written by one thread, read by any.
final class SnapshotCounters {
    private final LongAdder seen = new LongAdder();
    private final LongAdder loaded = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final LongAdder[] refused = new LongAdder[RefusalReason.values().length]; // by ordinal
    private volatile Admission.@Nullable Refused lastRefusal;

    SnapshotCounters() {
        Arrays.setAll(refused, ordinal -> new LongAdder());
    }

    /// A manifest arrived.
    void seen() {
        seen.increment();
    }

    void loaded() {
        loaded.increment();
    }

    void refused(Admission.Refused refusal) {
        refused[refusal.reason().ordinal()].increment();
        lastRefusal = refusal;
    }

    /// The follower lost Kafka, or could not begin, and will try again.
    void failure() {
        failures.increment();
    }

    long seenCount() {
        return seen.sum();
    }

    long loadedCount() {
        return loaded.sum();
    }

    long failureCount() {
        return failures.sum();
    }

    /// Every reason, also those never met.
    Map<RefusalReason, Long> refusedCounts() {
        Map<RefusalReason, Long> counts = new EnumMap<>(RefusalReason.class);
        for (RefusalReason reason : RefusalReason.values()) {
            counts.put(reason, refused[reason.ordinal()].sum());
        }
        return counts;
    }

    Admission.@Nullable Refused lastRefusal() {
        return lastRefusal;
    }
}
