package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.model.feature.Event;
import io.tidegrad.model.spec.ModelSpec;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class RecordReaderTest {
    private static final RecordFields FIELDS = new RecordFields(ModelSpec.parse("""
                    model: photos
                    input: { topic: photos, event-time: taken }
                    label: { field: good }
                    features:
                      - number: { field: size }
                      - category: { field: camera, buckets: 16, dimension: 2 }
                      - time-part: { field: taken, parts: [hour], dimension: 2 }
                      - time-part: { field: sold, parts: [month], dimension: 2 }
                      - category: { field: sold, buckets: 16, dimension: 2 }
                      - cross: { fields: [camera, { weekday: shown }], buckets: 16, dimension: 2 }
                      - pixels: { field: image, width: 2, height: 2 }
                      - sequence: { field: steps, steps: 2 }
                      - bag: { field: tags, count: 3, buckets: 16, dimension: 2, weights: shares }
                      - history: { key: [owner, lens], field: exposure, time: opened, values: [lag, since-last], buckets: 16 }
                      - quantiles: { field: weight, buckets: 16 }
                      - vocabulary: { field: city, capacity: 16 }
                      - bag: { field: genres, count: 3, split: "|", buckets: 16, dimension: 2 }
                    network: [ dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { sgd: { rate: 0.1 } }
                    """, "test"));

    private static List<Event> read(String body) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        return new RecordReader(FIELDS, field -> false).read(bytes, bytes.length);
    }

    @Test
    void readsOneRecordOrMany() {
        assertThat(read("{\"size\": 3}")).hasSize(1);
        List<Event> two = read(" [ {\"size\": 3, \"camera\": \"x\"} , {\"size\": 4.5, \"camera\": null} ] ");
        assertThat(two).hasSize(2);
        assertThat(two.get(0).get("size")).isEqualTo(3L);
        assertThat(two.get(0).get("camera")).isEqualTo("x");
        assertThat(two.get(1).get("size")).isEqualTo(4.5);
        assertThat(two.get(1).get("camera")).isNull();
    }

    @Test
    void readsPixelsAsNumbersOrBase64() {
        assertThat(read("{\"image\": [0, 128, 255, 1.5]}").getFirst().get("image"))
                .isEqualTo(List.of(0L, 128L, 255L, 1.5));
        assertThat(read("{\"image\": \"AID/AQ==\"}").getFirst().get("image"))
                .isEqualTo(new byte[]{0, (byte) 128, (byte) 255, 1});
    }

    @Test
    void knowsWhatATimeInNumbersCounts() {
        assertThat(new RecordFields(ModelSpec.parse("""
                model: m
                input: { topic: t }
                label: { field: late }
                features:
                  - time-part: { field: departed, parts: [hour], time-unit: seconds }
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: adam
                """, "spec")).expected()).containsEntry("departed", "time, ISO-8601 or epoch seconds");
    }

    @Test
    void knowsWhatItExpects() {
        assertThat(FIELDS.expected()).containsEntry("size", "number")
                .containsEntry("taken", "time, ISO-8601 or epoch ms")
                .containsEntry("shown", "time, ISO-8601 or epoch ms")
                .containsEntry("owner", "string, number, boolean or null")
                .containsEntry("lens", "string, number, boolean or null").containsEntry("exposure", "number")
                .containsEntry("opened", "time, ISO-8601 or epoch ms").containsEntry("weight", "number")
                .containsEntry("city", "string, number, boolean or null")
                .containsEntry("image", "array of 4 numbers, or base64 of 4 bytes")
                .containsEntry("genres", "string, number, boolean or null").containsEntry("good", "label (not used)");
    }

    @Test
    void passesOverUnknownFieldsWhenToldTo() {
        byte[] bytes = "{\"size\": 3, \"extra\": {\"deep\": [1]}, \"camera\": \"x\"}".getBytes(StandardCharsets.UTF_8);
        Event event = new RecordReader(FIELDS, field -> true).read(bytes, bytes.length).getFirst();
        assertThat(event.get("camera")).isEqualTo("x");
        assertThat(event.get("extra")).isNull();
    }

    static Stream<Arguments> mistakes() {
        return Stream.of(Arguments.of("", "bad-json", -1, "found nothing"),
                Arguments.of("null", "bad-json", -1, "found null"), Arguments.of("3", "bad-json", -1, "found a number"),
                Arguments.of("[]", "no-records", -1, "at least one"), Arguments.of("{", "bad-json", -1, "line 1"),
                Arguments.of("{\"size\": 3", "bad-json", -1, "not JSON"),
                Arguments.of("{\"size\": 3} x", "bad-json", -1, "line 1"),
                Arguments.of("{\"size\": 3}{\"size\": 3}", "bad-json", -1, "expected the end"),
                Arguments.of("{\"size\": NaN}", "bad-json", -1, "NaN"),
                Arguments.of("{\"size\": 01}", "bad-json", -1, "not JSON"),
                Arguments.of("{'size': 1}", "bad-json", -1, "not JSON"),
                Arguments.of("{\"size\": 1, \"size\": 2}", "bad-json", -1, "Duplicate"),
                Arguments.of("{\"size\": " + "1".repeat(100) + "}", "bad-json", -1, "limit"),
                Arguments.of("[[{\"size\": 3}]]", "not-a-record", 0, "found an array"),
                Arguments.of("[{\"size\": 3}, 4]", "not-a-record", 1, "found a number"),
                Arguments.of("{\"sise\": 3}", "unknown-field", 0, "did you mean 'size'? (a whole event is taken"),
                Arguments.of("[{}, {\"altitude\": 3}]", "unknown-field", 1, "(known: size, camera, taken"),
                Arguments.of("{\"a\\nb\": 3}", "unknown-field", 0, "'a?b'"),
                Arguments.of("{\"size\": {}}", "wrong-type", 0, "expected number, found an object"),
                Arguments.of("{\"image\": [1, \"2\"]}", "wrong-type", 0, "an array with a string"),
                Arguments.of("{\"image\": [[1]]}", "wrong-type", 0, "an array with an array"),
                Arguments.of("{\"image\": \"***\"}", "wrong-type", 0, "not base64"),
                Arguments.of("{\"sold\": \"2001-01-01\"}", "wrong-type", 0, "expected epoch ms"),
                Arguments.of("[".repeat(50), "not-a-record", 0, "found an array"));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void saysWhatIsWrongAndWhere(String body, String reason, int record, String message) {
        assertThatThrownBy(() -> read(body)).isInstanceOfSatisfying(HttpProblem.class, problem -> {
            assertThat(problem.reason().status().code()).isEqualTo(400);
            assertThat(problem.reason().code()).as(problem.message()).isEqualTo(reason);
            assertThat(problem.record()).isEqualTo(record);
            assertThat(problem.message()).contains(message).doesNotContain("\n", "com.fasterxml", "Exception",
                    "Source");
        });
    }

    @Test
    void brokenUtf8IsAClientsMistake() {
        byte[] bytes = {'{', '"', (byte) 0xff, (byte) 0xfe, '"', ':', '1', '}'};
        assertThatThrownBy(() -> new RecordReader(FIELDS, field -> false).read(bytes, bytes.length))
                .isInstanceOf(HttpProblem.class).hasMessageContaining("UTF-8");
    }

    @Test
    void readsListsOfValuesWhereAFeatureIsMadeOfThem() {
        Event event = read("{\"tags\": [\"a\", 3, true, null], \"shares\": [1, 0.5], \"steps\": [1, 2]}").getFirst();
        assertThat(event.get("tags")).isEqualTo(java.util.Arrays.asList("a", 3L, true, null));
        assertThat(event.get("shares")).isEqualTo(List.of(1L, 0.5));
        assertThat(FIELDS.expected()).containsEntry("tags", "array of at most 3 strings, numbers, booleans or nulls")
                .containsEntry("steps", "array of 2 numbers");
        assertThatThrownBy(() -> read("{\"shares\": [\"a\"]}")).hasMessageContaining("a string in it");
        assertThatThrownBy(() -> read("{\"tags\": [[1]]}")).hasMessageContaining("an array in it");
    }

    private static final RecordFields NESTED = new RecordFields(ModelSpec.parse("""
                    model: payments
                    input: { topic: payments }
                    label: { field: outcome.fraud }
                    features:
                      - number: { field: amount.value }
                      - category: { field: merchant.country, buckets: 16, dimension: 2 }
                      - category: { field: "attributes[channel]", buckets: 16, dimension: 2 }
                      - bag: { field: "items[].sku", count: 3, buckets: 16, dimension: 2, weights: "items[].price" }
                    network: [ dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { sgd: { rate: 0.1 } }
                    """, "test"));

    private static Event nested(String body) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        return new RecordReader(NESTED, field -> field.equals("merchant.name")).read(bytes, bytes.length).getFirst();
    }

    @Test
    void recordsNestAsTheModelsFieldsDo() {
        Event event =
                nested("""
                {"amount": {"value": 12.5}, "merchant": {"country": "DE", "name": {"any": ["thing"]}},
                 "attributes": {"os": "ios", "channel": "web"}, "items": [{"sku": "a", "price": 1}, {"price": 0.5}]}""");
        assertThat(event.get("amount.value")).isEqualTo(12.5);
        assertThat(event.get("merchant.country")).isEqualTo("DE");
        assertThat(event.get("attributes[channel]")).isEqualTo("web");
        assertThat(event.get("items[].sku")).isEqualTo(java.util.Arrays.asList("a", null));
        assertThat(event.get("items[].price")).isEqualTo(List.of(1L, 0.5));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"merchant\": {\"contry\": 1}} | unknown-field | no field 'merchant.contry' in this model; did you mean 'merchant.country'?",
        "{\"merchant.country\": \"DE\"} | unknown-field | no field 'merchant\\.country' in this model; did you mean 'merchant.country'?",
        "{\"merchant\": \"DE\"} | wrong-type | field 'merchant': expected an object, found a string",
        "{\"amount\": {\"value\": {}}} | wrong-type | field 'amount.value': expected number, found an object",
        "{\"items\": {\"a\": {\"sku\": [1]}}} | wrong-type | field 'items[].sku'"})
    void whatDoesNotNestAsTheModelsFieldsDoIsToldByItsPath(String body, String reason, String message) {
        assertThatThrownBy(() -> nested(body)).isInstanceOfSatisfying(HttpProblem.class, problem -> {
            assertThat(problem.reason().code()).as(problem.message()).isEqualTo(reason);
            assertThat(problem.message()).contains(message);
        });
    }
}
