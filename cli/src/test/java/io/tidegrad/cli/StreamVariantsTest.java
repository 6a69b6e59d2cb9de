package io.tidegrad.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.joiner.app.JoinerApp;
import io.tidegrad.joiner.app.JoinerConfig;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.FieldTree;
import io.tidegrad.schemas.Prediction;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorerapp.ScorerApp;
import io.tidegrad.scorerapp.ScorerConfig;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/// Teams' schemas of many shapes, by the commands that a user types, on one joiner, one trainer and one scorer: each
/// stream's examples are what a person finds who joins by hand, its model's weights are those of a fold over them, and
/// the event scores the same as JSON over HTTP, from topic to topic and in the library.
class StreamVariantsTest {
    private static final long LATER = StreamVariant.START + 2 * 3_600_000L;

    private final Readings readings = new Readings();
    private final String id = readings.id;
    private final Topics topics = new Topics("p" + id);
    private final String requests = "asked-" + id;
    private final ObjectMapper json = new ObjectMapper();
    private final Admin admin = Admin.create(Map.of("bootstrap.servers", readings.bootstrap));
    private final SchemaRegistry registry =
            SchemaRegistry.connect(Map.of("schema.registry.url", SharedStack.get().registryUrl()));
    private final AvroCodec codec = new AvroCodec(registry);
    private final KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
            Map.of("bootstrap.servers", readings.bootstrap), new ByteArraySerializer(), new ByteArraySerializer());

    /// By variant and id.
    private final Map<String, byte[]> values = new HashMap<>();

    @TempDir
    Path directory;

    @AfterEach
    void close() {
        producer.close();
        registry.close();
        admin.close();
        readings.close();
    }

    @Test
    @LongProof("a joiner, a trainer and a scorer")
    void adsAreJoinedLearnedAndScored() throws Exception {
        run(List.of(StreamVariants.ads()));
    }

    @Test
    @Tag("load")
    @LongProof("seven streams, each with its topics and Kafka Streams applications")
    void streamsOfManyShapesAreJoinedLearnedAndScored() throws Exception {
        ListAppender<ILoggingEvent> logged = new ListAppender<>();
        Logger log = (Logger) LoggerFactory.getLogger("io.tidegrad.scorerapp.topic.BatchScorer");
        log.addAppender(logged);
        logged.start();
        try {
            run(List.of(StreamVariants.sensors(), StreamVariants.flights(), StreamVariants.payments(),
                    StreamVariants.keyed(), StreamVariants.evolved(), StreamVariants.types(), StreamVariants.counts()));
        } finally {
            log.detachAppender(logged);
        }
        List<String> lacking = logged.list.stream().filter(event -> event.getLevel() == Level.WARN)
                .map(ILoggingEvent::getFormattedMessage).toList();
        assertThat(lacking).as("each schema is told once").hasSize(2)
                .anySatisfy(each -> assertThat(each).startsWith("model model-evolved-" + id).contains(
                        "scored as if a field of theirs were null: field 'geo.country': expected one that the event's"
                                + " schema has, found none in Loan"));
    }

    private void run(List<StreamVariant> variants) throws Exception {
        topic(requests, 2);
        variants.forEach(this::prepare);
        for (StreamVariant variant : variants) {
            command("streams", "create", "--spec", file(variant.streamName(id), variant.streamYaml(id)));
            command("models", "create", "--spec", file(variant.modelName(id), variant.modelYaml(id)), "--timeout", "0");
        }
        try (JoinerApp joiner = JoinerApp.start(JoinerConfig.parse(
                with("--all-streams", "--http-port", "0", "--state-dir", directory.resolve("j").toString()), Map.of()));
                TrainerApp trainer = readings.trainer(directory, "--all-models")) {
            variants.forEach(variant -> send(variant, false));
            variants.forEach(variant -> awaitExamples(variant, "final", joiner));
            variants.forEach(this::tick);
            variants.forEach(variant -> awaitExamples(variant, "provisional", joiner));
            variants.forEach(variant -> send(variant, true));
            variants.forEach(this::poison);
            variants.forEach(variant -> awaitExamples(variant, "", joiner));
            List<String> models = variants.stream().map(variant -> variant.modelName(id)).toList();
            Map<String, Long> versions = new HashMap<>();
            for (StreamVariant variant : variants) {
                versions.put(variant.modelName(id), learned(variant, trainer));
            }
            try (ScorerApp scorer = scorer(models)) {
                for (StreamVariant variant : variants) {
                    answers(variant, scorer, Objects.requireNonNull(versions.get(variant.modelName(id))));
                }
            }
        }
        await().atMost(Readings.PATIENCE).untilAsserted(() -> assertThat(letters()).isEqualTo(poisoned(variants)));
        for (StreamVariant variant : variants) {
            command("verify", "--stream", variant.streamName(id));
        }
    }

    // ---- commands, topics and records ----

    private List<String> with(String... more) {
        List<String> all = new ArrayList<>(List.of("--bootstrap-servers", readings.bootstrap, "--registry-url",
                SharedStack.get().registryUrl(), "--prefix", topics.prefix()));
        all.addAll(List.of(more));
        return all;
    }

    private void command(String... words) {
        assertThat(readings.run(topics.prefix(), List.of(words)))
                .as("%s%n%s%n%s", List.of(words), readings.err(), readings.out()).isZero();
    }

    private String file(String name, String text) throws IOException {
        return Files.writeString(directory.resolve(name + ".yaml"), text).toString();
    }

    private void topic(String name, int partitions) {
        TopicCreation.create(admin, new NewTopic(name, partitions, (short) 1).configs(Map.of("retention.ms", "-1")));
    }

    private void prepare(StreamVariant variant) {
        topic(variant.topic(id), variant.partitions());
        variant.schemas().forEach(schema -> register(variant, variant.topic(id), schema));
        if (variant.labelSchemas() != null) {
            topic(variant.labelTopic(id), variant.labelPartitions());
            variant.labelSchemas().forEach(schema -> register(variant, variant.labelTopic(id), schema));
        }
    }

    private int register(StreamVariant variant, String topic, Schema schema) {
        return registry.register(
                variant.subjects().equals("topic") ? topic + "-value" : topic + "-" + schema.getFullName(), schema);
    }

    private byte[] bytes(StreamVariant variant, String topic, @Nullable Schema schema, Map<String, Object> value) {
        try {
            return schema == null ? json.writeValueAsBytes(StreamVariant.plain(value))
                    : codec.encode(register(variant, topic, schema),
                            Objects.requireNonNull((GenericData.Record) StreamVariant.avro(schema, value)));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /// Sends events and the labels that come in time, or the late ones.
    private void send(StreamVariant variant, boolean late) {
        for (int i = 0; i < StreamVariant.EVENTS; i++) {
            if (!late) {
                byte[] value = bytes(variant, variant.topic(id), variant.isJson() ? null : variant.schema(i),
                        variant.event().apply(i));
                values.put(variant.name() + "/" + variant.id().apply(i), value);
                producer.send(new ProducerRecord<>(variant.topic(id), null, StreamVariant.time(i),
                        variant.key().apply(i), value));
            }
            for (StreamVariant.Label label : variant.said(i)) {
                if (label.late() == late) {
                    Map<String, Object> value = label.value();
                    producer.send(new ProducerRecord<>(variant.labelTopic(id), null,
                            late ? LATER + i : StreamVariant.time(i) + 500, label.key(),
                            value == null ? null : bytes(variant, variant.labelTopic(id),
                                    variant.isJson() ? null : variant.labelSchema(i), value)));
                }
            }
        }
        producer.flush();
    }

    /// Sends what can't be read on either side.
    private void poison(StreamVariant variant) {
        producer.send(new ProducerRecord<>(variant.topic(id), null, LATER, "poison".getBytes(UTF_8), null, List.of()));
        producer.send(new ProducerRecord<>(variant.topic(id), null, LATER, "poison".getBytes(UTF_8), new byte[]{1, 2}));
        if (variant.labelSchemas() != null) {
            producer.send(new ProducerRecord<>(variant.labelTopic(id), null, LATER, null, new byte[]{1, 2}));
        }
        producer.flush();
    }

    private Map<String, List<String>> poisoned(List<StreamVariant> variants) {
        Map<String, List<String>> reasons = new TreeMap<>();
        for (StreamVariant variant : variants) {
            String unread = variant.isJson() ? "not-json" : "not-avro";
            reasons.put(variant.topic(id), List.of(unread, "null-value"));
            if (variant.labelSchemas() != null) {
                reasons.put(variant.labelTopic(id), List.of(unread));
            }
        }
        return reasons;
    }

    private void tick(StreamVariant variant) {
        for (int partition = 0; partition < variant.partitions(); partition++) {
            producer.send(new ProducerRecord<>(variant.topic(id), partition, LATER, null, new byte[0],
                    List.of(new RecordHeader(Tick.HEADER, Long.toString(LATER).getBytes(UTF_8)))));
        }
        producer.flush();
    }

    // ---- what became of them ----

    private TopicPartition examples(StreamVariant variant) {
        return new TopicPartition(topics.examples(variant.streamName(id), 1), 0);
    }

    /// The examples of each id, in the order of the log.
    private Map<String, List<String>> joined(StreamVariant variant) throws ExampleException {
        Map<String, List<String>> joined = new TreeMap<>();
        for (ConsumerRecord<byte[], byte[]> record : readings.committed(examples(variant))) {
            if (Example.isIn(record.headers())) {
                Example example = Example.read(record.headers());
                String of = new String(record.key(), UTF_8);
                assertThat(record.value()).isEqualTo(values.get(variant.name() + "/" + of));
                joined.computeIfAbsent(of, unused -> new ArrayList<>())
                        .add(StreamVariant.text(example.kind().name().toLowerCase(Locale.ROOT),
                                example.label() == null ? "none" : example.label(), example.oldLabel(),
                                Double.toString(example.weight())));
            }
        }
        return joined;
    }

    /// Waits for all examples that a person finds of the kind; with the empty text for all there are.
    private void awaitExamples(StreamVariant variant, String kind, JoinerApp joiner) {
        Map<String, List<String>> expected = new TreeMap<>();
        for (int i = 0; i < StreamVariant.EVENTS; i++) {
            boolean isLater = variant.labelSchemas() != null && StreamVariant.fate(i) == StreamVariant.Fate.LATE;
            List<String> of = variant.examples(i).stream()
                    .filter(each -> each.startsWith(kind) && !(kind.equals("final") && isLater)).toList();
            if (!of.isEmpty()) {
                expected.put(variant.id().apply(i), of);
            }
        }
        await().atMost(Readings.PATIENCE).untilAsserted(() -> {
            assertThat(joiner.ended()).as(variant.name()).isNotDone();
            Map<String, List<String>> joined = joined(variant);
            joined.values().forEach(all -> all.removeIf(each -> !each.startsWith(kind)));
            joined.values().removeIf(List::isEmpty);
            assertThat(joined).as("%s, %s, %s", variant.name(), kind, letters()).isEqualTo(expected);
        });
    }

    /// Reasons of all dead letters, by their topics.
    private Map<String, List<String>> letters() {
        TopicPartition partition = new TopicPartition(topics.deadLetters(), 0);
        Map<String, List<String>> letters = new TreeMap<>();
        if (readings.topics().contains(partition.topic())) {
            for (ConsumerRecord<byte[], byte[]> letter : readings.committed(partition)) {
                letters.computeIfAbsent(header(letter, DeadLetter.TOPIC), unused -> new ArrayList<>())
                        .add(header(letter, DeadLetter.REASON));
            }
        }
        letters.values().forEach(reasons -> reasons.sort(null));
        return letters;
    }

    private static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        return new String(record.headers().lastHeader(name).value(), UTF_8);
    }

    /// Waits until the model has learned all examples; returns its version.
    private long learned(StreamVariant variant, TrainerApp trainer) throws IOException {
        List<ConsumerRecord<byte[], byte[]>> written = readings.committed(examples(variant));
        long end = written.getLast().offset();
        CommittedState learned = Readings.awaitLearned(trainer, variant.modelName(id), 1, at -> at.nextOffset() > end);
        Path spec = Files.writeString(directory.resolve("registered.yaml"), registered(variant));
        OnlineModel fold = readings.fold(spec, written);
        assertThat(Objects.requireNonNull(learned.report()).weightsHash()).as(variant.name())
                .isEqualTo(fold.weightsHash());
        assertThat(learned.version()).as(variant.name()).isGreaterThan(StreamVariant.EVENTS / 3);
        return learned.version();
    }

    /// The spec as the catalog has it.
    private String registered(StreamVariant variant) {
        command("models", "show", variant.modelName(id), "--json");
        return readings.json().path("spec").asText();
    }

    // ---- scoring ----

    private ScorerApp scorer(List<String> models) {
        List<String> arguments = with("--http-port", "0", "--requests-topic", requests);
        models.forEach(model -> arguments.addAll(List.of("--model", model)));
        return ScorerApp.start(ScorerConfig.parse(arguments, Map.of()), InstantSource.system());
    }

    private void answers(StreamVariant variant, ScorerApp app, long version) throws Exception {
        String model = variant.modelName(id);
        Scorer scorer = app.scorer(model);
        await().atMost(Readings.PATIENCE).until(() -> {
            ServedVersion served = scorer.current();
            return served != null && served.version() == version;
        });
        ModelSpec spec = Objects.requireNonNull(scorer.current()).spec();
        AvroEvent avro = new AvroEvent(
                spec.input().reader() instanceof ModelSpec.Reader.Of(int of) ? registry.schemaById(of) : null);
        for (int i : List.of(0, 7, StreamVariant.EVENTS - 1)) {
            Map<String, Object> event = variant.event().apply(i);
            byte[] value = Objects.requireNonNull(values.get(variant.name() + "/" + variant.id().apply(i)));
            float expected = variant.isJson() ? scorer.score(event).probabilities()[0]
                    : scorer.score(avro.of(codec.decode(value))).probabilities()[0];
            Object whole = StreamVariant.plain(event);
            // A person asks by the newest names; only events of the newest schema are taken whole.
            boolean isKnown = !variant.isJson() && variant.subjects().equals("topic")
                    && variant.schema(i).equals(variant.schemas().getLast());
            Object named = variant.isJson() ? whole : newlyNamed((Map<?, ?>) whole, variant.schemas().getLast());
            if (isKnown) {
                // The scorer asks the registry for their fields a second after it serves the model.
                await().atMost(Readings.PATIENCE).untilAsserted(() -> ask(app, model, whole, 200));
            } else {
                assertThat(ask(app, model, whole, 400).toString()).contains("unknown-fields=ignore");
            }
            JsonNode answer = ask(app, model, isKnown ? whole : read(named, FieldTree.of(spec.fields())), 200);
            JsonNode prediction = answer.path("predictions").path(0);
            assertThat(
                    (float) prediction.path(prediction.has("values") ? "values" : "probabilities").path(0).asDouble(-1))
                    .as("%s %s %s", variant.name(), event, answer).isEqualTo(expected);
            String asked = variant.name() + "/" + i;
            producer.send(new ProducerRecord<>(requests, null, asked.getBytes(UTF_8), value,
                    List.of(new RecordHeader(DeadLetter.MODEL, model.getBytes(UTF_8))))).get();
            await().atMost(Readings.PATIENCE).untilAsserted(() -> assertThat(predicted(asked))
                    .as("%s %s", asked, letters()).isEqualTo(Float.valueOf(expected)));
        }
        Map<String, Object> more = new HashMap<>(Map.of("no-such-field", 1));
        assertThat(ask(app, model, more, 400).toString()).as(variant.name())
                .contains("no field 'no-such-field' in this model");
    }

    /// The event with the names that a schema has for its aliases.
    private static Map<Object, Object> newlyNamed(Map<?, ?> event, Schema newest) {
        Map<Object, Object> named = new HashMap<>(event);
        newest.getFields().forEach(field -> field.aliases().stream().filter(event::containsKey)
                .forEach(alias -> named.put(field.name(), Objects.requireNonNull(named.remove(alias)))));
        return named;
    }

    /// What a model reads of an object.
    private static Object read(Object value, FieldTree tree) {
        Map<String, Object> read = new HashMap<>();
        if (value instanceof Map<?, ?> map) {
            map.forEach((name, of) -> {
                FieldTree child = tree.child((String) name);
                if (child != null) {
                    read.put((String) name, read(of, child));
                }
            });
            return read;
        }
        return value;
    }

    private JsonNode ask(ScorerApp app, String model, Object asked, int status) throws Exception {
        String body = json.writeValueAsString(asked);
        try (HttpClient http = HttpClient.newHttpClient()) {
            HttpResponse<String> response =
                    http.send(
                            HttpRequest
                                    .newBuilder(URI.create(
                                            "http://127.0.0.1:" + app.port() + "/v1/models/" + model + "/score"))
                                    .POST(HttpRequest.BodyPublishers.ofString(body)).build(),
                            HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).as("%s %s: %s", model, body, response.body()).isEqualTo(status);
            return json.readTree(response.body());
        }
    }

    private @Nullable Float predicted(String asked) {
        for (int partition = 0; partition < 2; partition++) {
            for (ConsumerRecord<byte[], byte[]> each : readings
                    .committed(new TopicPartition(topics.predictions(), partition))) {
                if (new String(each.key(), UTF_8).equals(asked)) {
                    return codec.decode(each.value(), Prediction.class).getProbabilities().getFirst();
                }
            }
        }
        return null;
    }
}
