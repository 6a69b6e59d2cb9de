package io.tidegrad.loadtests;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.TrainerClient;
import io.tidegrad.localstack.TrainerHealth;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ConfluentAvroSerializer;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;

/// Takes a poisoned hour out of a model three hours after it began, and measures how long it takes until scorers answer by
/// the model of before that hour; then goes back to a version that is published, for comparison. Broker, registry,
/// trainer, two scorers and the commands are processes. Scorers must answer all the time, and never by an earlier epoch
/// again. In the end the model must have the bits of a plain fold that leaves the hour out.
public final class RollbackLoad extends LoadTest {
    private static final ShippedStream STREAM = ShippedStream.FLIGHTS;
    private static final Duration WITHIN = Duration.ofMinutes(10);
    private static final Duration BETWEEN_QUESTIONS = Duration.ofMillis(5);
    private static final int HOURS = 4;
    private static final int POISONED = 1; // of the hours from 0
    private static final long HOUR_MILLIS = 3_600_000;

    private final List<String> command;
    private final int eventsAnHour;
    private final List<StreamEvent> shipped = STREAM.read();
    private final ModelSpec spec = ModelSpec.parse(STREAM.spec(), STREAM.specFile());

    /// @param command main class and words of the command that rolls a model back
    public RollbackLoad(List<String> command, int eventsAnHour, boolean json, PrintStream out, PrintStream progress) {
        super(json, out, progress);
        Limits.require("--events-an-hour", eventsAnHour, 100, 1_000_000);
        this.command = command;
        this.eventsAnHour = eventsAnHour;
    }

    @Override
    protected String measure() throws InterruptedException {
        Instant begin = Instant.now().truncatedTo(ChronoUnit.SECONDS).minus(HOURS, ChronoUnit.HOURS);
        List<byte[]> log = fill(begin);
        Path files = lab().logs().resolve(spec.model());
        Path specFile = Processes.write(files.resolve("spec.yaml"), spec.yaml());
        int port = Ports.free();
        try (ChildJvm trainer = Processes.start("trainer", childFlags(),
                Processes.trainer(lab(), files, port, List.of("--spec", specFile.toString())), files);
                Serving one = new Serving("one", files);
                Serving other = new Serving("other", files)) {
            List<Serving> scorers = List.of(one, other);
            Runnable healthy = () -> {
                trainer.requireAlive();
                scorers.forEach(Serving::requireHealthy);
            };
            TrainerHealth poisoned = settled(port, healthy, 1, log.size());
            Await.until("scorers that answer by all of it", WITHIN, healthy,
                    () -> scorers.stream().allMatch(each -> each.version == poisoned.version()));
            say("learned %,d events, %,d of them poisoned", poisoned.learned(), eventsAnHour);

            Instant from = begin.plus(POISONED, ChronoUnit.HOURS);
            Instant until = from.plus(1, ChronoUnit.HOURS);
            Result made = rollBack(files, scorers, healthy, 2,
                    List.of("--time", from.toString(), "--exact", "--resume-at", until.toString()));
            TrainerHealth clean = settled(port, healthy, 2, log.size());
            Result published = rollBack(files, scorers, healthy, 3,
                    List.of("--version", String.valueOf(clean.publishedVersion()), "--resume-at", "base"));
            String found = settled(port, healthy, 3, log.size()).report().stateHash();
            String expected = stateHash(log);
            if (!found.equals(expected)) {
                throw new LoadTestException(
                        "expected the state-hash of a fold without the hour, " + expected + ", found " + found);
            }
            return text(List.of(made, published));
        }
    }

    /// Returns the values of the events that it writes, evenly from `begin` on. The labels of an hour are the wrong way
    /// round.
    private List<byte[]> fill(Instant begin) throws InterruptedException {
        String topic = spec.inputTopic();
        String label = Objects.requireNonNull(spec.label().field());
        Schema schema = STREAM.schema();
        List<byte[]> log = new ArrayList<>();
        // Records have the times that the producer gives them.
        lab().createTopics(List.of(topic), 1, Map.of());
        try (ConfluentAvroSerializer serializer = new ConfluentAvroSerializer();
                Writer writer = new Writer(topic, lab().bootstrapServers(), Map.of())) {
            serializer.configure(Map.of("schema.registry.url", lab().registryUrl()), false);
            for (int event = 0; event < HOURS * eventsAnHour; event++) {
                GenericRecord record = STREAM.repeated(shipped, event).toAvro(schema);
                if (isPoisoned(event)) {
                    record.put(label, !(Boolean) record.get(label));
                }
                byte[] value = Objects.requireNonNull(serializer.serialize(topic, record));
                log.add(value);
                long time = begin.toEpochMilli() + event * HOUR_MILLIS / eventsAnHour;
                writer.send(new ProducerRecord<>(topic, 0, time, null, value));
            }
            writer.flush();
        }
        return log;
    }

