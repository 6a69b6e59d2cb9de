package io.tidegrad.schemas;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.schemas.SchemaRegistry.UnknownSchemaException;
import io.tidegrad.schemas.UndecodableException.Reason;
import java.io.EOFException;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

final class SerdesTest {
    private static final Schema FIRST = SchemaBuilder.record("Point").fields().requiredInt("x").endRecord();
    private static final Schema SECOND = SchemaBuilder.record("Point").fields().requiredInt("x").name("y").type()
            .intType().intDefault(9).endRecord();

    private Map<String, Object> config = Map.of();
    private SchemaRegistry registry = new InMemorySchemaRegistry();

    @BeforeEach
    void aRegistryOfItsOwnForEachTest(TestInfo test) {
        config = Map.of("schema.registry.url", "mock://" + test.getDisplayName());
        registry = SchemaRegistry.connect(config);
    }

    private ConfluentAvroSerializer serializer(Map<String, ?> more, boolean isKey) {
        Map<String, Object> all = new HashMap<>(config);
        all.putAll(more);
        ConfluentAvroSerializer serializer = new ConfluentAvroSerializer();
        serializer.configure(all, isKey);
        return serializer;
    }

    private ConfluentAvroDeserializer deserializer() {
        ConfluentAvroDeserializer deserializer = new ConfluentAvroDeserializer();
        deserializer.configure(config, false);
        return deserializer;
    }

    private static GenericRecord point(int x) {
        return new GenericRecordBuilder(FIRST).set("x", x).build();
    }

    @Test
    void subjectsAreTopicAndRole() {
        serializer(Map.of(), false).serialize("points", point(1));
        serializer(Map.of(), true).serialize("points", point(1));
        assertThat(registry.latest("points-value")).isEqualTo(FIRST);
        assertThat(registry.latest("points-key")).isEqualTo(FIRST);
    }

    @Test
    void nullStaysNull() {
        assertThat(serializer(Map.of(), false).serialize("points", null)).isNull();
        assertThat(deserializer().deserialize("points", null)).isNull();
    }

    @Test
    void aRecordMakesTheRoundTrip() {
        byte[] bytes = serializer(Map.of(), false).serialize("points", point(5));
        assertThat(deserializer().deserialize("points", bytes)).isEqualTo(point(5));
    }

    @Test
    void withoutAutoRegistrationOnlyRegisteredSchemasAreWritten() {
        var serializer = serializer(Map.of("auto.register.schemas", "false"), false);
        assertThatThrownBy(() -> serializer.serialize("points", point(1))).isInstanceOf(UnknownSchemaException.class)
                .hasMessageContaining("points-value");
        registry.register("points-value", FIRST);
        assertThat(serializer.serialize("points", point(1))).isNotNull();
    }

    @Test
    void useLatestVersionWritesByTheNewestSchema() {
        registry.register("points-value", FIRST);
        registry.register("points-value", SECOND);
        var serializer = serializer(Map.of("auto.register.schemas", false, "use.latest.version", true), false);
        GenericRecord read = deserializer().deserialize("points", serializer.serialize("points", point(1)));
        assertThat(read).isNotNull();
        assertThat(read.get("x")).isEqualTo(1);
        assertThat(read.get("y")).isEqualTo(9);
    }

    @Test
    void aFlagThatIsNeitherTrueNorFalseIsRefused() {
        assertThatThrownBy(() -> serializer(Map.of("auto.register.schemas", "yes"), false))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("auto.register.schemas");
    }

    /// Fails as Confluent's deserializer does: with what went wrong as the cause of a SerializationException, or with
    /// another exception of Kafka's.
    public static final class Failing implements Deserializer<GenericRecord> {
        static @Nullable Exception cause;

        @Override
        public GenericRecord deserialize(String topic, byte[] value) {
            if (cause instanceof KafkaException itself) {
                throw itself;
            }
            throw new SerializationException("can't deserialize", cause);
        }
    }

    /// Named and shaped as Confluent's.
    public static final class RestClientException extends Exception {
        private final int status;

        RestClientException(int status) {
            super("status " + status);
            this.status = status;
        }

        public int getStatus() {
            return status;
        }
    }

