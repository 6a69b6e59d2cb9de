package io.tidegrad.trainer;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ControlState;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.process.OperationsServer;
import io.tidegrad.process.StopException;
import io.tidegrad.trainer.store.CommittedState;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// What a trainer's server answers about its models. Everything in the answers is committed, so that a reader of the
/// topics sees the same. `docs/operations/watch.md` lists fields and names.
final class TrainerOperations implements ModelSlot.Listener, AutoCloseable {
    private static final String UP = "tidegrad.up";
    private static final String EXIT_CODE = "tidegrad.exit.code";
    private static final String DEGRADED = "tidegrad.degraded";
    private static final Set<String> OF_SLOTS = Set.of(UP, EXIT_CODE, DEGRADED);

    private final OperationsServer server;
    private final PrometheusMeterRegistry metrics;
    private final AtomicReference<@Nullable ModelSlots> slots;
    private final Map<String, SliceGauges> slices = new HashMap<>(); // by model

    private TrainerOperations(OperationsServer server, AtomicReference<@Nullable ModelSlots> slots) {
        this.server = server;
        this.slots = slots;
        metrics = server.metrics();
        server.beforeMetrics(this::updateSlices);
    }

    private synchronized void updateSlices() {
        slices.values().forEach(SliceGauges::update);
    }

    /// Starts a server that answers at once, as a trainer without models that does not learn yet.
    ///
    /// @throws StopException if the port is taken
    static TrainerOperations start(String host, int port, ServerSecurity security) {
        AtomicReference<@Nullable ModelSlots> slots = new AtomicReference<>();
        return new TrainerOperations(OperationsServer.start(host, port, security, () -> health(slots.get())), slots);
    }

    OperationsServer server() {
        return server;
    }

    /// Answers about these models from now on. Called once.
    void tellOf(ModelSlots slots) {
        slots.listen(this);
        slots.running().forEach(this::begins);
        this.slots.set(slots);
    }

    @Override
    public synchronized void appears(ModelSlot slot) {
        register(slot, metrics);
    }

    /// Replaces the meters of the model, which belong to one trainer: the next one may have another epoch.
    @Override
    public synchronized void begins(ModelTrainer trainer) {
        ends(trainer);
        TrainerMeasures.register(trainer, metrics);
        if (!trainer.lineage().spec().watch().slices().isEmpty()) {
            slices.put(trainer.lineage().model(), new SliceGauges(trainer, metrics));
        }
    }

    @Override
    public synchronized void ends(ModelTrainer trainer) {
        String model = trainer.lineage().model();
        slices.remove(model);
        metrics.getMeters().stream().filter(meter -> model.equals(meter.getId().getTag("model")))
                .filter(meter -> !OF_SLOTS.contains(meter.getId().getName())).forEach(metrics::remove);
    }

    private static OperationsServer.Health health(@Nullable ModelSlots known) {
        List<ModelSlot> all = known == null ? List.of() : known.all();
        List<ModelSlot> here = all.stream().filter(slot -> slot.doing() != ModelSlot.Doing.DELETED).toList();
        Status status = known == null ? Status.DOWN
                : here.stream().map(TrainerOperations::status).reduce(Status.UP, TrainerOperations::worse);
        if (status == Status.DEGRADED && here.stream().noneMatch(TrainerOperations::isAsDecided)) {
            status = Status.DOWN;
        }
        Map<String, Object> health = new LinkedHashMap<>();
        health.put("status", status.name());
        health.put("kernels", Kernels.active().name());
        health.put("models", here.stream().map(TrainerOperations::describe).toList());
        return new OperationsServer.Health(status != Status.DOWN, health);
    }

    /// The status of the process, or of one model.
    private enum Status {
        UP,
        /// Some models learn, and the reasons say what is wrong with others or with what these learn. Neither a restart
        /// of the process nor traffic to another one would help.
        DEGRADED,
        /// A model is starting, or no model does what was decided.
        DOWN
    }

    private static Status worse(Status one, Status other) {
        return one.compareTo(other) >= 0 ? one : other;
    }

