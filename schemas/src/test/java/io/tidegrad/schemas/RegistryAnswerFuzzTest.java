package io.tidegrad.schemas;

import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.Fuzz;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.schemas.SchemaRegistry.UnsupportedSchemaException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Whatever a registry, a proxy or a stranger answers is a schema or one of two refusals.
@LongProof("thousands of damaged answers")
class RegistryAnswerFuzzTest {
    private static final URI REGISTRY = URI.create("http://127.0.0.1:8081/schemas/ids/7");

    private static final List<byte[]> ANSWERS = List.of(answer(Progress.getClassSchema().toString()),
            answer(ModelRecord.getClassSchema().toString()), answer("""
                            {"type": "record", "name": "Event", "namespace": "a.b", "fields": [
                              {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
                              {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
                              {"name": "x", "type": {"type": "fixed", "name": "X", "size": 4}},
                              {"name": "d", "type": {"type": "bytes", "logicalType": "decimal",
                                "precision": 9, "scale": 2}},
                              {"name": "more", "type": {"type": "map", "values":
                                {"type": "array", "items": ["null", "Event"]}}, "default": {}}]}
                            """), bytes("{\"schema\": \"\\\"string\\\"\", \"schemaType\": \"JSON\"}"),
            bytes("{\"schema\": \"\\\"string\\\"\", \"references\": [{\"name\": \"a\"}]}"));

    private static byte[] answer(String schema) {
        return bytes("{\"id\": 7, \"schema\": \""
                + schema.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", " ") + "\"}");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aDamagedAnswerIsASchemaOrATypedRefusal() {
        new Fuzz("registry answers", RegistryAnswerFuzzTest.class, "schemas", ANSWERS)
                .inserting(bytes("\\\""), bytes("["), bytes("[".repeat(2_000)), bytes("{\\\"type\\\":".repeat(500)),
                        bytes("null"), bytes("99999999999999999999"), bytes("1e999999999"), bytes("\\u0000"),
                        bytes("\\ud800"), bytes("\\\"size\\\":2147483647,"),
                        bytes("\\\"java-class\\\":\\\"java.io.File\\\","))
                .run(200_000,
                        answer -> RestSchemaRegistry.schema("schema id 7",
                                RestSchemaRegistry.answer(200, answer, REGISTRY)),
                        RegistryUnavailableException.class, UnsupportedSchemaException.class);
    }
}
