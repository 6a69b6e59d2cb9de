package io.tidegrad.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SchemaPathsTest {
    private static final Schema PAYMENT = new Schema.Parser().parse("""
            {"type": "record", "name": "Payment", "fields": [
              {"name": "prices", "type": {"type": "map", "values": {"type": "record", "name": "Price", "fields": [
                {"name": "currency", "type": "string"}]}}},
              {"name": "tags", "type": ["null", {"type": "array", "items": "string"}]},
              {"name": "parent", "type": ["null", "Payment", {"type": "record", "name": "Other", "fields": [
                {"name": "parent", "type": ["null", "Payment", "Other"]}]}]}]}""");

    @ParameterizedTest
    @ValueSource(strings = {"prices", "prices[usd]", "prices[usd].currency", "prices[].currency", "tags", "tags[]",
        "parent.tags"})
    void aSchemaHasPathsToValuesAndThoseThatLeadThere(String path) {
        assertThat(SchemaPaths.has(PAYMENT, FieldPath.parsedOrName(path))).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"price", "prices.currency", "prices[usd].amount", "tags[first]", "tags.size", "parent.a"})
    void aSchemaHasNoOtherPaths(String path) {
        assertThat(SchemaPaths.has(PAYMENT, FieldPath.parsedOrName(path))).isFalse();
    }

    @Test
    void neitherManyFieldsNorDeepOnesNorManyWaysToThemAreTooMuch() {
        Schema wide = new Schema.Parser()
                .parse(IntStream.range(0, 3_000).mapToObj(i -> "{\"name\": \"f" + i + "\", \"type\": \"int\"}").collect(
                        Collectors.joining(",", "{\"type\": \"record\", \"name\": \"Wide\", \"fields\": [", "]}")));
        assertThat(SchemaPaths.has(wide, FieldPath.ofName("f2999"))).isTrue();
        // 2^31 ways through the two types that are a parent.
        assertThat(SchemaPaths.has(PAYMENT, FieldPath.parsedOrName("parent.".repeat(31) + "tags"))).isTrue();
        assertThat(SchemaPaths.has(PAYMENT, FieldPath.parsedOrName("parent.".repeat(31) + "tag"))).isFalse();
    }
}
