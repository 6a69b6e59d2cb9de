package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.tidegrad.console.ConsoleSettings;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.joiner.app.JoinerSettings;
import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.EmbeddedBroker;
import io.tidegrad.localstack.ListenerSecurity;
import io.tidegrad.localstack.RegistryOptions;
import io.tidegrad.localstack.RegistryProcess;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.scorerapp.ScorerSettings;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// The example file of `docs/` against a broker whose only way in for clients is TLS with a password, and a registry
/// behind basic authentication: a client that some part of Tidegrad makes without these settings gets nowhere.
@LongProof("a broker with TLS, and a process for each command")
class SecuredClusterTest {
    private static final Path EXAMPLE = Path.of(System.getProperty("tidegrad.root"), "docs", "secured.properties");
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Schema EVENT = new Schema.Parser().parse("""
                            {"type": "record", "name": "Reading", "fields": [
                              {"name": "a", "type": "float"}, {"name": "over", "type": "int"}]}
                            """);
    private static final String SPEC = """
            model: flight-delay
            input: { topic: readings }
            label: { field: over }
            features:
              - number: { field: a }
            network: [ dense: 4, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            publish: { every: PT0.2S }
            """;

    /// As the example file has them.
    private static final String PASSWORD = "change-me";

    private static final Map<String, String> REGISTRY_REFUSES =
            Map.of("TIDEGRAD_REGISTRY_BASIC_AUTH_USER_INFO", "tidegrad:wrong-password");

    private static final String REGISTRY_LOGIN = "tidegrad:change-me-too";

    /// What a command refuses to go without, before it asks Kafka anything.
    private static final Map<Command, String> NEEDED = Map.of(CliSettings.EXPORT, " --to never.onnx",
            CliSettings.MODELS_ROLLBACK, " --version 1", CliSettings.SNAPSHOTS_AT, " --offset 0", JoinerSettings.JOINER,
            " --all-streams", CliSettings.STREAMS_SHOW, " a-stream", CliSettings.STREAMS_PAUSE, " a-stream",
            CliSettings.STREAMS_RESUME, " a-stream", CliSettings.STREAMS_DELETE, " a-stream",
            CliSettings.STREAMS_CREATE, " --spec a-stream.yaml", CliSettings.SPEC_SUGGEST, " --topic readings");

    /// They end their process.
    private static final Set<Command> PROGRAMS =
            Set.of(CliSettings.TRAINER, JoinerSettings.JOINER, ScorerSettings.SCORER, ConsoleSettings.CONSOLE);

    @TempDir
    static Path directory;
    private static EmbeddedBroker broker;
    private static RegistryProcess registry;
    private static HttpServer guard;
    private static Map<String, String> environment;

    private final List<Process> started = new ArrayList<>();

    @BeforeAll
    static void start() throws Exception {
        Path keyStore = certificate("broker");
        broker = EmbeddedBroker.start(BrokerOptions.temporary()
                .withSecurity(new ListenerSecurity(new ListenerSecurity.User("tidegrad", PASSWORD),
                        new ListenerSecurity.Certificate(keyStore, "keystore"))));
        registry = RegistryProcess.start(RegistryOptions.temporary());
        guard = guard(registry.url());
        // What differs from machine to machine; everything else is the example file's.
        environment = Map.of("TIDEGRAD_CONFIG", EXAMPLE.toString(), "TIDEGRAD_BOOTSTRAP_SERVERS",
                broker.bootstrapServers(), "TIDEGRAD_REGISTRY_URL", "http://127.0.0.1:" + guard.getAddress().getPort(),
                "TIDEGRAD_STATE_DIR", directory.resolve("state").toString(), "TIDEGRAD_SPEC",
                Files.writeString(directory.resolve("spec.yaml"), SPEC).toString(),
                "TIDEGRAD_KAFKA_SSL_TRUSTSTORE_LOCATION", directory.resolve("broker.pem").toString(),
                "TIDEGRAD_REGISTRY_HTTP_READ_TIMEOUT_MS", "120000", // its first answer takes a while
                "TIDEGRAD_HTTP_PORT", "0");
        try (Admin admin = Admin.create(settings().kafka().client())) {
            admin.createTopics(List.of(new NewTopic("readings", 1, (short) 1), new NewTopic("labeled", 1, (short) 1)))
                    .all().get();
        }
    }

    @AfterAll
    static void stop() {
        guard.stop(0);
        registry.close();
        broker.close();
    }

    @AfterEach
    void end() {
        started.forEach(Process::destroyForcibly);
    }

