package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.joiner.app.JoinerApp;
import io.tidegrad.joiner.app.JoinerConfig;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.process.ExitCode;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.MonitoredSeries;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A trainer learns from what a joiner writes at the same time: nested events in three partitions, labels on a topic of
/// their own, in time and late, and a fold of the examples that knows neither program.
class StreamEndToEndTest {
    private static final Duration OF_PROCESSES = Readings.PATIENCE.multipliedBy(3);
    private static final int EVENTS = 400;
    private static final int LAST = 30;
    private static final long START = 1_790_000_000_000L;

    private static final Schema EVENT = new Schema.Parser().parse("""
            {"type": "record", "name": "Payment", "fields": [
              {"name": "transaction", "type": {"type": "record", "name": "Transaction", "fields": [
                {"name": "id", "type": "string"}, {"name": "amount", "type": ["null", "double"]}]}},
              {"name": "merchant", "type": {"type": "record", "name": "Merchant", "fields": [
                {"name": "country", "type": "string"}]}},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
            """);
    private static final Schema LABEL = new Schema.Parser().parse("""
            {"type": "record", "name": "Chargeback", "fields": [
              {"name": "transaction", "type": "string"}, {"name": "fraud", "type": "boolean"},
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}
            """);

    @TempDir
    private Path directory;

    private final Readings readings = new Readings();
    private final String stream = "cards-" + readings.id;
    private final String model = "fraud-" + readings.id;
    private final String events = "payments-" + readings.id;
    private final String labels = "chargebacks-" + readings.id;
    private final Topics topics = new Topics("p" + readings.id);
    private final List<Process> started = new ArrayList<>();
    private final TopicPartition examples = new TopicPartition(topics.examples(stream, 1), 0);

    private Path written(String name, String yaml) throws IOException {
        return Files.writeString(directory.resolve(name), yaml);
    }

