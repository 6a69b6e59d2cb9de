package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.TrainerStatus;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;

/// Makes decisions about models: checks each, then writes its control record and the entries of the catalog that it
/// changes in one transaction. Trainers and scorers follow the record by themselves.
public final class Decisions {
    private final KafkaSettings kafka;
    private final Topics topics;
    private final ControlLog control;
    private final Admin admin;
    private final short replication;
    private final By by;

    /// @param author `user@host` of the person who decides; may be empty
    /// @param reason why; may be empty
    public record By(String author, String reason) {
    }

    /// A decision that was made.
    ///
    /// @param before the model's entry of the catalog before it; null if there was none
    /// @param after the entry after it; null if there is none
    public record Decided(ControlRecord record, @Nullable ModelRecord before, @Nullable ModelRecord after) {
    }

    /// A rollback that was decided.
    ///
    /// @param skipped how many offsets lie between the base and the place where learning goes on; they are left out
    public record RolledBack(Decided decided, ControlAction.Rollback rollback, long skipped) {
    }

    /// @param epoch the epoch of the version to go back to; empty for the newest epoch that has it
    /// @param resumeAt where learning goes on
    public record Back(OptionalInt epoch, long version, ResumeAt resumeAt) {
    }

    /// The place in the log where learning goes on after a rollback.
    public sealed interface ResumeAt {
        /// Everything that the base has not learned.
        record Base() implements ResumeAt {
        }

        record At(LogPosition place) implements ResumeAt {
        }
    }

    /// Loads a published version as a scorer does.
    @FunctionalInterface
    public interface Soundness {
        /// @throws RuntimeException if it can't be loaded
        void require(int epoch, long version);
    }

    /// Looks whether the schemas of the events have the fields of a spec.
    @FunctionalInterface
    public interface Fields {
        /// Returns the spec that is to be registered.
        ///
        /// @param view what is decided
        /// @throws RuntimeException if no schema has a field
        ModelSpec known(ModelSpec spec, ControlLog.View view);
    }

    /// Checks that a lineage can be learned again up to an offset, with which a trainer begins after a rollback.
    @FunctionalInterface
    public interface Reach {
        /// @param nextOffset exclusive
        /// @throws RuntimeException if the log has lost events that this needs
        void require(Lineage lineage, long nextOffset);
    }

    /// @param admin a client of the same Kafka
    /// @param replication the replication factor of topics that are created; -1 for the brokers' default
    public Decisions(KafkaSettings kafka, Topics topics, Admin admin, short replication, By by) {
        this.kafka = kafka;
        this.topics = topics;
        this.admin = admin;
        this.replication = replication;
        this.by = by;
        control = new ControlLog(kafka, topics);
    }

    /// Registers a model for trainers to learn, also under the name of a deleted one.
    ///
    /// @param start where the model begins; `LogPosition.Begin` for the log's first record
    /// @throws ControlException if there is a model of this name, or its log can't be learned from, or what `fields` throws
    public Decided create(ModelSpec given, LogPosition start, Fields fields) {
        KafkaTopics kafkaTopics = new KafkaTopics(admin, replication);
        ControlLog.createOrCheck(kafkaTopics, topics);
        ControlLog.View known = control.read();
        ModelSpec spec = fields.known(known.placed(given, topics), known);
        KafkaTopics.Log log = kafkaTopics.log(spec);
        ModelRecord before = known.models().get(spec.model());
        if (before != null) {
            throw new ControlException(Reason.CONFIGURATION, "model " + spec.model()
                    + ": expected a name that no model has, found one in epoch " + before.getEpoch()
                    + (before.getSpecFingerprint().equals(HexFormat.of().formatHex(spec.fingerprint()))
                            ? " with the same spec" : " with another spec")
                    + "; choose another name, or delete it first (tidegrad models delete " + spec.model() + ")");
        }
        long startOffset;
        try (TopicReader reader = new TopicReader(kafka, spec.inputTopic())) {
            startOffset = start.asStart(spec.model(), reader, log.begin());
        }
        ControlLog.View after =
                Registration.ensure(new Registration.Wanted(spec, log, startOffset, Registration.Origin.PERSON),
                        control, by.author(), by.reason());
        return new Decided(after.records(spec.model()).getLast(), null, after.model(spec.model()));
    }