    /// A key store for 127.0.0.1, and beside it its certificate, which is its own authority, as PEM.
    private static Path certificate(String name) throws Exception {
        Path keyStore = directory.resolve(name + ".p12");
        keytool("-genkeypair -alias broker -keyalg EC -dname CN=" + name + " -ext san=ip:127.0.0.1,dns:localhost"
                + " -validity 2 -storetype PKCS12 -storepass keystore -keystore " + keyStore);
        keytool("-exportcert -rfc -alias broker -storepass keystore -keystore " + keyStore + " -file "
                + directory.resolve(name + ".pem"));
        return keyStore;
    }

    private static void keytool(String arguments) throws Exception {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
        line.addAll(List.of(arguments.split(" ")));
        Process keytool = new ProcessBuilder(line).redirectErrorStream(true).start();
        String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(keytool.waitFor()).describedAs(said).isZero();
    }

    /// Passes on to the registry what comes with the right login.
    private static HttpServer guard(String registryUrl) throws IOException {
        String expected =
                "Basic " + Base64.getEncoder().encodeToString(REGISTRY_LOGIN.getBytes(StandardCharsets.UTF_8));
        HttpClient client = HttpClient.newHttpClient();
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", exchange -> {
            try (exchange) {
                if (expected.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
                    pass(client, registryUrl, exchange);
                } else {
                    exchange.sendResponseHeaders(401, -1);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        server.start();
        return server;
    }

    private static void pass(HttpClient client, String registryUrl, HttpExchange exchange)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(registryUrl + exchange.getRequestURI())).method(
                exchange.getRequestMethod(),
                HttpRequest.BodyPublishers.ofByteArray(exchange.getRequestBody().readAllBytes()));
        String type = exchange.getRequestHeaders().getFirst("Content-Type");
        if (type != null) {
            request.header("Content-Type", type);
        }
        HttpResponse<byte[]> answer = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        exchange.sendResponseHeaders(answer.statusCode(), answer.body().length);
        exchange.getResponseBody().write(answer.body());
    }

    // ---- children ----

    /// A command as a user starts it, in a JVM of its own, its output in files.
    private final class Child {
        private final Process process;
        private final Path out = directory.resolve("out-" + started.size() + "-" + System.nanoTime());
        private final Path err = Path.of(out + ".err");

        Child(Command command, Map<String, String> changes) throws IOException {
            this(Tidegrad.class, List.of((command.word() + NEEDED.getOrDefault(command, "")).split(" ")), changes);
        }

