package io.tidegrad.scorerapp;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/// Events that nest, with values of most types, as each kind of client has them; and a model that learned of them.
public final class Payments {
    public static final int COUNT = 24;

    private static final String SPEC = """
            model: %s
            input: { topic: payments, event-time: at, format: %s }
            label: { field: outcome.fraud }
            features:
              - number: { field: amount.value, transform: log1p }
              - cyclic: { field: session.length, period: 3600000 }
              - category: { field: merchant.country, buckets: 64, dimension: 2 }
              - category: { field: card.brand, buckets: 64, dimension: 2 }
              - category: { field: card.token, buckets: 64, dimension: 2 }
              - category: { field: "attributes[channel]", buckets: 64, dimension: 2 }
              - time-part: { field: at, parts: [hour], dimension: 2 }
              - bag: { field: "items[].sku", count: 3, buckets: 64, dimension: 2, weights: "items[].price" }
              - categories: { field: tags, count: 2, buckets: 64, dimension: 2 }
              - sequence: { field: "history[]", steps: 2 }
            network: [ dense: 8, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } }
            seed: 7
            """;

    private static final String SCHEMA = """
            {"type": "record", "name": "Payment", "namespace": "com.example", "fields": [
              {"name": "at", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
              {"name": "amount", "type": {"type": "record", "name": "Amount", "fields": [
                {"name": "value", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}]}},
              {"name": "session", "type": {"type": "record", "name": "Session", "fields": [
                {"name": "length", "type": {"type": "fixed", "name": "Length", "size": 12, "logicalType": "duration"}}]}},
              {"name": "merchant", "type": ["null", {"type": "record", "name": "Merchant", "fields": [
                {"name": "country", "type": ["null", "string"]}]}]},
              {"name": "card", "type": {"type": "record", "name": "Card", "fields": [
                {"name": "brand", "type": {"type": "enum", "name": "Brand", "symbols": ["VISA", "AMEX"]}},
                {"name": "token", "type": {"type": "fixed", "name": "Token", "size": 16, "logicalType": "uuid"}}]}},
              {"name": "attributes", "type": {"type": "map", "values": "string"}},
              {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
                {"name": "sku", "type": "string"}, {"name": "price", "type": "double"}]}}},
              {"name": "tags", "type": {"type": "array", "items": ["int", "string"]}},
              {"name": "history", "type": {"type": "map", "values": "double"}}]}
            """;

    /// Of who writes events and requests.
    public static final Schema FIRST = new Schema.Parser().parse(SCHEMA);

    /// A later one, in which a record and a field have other names, and the earlier ones as aliases.
    public static final Schema RENAMED = new Schema.Parser()
            .parse(SCHEMA.replace("{\"name\": \"merchant\"", "{\"name\": \"shop\", \"aliases\": [\"merchant\"]")
                    .replace("{\"name\": \"country\"", "{\"name\": \"land\", \"aliases\": [\"country\"]"));

    private Payments() {}

    /// What a trainer publishes once it has learned of them.
    ///
    /// @param format `avro` or `json`, of the model's input
    public static PublishedSnapshot learned(String model, String format) {
        return learned(ModelSpec.parse(SPEC.formatted(model, format), "test"));
    }

    /// The same of events that lie in `topic`.
    static PublishedSnapshot learned(String model, String format, String topic) {
        return learned(ModelSpec
                .parse(SPEC.formatted(model, format).replace("topic: payments,", "topic: " + topic + ","), "test"));
    }

    /// The same of events in JSON, after some rounds through them: more rounds make a later version.
    static PublishedSnapshot learned(String model, int rounds) {
        return learned(ModelSpec.parse(SPEC.formatted(model, "json"), "test"), rounds);
    }

    /// The same of a stream, whose examples bring the label.
    public static PublishedSnapshot learnedOfStream(String model) {
        return learned(ModelSpec
                .parse(SPEC.formatted(model, "avro").replace("topic: payments, event-time: at", "stream: payments")
                        .replace("label: { field: outcome.fraud }\n", ""), "test"));
    }

    private static PublishedSnapshot learned(ModelSpec spec) {
        return learned(spec, 20);
    }