    /// @throws ControlException if there is no such model, or it is paused already
    public Decided pause(String model) {
        return decide(model, (view, known) -> {
            if (known.getStage() == Stage.PAUSED) {
                throw pausedAlready(model, view.state(model));
            }
            return new ControlLog.Decision(record(model, new ControlAction.Pause()),
                    ModelRecord.newBuilder(known).setStage(Stage.PAUSED).setPausedFrom(known.getStage()).build());
        });
    }

    private static ControlException pausedAlready(String model, ControlState state) {
        ControlRecord newest = state.newest();
        return new ControlException(Reason.CONFIGURATION,
                "model " + model + ": expected one that learns, found that it is paused already"
                        + (newest == null ? "" : ", since " + Instant.ofEpochMilli(newest.time())));
    }

    /// Lets a paused model learn on, and a model that has stopped by itself be tried again.
    ///
    /// @throws ControlException if there is no such model, or it is neither paused nor has it stopped
    public Decided resume(String model) {
        return decide(model, (view, known) -> {
            if (known.getStage() != Stage.PAUSED) {
                TrainerStatus status =
                        new ModelOverview(view, kafka, topics).entries(List.of(model)).getFirst().status();
                if (status != null && status.hasStopped()) {
                    return new ControlLog.Decision(record(model, new ControlAction.Resume()));
                }
                throw new ControlException(Reason.CONFIGURATION,
                        "model " + model + ": expected one that is paused or has stopped, found one that learns");
            }
            return resumption(known, record(model, new ControlAction.Resume()));
        });
    }

    /// @param known a paused one
    public static ControlLog.Decision resumption(ModelRecord known, ControlRecord record) {
        Stage from = known.getPausedFrom();
        return new ControlLog.Decision(record,
                ModelRecord.newBuilder(known).setStage(from == null ? Stage.LIVE : from).setPausedFrom(null).build());
    }

    /// Lets the model `by` answer for `name` from now on. If both are the same, the name's own model answers again. The
    /// model that answered before goes on learning.
    ///
    /// @throws ControlException if one of them does not exist, or `by` has published no version
    public Decided promote(String name, String by) {
        requirePublished(name, by);
        return decide(name, view -> {
            ModelRecord promoted = known(by, view);
            // Another model may answer for the name of a deleted one.
            ModelRecord known = view.state(name).deleted() ? null : known(name, view);
            String until = view.state(name).answeredBy();
            List<ModelRecord> changed = new ArrayList<>();
            if (by.equals(name)) {
                changed.add(withStage(ModelRecord.newBuilder(promoted).setAnsweredBy(null).build(), Stage.LIVE));
            } else {
                changed.add(withStage(promoted, Stage.LIVE));
                if (known != null) {
                    changed.add(withStage(ModelRecord.newBuilder(known).setAnsweredBy(by).build(), Stage.RETIRED));
                }
            }
            ModelRecord replaced = view.models().get(until);
            if (replaced != null && !until.equals(name) && !until.equals(by)
                    && names(view, until).equals(Set.of(name))) {
                changed.add(withStage(replaced, Stage.RETIRED));
            }
            return new ControlLog.Decision(List.of(record(name, new ControlAction.Promote(by, promoted.getEpoch()))),
                    changed, null);
        });
    }

    /// Without a version of the new model, scorers would go on answering with the old one until its trainer publishes.
    private void requirePublished(String name, String by) {
        ControlLog.View view = control.read();
        ModelRecord promoted = view.models().get(by);
        ControlAction.Rollback rollback = view.state(by).rollback();
        if (promoted == null || PublishedManifests.any(kafka, topics, by, promoted.getEpoch())
                || rollback != null && isPublished(by, rollback.base())) {
            return;
        }
        throw new ControlException(Reason.CONFIGURATION,
                "model " + by + ": expected a version of epoch " + promoted.getEpoch() + " on topic "
                        + topics.snapshots(by) + ", found none, so that nothing could answer for " + name
                        + "; start a trainer for " + by
                        + " and promote it when it has published (tidegrad snapshots list --model " + by + ")");
    }