    private boolean isPoisoned(int event) {
        return event / eventsAnHour == POISONED;
    }

    /// Waits until the trainer has learned, reported and published everything in this epoch.
    private TrainerHealth settled(int port, Runnable healthy, int epoch, long end) throws InterruptedException {
        TrainerClient client = new TrainerClient(lab().http(), port, spec.model());
        return Await.value("all events learned in epoch " + epoch, WITHIN, () -> {
            healthy.run();
            JsonNode health = Processes.health(lab().http(), port);
            TrainerHealth learned = client.health();
            return health.path("models").findValuesAsText("epoch").contains("" + epoch) && learned.settledAt(end)
                    ? learned : null;
        }, () -> String.valueOf(client.health()));
    }

    /// @param epoch that begins
    /// @param place where to go back to, and where to go on
    private Result rollBack(Path files, List<Serving> scorers, Runnable healthy, int epoch, List<String> place)
            throws InterruptedException {
        String name = "rollback-" + epoch;
        List<String> line = Processes.with(command, Processes.with(List.of(spec.model(), "--bootstrap-servers",
                lab().bootstrapServers(), "--registry-url", lab().registryUrl(), "--wait", "--json"), place));
        long start = System.nanoTime();
        try (ChildJvm decision = Processes.start(name, childFlags(), line, files)) {
            Await.until("scorers that answer in epoch " + epoch + ", and a command that has ended", WITHIN, healthy,
                    () -> decision.finishes(Duration.ZERO) && scorers.stream().allMatch(each -> each.epoch == epoch));
        }
        double[] seconds = scorers.stream().mapToDouble(each -> (each.epochSince - start) * 1e-9).toArray();
        JsonNode said = said(files.resolve(name + ".out"));
        return new Result().put("back_to", String.join(" ", place.subList(0, 2)))
                .put("made_from", said.path("made_from").asText("a published version"))
                .put("skipped", said.path("skipped").asLong()).samples("answers_after_s", seconds)
                .put("command_s", said.path("seconds").asDouble());
    }

    private static JsonNode said(Path output) {
        try {
            return Json.parse(Files.readString(output));
        } catch (IOException e) {
            throw new LoadTestException("expected a line of JSON in " + output + ": " + e, e);
        }
    }

    /// What the events of the sound hours make of the spec, in a process that knows neither trainer nor store.
    private String stateHash(List<byte[]> log) {
        EventFold fold = lab().fold(spec);
        for (int event = 0; event < log.size(); event++) {
            if (!isPoisoned(event)) {
                fold.fold(log.get(event), new RecordHeaders());
            }
        }
        return fold.model().stateHash();
    }

    /// A scorer that is asked all the time, and what it answers by.
    private final class Serving implements AutoCloseable {
        private final String name;
        private final ChildJvm process;
        private final Asker asker;
        private volatile int epoch;
        private volatile long epochSince;
        private volatile long version;

        Serving(String name, Path files) {
            this.name = name;
            int port = Ports.free();
            process = Processes.start(name, childFlags(),
                    Processes.scorer(lab().bootstrapServers(), spec.model(), port, List.of()), files);
            asker = new Asker(port, spec.model(), Json.write(shipped.getFirst().toQuestion()), BETWEEN_QUESTIONS,
                    this::take);
        }

        private void take(int status, String body) throws JsonProcessingException {
            JsonNode answer = Json.parse(body);
            int by = answer.path("epoch").asInt();
            if (status != 200 || by < epoch) {
                throw new LoadTestException(
                        name + ": expected answers, in epoch " + epoch + " or later, found " + status + " " + body);
            }
            if (by > epoch) {
                epochSince = System.nanoTime();
                epoch = by;
            }
            version = answer.path("version").asLong();
        }

        void requireHealthy() {
            process.requireAlive();
            asker.requireHealthy();
        }

        @Override
        public void close() {
            asker.close();
            process.close();
        }
    }
}
