package io.tidegrad.schemas;

import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.schemas.UndecodableException.Reason;
import java.io.EOFException;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.utils.Utils;
import org.jspecify.annotations.Nullable;

/// Decodes events outside Kafka's own deserialization, where what can't be decoded becomes a dead letter with its bytes
/// untouched. Ours unless the configuration names another `Deserializer` by class, for instance Confluent's
/// `io.confluent.kafka.serializers.KafkaAvroDeserializer` where that is on the class path. One per thread.
public interface RecordDecoder extends AutoCloseable {
    /// Configuration key: class name of a `Deserializer` that gives [GenericRecord].
    String DESERIALIZER = "tidegrad.value.deserializer";

    /// @throws UndecodableException no retry can decode it
    /// @throws RegistryUnavailableException the registry can't be asked: try again
    GenericRecord decode(String topic, byte[] value);

    /// Reads some fields of a value. Whether the value is taken or refused does not depend on which.
    ///
    /// Returns where they lie in the schema that the value was written with.
    ///
    /// @throws UndecodableException as `decode`
    /// @throws RegistryUnavailableException as `decode`
    FieldPlan read(String topic, byte[] value, FieldSelection fields, FieldSink to);

    /// Returns another decoder, for a thread that reads ahead of this one's. It never asks the registry: to it a schema that
    /// this one has not learned of yet is a [RegistryUnavailableException]. Null for somebody else's class, which may keep
    /// what it likes from one record to the next. Closing it does nothing.
    default @Nullable RecordDecoder ahead() {
        return null;
    }

    /// The schema of an id. Unlike the other methods, any thread may ask.
    ///
    /// @throws SchemaRegistry.UnknownSchemaException there is none
    /// @throws SchemaRegistry.UnsupportedSchemaException it can't be read
    /// @throws RegistryUnavailableException as `decode`
    Schema schema(int id);

    @Override
    void close();

    /// @param config the registry's settings ([SchemaRegistry#connect]), passed to the deserializer as they are
    /// @throws IllegalArgumentException the class named can't be used, or a setting can't
    static RecordDecoder of(Map<String, ?> config) {
        return of(config, RegistryPatience.UNBOUNDED);
    }

    /// As [#of(Map)], for a caller whose own time is bounded.
    ///
    /// @param patience ours asks before each question what is left, another's class is configured once with half of
    ///     what is left now; nobody can tell when that one asks, so that all of its decoding counts as waiting
    static RecordDecoder of(Map<String, ?> config, RegistryPatience patience) {
        Object named = config.get(DESERIALIZER);
        if (named == null || named.equals(ConfluentAvroDeserializer.class.getName())) {
            return of(SchemaRegistry.connect(config, patience));
        }
        Deserializer<?> deserializer;
        try {
            deserializer = Utils.newInstance(named.toString(), Deserializer.class);
        } catch (ClassNotFoundException | RuntimeException e) {
            throw new IllegalArgumentException(DESERIALIZER + ": " + named + " can't be loaded as a Deserializer (" + e
                    + "): add its jar to the class path", e);
        }
        Map<String, Object> bounded = new HashMap<>(config);
        Duration timeout = RegistryConfig.shorter(RegistryConfig.requestTimeout(config), patience.left().dividedBy(2));
        bounded.put(RegistryConfig.REQUEST_TIMEOUT, Long.toString(timeout.toMillis()));
        try {
            deserializer.configure(bounded, false);
            return new Foreign(deserializer, patience, SchemaRegistry.connect(bounded, patience));
        } catch (RuntimeException e) {
            Utils.closeQuietly(deserializer, named.toString());
            throw e;
        }
    }

    /// Ours, on a registry that it closes with itself.
    static RecordDecoder of(SchemaRegistry registry) {
        return new Own(registry, new AvroCodec(registry));
    }

    /// By [AvroCodec].
    record Own(SchemaRegistry registry, AvroCodec codec) implements RecordDecoder {
        @Override
        public GenericRecord decode(String topic, byte[] value) {
            return codec.decode(value);
        }

        @Override
        public FieldPlan read(String topic, byte[] value, FieldSelection fields, FieldSink to) {
            return codec.read(value, fields, to);
        }

        @Override
        public Schema schema(int id) {
            return registry.schemaById(id);
        }

        @Override
        public RecordDecoder ahead() {
            SchemaRegistry known = new KnownSchemas(registry);
            return new Own(known, new AvroCodec(known));
        }

        @Override
        public void close() {
            registry.close();
        }
    }

    /// By somebody else's class, its failures told apart as ours are.
    ///
    /// @param registry which knows the schema that a model reads events by
    record Foreign(Deserializer<?> deserializer, RegistryPatience patience,
            SchemaRegistry registry) implements RecordDecoder {
        @Override
        public FieldPlan read(String topic, byte[] value, FieldSelection fields, FieldSink to) {
            GenericRecord record = decode(topic, value);
            FieldPlan plan = fields.plan(record.getSchema(), registry);
            RecordWalk.read(plan, record, to);
            return plan;
        }

        @Override
        public GenericRecord decode(String topic, byte[] value) {
            Object decoded;
            patience.begins();
            try {
                decoded = deserializer.deserialize(topic, value);
            } catch (UndecodableException | RegistryUnavailableException ours) {
                throw ours;
            } catch (SerializationException e) {
                throw translated(e);
            } catch (InterruptException e) {
                throw e;
            } catch (KafkaException e) {
                // Of the environment, and not of the bytes: Confluent's client reports refused
                // credentials as an
                // InvalidConfigurationException and a question that took too long as a
                // TimeoutException.
                throw new RegistryUnavailableException(e.toString(), e);
            } finally {
                patience.ends();
            }
            if (decoded instanceof GenericRecord record) {
                return record;
            }
            throw new UndecodableException(Reason.UNSUPPORTED_SCHEMA, deserializer.getClass().getName() + " gave "
                    + (decoded == null ? "null" : decoded.getClass().getName()) + ", expected a GenericRecord");
        }

        @Override
        public Schema schema(int id) {
            return registry.schemaById(id);
        }

        // Confluent's client reports the registry's answers and its absence alike as an
        // IOException, inside the
        // SerializationException; an answer carries an HTTP status. Bytes that can't be read have
        // another cause.
        private static RuntimeException translated(SerializationException e) {
            for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
                if (cause.getClass().getSimpleName().equals("RestClientException")) {
                    return status(cause) == 404
                            ? new UndecodableException(Reason.UNKNOWN_SCHEMA, String.valueOf(cause.getMessage()), e)
                            : new RegistryUnavailableException(String.valueOf(cause.getMessage()), e);
                }
                if (cause instanceof EOFException) {
                    break;
                }
                if (cause instanceof IOException) {
                    return new RegistryUnavailableException(String.valueOf(cause), e);
                }
            }
            return new UndecodableException(Reason.MALFORMED, String.valueOf(e.getMessage()), e);
        }

        private static int status(Throwable restClientException) {
            try {
                return (int) restClientException.getClass().getMethod("getStatus").invoke(restClientException);
            } catch (ReflectiveOperationException notConfluents) {
                return 0;
            }
        }

        @Override
        public void close() {
            try {
                deserializer.close();
            } finally {
                registry.close();
            }
        }
    }
}