        Child(Class<?> main, List<String> arguments, Map<String, String> changes) throws IOException {
            List<String> line =
                    new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                            "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
                            "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dtidegrad.kernels=scalar", "-cp",
                            System.getProperty("java.class.path"), main.getName()));
            line.addAll(arguments);
            ProcessBuilder builder = new ProcessBuilder(line);
            builder.environment().putAll(environment);
            builder.environment().putAll(changes);
            process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
            started.add(process);
        }

        String said() throws IOException {
            return Files.readString(out) + Files.readString(err);
        }

        /// Of the server that it says it listens on.
        String url() {
            Matcher[] line = new Matcher[1];
            await().atMost(PATIENCE).until(() -> {
                assertThat(process.isAlive()).describedAs(said()).isTrue();
                line[0] = Pattern.compile("http://127\\.0\\.0\\.1:\\d+").matcher(Files.readString(out));
                return line[0].find();
            });
            return line[0].group();
        }

        int status() throws Exception {
            assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                    .describedAs("it should end; it said: %s", said()).isTrue();
            return process.exitValue();
        }

        int stop() throws Exception {
            process.toHandle().destroy();
            return status();
        }
    }

    private static JsonNode get(String url) throws IOException {
        try (InputStream answer = URI.create(url).toURL().openStream()) {
            return JSON.readTree(answer);
        }
    }

    private static JsonNode awaitReport(Child trainer, long watermark) {
        JsonNode[] model = new JsonNode[1];
        String url = trainer.url() + "/health";
        await().atMost(PATIENCE).ignoreExceptionsInstanceOf(IOException.class) // 503 until it learns
                .until(() -> {
                    model[0] = get(url).path("models").path(0);
                    return model[0].path("report").path("watermark").asLong() == watermark
                            && model[0].path("published_version").asLong() == watermark
                            && model[0].path("lag").asLong(-1) == 0;
                });
        return model[0];
    }

    /// The scorer's health would not tell: a snapshot counts as a beat.
    private static void awaitHeartbeat() {
        TopicPartition snapshots = new TopicPartition("tidegrad.snapshots.flight-delay", 0);
        try (Consumer<byte[], byte[]> consumer = new ReadCommitted(settings().kafka().client()).open(snapshots)) {
            consumer.seekToBeginning(List.of(snapshots));
            await().atMost(PATIENCE).pollInSameThread().until(() -> {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    if (SnapshotKey.decode(record.key()).kind() == SnapshotKey.Kind.HEARTBEAT) {
                        return true;
                    }
                }
                return false;
            });
        }
    }

    private static Settings settings() {
        Settings settings = Settings.read(CliSettings.TRAINER, CliSettings.ALL, List.of(), environment);
        settings.refuseMistakes();
        return settings;
    }

    private static void send(int from, int to) {
        send("readings", from, to);
    }

    private static void send(String topic, int from, int to) {
        Settings settings = settings();
        try (SchemaRegistry schemas = SchemaRegistry.connect(settings.registry().client());
                KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings.kafka().client(),
                        new ByteArraySerializer(), new ByteArraySerializer())) {
            int id = schemas.register(topic + "-value", EVENT);
            for (int i = from; i < to; i++) {
                GenericData.Record event = new GenericData.Record(EVENT);
                event.put("a", (i % 7) / 7f);
                event.put("over", i % 7 > 3 ? 1 : 0);
                producer.send(new ProducerRecord<>(topic, new AvroCodec(schemas).encode(id, event)));
            }
            producer.flush();
        }
    }

    @Test
    void trainerScorerAndReplayNeedNothingButTheExampleFile() throws Exception {
        Child trainer = new Child(CliSettings.TRAINER, Map.of());
        send(0, 100);
        awaitReport(trainer, 100);
        send(100, 200); // the second commit reads the first one back
        awaitReport(trainer, 200);
        assertThat(trainer.stop()).describedAs(trainer.said()).isZero();

        Child restarted = new Child(CliSettings.TRAINER, Map.of()); // restores
        send(200, 300);
        JsonNode learned = awaitReport(restarted, 300);
        assertThat(learned.path("learned").asLong()).isEqualTo(300);
        awaitHeartbeat();
        String hash = learned.path("report").path("weights_hash").asText();

        Child scorer = new Child(ScorerSettings.SCORER, Map.of());
        String url = scorer.url();
        await().atMost(PATIENCE).ignoreExceptionsInstanceOf(IOException.class)
                .until(() -> get(url + "/health").path("models").path("flight-delay").path("version").asLong() == 300);
        assertThat(get(url + "/v1/models/flight-delay").path("weights_hash").asText()).isEqualTo(hash);

        assertTellsNoSecret(restarted, "models");
        assertTellsNoSecret(scorer, "models");

        Child replay = new Child(CliSettings.REPLAY, Map.of("TIDEGRAD_JSON", "true"));
        assertThat(replay.status()).describedAs(replay.said()).isZero();
        assertThat(JSON.readTree(replay.out.toFile()).path("weights_hash").asText()).isEqualTo(hash);

        refused(CliSettings.REPLAY, REGISTRY_REFUSES, "answered 401", "basic.auth.user.info");

        for (Child child : List.of(trainer, restarted, scorer, replay)) {
            assertThat(child.said()).doesNotContain(PASSWORD).doesNotContain("\tat ");
        }
        assertThat(trainer.said()).contains("kafka.sasl.jaas.config=*** (" + EXAMPLE + ":")
                .contains("registry.basic.auth.user.info=***");
    }

    @Test
    void aJoinerAndTheCommandsOfItsStreamNeedNothingButTheExampleFile() throws Exception {
        Path spec = Files.writeString(directory.resolve("labeled.yaml"),
                "stream: labeled\nevents: { topic: labeled }\nlabel: over\n");
        Child created = new Child(Tidegrad.class, List.of("streams", "create", "--spec", spec.toString()), Map.of());
        assertThat(created.status()).describedAs(created.said()).isZero();
        Child joiner = new Child(Tidegrad.class, List.of("joiner", "--stream", "labeled"),
                Map.of("TIDEGRAD_STATE_DIR", directory.resolve("joiner").toString()));
        send("labeled", 0, 100);
        String url = joiner.url() + "/health";
        await().atMost(PATIENCE).ignoreExceptionsInstanceOf(IOException.class) // 503 until it joins
                .until(() -> get(url).path("streams").path(0).path("events").asLong() == 100);
        assertTellsNoSecret(joiner, "streams");
        Child shown = new Child(Tidegrad.class, List.of("streams", "show", "labeled", "--json"), Map.of());
        assertThat(shown.status()).describedAs(shown.said()).isZero();
        assertThat(joiner.stop()).describedAs(joiner.said()).isZero();
        for (Child child : List.of(created, joiner, shown)) {
            assertThat(child.said()).doesNotContain(PASSWORD).doesNotContain("\tat ");
        }
        assertThat(joiner.said()).contains("kafka.sasl.jaas.config=*** (" + EXAMPLE + ":")
                .contains("registry.basic.auth.user.info=***");
    }

    /// To who asks it; the registry's password begins as Kafka's.
    private static void assertTellsNoSecret(Child child, String what) throws IOException {
        StringBuilder told = new StringBuilder();
        for (String path : List.of("/metrics", "/health")) {
            try (InputStream answer = URI.create(child.url() + path).toURL().openStream()) {
                told.append(new String(answer.readAllBytes(), StandardCharsets.UTF_8));
            }
        }
        assertThat(told).contains("tidegrad_", "\"" + what + "\"").doesNotContain(PASSWORD);
    }

    private void refused(Command command, Map<String, String> changes, String... said) throws Exception {
        Child child = new Child(command, withoutState(changes));
        assertThat(child.status()).describedAs(child.said()).isEqualTo(2);
        assertRefused(child.said(), said);
    }

    /// A scorer that finds what served before goes on with it, whatever Kafka says.
    private static Map<String, String> withoutState(Map<String, String> changes) {
        Map<String, String> all = new HashMap<>(changes);
        all.putIfAbsent("TIDEGRAD_STATE_DIR", directory.resolve("nothing-served").toString());
        return all;
    }

    private static void assertRefused(String output, String... said) {
        assertThat(output).contains(said).doesNotContain("\tat ").doesNotContain(PASSWORD)
                .doesNotContain("wrong-password");
    }

    /// By every command. Programs have a process each, the others take turns in one.
    private void refusedByAll(Map<String, String> changes, String... said) throws Exception {
        for (Command program : PROGRAMS) {
            refused(program, changes, said);
        }
        Files.writeString(directory.resolve("a-stream.yaml"),
                "stream: a-stream\nevents: { topic: events }\nlabel: label\n");
        Map<String, String> all = withoutState(changes);
        all.put("TIDEGRAD_FOR", "another-model");
        all.put("TIDEGRAD_SHARE", "5");
        List<String> words = new ArrayList<>();
        for (Command command : CliSettings.ALL.all()) {
            if (!PROGRAMS.contains(command) && command.has(CommonSettings.KAFKA)) {
                words.add(command.word() + NEEDED.getOrDefault(command, "").replace("a-stream.yaml",
                        directory.resolve("a-stream.yaml").toString()));
            }
        }
        Child inTurn = new Child(CommandsInTurn.class, words, all);
        assertThat(inTurn.status()).describedAs(inTurn.said()).isZero();
        String output = Files.readString(inTurn.err);
        for (String command : words) {
            int begin = output.indexOf(CommandsInTurn.BEGINS + command);
            int end = output.indexOf(CommandsInTurn.STATUS, begin);
            assertThat(begin).describedAs("%s in %s", command, output).isNotNegative();
            assertThat(output.substring(end)).describedAs(command).startsWith(CommandsInTurn.STATUS + 2);
            assertRefused(output.substring(begin, end), said);
        }
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aWrongPasswordIsRefusedByEveryCommandWithTheStatusThatNobodyRetries() throws Exception {
        refusedByAll(
                Map.of("TIDEGRAD_KAFKA_SASL_JAAS_CONFIG",
                        "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"tidegrad\""
                                + " password=\"wrong-password\";"),
                "Kafka does not let us in", "SCRAM-SHA-512", "check the kafka.* settings");
    }

    /// As when the password is replaced at the broker a little later than here.
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aTrainerThatKafkaLetInWithinTheLastHourIsTriedAgain() throws Exception {
        Path stateDir = Files.createDirectories(directory.resolve("was-let-in"));
        Files.createFile(stateDir.resolve("let-in"));
        Child child = new Child(CliSettings.TRAINER,
                Map.of("TIDEGRAD_STATE_DIR", stateDir.toString(), "TIDEGRAD_KAFKA_SASL_JAAS_CONFIG",
                        "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"tidegrad\""
                                + " password=\"wrong-password\";"));
        assertThat(child.status()).describedAs(child.said()).isEqualTo(75);
        assertThat(child.said()).contains("Kafka does not let us in", "did let us in before", "tried again")
                .doesNotContain("wrong-password");
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aCertificateThatNobodyVouchesForIsRefusedByEveryCommand() throws Exception {
        certificate("other");
        refusedByAll(Map.of("TIDEGRAD_KAFKA_SSL_TRUSTSTORE_LOCATION", directory.resolve("other.pem").toString()),
                "Kafka does not let us in", "certification path", "check the kafka.* settings");
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void aTrustStoreThatIsNotThereIsRefusedByEveryCommand() throws Exception {
        refusedByAll(Map.of("TIDEGRAD_KAFKA_SSL_TRUSTSTORE_LOCATION", "/no/such.pem"), "/no/such.pem",
                "kafka.* settings");
    }

    @Test
    void aWrongPasswordOfTheRegistryIsRefused() throws Exception {
        Map<String, String> changes = new HashMap<>(REGISTRY_REFUSES);
        changes.put("TIDEGRAD_PREFIX", "nobodys"); // no model is registered there
        changes.put("TIDEGRAD_STATE_DIR", directory.resolve("other-state").toString());
        refused(CliSettings.TRAINER, changes, "answered 401", "basic.auth.user.info");
    }
}
