package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.snapshot.SavedModel;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import io.tidegrad.replay.Checkpoint;
import io.tidegrad.replay.TensorDifference;
import io.tidegrad.replay.VerifyResult;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.TrainerConfig;
import io.tidegrad.trainer.relearn.ReplayProgress;
import io.tidegrad.trainer.store.CommittedState;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.regex.Pattern;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Replay, verify and time travel as they are typed, beside what a trainer said of the same log.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReplayCommandsTest {
    private static final Schema EVENT = new Schema.Parser().parse("""
                            {"type": "record", "name": "Reading", "fields": [
                              {"name": "a", "type": "float"}, {"name": "over", "type": "int"}]}
                            """);
    private static final int EVENTS = 600;

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final String model = "m" + id;
    private final String prefix = "p" + id;
    private final String topic = "readings-" + id;
    private final String bootstrap = SharedStack.get().bootstrapServers();
    private final String registryUrl = SharedStack.get().registryUrl();
    private StringWriter out = new StringWriter();
    private StringWriter err = new StringWriter();
    private CommittedState learned;

    @TempDir
    Path directory;

    @BeforeAll
    void learn(@TempDir Path state) throws Exception {
        Map<String, Object> client = Map.of("bootstrap.servers", bootstrap);
        try (Admin admin = Admin.create(client);
                SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", registryUrl));
                KafkaProducer<byte[], byte[]> producer =
                        new KafkaProducer<>(client, new ByteArraySerializer(), new ByteArraySerializer())) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
            int schema = registry.register(topic + "-value", EVENT);
            send(producer, registry, schema, 0, EVENTS);
        }
        Path spec = Files.writeString(state.resolve("spec.yaml"), """
                        # What the author wrote stays.
                        model: %s
                        input: { topic: %s }
                        label: { field: over }
                        features: [ number: { field: a, scale: standard } ]
                        network: [ dense: 4, relu, dense: 1 ]
                        loss: binary-cross-entropy
                        optimizer: { adam: { rate: 0.01 } }
                        publish: { every: PT0.2S }
                        """.formatted(model, topic));
        List<String> arguments = new ArrayList<>(cluster());
        arguments.addAll(List.of("--spec", spec.toString(), "--http-port", "0"));
        arguments.addAll(List.of("--state-dir", state.resolve("s").toString()));
        try (TrainerApp trainer = TrainerApp.start(TrainerConfig.parse(arguments, Map.of()))) {
            learned = Objects.requireNonNull(Awaitility.await().atMost(Duration.ofSeconds(60)).until(
                    () -> trainer.models().getFirst().committed(),
                    at -> at != null && at.nextOffset() == EVENTS && at.settled()));
        }
    }

    private void send(KafkaProducer<byte[], byte[]> producer, SchemaRegistry registry, int schema, int from, int to) {
        AvroCodec codec = new AvroCodec(registry);
        for (int i = from; i < to; i++) {
            GenericData.Record event = new GenericData.Record(EVENT);
            event.put("a", (i % 7) / 7f);
            event.put("over", i % 7 > 3 ? 1 : 0);
            producer.send(new ProducerRecord<>(topic, 0, null, codec.encode(schema, event)));
        }
        producer.flush();
    }

    private List<String> cluster() {
        return List.of("--bootstrap-servers", bootstrap, "--registry-url", registryUrl, "--prefix", prefix);
    }

    @BeforeEach
    void forget() {
        out = new StringWriter();
        err = new StringWriter();
    }

    private int run(String words, String... more) {
        List<String> arguments = new ArrayList<>(List.of(words.split(" ")));
        List<String> cluster = new ArrayList<>(cluster());
        if (words.equals("snapshots list")) {
            cluster.subList(2, 4).clear(); // asks no registry
        }
        arguments.addAll(List.of(more));
        arguments.addAll(cluster);
        if (!arguments.contains("--model") && !words.equals("models compare")) {
            arguments.addAll(List.of("--model", model));
        }
        return Tidegrad.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(arguments.toArray(String[]::new));
    }

    private JsonNode json() throws Exception {
        return new ObjectMapper().readTree(out.toString());
    }

    private String weightsHash() {
        return Objects.requireNonNull(learned.report()).weightsHash();
    }

    private String stateHash() {
        return Objects.requireNonNull(learned.report()).stateHash();
    }

    @Test
    void aReplayPrintsTheTrainersHashes() throws Exception {
        assertThat(run("replay", "--json")).as(err.toString()).isZero();
        assertThat(json().path("weights_hash").asText()).isEqualTo(weightsHash());
        assertThat(json().path("state_hash").asText()).isEqualTo(stateHash());
        assertThat(json().path("start_offset").asLong()).isZero();
        assertThat(err.toString()).isEmpty();
        forget();
        assertThat(run("replay", "--until", "100")).as(err.toString()).isZero();
        assertThat(out.toString()).contains("model         " + model + ", replayed from offset 0 to 100",
                "events        100 = 100 learned + 0 pending + 0 dead letters");
    }

    @Test
    void anotherSpecIsComparedKeptAndFollowed() throws Exception {
        String name = "wide-" + id;
        Path spec = Files.writeString(directory.resolve("wide.yaml"), """
                        model: any
                        input: { topic: %s }
                        label: { field: over }
                        features: [ number: { field: a } ]
                        network: [ dense: 16, relu, dense: 1 ]
                        loss: binary-cross-entropy
                        optimizer: { sgd: { rate: 0.05 } }
                        """.formatted(topic));
        String[] arguments = {"--with-spec", spec.toString(), "--as", name, "--compare", model, "--until", "400"};
        assertThat(run("replay", arguments)).as(err.toString()).isZero();
        assertThat(out.toString()).contains("kept          as model " + name)
                .contains("the same events, each predicted before it was learned").containsPattern("rows +400 +400")
                .containsPattern("log loss +0\\.\\d{4} +0\\.\\d{4}  (" + name + "|" + model + ") by 0\\.");
        forget();
        assertThat(run("models compare", name, "--for", model)).as(err.toString()).isZero();
        assertThat(out.toString()).containsPattern("log loss +0\\.\\d{4} +0\\.\\d{4}")
                .containsPattern("verdict +can't tell yet")
                .containsPattern("rests on +0 examples that both learned, each counted as \\d\\.\\d{4} at most");
        forget();
        assertThat(run("models compare", name, "--for", model, "--json")).isZero();
        assertThat(json().path("compared").path("losses").path("verdict").asText()).isEqualTo("cant-tell-yet");
        assertThat(json().path("compared").path("losses").path("examples").asLong()).isZero(); // too few to tell a bound
        forget();
        assertThat(run("verify", "--model", name)).as(err.toString()).isZero(); // published before a trainer learns
        forget();
        assertThat(run("snapshots at", "--model", name, "--offset", "400", "--json")).as(err.toString()).isZero();
        assertThat(json().path("state_offset").asLong()).isEqualTo(400);
        assertThat(json().path("version").asLong()).isEqualTo(400);
    }

    @LongProof("a trainer process after a replay")
    @Test
    void whatIsReplayedLiveGoesOnAsATrainer() throws Exception {
        String name = "live-" + id;
        List<String> command =
                new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules=jdk.incubator.vector", "-XX:TieredStopAtLevel=1", "-Dtidegrad.kernels=scalar",
                        "-cp", System.getProperty("java.class.path"), Tidegrad.class.getName(), "replay"));
        command.addAll(cluster());
        command.addAll(List.of("--model", model, "--as", name, "--until", "live"));
        command.addAll(List.of("--http-port", "0", "--from", "300"));
        command.addAll(List.of("--state-dir", directory.resolve("live").toString()));
        Path said = directory.resolve("live.out");
        Process process = new ProcessBuilder(command).redirectOutput(said.toFile())
                .redirectError(directory.resolve("live.err").toFile()).start();
        try {
            Pattern ready = Pattern.compile("trainer ready: (http://\\S+)");
            Awaitility.await().atMost(Duration.ofSeconds(90)).until(() -> {
                assertThat(process.isAlive()).as(Files.readString(directory.resolve("live.err"))).isTrue();
                return ready.matcher(Files.readString(said)).find();
            });
            assertThat(Files.readString(said)).contains("model         " + name + ", replayed from offset 300 to 600")
                    .contains("kept          as model " + name);
            var url = ready.matcher(Files.readString(said)).results().toList().getFirst().group(1);
            JsonNode health = Awaitility.await().atMost(Duration.ofSeconds(90)).until(() -> health(url),
                    at -> at.path("report").path("watermark").asLong() == EVENTS
                            && at.path("published_version").asLong() == 300);
            assertThat(health.path("learned").asLong()).isEqualTo(300);
            assertThat(run("replay", "--model", name, "--json")).as(err.toString()).isZero();
            assertThat(health.path("report").path("state_hash").asText()).isEqualTo(json().path("state_hash").asText());
            process.toHandle().destroy(); // SIGTERM; Process.destroy would also close the pipes
            assertThat(process.waitFor()).isZero();
            forget();
            assertThat(run("verify", "--model", name)).as(out.toString() + err).isZero();
        } finally {
            process.destroyForcibly();
        }
    }

    private static JsonNode health(String url) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/health")).build();
            String body = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
            return new ObjectMapper().readTree(body).path("models").path(0);
        }
    }

    @Test
    void aSnapshotsWeightsBeginANewModel() throws Exception {
        long version = learned.publishedVersion();
        Path weights = directory.resolve("start.safetensors");
        String name = "again-" + id;
        assertThat(run("replay", "--from", "snapshot:" + version, "--as", name, "--out", weights.toString(), "--json"))
                .as(err.toString()).isZero();
        assertThat(json().path("start_offset").asLong()).isEqualTo(EVENTS);
        assertThat(json().path("version").asLong()).isZero();
        assertThat(weights).exists();
        forget();
        assertThat(run("replay", "--model", name, "--json")).as(err.toString()).isZero();
        assertThat(json().path("start_offset").asLong()).isEqualTo(EVENTS);
    }

    @Test
    void aPublishedVersionIsVerified() throws Exception {
        assertThat(run("verify")).as(err.toString()).isZero();
        assertThat(out.toString()).contains("published     " + weightsHash(), "from the log  " + weightsHash(),
                "equal");
        forget();
        assertThat(run("verify", "--json", "--version", "" + learned.publishedVersion())).isZero();
        assertThat(json().path("equal").asBoolean()).isTrue();
    }

    @Test
    void aDifferenceNamesBatchesTensorAndIndex() {
        Checkpoint equal = new Checkpoint(200, 200, "aa", "ab", "progress record");
        Checkpoint different = new Checkpoint(300, 300, "ba", null, "snapshot 1.300");
        VerifyResult.Difference difference = new VerifyResult.Difference(equal, different, 300, "ca", "cb",
                "snapshot 1.300", new TensorDifference("3.weight", 5, 0, 0.5, 0.25, 1, 8, 1));
        Checkpoint target = new Checkpoint(500, 500, "da", null, "snapshot 1.500");
        VerifyResult result =
                new VerifyResult("m", "m", 1, target, 0, List.of(), 300, 4, null, difference, 2_000_000_000L);
        assertThat(VerifyCommand.text(result).lines()).containsExactly("model         m, version 1.500 at offset 500",
                "learned again 300 events from offset 0 on, in 2.0 s", "published     da",
                "DIFFERENT     first seen in the snapshot 1.300 at offset 300, version 300", "its hash      ba",
                "from the log  ca at version 300",
                "batches       201 to 300, offsets 200 to 299: the progress record before it agrees",
                "tensor        3.weight, row 5, column 0: 0.5 in snapshot 1.300, 0.25 from the log",
                "numbers       1 of 8 of that tensor differ; 1 tensors do");
    }

    @Test
    void publishedVersionsAreListed() throws Exception {
        assertThat(run("snapshots list")).as(err.toString()).isZero();
        assertThat(out.toString().lines().toList().getLast()).startsWith("1." + learned.version())
                .endsWith(weightsHash());
        forget();
        assertThat(run("snapshots list", "--json")).as(err.toString()).isZero();
        String newest = out.toString().lines().toList().getLast();
        JsonNode line = new ObjectMapper().readTree(newest);
        assertThat(line.path("next_offset").asLong()).isEqualTo(EVENTS);
        // How it came to be: of which log, by which spec, how well.
        assertThat(line.path("topic").asText()).isEqualTo(topic);
        assertThat(line.path("topic_id").asText()).hasSize(22);
        assertThat(line.path("start_offset").asLong(-1)).isZero();
        assertThat(line.path("spec_fingerprint").asText()).hasSize(64);
        assertThat(line.path("log_loss").asDouble()).isPositive();
        assertThat(line.path("origin").isNull()).isTrue();
    }

    /// By another spec under the same name it is another model: which column is which is said.
    @Test
    void theColumnsOfTwoModelsOfOneNameAreToldApart() throws Exception {
        Path spec = directory.resolve("same-name.yaml");
        Files.writeString(spec, """
                model: %s
                input: { topic: %s }
                label: { field: over }
                features: [ number: { field: a, scale: standard } ]
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                """.formatted(model, topic));
        assertThat(run("replay", "--with-spec", spec.toString(), "--compare", model)).as(err.toString()).isZero();
        assertThat(out.toString()).contains(model + ", replayed", model + ", registered");
    }

    @Test
    void aModelOfThePastIsWrittenWhole() throws Exception {
        assertThat(run("replay", "--until", "250", "--json")).isZero();
        String stateHash = json().path("state_hash").asText();
        for (String ending : List.of("tidegrad", "safetensors", "onnx")) {
            forget();
            Path file = directory.resolve("past." + ending);
            assertThat(run("snapshots at", "--offset", "250", "--out", file.toString())).as(err.toString()).isZero();
            assertThat(out.toString()).contains("version 1.250 at offset 250", "state-hash    " + stateHash)
                    .contains("written       " + file);
        }
        forget();
        assertThat(run("replay", "--until", "250", "--json")).isZero();
        ModelSpec spec = ModelSpec.parse("""
                        model: %s
                        input: { topic: %s }
                        label: { field: over }
                        features: [ number: { field: a, scale: standard } ]
                        network: [ dense: 4, relu, dense: 1 ]
                        loss: binary-cross-entropy
                        optimizer: { adam: { rate: 0.01 } }
                        """.formatted(model, topic), "the spec");
        try (InputStream in = Files.newInputStream(directory.resolve("past.tidegrad"))) {
            assertThat(SavedModel.read(Plan.of(spec.network()), in).updates()).isEqualTo(250);
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    replay --until 1000000 | 2 | expected an offset up to its end
                    replay --until soon | 2 | --until: expected end, live, an offset, or a time such as
                    replay --until live --state-dir d | 2 | expected --as NAME beside it
                    replay --from snapshot:1 --as x | 2 | expected --out FILE.safetensors
                    replay --from snapshot:99999 | 1 | found not version 99999
                    replay --paused | 2 | --paused: expected --as NAME beside it
                    replay --resume-at end | 2 | --resume-at: expected --as NAME beside it
                    replay --until 100 --as x --resume-at 99 | 2 | resume-at: expected an offset from 100 on
                    replay --until 0 --as none-yet --resume-at end | 2 | until: expected an end after the first update
                    replay --until live --as x --state-dir d --paused | 2 | expected neither --resume-at nor --paused
                    replay --out x.safetensors | 2 | expected --from snapshot:N beside it
                    replay --compare nobody | 2 | model nobody: expected a registered model, found none
                    models compare MODEL --for nobody | 2 | model nobody: expected a registered model, found none
                    models compare MODEL --for MODEL | 2 | expected another model than the one that is compared
                    models compare MODEL --for x --from snapshot:3 | 2 | --from snapshot:3: expected an offset or a time
                    replay --with-spec none.yaml | 2 | with-spec none.yaml: expected a readable file
                    verify --model nobody | 2 | correct the name or the prefix
                    verify --version 99999 | 2 | expected version 99999 on
                    snapshots at | 2 | expected one of --offset OFFSET and --time TIME, found none
                    snapshots at --offset 1000000 | 2 | not been written yet
                    snapshots at --time 2999-01-01T00:00:00Z | 2 | before which events may still come
                    snapshots at --offset 1 --out x.pt | 2 | .onnx or .safetensors or .tidegrad, found x.pt
                    snapshots list --model nobody | 2 | found no such topic
                    """)
    void aMistakeIsSaidInOneLineWithItsRemedy(String line, int status, String said) {
        int words = line.startsWith("snapshots") || line.startsWith("models") ? 2 : 1;
        List<String> parts = List.of(line.replace("MODEL", model).split(" "));
        assertThat(run(String.join(" ", parts.subList(0, words)),
                parts.subList(words, parts.size()).toArray(String[]::new))).as(out.toString() + err).isEqualTo(status);
        assertThat(err.toString()).contains(said).doesNotContain("\tat ");
        assertThat(err.toString().lines()).hasSize(1);
    }

    @Test
    void progressIsABarOnATerminalAndALineElsewhere() {
        ReplayProgress half = new ReplayProgress(100, 600, 1_100, 500, 10_000_000_000L);
        try (ProgressLine bar = new ProgressLine(new PrintWriter(out, true), true)) {
            bar.at(half);
            assertThat(out.toString()).isEqualTo(
                    "\r[###############---------------]  50.0 %  offset 600 of 1,100  50 events/s" + "  0:10 min left");
        }
        try (ProgressLine plain = new ProgressLine(new PrintWriter(err, true), false)) {
            plain.at(half);
            plain.at(new ReplayProgress(100, 610, 1_100, 510, 10_200_000_000L));
        }
        assertThat(err.toString().strip()).isEqualTo("50.0 %  offset 600 of 1,100  50 events/s  0:10 min left");
    }
}
