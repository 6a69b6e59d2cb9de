package io.tidegrad.joiner.app;

import io.tidegrad.control.BootstrapServers;
import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.ControlFollower;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.RunStatus;
import io.tidegrad.control.StreamRecord;
import io.tidegrad.control.StreamState;
import io.tidegrad.joiner.topology.AlignedClients;
import io.tidegrad.joiner.topology.JoinerTopology;
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
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.streams.KafkaClientSupplier;
import org.jspecify.annotations.Nullable;

/// A joiner: one or more streams that are joined in this process, with health and metrics. A stream that can't go on stops
/// alone. The process ends by itself only if no stream can go on and no other program runs in it; `ended` says why.
public final class JoinerApp implements ProcessRun.Work {

    private final JoinerConfig config;
    private final @Nullable Beside beside;
    private final StreamJoiner.Surroundings surroundings;
    private final Admin admin;
    private final LetIn letIn;
    private final TopicWatch watch;
    private final CompletableFuture<StopException> ended = new CompletableFuture<>();

    /// By stream and epoch.
    private final Map<String, StreamSlot> slots = new ConcurrentSkipListMap<>();

    private final Looks looks = new Looks();

    /// What was decided, by stream.
    private final Map<String, StreamState> states = new ConcurrentSkipListMap<>();

    /// The topics from which models learn whose streams are joined for their sake, by model.
    private final Map<String, String> inputs = new ConcurrentSkipListMap<>();

    private @Nullable ControlFollower follower;
    private @Nullable JoinerOperations operations;
    private @Nullable RunTeller teller;
    private volatile boolean allBegun; // each stream that there was at the start was tried once
    private boolean closed;

    /// What a joiner shares with another program of its process.
    ///
    /// @param server answers about the joiner's streams too
    /// @param learns whether the other program learns the model of a name. The epochs of streams from which those models
    ///     learn are joined, whatever the settings say
    public record Beside(OperationsServer server, Predicate<String> learns) {
    }

    private JoinerApp(JoinerConfig config, @Nullable Beside beside, String instanceId, Admin admin, LongSupplier clock,
            Function<JoinerTopology.Parts, KafkaClientSupplier> clients) {
        this.config = config;
        this.beside = beside;
        this.admin = admin;
        letIn = new LetIn(config.stateDir());
        watch = new TopicWatch(new KafkaTopics(admin, config.replication()), letIn::note);
        surroundings = new StreamJoiner.Surroundings(config, instanceId, admin, watch, clock, letIn::note, clients);
    }

    /// Returns once everything has been checked and joining begins.
    ///
    /// @throws StopException if it can't begin; nothing is left running then
    public static JoinerApp start(JoinerConfig config) {
        return start(config, null, System::nanoTime, AlignedClients::new);
    }

    /// Starts a joiner in the process of another program, which closes the server.
    ///
    /// @throws StopException if it can't begin; nothing of the joiner is left running then
    public static JoinerApp start(JoinerConfig config, Beside beside) {
        return start(config, beside, System::nanoTime, AlignedClients::new);
    }

