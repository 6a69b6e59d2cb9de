package io.tidegrad.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.RandomData;

final class AvroCodecPropertyTest {
    private static final Schema EVENT = new Schema.Parser().parse("""
                            {"type": "record", "name": "Event", "fields": [
                              {"name": "b", "type": "boolean"},
                              {"name": "i", "type": "int"},
                              {"name": "l", "type": "long"},
                              {"name": "f", "type": "float"},
                              {"name": "d", "type": "double"},
                              {"name": "s", "type": "string"},
                              {"name": "y", "type": "bytes"},
                              {"name": "u", "type": ["null", "string", "double"]},
                              {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}},
                              {"name": "x", "type": {"type": "fixed", "name": "X", "size": 3}},
                              {"name": "a", "type": {"type": "array", "items": "int"}},
                              {"name": "m", "type": {"type": "map", "values": {"type": "array", "items": "string"}}},
                              {"name": "r", "type": {"type": "record", "name": "R", "fields": [
                                {"name": "n", "type": "null"}, {"name": "q", "type": ["null", "long"]}]}}
                            ]}
                            """);

    private final SchemaRegistry registry = new InMemorySchemaRegistry();
    private final AvroCodec codec = new AvroCodec(registry);
    private final int id = registry.register("events-value", EVENT);

    @Property(tries = 300)
    void whatWeWriteAvrosOwnReaderReads(@ForAll("events") GenericRecord event) throws Exception {
        byte[] value = codec.encode(id, event);
        var avro = DecoderFactory.get().binaryDecoder(value, AvroCodec.HEADER_BYTES,
                value.length - AvroCodec.HEADER_BYTES, null);
        assertThat(new GenericDatumReader<GenericRecord>(EVENT).read(null, avro)).isEqualTo(event);
        assertThat(avro.isEnd()).isTrue();
    }

    @Property(tries = 300)
    void whatAvrosOwnWritersWriteWeRead(@ForAll("events") GenericRecord event, @ForAll boolean inBlocks)
            throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(ByteBuffer.allocate(5).put((byte) 0).putInt(id).array());
        // The blocking encoder writes arrays in blocks that say how many bytes they take: the other
        // legal form.
        var encoder = inBlocks ? EncoderFactory.get().blockingBinaryEncoder(out, null)
                : EncoderFactory.get().binaryEncoder(out, null);
        new GenericDatumWriter<GenericRecord>(EVENT).write(event, encoder);
        encoder.flush();
        assertThat(codec.decode(out.toByteArray())).isEqualTo(event);
    }

    @Property(tries = 2_000)
    void damagedBytesGiveARecordOrATypedRefusalNeverAnythingElse(@ForAll("events") GenericRecord event,
            @ForAll("damage") List<Integer> damage) {
        byte[] value = codec.encode(id, event);
        for (int d : damage) {
            value[AvroCodec.HEADER_BYTES + (d >>> 8) % (value.length - AvroCodec.HEADER_BYTES)] = (byte) d;
        }
        try {
            assertThat(codec.decode(value).getSchema()).isEqualTo(EVENT);
        } catch (UndecodableException refused) {
            assertThat(refused.reason()).isIn(UndecodableException.Reason.TRUNCATED,
                    UndecodableException.Reason.TRAILING_BYTES, UndecodableException.Reason.MALFORMED);
        }
    }

    @Provide
    Arbitrary<GenericRecord> events() {
        return Arbitraries.longs().map(seed -> {
            List<GenericRecord> one = new ArrayList<>();
            for (Object record : new RandomData(EVENT, 1, seed, true)) {
                one.add(GenericData.get().deepCopy(EVENT, (GenericRecord) record));
            }
            return one.getFirst();
        });
    }

    @Provide
    Arbitrary<List<Integer>> damage() {
        return Arbitraries.integers().between(0, 1 << 24).list().ofMinSize(1).ofMaxSize(4);
    }
}
