package io.tidegrad.trainer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ControlState;
import io.tidegrad.control.ModelCatalog;
import io.tidegrad.control.Registration;
import io.tidegrad.control.RunStatus;
import io.tidegrad.control.SpecFile;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import io.tidegrad.trainer.store.CommittedState;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.kafka.streams.KafkaStreams;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One model of this process, which follows the decisions about it. What is to be done depends on the state after all
/// records, not on the last record, so it does not matter which of them came before the start. The slot does one thing
/// after the other, on a thread of its own.
///
/// A model that can't go on stops alone: its trainer is closed, and the reason is kept. If the reason may pass, the model
/// is tried again after 1, 2, 4 … 60 s, otherwise after the next decision to create, resume or roll back.
final class ModelSlot implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ModelSlot.class);

    /// The markers of one transaction reach the control topic and the catalog one after the other.
    private static final Duration CATALOG_PATIENCE = Duration.ofSeconds(10);
    private static final long CATALOG_PAUSE_MILLIS = 20;
    private static final Duration FIRST_BACK_OFF = Duration.ofSeconds(1);
    private static final Duration LONGEST_BACK_OFF = Duration.ofSeconds(60);

    /// What the model does in this process.
    enum Doing {
        /// The model restores, is learned again for a rollback, or waits for the log.
        PREPARING, LEARNING, PAUSED, DELETED,
        /// The model has failed for a reason that may pass, and is tried again.
        RETRYING,
        /// The model can't go on.
        FAILED
    }

    interface Failures {
        /// Called each time when a model has stopped.
        ///
        /// @return whether the whole process ends
        boolean failed(ModelSlot slot, StopException why);
    }

    interface Listener {
        /// Called once for each slot, before its first trainer begins.
        void appears(ModelSlot slot);

        void begins(ModelTrainer trainer);

        void ends(ModelTrainer trainer);
    }

    /// A trainer, and whether its failure still counts.
    private record Running(ModelTrainer trainer, AtomicBoolean counts) {
    }

    private final String model;
    private final @Nullable ModelSpec given;
    private final ModelTrainer.Surroundings surroundings;
    private final ModelCatalog catalog;
    private final List<Listener> listeners;
    private final Failures failures;
    private final ScheduledExecutorService thread;
    private final ModelCondition condition = new ModelCondition();
    private volatile ControlState decided;
    private volatile ControlAction.@Nullable Note note; // the newest one of its gate
    private volatile @Nullable String challenger; // what to tell of the one that begins at an alarm
    private volatile String reason = ""; // of the newest rollback
    private volatile Doing doing = Doing.PREPARING;
    private volatile @Nullable Running running;
    private volatile boolean prepared; // at least once
    private volatile boolean closed;
    private volatile @Nullable StopException failure; // while it has stopped
    private volatile @Nullable ModelTrainer left; // the last one that was closed; it may not have ended yet

    /// Whether a decision has said that a failed model is to be tried again, and no attempt has begun since.
    private volatile boolean again;

    private volatile int attempts; // since the model last learned for a while
    private volatile long learnsSince; // nanoTime at which the newest attempt began to learn; 0 before that

    /// @param given the spec as its author gave it; null for the registered one
    /// @param records the decisions about any model
    ModelSlot(String model, @Nullable ModelSpec given, List<ControlRecord> records,
            ModelTrainer.Surroundings surroundings, ModelCatalog catalog, List<Listener> listeners, Failures failures) {
        this.model = model;
        this.given = given;
        this.surroundings = surroundings;
        this.catalog = catalog;
        this.listeners = listeners;
        this.failures = failures;
        thread = Executors.newSingleThreadScheduledExecutor(Thread.ofVirtual().name("slot-" + model).factory());
        decided = ControlState.initial(model);
        records.stream().filter(record -> record.model().equals(model)).forEach(this::add);
    }

    private void add(ControlRecord record) {
        if (record.action() instanceof ControlAction.Note of) {
            note = of;
        }
        if (record.action() instanceof ControlAction.Rollback) {
            reason = record.reason();
        }
        decided = decided.after(record);
    }

    String model() {
        return model;
    }

    ControlState decided() {
        return decided;
    }

    /// Returns the newest note of the model's gate on the control topic, or null if there is none.
    ControlAction.@Nullable Note note() {
        return note;
    }

    /// Sets what health tells of a challenger while an alarm lasts; null for nothing.
    void tellChallenger(@Nullable String what) {
        challenger = what;
    }

    @Nullable
    String challenger() {
        return challenger;
    }

    Doing doing() {
        return doing;
    }

    ModelCondition condition() {
        return condition;
    }

    /// Returns the epoch that this process learns, or would learn.
    int epoch() {
        ModelTrainer now = trainer();
        return now == null ? Math.max(Registration.FIRST_EPOCH, decided.epoch()) : now.lineage().epoch();
    }

    /// Returns why the model has stopped, or null if it has not.
    @Nullable
    StopException failure() {
        return failure;
    }

    /// Returns whether the trainer learns, or stands by for another instance that learns.
    boolean learns() {
        ModelTrainer now = trainer();
        return now != null && (now.learns() || now.standsBy());
    }

    /// Returns whether the model learns or is about to. A model that has failed counts only once it learns again.
    boolean isGoing() {
        return switch (doing) {
            case PREPARING -> true;
            case LEARNING -> attempts == 0 || learns();
            case PAUSED, DELETED, RETRYING, FAILED -> false;
        };
    }

    /// Returns whether the trainer joins its group or restores.
    boolean isStarting() {
        ModelTrainer now = trainer();
        return now != null && now.state() == KafkaStreams.State.REBALANCING;
    }

    /// Returns the trainer, or null if there is none.
    @Nullable
    ModelTrainer trainer() {
        Running now = running;
        return now == null ? null : now.trainer();
    }

    /// Returns what the status topic tells of the model, with the reasons that health gives.
    RunStatus.Run run() {
        ModelTrainer now = trainer();
        CommittedState committed = now == null || now.standsBy() ? null : now.committed();
        long lag = now == null || committed == null ? -1 : now.lag();
        String problem = condition.reasons().stream().map(each -> each.kind().word() + ": " + each.message())
                .collect(Collectors.joining("; "));
        return new RunStatus.Run(model, epoch(), runState(now), problem, lag,
                now == null || committed == null || lag < 0 ? List.of()
                        : List.of(new RunStatus.Read(now.lineage().log().topic(), now.lineage().log().partition(),
                                committed.nextOffset(), committed.nextOffset() + lag)));
    }

    private RunStatus.State runState(@Nullable ModelTrainer now) {
        return switch (doing) {
            case PAUSED, DELETED -> RunStatus.State.PAUSED;
            case RETRYING -> RunStatus.State.RETRYING;
            case FAILED -> RunStatus.State.FAILED;
            case PREPARING,
                    LEARNING ->
                condition.reason(ModelCondition.Kind.STALLED) != null ? RunStatus.State.STALLED
                        : now == null ? RunStatus.State.STARTING : now.learns() ? RunStatus.State.RUNNING
                                : now.standsBy() ? RunStatus.State.STANDBY : RunStatus.State.RESTORING;
        };
    }

    /// Checks and creates what the model needs, if it is to learn. The first state of an epoch that a rollback began takes
    /// longer, so it is left to the slot's thread.
    ///
    /// @throws StopException if the model can't be learned
    void prepare() {
        ControlState state = decided;
        if (state.deleted() || state.paused()) {
            doing = state.deleted() ? Doing.DELETED : Doing.PAUSED;
            LOG.info("model {}: {}", model, text(state));
        } else if (state.lineage(state.epoch()).isEmpty()) {
            prepare(state);
        }
    }

    void start() {
        ModelTrainer prepared = trainer();
        if (prepared != null) {
            try {
                start(prepared);
            } catch (RuntimeException e) {
                stop(prepared, surroundings.reason(e));
            }
        } else if (failure == null) {
            thread.execute(this::followDecisions);
        }
    }

    private void start(ModelTrainer trainer) {
        doing = Doing.LEARNING; // before the start, which may fail and say otherwise
        trainer.start();
    }

    /// Takes the next decision about this model; from one thread.
    void decide(ControlRecord record) {
        add(record);
        if (record.action() instanceof ControlAction.Note) {
            return; // nothing to do
        }
        if (record.action() instanceof ControlAction.Create || record.action() instanceof ControlAction.Resume
                || record.action() instanceof ControlAction.Rollback) {
            again = true;
        }
        LOG.info("model {}: {}", model, text(decided));
        thread.execute(this::followDecisions);
    }

    private static String text(ControlState state) {
        ControlRecord newest = state.newest();
        if (newest == null) {
            return "nothing decided";
        }
        return newest.action().word() + (newest.author().isEmpty() ? "" : " by " + newest.author())
                + (newest.reason().isEmpty() ? "" : ": " + newest.reason());
    }

    private void followDecisions() {
        // Read before `decided`, so that a decision during this attempt asks for another one.
        boolean tryAgain = again;
        again = false;
        try {
            follow(decided, tryAgain);
        } catch (RuntimeException e) {
            stop(surroundings.reason(e));
        }
    }

    /// Stops the model because this trainer can't go on, unless it has another trainer by now, or none.
    private void stop(ModelTrainer trainer, StopException why) {
        Running now = running;
        if (now != null && now.trainer() == trainer && now.counts().compareAndSet(true, false)) {
            stop(why);
        }
    }

    /// Closes a trainer that was overtaken by a decision which may not have come here yet, and does what is decided.
    private synchronized void giveWay(AtomicBoolean counts) {
        if (closed) {
            return;
        }
        LOG.info("model {}: something else was decided before this process began to learn it", model);
        thread.execute(() -> {
            Running now = running;
            if (now != null && now.counts() == counts) { // else a decision has ended it
                doing = Doing.PREPARING;
                leave(false);
                followDecisions();
            }
        });
    }

    /// Stops the model.
    synchronized void stop(StopException why) {
        if (closed) {
            return;
        }
        boolean passes = why.exitCode().retryable();
        int attempt = passes ? ++attempts : attempts;
        Duration backOff = backOff(attempt);
        Running failed = running;
        failure = why;
        learnsSince = 0;
        condition.clear();
        condition.set(passes ? ModelCondition.Kind.RETRYING : ModelCondition.Kind.FAILED,
                String.valueOf(why.getMessage()));
        doing = passes ? Doing.RETRYING : Doing.FAILED;
        if (failures.failed(this, why)) {
            return; // the end of the process closes all slots
        }
        if (why.mayBeADefect()) {
            LOG.error("model {}: perhaps a defect; it has stopped, other models learn on", model, why);
        } else {
            LOG.error("model {} has stopped{}, other models learn on: {}", model,
                    passes ? " and is tried again in " + backOff.toSeconds() + " s" : "", why.getMessage());
        }
        try {
            thread.execute(() -> {
                if (running == failed) { // a decision may have begun the next one
                    leave(false);
                }
            });
            if (passes) {
                thread.schedule(() -> {
                    if (doing == Doing.RETRYING) {
                        followDecisions();
                    }
                }, backOff.toMillis(), TimeUnit.MILLISECONDS);
            }
        } catch (RejectedExecutionException e) {
            // The slot is closed.
        }
    }

    private static Duration backOff(int attempt) {
        Duration backOff = FIRST_BACK_OFF.multipliedBy(1L << Math.clamp(attempt - 1, 0, 6));
        return backOff.compareTo(LONGEST_BACK_OFF) < 0 ? backOff : LONGEST_BACK_OFF;
    }

    /// Called once a second. A model that was tried again and learns is well; after a while its failures are forgotten.
    void look() {
        if (doing != Doing.LEARNING || attempts == 0) {
            return;
        }
        if (!learns()) {
            learnsSince = 0;
        } else if (learnsSince == 0) {
            learnsSince = System.nanoTime();
            condition.set(ModelCondition.Kind.RETRYING, null);
            LOG.info("model {} learns again", model);
        } else if (System.nanoTime() - learnsSince > LONGEST_BACK_OFF.toNanos()) {
            attempts = 0;
        }
    }

    /// @param tryAgain whether a model that has failed is to be tried again
    private void follow(ControlState state, boolean tryAgain) {
        ModelTrainer trainer = trainer();
        boolean sameEpoch = trainer != null && (state.epoch() == 0 || trainer.lineage().epoch() == state.epoch());
        if (closed) {
            return;
        }
        if (state.deleted()) {
            leave(false);
            rests(Doing.DELETED);
        } else if (state.paused()) {
            leave(sameEpoch && failure == null);
            rests(Doing.PAUSED);
        } else if (failure != null && doing == Doing.FAILED && !tryAgain) {
            LOG.info("model {} has failed, and this decision does not make it try again", model);
        } else if (!sameEpoch || failure != null) {
            doing = doing == Doing.RETRYING ? doing : Doing.PREPARING;
            leave(false);
            trainer = prepare(state);
            if (trainer != null) {
                failure = null;
                condition.set(ModelCondition.Kind.FAILED, null);
                start(trainer);
            }
        }
    }

    private void rests(Doing how) {
        doing = how;
        failure = null;
        attempts = 0;
        condition.clear();
    }

    /// Returns a new trainer, or null if something else was decided meanwhile or this process ends.
    private @Nullable ModelTrainer prepare(ControlState state) {
        ModelRecord record = awaitCatalog(state);
        if (record == null) {
            return null;
        }
        requireEnded(left, record.getEpoch());
        AtomicBoolean counts = new AtomicBoolean(true);
        ModelTrainer trainer =
                ModelTrainer.prepare(spec(record), record, reason, surroundings, new ModelTrainer.Owner() {
                    @Override
                    public boolean isOvertaken() {
                        ModelRecord now = catalog.find(model);
                        // Without an entry the decisions count, which come by the control topic.
                        return now != null && (now.getEpoch() > record.getEpoch() || now.getStage() == Stage.PAUSED);
                    }

                    @Override
                    public void overtaken() {
                        giveWay(counts);
                    }

                    @Override
                    public void failed(StopException why) {
                        if (counts.compareAndSet(true, false)) {
                            stop(why);
                        }
                    }
                });
        synchronized (this) {
            if (closed) {
                trainer.close();
                return null;
            }
            running = new Running(trainer, counts);
            prepared = true;
        }
        listeners.forEach(each -> each.begins(trainer));
        return trainer;
    }

    /// The trainer before may still run, for example inside an event. Until it has ended, the state directory belongs to
    /// it, and Kafka Streams would report that another process uses it.
    private void requireEnded(@Nullable ModelTrainer before, int epoch) {
        if (before != null && before.lineage().epoch() == epoch && !before.state().hasCompletedShutdown()) {
            throw new StopException(ExitCode.RETRYABLE,
                    "model " + model + ": expected its earlier trainer to have ended, found that it is still "
                            + before.state()
                            + "; the model is tried again until that has ended. If it never does, restart the process");
        }
    }

    private ModelSpec spec(ModelRecord record) {
        ModelSpec registered = SpecFile.registered(record);
        // Settings outside of the fingerprint, such as how often to publish, come from the file. A file with another spec
        // is refused at the start; later, when another epoch has another spec, the file does not count any more.
        ModelSpec file = given == null ? null : SpecFile.placed(given.asRegistered(registered), record);
        ModelSpec spec = file != null && (!prepared || Arrays.equals(file.fingerprint(), registered.fingerprint()))
                ? file : registered;
        spec.labelReads()
                .forEach(answer -> LOG
                        .warn("model {}: its features hold the answer, so its quality says nothing: {}; it learns on,"
                                + " but a new model with this spec would be refused", model, answer));
        return spec;
    }

    /// Waits until the catalog says what was decided. Returns null if something else was decided meanwhile: for example, a
    /// model that is created as paused is paused by its second record.
    private @Nullable ModelRecord awaitCatalog(ControlState state) {
        long deadline = System.nanoTime() + CATALOG_PATIENCE.toNanos();
        while (true) {
            ModelRecord record = catalog.find(model);
            boolean paused = record != null && record.getStage() == Stage.PAUSED;
            if (record != null && record.getEpoch() >= state.epoch() && !paused) {
                return record;
            }
            if (decided != state) {
                return null;
            }
            if (System.nanoTime() > deadline) {
                throw new StopException(ExitCode.RETRYABLE, "model " + model + ": expected epoch " + state.epoch()
                        + " in the catalog, learning, as the control topic says, found "
                        + (record == null ? "no such model" : "" + record.getEpoch()) + (paused ? ", paused" : ""));
            }
            try {
                Thread.sleep(CATALOG_PAUSE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new StopException(ExitCode.RETRYABLE, "interrupted", e);
            }
        }
    }

    /// Closes the trainer, if there is one, and leaves its group.
    ///
    /// @param settle whether what has been read is learned and published first
    private void leave(boolean settle) {
        Running now = running;
        if (now != null) {
            now.counts().set(false);
            now.trainer().leave(settle);
            listeners.forEach(each -> each.ends(now.trainer()));
            left = now.trainer();
            running = null;
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        thread.shutdownNow();
        try {
            thread.awaitTermination(30, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Running now = running;
        if (now != null) {
            now.trainer().close();
        }
    }
}
