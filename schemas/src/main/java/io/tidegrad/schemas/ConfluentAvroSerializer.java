package io.tidegrad.schemas;

import java.io.IOException;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericContainer;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serializer;
import org.jspecify.annotations.Nullable;

/// Writes Avro records, generic or specific, in Confluent wire format, as Confluent's `KafkaAvroSerializer` does. The
/// subject is `<topic>-value`, or `<topic>-key`.
///
/// | key | meaning | default |
/// |---|---|---|
/// | `auto.register.schemas` | register the record's schema; otherwise it must be registered already | `true` |
/// | `use.latest.version` | without auto-registration: write by the subject's newest schema, which must be able to read the record's | `false` |
///
/// and those of [SchemaRegistry#connect].
public final class ConfluentAvroSerializer implements Serializer<@Nullable GenericContainer> {
    private final Map<String, Map<Schema, Integer>> ids = new HashMap<>(); // by topic, by identity
    private final Map<String, SchemaRegistry.Registered> latest = new HashMap<>(); // by topic
    private @Nullable SchemaRegistry registry;
    private @Nullable AvroCodec codec;
    private boolean isKey;
    private boolean autoRegister;
    private boolean useLatest;

    @Override
    public void configure(Map<String, ?> config, boolean isKey) {
        this.isKey = isKey;
        autoRegister = flag(config, "auto.register.schemas", true);
        useLatest = flag(config, "use.latest.version", false);
        SchemaRegistry connected = SchemaRegistry.connect(config);
        registry = connected;
        codec = new AvroCodec(connected);
    }

    private static boolean flag(Map<String, ?> config, String key, boolean byDefault) {
        Object value = config.get(key);
        String text = value == null ? String.valueOf(byDefault) : value.toString().strip();
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException(key + ": expected true or false, found " + text);
        };
    }

    @Override
    public byte @Nullable [] serialize(String topic, @Nullable GenericContainer value) {
        if (value == null) {
            return null;
        }
        SchemaRegistry connected = registry;
        AvroCodec configured = codec;
        if (connected == null || configured == null) {
            throw new IllegalStateException("configure() comes first");
        }
        String subject = topic + (isKey ? "-key" : "-value");
        Schema schema = value.getSchema();
        if (!autoRegister && useLatest) {
            SchemaRegistry.Registered newest =
                    latest.computeIfAbsent(topic, unused -> connected.latestVersion(subject));
            return newest.schema().equals(schema) ? configured.encode(newest.id(), value)
                    : configured.encode(newest.id(), converted(configured, value, newest, subject));
        }
        Map<Schema, Integer> known = ids.computeIfAbsent(topic, unused -> new IdentityHashMap<>());
        Integer id = known.get(schema);
        if (id == null) {
            id = autoRegister ? connected.register(subject, schema) : connected.idOf(subject, schema);
            known.put(schema, id);
        }
        return configured.encode(id, value);
    }

    // What a reader with the newest schema would make of the record.
    private static GenericContainer converted(AvroCodec codec, GenericContainer value, SchemaRegistry.Registered newest,
            String subject) {
        byte[] bytes = codec.encode(0, value);
        BoundedDecoder decoder = new BoundedDecoder();
        decoder.reset(bytes, AvroCodec.HEADER_BYTES);
        try {
            return new GenericDatumReader<GenericContainer>(value.getSchema(), newest.schema()).read(null, decoder);
        } catch (IOException | AvroRuntimeException e) {
            throw new SerializationException("use.latest.version: the newest schema of " + subject + " (id "
                    + newest.id() + ") can't read a record of schema " + value.getSchema().getFullName() + ": "
                    + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        if (registry != null) {
            registry.close();
        }
    }
}