    private boolean isPublished(String model, ControlAction.Base base) {
        return PublishedManifests.read(kafka, topics, model).stream().anyMatch(each -> each.epoch() == base.epoch()
                && each.version() == base.version() && each.weightsHash().equals(base.weightsHash()));
    }

    /// Makes `by` a shadow of `name`, in place of what it was there before.
    ///
    /// @throws ControlException if one of them does not exist, or `by` answers for the name
    public Decided shadow(String name, String by) {
        return tryOut(name, by, 0, epoch -> new ControlAction.Shadow(by, epoch));
    }

    /// Makes `by` a challenger of `name`, in place of what it was there before.
    ///
    /// @param share its part of the keys in ten-thousandths, from 1 to `Candidate.WHOLE`
    /// @throws ControlException if one of them does not exist, `by` answers for the name, or the challengers would have
    ///     more than all keys
    public Decided challenge(String name, String by, int share) {
        return tryOut(name, by, share, epoch -> new ControlAction.Challenge(by, epoch, share));
    }

    private Decided tryOut(String name, String by, int share, IntFunction<ControlAction> action) {
        return decide(name, view -> {
            ModelRecord tried = known(by, view);
            ControlState state = view.state(name);
            if (!state.deleted()) {
                known(name, view);
            }
            if (state.answeredBy().equals(by)) {
                throw new ControlException(Reason.CONFIGURATION,
                        "model " + by + ": expected one that does not answer for " + name
                                + ", found the one that does; promote another one first");
            }
            int others = state.candidates().stream().filter(each -> !each.model().equals(by)).mapToInt(Candidate::share)
                    .sum();
            if (others + share > Candidate.WHOLE) {
                throw new ControlException(Reason.CONFIGURATION,
                        "share: expected at most " + Candidate.percent(Candidate.WHOLE - others)
                                + ", which other challengers of " + name + " leave, found " + Candidate.percent(share));
            }
            return new ControlLog.Decision(List.of(record(name, action.apply(tried.getEpoch()))), List.of(), null);
        });
    }

    /// Ends the trial of `by` under `name`.
    ///
    /// @throws ControlException if `by` is neither a shadow nor a challenger of `name`
    public Decided withdraw(String name, String by) {
        return decide(name, view -> {
            List<String> candidates = candidates(view.state(name));
            if (!candidates.contains(by)) {
                throw new ControlException(Reason.CONFIGURATION,
                        "model " + by + ": expected a shadow or a challenger of " + name + ", found "
                                + (candidates.isEmpty() ? "that it has none"
                                        : "that these are: " + String.join(", ", candidates)));
            }
            return new ControlLog.Decision(List.of(record(name, new ControlAction.Withdraw(by))), List.of(), null);
        });
    }

    private static List<String> candidates(ControlState state) {
        return state.candidates().stream().map(Candidate::model).toList();
    }

    /// Refuses to delete a model that is tried under a name, or under whose name another one is: scorers would go on.
    private static void refuseTried(ControlLog.View view, String model) {
        List<String> own = candidates(view.state(model));
        Optional<String> under = ControlState.all(view.records()).values().stream()
                .filter(state -> candidates(state).contains(model)).map(ControlState::model).findFirst();
        if (own.isEmpty() && under.isEmpty()) {
            return;
        }
        String name = own.isEmpty() ? under.get() : model;
        String tried = own.isEmpty() ? model : own.getFirst();
        throw new ControlException(Reason.CONFIGURATION,
                "model " + model + ": expected one that is not tried and under which none is, found that " + tried
                        + " is tried under " + name + "; withdraw it first (tidegrad models withdraw " + tried
                        + " --for " + name + ")");
    }

    /// Returns the other names for which a model answers.
    private static Set<String> names(ControlLog.View view, String model) {
        return ControlState.all(view.records()).values().stream()
                .filter(state -> !state.model().equals(model) && state.answeredBy().equals(model))
                .map(ControlState::model).collect(Collectors.toCollection(TreeSet::new));
    }

