package io.tidegrad.joiner.verify;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.LabelRecord;

/// What a task took, in the order in which it did.
public sealed interface Arrival {
    /// Its event time.
    long time();

    record OfEvent(String id, EventRecord event) implements Arrival {
        @Override
        public long time() {
            return event.time();
        }
    }

    record OfLabel(String id, LabelRecord label) implements Arrival {
        @Override
        public long time() {
            return label.time();
        }
    }

    /// Moves the time of the task and does nothing else.
    record Tick(long time) implements Arrival {
    }
}
