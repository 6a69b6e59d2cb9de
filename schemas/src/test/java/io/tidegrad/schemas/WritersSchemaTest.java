package io.tidegrad.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.ProvesOracle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.Function;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.junit.jupiter.api.Test;

/// Invariant I20: an event is read by the schema it was written with, whatever the newest of its subject is. The oracle
/// takes the decoding that it judges as an argument.
final class WritersSchemaTest {
    private static final Schema OLD = new Schema.Parser().parse("""
                            {"type": "record", "name": "Flight", "fields": [
                              {"name": "distance", "type": "int"},
                              {"name": "delay", "type": "int"}]}
                            """);

    /// Fields moved, one came.
    private static final Schema NEW = new Schema.Parser().parse("""
                            {"type": "record", "name": "Flight", "fields": [
                              {"name": "delay", "type": "int"},
                              {"name": "distance", "type": "int"},
                              {"name": "gate", "type": "int", "default": 0}]}
                            """);

    private final SchemaRegistry registry = new InMemorySchemaRegistry();
    private final AvroCodec codec = new AvroCodec(registry);
    private final int oldId = registry.register("flights-value", OLD);
    private final int newId = registry.register("flights-value", NEW);

    private byte[] flight(int id, Schema schema) {
        GenericData.Record flight = new GenericData.Record(schema);
        flight.put("distance", 337);
        flight.put("delay", 12);
        if (schema == NEW) {
            flight.put("gate", 4);
        }
        return codec.encode(id, flight);
    }

    private void bothAreReadAsTheyWereWritten(Function<byte[], GenericRecord> decoding) {
        for (GenericRecord read : new GenericRecord[]{decoding.apply(flight(oldId, OLD)),
            decoding.apply(flight(newId, NEW))}) {
            assertThat(read.get("distance")).isEqualTo(337);
            assertThat(read.get("delay")).isEqualTo(12);
        }
    }

    @Test
    void anOldEventAndANewOneAreReadAsTheyWereWritten() {
        bothAreReadAsTheyWereWritten(codec::decode);
    }

    @ProvesOracle(Breaker.READS_WITH_ITS_OWN_SCHEMA)
    @Test
    void readingWithTheNewestSchemaIsReported() {
        assertThatThrownBy(() -> bothAreReadAsTheyWereWritten(WritersSchemaTest::byTheNewest))
                .isInstanceOfAny(AssertionError.class, UncheckedIOException.class);
    }

    private static GenericRecord byTheNewest(byte[] value) {
        try {
            return new GenericDatumReader<GenericRecord>(NEW).read(null, DecoderFactory.get().binaryDecoder(value,
                    AvroCodec.HEADER_BYTES, value.length - AvroCodec.HEADER_BYTES, null));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