    /// Sets the stage, which a paused model takes only when it is resumed.
    private static ModelRecord withStage(ModelRecord model, Stage stage) {
        return model.getStage() == Stage.PAUSED ? ModelRecord.newBuilder(model).setPausedFrom(stage).build()
                : ModelRecord.newBuilder(model).setStage(stage).build();
    }

    /// Begins a new epoch with a version that is still published, after `soundness` and `reach` have accepted it.
    ///
    /// @throws ControlException if the version is not published any more
    public RolledBack rollback(String model, Back back, Soundness soundness, Reach reach) {
        ControlLog.View view = control.read();
        return rollback(known(model, view), view, back, soundness, reach);
    }

    /// The same for somebody who has seen the model in its newest epoch, and decides about no other.
    ///
    /// @param epoch that epoch
    /// @throws ControlException if another epoch has begun
    public RolledBack rollback(String model, int epoch, Back back, Soundness soundness, Reach reach) {
        ControlLog.View view = control.read();
        ModelRecord known = known(model, view);
        if (known.getEpoch() != epoch) {
            throw raced(model, epoch, known.getEpoch());
        }
        return rollback(known, view, back, soundness, reach);
    }

    private RolledBack rollback(ModelRecord known, ControlLog.View view, Back back, Soundness soundness, Reach reach) {
        SnapshotManifest base = base(known, back);
        soundness.require(base.epoch(), base.version());
        ControlAction.Base from =
                new ControlAction.Base(base.epoch(), base.version(), base.weightsHash(), base.nextOffset());
        reach.require(lineage(known, view.state(known.getModel()), base.epoch()), base.nextOffset());
        return rollback(known, from, back.resumeAt());
    }

    /// Begins a new epoch with a base that was made from the log, and need not be published. The caller begins the epoch
    /// with it (`Handover.begin`).
    ///
    /// @param epoch the model's newest epoch when the base was made
    /// @throws ControlException if another epoch has begun since, or the base has made no update
    public RolledBack rollback(String model, int epoch, ControlAction.Base base, ResumeAt resumeAt) {
        ModelRecord known = known(model, control.read());
        if (known.getEpoch() != epoch) {
            throw raced(model, epoch, known.getEpoch());
        }
        if (base.version() == 0) {
            throw new ControlException(Reason.CONFIGURATION, "model " + model
                    + ": expected a place in the log before which the model has made an update, found that it has made none"
                    + " before offset " + base.nextOffset()
                    + "; give a later one, or make the model anew (tidegrad models delete " + model
                    + ", then tidegrad models create --spec FILE)");
        }
        return rollback(known, base, resumeAt);
    }

    private static ControlException raced(String model, int expected, int found) {
        return new ControlException(Reason.RETRYABLE, "model " + model + ": expected epoch " + expected + ", found "
                + found + ": another person decided at the same time; look again");
    }

    /// Lets a build of other numerics go on with the state of a paused model, in a new epoch. The caller begins the epoch
    /// with that state (`Handover.begin`).
    ///
    /// @param epoch the model's epoch when the state was read
    /// @param base the state, with the weights-hash that it has by its own numerics
    /// @param numerics those of the build that goes on
    /// @param resumes whether the pause ends with this decision
    /// @throws ControlException if the model is not paused any more, so that its state may be another one by now, another
    ///     epoch has begun, or the state has no update
    public RolledBack upgrade(String model, int epoch, ControlAction.Base base, int numerics, boolean resumes) {
        ModelRecord known = toTakeOver(model, epoch, base);
        return begin(known, new ControlAction.Rollback(epoch + 1, base, base.nextOffset(), numerics), resumes);
    }

    private ModelRecord toTakeOver(String model, int epoch, ControlAction.Base base) {
        ModelRecord known = known(model, control.read());
        if (known.getEpoch() != epoch) {
            throw raced(model, epoch, known.getEpoch());
        }
        if (base.version() == 0) {
            throw new ControlException(Reason.CONFIGURATION,
                    "model " + model + ": expected one that has made an update, found none, so that no version can be"
                            + " gone on with; make the model anew (tidegrad models delete " + model
                            + ", then tidegrad models create --spec FILE)");
        }
        return known;
    }

