package io.tidegrad.trainer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ControlState;
import io.tidegrad.control.ModelCatalog;
import io.tidegrad.control.Registration;
import io.tidegrad.control.SpecFile;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.schemas.Stage;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.streams.KafkaStreams;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One model of this process and what people decide about it: it learns, is paused, goes on from an earlier version, is
/// deleted, or made anew. What is to be done follows from all records so far, not from the last one, so that it does
/// not matter which of them were seen before the start. Done one after the other, on a thread of the slot's own.
///
/// A model that can't go on stops alone: its trainer is closed, and the reason is kept. One that may go on later is
/// tried again after 1, 2, 4 … 60 s; another one when a decision about it says so (create, resume, rollback).
final class ModelSlot implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ModelSlot.class);

    /// The markers of one transaction reach the control topic and the catalog one after the other.
    private static final Duration CATALOG_PATIENCE = Duration.ofSeconds(10);

    private static final long CATALOG_PAUSE_MILLIS = 20;

    private static final Duration FIRST_BACK_OFF = Duration.ofSeconds(1);

    private static final Duration LONGEST_BACK_OFF = Duration.ofSeconds(60);

    /// What the model does in this process.
    enum Doing {
        /// Restores, is learned again for a rollback, or waits for the log.
        PREPARING, LEARNING, PAUSED, DELETED,
        /// Has failed for a reason that may pass, and is tried again.
        RETRYING,
        /// Can't go on.
        FAILED
    }

    /// Told why a model has stopped, once each time.
    interface Failures {
        /// @return whether the whole process ends with it
        boolean failed(ModelSlot slot, TrainerException why);
    }

    /// Told of each trainer of this model, on the slot's thread or the start's.
    interface Listener {
        /// Told of each slot once, before any trainer of it.
        void appears(ModelSlot slot);

        void begins(ModelTrainer trainer);

        void ends(ModelTrainer trainer);
    }

    /// A trainer, and whether anybody wants to know why it fails.
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
    private volatile String reason = ""; // of the newest rollback
    private volatile Doing doing = Doing.PREPARING;
    private volatile @Nullable Running running;
    private volatile boolean prepared; // once
    private volatile boolean closed;
    private volatile @Nullable TrainerException failure; // while it has stopped
    private volatile @Nullable ModelTrainer left; // the last one that was left; it may not have ended yet

    /// A decision says that a failed model is to be tried again, and no attempt has begun since.
    private volatile boolean again;

    private volatile int attempts; // since it last learned for a while
    private volatile long learnsSince; // nanoseconds; since its newest attempt learned, 0 before that

    /// @param given spec as its author gave it; null for the registered one
    /// @param history of decisions about any models
    /// @param failures told why this model has stopped
    ModelSlot(String model, @Nullable ModelSpec given, List<ControlRecord> history,
            ModelTrainer.Surroundings surroundings, ModelCatalog catalog, List<Listener> listeners, Failures failures) {
        this.model = model;
        this.given = given;
        this.surroundings = surroundings;
        this.catalog = catalog;
        this.listeners = listeners;
        this.failures = failures;
        thread = Executors.newSingleThreadScheduledExecutor(Thread.ofVirtual().name("slot-" + model).factory());
        decided = ControlState.initial(model);
        history.stream().filter(record -> record.model().equals(model)).forEach(this::add);
    }

    private void add(ControlRecord record) {
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

    Doing doing() {
        return doing;
    }

    ModelCondition condition() {
        return condition;
    }

    /// The one that it learns, or would learn.
    int epoch() {
        ModelTrainer now = trainer();
        return now == null ? Math.max(Registration.FIRST_EPOCH, decided.epoch()) : now.lineage().epoch();
    }

    /// Why it has stopped; null while it has not.
    @Nullable
    TrainerException failure() {
        return failure;
    }

    /// Whether its trainer learns, or would take over from another instance that does.
    boolean learns() {
        ModelTrainer now = trainer();
        return now != null && (now.learns() || now.standsBy());
    }

    /// Whether it learns, or is on the way there: not one that failed and has not learned since.
    boolean isGoing() {
        return switch (doing) {
            case PREPARING -> true;
            case LEARNING -> attempts == 0 || learns();
            case PAUSED, DELETED, RETRYING, FAILED -> false;
        };
    }

    /// Joins its group or restores.
    boolean isStarting() {
        ModelTrainer now = trainer();
        return now != null && now.state() == KafkaStreams.State.REBALANCING;
    }

    /// Null while nothing of the model runs here.
    @Nullable
    ModelTrainer trainer() {
        Running now = running;
        return now == null ? null : now.trainer();
    }

    /// Checks and creates what the model needs, if it is to learn; nothing learns before `start`. An epoch that a
    /// rollback began may have to be learned again first: that is left to the slot's thread.
    ///
    /// @throws TrainerException why the model can't be learned
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

    /// It may fail before this returns.
    private void start(ModelTrainer trainer) {
        doing = Doing.LEARNING;
        trainer.start();
    }

    /// One more record about this model; from one thread.
    void decide(ControlRecord record) {
        add(record);
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
        // Taken before `decided` is read: what is decided from now on, while an attempt goes on, asks for another one.
        boolean tryAgain = again;
        again = false;
        try {
            follow(decided, tryAgain);
        } catch (RegistryUnavailableException e) {
            stop(TrainerException.from(e, surroundings.config().registry().shownUrl()));
        } catch (RuntimeException e) {
            stop(surroundings.reason(e));
        }
    }

    /// The model stops because this trainer can't go on. Nothing happens when it has another trainer by now, or none.
    private void stop(ModelTrainer trainer, TrainerException why) {
        Running now = running;
        if (now != null && now.trainer() == trainer && now.counts().compareAndSet(true, false)) {
            stop(why);
        }
    }

    /// The model stops, and nothing else.
    synchronized void stop(TrainerException why) {
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
            return; // which closes all
        }
        if (why.exitCode() == ExitCode.INTERNAL) {
            LOG.error("model {}: a defect; it has stopped, other models learn on", model, why);
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
                thread.schedule(this::tryAgain, backOff.toMillis(), TimeUnit.MILLISECONDS);
            }
        } catch (RejectedExecutionException e) {
            // The process ends.
        }
    }

    private static Duration backOff(int attempt) {
        Duration backOff = FIRST_BACK_OFF.multipliedBy(1L << Math.clamp(attempt - 1, 0, 6));
        return backOff.compareTo(LONGEST_BACK_OFF) < 0 ? backOff : LONGEST_BACK_OFF;
    }

    private void tryAgain() {
        if (doing == Doing.RETRYING) {
            followDecisions();
        }
    }

    /// Looked at once a second: what was tried again and learns is well, and after a while forgotten.
    void look() {
        if (doing != Doing.LEARNING || attempts == 0) {
            return;
        }
        if (!learns()) {
            learnsSince = 0;
        } else if (learnsSince == 0) {
            learnsSince = System.nanoTime();
            condition.clear(ModelCondition.Kind.RETRYING);
            LOG.info("model {}: goes on", model);
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
            LOG.info("model {}: has failed, and nothing was decided that would change it", model);
        } else if (!sameEpoch || failure != null) {
            doing = doing == Doing.RETRYING ? doing : Doing.PREPARING;
            leave(false);
            trainer = prepare(state);
            if (trainer != null) {
                failure = null;
                condition.clear(ModelCondition.Kind.FAILED);
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

    /// Null when the model was deleted, or this process is to end.
    private @Nullable ModelTrainer prepare(ControlState state) {
        ModelRecord record = awaitCatalog(state);
        if (record == null) {
            return null;
        }
        requireEnded(left, record.getEpoch());
        AtomicBoolean counts = new AtomicBoolean(true);
        ModelTrainer trainer = ModelTrainer.prepare(spec(record), record, reason, surroundings, why -> {
            if (counts.compareAndSet(true, false)) {
                stop(why);
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

    /// A trainer may take longer to end than it is waited for, as when its thread is inside an event. Until then the
    /// state directory is its own, which Kafka Streams would report as another process's.
    private void requireEnded(@Nullable ModelTrainer before, int epoch) {
        if (before != null && before.lineage().epoch() == epoch && !before.state().hasCompletedShutdown()) {
            throw new TrainerException(ExitCode.RETRYABLE,
                    "model " + model + ": expected its trainer of before to have ended, found that it is still "
                            + before.state()
                            + "; it is tried again until that has ended. If it never does, restart the process");
        }
    }

    private ModelSpec spec(ModelRecord record) {
        ModelSpec registered = SpecFile.registered(record.getSpec(), "the registered spec of " + model);
        // What lies outside of the fingerprint, such as how often to publish, is the file's. A file
        // with another spec is
        // refused at the start; one that was given for an earlier epoch counts no more.
        ModelSpec spec = given != null && (!prepared || Arrays.equals(given.fingerprint(), registered.fingerprint()))
                ? given : registered;
        spec.labelReads().forEach(
                answer -> LOG.warn("model {}: its quality says nothing, for it is given the answers: {}; it learns on,"
                        + " but a new model with this spec would be refused", model, answer));
        return spec;
    }

    /// Null when something else was decided meanwhile: a model that is created paused is paused by its second record.
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
                throw new TrainerException(ExitCode.RETRYABLE, "model " + model + ": expected epoch " + state.epoch()
                        + " in the catalog, learning, as the control topic says, found "
                        + (record == null ? "no such model" : "" + record.getEpoch()) + (paused ? ", paused" : ""));
            }
            try {
                Thread.sleep(CATALOG_PAUSE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new TrainerException(ExitCode.RETRYABLE, "interrupted", e);
            }
        }
    }

    /// Closes the trainer, if there is one, so that it leaves its group: another instance need not wait until its session has
    /// ended.
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

    /// Publishes, commits and stops.
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
