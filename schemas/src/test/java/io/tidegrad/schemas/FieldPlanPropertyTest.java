package io.tidegrad.schemas;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.schemas.FieldPath.Kind;
import io.tidegrad.schemas.FieldPath.Step;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.BeforeTry;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.Utf8;
import org.jspecify.annotations.Nullable;

/// What is read by a plan is what Avro's own reader gives and somebody finds there who follows the path step by step.
final class FieldPlanPropertyTest {
    private static final int PATHS = 12;

    private InMemorySchemaRegistry registry = new InMemorySchemaRegistry();

    @BeforeTry
    void forget() {
        registry = new InMemorySchemaRegistry();
    }

    @Property(tries = 3_000)
    void planAndWalkGiveWhatAvrosReaderAndALookUpGive(@ForAll long seed, @ForAll boolean inBlocks) throws Exception {
        RandomEvents made = new RandomEvents(seed);
        Schema schema = made.schema();
        byte[] value = value(schema, made.record(schema), inBlocks);
        List<FieldPath> paths = new ArrayList<>();
        for (int i = 0; i < PATHS; i++) {
            paths.add(FieldPath.parse(made.path(schema)));
        }
        GenericRecord byAvro = byAvro(schema, value);
        List<@Nullable Object> expected = new ArrayList<>();
        for (FieldPath path : paths) {
            expected.add(found(schema, byAvro, path.steps(), false));
        }

        CollectedFields read = new CollectedFields(PATHS);
        FieldPlan plan = new AvroCodec(registry).read(value, new FieldSelection(paths, null), read);
        assertThat(read.values()).as(paths + " of " + schema).isEqualTo(expected);

        FieldSelection hot = heated(paths);
        CollectedFields byCode = new CollectedFields(PATHS);
        new AvroCodec(registry).read(value, hot, byCode);
        assertThat(byCode.values()).as(paths + " of " + schema).isEqualTo(expected);

        CollectedFields walked = new CollectedFields(PATHS);
        RecordWalk.read(plan, byAvro, walked);
        assertThat(walked.values()).as(paths + " of " + schema).isEqualTo(expected);
        for (int i = 0; i < PATHS; i++) {
            assertThat(plan.has(i)).as(paths.get(i) + " of " + schema).isEqualTo(has(schema, paths.get(i).steps()));
        }
    }

    @Property(tries = 2_000)
    void damagedBytesAreTakenOrRefusedAsWhenTheWholeRecordIsRead(@ForAll long seed, @ForAll int damage)
            throws Exception {
        RandomEvents made = new RandomEvents(seed);
        Schema schema = made.schema();
        byte[] value = value(schema, made.record(schema), false);
        if (value.length > AvroCodec.HEADER_BYTES) {
            value[AvroCodec.HEADER_BYTES + (damage >>> 8) % (value.length - AvroCodec.HEADER_BYTES)] = (byte) damage;
        }
        AvroCodec codec = new AvroCodec(registry);
        FieldSelection fields = new FieldSelection(List.of(FieldPath.parse(made.path(schema))), null);
        UndecodableException.Reason whole = refusal(() -> codec.decode(value));
        assertThat(refusal(() -> codec.read(value, fields, new CollectedFields(1)))).isEqualTo(whole);
        FieldSelection hot = heated(fields.paths());
        assertThat(refusal(() -> codec.read(value, hot, new CollectedFields(1)))).isEqualTo(whole);
    }

    @Property(tries = 1_000)
    void aValueThatIsAsItShouldBeIsReadByTheProgram(@ForAll long seed) throws Exception {
        RandomEvents made = new RandomEvents(seed);
        Schema schema = made.schema();
        byte[] value = value(schema, made.record(schema), false);
        List<FieldPath> paths = List.of(FieldPath.parse(made.path(schema)), FieldPath.parse(made.path(schema)));
        FieldPlan plan = FieldPlan.of(schema, null, paths);
        BoundedDecoder decoder = new BoundedDecoder();
        decoder.reset(value, AvroCodec.HEADER_BYTES);
        assertThat(new FieldReader(decoder).isRead(requireNonNull(plan.program), new CollectedFields(2)))
                .as(paths + " of " + schema).isTrue();
        assertThat(decoder.remainingBytes()).isZero();

        FieldProgram program = requireNonNull(plan.program);
        program.heat();
        FieldCode asCode = program.asCode();
        assertThat(asCode == null).isEqualTo(new FieldCode.Assembly(program).isTooLong());
        if (asCode != null) {
            decoder.reset(value, AvroCodec.HEADER_BYTES);
            assertThat(asCode.run(new FieldReader(decoder), program.refs, value, AvroCodec.HEADER_BYTES,
                    new CollectedFields(2))).isEqualTo(value.length);
        }
    }

    /// Read by a class from the first value on.
    private FieldSelection heated(List<FieldPath> paths) {
        FieldSelection fields = new FieldSelection(paths, null);
        requireNonNull(fields.plan(registry.schemaById(1), registry).program).heat();
        return fields;
    }

    private static UndecodableException.@Nullable Reason refusal(Runnable reading) {
        try {
            reading.run();
            return null;
        } catch (UndecodableException refused) {
            return refused.reason();
        }
    }

