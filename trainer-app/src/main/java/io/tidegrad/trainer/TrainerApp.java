package io.tidegrad.trainer;

import io.tidegrad.control.BootstrapServers;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.ControlFollower;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.EventSchemas;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.ModelCatalog;
import io.tidegrad.control.Registration;
import io.tidegrad.control.RunStatus;
import io.tidegrad.control.SpecFile;
import io.tidegrad.control.suggestion.SpecSuggestion;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.safetensors.InitialWeightsException;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.InstanceId;
import io.tidegrad.process.LetIn;
import io.tidegrad.process.Looks;
import io.tidegrad.process.OperationsServer;
import io.tidegrad.process.ProcessRun;
import io.tidegrad.process.RunTeller;
import io.tidegrad.process.StopException;
import io.tidegrad.process.TopicWatch;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.relearn.RegistryCheck;
import io.tidegrad.trainer.store.StoreParts;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A trainer: one or more models that learn in this process, with health and metrics. A model that can't go on stops
/// alone. The process ends by itself only if no model can go on, or with the first one if fail-fast is set; `ended`
/// says why.
public final class TrainerApp implements ProcessRun.Work {
    private static final Logger LOG = LoggerFactory.getLogger(TrainerApp.class);
    private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

    private final TrainerConfig config;
    private final Admin admin;
    private final SchemaRegistry registry;
    private final CompletableFuture<StopException> ended = new CompletableFuture<>();
    private final LetIn letIn;

    private final Looks looks = new Looks();

    private @Nullable ControlFollower follower;
    private @Nullable ModelSlots slots;
    private @Nullable StatusPublisher statuses;
    private @Nullable RunTeller teller;
    private @Nullable CompletableFuture<TrainerOperations> server;
    private boolean closed;

    private TrainerApp(TrainerConfig config, Admin admin, SchemaRegistry registry) {
        this.config = config;
        this.admin = admin;
        this.registry = registry;
        letIn = new LetIn(config.stateDir());
    }

    /// Returns once everything has been checked and learning begins.
    ///
    /// @throws StopException if it can't begin; nothing is left running then
    public static TrainerApp start(TrainerConfig config) {
        try {
            return start(config, StoreParts.STANDARD, Kernels.active());
        } catch (IllegalStateException e) { // the message says what this machine lacks for our kernels
            throw new StopException(ExitCode.CONFIGURATION, String.valueOf(e.getMessage()), e);
        }
    }

    /// @param storeParts `StoreParts.STANDARD` outside of tests
    static TrainerApp start(TrainerConfig config, StoreParts storeParts, Kernels kernels) {
        Room.requireTrainer(List.of(), Runtime.getRuntime().maxMemory());
        String instanceId = InstanceId.in(config.stateDir(), "trainer");
        Admin admin;
        SchemaRegistry registry;
        try {
            registry = SchemaRegistry.connect(config.registry().client());
        } catch (IllegalArgumentException e) {
            throw new StopException(ExitCode.CONFIGURATION, "registry.*: " + e.getMessage(), e);
        }
        try {
            BootstrapServers.requireOne(config.kafka().bootstrapServers());
            admin = Admin.create(config.kafka().client());
        } catch (ControlException e) {
            registry.close();
            throw StopException.of(e);
        } catch (KafkaException e) {
            registry.close();
            throw new StopException(ExitCode.CONFIGURATION,
                    "no client of Kafka can be made with the kafka.* settings: " + root(e), e);
        }
        TrainerApp app = new TrainerApp(config, admin, registry);
        try {
            app.startModels(instanceId, storeParts, kernels);
            return app;
        } catch (RuntimeException | Error e) { // without a close the process would stay and not learn
            app.close();
            // A check that ran at the same time throws a CompletionException.
            Throwable thrown = e instanceof CompletionException && e.getCause() != null ? e.getCause() : e;
            throw thrown instanceof SchemaRegistry.RegistryUnavailableException away
                    ? StopException.from(away, config.registry().shownUrl())
                    : StopException.from(thrown, fault -> app.letIn.recently());
        }
    }

