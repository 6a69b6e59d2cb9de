package io.tidegrad.trainer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.trainer.store.CommittedState;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Notes on the control topic when the publish gate of a model begins to hold its versions, and when it publishes again.
///
/// What is noted follows from the committed state and from the newest note of the epoch: a hold after no hold, a
/// publication after a hold. So a restart, or another instance, notes nothing twice, and notes what the one before could
/// not. The note is a decision's transaction of its own, and not the trainer's: one that a killed trainer left open would
/// hide later decisions from those who decide.
final class Gates {
    private final ModelSlots slots;
    private final ControlLog control;

    Gates(ModelSlots slots, ControlLog control) {
        this.slots = slots;
        this.control = control;
    }

    /// Looks at each model once.
    ///
    /// @throws RuntimeException if a note could not be written; the next look tries again
    void look() {
        for (ModelSlot slot : slots.all()) {
            ModelTrainer trainer = slot.trainer();
            CommittedState committed = trainer == null || !trainer.learns() ? null : trainer.committed();
            if (committed != null && trainer.lineage().spec().publish().gate() != null) {
                look(trainer.lineage().epoch(), committed, slot);
            }
        }
    }

    private void look(int epoch, CommittedState committed, ModelSlot slot) {
        ControlRecord record = wanted(epoch, slot.note(), committed, slot.model());
        if (record != null) {
            // The topic is read again: what was written a moment ago may not have come here yet.
            control.write(view -> {
                ControlAction.Note newest = newest(view.records(slot.model()));
                boolean over = view.state(slot.model()).epoch() > epoch || view.state(slot.model()).deleted();
                return over || wanted(epoch, newest, committed, slot.model()) == null ? null
                        : new ControlLog.Decision(record);
            });
        }
    }

    private static ControlAction.@Nullable Note newest(List<ControlRecord> records) {
        return records.reversed().stream().map(ControlRecord::action).filter(ControlAction.Note.class::isInstance)
                .map(ControlAction.Note.class::cast).findFirst().orElse(null);
    }

    /// Returns what is to be noted; null for nothing.
    ///
    /// @param newest the newest note of the model
    static @Nullable ControlRecord wanted(int epoch, ControlAction.@Nullable Note newest, CommittedState committed,
            String model) {
        ControlAction.Note note = newest == null || newest.epoch() != epoch ? null : newest;
        ControlRecord hold = committed.hold();
        if (note instanceof ControlAction.Hold held) {
            return committed.fault() != null || committed.publishedVersion() <= held.published() ? null
                    : new ControlRecord(model,
                            new ControlAction.Publish(epoch, committed.publishedVersion(), committed.nextOffset()),
                            System.currentTimeMillis(), ControlRecord.GATE,
                            "no fault was found any more for as many labels as the gate wants");
        }
        return hold != null && hold.action() instanceof ControlAction.Hold found
                && (note == null || note.offset() < found.offset()) ? hold : null;
    }
}