    private RuntimeException foreignFailure(@Nullable Exception cause) {
        Failing.cause = cause;
        Map<String, Object> all = new HashMap<>(config);
        all.put(RecordDecoder.DESERIALIZER, Failing.class.getName());
        try (RecordDecoder decoder = RecordDecoder.of(all)) {
            RuntimeException failure =
                    catchThrowableOfType(RuntimeException.class, () -> decoder.decode("t", new byte[9]));
            assertThat(failure).isNotNull();
            return failure;
        }
    }

    @Test
    void aForeignDeserializersFailuresAreToldApart() {
        assertThat(foreignFailure(new RestClientException(404))).isInstanceOfSatisfying(UndecodableException.class,
                e -> assertThat(e.reason()).isEqualTo(Reason.UNKNOWN_SCHEMA));
        assertThat(foreignFailure(new RestClientException(500))).isInstanceOf(RegistryUnavailableException.class);
        assertThat(foreignFailure(new IOException("connection refused")))
                .isInstanceOf(RegistryUnavailableException.class);
        assertThat(foreignFailure(new InvalidConfigurationException("Unauthorized; error code: 401")))
                .isInstanceOf(RegistryUnavailableException.class).hasMessageContaining("Unauthorized");
        assertThat(foreignFailure(new TimeoutException("no answer in time")))
                .isInstanceOf(RegistryUnavailableException.class);
        assertThat(foreignFailure(new InterruptException("closed"))).isInstanceOf(InterruptException.class);
        assertThat(foreignFailure(new EOFException())).isInstanceOf(UndecodableException.class);
        assertThat(foreignFailure(null)).isInstanceOf(UndecodableException.class);
    }

    @Test
    void aDeserializerNamedByClassIsUsed() {
        byte[] bytes = requireNonNull(serializer(Map.of(), false).serialize("points", point(5)));
        Map<String, Object> all = new HashMap<>(config);
        all.put(RecordDecoder.DESERIALIZER, ConfluentAvroDeserializer.class.getName());
        try (RecordDecoder decoder = RecordDecoder.of(all)) {
            assertThat(decoder.decode("points", bytes)).isEqualTo(point(5));
        }
        try (RecordDecoder decoder =
                new RecordDecoder.Foreign(deserializer(), RegistryPatience.UNBOUNDED, new InMemorySchemaRegistry())) {
            assertThat(decoder.decode("points", bytes)).isEqualTo(point(5));
        }
    }

    /// Refuses its settings, or can't be closed.
    public static final class Stubborn implements Deserializer<GenericRecord> {
        static boolean refusesSettings;
        static int closed;

        @Override
        public void configure(Map<String, ?> settings, boolean isKey) {
            if (refusesSettings) {
                throw new InvalidConfigurationException("no");
            }
        }

        @Override
        public GenericRecord deserialize(String topic, byte[] value) {
            throw new SerializationException("no");
        }

        @Override
        public void close() {
            closed++;
            if (!refusesSettings) {
                throw new IllegalStateException("can't be closed");
            }
        }
    }

    @Test
    void aForeignDeserializerIsClosedEvenIfItRefusesItsSettings() {
        Map<String, Object> all = new HashMap<>(config);
        all.put(RecordDecoder.DESERIALIZER, Stubborn.class.getName());
        Stubborn.closed = 0;
        Stubborn.refusesSettings = true;
        assertThatThrownBy(() -> RecordDecoder.of(all)).isInstanceOf(InvalidConfigurationException.class);
        assertThat(Stubborn.closed).isEqualTo(1);
        Stubborn.refusesSettings = false;
        boolean[] closed = new boolean[1];
        SchemaRegistry registry = (SchemaRegistry) Proxy.newProxyInstance(SchemaRegistry.class.getClassLoader(),
                new Class<?>[]{SchemaRegistry.class}, (_, method, _) -> {
                    closed[0] |= method.getName().equals("close");
                    return null;
                });
        assertThatThrownBy(new RecordDecoder.Foreign(new Stubborn(), RegistryPatience.UNBOUNDED, registry)::close)
                .hasMessage("can't be closed");
        assertThat(closed).as("the registry's connections").containsExactly(true);
    }

    @Test
    void aClassThatIsNotThereIsNamedWithARemedy() {
        Map<String, Object> all = new HashMap<>(config);
        all.put(RecordDecoder.DESERIALIZER, "io.confluent.kafka.serializers.KafkaAvroDeserializer");
        assertThatThrownBy(() -> RecordDecoder.of(all)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("io.confluent.kafka.serializers.KafkaAvroDeserializer")
                .hasMessageContaining("class path");
    }
}
