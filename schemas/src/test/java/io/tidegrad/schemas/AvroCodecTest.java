package io.tidegrad.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.tidegrad.schemas.UndecodableException.Reason;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.util.Utf8;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.jupiter.params.ParameterizedTest;

final class AvroCodecTest {
    private static final Schema FLIGHT = SchemaBuilder.record("Flight").fields().requiredString("origin")
            .requiredInt("distance").optionalDouble("delay").endRecord();

    private final SchemaRegistry registry = new InMemorySchemaRegistry();
    private final AvroCodec codec = new AvroCodec(registry);
    private final int flightId = registry.register("flights-value", FLIGHT);

    private static GenericRecord flight() {
        return new GenericRecordBuilder(FLIGHT).set("origin", "SFO").set("distance", 337).set("delay", 12.5).build();
    }

    private byte[] flightBytes() {
        return codec.encode(flightId, flight());
    }

    /// The header for a schema, then the bytes given as int.
    private byte[] value(Schema schema, int... avro) {
        ByteBuffer bytes = ByteBuffer.allocate(AvroCodec.HEADER_BYTES + avro.length);
        bytes.put((byte) 0).putInt(registry.register("hostile-value", schema));
        for (int b : avro) {
            bytes.put((byte) b);
        }
        return bytes.array();
    }

    private Reason reasonFor(byte[] value) {
        var e = catchThrowableOfType(UndecodableException.class, () -> codec.decode(value));
        assertThat(e).isNotNull();
        assertThat(e.getMessage()).isNotBlank().doesNotContain("\n");
        return e.reason();
    }

    @Test
    void theBytesAreThoseOfTheConfluentWireFormat() {
        // Written out by hand from the two specifications: 0, id; length 3 (zigzag 6) "SFO"; 337
        // (zigzag 674 =
        // a2 05); branch 1 (zigzag 2); 12.5 = 0x4029000000000000, little-endian.
        assertThat(flightBytes()).isEqualTo(new byte[]{0, 0, 0, 0, (byte) flightId, 6, 'S', 'F', 'O', (byte) 0xa2, 5, 2,
            0, 0, 0, 0, 0, 0, 0x29, 0x40});
    }

    @Test
    void aRecordComesBackAsItWas() {
        GenericRecord read = codec.decode(flightBytes());
        assertThat(read.get("origin")).isEqualTo(new Utf8("SFO"));
        assertThat(read.get("distance")).isEqualTo(337);
        assertThat(read.get("delay")).isEqualTo(12.5);
    }

    @Test
    void aRecordCutAnywhereIsTruncatedNeverSomethingElse() {
        byte[] whole = flightBytes();
        for (int length = AvroCodec.HEADER_BYTES; length < whole.length; length++) {
            assertThat(reasonFor(Arrays.copyOf(whole, length))).as("cut to " + length).isEqualTo(Reason.TRUNCATED);
        }
        for (int length = 0; length < AvroCodec.HEADER_BYTES; length++) {
            assertThat(reasonFor(Arrays.copyOf(whole, length))).isEqualTo(Reason.TOO_SHORT);
        }
    }

    @Test
    void bytesAfterTheRecordAreRefused() {
        byte[] whole = flightBytes();
        byte[] longer = Arrays.copyOf(whole, whole.length + 1);
        assertThat(reasonFor(longer)).isEqualTo(Reason.TRAILING_BYTES);
        assertThatThrownBy(() -> codec.decode(longer))
                .hasMessageContaining("ends at byte " + whole.length + " of " + longer.length);
    }

    @Test
    void anotherMagicByteIsRefused() {
        byte[] value = flightBytes();
        value[0] = '{';
        assertThat(reasonFor(value)).isEqualTo(Reason.WRONG_MAGIC_BYTE);
    }

    @Test
    void anUnknownSchemaIdIsUndecodable() {
        byte[] value = flightBytes();
        value[1] = 0x7f;
        assertThat(reasonFor(value)).isEqualTo(Reason.UNKNOWN_SCHEMA);
        value[1] = (byte) 0xff; // a negative id
        assertThat(reasonFor(value)).isEqualTo(Reason.UNKNOWN_SCHEMA);
    }

