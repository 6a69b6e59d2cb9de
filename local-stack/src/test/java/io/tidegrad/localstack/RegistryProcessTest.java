package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry.IncompatibleSchemaException;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.schemas.SchemaRegistry.UnknownSchemaException;
import java.nio.file.Path;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@LongProof("two registries, one of which is killed")
final class RegistryProcessTest {
    private static final Schema FIRST = SchemaBuilder.record("Point").fields().requiredInt("x").endRecord();
    private static final Schema WITH_DEFAULT = SchemaBuilder.record("Point").fields().requiredInt("x").name("y").type()
            .intType().intDefault(0).endRecord();
    private static final Schema WITHOUT_DEFAULT =
            SchemaBuilder.record("Point").fields().requiredInt("x").requiredInt("z").endRecord();

    @TempDir
    Path directory;

    private static SchemaRegistry connect(String url) {
        return SchemaRegistry.connect(Map.of("schema.registry.url", url));
    }

    @Test
    void ourClientSpeaksWithARealRegistry() {
        try (SchemaRegistry registry = connect(SharedStack.get().registryUrl())) {
            int first = registry.register("points-value", FIRST);
            assertThat(registry.register("other-points-value", FIRST)).isEqualTo(first);
            int second = registry.register("points-value", WITH_DEFAULT);
            assertThat(second).isNotEqualTo(first);
            assertThat(registry.latestVersion("points-value"))
                    .isEqualTo(new SchemaRegistry.Registered(second, WITH_DEFAULT));
            assertThatThrownBy(() -> registry.register("points-value", WITHOUT_DEFAULT))
                    .isInstanceOf(IncompatibleSchemaException.class).hasMessageContaining("points-value");
        }
        // Another client, so that nothing comes from the first one's cache.
        try (SchemaRegistry registry = connect(SharedStack.get().registryUrl())) {
            int id = registry.idOf("points-value", FIRST);
            assertThat(registry.schemaById(id)).isEqualTo(FIRST);
            assertThatThrownBy(() -> registry.schemaById(1_000_000)).isInstanceOf(UnknownSchemaException.class);
            assertThatThrownBy(() -> registry.latest("no-such-subject")).isInstanceOf(UnknownSchemaException.class);
            assertThatThrownBy(() -> registry.idOf("points-value", WITHOUT_DEFAULT))
                    .isInstanceOf(UnknownSchemaException.class);
        }
    }

    @Test
    void aWrongPathIsUnavailableNotAnUnknownSchema() {
        String url = SharedStack.get().registryUrl().replace("/apis/ccompat/v7", "/apis/wrong");
        try (SchemaRegistry registry = connect(url)) {
            assertThatThrownBy(() -> registry.schemaById(1)).isInstanceOf(RegistryUnavailableException.class)
                    .hasMessageContaining("schema.registry.url");
        }
    }

    @Test
    void anIdGivenOutIsRememberedThroughAKillRightAfter() {
        GenericRecord point = new GenericRecordBuilder(FIRST).set("x", 5).build();
        byte[] value;
        try (RegistryProcess process = RegistryProcess.start(RegistryOptions.in(directory));
                SchemaRegistry registry = connect(process.url())) {
            value = new AvroCodec(registry).encode(registry.register("points-value", FIRST), point);
            process.kill();
            assertThatThrownBy(() -> registry.schemaById(99)).isInstanceOf(RegistryUnavailableException.class);
        }
        try (RegistryProcess process = RegistryProcess.start(RegistryOptions.in(directory));
                SchemaRegistry registry = connect(process.url())) {
            assertThat(new AvroCodec(registry).decode(value)).isEqualTo(point);
        }
    }
}
