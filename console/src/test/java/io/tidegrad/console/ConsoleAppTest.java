package io.tidegrad.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.LogPosition;
import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.EmbeddedBroker;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
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
import org.junit.jupiter.api.Test;

class ConsoleAppTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String SPEC = """
                    model: fraud
                    input: { topic: %s }
                    label: { field: over }
                    features: [ number: { field: a } ]
                    network: [ dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { sgd: { rate: 0.1 } }
                    """;
    private static final String CONNECTION = "document.getElementById('connection').textContent";
    private static final String LEARNED = "document.querySelector('.tile .value').textContent";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Topics topics = new Topics("console-" + UUID.randomUUID());

    private void create(Admin admin, String... names) throws Exception {
        admin.createTopics(
                List.of(names).stream().map(name -> new NewTopic(name, Optional.of(1), Optional.empty())).toList())
                .all().get();
    }

    private static void write(Producer<byte[], byte[]> producer, ConsumerRecord<byte[], byte[]> record)
            throws Exception {
        producer.send(new ProducerRecord<>(record.topic(), 0, record.key(), record.value(), record.headers())).get();
    }

    private static JsonNode whole(HttpClient client, int port, String model) throws Exception {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/events?model=" + model)).build();
        try (InputStream body = client.send(request, BodyHandlers.ofInputStream()).body();
                BufferedReader events = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8))) {
            return JSON.readTree(events.readLine().substring("data: ".length()));
        }
    }

    private ConsoleConfig config(String bootstrapServers, int port) {
        return new ConsoleConfig(KafkaSettings.of(bootstrapServers),
                RegistrySettings.of(SharedStack.get().registryUrl()), topics, "127.0.0.1", port,
                new ServerSecurity(null, null), List.of(), null, null);
    }

    /// Whoever looks sees it: in the stream of events that stays open, in health, and on the page in a real Chromium if this
    /// machine has one.
    @LongProof("a broker of its own, which stops and starts")
    @Test
    void aConsoleWhoseKafkaGoesAwaySaysSoAndShowsWhatIsNewOnceItIsBackAsItsPageDoesForTheConsole() throws Exception {
        Path program = Browser.program();
        try (EmbeddedBroker kafka = EmbeddedBroker.start(BrokerOptions.temporary());
                SchemaRegistry registry =
                        SchemaRegistry.connect(RegistrySettings.of(SharedStack.get().registryUrl()).client());
                Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
                Producer<byte[], byte[]> producer =
                        new KafkaProducer<>(Map.of("bootstrap.servers", kafka.bootstrapServers()),
                                new ByteArraySerializer(), new ByteArraySerializer());
                HttpClient http = HttpClient.newHttpClient();
                Browser page = program == null ? null : Browser.start(program)) {
            Topic topic = new Topic(topics, registry);
            create(admin, topics.models(), topics.progress(), "events");
            write(producer, topic.registered("fraud"));
            write(producer, topic.progress(Topic.report("fraud", 1_000).build()));
            ConsoleApp console = ConsoleApp.start(config(kafka.bootstrapServers(), 0));
            int port = console.httpPort();
            try (Told told = new Told(http, port)) {
                told.await(at -> at.at("/model/learned").asLong() == 1_000 && at.at("/status/caught_up").asBoolean());
                if (page != null) {
                    page.open("http://127.0.0.1:" + port + "/#fraud");
                }
                see(page, CONNECTION + " === 'live'");
                see(page, LEARNED + " === '1,000'");
                assertThat(health(http, port).path("status").asText()).isEqualTo("UP");

                kafka.stopNode(0);
                JsonNode gone = told.await(at -> !at.at("/status/problem").asText().isEmpty());
                assertThat(gone.at("/status/problem").asText()).startsWith("Kafka at " + kafka.bootstrapServers()
                        + " does not answer, and is asked again until it does: ");
                assertThat(gone.at("/status/as_of_ms").asLong()).isBetween(System.currentTimeMillis() - 60_000,
                        System.currentTimeMillis());
                see(page, "document.querySelector('#problems').innerText.startsWith('Kafka at "
                        + kafka.bootstrapServers() + " does not answer')");
                see(page, CONNECTION + ".startsWith('not live; this is of 20')");
                see(page, LEARNED + " === '1,000'");
                assertThat(health(http, port).path("status").asText()).isEqualTo("DEGRADED");
                assertThat(whole(http, port, "fraud").at("/model/learned").asLong()).isEqualTo(1_000);

                kafka.startNode(0);
                write(producer, topic.progress(Topic.report("fraud", 2_000).build()));
                told.await(at -> at.at("/model/learned").asLong() == 2_000);
                told.await(at -> at.at("/status/problem").asText().isEmpty() && !at.at("/status/as_of_ms").isNumber());
                see(page, CONNECTION + " === 'live'");
                see(page, "document.querySelector('#problems').innerText === ''");
                see(page, LEARNED + " === '2,000'");
                assertThat(health(http, port).path("status").asText()).isEqualTo("UP");
            } finally {
                console.close();
            }
            see(page, CONNECTION + ".startsWith('The console does not answer; this is of 20')");
            write(producer, topic.progress(Topic.report("fraud", 3_000).build()));
            see(page, LEARNED + " === '2,000'");
            try (ConsoleApp next = ConsoleApp.start(config(kafka.bootstrapServers(), port))) {
                await().atMost(PATIENCE)
                        .until(() -> whole(http, next.httpPort(), "fraud").at("/model/learned").asLong() == 3_000);
                see(page, CONNECTION + " === 'live'");
                see(page, LEARNED + " === '3,000'");
            }
        }
    }

    private static void see(@Nullable Browser page, String expression) {
        if (page != null) {
            page.see(expression);
        }
    }

    private static JsonNode health(HttpClient http, int port) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/health")).build();
        return JSON.readTree(http.send(request, BodyHandlers.ofString()).body());
    }

    /// What one stream of events tells, which stays open.
    private static final class Told implements AutoCloseable {
        private final BlockingQueue<JsonNode> events = new LinkedBlockingQueue<>();
        private final InputStream body;
        private JsonNode last = MissingNode.getInstance();

        Told(HttpClient http, int port) throws Exception {
            HttpRequest request =
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/events?model=fraud")).build();
            body = http.send(request, BodyHandlers.ofInputStream()).body();
            Thread.ofVirtual().start(this::read);
        }

        private void read() {
            try (BufferedReader lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    if (line.startsWith("data: ")) {
                        events.add(JSON.readTree(line.substring("data: ".length())));
                    }
                }
            } catch (IOException ended) {
                // By the test or by the console; who waits for an event waits in vain.
            }
        }

        /// Returns the first event of which this is true, from the one on that was returned last.
        JsonNode await(Predicate<JsonNode> wanted) throws InterruptedException {
            if (wanted.test(last)) {
                return last;
            }
            long until = System.nanoTime() + PATIENCE.toNanos();
            for (long left = PATIENCE.toNanos(); left > 0; left = until - System.nanoTime()) {
                JsonNode event = events.poll(left, TimeUnit.NANOSECONDS);
                last = event == null ? last : event;
                if (event != null && wanted.test(event)) {
                    return event;
                }
            }
            throw new AssertionError("expected another event, found last " + last);
        }

        @Override
        public void close() throws IOException {
            body.close();
        }
    }

    /// A broker whose ACLs deny everybody to see one topic.
    @LongProof("a broker of its own")
    @Test
    void aTopicThatMayNotBeReadIsToldAndAllOthersAreReadUntilItMay() throws Exception {
        AclBinding may = acl("*", AclPermissionType.ALLOW);
        AclBinding mayNot = acl(topics.deadLetters(), AclPermissionType.DENY);
        try (EmbeddedBroker kafka = EmbeddedBroker.start(new BrokerOptions(1, null, 0,
                Map.of("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                        "super.users", "User:none", "allow.everyone.if.no.acl.found", "true"),
                Map.of(), null, null));
                Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
                Producer<byte[], byte[]> producer =
                        new KafkaProducer<>(Map.of("bootstrap.servers", kafka.bootstrapServers()),
                                new ByteArraySerializer(), new ByteArraySerializer());
                SchemaRegistry registry =
                        SchemaRegistry.connect(RegistrySettings.of(SharedStack.get().registryUrl()).client());
                HttpClient http = HttpClient.newHttpClient()) {
            Topic topic = new Topic(topics, registry);
            create(admin, topics.models(), topics.progress(), topics.deadLetters(), topics.snapshots("fraud"),
                    "events");
            write(producer, topic.registered("fraud"));
            write(producer, topic.published("fraud", 1_000));
            write(producer, topic.deadLetter("fraud", "null-value", "", new byte[0]));
            admin.createAcls(List.of(may, mayNot)).all().get();
            try (ConsoleApp console = ConsoleApp.start(config(kafka.bootstrapServers(), 0))) {
                await().atMost(PATIENCE)
                        .until(() -> whole(http, console.httpPort(), "fraud").at("/status/caught_up").asBoolean());
                write(producer, topic.progress(Topic.report("fraud", 1_000).build()));
                await().atMost(PATIENCE).untilAsserted(() -> {
                    JsonNode said = whole(http, console.httpPort(), "fraud");
                    assertThat(said.at("/status/problem").asText()).containsPattern(
                            "expected the right (READ|DESCRIBE) on topic " + topics.deadLetters() + ",");
                    assertThat(said.at("/status/denied").fieldNames()).toIterable()
                            .containsExactly(topics.deadLetters());
                    assertThat(said.at("/model/learned").asLong()).isEqualTo(1_000);
                    assertThat(said.at("/model/versions/0/version").asLong()).isEqualTo(1_000);
                    assertThat(said.at("/model/dead_letters_newest").isEmpty()).isTrue();
                });

                admin.deleteAcls(List.of(mayNot.toFilter())).all().get();
                await().atMost(PATIENCE).untilAsserted(() -> {
                    JsonNode said = whole(http, console.httpPort(), "fraud");
                    assertThat(said.at("/status/problem").asText()).isEmpty();
                    assertThat(said.at("/model/dead_letters_newest")).hasSize(1);
                });

                // Seen, but not read.
                AclBinding mayNotRead = new AclBinding(mayNot.pattern(),
                        new AccessControlEntry("User:*", "*", AclOperation.READ, AclPermissionType.DENY));
                admin.createAcls(List.of(mayNotRead)).all().get();
                await().atMost(PATIENCE).untilAsserted(
                        () -> assertThat(whole(http, console.httpPort(), "fraud").at("/status/problem").asText())
                                .contains("expected the right READ on topic " + topics.deadLetters() + ","));
                write(producer, topic.progress(Topic.report("fraud", 2_000).build()));
                write(producer, topic.deadLetter("fraud", "undecodable", "", new byte[0]));
                await().atMost(PATIENCE).untilAsserted(() -> {
                    JsonNode said = whole(http, console.httpPort(), "fraud");
                    assertThat(said.at("/model/learned").asLong()).isEqualTo(2_000);
                    assertThat(said.at("/model/dead_letters_newest")).hasSize(1);
                });
                admin.deleteAcls(List.of(mayNotRead.toFilter())).all().get();
                await().atMost(PATIENCE).untilAsserted(
                        () -> assertThat(whole(http, console.httpPort(), "fraud").at("/model/dead_letters_newest"))
                                .hasSize(2));
            }
        }
    }

    private static AclBinding acl(String topic, AclPermissionType permission) {
        return new AclBinding(new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL),
                new AccessControlEntry("User:*", "*",
                        permission == AclPermissionType.ALLOW ? AclOperation.ALL : AclOperation.DESCRIBE, permission));
    }

    private static double bytes(HttpClient http, ConsoleApp console, String what) throws Exception {
        String metrics = http
                .send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + console.httpPort() + "/metrics")).build(),
                        BodyHandlers.ofString())
                .body();
        String series = "tidegrad_console_" + what + "_bytes_total ";
        return metrics.lines().filter(line -> line.startsWith(series))
                .mapToDouble(line -> Double.parseDouble(line.substring(series.length()))).sum();
    }

    private HttpResponse<String> decide(HttpClient http, ConsoleApp console, String more) throws Exception {
        String own = "http://127.0.0.1:" + console.httpPort();
        HttpRequest request = HttpRequest.newBuilder(URI.create(own + "/decisions"))
                .headers("Origin", own, "Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString("{\"author\": \"Ann\", \"reason\": \"audit\", " + more + "}"))
                .build();
        return http.send(request, BodyHandlers.ofString());
    }

    @Test
    void whatIsDecidedOnThePageIsOnTheTopicsWithItsAuthorAndWhatCantBeIsRefused() throws Exception {
        KafkaProvider kafka = SharedStack.get();
        Map<String, Object> client = Map.of("bootstrap.servers", kafka.bootstrapServers());
        String log = topics.models() + "-events";
        ConsoleConfig config = new ConsoleConfig(KafkaSettings.of(kafka.bootstrapServers()),
                RegistrySettings.of(kafka.registryUrl()), topics, "127.0.0.1", 0, new ServerSecurity(null, null),
                List.of(), (decisions, model, back) -> decisions.rollback(model, back, (epoch, version) -> {
                }, (lineage, nextOffset) -> {
                }), null);
        try (SchemaRegistry registry = SchemaRegistry.connect(RegistrySettings.of(kafka.registryUrl()).client());
                Admin admin = Admin.create(client);
                Producer<byte[], byte[]> producer =
                        new KafkaProducer<>(client, new ByteArraySerializer(), new ByteArraySerializer());
                ConsoleApp console = ConsoleApp.start(config);
                HttpClient http = HttpClient.newHttpClient()) {
            create(admin, log, topics.snapshots("fraud"));
            new Decisions(config.kafka(), topics, admin, (short) 1, new Decisions.By("setup", "")).create(
                    ModelSpec.parse(SPEC.formatted(log), "spec"), new LogPosition.Begin(), (spec, view) -> spec);

            HttpResponse<String> refused = decide(http, console, "\"model\": \"fraud\", \"action\": \"promote\"");
            assertThat(refused.statusCode()).isEqualTo(409);
            assertThat(refused.body()).contains("expected a version of epoch 1 on topic");
            HttpResponse<String> paused = decide(http, console, "\"model\": \"fraud\", \"action\": \"pause\"");
            assertThat(paused.body()).contains("\"action\":\"pause\"");
            assertThat(paused.statusCode()).isEqualTo(200);
            assertThat(decide(http, console, "\"model\": \"fraud\", \"action\": \"pause\"").body())
                    .contains("paused already");
            write(producer, new Topic(topics, registry).published("fraud", 1_500));
            JsonNode back = JSON.readTree(decide(http, console, "\"model\": \"fraud\", \"action\": \"rollback\","
                    + " \"epoch\": 1, \"version\": 1500, \"resume_at\": \"base\"").body());
            assertThat(back.path("what").asText()).isEqualTo("epoch 2 from version 1500 of epoch 1");
            assertThat(back.path("resume_offset").asLong()).isEqualTo(1_507);

            await().atMost(PATIENCE).untilAsserted(() -> {
                JsonNode model = whole(http, console.httpPort(), "fraud").path("model");
                assertThat(model.at("/registered/stage").asText()).isEqualTo("paused");
                assertThat(model.at("/registered/epoch").asInt()).isEqualTo(2);
                assertThat(model.at("/decisions/1/action").asText()).isEqualTo("pause");
                assertThat(model.at("/decisions/1/author").asText()).isEqualTo("Ann");
                assertThat(model.at("/decisions/1/reason").asText()).isEqualTo("audit");
            });
        }
    }

    @Test
    void aConsoleThatIsThereFirstShowsAModelOnceItsTopicsAppear() throws Exception {
        KafkaProvider kafka = SharedStack.get();
        Map<String, Object> client = Map.of("bootstrap.servers", kafka.bootstrapServers());
        try (SchemaRegistry registry = SchemaRegistry.connect(RegistrySettings.of(kafka.registryUrl()).client());
                Admin admin = Admin.create(client);
                Producer<byte[], byte[]> producer =
                        new KafkaProducer<>(client, new ByteArraySerializer(), new ByteArraySerializer());
                ConsoleApp console = ConsoleApp.start(config(kafka.bootstrapServers(), 0));
                HttpClient http = HttpClient.newHttpClient()) {
            Topic topic = new Topic(topics, registry);
            create(admin, topics.models(), topics.control(), topics.status(), topics.progress(), topics.deadLetters());
            write(producer, topic.registered("fraud"));
            write(producer, topic.progress(Topic.report("fraud", 1_000).build()));
            write(producer, topic.deadLetter("fraud", "null-value", "", new byte[0]));
            await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(
                            whole(http, console.httpPort(), "fraud").at("/model/registered/input_topic").asText())
                            .isEqualTo("events"));

            create(admin, topics.snapshots("fraud"));
            write(producer, topic.part("fraud", 1_000));
            write(producer, topic.published("fraud", 1_000));
            write(producer, topic.heartbeat("fraud", 1_000, true));

            await().atMost(PATIENCE).untilAsserted(() -> {
                JsonNode said = whole(http, console.httpPort(), "fraud");
                assertThat(said.at("/model/learned").asLong()).isEqualTo(1_000);
                assertThat(said.at("/model/lag").asLong(-1)).isZero();
                assertThat(said.at("/model/versions/0/version").asLong()).isEqualTo(1_000);
                assertThat(said.at("/model/dead_letters_newest/0/reason").asText()).isEqualTo("null-value");
                assertThat(said.at("/status/caught_up").asBoolean()).isTrue();
                assertThat(said.at("/status/unreadable").asLong()).isZero();
            });
            // More than the values of five records, and than nothing.
            await().atMost(PATIENCE).untilAsserted(() -> {
                assertThat(bytes(http, console, "received")).isGreaterThan(1_000);
                assertThat(bytes(http, console, "sent")).isGreaterThan(1_000);
            });
        }
    }
}
