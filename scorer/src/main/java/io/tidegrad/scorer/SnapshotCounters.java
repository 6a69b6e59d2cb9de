package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.Verification;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/// Counts what the follower has seen and done since the process started. Written by one thread, read by any.
final class SnapshotCounters {
    private final LongAdder seen = new LongAdder();
    private final LongAdder fulls = new LongAdder();
    private final LongAdder deltas = new LongAdder();
    private final LongAdder fallbacks = new LongAdder();
    private final LongAdder broughtBack = new LongAdder();
    private final LongAdder records = new LongAdder();
    private final LongAdder bytes = new LongAdder();
    private final LongAdder copiedBytes = new LongAdder();
    private final LongAdder failures = new LongAdder();
    private final LongAdder[] refused = new LongAdder[RefusalReason.values().length]; // by ordinal
    private volatile Verification.@Nullable Refused lastRefusal;
    private boolean gap; // since the last full snapshot; the writing thread's

    SnapshotCounters() {
        Arrays.setAll(refused, ordinal -> new LongAdder());
    }

    /// A manifest arrived.
    void seen() {
        seen.increment();
    }

    void loaded(boolean delta, long copied) {
        (delta ? deltas : fulls).increment();
        copiedBytes.add(copied);
        if (!delta && gap) {
            fallbacks.increment();
        }
        gap &= delta;
    }

    /// A rollback serves an earlier version again.
    void broughtBack(long copied) {
        broughtBack.increment();
        copiedBytes.add(copied);
    }

    /// A record was read from the topic.
    void read(long size) {
        records.increment();
        bytes.add(size);
    }

    void refused(Verification.Refused refusal) {
        lastRefusal = refusal; // before it is counted, so that whoever sees the count finds it
        refused[refusal.reason().ordinal()].increment();
        gap |= refusal.reason() == RefusalReason.UNKNOWN_PARENT;
    }

    /// The follower lost Kafka or could not begin, and will try again.
    void failure() {
        failures.increment();
    }

    long seenCount() {
        return seen.sum();
    }

    long loadedCount() {
        return fulls.sum() + deltas.sum() + broughtBack.sum();
    }

    SnapshotReading reading() {
        return new SnapshotReading(fulls.sum(), deltas.sum(), fallbacks.sum(), broughtBack.sum(), records.sum(),
                bytes.sum(), copiedBytes.sum());
    }

    long failureCount() {
        return failures.sum();
    }

    /// Returns the count for every reason, also if it is 0.
    Map<RefusalReason, Long> refusedCounts() {
        Map<RefusalReason, Long> counts = new EnumMap<>(RefusalReason.class);
        for (RefusalReason reason : RefusalReason.values()) {
            counts.put(reason, refused[reason.ordinal()].sum());
        }
        return counts;
    }

    Verification.@Nullable Refused lastRefusal() {
        return lastRefusal;
    }
}
