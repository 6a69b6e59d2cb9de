package io.tidegrad.schemas;

import io.tidegrad.schemas.SchemaRegistry.UnknownSchemaException;
import io.tidegrad.schemas.SchemaRegistry.UnsupportedSchemaException;
import io.tidegrad.schemas.UndecodableException.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericContainer;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DatumWriter;
import org.apache.avro.io.Decoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.io.ResolvingDecoder;
import org.apache.avro.specific.AvroGenerated;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.avro.util.ClassSecurityValidator;
import org.jspecify.annotations.Nullable;

/// Avro records in Confluent wire format: a zero byte, the schema's id (4 bytes, big-endian), Avro binary.
///
/// Decoding takes hostile bytes: memory stays in proportion to the value's length, nesting is bounded, no class is
/// loaded because a schema names it, and every failure that a retry can't help is an [UndecodableException]. Keeps a
/// reader and a writer per schema, so use one codec per thread; it is not safe for more.
public final class AvroCodec {
    /// Bytes before the Avro data.
    public static final int HEADER_BYTES = 5;

    // A schema may refer to itself, so that the value decides how deep its records nest. Far more
    // than events have, far
    // less than a stack; a fixed number, because the stack's depth at which a JVM gives up differs
    // from run to run.
    private static final int RECORDS_DEEP_MAX = 64;
    private static final int SCHEMAS_MAX = 1_000;

    static {
        // Avro makes no object of a class it was not told to trust; ours are the ones generated
        // from our own schemas.
        ClassSecurityValidator.setGlobal(
                ClassSecurityValidator.composite(
                        ClassSecurityValidator.getGlobal(), AvroCodec::isGeneratedFromOurSchemas));
    }

    /// Done when this class is there: Avro may make and copy records of our schemas from now on.
    public static void trustOwnClasses() {}

    private final SchemaRegistry registry;
    private final BoundedDecoder decoder = new BoundedDecoder();
    private final Map<Integer, GenericDatumReader<GenericRecord>> readers = new HashMap<>();
    private final Map<SpecificKey, GenericDatumReader<? extends SpecificRecord>> specificReaders =
            new HashMap<>();
    private final Map<Schema, DatumWriter<GenericContainer>> writers = new IdentityHashMap<>();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(512);
    private @Nullable BinaryEncoder encoder;
    private int depth;

    private record SpecificKey(int id, Class<?> type) {}

    public AvroCodec(SchemaRegistry registry) {
        this.registry = registry;
    }

    /// The value's record, by the schema it was written with.
    ///
    /// @throws UndecodableException it can't be, now or ever; says why and at which byte
    /// @throws SchemaRegistry.RegistryUnavailableException its schema is not known yet and the registry can't be asked:
    ///     try again
    public GenericRecord decode(byte[] value) {
        int id = schemaId(value);
        GenericDatumReader<GenericRecord> reader = readers.get(id);
        if (reader == null) {
            Schema schema = writerSchema(id);
            reader = new BoundedReader<>(schema, schema, genericData());
            bounded(readers).put(id, reader);
        }
        return read(reader, value, id);
    }

    /// The value's record as one of our own types; fields that its writer did not know have their defaults.
    ///
    /// @throws UndecodableException as [#decode(byte[])], also if the schemas don't match
    /// @throws SchemaRegistry.RegistryUnavailableException as [#decode(byte[])]
    public <T extends SpecificRecord> T decode(byte[] value, Class<T> type) {
        int id = schemaId(value);
        SpecificKey key = new SpecificKey(id, type);
        @SuppressWarnings("unchecked") // Written below, with the reader of this very type.
        GenericDatumReader<T> reader = (GenericDatumReader<T>) specificReaders.get(key);
        if (reader == null) {
            SpecificData data = SpecificData.getForClass(type);
            reader = new BoundedSpecificReader<>(writerSchema(id), data.getSchema(type), data);
            bounded(specificReaders).put(key, reader);
        }
        return read(reader, value, id);
    }

    /// The value's record as one of our own types, by a schema that is known without asking a registry; the id in the
    /// header is not looked at.
    ///
    /// @throws UndecodableException as [#decode(byte[])], also if the schemas don't match
    public static <T extends SpecificRecord> T decode(byte[] value, Schema writer, Class<T> type) {
        int id = schemaId(value);
        SpecificData data = SpecificData.getForClass(type);
        AvroCodec codec = new AvroCodec(new InMemorySchemaRegistry());
        GenericDatumReader<T> reader =
                codec.new BoundedSpecificReader<>(writer, data.getSchema(type), data);
        return codec.read(reader, value, id);
    }

