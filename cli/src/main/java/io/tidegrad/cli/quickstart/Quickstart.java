package io.tidegrad.cli.quickstart;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.cli.CommandException;
import io.tidegrad.console.ConsoleApp;
import io.tidegrad.console.ConsoleConfig;
import io.tidegrad.console.ScorerAddress;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.LocalStackException;
import io.tidegrad.localstack.LocalStackOptions;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.Resources;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/// Runs the whole system on one machine: broker, schema registry, trainer and scorer, each a process of its own, a stream
/// of real events, and at the end a replay that must give the same bits.
public final class Quickstart {
    /// The property that logback.xml of this package reads.
    private static final String LOG_FILE = "tidegrad.quickstart.log";

    private static final Duration LOOK_EVERY = Duration.ofMillis(250);

    private static final Duration OPENING_LOOK_EVERY = Duration.ofMillis(20);

    // The first commit writes the whole model, the second one reads it back, and the others run compiled code.
    private static final int OPENING_TICKS = 10;

    // These bounds are generous, because the machine may be small and busy. They only detect that nothing moves at all.
    private static final Duration START_WITHIN = Duration.ofSeconds(120);
    private static final Duration STANDSTILL_MAX = Duration.ofSeconds(90);
    private static final Duration STOPPING_WITHIN = Duration.ofMillis(500);
    private static final Duration REPLAY_WITHIN = Duration.ofSeconds(300);

    private final QuickstartOptions options;
    private final ShippedStream stream;
    private final List<StreamEvent> all;
    private final ModelSpec spec;
    private final Terminal terminal;
    private final View view;
    private final Resources resources = new Resources();
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final long startNanos = System.nanoTime();

    public Quickstart(QuickstartOptions options) {
        this.options = options;
        // With --json, standard output is only for the result.
        terminal = options.json() ? Terminal.plain(System.err) : Terminal.standardOutput(System.getenv());
        stream = options.stream();
        all = stream.read();
        spec = QuickstartModel.of(stream, all);
        view = View.of(terminal);
    }

    /// The processes of a running stream, and their clients.
    ///
    /// @param baseline null for a stream that it can't learn
    private record Running(ChildJvm trainerProcess, ChildJvm scorerProcess, TrainerClient trainer, ScorerClient scorer,
            EventProducer producer, @Nullable BaselineRun baseline, LocalStack stack) {
        BaselineRun.Score baselineAfter(long events) {
            return baseline == null ? BaselineRun.Score.NONE : baseline.after(events);
        }

        void requireAlive() {
            trainerProcess.requireAlive();
            scorerProcess.requireAlive();
            if (!stack.brokerProcess().isAlive()) {
                throw new CommandException("the Kafka broker has ended");
            }
            if (!stack.registry().isAlive()) {
                throw new CommandException("the schema registry has ended");
            }
            producer.requireHealthy();
        }
    }

    /// Runs everything and returns after the summary; without `--exit` it never returns, and Ctrl-C ends the process.
    ///
    /// @return whether every check holds
    /// @throws CommandException if it can't continue; says why and where the logs are
    public boolean run() throws InterruptedException {
        Thread hook = new Thread(() -> {
            stopping.countDown();
            resources.close();
        }, "stop-quickstart");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            boolean holds = steps();
            if (!options.exit()) {
                new CountDownLatch(1).await();
            }
            return holds;
        } catch (CommandException | LocalStackException e) {
            // Ctrl-C reaches the child processes, too. That one of them stops is then no failure, and the hook does the rest.
            if (stopping.await(STOPPING_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
                new CountDownLatch(1).await();
            }
            view.settle();
            String logs = resources.keepLogs();
            throw new CommandException(e.getMessage() + (logs.isEmpty() ? "" : "\nLogs of all processes: " + logs), e);
        } finally {
            resources.close();
            Resources.removeHook(hook);
        }
    }

    private boolean steps() throws InterruptedException {
        title();
        List<StreamEvent> events = all.subList(0, options.events());
        Path given = options.directory();
        RunDirectory directory = resources.add(given == null ? RunDirectory.temporary() : RunDirectory.in(given));
        System.setProperty(LOG_FILE, directory.logs().resolve("quickstart.log").toString());
        LoggerFactory.getILoggerFactory(); // before several threads start to log at once
        LocalStack stack = startStack(directory);
        EventsTopic.create(stack.bootstrapServers(), spec.inputTopic());

        Children children = new Children(directory, stack);
        Running running = startProcesses(children, stack, events);
        if (!options.exit()) {
            showConsole(stack, running.scorer());
        }
        TrainerHealth trained = learn(running, events.size());
        awaitServed(running, trained);
        JsonNode replay = replay(children, trained.nextOffset());

        Outcome outcome = outcome(running, trained, replay);
        List<Check> checks = checks(outcome);
        new Summary(terminal, view).print(outcome, stream, checks);
        if (options.json()) {
            System.out.println(outcome.toJson());
            System.out.flush();
        }
        if (!options.exit()) {
            invite(running.scorer(), directory, events.getLast());
        }
        return checks.stream().allMatch(Check::holds);
    }

