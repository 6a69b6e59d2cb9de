package io.tidegrad.trainer;

import io.tidegrad.model.control.ControlAction;
import io.tidegrad.model.control.ControlRecord;
import io.tidegrad.model.control.ControlState;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.schemas.Stage;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.apache.kafka.streams.KafkaStreams;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One model of this process and what people decide about it: it learns, is paused, goes on from an earlier version, is
/// deleted, or made anew. What is to be done follows from all records so far, not from the last one, so that it does not
/// matter which of them were seen before the start. Done one after the other, on a thread of the slot's own.
final class ModelSlot implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ModelSlot.class);

    /// The markers of one transaction reach the control topic and the catalog one after the other.
    private static final Duration CATALOG_PATIENCE = Duration.ofSeconds(10);

    private static final long CATALOG_PAUSE_MILLIS = 20;

    /// What the model does in this process.
    enum Doing {
        /// Restores, is learned again for a rollback, or waits for the log.
        PREPARING,
        LEARNING,
        PAUSED,
        DELETED
    }

    /// Told of each trainer of this model, on the slot's thread or the start's.
    interface Listener {
        void begins(ModelTrainer trainer);

        void ends(ModelTrainer trainer);
    }

    /// A trainer, and whether anybody wants to know why it fails.
    private record Running(ModelTrainer trainer, AtomicBoolean counts) {}

    private final String model;
    private final @Nullable ModelSpec given;
    private final ModelTrainer.Surroundings surroundings;
    private final ModelCatalog catalog;
    private final List<Listener> listeners;
    private final Consumer<TrainerException> failed;
    private final ExecutorService thread;
    private volatile ControlState decided;
    private volatile String reason = ""; // of the newest rollback
    private volatile Doing doing = Doing.PREPARING;
    private volatile @Nullable Running running;
    private volatile boolean prepared; // once
    private volatile boolean closed;

    /// @param given spec as its author gave it; null for the registered one
    /// @param history of decisions about any models
    /// @param failed told why this model can't go on
    ModelSlot(
            String model,
            @Nullable ModelSpec given,
            List<ControlRecord> history,
            ModelTrainer.Surroundings surroundings,
            ModelCatalog catalog,
            List<Listener> listeners,
            Consumer<TrainerException> failed) {
        this.model = model;
        this.given = given;
        this.surroundings = surroundings;
        this.catalog = catalog;
        this.listeners = listeners;
        this.failed = failed;
        thread =
                Executors.newSingleThreadExecutor(
                        Thread.ofVirtual().name("slot-" + model).factory());
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

    /// Joins its group or restores.
    boolean isStarting() {
        ModelTrainer now = trainer();
        return now != null && now.state() == KafkaStreams.State.REBALANCING;
    }

    /// Null while nothing of the model runs here.
    @Nullable ModelTrainer trainer() {
        Running now = running;
        return now == null ? null : now.trainer();
    }

    /// Checks and creates what the model needs, if it is to learn; nothing learns before `start`. An epoch that a rollback
    /// began may have to be learned again first: that is left to the slot's thread.
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
            prepared.start();
            doing = Doing.LEARNING;
        } else {
            thread.execute(this::followDecisions);
        }
    }

    /// One more record about this model; from one thread.
    void decide(ControlRecord record) {
        add(record);
        LOG.info("model {}: {}", model, text(decided));
        thread.execute(this::followDecisions);
    }

    private static String text(ControlState state) {
        ControlRecord newest = state.newest();
        if (newest == null) {
            return "nothing decided";
        }
        return newest.action().word()
                + (newest.author().isEmpty() ? "" : " by " + newest.author())
                + (newest.reason().isEmpty() ? "" : ": " + newest.reason());
    }

    private void followDecisions() {
        try {
            follow(decided);
        } catch (RegistryUnavailableException e) {
            fail(TrainerException.from(e, surroundings.config().registry().shownUrl()));
        } catch (RuntimeException e) {
            fail(TrainerException.from(e));
        }
    }

    private void fail(TrainerException why) {
        if (!closed) {
            failed.accept(why);
        }
    }

    private void follow(ControlState state) {
        ModelTrainer trainer = trainer();
        boolean sameEpoch =
                trainer != null
                        && (state.epoch() == 0 || trainer.lineage().epoch() == state.epoch());
        if (closed) {
            return;
        }
        if (state.deleted()) {
            leave(false);
            doing = Doing.DELETED;
        } else if (state.paused()) {
            leave(sameEpoch);
            doing = Doing.PAUSED;
        } else if (!sameEpoch) {
            doing = Doing.PREPARING;
            leave(false);
            trainer = prepare(state);
            if (trainer != null) {
                trainer.start();
                doing = Doing.LEARNING;
            }
        }
    }

    /// Null when the model was deleted, or this process is to end.
    private @Nullable ModelTrainer prepare(ControlState state) {
        ModelRecord record = awaitCatalog(state);
        if (record == null) {
            return null;
        }
        AtomicBoolean counts = new AtomicBoolean(true);
        ModelTrainer trainer =
                ModelTrainer.prepare(
                        spec(record),
                        record,
                        reason,
                        surroundings,
                        why -> {
                            if (counts.get()) {
                                failed.accept(why);
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

    private ModelSpec spec(ModelRecord record) {
        ModelSpec registered =
                SpecFile.registered(record.getSpec(), "the registered spec of " + model);
        // What lies outside of the fingerprint, such as how often to publish, is the file's. A file
        // with another spec is
        // refused at the start; one that was given for an earlier epoch counts no more.
        ModelSpec spec =
                given != null
                                && (!prepared
                                        || Arrays.equals(
                                                given.fingerprint(), registered.fingerprint()))
                        ? given
                        : registered;
        spec.labelReads()
                .forEach(
                        answer ->
                                LOG.warn(
                                        "model {}: its quality says nothing, for it is given the answers: {}; it learns on,"
                                                + " but a new model with this spec would be refused",
                                        model,
                                        answer));
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
                throw new TrainerException(
                        ExitCode.RETRYABLE,
                        "model "
                                + model
                                + ": expected epoch "
                                + state.epoch()
                                + " in the catalog, learning, as the control topic says, found "
                                + (record == null ? "no such model" : "" + record.getEpoch())
                                + (paused ? ", paused" : ""));
            }
            try {
                Thread.sleep(CATALOG_PAUSE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new TrainerException(ExitCode.RETRYABLE, "interrupted", e);
            }
        }
    }

    /// Others need not wait for a session to end.
    private void leave(boolean settle) {
        Running now = running;
        if (now != null) {
            now.counts().set(false);
            now.trainer().leave(settle);
            listeners.forEach(each -> each.ends(now.trainer()));
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
