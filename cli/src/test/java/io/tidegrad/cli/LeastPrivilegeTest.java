package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.EmbeddedBroker;
import io.tidegrad.localstack.ListenerSecurity;
import io.tidegrad.localstack.SharedStack;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/// The rights that `docs/operations/secure.md` lists are enough, and none of them is too much: a broker with TLS,
/// SCRAM and ACLs says what it denies.
@LongProof("a broker with TLS and ACLs, and starts of each process")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LeastPrivilegeTest {
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final String MODEL = "readings";
    private static final int EVENTS = 20;
    private static final Pattern DENIED = Pattern
            .compile("Principal = User:(\\S+) is Denied operation = (\\S+) from .* on resource = (\\w+):\\w+:(\\S+) ");
    private static final Schema EVENT = new Schema.Parser().parse("""
                            {"type": "record", "name": "Reading", "fields": [
                              {"name": "a", "type": "float"}, {"name": "over", "type": "int"}]}
                            """);

    @TempDir
    static Path directory;

    private final Set<String> denied = new ConcurrentSkipListSet<>();
    private final AppenderBase<ILoggingEvent> listening = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            Matcher matcher = DENIED.matcher(event.getFormattedMessage());
            // Kafka filters what it lists by the same questions, at a lower level.
            if (matcher.find() && (event.getLevel() == Level.INFO || matcher.group(2).equals("DESCRIBE_CONFIGS"))) {
                denied.add(matcher.group(1) + " " + matcher.group(2) + " " + matcher.group(3) + " " + matcher.group(4));
            }
        }
    };
    private final Logger authorizer = (Logger) LoggerFactory.getLogger("kafka.authorizer.logger");
    private @Nullable Level level;
    private EmbeddedBroker broker;
    private Admin admin;
    private int trials;

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

    /// A user, a prefix and a topic of events of its own.
    private final class Trial {
        private final String user = "u" + trials++;
        private final Topics topics = new Topics("p" + user);
        private final String events = "events-" + user;

        Trial() throws Exception {
            admin.alterUserScramCredentials(List.of(new UserScramCredentialUpsertion(user,
                    new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), user + "-secret"))).all().get();
            admin.createTopics(List.of(new NewTopic(events, 1, (short) 1))).all().get();
        }

        String name(String documented) {
            return documented.replace("topic of events", events).replaceFirst("^P\\b", topics.prefix()).replace("NAME",
                    MODEL);
        }

        void allow(Right right) throws Exception {
            String name = name(right.resource());
            boolean prefix = name.endsWith("*");
            AclBinding binding = new AclBinding(
                    new ResourcePattern(right.type(), prefix ? name.substring(0, name.length() - 1) : name,
                            prefix ? PatternType.PREFIXED : PatternType.LITERAL),
                    new AccessControlEntry("User:" + user, "*", right.operation(), AclPermissionType.ALLOW));
            admin.createAcls(List.of(binding)).all().get();
            // The controller has it now; the broker that is asked learns of it a little later.
            await().atMost(PATIENCE).until(() -> admin.describeAcls(binding.toFilter()).values().get().size() == 1);
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
                int id = schemas.register(events + "-value", EVENT);
                for (int i = 0; i < EVENTS; i++) {
                    GenericData.Record event = new GenericData.Record(EVENT);
                    event.put("a", (i % 7) / 7f);
                    event.put("over", i % 7 > 3 ? 1 : 0);
                    producer.send(new ProducerRecord<>(events, new AvroCodec(schemas).encode(id, event)));
                }
                producer.send(new ProducerRecord<>(events, new byte[]{1, 2, 3})); // becomes a dead letter
            }
        }

        Set<String> denied() {
            return denied.stream().filter(each -> each.startsWith(user + " "))
                    .collect(Collectors.toCollection(TreeSet::new));
        }

        TrainerApp trainer(String who) throws Exception {
            Path spec = Files.writeString(directory.resolve(user + ".yaml"), """
                    model: %s
                    input: { topic: %s }
                    label: { field: over }
                    features: [ number: { field: a } ]
                    network: [ dense: 4, relu, dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { adam: { rate: 0.01 } }
                    publish: { every: PT0.2S }
                    """.formatted(MODEL, events));
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

        String score() throws Exception {
            assertThat(train("admin", 1)).isEmpty();
            allow(new Right(AclOperation.WRITE, ResourceType.TOPIC, "P.status")); // without it everything is served
            try (ScorerApp scorer =
                    ScorerApp.start(ScorerConfig.parse(arguments(user, "--model", MODEL, "--http-port", "0"), Map.of()),
                            InstantSource.system())) {
                Scorer model = scorer.scorer(MODEL);
                await().atMost(PATIENCE)
                        .until(() -> model.ready() || model.status().followerDetail().contains("right"));
                return model.ready() ? "" : model.status().followerDetail();
            }
        }
    }

    private interface Run {
        /// Returns why it does not do its work; empty when it does.
        String of(Trial trial) throws Exception;
    }

    /// A line of the table: `| trainer | TOPIC | `P.control` | READ, WRITE |`.
    private static List<Right> documented(String process) throws Exception {
        List<Right> rights = new ArrayList<>();
        Path page = Path.of(System.getProperty("tidegrad.root"), "docs", "operations", "secure.md");
        for (String line : Files.readAllLines(page)) {
            String[] cells = line.split(" *\\| *");
            if (cells.length == 5 && cells[1].equals(process)) {
                for (String operation : cells[4].split(", ")) {
                    rights.add(new Right(AclOperation.fromString(operation), ResourceType.fromString(cells[2]),
                            cells[3].replace("`", "")));
                }
            }
        }
        return rights;
    }

    private record Right(AclOperation operation, ResourceType type, String resource) {
    }

    private void proves(String process, int rights, Run run) throws Exception {
        List<Right> all = documented(process);
        assertThat(all).hasSize(rights);
        Trial allowed = new Trial();
        for (Right right : all) {
            allowed.allow(right);
        }
        assertThat(run.of(allowed)).as("%s with all rights", process).isEmpty();
        assertThat(allowed.denied()).as("what %s asks for beyond the table", process).isEmpty();
        for (Right missing : all) {
            Trial trial = new Trial();
            for (Right right : all) {
                if (!right.equals(missing)) {
                    trial.allow(right);
                }
            }
            String said = run.of(trial);
            // A client asks for DESCRIBE first, which READ and WRITE include.
            assertThat(said).as("%s without %s", process, missing)
                    .containsPattern("expected the right (" + missing.operation() + "|DESCRIBE) on ");
            assertThat(said).as("%s without %s", process, missing)
                    .contains(missing.type() == ResourceType.TRANSACTIONAL_ID ? "the transactional id"
                            : trial.name(missing.resource()));
            assertThat(trial.denied()).as("%s without %s", process, missing).isNotEmpty();
        }
    }

    @Test
    void aTrainerNeedsEachDocumentedRightAndNoOther() throws Exception {
        proves("trainer", 30, trial -> trial.train(trial.user, 2));
    }

    @Test
    void aScorerNeedsEachDocumentedRightAndNoOther() throws Exception {
        proves("scorer", 2, Trial::score);
    }
}