    private void startModels(String instanceId, StoreParts storeParts, Kernels kernels) {
        // At the same time as the rest, because most of a start is the loading of classes.
        CompletableFuture<TrainerOperations> serving = CompletableFuture.supplyAsync(
                () -> TrainerOperations.start(config.httpHost(), config.httpPort(), config.security()),
                task -> Thread.ofVirtual().name("start-server").start(task));
        server = serving;
        CompletableFuture<Void> sameRegistry = CompletableFuture.runAsync(
                () -> RegistryCheck.requireSame(config.kafka(), topics(), registry, config.registry().shownUrl()),
                task -> Thread.ofVirtual().name("check-registry").start(task));
        KafkaTopics kafkaTopics = new KafkaTopics(admin, config.replication());
        kafkaTopics.checkBroker();
        ControlLog.createOrCheck(kafkaTopics, topics());
        Map<String, ModelSpec> given = given();
        ControlFollower following = new ControlFollower(config.kafka(), topics().control());
        follower = following;
        ControlLog.Records records = following.records();
        ModelCatalog catalog = catalog();
        ControlLog.View known = ControlLog.View.of(records, catalog.read());
        Map<String, StopException> refused = new TreeMap<>();
        if (register(given.values(), known, kafkaTopics, refused)) {
            records = following.records();
            known = ControlLog.View.of(records, catalog.read());
        }
        Map<String, ModelRecord> registered = known.models();
        TopicWatch watching = new TopicWatch(kafkaTopics, letIn::note);
        looks.every(TopicWatch.EVERY, "the topics that this trainer relies on can't be looked at", watching::look);
        watching.add(List.of(
                new SharedTopic(kafkaTopics, ControlLog.controlTopic(topics()),
                        "every decision that was on it is lost. The models go on as they are; only the catalog says"
                                + " which epoch and stage they have, and scorers that start now take the newest epoch")
                        .watched(),
                new SharedTopic(kafkaTopics, ControlLog.catalogTopic(topics()),
                        "the catalog of models is lost. The models go on as they are; no command finds them before"
                                + " a trainer is started with their specs")
                        .watched()));
        ModelSlots slots = new ModelSlots(catalog, given, models -> new ModelTrainer.Surroundings(config, instanceId,
                admin, watching, registry, kernels, new WarmUps(kernels), models, storeParts), this::end);
        this.slots = slots;
        for (String model : wanted(given.keySet(), known, refused)) {
            slots.add(model, records.models());
        }
        slots.requireAny();
        slots.requireRoom(registered);
        sameRegistry.join(); // before we register our schemas there
        slots.prepare(refused);
        letIn.note();
        kafkaTopics.tellRetention(topics().deadLetters(), config.deadLetterRetention(),
                CommonSettings.DEAD_LETTER_RETENTION.key());
        TrainerOperations operations = serving.join();
        operations.tellOf(slots);
        operations.server().countUnreadable(
                Map.of(topics().models(), catalog::unreadable, topics().control(), following::unreadable));
        operations.server().ended().thenAccept(why -> end(new StopException(ExitCode.RETRYABLE, why)));
        StatusPublisher publisher = new StatusPublisher(slots, config.kafka(), topics(), kafkaTopics);
        statuses = publisher;
        looks.every(LOOK_EVERY, "the models can't be looked at", () -> ModelWatch.look(slots));
        Gates gates = Gates.of(slots, config, admin);
        looks.every(LOOK_EVERY, "what publish gates do can't be told on " + topics().control(), gates::look);
        Challengers challengers = Challengers.of(slots, config, admin, this::isFor);
        looks.every(LOOK_EVERY, "challengers can't be registered", challengers::look);
        looks.every(LOOK_EVERY, "the status that models list shows can't be written", publisher::look);
        slots.start();
        teller = RunTeller.start(config.kafka(), topics(), RunStatus.Role.TRAINER, instanceId, config.httpHost(),
                operations.server(), () -> runs(slots), ended);
        following.follow(record -> slots.decided(record, config.allModels()));
    }

    /// Returns what is told of the models on the status topic.
    private static List<RunStatus.Run> runs(ModelSlots slots) {
        return slots.all().stream().filter(slot -> slot.doing() != ModelSlot.Doing.DELETED).map(ModelSlot::run)
                .sorted(Comparator.comparing(RunStatus.Run::name)).toList();
    }

    /// A topic of all models, without which they go on learning. What happens to it is logged once.
    private static final class SharedTopic {
        private final KafkaTopics kafka;
        private final KafkaTopics.Wanted wanted;
        private final String whatIsLost;
        private @Nullable Uuid id; // null before the first look
        private String told = "";

        SharedTopic(KafkaTopics kafka, KafkaTopics.Wanted wanted, String whatIsLost) {
            this.kafka = kafka;
            this.wanted = wanted;
            this.whatIsLost = whatIsLost;
        }

        TopicWatch.Watched watched() {
            return new TopicWatch.Watched(wanted.topic(), true, this::look);
        }

        private void look(KafkaTopics.@Nullable Found found) {
            Uuid before = id;
            if (found != null && (before == null || found.id().equals(before))) {
                id = found.id();
                check(found);
                return;
            }
            id = kafka.createAgain(wanted).id();
            LOG.error("topic {} was deleted and is there again: {}", wanted.topic(), whatIsLost);
        }

        private void check(KafkaTopics.Found found) {
            if (found.settings().isEmpty()) {
                return;
            }
            String wrong = "";
            try {
                KafkaTopics.check(wanted, found);
            } catch (ControlException e) {
                wrong = String.valueOf(e.getMessage());
            }
            if (!wrong.equals(told) && !wrong.isEmpty()) {
                LOG.error("the next start will be refused: {}", wrong);
            }
            told = wrong;
        }
    }

    private Topics topics() {
        return new Topics(config.prefix());
    }

    private ModelCatalog catalog() {
        return new ModelCatalog(topics().models(), config.kafka());
    }

