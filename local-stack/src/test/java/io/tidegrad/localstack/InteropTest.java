package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.SchemaRegistry;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Our serializers and Confluent's own client (npm `@confluentinc/schemaregistry`) read each other's bytes, with a real
/// registry between them. Downloads that client; run with the tag `interop`.
@Tag("interop")
final class InteropTest {
    private final KafkaProvider stack = SharedStack.get();

    private NodeClient node() throws Exception {
        return NodeClient.install(
                Path.of(System.getProperty("tidegrad.root"), "local-stack", "target", "interop"),
                stack.registryUrl());
    }

    private SchemaRegistry registry() {
        return SchemaRegistry.connect(Map.of("schema.registry.url", stack.registryUrl()));
    }

    @Test
    void whatConfluentsClientWritesWeRead() throws Exception {
        List<byte[]> values =
                node().write(
                                "interop-flights",
                                """
                                {"schema": {"type": "record", "name": "Flight", "fields": [
                                   {"name": "origin", "type": "string"},
                                   {"name": "distance", "type": "int"},
                                   {"name": "delay", "type": ["null", "double"], "default": null}]},
                                 "records": [
                                   {"origin": "SFO", "distance": 337, "delay": 12.5},
                                   {"origin": "Zürich", "distance": -1, "delay": null}]}
                                """);
        try (SchemaRegistry registry = registry()) {
            AvroCodec codec = new AvroCodec(registry);
            assertThat(values).hasSize(2);
            GenericRecord first = codec.decode(values.get(0));
            assertThat(first.get("origin")).hasToString("SFO");
            assertThat(first.get("distance")).isEqualTo(337);
            assertThat(first.get("delay")).isEqualTo(12.5);
            GenericRecord second = codec.decode(values.get(1));
            assertThat(second.get("origin")).hasToString("Zürich");
            assertThat(second.get("delay")).isNull();
        }
    }

    @Test
    void whatWeWriteConfluentsClientReads() throws Exception {
        Progress progress =
                Progress.newBuilder()
                        .setModel("flight-delay")
                        .setEpoch(1)
                        .setVersion(10_000)
                        .setTime(Instant.ofEpochMilli(1_700_000_000_123L))
                        .setLearned(10_000)
                        .setPending(0)
                        .setDeadLetters(2)
                        .setLogLoss(0.42)
                        .setNextOffset(10_002)
                        .setWeightsHash("ab".repeat(32))
                        .build();
        try (SchemaRegistry registry = registry()) {
            int id = registry.register("interop-progress-value", Progress.getClassSchema());
            byte[] value = new AvroCodec(registry).encode(id, progress);
            assertThat(node().read("interop-progress", value))
                    .singleElement()
                    .asString()
                    .contains("\"model\":\"flight-delay\"")
                    .contains("\"version\":10000")
                    .contains("\"log_loss\":")
                    .contains("0.42")
                    .contains("\"auc\":null")
                    .contains("\"next_offset\":10002");
        }
    }
}
