package io.tidegrad.trainer;

import io.tidegrad.model.feature.Rejection.Reason;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.schemas.AvroCodec;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/// Events that can't be learned, each kind with the reason it must be refused for. A `Poison` makes them for one log.
final class Poison {
    static final int LARGE_BYTES = 900 * 1024;
    static final int HEADERS = 10_000;

    private static final long YEAR_MILLIS = 365L * 86_400_000;

    /// Of the fixed schemas that only poison is written with.
    private static final String NULLABLE = """
            {"type": "record", "name": "Reading", "fields": [
              {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
              {"name": "place", "type": "string"},
              {"name": "a", "type": ["null", "float"]},
              {"name": "b", "type": "float"},
              {"name": "over", "type": ["null", "int"]}]}
            """;

    private static final String TEXT_FOR_A_NUMBER = """
            {"type": "record", "name": "Reading", "fields": [
              {"name": "at", "type": "long"},
              {"name": "place", "type": "string"},
              {"name": "a", "type": "string"},
              {"name": "b", "type": "float"},
              {"name": "over", "type": "int"}]}
            """;

    private static final String NO_LABEL = """
            {"type": "record", "name": "Reading", "fields": [
              {"name": "at", "type": "long"},
              {"name": "place", "type": "string"},
              {"name": "a", "type": "float"},
              {"name": "b", "type": "float"}]}
            """;

    private static final String CHAIN = """
            {"type": "record", "name": "Link", "fields": [{"name": "next", "type": ["null", "Link"]}]}
            """;

    private static final String LISTS = """
            {"type": "record", "name": "Lists", "fields": [
              {"name": "nulls", "type": {"type": "array", "items": "null"}},
              {"name": "texts", "type": {"type": "map", "values": "string"}}]}
            """;

    private static final String FIXED = """
            {"type": "record", "name": "Fixed", "fields": [
              {"name": "x", "type": {"type": "fixed", "name": "Fx", "size": 2000000000}}]}
            """;

    /// Records of two fields each, both of the one within: 2^levels of the innermost, in no bytes at all.
    private static String doubling(int levels) {
        String record = "{\"type\": \"record\", \"name\": \"L0\", \"fields\": []}";
        for (int level = 1; level <= levels; level++) {
            record = """
                    {"type": "record", "name": "L%d", "fields": [
                      {"name": "a", "type": %s}, {"name": "b", "type": "L%d"}]}
                    """.formatted(level, record, level - 1);
        }
        return record;
    }

