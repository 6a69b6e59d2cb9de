package io.tidegrad.model.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidegrad.model.Specs;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.UndecodableException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.util.Utf8;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonEventsTest {
    private static final String SPEC = """
            model: m
            input: { topic: payments, event-time: at, format: json }
            label: { field: outcome.fraud }
            features:
              - number: { field: amount.value }
              - category: { field: merchant.country, buckets: 64, dimension: 2 }
              - category: { field: "attributes[sales.channel]", buckets: 64, dimension: 2 }
              - bag: { field: "items[].sku", count: 3, buckets: 64, dimension: 2, weights: "items[].price" }
              - categories: { field: "flags[]", count: 3, buckets: 64, dimension: 2 }
              - bag: { field: "notes[]", count: 3, buckets: 64, dimension: 2 }
              - sequence: { field: "grid[][]", steps: 2, width: 2 }
              - pixels: { field: image, width: 2, height: 1 }
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: adam
            """;

    private static final String EVENT = """
            {"at": 1700000000123, "outcome": {"fraud": true}, "amount": {"value": 12.30, "currency": "EUR"},
             "merchant": {"country": "Österreich", "more": [{"deep": [1]}]},
             "attributes": {"os": "ios", "sales.channel": "web"},
             "items": [{"sku": "b", "price": 2}, {"sku": "a", "price": 0.5}],
             "flags": ["x", 3], "notes": {"second": "2", "first": "1"}, "grid": [[1, 2], [3, 4]],
             "image": "AP8=", "unread": {"x": null}}""";

    private final ModelSpec spec = ModelSpec.parse(SPEC, "spec");
    private final EventReader reader = new EventReader(spec);
    private final AvroCodec codec = new AvroCodec(new InMemorySchemaRegistry());

    private Event read(String json) {
        return reader.read(codec, json.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void anEventInJsonAndTheSameInAvroGiveTheSameRow() {
        Schema schema = new Schema.Parser().parse("""
                        {"type": "record", "name": "Payment", "fields": [
                          {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                          {"name": "outcome", "type": {"type": "record", "name": "Outcome", "fields": [
                            {"name": "fraud", "type": "boolean"}]}},
                          {"name": "amount", "type": {"type": "record", "name": "Amount", "fields": [
                            {"name": "value", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}]}},
                          {"name": "merchant", "type": ["null", {"type": "record", "name": "Merchant", "fields": [
                            {"name": "country", "type": ["null", "string"]}]}]},
                          {"name": "attributes", "type": {"type": "map", "values": "string"}},
                          {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
                            {"name": "sku", "type": "string"}, {"name": "price", "type": "double"}]}}},
                          {"name": "flags", "type": {"type": "array", "items": ["string", "int"]}},
                          {"name": "notes", "type": {"type": "map", "values": "string"}},
                          {"name": "grid", "type": {"type": "array", "items": {"type": "array", "items": "float"}}},
                          {"name": "image", "type": "bytes"}]}
                        """);
        GenericData.Record payment = new GenericData.Record(schema);
        payment.put("at", 1_700_000_000_123L);
        payment.put("outcome", inner(schema, "outcome", true));
        payment.put("amount", inner(schema, "amount", ByteBuffer.wrap(new byte[]{4, (byte) 0xce})));
        GenericData.Record merchant = new GenericData.Record(schema.getField("merchant").schema().getTypes().get(1));
        merchant.put(0, "Österreich");
        payment.put("merchant", merchant);
        payment.put("attributes", Map.of(new Utf8("os"), "ios", new Utf8("sales.channel"), "web"));
        Schema item = schema.getField("items").schema().getElementType();
        payment.put("items", List.of(item(item, "b", 2), item(item, "a", 0.5)));
        payment.put("flags", List.of("x", 3));
        payment.put("notes", Map.of("second", "2", "first", "1"));
        payment.put("grid", List.of(List.of(1f, 2f), List.of(3f, 4f)));
        payment.put("image", ByteBuffer.wrap(new byte[]{0, (byte) 255}));

        InMemorySchemaRegistry registry = new InMemorySchemaRegistry();
        AvroCodec avro = new AvroCodec(registry);
        byte[] value = avro.encode(registry.register("payments-value", schema), payment);
        ModelSpec ofAvro = ModelSpec.parse(SPEC.replace(", format: json", ""), "spec");
        Featurizer featurizer = new Featurizer(spec);
        Row fromJson = Specs.row(featurizer, read(EVENT));
        Row fromAvro = Specs.row(featurizer, new EventReader(ofAvro).read(avro, value));
        Row fromRecord = Specs.row(featurizer, new AvroEvent().of(avro.decode(value)));
        for (Row other : List.of(fromAvro, fromRecord)) {
            assertThat(fromJson.numbers).isEqualTo(other.numbers);
            assertThat(fromJson.ids).isEqualTo(other.ids);
            assertThat(fromJson.labels).isEqualTo(other.labels).containsExactly(1f);
            assertThat(fromJson.eventTime).isEqualTo(other.eventTime).isEqualTo(1_700_000_000_123L);
        }
        assertThat(fromJson.numbers).startsWith(12.3f, 1, 2, 3, 4, 0, 1).endsWith(2, 0.5f, 0);
    }

    private static GenericData.Record inner(Schema schema, String field, Object value) {
        GenericData.Record record = new GenericData.Record(schema.getField(field).schema());
        record.put(0, value);
        return record;
    }

    private static GenericData.Record item(Schema schema, String sku, double price) {
        GenericData.Record record = new GenericData.Record(schema);
        record.put("sku", sku);
        record.put("price", price);
        return record;
    }

    @Test
    void theFiveBytesOfARegistrysSerializerMayStandBefore() {
        byte[] json = EVENT.getBytes(StandardCharsets.UTF_8);
        byte[] value = ByteBuffer.allocate(json.length + 5).put((byte) 0).putInt(77).put(json).array();
        assertThat(reader.read(codec, value).get("merchant.country")).isEqualTo("Österreich");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "3", "[]", "{", "{\"at\": 1} x", "{\"at\": 1, \"at\": 2}",
        "{\"merchant\": {\"a\": 1, \"a\": 2}}", "\ufeff{}", "{\"at\": \"\\ud800\"}", "{\"at\": 01}", "{'at': 1}",
        "{\"at\": NaN}"})
    void whatIsNoObjectInJsonIsRefused(String json) {
        UndecodableException refused = catchThrowableOfType(UndecodableException.class, () -> read(json));
        assertThat(refused).as(json).isNotNull();
        assertThat(refused.reason()).isEqualTo(UndecodableException.Reason.NOT_JSON);
        assertThat(refused.getMessage()).doesNotContain("\n", "com.fasterxml", "Source");
    }

    @Test
    void anObjectThatNestsWithoutEndIsRefusedAndNotRead() {
        String deep = "{\"unread\": " + "[".repeat(100_000);
        assertThat(catchThrowableOfType(UndecodableException.class, () -> read(deep)).reason())
                .isEqualTo(UndecodableException.Reason.NOT_JSON);
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"merchant\": {\"country\": \"Österreich\"|\"merchant\": {\"country\": [\"DE\"]",
        "\"merchant\": {\"country\": \"Österreich\", \"more\": [{\"deep\": [1]}]}|\"merchant\": \"DE\"",
        "12.30|{\"a\": 1}", "[[1, 2], [3, 4]]|[1, 2, 3, 4]",
        "[{\"sku\": \"b\", \"price\": 2}|[{\"sku\": {}, \"price\": 2}", "AP8=|A*8="})
    void whatCantBeWhereItIsIsAWrongType(String change) {
        String[] fromTo = change.split("\\|");
        Featurizer featurizer = new Featurizer(spec);
        assertThat(EVENT).contains(fromTo[0]);
        Rejection rejection = featurizer.featurize(read(EVENT.replace(fromTo[0], fromTo[1])), featurizer.newRow());
        assertThat(rejection).isNotNull();
        assertThat(rejection.reason()).isEqualTo(Rejection.Reason.WRONG_TYPE);
    }

    @Test
    void whatIsNotThereIsMissing() {
        Event event = read("{\"at\": 1, \"merchant\": null, \"items\": [{\"sku\": \"a\"}, null], \"attributes\": {}}");
        assertThat(event.get("merchant.country")).isNull();
        assertThat(event.get("attributes[sales.channel]")).isNull();
        assertThat(event.get("items[].sku")).isEqualTo(java.util.Arrays.asList("a", null));
        assertThat(event.get("items[].price")).isEqualTo(java.util.Arrays.asList(null, null));
        assertThat(event.get("flags[]")).isNull();
    }
}
