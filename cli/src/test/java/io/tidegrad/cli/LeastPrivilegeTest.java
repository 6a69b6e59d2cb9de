package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.console.ConsoleApp;
import io.tidegrad.console.ConsoleConfig;
import io.tidegrad.console.ConsoleSettings;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.StatusWriter;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.joiner.app.JoinerApp;
import io.tidegrad.joiner.app.JoinerConfig;
import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.EmbeddedBroker;
import io.tidegrad.localstack.ListenerSecurity;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.stream.Example;
import io.tidegrad.ops.settings.Command;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.ProcessRun;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.TestCertificates;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorerapp.ScorerApp;
import io.tidegrad.scorerapp.ScorerConfig;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.TrainerConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AccessControlEntryFilter;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourcePatternFilter;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.assertj.core.api.SoftAssertions;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.slf4j.LoggerFactory;

/// The rights that `docs/operations/secure.md` lists are enough, and none of them is too much: a broker with TLS,
/// SCRAM and ACLs says what it denies.
@LongProof("a broker with TLS and ACLs, and starts of each process")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Execution(ExecutionMode.CONCURRENT)
class LeastPrivilegeTest {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final String MODEL = "readings";
    private static final String OTHER = "others";
    private static final String STREAM = "joined";
    private static final int EVENTS = 20;
    private static final String EXAMPLES = "P.examples.STREAM.1"; // as the table calls it
    private static final Pattern DENIED = Pattern
            .compile("Principal = User:(\\S+) is Denied operation = (\\S+) from .* on resource = (\\w+):\\w+:(\\S+) ");
    private static final Pattern SETTINGS_TOLD =
            Pattern.compile("is Allowed operation = DESCRIBE_CONFIGS from .* on resource = \\w+:\\w+:(\\S+) ");
    private static final Schema EVENT = new Schema.Parser().parse("""
                            {"type": "record", "name": "Reading", "fields": [
                              {"name": "id", "type": "string"}, {"name": "at", "type": "long"},
                              {"name": "a", "type": "float"}, {"name": "over", "type": "int"}]}
                            """);

    /// What a user types behind the words of each command.
    private static final Map<String, List<String>> TYPED = Map.ofEntries(
            Map.entry("models compare", List.of(OTHER + " --for " + MODEL)),
            Map.entry("models list", List.of("--model " + MODEL)), Map.entry("models show", List.of(MODEL)),
            Map.entry("streams list", List.of("")), Map.entry("streams show", List.of(STREAM)),
            Map.entry("snapshots list", List.of("--model " + MODEL)),
            Map.entry("export", List.of("--model " + MODEL + " --to FILE")),
            Map.entry("replay", List.of("--model " + MODEL)),
            Map.entry("verify", List.of("--model " + MODEL, "--stream " + STREAM)),
            Map.entry("snapshots at", List.of("--model " + MODEL + " --offset 12")),
            Map.entry("lr-find", List.of("--spec SPEC")),
            Map.entry("models create", List.of("--spec SPEC --timeout 0 --start-at 2020-01-01T00:00:00Z")),
            Map.entry("models pause", List.of(MODEL + " --timeout 0")),
            Map.entry("models resume", List.of(MODEL + " --timeout 0")),
            Map.entry("models rollback", List.of(MODEL + " --epoch 1 --version " + EVENTS + " --timeout 0")),
            Map.entry("models upgrade", List.of()), // of a state of other numerics only, and with more rights
            Map.entry("models adopt", List.of()), // of a log that was copied only, likewise
            Map.entry("models promote", List.of(MODEL + " --timeout 0 --wait")),
            Map.entry("models shadow", List.of(OTHER + " --for " + MODEL + " --timeout 0")),
            Map.entry("models challenge", List.of(OTHER + " --for " + MODEL + " --share 5 --timeout 0")),
            Map.entry("models withdraw", List.of(OTHER + " --for " + MODEL + " --timeout 0")),
            Map.entry("streams create", List.of("--spec STREAM_SPEC")), Map.entry("streams pause", List.of(STREAM)),
            Map.entry("streams resume", List.of(STREAM)), Map.entry("models delete", List.of(MODEL + " --timeout 0")),
            Map.entry("streams delete", List.of(STREAM)));

    private static final Set<AclOperation> INCLUDE_DESCRIBE = EnumSet.of(AclOperation.DESCRIBE, AclOperation.READ,
            AclOperation.WRITE, AclOperation.DELETE, AclOperation.ALTER);

    @TempDir
    static Path directory;

    private final Set<String> denied = new ConcurrentSkipListSet<>();

    /// Of what is denied, what a client asked for in so many words.
    private final Set<String> refused = new ConcurrentSkipListSet<>();