    enum Kind {
        EMPTY(Reason.NOT_AVRO, poison -> poison.bare(new byte[0])),
        HEADER_CUT_SHORT(Reason.NOT_AVRO, poison -> poison.bare(new byte[]{0, 0, 0})),
        WRONG_MAGIC_BYTE(Reason.NOT_AVRO, poison -> poison.changed(0, 1)),
        JSON_TEXT(Reason.NOT_AVRO, poison -> poison.bare(utf8("{\"place\": \"here\", \"a\": 1}"))),
        TRUNCATED(Reason.NOT_AVRO, Poison::truncated),
        TRAILING(Reason.NOT_AVRO, poison -> poison.bare(poison.longer(1))),
        UNKNOWN_SCHEMA(Reason.UNKNOWN_SCHEMA, poison -> poison.withSchema(0x7f00_0001)),
        ANOTHER_UNKNOWN_SCHEMA(Reason.UNKNOWN_SCHEMA,
                poison -> poison.withSchema(0x7e00_0000 + poison.random.nextInt(1 << 24))),
        NEGATIVE_SCHEMA(Reason.UNKNOWN_SCHEMA, poison -> poison.withSchema(-7)),
        NOT_A_RECORD(Reason.NOT_AVRO, poison -> poison.withSchema(poison.id("\"string\""))),
        RECURSION(Reason.NOT_AVRO, poison -> poison.bare(poison.chain(100_000))),
        ENDLESS_LIST(Reason.NOT_AVRO, poison -> poison.bare(poison.lists(Long.MAX_VALUE / 2))),
        LIST_OF_NOTHINGS(Reason.NOT_AVRO, poison -> poison.bare(poison.lists(2_000_000_000))),
        FIXED_OF_TWO_GIGABYTES(Reason.NOT_AVRO, poison -> poison.bare(poison.begun(FIXED, 15).array())),
        DOUBLING_WITHOUT_BYTES(Reason.TOO_LARGE, poison -> poison.bare(poison.begun(doubling(26), 0).array())),
        TEXT_FOR_NUMBER(Reason.WRONG_TYPE, poison -> poison.encoded(TEXT_FOR_A_NUMBER, Map.of("a", "1.5", "over", 1))),
        NAN(Reason.NOT_FINITE, poison -> poison.feature(Float.NaN)),
        INFINITE(Reason.NOT_FINITE, poison -> poison.feature(Float.POSITIVE_INFINITY)),
        MINUS_INFINITE(Reason.NOT_FINITE, poison -> poison.feature(Float.NEGATIVE_INFINITY)),
        BEYOND_RANGE(Reason.OUT_OF_RANGE, poison -> poison.feature(-Float.MAX_VALUE)),
        NULL_FEATURE(Reason.MISSING_FIELD, poison -> poison.encoded(NULLABLE, Map.of("over", 1))),
        NULL_LABEL(Reason.MISSING_LABEL, poison -> poison.encoded(NULLABLE, Map.of("a", 1f))),
        NO_LABEL_AT_ALL(Reason.MISSING_LABEL, poison -> poison.encoded(NO_LABEL, Map.of("a", 1f))),
        LABEL_OF_SEVEN(Reason.INVALID_LABEL, poison -> poison.bare(poison.value(1f, 7))),
        NO_EVENT_TIME(Reason.MISSING_TIME, Poison::timeless),
        FUTURE(Reason.FUTURE_TIME,
                poison -> poison.bare(poison.log.encode(TestLog.START + 50 * YEAR_MILLIS, "p", 1, 1, 1))),
        YEAR_TWELVE_THOUSAND(Reason.OUT_OF_RANGE,
                poison -> poison.bare(poison.log.encode(10_000 * YEAR_MILLIS, "p", 1, 1, 1))),
        NULL_VALUE(Reason.NULL_VALUE, poison -> poison.record(null)),
        TICK_AT_NOON(Reason.WRONG_TYPE, Poison::tickAtNoon),
        LARGE_AND_NO_AVRO(Reason.NOT_AVRO, poison -> poison.bare(poison.longer(LARGE_BYTES))),
        LARGE_AND_NOT_FINITE(Reason.NOT_FINITE,
                poison -> poison.bare(poison.log.encode("p".repeat(LARGE_BYTES), Float.NaN, 0, 1))),
        MANY_HEADERS(Reason.NOT_AVRO, Poison::manyHeaders);

        final Reason reason;
        private final Function<Poison, ProducerRecord<byte[], byte[]>> make;

        Kind(Reason reason, Function<Poison, ProducerRecord<byte[], byte[]>> make) {
            this.reason = reason;
            this.make = make;
        }

        /// Takes about a megabyte or as long as one.
        boolean bulky() {
            return this == LARGE_AND_NO_AVRO || this == LARGE_AND_NOT_FINITE || this == MANY_HEADERS;
        }
    }

    private final TestLog log;
    private final SplittableRandom random;
    private final AvroCodec codec;
    private final Map<String, Integer> ids = new HashMap<>();

    Poison(TestLog log, long seed) {
        this.log = log;
        random = new SplittableRandom(seed);
        codec = new AvroCodec(log.registry);
    }

    ProducerRecord<byte[], byte[]> of(Kind kind) {
        return kind.make.apply(this);
    }

