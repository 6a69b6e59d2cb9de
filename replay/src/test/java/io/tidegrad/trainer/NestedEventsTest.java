package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.proof.LongProof;
import io.tidegrad.replay.Replay;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.regex.Pattern;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Trainers and replays on events that nest, in Avro and in JSON.
class NestedEventsTest extends TrainerFixture {
    private static final int EVENTS = 300;
    private static final String MALFORMED = "{\"at\": 1, \"place\": {\"name\": \"p1\"";

    private static final Schema EVENT = new Schema.Parser().parse("""
            {"type": "record", "name": "Nested", "fields": [
              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
              {"name": "place", "type": ["null", {"type": "record", "name": "Place", "fields": [
                {"name": "name", "type": "string"},
                {"name": "height", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}]}]},
              {"name": "labels", "type": {"type": "map", "values": "string"}},
              {"name": "probes", "type": {"type": "array", "items": {"type": "record", "name": "Probe", "fields": [
                {"name": "kind", "type": "string"}, {"name": "value", "type": "double"}]}}},
              {"name": "outcome", "type": {"type": "record", "name": "Outcome", "fields": [
                {"name": "over", "type": "boolean"}, {"name": "sure", "type": "double"}]}}]}
            """);

    private static final String SPEC = """
            model: MODEL
            input: { topic: TOPIC, event-time: at, format: FORMAT }
            label: { field: outcome.over }
            weight: { field: outcome.sure }
            features:
              - number: { field: place.height, missing: indicator }
              - category: { field: place.name, buckets: 64, dimension: 2 }
              - category: { field: "labels[kind]", buckets: 64, dimension: 2 }
              - bag: { field: "probes[].kind", count: 3, buckets: 64, dimension: 2, weights: "probes[].value" }
            network: [ dense: 4, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            seed: 7
            """;

    NestedEventsTest() {
        super(1);
    }

    private String spec(String format) {
        return SPEC.replace("MODEL", log.model() + "-" + format).replace("TOPIC", log.topic + "-" + format)
                .replace("FORMAT", format);
    }

    private void send(String topic, byte[] value) {
        log.send(new ProducerRecord<>(topic, 0, null, value));
    }

    /// The same events to both topics; every other one in JSON behind the five bytes of a registry's serializer.
    private void send() {
        int id = log.registry.register(log.topic + "-avro-value", EVENT);
        AvroCodec codec = new AvroCodec(log.registry);
        for (int i = 0; i < EVENTS; i++) {
            SplittableRandom random = new SplittableRandom(i);
            int centimetres = random.nextInt(-100, 500);
            boolean hasPlace = i % 5 != 0;
            String place = "p" + random.nextInt(9);
            String kind = "k" + random.nextInt(3);
            double value = random.nextInt(8) / 4.0;
            boolean over = value > 1;
            GenericRecord event = new GenericData.Record(EVENT);
            event.put("at", (TestLog.START + i) * 1_000 + 7);
            if (hasPlace) {
                GenericRecord inner = new GenericData.Record(EVENT.getField("place").schema().getTypes().get(1));
                inner.put("name", place);
                inner.put("height", ByteBuffer.wrap(BigDecimal.valueOf(centimetres).unscaledValue().toByteArray()));
                event.put("place", inner);
            }
            event.put("labels", Map.of("kind", kind, "more", "x"));
            GenericRecord probe = new GenericData.Record(EVENT.getField("probes").schema().getElementType());
            probe.put("kind", kind + kind);
            probe.put("value", value);
            event.put("probes", List.of(probe, probe));
            GenericRecord outcome = new GenericData.Record(EVENT.getField("outcome").schema());
            outcome.put("over", over);
            outcome.put("sure", 0.5);
            event.put("outcome", outcome);
            send(log.topic + "-avro", codec.encode(id, event));

            String nested =
                    """
                    {"at": %d, "place": %s, "labels": {"kind": "%s", "more": "x"}, "unread": [{"place": {}}],
                     "probes": [{"kind": "%s", "value": %s}, {"kind": "%s", "value": %s}],
                     "outcome": {"over": %s, "sure": 0.5}}""".formatted(TestLog.START + i,
                            hasPlace ? "{\"name\": \"%s\", \"height\": %s}".formatted(place,
                                    BigDecimal.valueOf(centimetres, 2)) : "null",
                            kind, kind + kind, value, kind + kind, value, over);
            send(log.topic + "-json", json(i % 2 == 0, nested));
        }
    }

