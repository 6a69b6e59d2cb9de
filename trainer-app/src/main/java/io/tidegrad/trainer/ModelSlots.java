package io.tidegrad.trainer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ModelCatalog;
import io.tidegrad.control.Registration;
import io.tidegrad.control.SpecFile;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.ModelRecord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.IntSupplier;

/// The models of this process, by name: those of the start and, if all models are wanted, each one that is created later.
/// A deleted model keeps its slot, because it may be created again.
final class ModelSlots implements AutoCloseable {
    private static final int PREPARED_AT_ONCE = 8;
    private static final int STARTS_MAX = 16;

    /// A model that does not get ready, because another instance learns it or a broker is away, delays others for so long.
    private static final Duration START_MAX = Duration.ofSeconds(5);
    private static final long LOOK_NANOS = 10_000_000;

    private final ModelCatalog catalog;
    private final Map<String, ModelSpec> given;
    private final ModelTrainer.Surroundings surroundings;
    private final boolean failFast;
    private final Consumer<StopException> ended;
    private final Map<String, ModelSlot> slots = new ConcurrentSkipListMap<>();
    private final List<ModelSlot.Listener> listeners = new CopyOnWriteArrayList<>();
    private final Map<String, StopException> stopped = new LinkedHashMap<>(); // the first one first
    private volatile int models;

    /// @param given specs as their authors gave them, by model
    /// @param surroundings gets a function that returns how many models there are now
    /// @param ended gets the reason why the process ends: no model can go on, or one can't and fail-fast is set
    ModelSlots(ModelCatalog catalog, Map<String, ModelSpec> given,
            Function<IntSupplier, ModelTrainer.Surroundings> surroundings, Consumer<StopException> ended) {
        this.catalog = catalog;
        this.given = Map.copyOf(given);
        this.surroundings = surroundings.apply(() -> models);
        failFast = this.surroundings.config().failFast();
        this.ended = ended;
    }

    /// @param records the decisions about any model
    void add(String model, List<ControlRecord> records) {
        ModelSlot slot =
                new ModelSlot(model, given.get(model), records, surroundings, catalog, listeners, this::failed);
        slots.put(model, slot);
        count();
        listeners.forEach(listener -> listener.appears(slot));
    }

    /// Counts the models, by which `StreamsSettings.commitIntervalMin` sets the time between commits. Paused models count,
    /// because they may go on.
    private void count() {
        models = (int) slots.values().stream().filter(slot -> !slot.decided().deleted()).count();
    }

    /// @throws StopException if all models that were asked for are deleted
    void requireAny() {
        List<ModelSlot> deleted = slots.values().stream().filter(slot -> slot.decided().deleted()).toList();
        if (!deleted.isEmpty() && deleted.size() == slots.size()) {
            ModelSlot first = deleted.getFirst();
            throw Registration.deleted(first.model(), Objects.requireNonNull(first.decided().newest()));
        }
    }

    /// @throws StopException if the heap can't hold the models that are to learn
    void requireRoom(Map<String, ModelRecord> registered) {
        List<ModelSpec> specs = new ArrayList<>();
        for (ModelSlot slot : slots.values()) {
            ModelSpec file = given.get(slot.model());
            ModelRecord record = registered.get(slot.model());
            if (slot.decided().paused() || slot.decided().deleted()) {
                continue;
            }
            if (file != null && !file.isOpen()) {
                specs.add(file);
            } else if (record != null) {
                try {
                    specs.add(SpecFile.registered(record));
                } catch (ControlException unreadable) {
                    // This model stops alone when it is prepared.
                }
            }
        }
        Room.requireTrainer(specs, Runtime.getRuntime().maxMemory());
    }

    /// Calls `ModelSlot.prepare` for several models at a time, because it mostly waits for brokers. A model that can't be
    /// learned is stopped.
    ///
    /// @param refused models that are known not to be learnable, and why
    /// @throws StopException if no model can be learned, or one can't and fail-fast is set
    void prepare(Map<String, StopException> refused) {
        Map<String, Future<?>> prepared = new TreeMap<>();
        try (ExecutorService threads =
                Executors.newFixedThreadPool(PREPARED_AT_ONCE, Thread.ofVirtual().name("prepare-", 0).factory())) {
            slots.forEach((model, slot) -> {
                if (!refused.containsKey(model)) {
                    prepared.put(model, threads.submit(slot::prepare));
                }
            });
        }
        Map<String, StopException> failed = new TreeMap<>(refused);
        prepared.forEach((model, future) -> {
            if (future.state() == Future.State.FAILED) {
                failed.put(model, surroundings.reason(future.exceptionNow()));
            }
        });
        boolean anyIsGoing =
                slots.values().stream().anyMatch(slot -> slot.isGoing() && !failed.containsKey(slot.model()));
        boolean ends = failFast || !anyIsGoing || failed.values().stream().anyMatch(StopException::isOfTheProcess);
        if (!failed.isEmpty() && ends) {
            throw ending(failed);
        }
        failed.forEach((model, why) -> Objects.requireNonNull(slots.get(model)).stop(why));
    }

    /// Ends the process if no other model goes on.
    private synchronized boolean failed(ModelSlot slot, StopException why) {
        stopped.keySet().removeIf(model -> Objects.requireNonNull(slots.get(model)).failure() == null);
        stopped.remove(slot.model());
        stopped.put(slot.model(), why);
        if (failFast || why.isOfTheProcess()) {
            ended.accept(why);
            return true;
        }
        if (slots.values().stream().anyMatch(ModelSlot::isGoing)) {
            return false;
        }
        ended.accept(ending(stopped));
        return true;
    }

    /// Returns the reason with which the process ends if none of its models goes on. A reason that may pass comes first,
    /// because starting again helps that model.
    ///
    /// @param failed at least one reason, by model
    private static StopException ending(Map<String, StopException> failed) {
        StopException first = failed.values().stream().filter(StopException::isOfTheProcess).findFirst()
                .or(() -> failed.values().stream().filter(why -> why.exitCode().retryable()).findFirst())
                .orElseGet(() -> failed.values().iterator().next());
        Map<String, List<String>> others = new LinkedHashMap<>(); // models by message
        failed.forEach((model, why) -> {
            if (why != first) {
                others.computeIfAbsent(String.valueOf(why.getMessage()), same -> new ArrayList<>()).add(model);
            }
        });
        if (others.isEmpty()) {
            return first;
        }
        StringBuilder message = new StringBuilder(String.valueOf(first.getMessage()));
        message.append(". No other model of this trainer can go on either");
        others.forEach((said, models) -> message.append("; ").append(String.join(", ", models)).append(" (")
                .append(said).append(')'));
        return new StopException(first.exitCode(), message.toString(), first);
    }

    /// Starts a few models at a time, each until it has restored. Hundreds that join, restore and commit at once would take
    /// longer than all of them take in turns.
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

    /// Takes the next record of the control topic.
    ///
    /// @param all whether a model that it creates gets a slot
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
        slots.values().forEach(listener::appears);
    }

    List<ModelSlot> all() {
        return List.copyOf(slots.values());
    }

    List<ModelTrainer> running() {
        return slots.values().stream().map(ModelSlot::trainer).filter(Objects::nonNull).toList();
    }

    /// Closes all models at the same time, because each takes as long as its last commit.
    @Override
    public void close() {
        List<Thread> closing = slots.values().stream().map(slot -> Thread.ofVirtual().start(slot::close)).toList();
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
