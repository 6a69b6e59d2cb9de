package io.tidegrad.trainer;

import io.tidegrad.schemas.ConfluentAvroDeserializer;
import io.tidegrad.schemas.RecordDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.jspecify.annotations.Nullable;

/// Ours, but for events of a place named `fatal`, at which it throws what no decoder should. A trainer takes it by its
/// public setting.
public final class FatalDeserializer implements Deserializer<@Nullable GenericRecord> {
    static final String PLACE = "fatal";
    static final String SETTING = "--registry." + RecordDecoder.DESERIALIZER;

    private final ConfluentAvroDeserializer ours = new ConfluentAvroDeserializer();

    public static boolean isFatal(byte[] value) {
        return new String(value, StandardCharsets.ISO_8859_1).contains(PLACE);
    }

    @Override
    public void configure(Map<String, ?> settings, boolean isKey) {
        ours.configure(settings, isKey);
    }

    @Override
    public @Nullable GenericRecord deserialize(String topic, byte @Nullable [] value) {
        if (value != null && isFatal(value)) {
            throw new StackOverflowError("thrown on purpose");
        }
        return ours.deserialize(topic, value);
    }

    @Override
    public void close() {
        ours.close();
    }
}
