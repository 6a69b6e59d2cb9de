package io.tidegrad.schemas;

import io.tidegrad.schemas.SchemaRegistry.UnknownSchemaException;
import io.tidegrad.schemas.SchemaRegistry.UnsupportedSchemaException;
import io.tidegrad.schemas.UndecodableException.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericContainer;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DatumWriter;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.AvroGenerated;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.avro.util.ClassSecurityValidator;
import org.apache.avro.util.WeakIdentityHashMap;
import org.jspecify.annotations.Nullable;

/// Avro records in Confluent wire format: a zero byte, the schema's id (4 bytes, big-endian), Avro binary.
///
/// Decoding takes hostile bytes and hostile schemas: memory and work stay within a budget that follows from the value's
/// length alone ([BoundedDecoder#budget(int)]) and is asked before anything is made, nesting is bounded, no class is
/// loaded because a schema names it, and every failure that a retry can't help is an [UndecodableException]. Keeps the
/// schema that was read last and a writer per schema, so use one codec per thread; it is not safe for more.
public final class AvroCodec {
    /// Bytes before the Avro data.
    public static final int HEADER_BYTES = 5;

    /// Types, fields and branches of a writer's schema that is read as one of our own types, each counted as often as
    /// it is reached: Avro resolves two schemas in as many steps. Our own have less than 100.
    private static final int OWN_SCHEMA_PARTS_MAX = 10_000;

    private static final int OWN_SCHEMA_DEEP_MAX = 100;

    /// Of our own types, by writer's schema: far more than there will be versions.
    private static final int SPECIFIC_READERS_MAX = 16;

    static {
        // Avro makes no object of a class it was not told to trust; ours are the ones generated
        // from our own schemas.
        ClassSecurityValidator.setGlobal(ClassSecurityValidator.composite(ClassSecurityValidator.getGlobal(),
                AvroCodec::isGeneratedFromOurSchemas));
    }

    /// Done when this class is there: Avro may make and copy records of our schemas from now on.
    public static void trustOwnClasses() {}

    private final SchemaRegistry registry;
    private final BoundedDecoder decoder = new BoundedDecoder();
    private final ValueReader reader = new ValueReader(decoder);
    private final FieldReader fieldReader = new FieldReader(decoder);

    // Weakly, because the registry's cache bounds the memory of all schemas, and nobody may keep
    // what it forgets.
    private final Map<Schema, Boolean> choosesStringClass = new WeakIdentityHashMap<>();
    private int lastId; // of `last`
    private @Nullable Schema last; // the schema that was read by
    private boolean lastChooses;
    private final Map<SpecificKey, GenericDatumReader<? extends SpecificRecord>> specificReaders = new HashMap<>();
    private final Map<Schema, DatumWriter<GenericContainer>> writers = new IdentityHashMap<>();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(512);
    private @Nullable BinaryEncoder encoder;