    private void title() {
        String question = switch (stream) {
            case FLIGHTS -> "%,d US flights of 2001: which arrive late?";
            case DIGITS -> "%,d handwritten digits: which is it?";
        };
        view.line("");
        view.line("  " + terminal.bold("tidegrad quickstart") + " " + terminal.dot() + " "
                + Figures.text(question, options.events()));
        view.line("");
    }

    private LocalStack startStack(RunDirectory directory) throws InterruptedException {
        String what = "broker and schema registry";
        long since = System.nanoTime();
        CompletableFuture<LocalStack> starting = CompletableFuture.supplyAsync(
                () -> LocalStack.start(LocalStackOptions.in(directory.path()).withKafkaAsChild()),
                task -> Thread.ofPlatform().daemon().name("start-stack").start(task));
        while (true) {
            try {
                LocalStack stack = resources.add(starting.get(LOOK_EVERY.toMillis(), TimeUnit.MILLISECONDS));
                view.done(what, seconds(since));
                return stack;
            } catch (TimeoutException notYet) {
                view.doing(what, seconds(since));
            } catch (ExecutionException e) {
                if (e.getCause() instanceof RuntimeException cause) {
                    throw cause;
                }
                throw new IllegalStateException(e);
            }
        }
    }

    private Running startProcesses(Children children, LocalStack stack, List<StreamEvent> events)
            throws InterruptedException {
        Json http = resources.add(new Json());
        int trainerPort = Ports.free();
        int scorerPort = Ports.free();
        ChildJvm trainerProcess = resources.add(children.trainer(spec, trainerPort));
        ChildJvm scorerProcess = resources.add(children.scorer(spec.model(), scorerPort));
        Running running = new Running(trainerProcess, scorerProcess, new TrainerClient(http, trainerPort, spec.model()),
                new ScorerClient(http, scorerPort, spec.model()),
                resources.add(new EventProducer(stack, spec.inputTopic(), stream, events, options.pace())),
                stream == ShippedStream.FLIGHTS ? new BaselineRun(events) : null, stack);
        String what = "trainer and scorer";
        long since = System.nanoTime();
        while (!running.trainer().health().running() || !running.scorer().served().alive()) {
            awaitStart(running, what, since);
        }
        // Ticks lead to commits. The first ones load and compile the code that the events will need.
        for (int tick = 0; tick < OPENING_TICKS; tick++) {
            running.producer().tick();
            while (running.trainer().health().nextOffset() < running.producer().endOffset()) {
                awaitStart(running, what, since);
            }
        }
        view.done(what, seconds(since));
        return running;
    }

    /// Serves a console from this process, for people who watch: a run that ends by itself has none.
    private void showConsole(LocalStack stack, ScorerClient scorer) {
        ConsoleApp console = resources.add(ConsoleApp.start(
                new ConsoleConfig(KafkaSettings.of(stack.bootstrapServers()), RegistrySettings.of(stack.registryUrl()),
                        Topics.DEFAULT, "127.0.0.1", 0, new ServerSecurity(null, null), List.of(), null,
                        new ScorerAddress(URI.create(scorer.base()), null))));
        view.line("  See it learn, and try it: http://127.0.0.1:" + console.httpPort());
        view.line("");
    }

    private void awaitStart(Running running, String what, long since) throws InterruptedException {
        running.requireAlive();
        if (System.nanoTime() - since > START_WITHIN.toNanos()) {
            throw new CommandException(what + " were not ready within " + START_WITHIN.toSeconds() + " s");
        }
        view.doing(what, seconds(since));
        Thread.sleep(OPENING_LOOK_EVERY);
    }

