package io.tidegrad.loadtests;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStackException;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.schemas.Topics;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.common.TopicPartition;

/// A stream and what lives on it, each a process of its own as in production: a joiner, a trainer of one or more models,
/// and a scorer of the first one. Returns from its start when all are ready.
final class StreamSystem implements AutoCloseable {
    static final String JOINER = "joiner";
    static final String TRAINER = "trainer";
    static final String SCORER = "scorer";
    static final String CONSOLE = "console";
    private static final Duration READY_WITHIN = Duration.ofSeconds(180);

    private final Lab lab;
    private final Path files;
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
    StreamSystem(Lab lab, Path files, StreamTraffic traffic, String streamSpec, Size size) throws InterruptedException {
        this.lab = lab;
        this.files = files;
        stream = traffic.eventsTopic();
        lab.createStream(Topics.DEFAULT, streamSpec);
        try {
            List<String> specs = new ArrayList<>();
            for (int model = 0; model < size.models(); model++) {
                String name = model(model);
                String spec = StreamTraffic.modelSpec(name, "input: { stream: " + stream + " }", 1, size.buckets(),
                        traffic.shape().numbers());
                specs.addAll(List.of("--spec", Processes.write(files.resolve(name + ".yaml"), spec).toString()));
            }
            start(TRAINER, size.trainerMegabytes(), Processes.trainer(lab, files.resolve(TRAINER), trainerPort, specs));
            Await.until("the trainer to run", READY_WITHIN, this::requireAlive, () -> {
                Map<String, TrainerHealth> running = TrainerClient.all(lab.http(), trainerPort);
                return running.size() == size.models() && running.values().stream().allMatch(TrainerHealth::running);
            });
            start(JOINER, 512, Processes.joiner(lab, stream, files.resolve(JOINER), joinerPort));
            start(SCORER, size.scorerMegabytes(),
                    Processes.scorer(lab.bootstrapServers(), model(0), scorerPort, List.of()));
            awaitAnswer(scorerPort, SCORER);
        } catch (LoadTestException | LocalStackException | InterruptedException e) {
            close();
            throw e;
        }
    }

    /// Starts a process beside the others, with a log of its collections.
    void start(String name, int megabytes, List<String> command) {
        Path log = files.resolve(name + "-gc.log");
        // A process whose heap is exhausted ends, so that it isn't taken for one that stands still.
        List<String> flags = Processes
                .with(LoadTest.childFlags("-XX:+ExitOnOutOfMemoryError", "-Xmx" + megabytes + "m"), GcLog.flags(log));
        if (name.equals(JOINER) || name.equals(CONSOLE)) {
            flags = Processes.with(flags, ChildJvm.SHORT_PAUSES);
        }
        if (name.equals(JOINER)) {
            flags = Processes.with(flags, List.of(ChildJvm.TRIM_NATIVE_HEAP));
        }
        Processes.write(log, "");
        processes.put(name, Processes.start(name, flags, command, files));
        collections.put(name, new GcLog(log));
    }

    /// Waits until a process answers `/health`.
    void awaitAnswer(int port, String name) throws InterruptedException {
        Await.until("the " + name + " to answer", READY_WITHIN, this::requireAlive,
                () -> !Processes.health(lab.http(), port).isMissingNode());
    }

    /// Returns when the scorer answers by a version, which may be later than when the trainer has learned events.
    void awaitServed() throws InterruptedException {
        Await.until("the scorer to answer by a version", READY_WITHIN, this::requireAlive,
                () -> scorerHealth().path("ready").asBoolean());
    }

    Lab lab() {
        return lab;
    }

    ExampleLog log() {
        return new ExampleLog(lab, new TopicPartition(Topics.DEFAULT.examples(stream, 1), 0));
    }

    /// The name of a model.
    String model(int number) {
        return number == 0 ? stream : stream + "-" + number;
    }

    int joinerPort() {
        return joinerPort;
    }

    int scorerPort() {
        return scorerPort;
    }

    /// By name, in the order of their start.
    Map<String, ChildJvm> processes() {
        return processes;
    }

    GcLog collections(String process) {
        return Objects.requireNonNull(collections.get(process), process);
    }

    void requireAlive() {
        processes.values().forEach(ChildJvm::requireAlive);
    }

    /// The first model's health, of the trainer.
    JsonNode trainerHealth() throws InterruptedException {
        return Processes.health(lab.http(), trainerPort, stream);
    }

    JsonNode scorerHealth() throws InterruptedException {
        return Processes.health(lab.http(), scorerPort, stream);
    }

    /// Offsets that the joiner has not read yet, or that the first model has not learned; NaN while that is unknown.
    double lag(String process) throws InterruptedException {
        if (process.equals(TRAINER)) {
            return Json.number(trainerHealth(), "lag");
        }
        JsonNode lag = process.equals(JOINER)
                ? Processes.health(lab.http(), joinerPort).path("streams").path(0).path("lag") : Json.NOTHING;
        return Json.number(lag, "events") + Json.number(lag, "labels") + Json.number(lag, "join");
    }

    @Override
    public void close() {
        // From the end of the stream to its beginning, so that none misses the one before.
        List.copyOf(processes.values()).reversed().forEach(ChildJvm::close);
        processes.clear();
    }
}
