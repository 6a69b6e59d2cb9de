package io.tidegrad.loadtests;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.DoubleSupplier;
import org.apache.kafka.common.IsolationLevel;

/// Runs many small models in one trainer on one log, and measures what they cost while no event comes, and how fast they
/// learn. Each must end with the bits of a replay of its spec.
public final class ModelsLoad extends LoadTest {
    private static final TrainStream STREAM = TrainStream.FLIGHTS;
    private static final int MODELS_MAX = 1_000;
    private static final Duration WITHIN = Duration.ofMinutes(10);

    /// How long heartbeats and metadata take after the last commit to reach their usual rate.
    private static final Duration SETTLES_FOR = Duration.ofSeconds(10);

    /// Kafka's topic that has a record for every step of every transaction.
    private static final String TRANSACTIONS = "__transaction_state";

    private static final long HEAP_MB = 512;
    private static final long HEAP_MB_A_MODEL = 8;

    private static final String SPEC = """
            model: MODEL
            input:    { topic: TOPIC, event-time: departed }
            label:    { field: late }
            features:
              - number:    { field: distance, scale: standard }
              - time-part: { field: departed, parts: [hour, weekday], dimension: 4 }
              - category:  { field: origin, buckets: 512, dimension: 4 }
            network:   [ dense: 16, relu, dense: 1 ]
            loss:      binary-cross-entropy
            optimizer: { sgd: { rate: 0.03 } }
            mini-batch: { size: 1 }
            """;

    private final int models;
    private final Duration idle;
    private final long events;

    /// @param idle how long they are watched without events
    /// @param events that each of them learns then
    public ModelsLoad(int models, Duration idle, long events, boolean json, PrintStream out, PrintStream progress) {
        super(json, out, progress);
        Limits.require("--models", models, 1, MODELS_MAX);
        Limits.require("--seconds", idle.toSeconds(), 1, Integer.MAX_VALUE);
        this.models = models;
        this.idle = idle;
        this.events = TrainLoad.eventsOf(STREAM, events);
    }

    @Override
    protected String measure() throws InterruptedException {
        EventLog log = EventLog.fill(lab(), STREAM, 1_000);
        Path files = lab().logs().resolve("models");
        int port = Ports.free();
        List<String> flags = childFlags("-Xmx" + (HEAP_MB + models * HEAP_MB_A_MODEL) + "m");
        long since = System.nanoTime();
        try (ChildJvm trainer =
                Processes.start("trainer", flags, Processes.trainer(lab(), files, port, specs(log, files)), files)) {
            awaitSettled(trainer, lab().http(), port, log.end());
            double startSeconds = secondsSince(since);
            say("%d models learn, %.1f s after the start", models, startSeconds);
            Thread.sleep(SETTLES_FOR);

            long transactions = endOffsets();
            DoubleSupplier cpu = ProcessFigures.cpuFromNow(trainer.pid());
            since = System.nanoTime();
            Thread.sleep(idle);
            double idleCores = cpu.getAsDouble() / secondsSince(since);
            transactions = endOffsets() - transactions;
            say("%.0f s without events: %.2f %% of a core a model, %d records of transactions", secondsSince(since),
                    100 * idleCores / models, transactions);

            cpu = ProcessFigures.cpuFromNow(trainer.pid());
            since = System.nanoTime();
            log = log.with(lab(), events);
            Map<String, TrainerHealth> learned = awaitSettled(trainer, lab().http(), port, log.end());
            double learnSeconds = secondsSince(since);
            double learnCores = cpu.getAsDouble() / learnSeconds;
            requireReplayedBits(log, learned);
            return text(List.of(new Result().put("models", models).put("start_s", startSeconds)
                    .put("idle_s", idle.toSeconds()).put("idle_core_share_a_model", idleCores / models)
                    .put("idle_transaction_records", transactions).put("events_a_model", events)
                    .put("learn_s", learnSeconds).put("learn_cores", learnCores)
                    .put("events_per_s", models * (double) events / learnSeconds)));
        }
    }

    private static String name(int model) {
        return String.format(Locale.ROOT, "flights-%03d", model);
    }

    private static String spec(EventLog log, String model) {
        return SPEC.replace("MODEL", model).replace("TOPIC", log.partition().topic());
    }

    private List<String> specs(EventLog log, Path files) {
        List<String> arguments = new ArrayList<>();
        for (int model = 0; model < models; model++) {
            Path spec = Processes.write(files.resolve(name(model) + ".yaml"), spec(log, name(model)));
            arguments.addAll(List.of("--spec", spec.toString()));
        }
        return arguments;
    }

    /// Waits until each model has learned, reported and published everything.
    private Map<String, TrainerHealth> awaitSettled(ChildJvm trainer, Json http, int port, long end)
            throws InterruptedException {
        Map<String, TrainerHealth> health = new LinkedHashMap<>();
        Await.until(models + " models that have learned up to offset " + end, WITHIN, trainer::requireAlive, () -> {
            health.putAll(TrainerClient.all(http, port));
            return health.size() == models && health.values().stream().allMatch(each -> each.settledAt(end));
        });
        return health;
    }

    private long endOffsets() throws InterruptedException {
        return lab().ends(lab().partitions(TRANSACTIONS), IsolationLevel.READ_UNCOMMITTED).values().stream()
                .mapToLong(Long::longValue).sum();
    }

    /// The hashes also cover the model's name, so each model is replayed.
    private void requireReplayedBits(EventLog log, Map<String, TrainerHealth> learned) {
        learned.forEach((model, health) -> {
            ReplayResult replayed = Replay.of(ModelSpec.parse(spec(log, model), "the spec of " + model), lab().kafka(),
                    RegistrySettings.of(lab().registryUrl()), Kernels.active());
            if (!replayed.stateHash().equals(health.report().stateHash())) {
                throw new LoadTestException(model + ": expected the state-hash of a replay, " + replayed.stateHash()
                        + ", found " + health.report().stateHash());
            }
        });
    }

}
