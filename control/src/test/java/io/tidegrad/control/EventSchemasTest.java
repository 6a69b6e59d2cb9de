package io.tidegrad.control;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EventSchemasTest {
    private static final String SUBJECT = "payments-value";

    private final SchemaRegistry registry = new InMemorySchemaRegistry();

    private static ModelSpec spec(String... fields) {
        StringBuilder features = new StringBuilder();
        for (String field : fields) {
            features.append(field.contains("[]") ? "  - categories: { count: 9, " : "  - category: { ")
                    .append("field: '").append(field).append("', buckets: 8, dimension: 2 }\n");
        }
        return withFeatures(features.toString());
    }

    private static ModelSpec withFeatures(String features) {
        return ModelSpec
                .parse("model: m\ninput: { topic: payments, event-time: at }\nlabel: { field: fraud }\nfeatures:\n"
                        + features + "network: [ dense: 1 ]\nloss: binary-cross-entropy\noptimizer: adam\n", "spec");
    }

    private int register(String merchant, String more) {
        return registry.register(SUBJECT, new Schema.Parser().setValidateDefaults(false).parse("""
                        {"type": "record", "name": "Payment", "fields": [
                          {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                          {"name": "fraud", "type": "boolean"},
                          {"name": "merchant", "type": ["null", {"type": "record", "name": "Merchant", "fields": [
                            %s]}], "default": null},
                          {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item",
                            "fields": [{"name": "price", "type": "double"}]}}, "default": []}
                          %s]}""".formatted(merchant, more)));
    }

    /// Each of its events would become a dead letter.
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "number: { field: \"items[].price\" }                                | a number     | a list of numbers",
        "number: { field: merchant.country }                                 | a number     | text",
        "category: { field: \"items[].price\", buckets: 8, dimension: 2 }     | one value    | a list of numbers",
        "cross: { fields: [at, \"items[].price\"], buckets: 8, dimension: 2 } | one value    | a list of numbers",
        "cross: { fields: [at, { hour: flag }], buckets: 8, dimension: 2 }   | a time       | true or false",
        "time-part: { field: flag, parts: [hour], dimension: 2 }            | a time       | true or false",
        "cyclic: { field: merchant.country, period: 3 }                      | a number     | text",
        "sequence: { field: at, steps: 2, width: 1 }                         | a list of numbers | a number",
        "sequence: { field: \"tags\", steps: 2, width: 1 }                     | a list of numbers | a list of text",
        "history: { key: flag, time: flag, values: [since-last], buckets: 8 } | a time      | true or false",
        "history: { key: flag, field: merchant.country, values: [lag], buckets: 8 } | a number | text",
        "history: { key: [flag, tags], values: [count], buckets: 8 }         | one value    | a list of text",
        "quantiles: { field: merchant.country, buckets: 8 }                  | a number     | text",
        "vocabulary: { field: tags, capacity: 8 }                            | one value    | a list of text",
        "bag: { field: merchant.country, count: 2, buckets: 8, dimension: 2 } | a list      | text",
        "bag: { field: tags, count: 2, split: \";\", buckets: 8, dimension: 2 } | one value   | a list of text"})
    void aFeatureThatCantBeMadeOfItsFieldIsRefused(String feature, String expected, String found) {
        register(COUNTRY,
                ", {\"name\": \"tags\", \"type\": {\"type\": \"array\", \"items\": \"string\"}, \"default\": []}, {\"name\":"
                        + " \"flag\", \"type\": \"boolean\", \"default\": false}");
        assertThat(refusal(withFeatures("  - " + feature + "\n"))).contains("': expected " + expected
                + " of Payment (schema id 1), or of an earlier schema of payments-value, found " + found + ". Correct");
    }

    /// A decoder has made milliseconds of it, and by microseconds each would lie in 1970.
    @ParameterizedTest
    @ValueSource(strings = {"time-part: { field: at, parts: [hour], time-unit: microseconds }",
        "cyclic: { field: at, part: hour, time-unit: seconds }",
        "cross: { fields: [fraud, { hour: at, time-unit: seconds }], buckets: 8 }",
        "history: { key: merchant.country, time: at, time-unit: seconds, values: [since-last], buckets: 8 }"})
    void aUnitBesideATimestampOfAvroIsRefused(String feature) {
        register(COUNTRY, ", {\"name\": \"sent\", \"type\": \"long\"}");
        String spec = "  - " + feature.replace("fraud", "merchant.country") + "\n";
        assertThat(refusal(withFeatures(spec))).contains("field 'at': expected a plain number, because time-unit says"
                + " what it counts, or no time-unit; found a date or timestamp of Avro, whose type says that, in Payment"
                + " (schema id 1). Correct");
        ModelSpec plain = withFeatures(spec.replace("at,", "sent,").replace("hour: at", "hour: sent"));
        assertThat(EventSchemas.known(plain, registry)).isEqualTo(plain);
    }

    @Test
    void aFeatureThatCanBeMadeOfTheFieldInOneSchemaIsRegistered() {
        register(COUNTRY, ", {\"name\": \"size\", \"type\": \"string\", \"default\": \"\"}");
        register(COUNTRY, ", {\"name\": \"size\", \"type\": [\"string\", \"int\"], \"default\": \"\"}");
        ModelSpec spec = withFeatures(
                "  - number: { field: size }\n  - time-part: { field: at, parts: [hour]," + " dimension: 2 }\n");
        assertThat(EventSchemas.known(spec, registry)).isSameAs(spec);
    }

    private static final String COUNTRY = "{\"name\": \"country\", \"type\": \"string\", \"default\": \"\"}";

    private String refusal(ModelSpec spec) {
        ControlException refused =
                catchThrowableOfType(ControlException.class, () -> EventSchemas.known(spec, registry));
        assertThat(refused).isNotNull();
        assertThat(refused.reason()).isEqualTo(ControlException.Reason.CONFIGURATION);
        return String.valueOf(refused.getMessage());
    }

    @Test
    void aSpecWhoseFieldsEverySchemaHasIsRegisteredAsItIs() {
        register(COUNTRY, "");
        register(COUNTRY, ", {\"name\": \"device\", \"type\": [\"null\", \"string\"], \"default\": null}");
        ModelSpec spec = spec("merchant.country", "items[].price");
        assertThat(EventSchemas.known(spec, registry)).isSameAs(spec);
    }

    @Test
    void aFieldThatNoSchemaHasIsRefusedWithTheNearestPath() {
        register(COUNTRY, "");
        assertThat(refusal(spec("merchant.contry")))
                .isEqualTo("model m: field 'merchant.contry': expected one of Payment"
                        + " (schema id 1), or of an earlier schema of payments-value, found none; did you mean"
                        + " 'merchant.country'?. Correct the spec, or register the schema that has it first");
        assertThat(refusal(spec("country"))).contains("did you mean 'merchant.country'?");
        assertThat(refusal(spec("items.price"))).contains("did you mean 'items[].price'?");
        assertThat(refusal(spec("merchant"))).contains("field 'merchant'", "found one that holds others");
        assertThat(refusal(spec("x", "merchant.country", "y"))).contains("field 'x'", "field 'y'", "has them first");
    }

    @Test
    void aFieldThatSomeSchemasLackNamesTheNewest() {
        register("", "");
        int newest = register(COUNTRY, "");
        assertThat(EventSchemas.known(spec("merchant.country"), registry).input().reader())
                .isEqualTo(new ModelSpec.Reader.Of(newest));
        assertThat(EventSchemas.known(spec("items[].price"), registry).input().reader())
                .isEqualTo(ModelSpec.Reader.ANY);
    }

    @Test
    void aFieldWithOtherNamesInTheNewestSchemaNamesIt() {
        int only = register(COUNTRY.replace("\"type\"", "\"aliases\": [\"land\"], \"type\""), "");
        assertThat(EventSchemas.known(spec("merchant.country"), registry).input().reader())
                .isEqualTo(new ModelSpec.Reader.Of(only));
        assertThat(EventSchemas.known(spec("merchant.land"), registry).input().reader())
                .isEqualTo(new ModelSpec.Reader.Of(only));
    }

    @Test
    void whereTheRegistryKnowsNoSchemaTheFirstEventMustHaveAllFields() {
        ModelSpec known = EventSchemas.known(spec("merchant.contry"), registry);
        assertThat(known.input().reader()).isEqualTo(ModelSpec.Reader.FIRST);
        assertThat(EventSchemas.known(known, registry)).isSameAs(known);
    }

    @Test
    void aSchemaThatTheSpecNamesMustBeThere() {
        int older = register(COUNTRY, "");
        register("", "");
        ModelSpec named = spec("merchant.country").withReader(new ModelSpec.Reader.Of(older));
        assertThat(EventSchemas.known(named, registry)).isSameAs(named);
        assertThat(refusal(spec("at").withReader(new ModelSpec.Reader.Of(77)))).contains("input.schema", "77");
    }

    private static StreamSpec stream(String id, String weight, String value) {
        return StreamSpec.parse("""
                stream: s
                events: { topic: payments, key: '%s', event-time: at }
                labels: { topic: chargebacks, key: "@key", value: %s }
                weight: '%s'
                join: { wait: PT1M, missing: 0, window: PT1H }
                """.formatted(id, value, weight), "spec");
    }

    private int registerLabels(String name) {
        return registry.register("chargebacks-value", new Schema.Parser().parse("""
                {"type": "record", "name": "Chargeback", "fields": [%s]}""".formatted(name)));
    }

    private static final String FRAUD = "{\"name\": \"fraud\", \"type\": \"boolean\", \"default\": false}";

    @Test
    void aStreamWhoseFieldsEverySchemaHasIsRegisteredAsItIs() {
        register(COUNTRY, "");
        registerLabels(FRAUD);
        StreamSpec spec = stream("merchant.country", "at", "fraud");
        assertThat(EventSchemas.known(spec, registry)).isSameAs(spec);
    }

    @Test
    void aStreamsFieldThatNoSchemaOfItsTopicHasIsRefusedWithTheNearestPath() {
        register(COUNTRY, "");
        registerLabels(FRAUD);
        assertThatThrownBy(() -> EventSchemas.known(stream("merchant.contry", "items", "frauds"), registry))
                .isInstanceOf(ControlException.class)
                .hasMessage("stream s: field 'merchant.contry': expected one of Payment (schema id 1), or of an earlier"
                        + " schema of payments-value, found none; did you mean 'merchant.country'?; field 'items':"
                        + " expected one of Payment (schema id 1), or of an earlier schema of payments-value, found"
                        + " one that holds others (known: at, fraud, merchant.country, items[].price); field 'frauds':"
                        + " expected one of"
                        + " Chargeback (schema id 2), or of an earlier schema of chargebacks-value, found none; did you"
                        + " mean 'fraud'?. Correct the spec, or register the schema that has them first");
        register(COUNTRY,
                ", {\"name\": \"tags\", \"type\": {\"type\": \"array\", \"items\": \"int\"}, \"default\": []}");
        assertThatThrownBy(() -> EventSchemas.known(stream("merchant.country", "tags", "fraud"), registry))
                .hasMessageContaining("field 'tags': ").hasMessageContaining("found a list");
    }

    @Test
    void aStreamNamesTheSchemasThatItsFieldsWereFoundIn() {
        register("", "");
        int events = register(COUNTRY, "");
        int labels = registerLabels(FRAUD.replace("\"type\"", "\"aliases\": [\"is_fraud\"], \"type\""));
        StreamSpec known = EventSchemas.known(stream("merchant.country", "at", "fraud"), registry);
        assertThat(known.events().schema()).isEqualTo(events);
        assertThat(requireNonNull(known.labels()).schema()).isEqualTo(labels);
        register(COUNTRY, ", {\"name\": \"device\", \"type\": \"string\", \"default\": \"\"}");
        assertThat(EventSchemas.known(known, registry)).as("what is registered stays").isSameAs(known);
    }

    @Test
    void aStreamOfTopicsWithoutSchemasIsRegisteredAsItIs() {
        StreamSpec spec = stream("merchant.contry", "at", "fraud");
        assertThat(EventSchemas.known(spec, registry)).isSameAs(spec);
    }

    @Test
    void aModelThatReadsTheLabelInItsStreamsEventsIsRefused() {
        register(COUNTRY, "");
        StreamSpec stream = StreamSpec.parse("stream: s\nevents: { topic: payments }\nlabel: fraud\n", "spec");
        String yaml = spec("merchant.country", "at").yaml().replace("'at'", "'fraud'")
                .replace("topic: payments, event-time: at", "stream: s").replace("label: { field: fraud }\n", "");
        assertThatThrownBy(() -> EventSchemas.known(ModelSpec.parse(yaml, "spec"), stream, registry))
                .isInstanceOf(ControlException.class).hasMessageStartingWith("model m of stream s: line 5")
                .hasMessageContainingAll("features[1]: reads 'fraud', the label's field", "allow-label: true");
        ModelSpec allowed = ModelSpec.parse(yaml.replace("'fraud', ", "'fraud', allow-label: true, "), "spec");
        assertThat(EventSchemas.known(allowed, stream, registry)).isSameAs(allowed);
        StreamSpec ofOthers = stream("merchant.country", "at", "fraud");
        ModelSpec honest = ModelSpec.parse(yaml, "spec");
        assertThat(EventSchemas.known(honest, ofOthers, registry)).as("the label comes from another topic")
                .isSameAs(honest);
    }

    @Test
    void aModelOfAStreamIsKnownByTheSchemasOfTheStreamsEvents() {
        register("", "");
        int newest = register(COUNTRY, "");
        StreamSpec stream = stream("merchant.country", "at", "fraud");
        ModelSpec model =
                ModelSpec.parse(spec("merchant.country").yaml().replace("topic: payments, event-time: at", "stream: s")
                        .replace("label: { field: fraud }\n", ""), "spec");
        assertThat(EventSchemas.known(model, stream, registry).input().reader())
                .isEqualTo(new ModelSpec.Reader.Of(newest));
        StreamSpec inJson = StreamSpec.parse(stream.yaml().replace("event-time: at", "format: json"), "spec");
        assertThatThrownBy(() -> EventSchemas.known(model, inJson, registry))
                .hasMessage("model m: expected the format of the events of stream s, JSON, found Avro: write input: {"
                        + " stream: s, format: json }");
    }
}
