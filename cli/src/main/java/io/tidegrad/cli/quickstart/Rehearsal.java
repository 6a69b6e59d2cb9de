package io.tidegrad.cli.quickstart;

import io.tidegrad.cli.CommandException;
import io.tidegrad.loadtests.Await;
import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.LocalStackOptions;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorerapp.ScorerApp;
import io.tidegrad.scorerapp.ScorerConfig;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.TrainerConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;

/// Runs trainer and scorer once in this process, with a broker: the trainer learns, stops, restores its state and learns
/// on, and the scorer serves. If the JVM records the classes that it loads meanwhile (`-XX:AOTCacheOutput`, JEP 514),
/// later JVMs start faster, because most of a start is loading and verifying classes.
public final class Rehearsal {
    private static final ShippedStream STREAM = ShippedStream.FLIGHTS;
    private static final int EVENTS = 2_000;
    private static final Duration WITHIN = Duration.ofSeconds(120);

    private final List<StreamEvent> all = STREAM.read();
    private final ModelSpec spec = QuickstartModel.of(STREAM, all);
    private final RunDirectory directory;
    private final LocalStack stack;
    private final Json http;

    private Rehearsal(RunDirectory directory, LocalStack stack, Json http) {
        this.directory = directory;
        this.stack = stack;
        this.http = http;
    }

    /// @throws io.tidegrad.loadtests.LoadTestException if something did not happen within two minutes
    public static void run() throws InterruptedException {
        try (RunDirectory directory = RunDirectory.temporary();
                LocalStack stack = LocalStack.start(LocalStackOptions.in(directory.path()));
                Json http = new Json()) {
            new Rehearsal(directory, stack, http).play();
        }
    }

    private void play() throws InterruptedException {
        EventsTopic.create(stack.bootstrapServers(), spec.inputTopic());
        learn();
        learn(); // from what is restored
        List<String> arguments =
                List.of("--model", spec.model(), "--bootstrap-servers", stack.bootstrapServers(), "--http-port", "0");
        try (ScorerApp scorer = ScorerApp.start(ScorerConfig.parse(arguments, Map.of()), InstantSource.system())) {
            ScorerClient client = new ScorerClient(http, scorer.port(), spec.model());
            Await.until("a served version", WITHIN, () -> client.served().version() > 0);
            client.weightsHash();
            scorer.scorer(spec.model()).score(all.getLast().toQuestion());
        }
    }

    private void learn() throws InterruptedException {
        try (TrainerApp trainer = TrainerApp.start(TrainerConfig.parse(arguments(), Map.of()));
                EventProducer producer =
                        new EventProducer(stack, spec.inputTopic(), STREAM, all.subList(0, EVENTS), Pace.UNLIMITED)) {
            TrainerClient client = new TrainerClient(http, trainer.httpPort(), spec.model());
            producer.tick();
            producer.start();
            Await.until("all events learned and published", WITHIN, () -> {
                producer.requireHealthy();
                return producer.finished() && client.health().settledAt(producer.endOffset());
            });
            http.get("http://127.0.0.1:" + trainer.httpPort() + "/metrics");
        }
    }

    private List<String> arguments() {
        Path file = directory.path().resolve(spec.model() + ".yaml");
        try {
            Files.writeString(file, spec.yaml());
        } catch (IOException e) {
            throw new CommandException("can't write " + file + ": " + e, e);
        }
        return List.of("--bootstrap-servers", stack.bootstrapServers(), "--registry-url", stack.registryUrl(), "--spec",
                file.toString(), "--state-dir", directory.path().resolve("trainer").toString(), "--http-port", "0");
    }
}