    private ProducerRecord<byte[], byte[]> record(byte @Nullable [] value) {
        byte[] key = new byte[random.nextInt(8)];
        random.nextBytes(key);
        return new ProducerRecord<>(log.topic, 0, random.nextInt(4) == 0 ? null : key, value);
    }

    private ProducerRecord<byte[], byte[]> bare(byte[] value) {
        ProducerRecord<byte[], byte[]> record = record(value);
        if (random.nextBoolean()) {
            record.headers().add("trace", utf8("" + random.nextInt()));
            record.headers().add("trace", null);
        }
        return record;
    }

    private byte[] value(float a, int over) {
        return log.encode("p" + random.nextInt(3_000), a, 0.5f, over);
    }

    private ProducerRecord<byte[], byte[]> feature(float a) {
        return bare(value(a, 1));
    }

    private ProducerRecord<byte[], byte[]> changed(int at, int to) {
        byte[] value = value(1, 1);
        value[at] = (byte) to;
        return bare(value);
    }

    private ProducerRecord<byte[], byte[]> truncated() {
        byte[] value = value(1, 1);
        return bare(Arrays.copyOf(value, random.nextInt(AvroCodec.HEADER_BYTES, value.length)));
    }

    /// A good value with random bytes behind it.
    private byte[] longer(int by) {
        byte[] value = value(1, 1);
        byte[] more = new byte[by];
        random.nextBytes(more);
        return ByteBuffer.allocate(value.length + by).put(value).put(more).array();
    }

    private ProducerRecord<byte[], byte[]> withSchema(int id) {
        return bare(ByteBuffer.wrap(value(1, 1)).putInt(1, id).array());
    }

    private int id(String schema) {
        return ids.computeIfAbsent(schema,
                text -> log.registry.register(log.topic + "-poison-" + ids.size(), parsed(text)));
    }

    private static Schema parsed(String schema) {
        return new Schema.Parser().parse(schema);
    }

    /// @param fields those that differ from a good event's; what a union's field is not given is null
    private ProducerRecord<byte[], byte[]> encoded(String schema, Map<String, ?> fields) {
        GenericData.Record event = new GenericData.Record(parsed(schema));
        event.put("at", TestLog.START);
        event.put("place", "p");
        event.put("b", 0.5f);
        fields.forEach(event::put);
        return bare(codec.encode(id(schema), event));
    }

    private ProducerRecord<byte[], byte[]> timeless() {
        Map<String, Object> fields = new HashMap<>(Map.of("a", 1f, "over", 1));
        fields.put("at", null);
        return encoded(NULLABLE, fields);
    }

    private ByteBuffer begun(String schema, int bytes) {
        return ByteBuffer.allocate(AvroCodec.HEADER_BYTES + bytes).put((byte) 0).putInt(id(schema));
    }

    /// A record in a record in a record …: each is one byte, "branch 1".
    private byte[] chain(int deep) {
        ByteBuffer value = begun(CHAIN, deep);
        while (value.hasRemaining()) {
            value.put((byte) 2);
        }
        return value.array();
    }

    /// A list that says it has so many items, none of which takes a byte.
    private byte[] lists(long items) {
        ByteBuffer value = begun(LISTS, 10);
        for (long zigzag = items << 1;; zigzag >>>= 7) {
            if (zigzag < 128) {
                return value.put((byte) zigzag).array();
            }
            value.put((byte) (zigzag & 127 | 128));
        }
    }

    private ProducerRecord<byte[], byte[]> tickAtNoon() {
        ProducerRecord<byte[], byte[]> tick = bare(value(1, 1));
        tick.headers().add(Tick.HEADER, utf8("noon"));
        return tick;
    }

    private ProducerRecord<byte[], byte[]> manyHeaders() {
        ProducerRecord<byte[], byte[]> record = record(new byte[]{1});
        for (int i = 0; i < HEADERS; i++) {
            record.headers().add("h" + i, utf8("value " + i));
        }
        return record;
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