    /// Lets a model go on with a copy of its log, in a new epoch with the state that the epoch before has left. The caller
    /// begins the epoch with that state (`Handover.begin`).
    ///
    /// @param epoch the model's epoch when the state was read
    /// @param base the state, with its offset in the copy
    /// @param numerics those of the build that goes on
    /// @param move from the log with which the model is registered
    /// @throws ControlException if another epoch has begun, or the state has no update
    public RolledBack adopt(String model, int epoch, ControlAction.Base base, int numerics, ControlAction.Move move) {
        ModelRecord known = toTakeOver(model, epoch, base);
        return begin(known, new ControlAction.Rollback(epoch + 1, base, base.nextOffset(), numerics, move), false);
    }

    private RolledBack rollback(ModelRecord known, ControlAction.Base from, ResumeAt resumeAt) {
        long resume;
        try (TopicReader reader = new TopicReader(kafka, known.getInputTopic())) {
            resume = resumeOffset(known.getModel(), reader, from.nextOffset(), resumeAt);
        }
        return begin(known, new ControlAction.Rollback(known.getEpoch() + 1, from, resume), false);
    }

    private RolledBack begin(ModelRecord known, ControlAction.Rollback rollback, boolean resumes) {
        String model = known.getModel();
        int epoch = rollback.epoch();
        ControlRecord[] begins = new ControlRecord[1];
        Decided decided = decide(model, (now, same) -> {
            if (same.getEpoch() != known.getEpoch()) {
                throw raced(model, known.getEpoch(), same.getEpoch());
            }
            if (rollback.isUpgrade() && !rollback.isMove() && same.getStage() != Stage.PAUSED) {
                throw new ControlException(Reason.RETRYABLE, "model " + model
                        + ": expected that it is still paused, found that another person resumed it; look again");
            }
            ControlRecord record = record(model, rollback);
            begins[0] = record;
            ControlState state = now.state(model).after(record);
            ControlAction.Move move = rollback.move();
            ModelRecord after =
                    ModelRecord.newBuilder(same).setEpoch(epoch).setCreatedAt(Instant.ofEpochMilli(record.time()))
                            .setInputTopicId(move == null ? same.getInputTopicId() : move.toTopicId())
                            .setRollbacks(ModelCatalog.origins(state.lineage(epoch))).build();
            if (!resumes) {
                return new ControlLog.Decision(record, after);
            }
            // The new epoch first: resumed before, the old one would learn for a moment.
            ControlLog.Decision resumption = resumption(after, record(model, new ControlAction.Resume()));
            return new ControlLog.Decision(List.of(record, resumption.records().getFirst()), resumption.models(), null);
        });
        return new RolledBack(new Decided(Objects.requireNonNull(begins[0]), decided.before(), decided.after()),
                rollback, rollback.resumeOffset() - rollback.base().nextOffset());
    }

    /// Returns the lineage of an epoch of the model.
    static Lineage lineage(ModelRecord known, ControlState state, int epoch) {
        return new Lineage(SpecFile.registered(known), epoch, new TopicPartition(known.getInputTopic(), 0),
                Uuid.fromString(known.getInputTopicId()), known.getStartOffset(), state.lineage(epoch));
    }

    /// Returns the lineage of an epoch to which a rollback may go back.
    ///
    /// @param epoch empty for the newest one
    /// @throws ControlException if there is no such model, or no such epoch since it was created
    public Lineage lineage(String model, OptionalInt epoch) {
        ControlLog.View view = control.read();
        ModelRecord known = known(model, view);
        int first = firstEpoch(known);
        int of = epoch.orElse(known.getEpoch());
        if (of < first || of > known.getEpoch()) {
            throw new ControlException(Reason.CONFIGURATION, "model " + model + ": expected an epoch from " + first
                    + " to " + known.getEpoch() + ", found " + of + "; tidegrad models show " + model + " tells them");
        }
        return lineage(known, view.state(model), of);
    }

    private static int firstEpoch(ModelRecord known) {
        List<ControlAction.Rollback> rollbacks = ModelCatalog.rollbacks(known);
        Optional<ControlAction.Rollback> move =
                rollbacks.reversed().stream().filter(ControlAction.Rollback::isMove).findFirst();
        if (move.isPresent()) {
            return move.get().epoch(); // offsets of earlier epochs are of another log
        }
        return rollbacks.isEmpty() ? known.getEpoch() : rollbacks.getFirst().base().epoch();
    }

