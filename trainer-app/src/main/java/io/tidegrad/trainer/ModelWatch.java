package io.tidegrad.trainer;

import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.util.Locale;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Keeps the `ModelCondition` of each model of the process, so that a model that stands still, or can't learn most of its
/// events, is told although nothing failed.
final class ModelWatch {
    private static final Logger LOG = LoggerFactory.getLogger(ModelWatch.class);

    /// More than half of the events lost is more than one bad sender among many.
    static final double DEAD_LETTERS_MAX = 0.5;

    private ModelWatch() {}

    /// Looks at each model once.
    static void look(ModelSlots slots) {
        for (ModelSlot slot : slots.all()) {
            try {
                look(slot);
            } catch (RuntimeException e) {
                LOG.error("model {} can't be looked at", slot.model(), e);
            }
        }
    }

    private static void look(ModelSlot slot) {
        slot.look();
        ModelTrainer trainer = slot.trainer();
        if (trainer == null || !trainer.learns()) {
            slot.condition().set(ModelCondition.Kind.STALLED, null);
            return;
        }
        stalled(slot, trainer);
        deadLetters(slot, trainer);
        setAside(slot, trainer);
        changed(slot, trainer);
        noRoomForClass(slot, trainer);
    }

    /// This reason stays as long as the epoch, because the model will never know what these events say.
    private static void noRoomForClass(ModelSlot slot, ModelTrainer trainer) {
        CommittedState committed = trainer.committed();
        Report report = committed == null ? null : committed.report();
        slot.condition().set(ModelCondition.Kind.NO_ROOM_FOR_CLASS, report == null || report.classesRefused() == 0
                ? null
                : "all " + report.classRoom() + " outputs have a class, and events with another one were refused: "
                        + report.classesRefused() + "; the topic of dead letters holds them (no-room-for-class);"
                        + " register a model with more room (label: { classes: { auto: … } }) under a new name");
    }

    /// What is learned may be wrong although all measures since the beginning get better, as when all labels are false
    /// because their source died.
    private static void changed(ModelSlot slot, ModelTrainer trainer) {
        CommittedState committed = trainer.committed();
        Report report = committed == null ? null : committed.report();
        if (report == null) {
            return;
        }
        String what = report.alarms().isEmpty() ? null
                : report.alarms().stream().map(ChangeAlarm.Reading::message).collect(Collectors.joining("; "))
                        + "; look whether the sources of labels and features are as they were"
                        + (slot.challenger() == null ? "" : "; " + slot.challenger());
        if (what != null && slot.condition().reason(ModelCondition.Kind.CHANGED) == null) {
            LOG.warn("model {}: {}", slot.model(), what);
        }
        slot.condition().set(ModelCondition.Kind.CHANGED, what);
    }

    /// This reason stays until the model's next start, because a person should find out what the event did.
    private static void setAside(ModelSlot slot, ModelTrainer trainer) {
        long events = trainer.eventsSetAsideNow();
        slot.condition().set(ModelCondition.Kind.EVENT_SET_ASIDE,
                events == 0 ? null : "events that ended the trainer twice in a row and were set aside: " + events
                        + "; the topic of dead letters holds them (ended-the-trainer), the log says what they threw");
    }

    private static void stalled(ModelSlot slot, ModelTrainer trainer) {
        String why = trainer.stalled();
        if (why != null && slot.condition().reason(ModelCondition.Kind.STALLED) == null) {
            LOG.error("model {} stands still: {}", slot.model(), why);
        }
        slot.condition().set(ModelCondition.Kind.STALLED, why);
    }

    /// A minute without an event changes nothing. Otherwise a sender of one broken event every two minutes would look well
    /// every other minute.
    private static void deadLetters(ModelSlot slot, ModelTrainer trainer) {
        CommittedState committed = trainer.committed();
        if (committed == null) {
            return;
        }
        double share = trainer.deadLetterShare();
        String of = "of the events of the last minute";
        ModelCondition.Kind kind = ModelCondition.Kind.DEAD_LETTERS;
        if (Double.isNaN(share)) {
            if (slot.condition().reason(kind) != null) {
                return;
            }
            Accounts accounts = committed.accounts();
            share = (double) accounts.deadLetters() / (accounts.deadLetters() + accounts.accepted());
            of = "of the events of its epoch, of which none came in the last minute,";
        }
        slot.condition().set(kind,
                share >= DEAD_LETTERS_MAX ? String.format(Locale.ROOT,
                        "%.0f %% %s are dead letters; the topic of dead letters says why of each", 100 * share, of)
                        : null);
    }
}