    private void createTopics() {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", readings.bootstrap))) {
            TopicCreation.create(admin, new NewTopic(events, 3, (short) 1).configs(Map.of("retention.ms", "-1")),
                    new NewTopic(labels, 2, (short) 1).configs(Map.of("retention.ms", "-1")));
        }
    }

    /// Its weights depend on the kind of each example, and on the label that a correction replaces.
    private Path modelSpec() throws IOException {
        return written("model.yaml", """
                model: %s
                input: { stream: %s }
                features:
                  - number: { field: transaction.amount, scale: standard }
                  - category: { field: merchant.country, buckets: 16, dimension: 4 }
                network: [ dense: 4, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                publish: { every: PT0.2S }
                late-labels: fnw
                """.formatted(model, stream));
    }

    /// An event without it goes to the dead letters of the model.
    private static boolean hasAmount(byte[] key) {
        return Integer.parseInt(new String(key, StandardCharsets.UTF_8).substring("tx-".length())) % 5 != 0;
    }

    private void createStream() throws IOException {
        run("streams", "create", "--spec", written("stream.yaml", """
                stream: %s
                events: { topic: %s, key: transaction.id, event-time: at }
                labels: { topic: %s, key: transaction, value: fraud, event-time: at }
                join: { wait: PT30M, missing: 0, window: P7D, duplicates: last }
                """.formatted(stream, events, labels)).toString());
    }

    private void run(String... words) {
        assertThat(readings.run(topics.prefix(), List.of(words))).as(readings.err()).isZero();
    }

    /// The last events come an hour after all others, within half a minute: the waits of all others are over by then, and
    /// theirs end half an hour later, however slow this machine is.
    private static long time(int i) {
        int first = EVENTS - LAST;
        return START + (i < first ? i * 60_000L : (first + 60) * 60_000L + (i - first) * 1_000L);
    }

    /// Of ten events one has its label in time, one has it late, and one is labeled twice.
    private void send(int from, int to) {
        try (SchemaRegistry registry =
                SchemaRegistry.connect(Map.of("schema.registry.url", SharedStack.get().registryUrl()));
                KafkaProducer<byte[], byte[]> producer =
                        new KafkaProducer<>(Map.of("bootstrap.servers", readings.bootstrap), new ByteArraySerializer(),
                                new ByteArraySerializer())) {
            AvroCodec codec = new AvroCodec(registry);
            int ofEvents = registry.register(events + "-value", EVENT);
            int ofLabels = registry.register(labels + "-value", LABEL);
            for (int i = from; i < to; i++) {
                long time = time(i);
                GenericData.Record transaction = new GenericData.Record(EVENT.getField("transaction").schema());
                transaction.put("id", "tx-" + i);
                transaction.put("amount", i % 5 == 0 ? null : Double.valueOf(Readings.a(i)));
                GenericData.Record merchant = new GenericData.Record(EVENT.getField("merchant").schema());
                merchant.put("country", i % 3 == 0 ? "DE" : "FR");
                GenericData.Record event = new GenericData.Record(EVENT);
                event.put("transaction", transaction);
                event.put("merchant", merchant);
                event.put("at", time);
                producer.send(new ProducerRecord<>(events, null, time,
                        ("card-" + i % 7).getBytes(StandardCharsets.UTF_8), codec.encode(ofEvents, event)));
                switch (i % 10) {
                    case 3 -> label(producer, codec, ofLabels, "tx-" + i, time + 1, true);
                    case 5 -> label(producer, codec, ofLabels, "tx-" + Math.max(5, i - 50), time, true);
                    case 7 -> {
                        label(producer, codec, ofLabels, "tx-" + i, time + 1, false);
                        label(producer, codec, ofLabels, "tx-" + i, time + 2, true);
                    }
                    default -> {
                    }
                }
            }
        }
    }

    private void label(KafkaProducer<byte[], byte[]> producer, AvroCodec codec, int schema, String about, long time,
            boolean fraud) {
        GenericData.Record label = new GenericData.Record(LABEL);
        label.put("transaction", about);
        label.put("fraud", fraud);
        label.put("at", time);
        producer.send(new ProducerRecord<>(labels, null, time, null, codec.encode(schema, label)));
    }

    /// Returns how many examples of each kind are committed.
    private Map<Example.Kind, Integer> kinds() throws ExampleException {
        Map<Example.Kind, Integer> kinds = new EnumMap<>(Example.Kind.class);
        for (ConsumerRecord<byte[], byte[]> each : readings.committed(examples)) {
            if (Example.isIn(each.headers())) {
                kinds.merge(Example.read(each.headers()).kind(), 1, Integer::sum);
            }
        }
        return kinds;
    }

    private void awaitAllJoined() {
        await().atMost(OF_PROCESSES).untilAsserted(() -> {
            Map<Example.Kind, Integer> kinds = kinds();
            assertThat(kinds.getOrDefault(Example.Kind.FINAL, 0) + kinds.getOrDefault(Example.Kind.PROVISIONAL, 0))
                    .as("%s: all but the last ones without a label", kinds).isEqualTo(376);
            assertThat(kinds.getOrDefault(Example.Kind.CORRECTION, 0)).isGreaterThanOrEqualTo(34);
        });
    }

    /// @param state name of the state directory
    private List<String> settings(String state, String... more) {
        List<String> settings = new ArrayList<>(List.of("--bootstrap-servers", readings.bootstrap, "--registry-url",
                SharedStack.get().registryUrl(), "--prefix", topics.prefix(), "--http-port", "0", "--state-dir",
                directory.resolve(state).toString()));
        settings.addAll(List.of(more));
        return settings;
    }

    @AfterEach
    void close() {
        started.forEach(Process::destroyForcibly);
        readings.close();
    }

    @Test
    void aTrainerLearnsWhatAJoinerWritesAndAFoldAndAReplayAreBitIdentical() throws Exception {
        createTopics();
        Path spec = modelSpec();
        createStream();
        try (TrainerApp trainer = readings.trainer(directory, "--spec", spec.toString())) {
            try (JoinerApp joiner =
                    JoinerApp.start(JoinerConfig.parse(settings("joiner", "--stream", stream), Map.of()))) {
                send(0, EVENTS);
                assertThat(joiner.ended()).isNotDone();
                awaitAllJoined();
            }
            List<ConsumerRecord<byte[], byte[]>> written = readings.committed(examples);
            CommittedState learned =
                    Readings.awaitLearned(trainer, model, 1, at -> at.nextOffset() > written.getLast().offset());
            OnlineModel fold = readings.fold(spec, written);
            assertThat(Objects.requireNonNull(learned.report()).weightsHash()).isEqualTo(fold.weightsHash());
            assertThat(Objects.requireNonNull(learned.report()).stateHash()).isEqualTo(fold.stateHash());
            int inTime = kinds().getOrDefault(Example.Kind.FINAL, 0);
            int first = inTime + kinds().getOrDefault(Example.Kind.PROVISIONAL, 0);
            assertThat(Objects.requireNonNull(learned.report()).arrival())
                    .containsEntry("labelled", (double) inTime / first).containsEntry("answered", 0.0)
                    .containsEntry("delay_p90", 50 * 60.0);
        }
        run("verify", "--model", model);
    }

    /// The process of `tidegrad trainer`, as typed.
    private Process program(String... more) throws IOException {
        List<String> command =
                new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Xmx192m",
                        "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dtidegrad.kernels=scalar", "-cp",
                        System.getProperty("java.class.path"), Tidegrad.class.getName(), "trainer"));
        command.addAll(settings("trainer", more));
        Process process = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile())).start();
        started.add(process);
        return process;
    }

    private Path log() {
        return directory.resolve("log");
    }

    private String said() {
        try {
            return Files.readString(log());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Returns where the process listens once it is ready.
    private String ready(Process process) throws IOException {
        long before = Files.exists(log()) ? readyLines().count() : 0;
        await().atMost(OF_PROCESSES).until(() -> !process.isAlive() || readyLines().count() > before);
        assertThat(process.isAlive()).as(said()).isTrue();
        return readyLines().toList().getLast().split("ready: ")[1];
    }

    private Stream<String> readyLines() throws IOException {
        return Files.readAllLines(log()).stream().filter(line -> line.startsWith("trainer ready: "));
    }

    private JsonNode health(String url) {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return new ObjectMapper().readTree(client.send(HttpRequest.newBuilder(URI.create(url + "/health")).build(),
                    HttpResponse.BodyHandlers.ofString()).body());
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(said(), e);
        }
    }

    private String metrics(String url) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(HttpRequest.newBuilder(URI.create(url + "/metrics")).build(),
                    HttpResponse.BodyHandlers.ofString()).body();
        }
    }

    private void awaitEnd(Process process, ExitCode code) throws Exception {
        assertThat(process.waitFor(OF_PROCESSES.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(said()).isEqualTo(code.status());
    }

    @LongProof("four processes, one after the other")
    @Test
    void oneProcessJoinsAndLearnsAndAStreamThatCantGoOnStopsAlone() throws Exception {
        createTopics();
        String[] both = {"--all-models", "--with-joiner"};
        Process first = program(both);
        String url = ready(first);
        assertThat(health(url).path("streams")).isEmpty();

        // Both come while it runs, and another stream that no model learns from.
        createStream();
        run("streams", "create", "--spec", written("other.yaml", """
                stream: other-%s
                events: { topic: %s, key: transaction.id, event-time: at }
                labels: { topic: %s, key: transaction, value: fraud, event-time: at }
                join: { wait: PT1M, missing: 0, window: P7D }
                """.formatted(stream, events, labels)).toString());
        run("models", "create", "--spec", modelSpec().toString());
        send(0, EVENTS / 2);
        await().atMost(OF_PROCESSES).untilAsserted(() -> {
            JsonNode health = health(url);
            assertThat(health.path("status").asText()).as("%s", health).isEqualTo("UP");
            assertThat(health.path("models").findValuesAsText("model")).containsExactly(model);
            assertThat(health.path("streams").findValuesAsText("stream")).containsExactly(stream);
            assertThat(health.path("streams").path(0).path("events").asLong()).isEqualTo(EVENTS / 2);
            assertThat(health.path("models").path(0).path("learned").asLong()).isPositive();
        });
        assertThat(metrics(url)).contains("tidegrad_up{model=\"" + model + "\"} 1.0",
                "tidegrad_joiner_up{epoch=\"1\",stream=\"" + stream + "\"} 1.0");
        assertThat(MonitoredSeries.missingIn(metrics(url),
                name -> !name.startsWith("tidegrad_scorer_") && !name.startsWith("tidegrad_console_"))).isEmpty();
        assertThat(MonitoredSeries.withoutUnit(metrics(url))).isEmpty();
        first.destroyForcibly().waitFor();

        Process second = program(both);
        ready(second);
        send(EVENTS / 2, EVENTS);
        awaitAllJoined();
        second.destroy(); // SIGTERM
        awaitEnd(second, ExitCode.OK);

        Process third = program(both);
        String last = ready(third);
        List<ConsumerRecord<byte[], byte[]>> written = readings.committed(examples);
        long learned = written.stream().filter(each -> Example.isIn(each.headers()) && hasAmount(each.key())).count();
        await().atMost(OF_PROCESSES).untilAsserted(() -> {
            run("models", "list", model, "--json");
            assertThat(readings.json().path("events").asLong()).isEqualTo(learned);
            assertThat(readings.json().path("lag").asLong(-1)).isZero();
        });
        run("verify", "--model", model);
        run("verify", "--stream", stream);

        // A stream that can't go on stops alone, and is told at each start.
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", readings.bootstrap))) {
            KafkaTopics.get(admin.deleteTopics(List.of(events)).all());
        }
        awaitTheStreamAloneFailed(third, last);
        third.destroy();
        awaitEnd(third, ExitCode.OK);
        Process fourth = program(both);
        awaitTheStreamAloneFailed(fourth, ready(fourth));
        fourth.destroy();
        awaitEnd(fourth, ExitCode.OK);
    }

    private void awaitTheStreamAloneFailed(Process process, String url) {
        await().atMost(OF_PROCESSES).untilAsserted(() -> {
            JsonNode health = health(url);
            JsonNode joined = health.path("streams").path(0);
            assertThat(joined.path("state").asText()).as("%s", health).isEqualTo("failed");
            assertThat(joined.path("exit_code").asInt()).isEqualTo(ExitCode.CONFIGURATION.status());
            assertThat(joined.toString()).contains(events);
            assertThat(health.path("models").path(0).path("state").asText()).as("%s", health).isEqualTo("running");
        });
        assertThat(process.isAlive()).isTrue();
    }
}
