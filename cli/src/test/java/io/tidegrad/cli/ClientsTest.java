package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.safetensors.SafetensorsExport;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.ConfluentAvroSerializer;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorerapp.ScorerApp;
import io.tidegrad.scorerapp.ScorerConfig;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.TrainerConfig;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericContainer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/// The clients of `python/` and `docs/clients.md`, each run by its own interpreter against a trainer and a scorer. Where
/// there is none, the test is skipped and the summary of `./tidegrad test` names it.
@LongProof("a trainer, a scorer, and interpreters of other languages")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ClientsTest {
    private static final Path ROOT = Path.of(System.getProperty("tidegrad.root"));
    private static final String MODEL = "flight-delay";
    private static final int FLIGHTS = 20_000;

    /// All tensors of which PyTorch has other axes, and tables beside them.
    private static final Map<String, String> LAYERS = Map.of("image", """
            model: image
            input: { topic: t }
            label: { field: late }
            features:
              - pixels: { field: pixels, width: 6, height: 5 }
            network: [ reshape: [1, 5, 6], conv2d: { channels: 3, kernel: [3, 2] }, batch-norm, relu, flatten, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { sgd: { rate: 0.1 } }
            """, "series", """
            model: series
            input: { topic: t }
            label: { field: late }
            features:
              - sequence: { field: steps, steps: 4, width: 3 }
            network:
              - reshape: [4, 3]
              - conv1d: { channels: 4, kernel: 3, padding: 1 }
              - gru: { hidden: 5, bidirectional: true, output: sequence }
              - self-attention: { heads: 2 }
              - layer-norm
              - lstm: { hidden: 3, output: last }
              - dense: 1
            loss: binary-cross-entropy
            optimizer: { sgd: { rate: 0.1 } }
            """, "tables", """
            model: tables
            input: { topic: t }
            label: { field: late }
            features:
              - number: { field: a, scale: standard }
              - category: { field: b, buckets: 7, dimension: 7 }
              - bag: { field: c, buckets: 5, dimension: 3, count: 4 }
            network: [ dense: { units: 11, bias: false }, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { sgd: { rate: 0.1 } }
            """);

    private final String id = UUID.randomUUID().toString().substring(0, 8);
    private final Topics topics = new Topics("p" + id);

    /// Where all of that is, as the Python tests are told.
    private final Map<String, String> environment = new HashMap<>();
    private TrainerApp trainer;
    private ScorerApp scorer;

    @TempDir
    static Path directory;

    @AfterAll
    void close() {
        scorer.close();
        trainer.close();
    }

    // ---- what they are run against ----

    private List<String> cluster() {
        return List.of("--bootstrap-servers", SharedStack.get().bootstrapServers(), "--registry-url",
                SharedStack.get().registryUrl(), "--prefix", topics.prefix());
    }

    private static List<String> with(List<String> arguments, String... more) {
        List<String> all = new ArrayList<>(arguments);
        all.addAll(List.of(more));
        return all;
    }

    /// A model that has learned flights and is served, and exported files of it in the directory.
    @BeforeAll
    void start() throws Exception {
        String topic = "flights-" + id;
        EventsTopic.create(SharedStack.get().bootstrapServers(), topic);
        Path spec = Files.writeString(directory.resolve("spec.yaml"),
                ShippedStream.FLIGHTS.spec().replace("topic: flights", "topic: " + topic));
        trainer = TrainerApp.start(TrainerConfig.parse(with(cluster(), "--spec", spec.toString(), "--http-port", "0",
                "--state-dir", directory.resolve("state").toString()), Map.of()));
        scorer = ScorerApp.start(ScorerConfig.parse(with(cluster(), "--model", MODEL, "--http-port", "0"), Map.of()),
                InstantSource.system());
        send(topic, 0, FLIGHTS / 2);
        awaitServed(FLIGHTS / 2); // so that there are two versions to ask
        send(topic, FLIGHTS / 2, FLIGHTS);
        awaitServed(FLIGHTS);
        for (String ending : List.of("snapshot", "safetensors")) {
            Path file = directory.resolve(MODEL + "." + ending);
            export(file);
            environment.put("TIDEGRAD_" + ending.toUpperCase(Locale.ROOT), file.toString());
        }
        environment.put("TIDEGRAD_LAYERS", exportLayers().toString());
        environment.put("TIDEGRAD_SCORER", "http://127.0.0.1:" + scorer.port());
        environment.put("TIDEGRAD_LAST_OFFSET", "" + (FLIGHTS - 1));
        environment.put("TIDEGRAD_BOOTSTRAP_SERVERS", SharedStack.get().bootstrapServers());
        environment.put("TIDEGRAD_REGISTRY_URL", SharedStack.get().registryUrl());
        environment.put("TIDEGRAD_PROGRESS", topics.progress());
    }

    private static void send(String topic, int from, int to) {
        Schema schema = ShippedStream.FLIGHTS.schema();
        ConfluentAvroSerializer values = new ConfluentAvroSerializer();
        values.configure(Map.of("schema.registry.url", SharedStack.get().registryUrl()), false);
        try (KafkaProducer<byte[], GenericContainer> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", SharedStack.get().bootstrapServers()), new ByteArraySerializer(), values)) {
            for (StreamEvent flight : ShippedStream.FLIGHTS.read().subList(from, to)) {
                producer.send(new ProducerRecord<>(topic, 0, null, flight.toAvro(schema)));
            }
        }
    }

    private void awaitServed(long nextOffset) {
        long version = Readings.awaitLearned(trainer, MODEL, 1, nextOffset).version();
        await().atMost(Readings.PATIENCE).until(() -> {
            ServedVersion served = scorer.scorer(MODEL).current();
            return served != null && served.version() == version;
        });
    }

    private void export(Path file) {
        StringWriter said = new StringWriter();
        int status = Tidegrad.commandLine().setOut(new PrintWriter(said)).setErr(new PrintWriter(said, true)).execute(
                "export", "--bootstrap-servers", SharedStack.get().bootstrapServers(), "--prefix", topics.prefix(),
                "--model", MODEL, "--to", file.toString());
        assertThat(status).as(said.toString()).isZero();
    }

    private Path exportLayers() throws IOException {
        Path layers = Files.createDirectory(directory.resolve("layers"));
        for (Map.Entry<String, String> each : LAYERS.entrySet()) {
            ModelSpec spec = ModelSpec.parse(each.getValue(), each.getKey());
            OnlineModel model = OnlineModel.initial(spec, Kernels.active());
            try (OutputStream to = Files.newOutputStream(layers.resolve(each.getKey() + ".safetensors"))) {
                SafetensorsExport.write(model.parameters(), Map.of("version", "0", "examples", "0", "spec-fingerprint",
                        HexFormat.of().formatHex(spec.fingerprint()), "weights-hash", model.weightsHash()), to);
            }
        }
        return layers;
    }

    // ---- how they are run ----

    /// The output of a program that is expected to succeed, in the directory of the exported files.
    private String run(Map<String, String> environment, String... line) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(line).directory(directory.toFile()).redirectErrorStream(true);
        builder.environment().putAll(environment);
        builder.environment().putAll(Map.of("PYTHONPATH", ROOT.resolve("python").toString(), "PYTHONDONTWRITEBYTECODE",
                "1", "PYTHONIOENCODING", "utf-8"));
        Path output = Files.createTempFile(directory, "output", ".txt");
        Process process = builder.redirectOutput(output.toFile()).start();
        boolean ended = process.waitFor(Readings.PATIENCE.toSeconds() * 3, TimeUnit.SECONDS);
        process.destroyForcibly();
        String said = Files.readString(output, StandardCharsets.UTF_8);
        assertThat(ended).as("it ends; it said %s", said).isTrue();
        assertThat(process.exitValue()).as(said).isZero();
        return said;
    }

    private static boolean works(String... line) {
        try {
            return new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start().waitFor() == 0;
        } catch (IOException | InterruptedException notThere) {
            return false;
        }
    }

    /// The first python3 that has these modules; the system's own comes last, behind one that a shell would find.
    private static String python(String modules) {
        Optional<String> found = List.of("python3", "/usr/bin/python3").stream()
                .filter(each -> works(each, "-c", "import " + modules)).findFirst();
        assumeTrue(found.isPresent(), "no python3 can import " + modules
                + " (Debian: apt-get install python3-numpy python3-confluent-kafka), so this was not run");
        return found.orElseThrow();
    }

    private static void assertRan(String unittest, int least) {
        assertThat(unittest).doesNotContain("skipped").containsPattern("Ran \\d+ tests? in");
        assertThat(Integer.parseInt(unittest.replaceAll("(?s).*Ran (\\d+) tests? in.*", "$1")))
                .isGreaterThanOrEqualTo(least);
    }

    private String said(String name) {
        return Objects.requireNonNull(environment.get(name));
    }

    /// The block of the documents in this language, with what differs from machine to machine.
    private String documented(String language) throws IOException {
        String text = Files.readString(ROOT.resolve("docs/clients.md"));
        String after = text.substring(text.indexOf("```" + language + "\n") + language.length() + 4);
        String block = after.substring(0, after.indexOf("```"));
        assertThat(block).contains("http://127.0.0.1:8080");
        return block.replace("http://127.0.0.1:8080", said("TIDEGRAD_SCORER"))
                .replace("127.0.0.1:9092", said("TIDEGRAD_BOOTSTRAP_SERVERS"))
                .replace("http://127.0.0.1:8081/apis/ccompat/v7", said("TIDEGRAD_REGISTRY_URL"))
                .replace("\"tidegrad.progress\"", "\"" + said("TIDEGRAD_PROGRESS") + "\"");
    }

    private static final String SCORED = "0\\.\\d+ by version 1\\." + FLIGHTS;

    // ---- the clients ----

    @Test
    void pythonsOwnTestsPass() throws Exception {
        String python = python("numpy");
        String tests = ROOT.resolve("python").toString();
        assertRan(
                run(Map.of(), python, "-W", "error", "-m", "unittest", "discover", "-s", tests + "/tests", "-t", tests),
                15);
    }

    @Test
    void pythonScoresAndReadsFilesWithTheBitsThatAreServed() throws Exception {
        assertRan(run(environment, python("numpy"), "-m", "unittest", "-v", "tests.live"), 6);
    }

    @Test
    void pythonReadsProgressAsArrays() throws Exception {
        assertRan(run(environment, python("numpy, confluent_kafka"), "-m", "unittest", "-v", "tests.live_progress"), 2);
    }

    @Test
    void theNotebookRunsFromItsFirstCellToItsLast() throws Exception {
        String said = run(environment, python("numpy"), ROOT.resolve("python/tests/run_notebook.py").toString(),
                ROOT.resolve("python/examples/flights.ipynb").toString());
        assertThat(said).containsPattern(SCORED).contains("equal: file, safetensors and scorer",
                "equal: numpy and the trainer");
    }

    @Test
    void theDocumentedExampleInPythonRuns() throws Exception {
        String python = python("numpy, confluent_kafka");
        Path file = Files.writeString(directory.resolve("example.py"), documented("python"));
        assertThat(run(Map.of(), python, file.toString())).containsPattern(SCORED);
        assertThat(run(Map.of(), python, "-m", "tidegrad", MODEL + ".snapshot", MODEL + ".safetensors")).hasLineCount(2)
                .contains(MODEL + " 1." + FLIGHTS + ", weights-hash ");
    }

    @Test
    void theDocumentedExampleInTypeScriptRuns() throws Exception {
        assumeTrue(works("node", "-e", "fetch"), "no node with fetch (18 or later), so this was not run");
        Path file = Files.writeString(directory.resolve("example.mjs"), documented("ts"));
        assertThat(run(Map.of(), "node", file.toString())).containsPattern(SCORED);
    }

    @Test
    void theDocumentedExampleInGoRuns() throws Exception {
        assumeTrue(works("go", "version"), "no go, so this was not run");
        Path file = Files.writeString(directory.resolve("example.go"), documented("go"));
        Map<String, String> offline = Map.of("GOCACHE", directory.resolve("go").toString(), "GO111MODULE", "off");
        assertThat(run(offline, "go", "run", file.toString())).containsPattern(SCORED);
    }
}
