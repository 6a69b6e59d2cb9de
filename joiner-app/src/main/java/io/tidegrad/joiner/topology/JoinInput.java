package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.LabelRecord;
import org.jspecify.annotations.Nullable;

/// What a record of one of the two topics says to the join. Its id goes with it (`JoinInputs.Keyed`).
sealed interface JoinInput {
    long time();

    /// @param key the event's own key, for a dead letter
    record OfEvent(EventRecord event, byte @Nullable [] key) implements JoinInput {
        @Override
        public long time() {
            return event.time();
        }
    }

    record OfLabel(LabelRecord label) implements JoinInput {
        @Override
        public long time() {
            return label.time();
        }
    }

    /// Moves the time of every task, and says nothing else.
    record OfTick(long time) implements JoinInput {
    }
}