    @Test
    void aSchemaThatIsNoRecordIsUnsupported() {
        Schema text = Schema.create(Schema.Type.STRING);
        ByteBuffer value = ByteBuffer.allocate(6).put((byte) 0);
        value.putInt(registry.register("texts-value", text)).put((byte) 0);
        assertThat(reasonFor(value.array())).isEqualTo(Reason.UNSUPPORTED_SCHEMA);
    }

    @Test
    void aLengthBeyondTheValueIsRefusedBeforeAnythingIsAllocated() {
        Schema text = SchemaBuilder.record("Text").fields().requiredString("t").endRecord();
        Schema bytes = SchemaBuilder.record("Bytes").fields().requiredBytes("b").endRecord();
        // The length says 2,147,483,639: Avro's own decoder takes that much memory before it looks.
        int[] twoGigabytes = {0xee, 0xff, 0xff, 0xff, 0x0f};
        assertThat(reasonFor(value(text, twoGigabytes))).isEqualTo(Reason.TRUNCATED);
        assertThat(reasonFor(valueOfAnother(bytes, twoGigabytes))).isEqualTo(Reason.TRUNCATED);
    }

    private byte[] valueOfAnother(Schema schema, int... avro) {
        ByteBuffer bytes = ByteBuffer.allocate(AvroCodec.HEADER_BYTES + avro.length);
        bytes.put((byte) 0).putInt(registry.register(schema.getName() + "-value", schema));
        for (int b : avro) {
            bytes.put((byte) b);
        }
        return bytes.array();
    }

    @Test
    void aNegativeLengthIsMalformed() {
        Schema text = SchemaBuilder.record("Text").fields().requiredString("t").endRecord();
        assertThat(reasonFor(value(text, 1))).isEqualTo(Reason.MALFORMED);
    }

    @Test
    void anArrayOfMoreItemsThanTheValueHasBytesIsRefusedEvenIfItemsTakeNone() {
        Schema nulls = SchemaBuilder.record("Nulls").fields().name("n")
                .type(Schema.createArray(Schema.create(Schema.Type.NULL))).noDefault().endRecord();
        // 2^62 nulls: a loop that ends after the machine does.
        assertThat(reasonFor(value(nulls, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01)))
                .isEqualTo(Reason.MALFORMED);
    }

    @Test
    void aBranchAndASymbolThatTheSchemaLacksAreMalformed() {
        byte[] noSuchBranch = flightBytes();
        noSuchBranch[11] = 8; // branch 4 of 2
        assertThat(reasonFor(noSuchBranch)).isEqualTo(Reason.MALFORMED);
        noSuchBranch[11] = 1; // branch -1
        assertThat(reasonFor(noSuchBranch)).isEqualTo(Reason.MALFORMED);

        Schema symbols = SchemaBuilder.record("Symbols").fields().name("e")
                .type(Schema.createEnum("E", null, null, List.of("A", "B"))).noDefault().endRecord();
        assertThat(reasonFor(value(symbols, 40))).isEqualTo(Reason.MALFORMED);
        assertThat(reasonFor(value(symbols, 39))).isEqualTo(Reason.MALFORMED);
    }

    @Test
    void aNumberWithoutEndIsMalformed() {
        Schema number = SchemaBuilder.record("Number").fields().requiredLong("n").endRecord();
        int[] endless = new int[20];
        Arrays.fill(endless, 0xff);
        assertThat(reasonFor(value(number, endless))).isEqualTo(Reason.MALFORMED);
    }