    private static PublishedSnapshot learned(ModelSpec spec, int rounds) {
        OnlineModel learned = OnlineModel.initial(spec, Kernels.active());
        Featurizer featurizer = new Featurizer(spec);
        Row row = featurizer.newRow();
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < COUNT; i++) {
                MapEvent event = new MapEvent(nested(i));
                Rejection rejection = spec.stream() == null ? featurizer.featurize(event, row)
                        : featurizer.featurize(event, example(i), row);
                if (rejection != null || learned.accept(row) != null) {
                    throw new IllegalStateException("payment " + i + " was not learned");
                }
            }
        }
        return PublishedSnapshot.of(learned, learned.weightsHash(), 1, (long) rounds * COUNT, 1, true);
    }

    private static Example example(int i) {
        return new Example(Example.Kind.FINAL, value(i, "outcome.fraud").toString(), null, 1,
                new Example.Source("payments", 0, i), (long) value(i, "at"), null);
    }

    /// The value of a field that holds one.
    public static Object value(int i, String field) {
        SplittableRandom random = new SplittableRandom(i);
        int cents = random.nextInt(1, 100_000);
        return switch (field) {
            case "at" -> 1_700_000_000_000L + random.nextInt();
            case "amount.value" -> new BigDecimal(cents).movePointLeft(2).doubleValue();
            case "session.length" -> (double) (1 + i) * 86_400_000L + cents;
            case "merchant.country" -> List.of("DE", "FR", "Österreich").get(i % 3);
            case "card.brand" -> List.of("VISA", "AMEX").get(i % 2);
            case "card.token" -> new UUID(random.nextLong(), i).toString();
            case "attributes[channel]" -> List.of("web", "shop").get(random.nextInt(2));
            case "outcome.fraud" -> cents % 3 == 0;
            default -> throw new IllegalArgumentException(field);
        };
    }

    /// The values of a field that lists two.
    public static List<?> values(int i, String field) {
        return switch (field) {
            case "items[].sku" -> List.of("sku-" + i % 7, "sku-" + i % 5);
            case "items[].price" -> List.of(0.5 + i, 1.25);
            case "tags" -> List.of(i % 4, "t" + i % 3);
            case "history[]" -> List.of(0.25 * i, -1.5);
            default -> throw new IllegalArgumentException(field);
        };
    }

    /// As an object in JSON.
    static Map<String, Object> nested(int i) {
        List<?> skus = values(i, "items[].sku");
        List<?> prices = values(i, "items[].price");
        return Map.of("at", value(i, "at"), "amount", Map.of("value", value(i, "amount.value")), "session",
                Map.of("length", value(i, "session.length")), "merchant",
                Map.of("country", value(i, "merchant.country")), "card",
                Map.of("brand", value(i, "card.brand"), "token", value(i, "card.token")), "attributes",
                Map.of("channel", value(i, "attributes[channel]"), "os", "any"), "items",
                List.of(Map.of("sku", skus.get(0), "price", prices.get(0)),
                        Map.of("sku", skus.get(1), "price", prices.get(1))),
                "tags", values(i, "tags"), "history", history(i), "outcome",
                Map.of("fraud", value(i, "outcome.fraud")));
    }

    private static Map<String, ?> history(int i) {
        List<?> history = values(i, "history[]");
        return Map.of("late", history.get(1), "early", history.get(0));
    }

    public static String json(int i) {
        try {
            return new ObjectMapper().writeValueAsString(nested(i));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /// By one of the two schemas.
    public static GenericRecord record(int i, Schema schema) {
        GenericRecord record = new GenericData.Record(schema);
        record.put("at", (long) value(i, "at") * 1_000 + i);
        GenericRecord amount = inner(schema, "amount");
        amount.put("value", ByteBuffer
                .wrap(BigDecimal.valueOf((double) value(i, "amount.value")).setScale(2).unscaledValue().toByteArray()));
        record.put("amount", amount);
        GenericRecord session = inner(schema, "session");
        int millis = (int) ((double) value(i, "session.length") % 86_400_000L);
        session.put("length", new GenericData.Fixed(session.getSchema().getField("length").schema(),
                ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).putInt(0).putInt(1 + i).putInt(millis).array()));
        record.put("session", session);
        int shop = schema.getFields().stream().map(Schema.Field::name).toList()
                .indexOf(schema == FIRST ? "merchant" : "shop");
        GenericRecord merchant = new GenericData.Record(schema.getFields().get(shop).schema().getTypes().get(1));
        merchant.put(0, value(i, "merchant.country"));
        record.put(shop, merchant);
        GenericRecord card = inner(schema, "card");
        card.put("brand",
                new GenericData.EnumSymbol(card.getSchema().getField("brand").schema(), value(i, "card.brand")));
        UUID token = UUID.fromString((String) value(i, "card.token"));
        card.put("token", new GenericData.Fixed(card.getSchema().getField("token").schema(), ByteBuffer.allocate(16)
                .putLong(token.getMostSignificantBits()).putLong(token.getLeastSignificantBits()).array()));
        record.put("card", card);
        record.put("attributes", Map.of("channel", value(i, "attributes[channel]"), "os", "any"));
        Schema item = schema.getField("items").schema().getElementType();
        GenericData.Array<GenericRecord> items = new GenericData.Array<>(2, schema.getField("items").schema());
        for (int at = 0; at < 2; at++) {
            GenericRecord each = new GenericData.Record(item);
            each.put("sku", values(i, "items[].sku").get(at));
            each.put("price", values(i, "items[].price").get(at));
            items.add(each);
        }
        record.put("items", items);
        record.put("tags", values(i, "tags"));
        record.put("history", history(i));
        return record;
    }

    private static GenericRecord inner(Schema schema, String field) {
        return new GenericData.Record(schema.getField(field).schema());
    }
}