    private static Status status(ModelSlot slot) {
        List<ModelCondition.Reason> reasons = slot.condition().reasons();
        if (reasons.stream().anyMatch(reason -> reason.kind().isDown())) {
            return Status.DOWN;
        }
        if (!reasons.isEmpty()) {
            return Status.DEGRADED;
        }
        return isAsDecided(slot) ? Status.UP : Status.DOWN;
    }

    private static boolean isAsDecided(ModelSlot slot) {
        return slot.doing() == ModelSlot.Doing.PAUSED || slot.learns();
    }

    private static List<Map<String, Object>> reasons(ModelSlot slot) {
        return slot.condition().reasons().stream().map(reason -> {
            Map<String, Object> said = new LinkedHashMap<>();
            said.put("reason", reason.kind().word());
            said.put("message", reason.message());
            said.put("since", reason.since().toString());
            return said;
        }).toList();
    }

    private static Map<String, @Nullable Object> describe(ModelSlot slot) {
        ModelTrainer trainer = slot.trainer();
        StopException failure = slot.failure();
        Map<String, @Nullable Object> said = new LinkedHashMap<>();
        if (trainer != null && failure == null) {
            describe(trainer, said);
            said.put("reasons", reasons(slot));
            return said;
        }
        ControlState decided = slot.decided();
        said.put("model", slot.model());
        said.put("epoch", decided.epoch() == 0 ? null : decided.epoch());
        said.put("state", slot.doing().name().toLowerCase(Locale.ROOT));
        said.put("reasons", reasons(slot));
        if (failure != null) {
            said.put("exit_code", failure.exitCode().status());
        }
        ControlRecord newest = decided.newest();
        if (newest != null) {
            Map<String, @Nullable Object> decision = new LinkedHashMap<>();
            decision.put("action", newest.action().word());
            decision.put("time", Instant.ofEpochMilli(newest.time()).toString());
            decision.put("author", newest.author());
            decision.put("reason", newest.reason());
            said.put("decided", decision);
        }
        return said;
    }

    private static void describe(ModelTrainer model, Map<String, @Nullable Object> said) {
        said.put("model", model.lineage().model());
        said.put("epoch", model.lineage().epoch());
        said.put("state", model.standsBy() ? "standby" : model.state().name().toLowerCase(Locale.ROOT));
        said.put("log", model.lineage().log().toString());
        TrainerMeasures.lag(model, said);
        said.put("memory_bytes", model.memory().byUse());
        said.put("restore", TrainerMeasures.restore(model.restoring()));
        CommittedState committed = model.committed();
        if (committed != null && !model.standsBy()) { // what a standby learned itself is not the newest
            TrainerMeasures.committed(model, committed, said);
        }
    }

    /// Registers the meters that stay while the trainers of a model come and go.
    private static void register(ModelSlot slot, PrometheusMeterRegistry metrics) {
        Tags tags = Tags.of("model", slot.model());
        Gauge.builder(UP, slot, TrainerOperations::up)
                .description("1 while the model learns; NaN while it is paused or deleted").tags(tags)
                .register(metrics);
        Gauge.builder(EXIT_CODE, slot, each -> {
            StopException failure = each.failure();
            return failure == null ? 0 : failure.exitCode().status();
        }).description("of the reason why the model has stopped; 0 while it has not").tags(tags).register(metrics);
        for (ModelCondition.Kind kind : ModelCondition.Kind.values()) {
            Gauge.builder(DEGRADED, slot, each -> each.condition().reason(kind) == null ? 0 : 1)
                    .description("1 while the model has this reason not to learn as it should")
                    .tags(tags.and("reason", kind.word())).register(metrics);
        }
    }

    private static double up(ModelSlot slot) {
        return switch (slot.doing()) {
            case PAUSED, DELETED -> Double.NaN;
            case PREPARING, LEARNING, RETRYING, FAILED -> slot.learns() ? 1 : 0;
        };
    }

    @Override
    public void close() {
        server.close();
    }
}
