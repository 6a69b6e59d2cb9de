package io.tidegrad.schemas;

import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;

/// Reads Avro records in Confluent wire format, as Confluent's `KafkaAvroDeserializer` does, with its configuration
/// keys ([SchemaRegistry#connect]). Gives [GenericRecord]; for our own types see [AvroCodec#decode(byte[], Class)].
///
/// Throws [UndecodableException] for a value no retry can decode, [SchemaRegistry.RegistryUnavailableException] when
/// the registry can't be asked.
public final class ConfluentAvroDeserializer implements Deserializer<@Nullable GenericRecord> {
    private @Nullable SchemaRegistry registry;
    private @Nullable AvroCodec codec;

    @Override
    public void configure(Map<String, ?> config, boolean isKey) {
        if (Boolean.parseBoolean(String.valueOf(config.get("specific.avro.reader")))) {
            throw new IllegalArgumentException(
                    "specific.avro.reader=true is not supported: this deserializer gives GenericRecord");
        }
        SchemaRegistry connected = SchemaRegistry.connect(config);
        registry = connected;
        codec = new AvroCodec(connected);
    }

    @Override
    public @Nullable GenericRecord deserialize(String topic, byte @Nullable [] value) {
        if (value == null) {
            return null;
        }
        AvroCodec configured = codec;
        if (configured == null) {
            throw new IllegalStateException("configure() comes first");
        }
        return configured.decode(value);
    }

    @Override
    public void close() {
        if (registry != null) {
            registry.close();
        }
    }
}
