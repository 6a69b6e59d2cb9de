package io.tidegrad.loadtests;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ConfluentAvroSerializer;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.jspecify.annotations.Nullable;

/// What can be wrong with an event. The trainer refuses each kind at another step from bytes to a row.
public enum Malformed {
    /// No value at all.
    NULL,
    /// Not the wire format: the first byte is not 0.
    WRONG_MAGIC,
    /// A schema id that the registry does not know.
    UNKNOWN_SCHEMA_ID,
    /// Ends before its last byte.
    TRUNCATED,
    /// A sound record of another schema, one without the label.
    NO_LABEL;

    private static final List<Malformed> ALL = List.of(values());

    static Malformed inTurn(long event) {
        return ALL.get((int) (event % ALL.size()));
    }

    /// A schema that lacks a field.
    public static Schema without(Schema schema, @Nullable String name) {
        return Schema.createRecord(schema.getName(), schema.getDoc(), schema.getNamespace(), false,
                schema.getFields().stream().filter(field -> !field.name().equals(name))
                        .map(field -> new Schema.Field(field, field.schema())).toList());
    }

    /// Encodes events, good and malformed ones. For one thread.
    static final class Encoder implements AutoCloseable {
        private static final int UNKNOWN_ID = Integer.MAX_VALUE;

        private final ConfluentAvroSerializer serializer = new ConfluentAvroSerializer();
        private final String topic;
        private final Schema schema;
        private final Schema unlabeled;

        Encoder(String registryUrl, String topic, TrainStream stream) {
            this.topic = topic;
            schema = stream.schema();
            String label = ModelSpec.parse(stream.spec(), stream.specFile()).label().field();
            unlabeled = without(schema, label);
            serializer.configure(Map.of("schema.registry.url", registryUrl), false);
        }

        byte[] good(GenericRecord event) {
            return Objects.requireNonNull(serializer.serialize(topic, event));
        }

        byte @Nullable [] malformed(Malformed how, GenericRecord event) {
            return switch (how) {
                case NULL -> null;
                case WRONG_MAGIC -> {
                    byte[] value = good(event);
                    value[0] = 1;
                    yield value;
                }
                case UNKNOWN_SCHEMA_ID -> ByteBuffer.wrap(good(event)).putInt(1, UNKNOWN_ID).array();
                case TRUNCATED -> {
                    byte[] value = good(event);
                    yield Arrays.copyOf(value, value.length - 1);
                }
                case NO_LABEL -> serializer.serialize(topic + "-unlabeled", unlabeled(event));
            };
        }

        private GenericRecord unlabeled(GenericRecord whole) {
            GenericRecord without = new GenericData.Record(unlabeled);
            for (Schema.Field field : unlabeled.getFields()) {
                without.put(field.pos(), whole.get(field.name()));
            }
            return without;
        }

        @Override
        public void close() {
            serializer.close();
        }
    }
}
