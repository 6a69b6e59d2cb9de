package io.tidegrad.trainer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.LogPosition;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.CommittedState;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.function.BiConsumer;
import org.apache.kafka.clients.admin.Admin;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Tells when the publish gate of a model holds its versions: in health as long as it does, and on the control topic when
/// that begins and when it publishes again. If the spec wants it, it takes a model back whose fault lasts.
///
/// What is noted follows from the committed state and from the newest note of the epoch: a hold after no hold, a
/// publication after a hold. So a restart, or another instance, notes nothing twice, and notes what the one before could
/// not. The note is a decision's transaction of its own, and not the trainer's: one that a killed trainer left open would
/// hide later decisions from those who decide.
final class Gates {
    private static final Logger LOG = LoggerFactory.getLogger(Gates.class);

    private final ModelSlots slots;
    private final ControlLog control;
    private final BiConsumer<ModelTrainer, Decisions.By> rollback;
    private final Map<String, Rollback> done = new HashMap<>(); // by model

    /// A rollback that was tried, so that it is not tried again in this epoch.
    ///
    /// @param refusal why it was not decided; null if it was
    private record Rollback(int epoch, @Nullable String refusal) {
    }

    /// @param rollback takes the model of a trainer back to the newest version that is published
    Gates(ModelSlots slots, ControlLog control, BiConsumer<ModelTrainer, Decisions.By> rollback) {
        this.slots = slots;
        this.control = control;
        this.rollback = rollback;
    }

    static Gates of(ModelSlots slots, TrainerConfig config, Admin admin) {
        KafkaSettings kafka = config.kafka();
        Topics topics = new Topics(config.prefix());
        return new Gates(slots, new ControlLog(kafka, topics), (trainer, by) -> {
            Lineage lineage = trainer.lineage();
            long version = Objects.requireNonNull(trainer.committed()).publishedVersion();
            new Decisions(kafka, topics, admin, config.replication(), by).rollback(lineage.model(), lineage.epoch(),
                    new Decisions.Back(OptionalInt.of(lineage.epoch()), version,
                            new Decisions.ResumeAt.At(new LogPosition.End())),
                    (epoch, published) -> {
                        // It serves now, and whoever goes on with it compares its hash before anything is committed.
                    }, (of, nextOffset) -> TimeTravel.requireReachable(kafka, topics, of, nextOffset));
        });
    }

    /// Looks at each model once.
    ///
    /// @throws RuntimeException if a note could not be written; the next look tries again
    void look() {
        for (ModelSlot slot : slots.all()) {
            ModelTrainer trainer = slot.trainer();
            CommittedState committed = trainer == null || !trainer.learns() ? null : trainer.committed();
            if (trainer != null && committed != null && trainer.lineage().spec().publish().gate() != null) {
                held(trainer.lineage(), committed, slot);
                note(trainer.lineage().epoch(), committed, slot);
                rollBack(trainer, committed, slot);
            }
        }
    }

    /// Scorers go on with the last version that the gate let pass, so what is served gets older.
    private void held(Lineage lineage, CommittedState committed, ModelSlot slot) {
        String fault = committed.fault();
        String what =
                fault == null ? null
                        : (committed.publishedVersion() < 0 ? "no version is published: "
                                : "version " + committed.publishedVersion() + " stays the newest that is published: ")
                                + fault;
        if (what != null && slot.condition().reason(ModelCondition.Kind.HELD) == null) {
            LOG.warn("model {}: {}", slot.model(), what);
        }
        Rollback done = this.done.get(slot.model());
        String back = done != null && done.epoch == lineage.epoch() ? done.refusal
                : sustained(lineage, slot.note(), committed) != null && !isNewSinceRollback(lineage, committed)
                        ? "no version was published since the last rollback" : null;
        slot.condition().set(ModelCondition.Kind.HELD,
                what == null || back == null ? what : what + "; it does not go back by itself: " + back);
    }

    private void rollBack(ModelTrainer trainer, CommittedState committed, ModelSlot slot) {
        Lineage lineage = trainer.lineage();
        ControlAction.Hold held = sustained(lineage, slot.note(), committed);
        Rollback done = this.done.get(slot.model());
        if (held == null || !isNewSinceRollback(lineage, committed) || done != null && done.epoch == lineage.epoch()) {
            return;
        }
        String reason = String.format(Locale.ROOT, "held since version %d at offset %d, for %d labels: %s",
                held.version(), held.offset(), committed.examples() - held.examples(), committed.fault());
        String refused = null;
        try {
            rollback.accept(trainer, new Decisions.By(ControlRecord.GATE, ControlRecord.fitting(reason)));
        } catch (ControlException | StopException e) {
            StopException stop = StopException.from(e);
            if (stop.exitCode().retryable()) {
                throw e;
            }
            refused = String.valueOf(stop.getMessage());
            LOG.error("model {} can't be taken back to version {} by its gate: {}", slot.model(), held.published(),
                    refused);
        }
        this.done.put(slot.model(), new Rollback(lineage.epoch(), refused));
    }

    /// Returns the hold that has lasted for as many labels as the spec allows, with a fault that is still there; null if
    /// there is none, or nothing to go back to.
    ///
    /// @param newest the newest note of the model
    static ControlAction.@Nullable Hold sustained(Lineage lineage, ControlAction.@Nullable Note newest,
            CommittedState committed) {
        ModelSpec.Gate gate = lineage.spec().publish().gate();
        return gate != null && gate.rollBackAfter() > 0 && committed.fault() != null
                && committed.publishedVersion() >= 0 && newest instanceof ControlAction.Hold held
                && held.epoch() == lineage.epoch() && committed.examples() - held.examples() >= gate.rollBackAfter()
                        ? held : null;
    }

    /// Returns whether the model could go back to another version than the one with which its epoch began, so that a fault
    /// which no rollback mends makes one only.
    static boolean isNewSinceRollback(Lineage lineage, CommittedState committed) {
        ControlAction.Rollback origin = lineage.origin();
        return origin == null || committed.publishedVersion() > origin.base().version();
    }

    private void note(int epoch, CommittedState committed, ModelSlot slot) {
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
