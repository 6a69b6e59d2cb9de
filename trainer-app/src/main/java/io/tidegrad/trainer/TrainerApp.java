package io.tidegrad.trainer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.store.StoreParts;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A trainer: one or more models that learn in this process, with health and metrics. Ends by itself only when one of
/// them can't go on; `ended` says why.
public final class TrainerApp implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TrainerApp.class);

    private final TrainerConfig config;
    private final Admin admin;
    private final SchemaRegistry registry;
    private final CompletableFuture<TrainerException> ended = new CompletableFuture<>();
    private final List<ModelTrainer> models = new ArrayList<>();
    private @Nullable OperationsServer server;
    private boolean closed;

    private TrainerApp(TrainerConfig config, Admin admin, SchemaRegistry registry) {
        this.config = config;
        this.admin = admin;
        this.registry = registry;
    }

    /// Returns when everything has been checked and learning begins.
    ///
    /// @throws TrainerException why it can't begin; nothing is left running then
    public static TrainerApp start(TrainerConfig config) {
        try {
            return start(config, StoreParts.STANDARD, Kernels.active());
        } catch (
                IllegalStateException
                        e) { // this machine has no kernels for us; the message says what it lacks
            throw new TrainerException(ExitCode.CONFIGURATION, String.valueOf(e.getMessage()), e);
        }
    }

    /// @param storeParts other than standard only in tests
    static TrainerApp start(TrainerConfig config, StoreParts storeParts, Kernels kernels) {
        String instanceId = InstanceId.in(config.stateDir());
        Admin admin;
        SchemaRegistry registry;
        try {
            registry = SchemaRegistry.connect(config.registry().client());
        } catch (IllegalArgumentException e) {
            throw new TrainerException(ExitCode.CONFIGURATION, "registry.*: " + e.getMessage(), e);
        }
        try {
            BootstrapServers.requireOne(config.kafka().bootstrapServers());
            admin = Admin.create(config.kafka().client());
        } catch (TrainerException e) {
            registry.close();
            throw e;
        } catch (KafkaException e) {
            registry.close();
            throw new TrainerException(
                    ExitCode.CONFIGURATION,
                    "no client of Kafka can be made with the kafka.* settings: " + root(e),
                    e);
        }
        TrainerApp app = new TrainerApp(config, admin, registry);
        try {
            app.startModels(instanceId, storeParts, kernels);
            return app;
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            app.close();
            throw TrainerException.from(e, config.registry().shownUrl());
        } catch (RuntimeException e) {
            app.close();
            throw TrainerException.from(e);
        }
    }

    private void startModels(String instanceId, StoreParts storeParts, Kernels kernels) {
        KafkaTopics topics = new KafkaTopics(admin, config.replication());
        topics.checkBroker();
        String catalogTopic = new Topics(config.prefix()).models();
        topics.createOrCheck(
                new KafkaTopics.Wanted(catalogTopic, 1, true, "compact", 1024 * 1024, Map.of()));
        List<ModelSpec> specs =
                specs(new ModelCatalog(catalogTopic, config.kafka().client(), registry));
        ModelTrainer.Surroundings surroundings =
                new ModelTrainer.Surroundings(
                        config, instanceId, admin, registry, kernels, specs.size(), storeParts);
        for (ModelSpec spec : specs) {
            models.add(ModelTrainer.prepare(spec, surroundings, this::failed));
        }
        server = OperationsServer.start(config.httpHost(), config.httpPort(), models);
        models.forEach(ModelTrainer::start);
    }

    private List<ModelSpec> specs(ModelCatalog catalog) {
        Map<String, ModelSpec> specs = new LinkedHashMap<>();
        for (Path file : config.specs()) {
            ModelSpec spec = SpecFile.read(file);
            if (specs.put(spec.model(), spec) != null) {
                throw new TrainerException(
                        ExitCode.CONFIGURATION,
                        "--spec: model " + spec.model() + " is given twice");
            }
        }
        for (String model : config.models()) {
            if (specs.containsKey(model)) {
                continue; // the file must agree with the catalog; that is checked for all
            }
            ModelRecord known = catalog.find(model);
            if (known == null) {
                throw new TrainerException(
                        ExitCode.CONFIGURATION,
                        "--model "
                                + model
                                + ": expected a registered model, found none; register it with --spec FILE");
            }
            specs.put(model, SpecFile.parse(known.getSpec(), "the registered spec of " + model));
        }
        return List.copyOf(specs.values());
    }

    private static Throwable root(Throwable thrown) {
        Throwable cause = thrown;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    private void failed(TrainerException why) {
        if (ended.complete(why)) {
            LOG.error("stopping: {}", why.getMessage());
        }
    }

    /// Completed with the first reason why a model can't go on; never when stopped on request.
    public CompletableFuture<TrainerException> ended() {
        return ended;
    }

    public List<ModelTrainer> models() {
        return List.copyOf(models);
    }

    /// Of the health and metrics server.
    public int httpPort() {
        OperationsServer running = server;
        if (running == null) {
            throw new IllegalStateException("not started");
        }
        return running.port();
    }

    /// Publishes, commits and stops every model. Safe to call again.
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        List<Thread> closing =
                models.stream().map(model -> Thread.ofVirtual().start(model::close)).toList();
        for (Thread thread : closing) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        OperationsServer running = server;
        if (running != null) {
            running.close();
        }
        admin.close(java.time.Duration.ofSeconds(5));
        registry.close();
    }
}
