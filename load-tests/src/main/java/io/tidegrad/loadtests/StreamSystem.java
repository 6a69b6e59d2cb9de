package io.tidegrad.loadtests;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.StreamDecisions;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.LocalStackException;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// A stream and what lives on it, each a process of its own as in production: a joiner, a trainer of one or more models,
/// and a scorer of the first one. Returns from its start when all are ready.
final class StreamSystem implements AutoCloseable {
    static final String JOINER = "joiner";
    static final String TRAINER = "trainer";
    static final String SCORER = "scorer";

    /// A record that the scorer can answer.
    static final String QUESTION =
            Json.write(Map.of("amount", 20.5, "card", "card-7", "merchant", Map.of("country", "C3")));

    private static final Duration READY_WITHIN = Duration.ofSeconds(180);

    private final LocalStack stack;
    private final Path files;
    private final Admin admin;
    private final Json http;
    private final String stream;
    private final Map<String, ChildJvm> processes = new LinkedHashMap<>();
    private final Map<String, GcLog> collections = new LinkedHashMap<>();
    private final int joinerPort = Ports.free();
    private final int trainerPort = Ports.free();
    private final int scorerPort = Ports.free();

    /// What there is.
    ///
    /// @param buckets of the table in which nearly all weights of each model are
    /// @param trainerMegabytes of heap; scorer and joiner have what they need
    record Size(int models, long buckets, int trainerMegabytes, int scorerMegabytes) {
        static final Size USUAL = new Size(1, 2048, 512, 256);
    }

    /// @param files where states and logs go
    /// @param streamSpec of a stream with the name of the traffic
    StreamSystem(LocalStack stack, Path files, Admin admin, Json http, StreamTraffic traffic, String streamSpec,
            Size size) throws InterruptedException {
        this.stack = stack;
        this.files = files;
        this.admin = admin;
        this.http = http;
        stream = traffic.name();
        create(stack, admin, streamSpec);
        try {
            List<String> specs = new ArrayList<>();
            for (int model = 0; model < size.models(); model++) {
                String name = model(model);
                String spec = StreamTraffic.modelSpec(name, "input: { stream: " + stream + " }", 1, size.buckets(),
                        traffic.shape().numbers());
                specs.addAll(List.of("--spec", Processes.write(files.resolve(name + ".yaml"), spec).toString()));
            }
            ChildJvm trainer = start(TRAINER, size.trainerMegabytes(),
                    Processes.trainer(stack, files.resolve(TRAINER), trainerPort, specs));
            Await.until("the trainer to run", READY_WITHIN, () -> {
                trainer.requireAlive();
                Map<String, ?> running = TrainerClient.all(http, trainerPort);
                return running.size() == size.models()
                        && TrainerClient.all(http, trainerPort).values().stream().allMatch(each -> each.running());
            });
            start(JOINER, 512, Processes.joiner(stack, stream, files.resolve("joiner-state"), joinerPort));
            start(SCORER, size.scorerMegabytes(),
                    Processes.scorer(stack.bootstrapServers(), model(0), scorerPort, List.of()));
            answers(scorerPort, SCORER);
        } catch (LoadTestException | LocalStackException | InterruptedException e) {
            close();
            throw e;
        }
    }

    static void create(LocalStack stack, Admin admin, String spec) {
        new StreamDecisions(KafkaSettings.of(stack.bootstrapServers()), Topics.DEFAULT, admin, (short) -1,
                new Decisions.By("load-test", "a load test"))
                .create(StreamSpec.parse(spec, "spec of the load test"), null);
    }

    /// Starts a process beside the others, with a log of its collections.
    ChildJvm start(String name, int megabytes, List<String> command) {
        Path log = files.resolve(name + "-gc.log");
        // A process whose heap is exhausted ends, so that it isn't taken for one that stands still.
        List<String> flags = Processes.with(LoadTest.childFlags(),
                List.of("-XX:+ExitOnOutOfMemoryError", "-Xmx" + megabytes + "m", GcLog.flag(log)));
        if (name.equals(JOINER) || name.equals("console")) {
            flags = Processes.with(flags, List.of("-XX:-UseSerialGC", "-XX:+UseG1GC"));
        }
        Processes.write(log, "");
        ChildJvm process = Processes.start(name, flags, command, files);
        processes.put(name, process);
        collections.put(name, new GcLog(log));
        return process;
    }

    /// Waits until a process answers `/health`.
    void answers(int port, String name) throws InterruptedException {
        Await.until("the " + name + " to answer", READY_WITHIN, () -> {
            requireAlive();
            return http.get(health(port)) != null;
        });
    }

    private static String health(int port) {
        return "http://127.0.0.1:" + port + "/health";
    }

    LocalStack stack() {
        return stack;
    }

    ExampleLog log() {
        return new ExampleLog(stack, admin, new TopicPartition(Topics.DEFAULT.examples(stream, 1), 0));
    }

    /// The name of a model.
    String model(int number) {
        return number == 0 ? stream : stream + "-" + number;
    }

    int scorerPort() {
        return scorerPort;
    }

    /// By name, in the order of their start.
    Map<String, ChildJvm> processes() {
        return processes;
    }

    GcLog collections(String process) {
        GcLog log = collections.get(process);
        if (log == null) {
            throw new IllegalArgumentException("no process " + process);
        }
        return log;
    }

    void requireAlive() {
        processes.values().forEach(ChildJvm::requireAlive);
    }

    /// The first model's health, of the trainer.
    JsonNode trainerHealth() throws InterruptedException {
        return ofModel(http.get(health(trainerPort)));
    }

    JsonNode scorerHealth() throws InterruptedException {
        return ofModel(http.get(health(scorerPort)));
    }

    private JsonNode ofModel(@Nullable JsonNode health) {
        JsonNode models = health == null ? Json.NOTHING : health.path("models");
        if (!models.isArray()) {
            return models.path(stream);
        }
        for (JsonNode model : models) {
            if (model.path("model").asText().equals(stream)) {
                return model;
            }
        }
        return Json.NOTHING;
    }

    /// Offsets that the joiner has not read yet, or that the first model has not learned; NaN while that is unknown.
    double lag(String process) throws InterruptedException {
        if (process.equals(TRAINER)) {
            return Json.number(trainerHealth(), "lag");
        }
        JsonNode health = process.equals(JOINER) ? http.get(health(joinerPort)) : null;
        JsonNode lag = health == null ? Json.NOTHING : health.path("streams").path(0).path("lag");
        return Json.number(lag, "events") + Json.number(lag, "labels") + Json.number(lag, "join");
    }

    @Override
    public void close() {
        // From the end of the stream to its beginning, so that none misses the one before.
        List<ChildJvm> last = new ArrayList<>(processes.values());
        for (ChildJvm process : last.reversed()) {
            process.close();
        }
        processes.clear();
    }
}