    /// Sends the stream and waits until the trainer has committed all of it.
    ///
    /// @return the trainer's health at the end
    private TrainerHealth learn(Running running, int total) throws InterruptedException {
        EventProducer producer = running.producer();
        long since = System.nanoTime();
        producer.start();
        Standstill standstill = new Standstill("the trainer", STANDSTILL_MAX);
        while (true) {
            running.requireAlive();
            TrainerHealth health = running.trainer().health();
            ScorerClient.Served served = running.scorer().served();
            view.progress(
                    new Progress(stream, seconds(since), producer.acknowledged(), total, producer.eventsPerSecond(),
                            health, running.baselineAfter(health.report().nextOffset() - producer.firstOffset()),
                            served.version(), served.freshnessMillis()));
            if (producer.finished() && health.settledAt(producer.endOffset())) {
                view.settle();
                return health;
            }
            standstill.look(health.nextOffset() + producer.acknowledged(),
                    "offset " + Figures.count(health.nextOffset()) + " of " + Figures.count(producer.endOffset()));
            Thread.sleep(LOOK_EVERY);
        }
    }

    private void awaitServed(Running running, TrainerHealth trained) throws InterruptedException {
        Standstill standstill = new Standstill("the scorer", STANDSTILL_MAX);
        while (running.scorer().served().version() != trained.version()) {
            running.requireAlive();
            standstill.look(running.scorer().served().version(), "version "
                    + Figures.count(running.scorer().served().version()) + " of " + Figures.count(trained.version()));
            Thread.sleep(LOOK_EVERY);
        }
    }

    /// Replays the log in a process of its own. The digits are replayed with the scalar kernels, which use other
    /// instructions and must give the same bits.
    private JsonNode replay(Children children, long until) throws InterruptedException {
        List<String> kernels = switch (stream) {
            case FLIGHTS -> List.of();
            case DIGITS -> List.of("-Dtidegrad.kernels=scalar");
        };
        String what = kernels.isEmpty() ? "replay of the log" : "replay of the log, scalar kernels";
        long since = System.nanoTime();
        try (ChildJvm replay = children.replay(spec.model(), kernels, until)) {
            while (!replay.finishes(LOOK_EVERY)) {
                if (System.nanoTime() - since > REPLAY_WITHIN.toNanos()) {
                    throw new CommandException("the replay was not done within " + REPLAY_WITHIN.toSeconds() + " s");
                }
                view.doing(what, seconds(since));
            }
            view.done(what, seconds(since));
            return Json.parse(Files.readString(children.replayOutput(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new CommandException("can't read what the replay printed to " + children.replayOutput() + ": " + e,
                    e);
        }
    }

    private Outcome outcome(Running running, TrainerHealth trained, JsonNode replay) throws InterruptedException {
        TrainerHealth.Report report = trained.report();
        ScorerClient.Served served = running.scorer().served();
        Freshness freshness = Freshness.of(running.producer().appendedAt(), running.producer().firstOffset(),
                running.scorer().admissions());
        BaselineRun.Score baseline = running.baselineAfter(options.events());
        return new Outcome(stream.label(), replay.path("events").asLong(), trained.learned(), trained.pending(),
                trained.deadLetters(), report.accuracy(), report.accuracyLast2000(), report.logLoss(),
                report.priorLogLoss(), report.auc(), baseline.auc(), baseline.logLoss(), served.published(),
                served.loaded(), freshness.p50(), freshness.p99(), report.weightsHash(), running.scorer().weightsHash(),
                replay.path("weights_hash").asText(), report.stateHash(), replay.path("state_hash").asText(),
                seconds(startNanos));
    }

    private List<Check> checks(Outcome outcome) {
        List<Check> checks = new ArrayList<>(Check.ofCorrectness(outcome, options.events()));
        if (options.wholeStream()) {
            checks.addAll(Check.ofLearning(outcome, stream));
            if (options.ownPace()) {
                checks.addAll(Check.ofServing(outcome, stream));
            }
        }
        return checks;
    }

    /// Prints a command that asks the scorer.
    private void invite(ScorerClient scorer, RunDirectory directory, StreamEvent event) {
        String question = Json.write(event.toQuestion());
        String data = "'" + question + "'";
        if (stream == ShippedStream.DIGITS) {
            // 784 pixels are too long for a command line.
            Path file = directory.path().resolve("digit.json");
            try {
                Files.writeString(file, question, StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new CommandException("can't write " + file + ": " + e, e);
            }
            data = "'@" + file + "'";
        }
        view.line("  Everything is still running. Ask the scorer (Ctrl-C ends it all):");
        view.line("");
        view.line("  curl -s " + scorer.scoreUrl() + " -H 'content-type: application/json' -d " + data);
        view.line("");
    }

    private static double seconds(long sinceNanos) {
        return (System.nanoTime() - sinceNanos) * 1e-9;
    }
}
