package io.tidegrad.trainer;

import io.tidegrad.control.ControlException;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.SpecFile;
import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.model.evaluation.Signal;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.apache.kafka.clients.admin.Admin;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Registers a model from scratch beside one whose error is not what it has been, if its spec wants that: the same spec,
/// under another name, from the offset of the alarm on. It is a decision as `tidegrad models create` makes it; who learns all
/// models learns it, and people compare and promote it.
final class Challengers {
    private static final Logger LOG = LoggerFactory.getLogger(Challengers.class);
    private static final Signal ERROR = new Signal(Signal.Kind.ERROR, "");
    private static final String BETWEEN = "-challenger-";
    private static final Pattern NAME = Pattern.compile(".*" + BETWEEN + "[0-9]+");

    private final ModelSlots slots;
    private final ControlLog control;
    private final Creation creation;
    private final Predicate<String> learned;
    private final Map<String, Seen> seen = new HashMap<>(); // by model

    /// What the last look at a model saw: so many alarms had begun before this offset.
    ///
    /// @param maybeOld whether the next alarm may have begun before this process learned the epoch
    record Seen(int epoch, long raised, long nextOffset, boolean maybeOld) {
    }

    /// Registers a model.
    @FunctionalInterface
    interface Creation {
        void create(Lineage beside, ModelSpec spec, long startOffset, Decisions.By by);
    }

    /// @param learned whether this trainer learns a model of this name
    Challengers(ModelSlots slots, ControlLog control, Creation creation, Predicate<String> learned) {
        this.slots = slots;
        this.control = control;
        this.creation = creation;
        this.learned = learned;
    }

    static Challengers of(ModelSlots slots, TrainerConfig config, Admin admin, Predicate<String> learned) {
        Topics topics = new Topics(config.prefix());
        return new Challengers(slots, new ControlLog(config.kafka(), topics),
                (beside, spec, startOffset,
                        by) -> new Decisions(config.kafka(), topics, admin, config.replication(), by).create(spec,
                                new LogPosition.Offset(startOffset), (placed, view) -> {
                                    if (!placed.inputTopic().equals(beside.log().topic())) {
                                        throw new ControlException(ControlException.Reason.CONFIGURATION,
                                                "model " + spec.model() + ": expected the log of " + beside.model()
                                                        + ", " + beside.log().topic()
                                                        + ", found that its stream has a newer epoch, "
                                                        + placed.inputTopic());
                                    }
                                    return placed;
                                }),
                learned);
    }

    /// Looks at each model once.
    ///
    /// @throws RuntimeException if a model could not be registered; the next look tries again
    void look() {
        for (ModelSlot slot : slots.all()) {
            ModelTrainer trainer = slot.trainer();
            if (trainer == null || !trainer.learns()) {
                seen.remove(slot.model()); // another process may deal with what comes meanwhile
                continue;
            }
            CommittedState committed = trainer.committed();
            Report report = committed == null ? null : committed.report();
            ChangeAlarm.Reading error = report == null ? null : report.reading(ERROR);
            if (report != null && error != null && trainer.lineage().spec().watch().challenger()) {
                look(trainer.lineage(), error, report.nextOffset(), slot);
            }
        }
    }

    private void look(Lineage lineage, ChangeAlarm.Reading error, long nextOffset, ModelSlot slot) {
        String model = slot.model();
        Seen before = seen.get(model);
        if (before == null || before.epoch() != lineage.epoch()) {
            before = first(lineage.epoch(), error, nextOffset);
            seen.put(model, before); // so that the look after one that fails does not take an alarm for seen
        }
        long start = start(before, error, nextOffset);
        if (start >= 0) {
            slot.tellChallenger(begin(lineage, error, Math.max(lineage.firstOffset(), start), before.maybeOld()));
        } else if (!error.isOn()) {
            slot.tellChallenger(null);
        }
        seen.put(model, new Seen(lineage.epoch(), error.raised(), nextOffset, false));
    }

    /// Returns what the first look takes for seen: all alarms but one that is on.
    static Seen first(int epoch, ChangeAlarm.Reading error, long nextOffset) {
        return new Seen(epoch, error.isOn() ? error.raised() - 1 : error.raised(), nextOffset - error.lasted(), true);
    }

    /// Returns where a challenger begins: about where the newest alarm began, or, if that has ended already, where the look
    /// before it was. -1 if there is no alarm that an earlier look did not see.
    static long start(Seen before, ChangeAlarm.Reading error, long nextOffset) {
        if (error.raised() <= before.raised()) {
            return -1;
        }
        return Math.max(0, error.isOn() ? nextOffset - error.lasted() : before.nextOffset());
    }

    /// Returns what to tell people.
    ///
    /// @param maybeOld whether the alarm may have begun before this process: then it is dealt with if there ever was a
    ///     challenger
    private @Nullable String begin(Lineage lineage, ChangeAlarm.Reading error, long start, boolean maybeOld) {
        ControlLog.View view = control.read();
        List<String> ever = view.records().stream().map(ControlRecord::model).distinct().toList();
        String name = name(lineage.model(), ever, view.models().keySet());
        if (name == null || maybeOld && !name.endsWith(BETWEEN + 1)) {
            return null;
        }
        String why = error.isOn() ? error.message()
                : "an alarm of the " + error.signal().title() + " began after offset " + start + " and has ended";
        String told;
        try {
            creation.create(lineage, SpecFile.renamed(lineage.spec(), name), start,
                    new Decisions.By("on-change", ControlRecord.fitting(lineage.model() + ": " + why)));
            told = "model " + name + " begins from scratch at offset " + start
                    + (learned.test(name) ? ""
                            : ", and this trainer does not learn it: unless another one does, start one with --model "
                                    + name + " or --all-models");
        } catch (ControlException | StopException e) {
            if (StopException.from(e).exitCode().retryable()) {
                throw e;
            }
            told = "no challenger begins: " + e.getMessage();
        }
        LOG.warn("model {}: {}", lineage.model(), told);
        return told;
    }

    /// Returns the name of a model's next challenger; null if it has one, or is one.
    ///
    /// @param ever names of all models that were ever registered
    /// @param now of those that are not deleted
    static @Nullable String name(String model, Collection<String> ever, Collection<String> now) {
        Pattern own = Pattern.compile(Pattern.quote(model) + BETWEEN + "[0-9]+");
        if (NAME.matcher(model).matches() || now.stream().anyMatch(each -> own.matcher(each).matches())) {
            return null;
        }
        int next = 1;
        while (ever.contains(model + BETWEEN + next)) {
            next++;
        }
        return model + BETWEEN + next;
    }
}