    /// @param clock in nanoseconds, which never goes back
    /// @param clients makes the clients of Kafka Streams for a stream
    static JoinerApp start(JoinerConfig config, @Nullable Beside beside, LongSupplier clock,
            Function<JoinerTopology.Parts, KafkaClientSupplier> clients) {
        String instanceId = InstanceId.in(config.stateDir(), "joiner");
        Admin admin;
        try {
            BootstrapServers.requireOne(config.kafka().bootstrapServers());
            admin = Admin.create(config.kafka().client());
        } catch (ControlException e) {
            throw StopException.of(e);
        } catch (KafkaException e) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "no client of Kafka can be made with the kafka.* settings: " + e.getMessage(), e);
        }
        JoinerApp app = new JoinerApp(config, beside, instanceId, admin, clock, clients);
        try {
            app.start();
            return app;
        } catch (RuntimeException | Error e) { // without a close the process would stay and not join
            app.close();
            throw StopException.from(e, fault -> app.letIn.recently());
        }
    }

    private void start() {
        JoinerOperations operations = beside != null ? JoinerOperations.in(beside.server(), slots::values)
                : JoinerOperations.start(config.httpHost(), config.httpPort(), config.security(), slots::values);
        this.operations = operations;
        operations.server().ended().thenAccept(why -> ended.complete(new StopException(ExitCode.RETRYABLE, why)));
        KafkaTopics kafka = new KafkaTopics(admin, config.replication());
        kafka.checkBroker();
        kafka.tellRetention(config.topics().deadLetters(), config.deadLetterRetention(),
                CommonSettings.DEAD_LETTER_RETENTION.key());
        ControlLog.createOrCheck(kafka, config.topics());
        ControlFollower following = new ControlFollower(config.kafka(), config.topics().control());
        follower = following;
        ControlLog.Records records = following.records();
        states.putAll(StreamState.all(records.streams()));
        records.models().forEach(this::note);
        for (String stream : config.streams()) {
            if (!states.getOrDefault(stream, StreamState.initial(stream)).exists()) {
                throw new StopException(ExitCode.CONFIGURATION,
                        "stream " + stream
                                + ": expected a stream that was created, found none; create it: tidegrad streams create"
                                + " --spec FILE");
            }
        }
        if (beside == null) { // the other program reads the same topic, and counts it
            operations.server().countUnreadable(Map.of(config.topics().control(), following::unreadable));
        }
        states.values().forEach(this::follow);
        allBegun = true;
        StopException none = noneCanGoOn();
        if (none != null) {
            throw none;
        }
        letIn.note(); // not earlier: a right that is missing at the first start stays missing
        following.follow(this::decided, this::decided);
        looks.every(TopicWatch.EVERY, "the topics that this joiner relies on can't be looked at", watch::look);
        teller = RunTeller.start(config.kafka(), config.topics(), RunStatus.Role.JOINER, surroundings.instanceId(),
                config.httpHost(), operations.server(),
                () -> slots.values().stream().map(JoinerOperations::run).toList(), ended);
    }

    private static String key(String stream, int epoch) {
        return stream + " " + epoch;
    }

    /// Does what was decided, for the thread that reads the control topic.
    private void decided(StreamRecord record) {
        StreamState state = states.getOrDefault(record.stream(), StreamState.initial(record.stream())).after(record);
        states.put(record.stream(), state);
        follow(state);
    }

    /// Looks what a decision about a model means for the streams, for the thread that reads the control topic.
    private void decided(ControlRecord record) {
        if (note(record)) {
            states.values().forEach(this::follow);
        }
    }

    /// Returns whether the record changes what is learned beside this joiner.
    private boolean note(ControlRecord record) {
        if (beside == null || !beside.learns().test(record.model())) {
            return false;
        }
        return switch (record.action()) {
            case ControlAction.Create create ->
                !create.inputTopic().equals(inputs.put(record.model(), create.inputTopic()));
            case ControlAction.Delete delete -> inputs.remove(record.model()) != null;
            default -> false;
        };
    }

    private boolean isWanted(StreamState.Epoch epoch) {
        return config.allStreams() || config.streams().contains(epoch.stream())
                || inputs.containsValue(config.topics().examples(epoch.stream(), epoch.number()));
    }

    private void follow(StreamState state) {
        List<StreamState.Epoch> wanted = state.epochs().stream().filter(this::isWanted).toList();
        for (StreamSlot slot : slots.values()) {
            if (slot.epoch().stream().equals(state.stream())
                    && wanted.stream().noneMatch(each -> each.number() == slot.epoch().number())) {
                leave(slot);
            }
        }
        wanted.forEach(epoch -> join(epoch, state.paused()));
        pause(state.stream(), state.paused());
    }

    /// Begins to join an epoch of a stream, or goes on with its spec of now.
    private void join(StreamState.Epoch epoch, boolean paused) {
        String key = key(epoch.stream(), epoch.number());
        StreamSlot slot = new StreamSlot(epoch, (of, failed) -> StreamJoiner.prepare(of, surroundings, failed),
                letIn::recently, this::failed);
        StreamSlot there = slots.putIfAbsent(key, slot);
        if (there != null) {
            there.is(epoch);
        } else {
            JoinerOperations telling = operations;
            if (telling != null) {
                telling.appears(slot);
            }
            if (paused) {
                slot.pause();
            } else {
                slot.start();
            }
        }
    }

    /// Stops joining an epoch that is deleted, or from which no model beside this joiner learns any more.
    private void leave(StreamSlot slot) {
        slots.remove(key(slot.epoch().stream(), slot.epoch().number()));
        slot.end(true);
        JoinerOperations telling = operations;
        if (telling != null) {
            telling.disappears(slot);
        }
    }

    /// Stops joining all epochs of a stream for a while, or goes on.
    private void pause(String stream, boolean paused) {
        for (StreamSlot slot : slots.values()) {
            if (slot.epoch().stream().equals(stream)) {
                if (paused && slot.doing() != StreamSlot.Doing.PAUSED) {
                    slot.pause();
                } else if (!paused) {
                    slot.resume();
                }
            }
        }
    }

    private void failed(StopException why) {
        StopException none = why.isOfTheProcess() ? why : allBegun ? noneCanGoOn() : null;
        if (none != null) {
            ended.complete(none);
        }
    }

    /// Returns the reason to end the process: of all streams here none can go on, and no other program runs in it, whose
    /// models may learn on.
    private @Nullable StopException noneCanGoOn() {
        if (beside != null) {
            return null;
        }
        StopException why = null;
        for (StreamSlot slot : slots.values()) {
            StopException failure = slot.failure();
            if (failure == null) {
                return null;
            }
            // One that may pass counts more: a supervisor starts the process again.
            why = why == null || failure.exitCode().retryable() ? failure : why;
        }
        return why;
    }

    @Override
    public CompletableFuture<StopException> ended() {
        return ended;
    }

    /// Returns whether a record was joined.
    @Override
    public boolean works() {
        return slots.values().stream().map(StreamSlot::joiner)
                .anyMatch(joiner -> joiner != null && joiner.counts().events() > 0);
    }

    @Override
    public int httpPort() {
        JoinerOperations serving = operations;
        if (serving == null) {
            throw new IllegalStateException("not started");
        }
        return serving.server().port();
    }

    /// Returns the joiners of this process that are not stopped.
    List<StreamJoiner> joiners() {
        return slots.values().stream().map(StreamSlot::joiner).filter(joiner -> joiner != null).toList();
    }

    /// Commits and stops all streams at the same time, because each takes as long as its last commit, and up to 30 s if
    /// Kafka is away. A second call does nothing.
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
        try (ExecutorService ending = Executors.newVirtualThreadPerTaskExecutor()) {
            slots.values().forEach(slot -> ending.execute(() -> slot.end(false)));
        }
        RunTeller runs = teller;
        if (runs != null) {
            runs.close(); // last, so that a stop that takes long is no silence
        }
        JoinerOperations serving = operations;
        if (serving != null && beside == null) {
            serving.server().close();
        }
        admin.close(Duration.ofSeconds(5));
    }
}