    private SnapshotManifest base(ModelRecord known, Back back) {
        int first = firstEpoch(known);
        List<SnapshotManifest> published = PublishedManifests.read(kafka, topics, known.getModel()).stream()
                .filter(each -> each.epoch() >= first && each.epoch() <= known.getEpoch()).toList();
        return published.stream().filter(each -> each.version() == back.version())
                .filter(each -> back.epoch().isEmpty() || each.epoch() == back.epoch().getAsInt())
                .max(Comparator.comparingInt(SnapshotManifest::epoch))
                .orElseThrow(() -> new ControlException(Reason.CONFIGURATION, "model " + known.getModel()
                        + ": expected version " + (back.epoch().isPresent() ? back.epoch().getAsInt() + "." : "")
                        + back.version() + " among the published ones, found " + published.stream()
                                .map(each -> each.epoch() + "." + each.version()).collect(Collectors.joining(", "))
                        + " (epoch.version)"));
    }

    /// Returns the offset at which a model goes on after a rollback.
    ///
    /// @param reader of the model's log
    /// @param nextOffset the offset before which the base has learned everything
    /// @throws ControlException if events would be learned twice, or the log does not hold the offset
    public static long resumeOffset(String model, TopicReader reader, long nextOffset, ResumeAt resumeAt) {
        return switch (resumeAt) {
            case ResumeAt.Base() -> nextOffset;
            case ResumeAt.At(LogPosition place) -> {
                long offset = place.asStart(model, reader, nextOffset);
                if (offset < nextOffset) {
                    throw new ControlException(Reason.CONFIGURATION,
                            "resume-at: expected an offset from " + nextOffset
                                    + " on, as everything before it is learned already, found " + offset
                                    + ": events would be learned twice; give a later one, or 'base'");
                }
                yield offset;
            }
        };
    }

    /// Deletes a model from the catalog. Its topics stay.
    ///
    /// @throws ControlException if there is no such model, it answers for another name, or it is tried under one
    public Decided delete(String model) {
        return decide(model, (view, known) -> {
            Set<String> names = names(view, model);
            if (!names.isEmpty()) {
                throw new ControlException(Reason.CONFIGURATION,
                        "model " + model + ": expected one that answers for no other name, found that it answers for "
                                + String.join(", ", names) + "; promote another one first (tidegrad models promote "
                                + names.iterator().next() + ")");
            }
            refuseTried(view, model);
            return new ControlLog.Decision(List.of(record(model, new ControlAction.Delete())), List.of(), model);
        });
    }

    /// @throws ControlException if there is no such model
    public ModelRecord find(String model) {
        return known(model, control.read());
    }

    /// Returns the decision that deleted the model, or null if it is not deleted.
    public @Nullable Decided deletion(String model) {
        ControlState state = control.read().state(model);
        return state.deleted() ? new Decided(Objects.requireNonNull(state.newest()), null, null) : null;
    }

    /// Returns how many epochs the model has had, those before a deletion included.
    public int epochs(String model) {
        return control.read().state(model).epoch();
    }

    @FunctionalInterface
    private interface OfModel {
        ControlLog.Decision decide(ControlLog.View view, ModelRecord known);
    }

    private Decided decide(String model, OfModel decider) {
        return decide(model, view -> decider.decide(view, known(model, view)));
    }

    private Decided decide(String model, ControlLog.Decider decider) {
        ControlLog.createOrCheck(new KafkaTopics(admin, replication), topics);
        ModelRecord[] before = new ModelRecord[1];
        ControlLog.View after = control.write(view -> {
            before[0] = view.models().get(model);
            return decider.decide(view);
        });
        return new Decided(Objects.requireNonNull(after.state(model).newest(), "just decided"), before[0],
                after.models().get(model));
    }

    private ControlRecord record(String model, ControlAction action) {
        return new ControlRecord(model, action, System.currentTimeMillis(), by.author(), by.reason());
    }

    private ModelRecord known(String model, ControlLog.View view) {
        return view.require(model, topics.models());
    }
}