    /// The record's bytes under a schema id; the record's own schema is the one that was registered.
    public byte[] encode(int schemaId, GenericContainer message) {
        out.reset();
        out.write(0);
        for (int shift = 24; shift >= 0; shift -= 8) {
            out.write(schemaId >>> shift);
        }
        DatumWriter<GenericContainer> writer =
                writers.computeIfAbsent(message.getSchema(), schema -> writer(message, schema));
        try {
            encoder = EncoderFactory.get().directBinaryEncoder(out, encoder);
            writer.write(message, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    /// The schema id in the header.
    ///
    /// @throws UndecodableException the header is not one
    public static int schemaId(byte[] value) {
        if (value.length < HEADER_BYTES) {
            throw new UndecodableException(
                    Reason.TOO_SHORT,
                    "expected at least "
                            + HEADER_BYTES
                            + " bytes (0, schema id), found "
                            + value.length);
        }
        if (value[0] != 0) {
            throw new UndecodableException(
                    Reason.WRONG_MAGIC_BYTE,
                    "expected the magic byte 0 of the Confluent wire format, found "
                            + (value[0] & 0xff)
                            + ": was this written with a schema registry's serializer?");
        }
        return (value[1] & 0xff) << 24
                | (value[2] & 0xff) << 16
                | (value[3] & 0xff) << 8
                | (value[4] & 0xff);
    }

    private static boolean isGeneratedFromOurSchemas(Class<?> type) {
        return type.getPackageName().equals(AvroCodec.class.getPackageName())
                && type.isAnnotationPresent(AvroGenerated.class);
    }

    private static DatumWriter<GenericContainer> writer(GenericContainer message, Schema schema) {
        return message instanceof SpecificRecord
                ? new SpecificDatumWriter<>(schema, SpecificData.getForSchema(schema))
                : new GenericDatumWriter<>(schema);
    }

    private Schema writerSchema(int id) {
        Schema schema;
        try {
            schema = registry.schemaById(id);
        } catch (UnknownSchemaException e) {
            throw new UndecodableException(
                    Reason.UNKNOWN_SCHEMA, String.valueOf(e.getMessage()), e);
        } catch (UnsupportedSchemaException e) {
            throw new UndecodableException(
                    Reason.UNSUPPORTED_SCHEMA, String.valueOf(e.getMessage()), e);
        }
        if (schema.getType() != Schema.Type.RECORD) {
            throw new UndecodableException(
                    Reason.UNSUPPORTED_SCHEMA,
                    "schema id " + id + ": expected a record, found " + schema.getType().getName());
        }
        return schema;
    }

    private <T> T read(GenericDatumReader<T> reader, byte[] value, int id) {
        decoder.reset(value, HEADER_BYTES);
        depth = 0;
        T result;
        try {
            result = reader.read(null, decoder);
        } catch (UndecodableException e) {
            throw new UndecodableException(
                    e.reason(), "schema id " + id + ", " + e.getMessage(), e);
        } catch (AvroRuntimeException | IOException | IndexOutOfBoundsException e) {
            // Avro's ways of saying: no such branch, no such symbol, schemas that don't match.
            throw new UndecodableException(
                    Reason.MALFORMED,
                    "schema id " + id + ", byte " + decoder.position() + ": " + e.getMessage(),
                    e);
        }
        if (decoder.remainingBytes() > 0) {
            throw new UndecodableException(
                    Reason.TRAILING_BYTES,
                    "schema id "
                            + id
                            + ": the record ends at byte "
                            + decoder.position()
                            + " of "
                            + value.length);
        }
        return result;
    }

    private void enterRecord() {
        if (++depth > RECORDS_DEEP_MAX) {
            throw new UndecodableException(
                    Reason.MALFORMED,
                    "byte "
                            + decoder.position()
                            + ": records nested deeper than "
                            + RECORDS_DEEP_MAX);
        }
    }

    private static GenericData genericData() {
        GenericData data = new GenericData();
        // Avro's fast reader is built from the schema as a chain of lambdas that can't be bounded
        // in depth.
        data.setFastReaderEnabled(false);
        return data;
    }

    private static <K, V> Map<K, V> bounded(Map<K, V> cache) {
        if (cache.size() >= SCHEMAS_MAX) {
            cache.clear();
        }
        return cache;
    }

    private final class BoundedReader<T> extends GenericDatumReader<T> {
        // Of each string Avro asks its schema, through two maps, which class it is to be: half the
        // time of reading one. Most schemas say so nowhere.
        private final boolean choosesStringClass;

        BoundedReader(Schema writer, Schema reader, GenericData data) {
            super(writer, reader, data);
            choosesStringClass = reader.toString().contains(GenericData.STRING_PROP);
        }

        @Override
        protected Object readString(@Nullable Object old, Schema expected, Decoder in)
                throws IOException {
            return choosesStringClass ? super.readString(old, expected, in) : in.readString(null);
        }

        @Override
        protected Object readRecord(Object old, Schema expected, ResolvingDecoder in)
                throws IOException {
            enterRecord();
            Object record = super.readRecord(old, expected, in);
            depth--;
            return record;
        }
    }

    private final class BoundedSpecificReader<T extends SpecificRecord>
            extends SpecificDatumReader<T> {
        BoundedSpecificReader(Schema writer, Schema reader, SpecificData data) {
            super(writer, reader, data);
        }

        @Override
        protected Object readRecord(Object old, Schema expected, ResolvingDecoder in)
                throws IOException {
            enterRecord();
            Object record = super.readRecord(old, expected, in);
            depth--;
            return record;
        }
    }
}