    @Test
    void recordsNestedDeeperThanTheBoundAreMalformedNotAStackOverflow() {
        Schema chain = new Schema.Parser().parse("""
                                {"type": "record", "name": "Chain", "fields": [
                                  {"name": "next", "type": ["null", "Chain"]}]}
                                """);
        int[] million = new int[1_000_000];
        Arrays.fill(million, 2); // one more record, a million times
        assertThat(reasonFor(value(chain, million))).isEqualTo(Reason.MALFORMED);

        int[] ten = {2, 2, 2, 2, 2, 2, 2, 2, 2, 0};
        assertThat(codec.decode(value(chain, ten))).isNotNull();
    }

    @Test
    void aSchemaThatNamesAJavaClassDoesNotMakeOne() {
        Schema named = Schema.create(Schema.Type.STRING);
        named.addProp("java-class", "java.net.URL");
        named.addProp("avro.java.string", "String");
        Schema schema = SchemaBuilder.record("Named").fields().name("u").type(named).noDefault().endRecord();
        assertThat(codec.decode(value(schema, 2, 'x')).get("u")).isEqualTo("x");
    }

    @Test
    void arraysMapsAndFixedComeBackAsTheyWere() {
        Schema schema = SchemaBuilder.record("All").fields().name("list").type().array().items().longType().noDefault()
                .name("map").type().map().values().floatType().noDefault().name("four").type().fixed("Four").size(4)
                .noDefault().name("flag").type().booleanType().noDefault().endRecord();
        GenericRecord record = new GenericRecordBuilder(schema)
                .set("list", List.of(Long.MIN_VALUE, -1L, 0L, Long.MAX_VALUE)).set("map", Map.of(new Utf8("a"), 1.5f))
                .set("four", new GenericData.Fixed(schema.getField("four").schema(), new byte[]{1, 2, 3, 4}))
                .set("flag", true).build();
        int id = registry.register("all-value", schema);
        assertThat(codec.decode(codec.encode(id, record))).isEqualTo(record);
    }

