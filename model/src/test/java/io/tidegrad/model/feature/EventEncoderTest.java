package io.tidegrad.model.feature;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.model.feature.EventEncoder.UnwritableException;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class EventEncoderTest {
    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: everything
                    input: { topic: events, event-time: at }
                    label: { field: late }
                    features:
                      - number: { field: distance, missing: indicator }
                      - number: { field: count, missing: indicator }
                      - number: { field: amount, missing: indicator }
                      - number: { field: fixed_amount, missing: indicator }
                      - number: { field: merchant.score, missing: 1 }
                      - category: { field: count, buckets: 4096, dimension: 1 }
                      - category: { field: flag, buckets: 64, dimension: 1 }
                      - category: { field: kind, buckets: 64, dimension: 1 }
                      - category: { field: id, buckets: 4096, dimension: 1 }
                      - category: { field: other_id, buckets: 4096, dimension: 1 }
                      - category: { field: merchant.country, buckets: 4096, dimension: 1 }
                      - category: { field: "attributes[channel]", buckets: 4096, dimension: 1 }
                      - category: { field: either, buckets: 4096, dimension: 1 }
                      - time-part: { field: at, parts: [hour, weekday] }
                      - time-part: { field: micros, parts: [hour, minute-of-day] }
                      - time-part: { field: nanos, parts: [hour, minute-of-day] }
                      - time-part: { field: day, parts: [weekday] }
                      - pixels: { field: image, width: 2, height: 2, divide-by: 255 }
                      - categories: { field: words, count: 3, buckets: 64, dimension: 2 }
                    network: [ dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { sgd: { rate: 0.1 } }
                    seed: 1
                    """, "test");

    private static final Schema SCHEMA = new Schema.Parser().parse("""
                    {"type": "record", "name": "E", "fields": [
                      {"name": "distance", "type": ["null", "double"], "default": null},
                      {"name": "count", "type": ["null", "long"], "default": null},
                      {"name": "amount", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}]},
                      {"name": "fixed_amount", "type": ["null", {"type": "fixed", "name": "F", "size": 6,
                        "logicalType": "decimal", "precision": 9, "scale": 2}]},
                      {"name": "merchant", "type": ["null", {"type": "record", "name": "M", "fields": [
                        {"name": "score", "type": "float", "default": 0.5},
                        {"name": "land", "aliases": ["country"], "type": ["null", "string"]}]}]},
                      {"name": "flag", "type": ["boolean", "null"], "default": true},
                      {"name": "kind", "type": ["null", {"type": "enum", "name": "K", "symbols": ["a", "b", "c"]}]},
                      {"name": "id", "type": ["null", {"type": "string", "logicalType": "uuid"}]},
                      {"name": "other_id", "type": ["null", {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}]},
                      {"name": "attributes", "type": {"type": "map", "values": "string"}, "default": {}},
                      {"name": "either", "type": ["null", "string", "long", "double", "boolean"]},
                      {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                      {"name": "micros", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
                      {"name": "nanos", "type": ["null", {"type": "long", "logicalType": "local-timestamp-nanos"}]},
                      {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
                      {"name": "image", "type": "bytes"},
                      {"name": "words", "type": {"type": "array", "items": ["null", "string", "long"]}, "default": []},
                      {"name": "unread", "type": "int", "default": 7}]}""");

    private final InMemorySchemaRegistry registry = new InMemorySchemaRegistry();
    private final int id = registry.register("events-value", SCHEMA);
    private final EventEncoder encoder = new EventEncoder(id, SCHEMA);

    private byte[] encode(Map<String, ?> event) throws UnwritableException {
        return encoder.encode(event, "image"::equals, field -> TimeUnit.MILLISECONDS);
    }

    private static void maybe(Random random, Map<String, Object> to, String name, Object value) {
        if (random.nextInt(4) > 0) {
            to.put(name, value);
        }
    }

    /// An event as a request has it.
    private static Map<String, Object> event(Random random) {
        Map<String, Object> event = new HashMap<>();
        long time = random.nextLong(4_000_000_000_000L);
        maybe(random, event, "distance", random.nextBoolean() ? random.nextLong(1_000) : random.nextDouble());
        maybe(random, event, "count", random.nextLong() >> 15 + random.nextInt(49));
        maybe(random, event, "amount", (random.nextInt(2_000_000) - 1_000_000) / 100.0);
        maybe(random, event, "fixed_amount", (random.nextInt(2_000_000) - 1_000_000) / 100.0);
        Map<String, Object> merchant = new HashMap<>();
        merchant.put("score", (double) random.nextFloat());
        maybe(random, merchant, "country", "Zürich " + random.nextInt(9));
        maybe(random, event, "merchant", merchant);
        maybe(random, event, "flag", random.nextBoolean());
        maybe(random, event, "kind", List.of("a", "b", "c").get(random.nextInt(3)));
        maybe(random, event, "id", new UUID(random.nextLong(), random.nextLong()).toString());
        maybe(random, event, "other_id", new UUID(random.nextLong(), random.nextLong()).toString());
        maybe(random, event, "attributes", Map.of("channel", "web" + random.nextInt(5), "other", "x"));
        maybe(random, event, "either", List.of("7", 7L, 7.5, true).get(random.nextInt(4)));
        event.put("at", random.nextBoolean() ? (Object) time : Instant.ofEpochMilli(time).toString());
        maybe(random, event, "micros", time);
        maybe(random, event, "nanos", Instant.ofEpochMilli(time).toString());
        maybe(random, event, "day", Instant.ofEpochMilli(time).toString().substring(0, 10));
        byte[] image = new byte[4];
        random.nextBytes(image);
        event.put("image", random.nextBoolean() ? image : List.of((long) (image[0] & 0xff), 1L, 255L, 3.0));
        maybe(random, event, "words", List.of("a" + random.nextInt(5), random.nextLong(9)));
        return event;
    }

    @Test
    void theFeaturesOfALoggedEventAreThoseThatWereScored() throws UnwritableException {
        long seed = 20_261_128;
        Random random = new Random(seed);
        AvroCodec codec = new AvroCodec(registry);
        // The spec finds `country` by the schema's alias, as it would where that schema was registered with it.
        ModelSpec registered = SPEC.withReader(new ModelSpec.Reader.Of(id));
        EventReader reader = new EventReader(registered);
        Featurizer scored = new Featurizer(registered);
        Featurizer logged = new Featurizer(registered);
        for (int i = 0; i < 3_000; i++) {
            Map<String, Object> event = event(random);
            Row asked = scored.newRow();
            Row read = logged.newRow();
            String what = "seed " + seed + ", event " + i + ": " + event;
            assertThat(scored.featurizeForScoring(new MapEvent(event), asked)).as(what).isNull();
            assertThat(logged.featurizeForScoring(reader.read(codec, encode(event)), read)).as(what).isNull();
            assertThat(read.numbers).as(what).isEqualTo(asked.numbers);
            assertThat(read.ids).as(what).isEqualTo(asked.ids);
        }
    }

    @Test
    void fieldsThatNoFeatureReadsAreWrittenAndUnknownOnesLeftOut() throws UnwritableException {
        GenericRecord read = new AvroCodec(registry).decode(encode(Map.of("at", 5L, "image",
                Base64.getEncoder().encodeToString(new byte[]{1, 2}), "unread", 9L, "else", 1L)));
        assertThat(read.get("unread")).isEqualTo(9);
        assertThat(read.get("image")).isEqualTo(ByteBuffer.wrap(new byte[]{1, 2}));
        assertThat(read.get("merchant")).isNull();
    }

    @Test
    void aTimeInTextBecomesANumberOfWhatTheSpecSaysThatItCounts() throws UnwritableException {
        String time = "2026-12-01T16:45:04.750Z";
        for (TimeUnit unit : List.of(TimeUnit.SECONDS, TimeUnit.MILLISECONDS, TimeUnit.MICROSECONDS)) {
            byte[] event = encoder.encode(Map.of("at", time, "image", new byte[4], "count", time, "micros", time),
                    "image"::equals, field -> field.equals("count") ? unit : TimeUnit.MILLISECONDS);
            GenericRecord read = new AvroCodec(registry).decode(event);
            long millis = Instant.parse(time).toEpochMilli();
            assertThat(read.get("count")).isEqualTo(unit == TimeUnit.SECONDS ? millis / 1_000
                    : unit == TimeUnit.MILLISECONDS ? millis : millis * 1_000);
            assertThat(read.get("at")).isEqualTo(millis); // by their types in the schema
            assertThat(read.get("micros")).isEqualTo(millis * 1_000);
        }
    }

    @Test
    void whatTheSchemaCanNotHoldIsRefusedWithWhereExpectedAndFound() {
        refused(Map.of("image", new byte[0]),
                "field 'at': expected a value, for the schema has no default, found null");
        refused("distance", "far", "field 'distance': expected a number, found string \"far\"");
        refused("count", 1.5, "field 'count': expected a whole number, found number 1.5");
        refused("amount", 1.234, "field 'amount': expected a decimal of at most 9 digits, 2 of them behind the point,"
                + " found number 1.234");
        refused("amount", 1e9, "field 'amount': expected a decimal of at most 9 digits, 2 of them behind the point,"
                + " found number 1.0E9");
        for (String huge : List.of("1e999999999", "-1e-999999999", "1e600000000", "0.001", "9".repeat(100_000))) {
            refused("fixed_amount", huge, "field 'fixed_amount': expected a decimal of at most 9 digits, 2 of them"
                    + " behind the point, found " + Values.describe(huge));
        }
        for (String small : List.of("0e999999999", "-0.000", "1234567.890000", "12e5")) {
            refused("fixed_amount", small, null);
        }
        refused("kind", "d", "field 'kind': expected one of [a, b, c], found string \"d\"");
        refused("other_id", "x", "field 'other_id': expected a UUID, found string \"x\"");
        refused("micros", "noon", "field 'micros': expected a whole number, or a time, found string \"noon\"");
        refused("micros", Long.MAX_VALUE,
                "field 'micros': expected a number that the schema's type can hold, found number " + Long.MAX_VALUE);
        refused("image", "no base64!", "field 'image': expected base64, found string \"no base64!\"");
        refused("image", List.of(256L),
                "field 'image[]': expected a number that the schema's type can hold, found" + " number 256");
        refused("either", List.of(),
                "field 'either': expected one of [null, string, long, double, boolean], found a" + " list of 0");
        refused("merchant", "shop", "field 'merchant': expected an object, found string \"shop\"");
        refused("merchant", Map.of("score", true), null);
        refused("words", List.of(true, List.of()),
                "field 'words[]': expected one of [null, string, long], found a list of 0");
    }

    private void refused(String field, Object value, @Nullable String message) {
        Map<String, Object> event = new HashMap<>(Map.of("at", 5L, "image", new byte[0]));
        event.put(field, value);
        if (message == null) {
            try {
                encode(event);
            } catch (UnwritableException refused) {
                throw new AssertionError(refused);
            }
        } else {
            refused(event, message);
        }
    }

    private void refused(Map<String, ?> event, String message) {
        assertThatThrownBy(() -> encode(event)).isInstanceOf(UnwritableException.class).hasMessage(message);
    }

    @Test
    void aSchemaThatContainsItselfEndsSomewhere() {
        Schema list = new Schema.Parser().parse("""
                        {"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}""");
        Map<String, Object> deep = Map.of();
        for (int i = 0; i < 100; i++) {
            deep = Map.of("next", deep);
        }
        Map<String, Object> event = deep;
        assertThatThrownBy(
                () -> new EventEncoder(1, list).encode(event, field -> false, field -> TimeUnit.MILLISECONDS))
                .isInstanceOf(UnwritableException.class).hasMessageContaining("expected at most 64 levels");
    }
}
