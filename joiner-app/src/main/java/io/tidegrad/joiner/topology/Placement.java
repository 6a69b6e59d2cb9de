package io.tidegrad.joiner.topology;

import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.utils.Utils;
import org.jspecify.annotations.Nullable;

/// Notices that different partitioners have written events and labels, where the join takes both as they lie. Labels are
/// then looked for where their events are not, and all that is seen of it would be `orphan-label`, after `window`. One side
/// that lies as Java's clients partition and another that does not are a proof; of two others nothing is said.
final class Placement {
    /// Records that must have come of either side.
    private static final long KNOWN = 50;

    private final Side events = new Side();
    private final Side labels = new Side();

    private static final class Side {
        final LongAdder all = new LongAdder();
        final LongAdder asJava = new LongAdder();

        boolean isKnown() {
            return all.sum() >= KNOWN;
        }

        /// But for records whose partition somebody chose by hand.
        boolean isAsJava() {
            return asJava.sum() >= 0.99 * all.sum();
        }

        /// Of two partitions, half of the keys are where they should be by chance.
        boolean isOther() {
            return asJava.sum() < 0.9 * all.sum();
        }
    }

    void saw(boolean ofEvents, byte[] key, int partition, int partitions) {
        Side side = ofEvents ? events : labels;
        side.all.increment();
        if (Utils.toPositive(Utils.murmur2(key)) % partitions == partition) {
            side.asJava.increment();
        }
    }

    /// Returns what differs, for people; null: nothing that is known.
    @Nullable
    String differs() {
        if (!events.isKnown() || !labels.isKnown()) {
            return null;
        }
        boolean isEvents = events.isOther() && labels.isAsJava();
        boolean isLabels = labels.isOther() && events.isAsJava();
        if (!isEvents && !isLabels) {
            return null;
        }
        Side other = isEvents ? events : labels;
        return "both sides have the key @key and are joined partition by partition, but of " + other.all.sum()
                + (isEvents ? " events " : " labels ") + (other.all.sum() - other.asJava.sum())
                + " lie in another partition than the murmur2 of their keys says, by which the "
                + (isEvents ? "labels" : "events") + " lie";
    }
}
