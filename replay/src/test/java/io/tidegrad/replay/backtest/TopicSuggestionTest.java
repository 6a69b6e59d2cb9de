package io.tidegrad.replay.backtest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.control.ControlException;
import io.tidegrad.control.EventSchemas;
import io.tidegrad.control.suggestion.SpecSuggestion;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TopicSuggestionTest {
    private static final Schema PAYMENT = new Schema.Parser().parse("""
            {"type": "record", "name": "Payment", "fields": [
              {"name": "seen", "type": {"type": "long", "logicalType": "timestamp-micros"}},
              {"name": "shop", "type": {"type": "record", "name": "Shop", "fields": [
                {"name": "place", "type": ["null", "string"]}, {"name": "rank", "type": "int"}]}},
              {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
              {"name": "fraud", "type": "boolean"},
              {"name": "items", "type": {"type": "array", "items": "string"}},
              {"name": "photo", "type": "bytes"},
              {"name": "more", "type": {"type": "map", "values": "string"}}]}
            """);

    private final KafkaProvider stack = SharedStack.get();
    private final String topic = "Payments." + UUID.randomUUID().toString().substring(0, 8);

    private void create(int partitions, List<byte @Nullable []> values) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", stack.bootstrapServers()));
                KafkaProducer<byte[], byte[]> producer =
                        new KafkaProducer<>(Map.of("bootstrap.servers", stack.bootstrapServers()),
                                new ByteArraySerializer(), new ByteArraySerializer())) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
            for (byte[] value : values) {
                producer.send(new ProducerRecord<>(topic, value));
            }
        }
    }

    private SchemaRegistry registry() {
        return SchemaRegistry.connect(Map.of("schema.registry.url", stack.registryUrl()));
    }

    private String suggested(@Nullable String label) {
        return SpecSuggestion.of(KafkaSettings.of(stack.bootstrapServers()), RegistrySettings.of(stack.registryUrl()),
                topic, label);
    }

    private static GenericData.Record payment(int i, SplittableRandom random) {
        GenericData.Record shop = new GenericData.Record(PAYMENT.getField("shop").schema());
        shop.put("place", i % 4 == 0 ? null : List.of("Kiel", "Lyon", "Oslo").get(random.nextInt(3)));
        shop.put("rank", random.nextInt(1_000));
        GenericData.Record payment = new GenericData.Record(PAYMENT);
        payment.put("seen", 1_700_000_000_000_000L + 90_000_000L * i);
        payment.put("shop", shop);
        payment.put("amount", ByteBuffer.wrap(new byte[]{(byte) random.nextInt(1, 100), (byte) random.nextInt(100)}));
        payment.put("fraud", random.nextInt(5) == 0);
        payment.put("items", List.of("a"));
        payment.put("photo", ByteBuffer.wrap(new byte[]{1}));
        payment.put("more", Map.of("k", "v"));
        return payment;
    }

    @Test
    void theNewestEventsInAvroGiveASpecThatTheRegistryHasNothingAgainst() throws Exception {
        List<byte @Nullable []> values = new ArrayList<>();
        try (SchemaRegistry registry = registry()) {
            int id = registry.register(topic + "-value", PAYMENT);
            AvroCodec codec = new AvroCodec(registry);
            SplittableRandom random = new SplittableRandom(3);
            for (int i = 0; i < 400; i++) {
                values.add(codec.encode(id, payment(i, random)));
            }
        }
        values.add(new byte[]{1, 2, 3});
        values.add(null);
        create(1, values);
        String yaml = suggested("fraud");
        assertThat(yaml).contains(
                "# Suggested by the newest 400 events of topic " + topic
                        + ", beside which 1 can't be read; each line says",
                "model: payments-", "input: { topic: " + topic + ", event-time: seen }", "label: { field: fraud }",
                "- time-part: { field: seen, parts: [hour, weekday]",
                "- number: { field: amount, scale: standard, missing: indicator } # ",
                "- number: { field: shop.rank, scale: standard, missing: indicator }",
                "- category: { field: shop.place, buckets: 16 } # text, 3 values, missing in 25.0 %",
                "# left out: items[]: lists", "# left out: photo: bytes").doesNotContain("more");
        try (SchemaRegistry registry = registry()) {
            assertThat(EventSchemas.known(ModelSpec.parse(yaml, "suggested"), registry).input().reader())
                    .isEqualTo(ModelSpec.Reader.ANY);
        }
        assertThat(suggested("fraud")).isEqualTo(yaml);
    }

    @Test
    void eventsInJsonAreRecognised() throws Exception {
        List<byte @Nullable []> values = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            values.add(("{\"x\": " + 17 * i % 31 + ", \"y\": " + i % 2 + "}").getBytes(StandardCharsets.UTF_8));
        }
        create(3, values);
        String yaml = suggested(null);
        assertThat(yaml).contains("input: { topic: " + topic + ", format: json }", "label: { field: \"y\" }",
                "- number: { field: x, scale: standard, missing: indicator }",
                "it has 3 partitions where a model's topic has one");
        assertThat(ModelSpec.parse(yaml, "suggested").input().format()).isEqualTo(ModelSpec.Format.JSON);
    }

    @Test
    void ofATopicWithoutEventsTheSchemaSaysWhatItCan() throws Exception {
        create(1, List.of());
        assertThatThrownBy(() -> suggested("fraud")).isInstanceOf(ControlException.class)
                .hasMessageContaining("expected events, or a schema of " + topic + "-value, found neither");
        try (SchemaRegistry registry = registry()) {
            registry.register(topic + "-value", PAYMENT);
            String yaml = suggested("fraud");
            assertThat(yaml).contains(" alone, because the topic has no events", "event-time: seen",
                    "label: { field: fraud } # --label: true or false, says the schema",
                    "- number: { field: amount, scale: standard, missing: indicator } # a number, says the schema",
                    "- category: { field: shop.place, buckets: 1024");
            ModelSpec spec = ModelSpec.parse(yaml, "suggested");
            assertThat(EventSchemas.known(spec, registry).fields()).isEqualTo(spec.fields());
        }
        assertThatThrownBy(() -> suggested("shop.place")).hasMessageContaining(
                "expected an event, or a label of numbers or of true and false in the schema, found no event and shop.place");
    }

    @Test
    void aTopicThatIsNotThereAndEventsOfOtherFormatsAreTold() throws Exception {
        assertThatThrownBy(() -> suggested(null)).hasMessage(
                "topic " + topic + ": expected a topic, found none of this name; create it, or correct the name");
        create(1, List.of(new byte[]{9, 9}, new byte[]{8}));
        assertThatThrownBy(() -> suggested(null))
                .hasMessageContaining("expected events in Avro or JSON, found none in 2: ");
    }
}