    private record SpecificKey(int id, Class<?> type) {
    }

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
        Schema schema = last;
        if (schema == null || id != lastId) {
            schema = writerSchema(id);
            lastChooses = choosesStringClass.computeIfAbsent(schema, AvroCodec::choosesStringClass);
            last = schema;
            lastId = id;
        }
        Schema of = schema;
        return read(() -> reader.read(of, lastChooses), value, id);
    }

    /// Reads some fields of the value's record. Whether the value is taken or refused does not depend on which.
    ///
    /// Returns where they lie in the schema that the value was written with.
    ///
    /// @throws UndecodableException as [#decode(byte[])]
    /// @throws SchemaRegistry.RegistryUnavailableException as [#decode(byte[])], also for the reader's schema
    public FieldPlan read(byte[] value, FieldSelection fields, FieldSink to) {
        int id = schemaId(value);
        FieldPlan plan = fields.last(id);
        if (plan == null) {
            plan = fields.plan(writerSchema(id), registry);
            fields.last(id, plan);
        }
        decoder.reset(value, HEADER_BYTES);
        try {
            fieldReader.read(plan, to);
        } catch (RuntimeException e) {
            throw undecodable(id, e);
        }
        requireEnd(value, id);
        return plan;
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
            reader = specificReader(writerSchema(id), type, id);
            if (specificReaders.size() >= SPECIFIC_READERS_MAX) {
                specificReaders.clear();
            }
            specificReaders.put(key, reader);
        }
        GenericDatumReader<T> of = reader;
        return read(() -> of.read(null, decoder), value, id);
    }

    /// The value's record as one of our own types, by a schema that is known without asking a registry; the id in the
    /// header is not looked at.
    ///
    /// @throws UndecodableException as [#decode(byte[])], also if the schemas don't match
    public static <T extends SpecificRecord> T decode(byte[] value, Schema writer, Class<T> type) {
        int id = schemaId(value);
        GenericDatumReader<T> reader = specificReader(writer, type, id);
        AvroCodec codec = new AvroCodec(new InMemorySchemaRegistry());
        return codec.read(() -> reader.read(null, codec.decoder), value, id);
    }

    /// Bytes of memory that decoding a value of so many bytes may take, whatever its schema: what would take more is
    /// refused.
    public static long memoryBound(int valueBytes) {
        return BoundedDecoder.budget(valueBytes);
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
            throw new UndecodableException(Reason.TOO_SHORT,
                    "expected at least " + HEADER_BYTES + " bytes (0, schema id), found " + value.length);
        }
        if (value[0] != 0) {
            throw new UndecodableException(Reason.WRONG_MAGIC_BYTE,
                    "expected the magic byte 0 of the Confluent wire format, found " + (value[0] & 0xff)
                            + ": was this written with a schema registry's serializer?");
        }
        return (value[1] & 0xff) << 24 | (value[2] & 0xff) << 16 | (value[3] & 0xff) << 8 | (value[4] & 0xff);
    }

    private static <T extends SpecificRecord> GenericDatumReader<T> specificReader(Schema writer, Class<T> type,
            int id) {
        if (new PartCount().of(writer, 0) > OWN_SCHEMA_PARTS_MAX) {
            throw new UndecodableException(Reason.UNSUPPORTED_SCHEMA,
                    "schema id " + id + ": expected a version of " + type.getSimpleName() + ", found more than "
                            + OWN_SCHEMA_PARTS_MAX + " parts, or types nested deeper than " + OWN_SCHEMA_DEEP_MAX);
        }
        SpecificData data = SpecificData.getForClass(type);
        return new SpecificDatumReader<>(writer, data.getSchema(type), data);
    }

    private static boolean isGeneratedFromOurSchemas(Class<?> type) {
        return type.getPackageName().equals(AvroCodec.class.getPackageName())
                && type.isAnnotationPresent(AvroGenerated.class);
    }

    private static DatumWriter<GenericContainer> writer(GenericContainer message, Schema schema) {
        return message instanceof SpecificRecord ? new SpecificDatumWriter<>(schema, SpecificData.getForSchema(schema))
                : new GenericDatumWriter<>(schema);
    }

    private Schema writerSchema(int id) {
        Schema schema;
        try {
            schema = registry.schemaById(id);
        } catch (UnknownSchemaException e) {
            throw new UndecodableException(Reason.UNKNOWN_SCHEMA, String.valueOf(e.getMessage()), e);
        } catch (UnsupportedSchemaException e) {
            throw new UndecodableException(Reason.UNSUPPORTED_SCHEMA, String.valueOf(e.getMessage()), e);
        }
        if (schema.getType() != Schema.Type.RECORD) {
            throw new UndecodableException(Reason.UNSUPPORTED_SCHEMA,
                    "schema id " + id + ": expected a record, found " + schema.getType().getName());
        }
        return schema;
    }

    private interface Reading<T> {
        T read() throws IOException;
    }

    private <T> T read(Reading<T> reading, byte[] value, int id) {
        decoder.reset(value, HEADER_BYTES);
        T result;
        try {
            result = reading.read();
        } catch (RuntimeException | IOException e) {
            throw undecodable(id, e);
        }
        requireEnd(value, id);
        return result;
    }

    private UndecodableException undecodable(int id, Exception e) {
        return e instanceof UndecodableException known
                ? new UndecodableException(known.reason(), "schema id " + id + ", " + known.getMessage(), known)
                // Avro's ways of saying: no such branch, no such symbol, schemas that don't match.
                : new UndecodableException(Reason.MALFORMED,
                        "schema id " + id + ", byte " + decoder.position() + ": " + e.getMessage(), e);
    }

    private void requireEnd(byte[] value, int id) {
        if (decoder.remainingBytes() > 0) {
            throw new UndecodableException(Reason.TRAILING_BYTES,
                    "schema id " + id + ": the record ends at byte " + decoder.position() + " of " + value.length);
        }
    }

    private static boolean choosesStringClass(Schema schema) {
        Set<Schema> seen = Collections.newSetFromMap(new IdentityHashMap<>());
        Deque<Schema> open = new ArrayDeque<>(List.of(schema));
        while (!open.isEmpty()) {
            Schema next = open.pop();
            if (!seen.add(next)) {
                continue;
            }
            switch (next.getType()) {
                case RECORD -> next.getFields().forEach(field -> open.push(field.schema()));
                case UNION -> next.getTypes().forEach(open::push);
                case ARRAY -> open.push(next.getElementType());
                case MAP -> {
                    if (next.getProp(GenericData.STRING_PROP) != null) {
                        return true;
                    }
                    open.push(next.getValueType());
                }
                case STRING -> {
                    if (next.getProp(GenericData.STRING_PROP) != null) {
                        return true;
                    }
                }
                default -> {
                    // Neither a string nor anything with one in it.
                }
            }
        }
        return false;
    }

    /// Counts a schema's parts as Avro goes through them: a type that several fields have as often as that, one that
    /// contains itself once on each way down. Gives up beyond the bound, so that counting is bounded too.
    private static final class PartCount {
        private final Set<Schema> above = Collections.newSetFromMap(new IdentityHashMap<>());
        private int parts;

        int of(Schema schema, int depth) {
            parts++;
            if (depth > OWN_SCHEMA_DEEP_MAX) {
                parts = OWN_SCHEMA_PARTS_MAX + 1;
            }
            if (parts > OWN_SCHEMA_PARTS_MAX || !above.add(schema)) {
                return parts;
            }
            switch (schema.getType()) {
                case RECORD -> schema.getFields().forEach(field -> of(field.schema(), depth + 1));
                case UNION -> schema.getTypes().forEach(branch -> of(branch, depth + 1));
                case ARRAY -> of(schema.getElementType(), depth + 1);
                case MAP -> of(schema.getValueType(), depth + 1);
                case ENUM -> parts += schema.getEnumSymbols().size();
                default -> {
                    // One part.
                }
            }
            above.remove(schema);
            return parts;
        }
    }
}
