package io.tidegrad.trainer;

import io.tidegrad.model.control.ControlAction;
import io.tidegrad.model.control.ControlRecord;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.trainer.exit.TrainerException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntSupplier;

/// The models of this process, by name. They come with the start and, where all models are wanted, with each that is created
/// later; one that is deleted keeps its slot, for it may be made anew.
final class ModelSlots implements AutoCloseable {
    private static final int PREPARED_AT_ONCE = 8;
    private static final int STARTS_MAX = 16;

    /// What does not get ready (another instance may learn it, the broker be away) holds nobody up for longer.
    private static final Duration START_MAX = Duration.ofSeconds(5);

    private static final long LOOK_NANOS = 10_000_000;

    private final ModelCatalog catalog;
    private final Map<String, ModelSpec> given;
    private final ModelTrainer.Surroundings surroundings;
    private final Consumer<TrainerException> failed;
    private final Map<String, ModelSlot> slots = new ConcurrentSkipListMap<>();
    private final List<ModelSlot.Listener> listeners = new CopyOnWriteArrayList<>();
    private volatile int models;

    /// @param given specs as their authors gave them, by model
    /// @param surroundings gets how many models there are, as of when it is asked
    /// @param failed told why a model can't go on
    ModelSlots(
            ModelCatalog catalog,
            Map<String, ModelSpec> given,
            Function<IntSupplier, ModelTrainer.Surroundings> surroundings,
            Consumer<TrainerException> failed) {
        this.catalog = catalog;
        this.given = Map.copyOf(given);
        this.surroundings = surroundings.apply(() -> models);
        this.failed = failed;
    }

    /// @param history of decisions about any models
    void add(String model, List<ControlRecord> history) {
        slots.put(
                model,
                new ModelSlot(
                        model,
                        given.get(model),
                        history,
                        surroundings,
                        catalog,
                        listeners,
                        failed));
        count();
    }

    /// The more models there are, the further apart each commits (`StreamsSettings.commitIntervalMin`). Paused ones count:
    /// they may go on.
    private void count() {
        int count = 0;
        for (ModelSlot slot : slots.values()) {
            count += slot.decided().deleted() ? 0 : 1;
        }
        models = count;
    }

    /// @throws TrainerException all that were asked for are deleted
    void requireAny() {
        List<ModelSlot> deleted =
                slots.values().stream().filter(slot -> slot.decided().deleted()).toList();
        if (!deleted.isEmpty() && deleted.size() == slots.size()) {
            ModelSlot first = deleted.getFirst();
            throw Registration.deleted(
                    first.model(), Objects.requireNonNull(first.decided().newest()));
        }
    }

    /// @throws TrainerException the heap does not hold the models that are to learn
    void requireRoom(Map<String, ModelRecord> registered) {
        List<ModelSpec> specs = new ArrayList<>();
        for (ModelSlot slot : slots.values()) {
            ModelSpec file = given.get(slot.model());
            ModelRecord record = registered.get(slot.model());
            if (slot.decided().paused() || slot.decided().deleted()) {
                continue;
            }
            if (file != null) {
                specs.add(file);
            } else if (record != null) {
                specs.add(
                        SpecFile.registered(
                                record.getSpec(), "the registered spec of " + slot.model()));
            }
        }
        Room.require(specs, Runtime.getRuntime().maxMemory());
    }

    /// See `ModelSlot.prepare`. Side by side: mostly they wait for brokers.
    ///
    /// @throws TrainerException why the first one, by name, of those that can't be learned can't
    void prepare() {
        List<Future<?>> prepared = new ArrayList<>();
        try (ExecutorService threads =
                Executors.newFixedThreadPool(
                        PREPARED_AT_ONCE, Thread.ofVirtual().name("prepare-", 0).factory())) {
            slots.values().forEach(slot -> prepared.add(threads.submit(slot::prepare)));
        }
        for (Future<?> each : prepared) {
            if (each.state() == Future.State.FAILED) {
                throw each.exceptionNow() instanceof RuntimeException why
                        ? why
                        : new IllegalStateException(each.exceptionNow());
            }
        }
    }

    /// A few at a time, each until it has restored: hundreds that join, restore and commit at once would keep brokers, and
    /// each other, longer than all of them take in turns.
    void start() {
        List<ModelSlot> starting = new ArrayList<>();
        for (ModelSlot slot : slots.values()) {
            long deadline = System.nanoTime() + START_MAX.toNanos();
            while (starting.size() >= STARTS_MAX && System.nanoTime() - deadline < 0) {
                starting.removeIf(each -> !each.isStarting());
                LockSupport.parkNanos(LOOK_NANOS);
            }
            slot.start();
            starting.add(slot);
        }
    }

    /// A record of the control topic, in its order.
    ///
    /// @param all whether models that are created from now on get a slot
    void decided(ControlRecord record, boolean all) {
        ModelSlot slot = slots.get(record.model());
        if (slot != null) {
            slot.decide(record);
            count();
        } else if (all && record.action() instanceof ControlAction.Create) {
            add(record.model(), List.of(record));
            Objects.requireNonNull(slots.get(record.model())).start();
        }
    }

    void listen(ModelSlot.Listener listener) {
        listeners.add(listener);
    }

    List<ModelSlot> all() {
        return List.copyOf(slots.values());
    }

    List<ModelTrainer> running() {
        List<ModelTrainer> running = new ArrayList<>();
        for (ModelSlot slot : slots.values()) {
            ModelTrainer trainer = slot.trainer();
            if (trainer != null) {
                running.add(trainer);
            }
        }
        return running;
    }

    /// Side by side: each takes as long as its last commit.
    @Override
    public void close() {
        List<Thread> closing =
                slots.values().stream().map(slot -> Thread.ofVirtual().start(slot::close)).toList();
        for (Thread thread : closing) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