    /// Bytes that this thread has allocated for one decoding, after a first one that may look the schema up.
    private long allocatedFor(byte[] value) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        reasonFor(value);
        long before = threads.getCurrentThreadAllocatedBytes();
        reasonFor(value);
        return threads.getCurrentThreadAllocatedBytes() - before;
    }

    @Test
    void aFixedLongerThanTheValueIsRefusedBeforeAnythingIsAllocated() {
        Schema schema = SchemaBuilder.record("Fixed").fields().name("x").type().fixed("Fx").size(2_000_000_000)
                .noDefault().endRecord();
        byte[] value = value(schema, new int[20]);
        assertThat(reasonFor(value)).isEqualTo(Reason.TRUNCATED);
        assertThat(allocatedFor(value)).isLessThan(100_000);
    }

    /// `L0` is null, or what `leaf` says; each of the others has two fields of the one before.
    private static Schema doubling(int levels, String leaf) {
        StringBuilder schema = new StringBuilder("""
                        {"type": "record", "name": "Doubling", "fields": [
                          {"name": "l0", "type": {"type": "record", "name": "L0", "fields": [
                            {"name": "a", "type": %s}]}}""".formatted(leaf));
        for (int level = 1; level <= levels; level++) {
            schema.append("""
                    ,
                      {"name": "l%d", "type": ["null", {"type": "record", "name": "L%d", "fields": [
                        {"name": "a", "type": "L%d"}, {"name": "b", "type": "L%d"}]}]}""".formatted(level, level,
                    level - 1, level - 1));
        }
        return new Schema.Parser().parse(schema.append("]}").toString());
    }

    @Test
    void recordsThatDoubleWithoutBytesAreRefusedWithinTheBudget() {
        int levels = 26;
        int[] onlyTheLast = new int[levels];
        onlyTheLast[levels - 1] = 2;
        byte[] value = value(doubling(levels, "\"null\""), onlyTheLast);
        assertThat(reasonFor(value)).isEqualTo(Reason.TOO_LARGE);
        assertThat(allocatedFor(value)).isLessThan(BoundedDecoder.budget(value.length) + 100_000);
        assertThatThrownBy(() -> codec.decode(value))
                .hasMessageContaining("a value of 31 bytes may take 1050560 bytes of memory");

        byte[] small = value(doubling(10, "\"null\""), 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
        assertThat(codec.decode(small).get("l10")).isNotNull();
    }

    /// Fields that nobody reads are gone past in one step, so that the records add nothing to the program that reads the
    /// value.
    @Test
    void recordsThatDoubleAreNotFollowedToTheirEnds() {
        int levels = 29;
        int doubles = 16;
        String leaf = IntStream.range(0, doubles).mapToObj("{\"name\": \"d%d\", \"type\": \"double\"}"::formatted)
                .collect(Collectors.joining(",", "{\"type\": \"record\", \"name\": \"Leaf\", \"fields\": [", "]}"));
        byte[] value = value(doubling(levels, leaf), new int[doubles * Double.BYTES + levels]);
        FieldSelection fields = new FieldSelection(List.of(FieldPath.parse("l0.a.d1")), null);
        CollectedFields read = new CollectedFields(1);
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> codec.read(value, fields, read));
        assertThat(read.values()).containsExactly(0.0);
    }

    @Test
    void aSchemaThatNamesNoStringClassOfAvrosDecodesAsAnyOther() {
        Schema named = Schema.create(Schema.Type.STRING);
        named.addProp("avro.java.string", "java.io.File");
        Schema schema = SchemaBuilder.record("Named").fields().name("u").type(named).noDefault().endRecord();
        assertThat(codec.decode(value(schema, 2, 'x')).get("u")).isEqualTo(new Utf8("x"));
    }

    @Test
    void listsNestedDeeperThanTheBoundAreMalformedNotAStackOverflow() {
        Schema list = Schema.create(Schema.Type.INT);
        for (int i = 0; i < 400; i++) {
            list = Schema.createArray(list);
        }
        Schema schema = SchemaBuilder.record("Lists").fields().name("n").type(list).noDefault().endRecord();
        int[] nested = new int[400];
        Arrays.fill(nested, 2); // a block of one list
        assertThat(reasonFor(value(schema, nested))).isEqualTo(Reason.MALFORMED);
    }

    @Test
    void aTreeIsReadAsDeepAsItsRecordsMayNest() {
        Schema tree = new Schema.Parser().parse("""
                                {"type": "record", "name": "Tree", "fields": [
                                  {"name": "children", "type": {"type": "map", "values":
                                    {"type": "array", "items": "Tree"}}}]}
                                """);
        ByteBuffer value = ByteBuffer.allocate(1_000);
        for (int i = 0; i < 63; i++) {
            value.put(new byte[]{2, 2, 'k', 2}); // one entry "k", one child in its list
        }
        value.put((byte) 0); // the deepest has no entries
        for (int i = 0; i < 63; i++) {
            value.put(new byte[]{0, 0}); // ends of list and map
        }
        int[] avro = new int[value.position()];
        Arrays.setAll(avro, value::get);
        assertThat(codec.decode(value(tree, avro))).isNotNull();
    }

    @Test
    void aWritersSchemaOfOneOfOurTypesThatUnfoldsWithoutEndIsRefused() {
        Schema doubling = doubling(26, "\"null\"");
        byte[] value = value(doubling, new int[26]);
        var e = catchThrowableOfType(UndecodableException.class, () -> codec.decode(value, Progress.class));
        assertThat(e.reason()).isEqualTo(Reason.UNSUPPORTED_SCHEMA);
        assertThat(e).hasMessageContaining("expected a version of Progress");
    }

    @Test
    void bytesThatOneOfOurTypesReadsAsAStringAreThoseOfTheFieldAlone() {
        Schema written = new Schema.Parser().parse(Prediction.getClassSchema().toString()
                .replaceFirst("\\{\"type\":\"string\",\"avro.java.string\":\"String\"\\}", "\"bytes\""));
        GenericData.Record record = new GenericData.Record(written);
        for (Schema.Field field : written.getFields()) {
            record.put(field.pos(), switch (field.schema().getType()) {
                case BYTES -> ByteBuffer.wrap(new byte[]{'i', 'd'});
                case STRING -> "text";
                case INT -> 7;
                case LONG -> 7L;
                case ARRAY -> List.of(0.5f);
                default -> throw new AssertionError(field);
            });
        }
        int id = registry.register("predictions-value", written);
        assertThat(codec.decode(codec.encode(id, record), Prediction.class).getRequestId()).isEqualTo("id");
    }

    /// A newer build's record, in which there is more than this one knows.
    @Test
    void textAndBytesThatOneOfOurTypesDoesNotKnowAreGonePast() {
        Schema written = new Schema.Parser().parse(Prediction.getClassSchema().toString().replaceFirst("\"fields\":\\[",
                "\"fields\":[{\"name\":\"text\",\"type\":\"string\"},{\"name\":\"raw\",\"type\":\"bytes\"},"));
        GenericData.Record record = new GenericData.Record(written);
        for (Schema.Field field : written.getFields()) {
            record.put(field.pos(), switch (field.schema().getType()) {
                case BYTES -> ByteBuffer.wrap(new byte[]{1, 2});
                case STRING -> field.name();
                case INT -> 7;
                case LONG -> 7L;
                case ARRAY -> List.of(0.5f);
                default -> throw new AssertionError(field);
            });
        }
        int id = registry.register("newer-value", written);
        Prediction read = codec.decode(codec.encode(id, record), Prediction.class);
        assertThat(read.getRequestId()).isEqualTo("request_id");
        assertThat(read.getEpoch()).isEqualTo(7);
    }

    /// Clients write what fits a long into more bytes too: into a fixed of 16, for instance.
    @ParameterizedTest
    @ValueSource(longs = {(1L << 53) + 1, -(1L << 53) - 1, Long.MAX_VALUE, Long.MIN_VALUE})
    void aWholeDecimalThatFitsALongIsExactInHoweverManyBytes(long whole) {
        Schema schema = new Schema.Parser().parse("""
                        {"type": "record", "name": "Sum", "fields": [{"name": "d", "type":
                          {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 0}}]}""");
        for (int length : new int[]{Long.BYTES, 9, 16}) {
            byte[] bytes = new byte[length];
            Arrays.fill(bytes, (byte) (whole >> 63));
            ByteBuffer.wrap(bytes).putLong(length - Long.BYTES, whole);
            GenericRecord record = new GenericData.Record(schema);
            record.put("d", ByteBuffer.wrap(bytes));
            byte[] value = codec.encode(registry.register("sums-value", schema), record);
            CollectedFields read = new CollectedFields(1);
            codec.read(value, new FieldSelection(List.of(FieldPath.parse("d")), null), read);
            assertThat(read.values()).as(length + " bytes").containsExactly(whole);
        }
    }

    /// As where nobody reads the field: what a model reads decides what it learns, and not which events there are.
    @ParameterizedTest
    @ValueSource(ints = {0, 129})
    void bytesThatAreNoDecimalMakeNoFeatureAndAreReadAllTheSame(int length) {
        Schema schema = new Schema.Parser().parse("""
                        {"type": "record", "name": "Sum", "fields": [{"name": "d", "type":
                          {"type": "bytes", "logicalType": "decimal", "precision": 400, "scale": 2}}]}""");
        InMemorySchemaRegistry registry = new InMemorySchemaRegistry();
        GenericRecord record = new GenericData.Record(schema);
        record.put("d", ByteBuffer.allocate(length));
        AvroCodec codec = new AvroCodec(registry);
        byte[] value = codec.encode(registry.register("sums-value", schema), record);
        FieldSelection fields = new FieldSelection(List.of(FieldPath.parse("d")), null);
        CollectedFields read = new CollectedFields(1);
        codec.read(value, fields, read);
        assertThat(read.values()).containsExactly(new CollectedFields.Other("a decimal of " + length + " bytes"));
        assertThat(codec.decode(value).get("d")).isEqualTo(ByteBuffer.allocate(length));
    }
}