    /// How often Kafka told a topic's settings.
    private final Map<String, Integer> settingsTold = new ConcurrentHashMap<>();
    private final AppenderBase<ILoggingEvent> listening = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            Matcher told = SETTINGS_TOLD.matcher(event.getFormattedMessage());
            if (told.find()) {
                settingsTold.merge(told.group(1), 1, Integer::sum);
            }
            Matcher matcher = DENIED.matcher(event.getFormattedMessage());
            // Kafka filters what it lists by the same questions, at a lower level.
            if (matcher.find() && (event.getLevel() == Level.INFO || matcher.group(2).equals("DESCRIBE_CONFIGS")
                    || matcher.group(2).equals("DELETE") || matcher.group(2).equals("WRITE"))) {
                String question =
                        matcher.group(1) + " " + matcher.group(2) + " " + matcher.group(3) + " " + matcher.group(4);
                denied.add(question);
                if (event.getLevel() == Level.INFO) {
                    refused.add(question);
                }
            }
        }
    };
    private final Logger authorizer = (Logger) LoggerFactory.getLogger("kafka.authorizer.logger");
    private @Nullable Level level;
    private EmbeddedBroker broker;
    private Admin admin;
    private final AtomicInteger trials = new AtomicInteger();

    @BeforeAll
    void start() throws Exception {
        TestCertificates.make(directory, "broker", "-keyalg EC");
        ListenerSecurity security = new ListenerSecurity(new ListenerSecurity.User("admin", "admin-secret"),
                new ListenerSecurity.Certificate(directory.resolve("broker.p12"), "keystore"));
        broker = EmbeddedBroker.start(new BrokerOptions(1, null, 0, Map.of("authorizer.class.name",
                "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users", "User:admin;User:ANONYMOUS"),
                Map.of(), security, null));
        level = authorizer.getLevel();
        authorizer.setLevel(Level.TRACE);
        authorizer.setAdditive(false);
        listening.start();
        authorizer.addAppender(listening);
        admin = Admin.create(new HashMap<>(client("admin")));
    }

    @AfterAll
    void stop() {
        admin.close();
        broker.close();
        // Other classes may follow in this JVM.
        authorizer.detachAppender(listening);
        authorizer.setAdditive(true);
        authorizer.setLevel(level);
    }

    private Map<String, String> client(String user) {
        Map<String, String> settings = new TreeMap<>();
        settings.put("bootstrap.servers", broker.bootstrapServers());
        settings.put("security.protocol", "SASL_SSL");
        settings.put("ssl.truststore.type", "PEM");
        settings.put("ssl.truststore.location", directory.resolve("broker.pem").toString());
        settings.put("sasl.mechanism", "SCRAM-SHA-512");
        settings.put("sasl.jaas.config", "org.apache.kafka.common.security.scram.ScramLoginModule required username=\""
                + user + "\" password=\"" + user + "-secret\";");
        return settings;
    }

    /// A user, and a prefix and topics of its own or of another trial.
    private final class Trial {
        private final String user;
        private final Topics topics;
        private final String events;
        private final String labels;
        private boolean ofStream; // its model learns from the stream
        private String model = MODEL;
        private String kept = ""; // the model of which a command begins an epoch
        private int epoch = 1; // that begins
        private List<Right> allowed = List.of();
        private int sent;

        Trial() throws Exception {
            this("u" + trials.getAndIncrement());
            admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(user,
                    new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), user + "-secret"))).all().get();
        }

        /// Of a user that there is.
        Trial(String user) throws Exception {
            this.user = user;
            String own = "t" + trials.getAndIncrement();
            topics = new Topics("p" + own);
            events = "events-" + own;
            labels = "labels-" + own;
            TopicCreation.create(admin, new NewTopic(events, 1, (short) 1), new NewTopic(labels, 2, (short) 1));
        }

        Trial(Trial other) throws Exception {
            user = "u" + trials.getAndIncrement();
            topics = other.topics;
            events = other.events;
            labels = other.labels;
            admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(user,
                    new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), user + "-secret"))).all().get();
        }

        String name(String documented) {
            return documented.replace("topic of events", events).replace("topic of labels", labels)
                    .replace("topic of --log-topic", "log-" + events).replace("GROUP", user)
                    .replaceFirst("^P\\b", topics.prefix()).replace("KEPT-E", kept + "-" + epoch).replace("KEPT", kept)
                    .replace("NAME", model).replace("STREAM", STREAM);
        }

        void allow(List<Right> rights) throws Exception {
            allowed = with(allowed, rights);
            List<AclBinding> bindings = rights.stream().map(right -> {
                String name = name(right.resource());
                boolean prefix = name.endsWith("*");
                return new AclBinding(
                        new ResourcePattern(right.type(), prefix ? name.substring(0, name.length() - 1) : name,
                                prefix ? PatternType.PREFIXED : PatternType.LITERAL),
                        new AccessControlEntry("User:" + user, "*", right.operation(), AclPermissionType.ALLOW));
            }).distinct().toList();
            admin.createAcls(bindings).all().get();
            AclBindingFilter own = new AclBindingFilter(ResourcePatternFilter.ANY,
                    new AccessControlEntryFilter("User:" + user, null, AclOperation.ANY, AclPermissionType.ANY));
            // The controller has them now; the broker that is asked learns of them a little later.
            await().atMost(PATIENCE).until(() -> admin.describeAcls(own).values().get().containsAll(bindings));
        }

        List<String> arguments(String who, String... more) {
            List<String> arguments = new ArrayList<>(List.of("--prefix", topics.prefix()));
            client(who).forEach((key, value) -> arguments.addAll(key.equals("bootstrap.servers")
                    ? List.of("--bootstrap-servers", value) : List.of("--kafka." + key, value)));
            arguments.addAll(List.of(more));
            return arguments;
        }

        void send() {
            Map<String, Object> settings = new HashMap<>(client("admin"));
            try (SchemaRegistry schemas =
                    SchemaRegistry.connect(Map.of("schema.registry.url", SharedStack.get().registryUrl()));
                    KafkaProducer<byte[], byte[]> producer =
                            new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
                AvroCodec codec = new AvroCodec(schemas);
                int ofEvents = schemas.register(events + "-value", EVENT);
                int ofLabels = schemas.register(labels + "-value", EVENT);
                for (int i = 0; i < EVENTS; i++) {
                    GenericData.Record event = event(i);
                    producer.send(new ProducerRecord<>(events, codec.encode(ofEvents, event)));
                    producer.send(new ProducerRecord<>(labels, codec.encode(ofLabels, event)));
                }
                producer.send(new ProducerRecord<>(events, new byte[]{1, 2, 3})); // becomes a dead letter
            }
        }

        private GenericData.Record event(int i) {
            GenericData.Record event = new GenericData.Record(EVENT);
            event.put("id", "id-" + sent++);
            event.put("at", 1_790_000_000_000L + sent);
            event.put("a", (i % 7) / 7f);
            event.put("over", i % 7 > 3 ? 1 : 0);
            return event;
        }

        /// Sends a request and something that is none.
        void ask() {
            try (SchemaRegistry schemas =
                    SchemaRegistry.connect(Map.of("schema.registry.url", SharedStack.get().registryUrl()));
                    KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(new HashMap<>(client("admin")),
                            new ByteArraySerializer(), new ByteArraySerializer())) {
                byte[] request =
                        new AvroCodec(schemas).encode(schemas.register(topics.requests() + "-value", EVENT), event(0));
                for (byte[] value : List.of(request, new byte[]{1, 2, 3})) {
                    producer.send(new ProducerRecord<>(topics.requests(), new byte[]{'q'}, value));
                }
            }
        }

        Set<String> of(Set<String> questions) {
            return questions.stream().filter(each -> each.startsWith(user + " "))
                    .collect(Collectors.toCollection(TreeSet::new));
        }

        Path spec(String model) throws IOException {
            String input = ofStream ? "input: { stream: " + STREAM + " }"
                    : "input: { topic: " + events + " }\nlabel: { field: over }";
            return Files.writeString(directory.resolve(model + "-" + events + ".yaml"), """
                    model: %s
                    %s
                    features: [ number: { field: a } ]
                    network: [ dense: 4, relu, dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { adam: { rate: 0.01 } }
                    publish: { every: PT0.2S }
                    """.formatted(model, input));
        }

        Path streamSpec() throws IOException {
            return Files.writeString(directory.resolve(STREAM + "-" + events + ".yaml"), """
                    stream: %s
                    events: { topic: %s, key: id, event-time: at }
                    labels: { topic: %s, key: id, value: over, event-time: at }
                    join: { wait: PT30M, missing: 0, window: P1D }
                    """.formatted(STREAM, events, labels));
        }

        /// Returns what a command says that fails; empty if it succeeds.
        String command(String who, String words) throws IOException {
            List<String> arguments = new ArrayList<>(List.of(words.split(" ")));
            arguments.replaceAll(word -> switch (word) {
                case "SPEC" -> directory.resolve(MODEL + "-" + events + ".yaml").toString();
                case "STREAM_SPEC" -> directory.resolve(STREAM + "-" + events + ".yaml").toString();
                case "FILE" -> directory.resolve(user + ".onnx").toString();
                default -> word;
            });
            spec(MODEL);
            streamSpec();
            arguments.addAll(arguments(who));
            if (!words.startsWith("snapshots list") && !words.startsWith("export")) {
                arguments.addAll(List.of("--registry-url", SharedStack.get().registryUrl()));
            }
            StringWriter err = new StringWriter();
            int status = Tidegrad.commandLine().setOut(new PrintWriter(new StringWriter()))
                    .setErr(new PrintWriter(err, true)).execute(arguments.toArray(String[]::new));
            // 75 without a word: no scorer followed, for there is none.
            return status == 0 || status == 75 && err.toString().isEmpty() ? "" : status + ": " + err;
        }

        /// Returns whether it lost DESCRIBE with a right that includes it. A client asks for that first.
        boolean mayNotDescribe(Right missing) {
            return INCLUDE_DESCRIBE.contains(missing.operation()) && allowed.stream()
                    .noneMatch(right -> right.type() == missing.type() && INCLUDE_DESCRIBE.contains(right.operation())
                            && covers(name(right.resource()), name(missing.resource())));
        }

        private static boolean covers(String resource, String other) {
            return resource.equals(other)
                    || resource.endsWith("*") && other.startsWith(resource.substring(0, resource.length() - 1));
        }

        String commands(String kind) throws Exception {
            return commands(kind, command -> true);
        }

        /// Returns what the first one says that fails.
        String commands(String kind, Predicate<String> chosen) throws Exception {
            for (String command : LeastPrivilegeTest.commands(kind)) {
                List<String> typed = Objects.requireNonNull(TYPED.get(command), command);
                for (String more : chosen.test(command) ? typed : List.<String>of()) {
                    String said = command(user, (command + " " + more).trim());
                    if (!said.isEmpty()) {
                        assertThat(said).as(command).startsWith(ExitCode.CONFIGURATION.status() + ": ");
                        return command + ": " + said;
                    }
                }
            }
            return "";
        }

        /// Returns a text about these topics as one about those of another trial.
        String named(String said, Trial other) {
            return said.replace(events, other.events).replace(labels, other.labels).replace(topics.prefix(),
                    other.topics.prefix());
        }

        /// Starts again for each round, without what it kept on disk, so that it reads its changelogs.
        String join(String who, int rounds) throws Exception {
            for (int round = 1; round <= rounds; round++) {
                send();
                try (JoinerApp joiner = JoinerApp.start(JoinerConfig.parse(
                        arguments(who, "--registry-url", SharedStack.get().registryUrl(), "--http-port", "0",
                                "--all-streams", "--state-dir", directory.resolve(user + "-" + round).toString()),
                        Map.of()))) {
                    if (round == 1) { // the joiner comes first, and creates topics of ours
                        assertThat(command("admin", "streams create --spec STREAM_SPEC")).isEmpty();
                    }
                    // Each look is a consumer with TLS and SCRAM of its own.
                    await().atMost(PATIENCE).pollInterval(Duration.ofMillis(200))
                            .until(() -> joiner.ended().isDone() || examples() == sent);
                    if (joiner.ended().isDone()) {
                        return withoutTheRight(joiner.ended().join());
                    }
                    if (round > 1) { // it looks at its topics while it runs
                        int told = settingsTold(topics.deadLetters());
                        await().atMost(PATIENCE).until(() -> settingsTold(topics.deadLetters()) > told);
                    }
                } catch (StopException e) {
                    return withoutTheRight(e);
                }
            }
            return "";
        }

        /// It never committed with these rights, so another try would not help.
        private static String withoutTheRight(StopException why) {
            assertThat(why.exitCode()).as(why.getMessage()).isEqualTo(ExitCode.CONFIGURATION);
            return String.valueOf(why.getMessage());
        }

        private int settingsTold(String topic) {
            return settingsTold.getOrDefault(topic, 0);
        }

        /// Returns how many committed examples there are.
        private long examples() {
            return Readings.committed(new HashMap<>(client("admin")), new TopicPartition(topics.examples(STREAM, 1), 0))
                    .stream().filter(each -> Example.isIn(each.headers())).count();
        }

        TrainerApp trainer(String who) throws Exception {
            Path spec = spec(MODEL);
            return TrainerApp
                    .start(TrainerConfig.parse(
                            arguments(who, "--registry-url", SharedStack.get().registryUrl(), "--http-port", "0",
                                    "--state-dir", directory.resolve(user).toString(), "--spec", spec.toString()),
                            Map.of()));
        }

        /// Starts again for each round: what it kept is read.
        String train(String who, int rounds) throws Exception {
            for (int round = 1; round <= rounds; round++) {
                send();
                long end = round * (EVENTS + 1L);
                try (TrainerApp trainer = trainer(who)) {
                    await().atMost(PATIENCE).until(
                            () -> trainer.ended().isDone() || trainer.models().stream().map(model -> model.committed())
                                    .anyMatch(state -> state != null && state.nextOffset() == end && state.settled()));
                    if (trainer.ended().isDone()) {
                        return String.valueOf(trainer.ended().join().getMessage());
                    }
                } catch (StopException e) {
                    return String.valueOf(e.getMessage());
                }
            }
            return "";
        }

        /// Both in one process, which comes first, and starts again for each round.
        String joinAndTrain(int rounds) throws Exception {
            ofStream = true;
            for (int round = 1; round <= rounds; round++) {
                send();
                Settings settings = Settings.read(CliSettings.TRAINER, CliSettings.ALL,
                        arguments(user, "--registry-url", SharedStack.get().registryUrl(), "--http-port", "0",
                                "--all-models", "--with-joiner", "--state-dir",
                                directory.resolve(user + "-" + round).toString()),
                        Map.of());
                try (ProcessRun.Work both =
                        TrainerWithJoiner.start(settings, TrainerConfig.of(settings, List.of(), List.of()))) {
                    if (round == 1) {
                        assertThat(command("admin", "streams create --spec STREAM_SPEC")).isEmpty();
                        assertThat(command("admin", "models create --spec SPEC --timeout 0")).isEmpty();
                    }
                    JsonNode health = await().atMost(PATIENCE).pollInterval(Duration.ofMillis(100))
                            .until(() -> health(both.httpPort()), at -> both.ended().isDone() || hasFailed(at)
                                    || at.path("models").path(0).path("learned").asLong() == sent);
                    if (both.ended().isDone()) {
                        return withoutTheRight(both.ended().join());
                    }
                    if (hasFailed(health)) {
                        return health.toString();
                    }
                } catch (StopException e) {
                    return withoutTheRight(e);
                }
            }
            return "";
        }

        private static boolean hasFailed(JsonNode health) {
            return health.findValuesAsText("state").contains("failed");
        }

        /// Learns from the examples that there are.
        String trainOnTheStream() throws Exception {
            long examples = examples();
            try (TrainerApp trainer = trainer(user)) {
                await().atMost(PATIENCE).until(
                        () -> trainer.ended().isDone() || trainer.models().stream().map(model -> model.committed())
                                .anyMatch(state -> state != null && state.examples() == examples && state.settled()));
                return trainer.ended().isDone() ? withoutTheRight(trainer.ended().join()) : "";
            } catch (StopException e) {
                return withoutTheRight(e);
            }
        }

        String score() throws Exception {
            assertThat(train("admin", 1)).isEmpty();
            // Without it everything is served.
            allow(List.of(new Right(AclOperation.WRITE, ResourceType.TOPIC, "P.status")));
            try (ScorerApp scorer =
                    ScorerApp.start(ScorerConfig.parse(arguments(user, "--model", MODEL, "--http-port", "0"), Map.of()),
                            InstantSource.system())) {
                Scorer model = scorer.scorer(MODEL);
                await().atMost(PATIENCE)
                        .until(() -> model.ready() || model.status().followerDetail().contains("right"));
                if (!model.ready()) {
                    assertThat(model.status().follower()).isEqualTo("refused");
                }
                return model.ready() ? "" : model.status().followerDetail();
            }
        }

        /// Returns the problem of a console that sees nothing of its model, or not how much there is to learn.
        String watch() throws Exception {
            Settings settings = Settings.read(ConsoleSettings.CONSOLE, CliSettings.ALL,
                    arguments(user, "--registry-url", SharedStack.get().registryUrl(), "--http-port", "0"), Map.of());
            try (ConsoleApp console = ConsoleApp.start(ConsoleConfig.of(settings, of -> {
                throw new AssertionError("it decides nothing");
            }))) {
                // By then it has read each topic, and asked where the topic of events ends.
                return await().atMost(PATIENCE).until(() -> picture(console.httpPort()),
                        at -> at.at("/status/problem").asText().contains("right")
                                || at.at("/status/caught_up").asBoolean() && at.at("/model/versions").size() > 0)
                        .at("/status/problem").asText();
            }
        }

        /// Begins without the topics that nobody copies.
        String adopt() throws Exception {
            delete(topics.deadLetters(), topics.progress());
            return command(user, "models adopt " + model);
        }

        /// Begins without the topics that a scorer may create.
        String answer() throws Exception {
            delete(topics.requests(), topics.predictions(), topics.deadLetters());
            try (ScorerApp scorer = ScorerApp.start(
                    ScorerConfig.parse(arguments(user, "--registry-url", SharedStack.get().registryUrl(), "--model",
                            MODEL, "--http-port", "0", "--requests-topic", topics.requests(), "--requests-group", user,
                            "--log-topic", MODEL + "=" + name("topic of --log-topic")), Map.of()),
                    InstantSource.system())) {
                JsonNode begun = await().atMost(PATIENCE).until(() -> health(scorer.port()).path("requests"),
                        at -> isRefused(at) || at.path("state").asText().equals("running"));
                if (isRefused(begun)) {
                    return begun.path("detail").asText();
                }
                ask();
                return await().atMost(PATIENCE).until(() -> health(scorer.port()).path("requests"),
                        at -> isRefused(at) || !at.path("predictions").isEmpty() && !at.path("dead_letters").isEmpty())
                        .path("detail").asText();
            }
        }
    }

    private static boolean isRefused(JsonNode requests) {
        return requests.path("state").asText().equals("refused");
    }

    private static JsonNode health(int port) throws Exception {
        try (HttpClient http = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/health")).build();
            return new ObjectMapper().readTree(http.send(request, HttpResponse.BodyHandlers.ofString()).body());
        }
    }

    /// Returns what a console says at once to whoever looks at the model.
    private static JsonNode picture(int port) throws Exception {
        URI events = URI.create("http://127.0.0.1:" + port + "/events?model=" + MODEL);
        try (HttpClient http = HttpClient.newHttpClient();
                InputStream body = http
                        .send(HttpRequest.newBuilder(events).build(), HttpResponse.BodyHandlers.ofInputStream()).body();
                BufferedReader lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8))) {
            return new ObjectMapper().readTree(lines.readLine().substring("data: ".length()));
        }
    }

    private interface Run {
        /// Returns why it does not do its work; empty when it does.
        String of(Trial trial) throws Exception;
    }

    private static List<String> page() throws IOException {
        return Files.readAllLines(Path.of(System.getProperty("tidegrad.root"), "docs", "operations", "secure.md"));
    }

    /// Lines of the table: `| trainer | TOPIC | `P.control`, `P.models` | READ, WRITE |`.
    private static List<Right> documented(String who) throws IOException {
        // Commands of this kind need other rights on the model that they read.
        String name = List.of("keeping", "replay --as", "models adopt").contains(who) ? "KEPT" : "NAME";
        List<Right> rights = new ArrayList<>();
        for (String line : page()) {
            String[] cells = line.split(" *\\| *");
            if (cells.length == 5 && cells[1].equals(who)) {
                for (String resource : cells[3].split(", ")) {
                    for (String operation : cells[4].split(", ")) {
                        rights.add(new Right(AclOperation.fromString(operation), ResourceType.fromString(cells[2]),
                                resource.replace("`", "").replace("NAME", name)));
                    }
                }
            }
        }
        return rights;
    }

    /// Of a model that learns from the stream.
    private static List<Right> ofTheStream(List<Right> trainer) {
        return trainer.stream().map(right -> new Right(right.operation(), right.type(),
                right.resource().equals("topic of events") ? EXAMPLES : right.resource())).toList();
    }

    /// Of an item of the list: `- **reading**: `models list`, `models show``.
    private static List<String> commands(String kind) throws IOException {
        String page = String.join("\n", page());
        Matcher item = Pattern.compile("(?ms)^- \\*\\*" + kind + "\\*\\*.*?(?=^- |^$)").matcher(page);
        assertThat(item.find()).as(kind).isTrue();
        return Pattern.compile("`([a-z -]+)`").matcher(item.group()).results().map(match -> match.group(1)).toList();
    }

    private record Right(AclOperation operation, ResourceType type, String resource) {
    }

    private static List<Right> with(List<Right> some, List<Right> others) {
        return Stream.concat(some.stream(), others.stream()).distinct().toList();
    }

    private void proves(String who, int rights, Run run) throws Exception {
        proves(who, List.of(), rights, Trial::new, run);
    }

    /// @param before rights that are proven to be needed already
    /// @param rights how many more `who` needs
    private void proves(String who, List<Right> before, int rights, Make make, Run run) throws Exception {
        proves(who, before, documented(who), rights, make, run);
    }

    private void proves(String who, List<Right> before, List<Right> after, int rights, Make make, Run run)
            throws Exception {
        List<Right> all = new ArrayList<>(after);
        all.removeAll(before);
        assertThat(all).hasSize(rights);
        Trial allowed = make.trial();
        allowed.allow(with(before, all));
        assertThat(run.of(allowed)).as("%s with all rights", who).isEmpty();
        assertThat(allowed.of(refused)).as("what %s asks for beyond the table", who).isEmpty();
        SoftAssertions softly = new SoftAssertions(); // all wrong lines at once
        for (Right missing : all) {
            Trial trial = make.trial();
            trial.allow(with(before, all).stream().filter(right -> !right.equals(missing)).toList());
            String said = run.of(trial);
            String operations = missing.operation() + (trial.mayNotDescribe(missing) ? "|DESCRIBE" : "");
            softly.assertThat(said).as("%s without %s", who, missing)
                    .containsPattern("expected the right (" + operations + ") on ");
            softly.assertThat(said).as("%s without %s", who, missing)
                    .contains(missing.type() == ResourceType.TRANSACTIONAL_ID ? "the transactional id"
                            : trial.name(missing.resource()).replace("*", ""));
            softly.assertThat(trial.of(denied)).as("%s without %s", who, missing).isNotEmpty();
        }
        softly.assertAll();
    }

    private interface Make {
        Trial trial() throws Exception;
    }

    @Test
    void aTrainerNeedsEachDocumentedRightAndNoOther() throws Exception {
        proves("trainer", 30, trial -> trial.train(trial.user, 2));
    }

    @Test
    void aJoinerNeedsEachDocumentedRightAndNoOther() throws Exception {
        proves("joiner", 23, trial -> trial.join(trial.user, 2));
    }

    /// Its console does not see it, and nothing else suffers.
    @Test
    void aTrainerAndAJoinerThatMayNotTellGoOnAndSayItOnce() throws Exception {
        Right tell = new Right(AclOperation.WRITE, ResourceType.TOPIC, "P.status");
        Right see = new Right(AclOperation.DESCRIBE, ResourceType.TOPIC, "P.status");
        List<String> said = new CopyOnWriteArrayList<>();
        AppenderBase<ILoggingEvent> hearing = new AppenderBase<>() {
            @Override
            protected void append(ILoggingEvent event) {
                said.add(event.getFormattedMessage());
            }
        };
        Logger writer = (Logger) LoggerFactory.getLogger(StatusWriter.class);
        hearing.start();
        writer.addAppender(hearing);
        try {
            for (String who : List.of("trainer", "joiner")) {
                List<Right> all = documented(who);
                assertThat(all).contains(tell);
                Trial trial = new Trial();
                trial.allow(with(all.stream().filter(right -> !right.equals(tell)).toList(), List.of(see)));
                String topic = trial.topics.status();
                assertThat(who.equals("trainer") ? trial.train(trial.user, 1) : trial.join(trial.user, 1)).isEmpty();
                assertThat(said).filteredOn(each -> each.contains(topic)).hasSize(1).first().asString()
                        .contains("expected the right WRITE on topic " + topic, "goes on, but no console sees it");
                assertThat(trial.of(refused)).containsExactly(trial.user + " WRITE Topic " + topic);
            }
        } finally {
            writer.detachAppender(hearing);
        }
    }

    /// Its events are the stream's examples; nothing else differs.
    @Test
    void aTrainerOfAStreamsModelNeedsTheRightsOnItsExamples() throws Exception {
        Trial world = new Trial();
        assertThat(world.join("admin", 1)).isEmpty();
        List<Right> all = ofTheStream(documented("trainer"));
        Trial allowed = new Trial(world);
        allowed.ofStream = true;
        allowed.allow(all);
        assertThat(allowed.trainOnTheStream()).isEmpty();
        assertThat(allowed.of(refused)).isEmpty();
        Trial denied = new Trial(world);
        denied.ofStream = true;
        denied.allow(all.stream()
                .filter(right -> !right.resource().equals(EXAMPLES) || right.operation() != AclOperation.READ)
                .toList());
        assertThat(denied.trainOnTheStream()).containsPattern("expected the right (READ|DESCRIBE) on ")
                .contains(world.topics.examples(STREAM, 1));
    }

    /// Kafka's client leaves partitions out that it may not see.
    @Test
    void whatAGroupHasCommittedOfAHiddenTopicIsNotTakenForNothing() throws Exception {
        Trial trial = new Trial();
        trial.allow(List.of(new Right(AclOperation.DESCRIBE, ResourceType.GROUP, "a-group"),
                new Right(AclOperation.DESCRIBE, ResourceType.TOPIC, "topic of events")));
        try (Admin own = Admin.create(new HashMap<>(client(trial.user)))) {
            TopicPartition seen = new TopicPartition(trial.events, 0);
            TopicPartition hidden = new TopicPartition(trial.labels, 1);
            assertThat(KafkaTopics.committed(own, "a-group", List.of(seen))).containsEntry(seen, null);
            assertThatThrownBy(() -> KafkaTopics.committed(own, "a-group", List.of(seen, hidden)))
                    .isInstanceOf(TopicAuthorizationException.class)
                    .hasMessageContaining("expected the right DESCRIBE on topic " + trial.labels);
        }
    }

    @Tag("load")
    @Test
    void aTrainerWithAJoinerNeedsTheRightsOfBothAndNoOther() throws Exception {
        List<Right> trainer = ofTheStream(documented("trainer"));
        List<Right> joiner = new ArrayList<>(documented("joiner"));
        joiner.remove(new Right(AclOperation.DESCRIBE, ResourceType.TOPIC, "P.models")); // in the trainer's READ
        proves("trainer --with-joiner", trainer, joiner, 11, Trial::new, trial -> trial.joinAndTrain(2));
    }

    @Test
    void aScorerNeedsEachDocumentedRightAndNoOther() throws Exception {
        proves("scorer", 2, Trial::score);
    }

    @Test
    void aConsoleNeedsEachDocumentedRightAndNoOther() throws Exception {
        Trial world = new Trial();
        assertThat(world.train("admin", 1)).isEmpty();
        proves("console", List.of(), 7, () -> new Trial(world), Trial::watch);
    }

    @Test
    void scoringFromTopicToTopicNeedsEachDocumentedRightAndNoOther() throws Exception {
        Trial world = new Trial();
        assertThat(world.train("admin", 1)).isEmpty();
        admin.createTopics(List.of(new NewTopic(world.name("topic of --log-topic"), 1, (short) 1))).all().get();
        List<Right> scorer = with(documented("scorer"), // and what it serves without, and tells
                List.of(new Right(AclOperation.WRITE, ResourceType.TOPIC, "P.status"),
                        new Right(AclOperation.WRITE, ResourceType.TOPIC, "P.progress")));
        proves("topic to topic", scorer, 13, () -> new Trial(world), Trial::answer);
    }

    /// What a command that compares with this model reads of it.
    private static List<Right> of(String model) {
        return List.of(new Right(AclOperation.READ, ResourceType.TOPIC, "P-" + model + "-1-model-changelog"));
    }

    /// Of one model and one stream that have been learned and joined; users share them.
    @Test
    void aCommandNeedsEachDocumentedRightAndNoOther() throws Exception {
        Trial world = new Trial();
        assertThat(world.train("admin", 2)).isEmpty();
        assertThat(world.join("admin", 1)).isEmpty();
        world.send();
        world.send(); // lr-find wants a hundred
        assertThat(world.command("admin", "models create --spec " + world.spec(OTHER) + " --timeout 0")).isEmpty();
        Make inTheWorld = () -> new Trial(world);
        List<Right> reading = documented("reading");
        proves("reading", List.of(), 7, inTheWorld, trial -> trial.commands("reading"));
        proves("relearning", reading, 8, inTheWorld, trial -> {
            trial.allow(of(OTHER));
            return trial.commands("relearning"); // one of them compares with that model
        });
        for (String command : List.of("verify --model " + MODEL, "replay --model " + MODEL,
                "models compare " + OTHER + " --for " + MODEL)) {
            proves("telling", with(reading, documented("relearning")), 1, inTheWorld, trial -> {
                trial.allow(of(OTHER));
                return trial.command(trial.user, command + " --tell");
            });
        }
        proves("deciding", reading, 17, inTheWorld, trial -> {
            // As a beginning, where no topic of ours is there yet.
            Trial beginning = new Trial(trial.user);
            beginning.send(); // a start at a time reads
            beginning.allow(trial.allowed);
            String said = beginning.commands("deciding", command -> command.endsWith("create"));
            if (said.isEmpty()) {
                said = trial.commands("deciding", command -> !command.endsWith("create"));
            }
            return beginning.named(said, trial);
        });
        List<Right> deciding = with(reading, documented("deciding"));
        proves("deleting", deciding, 6, Trial::new, trial -> {
            assertThat(trial.command("admin", "models create --spec SPEC --timeout 0")).isEmpty();
            // A trainer that made them would be in the group for a while after its end.
            admin.createTopics(List.of(new NewTopic(trial.topics.snapshots(MODEL), 1, (short) 1),
                    new NewTopic(Topics.changelog(trial.topics.applicationId(MODEL, 1)), 1, (short) 1))).all().get();
            assertThat(trial.command("admin", "streams create --spec STREAM_SPEC")).isEmpty();
            return trial.commands("deleting");
        });
    }

    /// A trial with a model of its own in the world, which a replay has made.
    private Trial withAModel(Trial world) throws Exception {
        Trial trial = new Trial(world);
        assertThat(trial.command("admin", "replay --model " + MODEL + " --as " + trial.user)).isEmpty();
        trial.model = trial.user;
        trial.kept = trial.user;
        trial.epoch = 2;
        return trial;
    }

    private Trial keepingAnother(Trial world) throws Exception {
        Trial trial = new Trial(world);
        trial.kept = trial.user;
        return trial;
    }

    private Trial ofOtherNumerics(Trial world) throws Exception {
        Trial trial = withAModel(world);
        new OtherNumerics(new HashMap<>(client("admin")), trial.topics, trial.model).write(Numerics.VERSION - 1, 1);
        return trial;
    }

    @Tag("load")
    @Test
    void aCommandThatBeginsAnEpochNeedsEachDocumentedRightAndNoOther() throws Exception {
        Trial world = new Trial();
        assertThat(world.train("admin", 2)).isEmpty();
        List<Right> before = beforeKeeping();
        List<Right> keeping = documented("keeping");
        proves("replay --as", before, with(keeping, documented("replay --as")), 11, () -> keepingAnother(world),
                trial -> trial.command(trial.user, "replay --model " + MODEL + " --as " + trial.kept));
        proves("models rollback --offset", before, keeping, 9, () -> withAModel(world), trial -> trial
                .command(trial.user, "models rollback " + trial.model + " --offset 12 --exact --timeout 0"));
        proves("models upgrade", before, keeping, 9, () -> ofOtherNumerics(world),
                trial -> trial.command(trial.user, "models upgrade " + trial.model + " --timeout 0"));
    }

    @Tag("load")
    @Test
    void aCommandThatMovesAModelNeedsEachDocumentedRightAndNoOther() throws Exception {
        Trial world = new Trial();
        assertThat(world.train("admin", 2)).isEmpty();
        int rights = 11;
        Deque<Trial> moved = new ArrayDeque<>(); // each learned the log before it is copied, once
        while (moved.size() <= rights) {
            moved.add(withAModel(world));
        }
        copyTheLog(world);
        proves("models adopt", beforeKeeping(), with(documented("keeping"), documented("models adopt")), rights,
                moved::removeFirst, Trial::adopt);
    }

    private static List<Right> beforeKeeping() throws IOException {
        return with(with(documented("reading"), documented("relearning")), documented("deciding"));
    }

    /// Those that there are.
    private void delete(String... topics) {
        admin.deleteTopics(List.of(topics)).topicNameValues().values().forEach(
                deleted -> deleted.toCompletionStage().exceptionally(none -> null).toCompletableFuture().join());
        await().atMost(PATIENCE).until(() -> Collections.disjoint(admin.listTopics().names().get(), List.of(topics)));
    }

    /// Makes the topic of events anew, with what was in it.
    private void copyTheLog(Trial world) throws Exception {
        Map<String, Object> settings = new HashMap<>(client("admin"));
        List<ConsumerRecord<byte[], byte[]>> events = Readings.committed(settings, new TopicPartition(world.events, 0));
        delete(world.events);
        admin.createTopics(List.of(new NewTopic(world.events, 1, (short) 1))).all().get();
        try (KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            events.forEach(each -> producer.send(new ProducerRecord<>(world.events, each.value())));
        }
    }

    @Test
    void theListOfCommandsIsWhole() throws Exception {
        List<String> listed = new ArrayList<>();
        for (String kind : List.of("reading", "relearning", "deciding", "deleting")) {
            listed.addAll(commands(kind));
        }
        assertThat(listed).doesNotHaveDuplicates()
                .containsExactlyInAnyOrderElementsOf(
                        CliSettings.ALL.all().stream().map(Command::word)
                                .filter(word -> !List.of("trainer", "joiner", "scorer", "console", "backtest",
                                        "spec suggest", "spec check").contains(word))
                                .toList())
                .containsExactlyInAnyOrderElementsOf(TYPED.keySet());
    }
}