    private Map<String, ModelSpec> given() {
        Map<String, ModelSpec> specs = new LinkedHashMap<>();
        for (Path file : config.specs()) {
            ModelSpec spec = SpecFile.readRegistered(file);
            if (specs.put(spec.model(), spec) != null) {
                throw new StopException(ExitCode.CONFIGURATION, "spec: model " + spec.model() + " is given twice");
            }
        }
        return specs;
    }

    /// Registers the specs that were given, and writes the entries of the catalog that had to be made again. A deleted
    /// model stays deleted, because a supervisor starts a trainer with the same file again and again.
    ///
    /// @param refused gets the models that can't be registered, and why
    /// @return whether anything was written
    private boolean register(Collection<ModelSpec> given, ControlLog.View known, KafkaTopics kafkaTopics,
            Map<String, StopException> refused) {
        List<Registration.Wanted> wanted = new ArrayList<>();
        for (ModelSpec spec : given) {
            if (!known.models().containsKey(spec.model()) && !known.state(spec.model()).deleted()) {
                try {
                    ControlLog.Lost lost = known.lost().get(spec.model());
                    if (lost == null) {
                        SpecFile.parse(spec.yaml(), "the spec of the new model " + spec.model());
                    } else {
                        Registration.requireSame(spec, lost);
                    }
                    ModelSpec placed = SpecSuggestion.complete(known.placed(spec, topics()), known, config.kafka(),
                            config.registry());
                    KafkaTopics.Log log = kafkaTopics.log(placed);
                    Registration.checkWeights(spec);
                    ModelSpec checked = lost == null ? EventSchemas.known(placed, known, registry) : placed;
                    wanted.add(new Registration.Wanted(checked, log, log.begin(), Registration.Origin.TRAINER));
                } catch (ControlException | InitialWeightsException e) {
                    StopException why = StopException.from(e);
                    if (why.exitCode().retryable()) {
                        throw why; // Kafka does not answer, for any model
                    }
                    refused.put(spec.model(), why);
                }
            }
        }
        if (wanted.isEmpty() && known.rebuilt().isEmpty()) {
            return false;
        }
        Registration.ensure(wanted, new ControlLog(config.kafka(), topics()), "",
                "a trainer was started with its spec");
        return true;
    }

    /// Returns the models that this process learns.
    ///
    /// @param refused gets those whose entry in the catalog is gone, and why
    private Set<String> wanted(Set<String> given, ControlLog.View known, Map<String, StopException> refused) {
        Set<String> wanted = new LinkedHashSet<>(given);
        for (String model : config.models()) {
            if (!known.models().containsKey(model) && !known.lost().containsKey(model)) {
                throw new StopException(ExitCode.CONFIGURATION,
                        "model " + model + ": expected a registered model, found none; register it with a spec");
            }
            wanted.add(model);
        }
        if (config.allModels()) {
            wanted.addAll(known.models().keySet());
            wanted.addAll(known.lost().keySet());
        }
        known.lost().forEach((model, lost) -> {
            if (wanted.contains(model)) {
                refused.putIfAbsent(model, StopException.of(lost.refusal(topics().models(), model)));
            }
        });
        return wanted;
    }

    private static Throwable root(Throwable thrown) {
        Throwable cause = thrown;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    private void end(StopException why) {
        if (ended.complete(why)) {
            LOG.error("stopping: {}", why.getMessage());
        }
    }

    /// Returns a future that completes with the reason why the process ends by itself.
    @Override
    public CompletableFuture<StopException> ended() {
        return ended;
    }

    /// Returns the models that run. Paused models, and those that are learned again for a rollback, are not among them.
    public List<ModelTrainer> models() {
        ModelSlots all = slots;
        return all == null ? List.of() : all.running();
    }

    /// Returns whether this process learns the model, or would if it were created.
    public boolean isFor(String model) {
        ModelSlots all = slots;
        return config.allModels() || all != null && all.all().stream().anyMatch(slot -> slot.model().equals(model));
    }

    /// Returns the server of health and metrics, which another part of the process may share.
    public OperationsServer server() {
        CompletableFuture<TrainerOperations> serving = server;
        if (serving == null) {
            throw new IllegalStateException("not started");
        }
        return serving.join().server();
    }

    /// Returns whether a model has begun to learn.
    @Override
    public boolean works() {
        return models().stream().anyMatch(ModelTrainer::learns);
    }

    /// Returns the port of health and metrics.
    @Override
    public int httpPort() {
        return server().port();
    }

    /// Publishes, commits and stops every model. A second call does nothing.
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        ControlFollower following = follower;
        if (following != null) {
            following.close();
        }
        looks.close();
        StatusPublisher telling = statuses;
        if (telling != null) {
            telling.close();
        }
        ModelSlots all = slots;
        if (all != null) {
            all.close();
        }
        RunTeller runs = teller;
        if (runs != null) {
            runs.close(); // last, so that a stop that takes long is no silence
        }
        CompletableFuture<TrainerOperations> serving = server;
        if (serving != null) {
            serving.handle((running, failed) -> {
                if (running != null) {
                    running.close();
                }
                return running;
            }).join();
        }
        admin.close(Duration.ofSeconds(5));
        registry.close();
    }
}