    private byte[] value(Schema schema, GenericRecord record, boolean inBlocks) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(ByteBuffer.allocate(5).put((byte) 0).putInt(registry.register("events-value", schema)).array());
        var encoder = inBlocks ? EncoderFactory.get().blockingBinaryEncoder(out, null)
                : EncoderFactory.get().binaryEncoder(out, null);
        new GenericDatumWriter<GenericRecord>(schema).write(record, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    private static GenericRecord byAvro(Schema schema, byte[] value) throws IOException {
        return new GenericDatumReader<GenericRecord>(schema).read(null, DecoderFactory.get().binaryDecoder(value,
                AvroCodec.HEADER_BYTES, value.length - AvroCodec.HEADER_BYTES, null));
    }

    // ---- the look-up, as simple as can be ----

    private static @Nullable Object found(Schema schema, @Nullable Object value, List<Step> steps, boolean inList) {
        if (value == null) {
            return null;
        }
        if (schema.getType() == Schema.Type.UNION) {
            return found(schema.getTypes().get(GenericData.get().resolveUnion(schema, value)), value, steps, inList);
        }
        if (steps.isEmpty()) {
            return schema.getType() == Schema.Type.ARRAY && !inList ? elements(schema, value, List.of())
                    : scalar(schema, value);
        }
        Step step = steps.getFirst();
        List<Step> rest = steps.subList(1, steps.size());
        return switch (schema.getType()) {
            case RECORD -> {
                Schema.Field field = step.kind() == Kind.NAME ? schema.getField(step.name()) : null;
                yield field == null ? null
                        : found(field.schema(), ((GenericRecord) value).get(field.pos()), rest, inList);
            }
            case MAP -> switch (step.kind()) {
                case KEY -> found(schema.getValueType(), ((Map<?, ?>) value).get(new Utf8(step.name())), rest, inList);
                case EACH -> elements(schema, value, rest);
                case NAME -> null;
            };
            case ARRAY -> step.kind() == Kind.EACH ? elements(schema, value, rest) : null;
            default -> null;
        };
    }

    private static @Nullable List<@Nullable Object> elements(Schema schema, Object value, List<Step> rest) {
        Schema type = schema.getType() == Schema.Type.ARRAY ? schema.getElementType() : schema.getValueType();
        if (!has(type, rest)) {
            return null;
        }
        Collection<?> elements = value instanceof Map<?, ?> map ? new TreeMap<>(map).values() : (Collection<?>) value;
        boolean flat = rest.stream().noneMatch(step -> step.kind() == Kind.EACH);
        List<@Nullable Object> list = new ArrayList<>();
        for (Object element : elements) {
            Object found = found(type, element, rest, true);
            if (flat) {
                list.add(found);
            } else if (found instanceof List<?> inner) {
                list.addAll(inner);
            }
        }
        return list;
    }

    /// Whether some value of the type could have the path. A union holds no union, so every second call takes a step.
    private static boolean has(Schema schema, List<Step> steps) {
        if (schema.getType() == Schema.Type.UNION) {
            return schema.getTypes().stream().anyMatch(branch -> has(branch, steps));
        }
        if (steps.isEmpty()) {
            return true;
        }
        Step step = steps.getFirst();
        List<Step> rest = steps.subList(1, steps.size());
        return switch (schema.getType()) {
            case RECORD -> step.kind() == Kind.NAME && schema.getField(step.name()) != null
                    && has(schema.getField(step.name()).schema(), rest);
            case MAP -> step.kind() != Kind.NAME && has(schema.getValueType(), rest);
            case ARRAY -> step.kind() == Kind.EACH && has(schema.getElementType(), rest);
            default -> false;
        };
    }

    private static Object scalar(Schema schema, Object value) {
        return switch (schema.getType()) {
            case RECORD -> new CollectedFields.Other("a record");
            case ARRAY -> new CollectedFields.Other("a list");
            case MAP -> new CollectedFields.Other("a map");
            case INT -> schema.getLogicalType() instanceof LogicalTypes.Date ? (Integer) value * 86_400_000L
                    : (long) (Integer) value;
            case LONG -> {
                String logical = schema.getLogicalType() == null ? "" : schema.getLogicalType().getName();
                yield Math.floorDiv((Long) value, logical.endsWith("micros") && !logical.startsWith("time-") ? 1_000L
                        : logical.endsWith("nanos") ? 1_000_000L : 1L);
            }
            case BYTES -> bytes(schema, (ByteBuffer) value);
            case FIXED -> bytes(schema, ByteBuffer.wrap(((GenericFixed) value).bytes()));
            case STRING, ENUM -> value.toString();
            default -> value;
        };
    }

    private static Object bytes(Schema schema, ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(bytes.position(), copy);
        if (schema.getLogicalType() instanceof LogicalTypes.Decimal decimal) {
            BigInteger unscaled = new BigInteger(copy);
            return decimal.getScale() == 0 && unscaled.bitLength() < 64 ? (Object) unscaled.longValueExact()
                    : (Object) Double.parseDouble(new BigDecimal(unscaled, decimal.getScale()).toString());
        }
        if (schema.getLogicalType() instanceof LogicalTypes.Uuid) {
            return new UUID(bytes.getLong(0), bytes.getLong(8)).toString();
        }
        if (schema.getLogicalType() instanceof LogicalTypes.Duration) {
            ByteBuffer parts = ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN);
            return (30d * (parts.getInt(0) & 0xffffffffL) + (parts.getInt(4) & 0xffffffffL)) * 86_400_000d
                    + (parts.getInt(8) & 0xffffffffL);
        }
        return ByteBuffer.wrap(copy);
    }
}
