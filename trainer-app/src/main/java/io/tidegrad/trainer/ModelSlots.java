package io.tidegrad.trainer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ModelCatalog;
import io.tidegrad.control.Registration;
import io.tidegrad.control.SpecFile;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.trainer.exit.TrainerException;
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

/// The models of this process, by name. They come with the start and, where all models are wanted, with each that is
/// created later; one that is deleted keeps its slot, for it may be made anew.
final class ModelSlots implements AutoCloseable {
    private static final int PREPARED_AT_ONCE = 8;
    private static final int STARTS_MAX = 16;

    /// What does not get ready (another instance may learn it, the broker be away) holds nobody up for longer.
    private static final Duration START_MAX = Duration.ofSeconds(5);

    private static final long LOOK_NANOS = 10_000_000;

    private final ModelCatalog catalog;
    private final Map<String, ModelSpec> given;
    private final ModelTrainer.Surroundings surroundings;
    private final boolean failFast;
    private final Consumer<TrainerException> ended;
    private final Map<String, ModelSlot> slots = new ConcurrentSkipListMap<>();
    private final List<ModelSlot.Listener> listeners = new CopyOnWriteArrayList<>();
    private final Map<String, TrainerException> stopped = new LinkedHashMap<>(); // the first one first
    private volatile int models;

    /// @param given specs as their authors gave them, by model
    /// @param surroundings gets how many models there are, as of when it is asked
    /// @param ended told why the process ends: no model is left that could go on, or the first that can't is to end it
    ModelSlots(ModelCatalog catalog, Map<String, ModelSpec> given,
            Function<IntSupplier, ModelTrainer.Surroundings> surroundings, Consumer<TrainerException> ended) {
        this.catalog = catalog;
        this.given = Map.copyOf(given);
        this.surroundings = surroundings.apply(() -> models);
        failFast = this.surroundings.config().failFast();
        this.ended = ended;
    }

    /// @param history of decisions about any models
    void add(String model, List<ControlRecord> history) {
        slots.put(model,
                new ModelSlot(model, given.get(model), history, surroundings, catalog, listeners, this::failed));
        count();
        listeners.forEach(listener -> listener.appears(Objects.requireNonNull(slots.get(model))));
    }

    /// The more models there are, the further apart each commits (`StreamsSettings.commitIntervalMin`). Paused ones
    /// count: they may go on.
    private void count() {
        int count = 0;
        for (ModelSlot slot : slots.values()) {
            count += slot.decided().deleted() ? 0 : 1;
        }
        models = count;
    }

    /// @throws TrainerException all that were asked for are deleted
    void requireAny() {
        List<ModelSlot> deleted = slots.values().stream().filter(slot -> slot.decided().deleted()).toList();
        if (!deleted.isEmpty() && deleted.size() == slots.size()) {
            ModelSlot first = deleted.getFirst();
            throw Registration.deleted(first.model(), Objects.requireNonNull(first.decided().newest()));
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
                try {
                    specs.add(SpecFile.registered(record.getSpec(), "the registered spec of " + slot.model()));
                } catch (ControlException unreadable) {
                    // Such a model stops alone, when it is prepared.
                }
            }
        }
        Room.requireTrainer(specs, Runtime.getRuntime().maxMemory());
    }

    /// See `ModelSlot.prepare`. Side by side: mostly they wait for brokers. A model that can't be learned is left out,
    /// and told.
    ///
    /// @param refused models that are known not to be learnable, and why
    /// @throws TrainerException no model is left that could be learned, or the first that can't is to end the process
    void prepare(Map<String, TrainerException> refused) {
        Map<String, Future<?>> prepared = new TreeMap<>();
        try (ExecutorService threads =
                Executors.newFixedThreadPool(PREPARED_AT_ONCE, Thread.ofVirtual().name("prepare-", 0).factory())) {
            slots.forEach((model, slot) -> {
                if (!refused.containsKey(model)) {
                    prepared.put(model, threads.submit(slot::prepare));
                }
            });
        }
        Map<String, TrainerException> failed = new TreeMap<>(refused);
        prepared.forEach((model, future) -> {
            if (future.state() == Future.State.FAILED) {
                failed.put(model, reason(future.exceptionNow()));
            }
        });
        boolean anyIsGoing =
                slots.values().stream().anyMatch(slot -> slot.isGoing() && !failed.containsKey(slot.model()));
        boolean ends = failFast || !anyIsGoing || failed.values().stream().anyMatch(ModelSlots::isOfTheProcess);
        if (!failed.isEmpty() && ends) {
            throw ending(failed);
        }
        failed.forEach((model, why) -> Objects.requireNonNull(slots.get(model)).stop(why));
    }

    private TrainerException reason(Throwable thrown) {
        return thrown instanceof RegistryUnavailableException e
                ? TrainerException.from(e, surroundings.config().registry().shownUrl()) : surroundings.reason(thrown);
    }

    /// A model has stopped. The others learn on as long as there are any that do.
    private synchronized boolean failed(ModelSlot slot, TrainerException why) {
        stopped.keySet().removeIf(model -> Objects.requireNonNull(slots.get(model)).failure() == null);
        stopped.remove(slot.model());
        stopped.put(slot.model(), why);
        if (failFast || isOfTheProcess(why)) {
            ended.accept(why);
            return true;
        }
        if (slots.values().stream().anyMatch(ModelSlot::isGoing)) {
            return false;
        }
        ended.accept(ending(stopped));
        return true;
    }

    /// Memory that ran out, or a class that can't be loaded, is no model's fault, and leaves none of them sound.
    private static boolean isOfTheProcess(TrainerException why) {
        for (Throwable at = why; at != null; at = at.getCause()) {
            if (at instanceof Error) {
                return true;
            }
        }
        return false;
    }

    /// What the process ends with when none of its models goes on: a reason that may pass, if there is one, since
    /// starting again helps that model; else the first.
    ///
    /// @param failed by model, at least one
    private static TrainerException ending(Map<String, TrainerException> failed) {
        TrainerException first = failed.values().stream().filter(ModelSlots::isOfTheProcess).findFirst()
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
        return new TrainerException(first.exitCode(), message.toString(), first);
    }

    /// A few at a time, each until it has restored: hundreds that join, restore and commit at once would keep brokers,
    /// and each other, longer than all of them take in turns.
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
        slots.values().forEach(listener::appears);
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
