package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.Verification;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Passes the records of one model's topic to its intake, counts them, logs what they decide, and knows from which
/// offset on they must still be read. Used by the follower's thread only.
final class SnapshotFeed {
    static final long NOWHERE = -1;

    private static final Logger log = LoggerFactory.getLogger(SnapshotFeed.class);

    private final SnapshotIntake intake;
    private final SnapshotCounters counters;
    private long resume = NOWHERE;
    private long admitted = NOWHERE;

    SnapshotFeed(SnapshotIntake intake, SnapshotCounters counters) {
        this.intake = intake;
        this.counters = counters;
    }

    SnapshotIntake intake() {
        return intake;
    }

    /// Returns the offset after the last manifest that was handled; `NOWHERE` before the first.
    long resume() {
        return resume;
    }

    /// Returns the offset after the manifest of the version that was admitted last; `NOWHERE` before the first.
    long admitted() {
        return admitted;
    }

    void resumeAt(long offset) {
        resume = offset;
    }

    /// Notes that there is a manifest at this offset, which is handled already or next.
    void passed(long offset) {
        resume = Math.max(resume, offset + 1);
    }

    void accept(ConsumerRecord<byte[], byte[]> record) {
        count(record);
        decide(record);
    }

    void count(ConsumerRecord<byte[], byte[]> record) {
        counters.read((long) Math.max(0, record.serializedKeySize()) + Math.max(0, record.serializedValueSize()));
    }

    @Nullable
    Verification decide(ConsumerRecord<byte[], byte[]> record) {
        Verification admission = intake.accept(record.key(), record.value(), record.offset(), record.timestamp());
        if (SnapshotIntake.isManifest(record.key())) {
            passed(record.offset());
        }
        tell(admission, record.offset());
        return admission;
    }

    /// Serves this model again after another one has answered.
    @Nullable
    Verification comeBack(FoundManifest newest, ChainLoader chain) {
        Verification admission = intake.comeBack(newest, chain);
        tell(admission, newest.offset());
        return admission;
    }

    private void tell(@Nullable Verification admission, long offset) {
        switch (admission) {
            case null -> {
            }
            case Verification.Admitted(LoadedModel model, long copiedBytes) -> {
                admitted = offset + 1;
                log.debug("serving {} {}.{}", intake.model(), model.manifest().epoch(), model.manifest().version());
            }
            case Verification.Refused(int epoch, long version, RefusalReason reason, String detail) ->
                log.warn("refused model {}, version {}.{} at offset {}: {}: {}", intake.model(), epoch, version, offset,
                        reason.code(), detail);
        }
    }
}