    private static byte[] json(boolean withPrefix, String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return withPrefix ? ByteBuffer.allocate(utf8.length + 5).put((byte) 0).putInt(77).put(utf8).array() : utf8;
    }

    /// What the events make of a model where those in JSON are read by another parser.
    private OnlineModel fold(ModelSpec spec) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        EventFold fold = new EventFold(spec, model, value -> {
            String text = new String(value, StandardCharsets.UTF_8);
            try {
                return new MapEvent(new ObjectMapper().readValue(text.substring(text.indexOf('{')),
                        new TypeReference<Map<String, Object>>() {
                        }));
            } catch (IOException e) {
                throw new AssertionError(text, e);
            }
        });
        for (ConsumerRecord<byte[], byte[]> record : log.visible(log.topic + "-json")) {
            if (!new String(record.value(), StandardCharsets.UTF_8).equals(MALFORMED)) {
                assertThat(fold.fold(record.value(), record.headers())).isEqualTo(new EventFold.Outcome.Accepted());
            }
        }
        return model;
    }

    @Test
    @LongProof("two trainers")
    void fromJsonATrainerLearnsWhatItLearnsFromTheSameEventsInAvro() {
        TestLog.await(log.admin.createTopics(List.of(new NewTopic(log.topic + "-avro", 1, (short) 1),
                new NewTopic(log.topic + "-json", 1, (short) 1))).all());
        send();
        send(log.topic + "-json", json(false, MALFORMED));
        List<String> arguments =
                new ArrayList<>(log.arguments("--spec", log.write("avro.yaml", spec("avro")).toString()));
        arguments.addAll(List.of("--spec", log.write("json.yaml", spec("json")).toString()));
        try (TrainerApp trainer = TrainerApp.start(TrainerConfig.parse(arguments, Map.of()))) {
            for (ModelTrainer model : trainer.models()) {
                String name = model.lineage().spec().model();
                boolean isJson = name.endsWith("json");
                CommittedState state = awaitSettled(trainer, model, isJson ? EVENTS + 1 : EVENTS);
                Report report = Objects.requireNonNull(state.report());
                assertThat(report.weightsHash()).as(name).isEqualTo(fold(model.lineage().spec()).weightsHash());
                assertThat(state.accounts().deadLetters()).isEqualTo(isJson ? 1 : 0);
                assertThat(Replay.run(Replays.of(kafka(), registry(), log.prefix, name)).stateHash())
                        .isEqualTo(report.stateHash());
            }
        }
        assertThat(log.visible(log.topics().deadLetters())).singleElement().satisfies(letter -> {
            assertThat(TestLog.header(letter, "tidegrad-reason")).isEqualTo("not-json");
            assertThat(letter.value()).isEqualTo(json(false, MALFORMED));
        });
    }

    @ParameterizedTest
    @CsvSource({"place.height, place.heigth, place.height", "outcome.over, outcome.ovr, outcome.over",
        "outcome.sure, sure, outcome.sure", "at, art, at", "probes[].value, probes.value, probes[].value"})
    void aTrainerDoesNotStartOnAFieldThatNoSchemaOfItsTopicHas(String right, String wrong, String nearest) {
        TestLog.await(log.admin.createTopics(List.of(new NewTopic(log.topic + "-avro", 1, (short) 1))).all());
        log.registry.register(log.topic + "-avro-value", EVENT);
        String file = log.write("wrong.yaml", spec("avro").replaceFirst("(: \"?)" + Pattern.quote(right), "$1" + wrong))
                .toString();
        TestLog.refused(() -> TrainerApp.start(log.config("--spec", file)).close(), ExitCode.CONFIGURATION,
                "field '" + wrong + "'", "did you mean '" + nearest + "'?");
    }
}
