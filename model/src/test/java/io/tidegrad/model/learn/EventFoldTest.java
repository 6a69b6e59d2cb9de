package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Rejection.Reason;
import io.tidegrad.model.learn.EventFold.Outcome;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class EventFoldTest {
    private static final Schema FLIGHT = new Schema.Parser().parse("""
                            {"type": "record", "name": "Flight", "fields": [
                              {"name": "departed", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                              {"name": "distance", "type": "float"},
                              {"name": "origin", "type": "string"},
                              {"name": "destination", "type": "string"},
                              {"name": "late", "type": ["null", "boolean"]}]}
                            """);
    private static final Headers NONE = new RecordHeaders();

    private final SchemaRegistry registry =
            SchemaRegistry.connect(Map.of("schema.registry.url", "mock://event-fold-test"));
    private final AvroCodec codec = new AvroCodec(registry);
    private final int schemaId = registry.register("flights-value", FLIGHT);
    private final ModelSpec spec = Specs.flights(8);
    private final EventFold fold = fold();

    private EventFold fold() {
        return new EventFold(spec, OnlineModel.initial(spec, new ScalarKernels()), ValueDecoder.avro(spec, codec));
    }

    @AfterEach
    void close() {
        registry.close();
    }

    private GenericRecord flight(int index) {
        Event event = Specs.flight(index);
        GenericRecord record = new GenericData.Record(FLIGHT);
        for (Schema.Field field : FLIGHT.getFields()) {
            Object value = event.get(field.name());
            record.put(field.name(), value instanceof Integer distance ? (Object) distance.floatValue() : value);
        }
        return record;
    }

    private byte[] value(int index) {
        return codec.encode(schemaId, flight(index));
    }

    private static Headers tick(String value) {
        return new RecordHeaders().add(Tick.HEADER, value.getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    }

    private Rejection rejected(byte[] value) {
        Outcome outcome = fold.fold(value, NONE);
        assertThat(outcome).isInstanceOf(Outcome.Rejected.class);
        return ((Outcome.Rejected) outcome).rejection();
    }

    @Test
    void eventsAreAcceptedAndATickLearnsThem() {
        assertThat(fold.fold(value(0), NONE)).isEqualTo(new Outcome.Accepted());
        assertThat(fold.model().pending()).isEqualTo(1);
        assertThat(fold.fold(null, tick(""))).isEqualTo(new Outcome.Ticked());
        assertThat(fold.model().pending()).isZero();
        assertThat(fold.model().parameters().examples()).isEqualTo(1);
    }

    @Test
    void aTickMayStateAnEventTime() {
        fold.fold(value(0), NONE);
        assertThat(fold.fold(value(1), new RecordHeaders().add(Tick.HEADER, Tick.headerValue(Specs.START + 5))))
                .isEqualTo(new Outcome.Ticked());
        assertThat(fold.model().eventTime()).isEqualTo(Specs.START + 5);
        assertThat(fold.fold(null, tick("noon"))).isEqualTo(new Outcome.Rejected(new Rejection(Reason.WRONG_TYPE,
                "header tidegrad-tick: expected nothing or epoch milliseconds as" + " decimal text"), null));
    }

    @Test
    void poisonIsRejectedWithItsReasonAndItsSchemaId() {
        byte[] good = value(0);
        byte[] unknown = ByteBuffer.allocate(good.length).put(good).putInt(1, 12345).array();
        assertThat(fold.fold(unknown, NONE)).isInstanceOfSatisfying(Outcome.Rejected.class, outcome -> {
            assertThat(outcome.rejection().reason()).isEqualTo(Reason.UNKNOWN_SCHEMA);
            assertThat(outcome.schemaId()).isEqualTo(12345);
        });
        byte[] wrongMagic = good.clone();
        wrongMagic[0] = 1;
        assertThat(fold.fold(wrongMagic, NONE)).isInstanceOfSatisfying(Outcome.Rejected.class, outcome -> {
            assertThat(outcome.rejection().reason()).isEqualTo(Reason.NOT_AVRO);
            assertThat(outcome.schemaId()).isNull();
        });
        assertThat(rejected(Arrays.copyOf(good, good.length - 1)).reason()).isEqualTo(Reason.NOT_AVRO);
        assertThat(rejected(Arrays.copyOf(good, good.length + 1)).reason()).isEqualTo(Reason.NOT_AVRO);
        assertThat(rejected(new byte[0]).reason()).isEqualTo(Reason.NOT_AVRO);
        GenericRecord nan = flight(0);
        nan.put("distance", Float.NaN);
        assertThat(rejected(codec.encode(schemaId, nan)).reason()).isEqualTo(Reason.NOT_FINITE);
        GenericRecord unlabeled = flight(0);
        unlabeled.put("late", null);
        assertThat(rejected(codec.encode(schemaId, unlabeled)).reason()).isEqualTo(Reason.MISSING_LABEL);
        assertThat(fold.fold(null, NONE)).isInstanceOfSatisfying(Outcome.Rejected.class,
                outcome -> assertThat(outcome.rejection().reason()).isEqualTo(Reason.NULL_VALUE));
    }

    @Test
    void theModelIsAsIfPoisonHadNotBeenThere() {
        EventFold clean = fold();
        for (int i = 0; i < 100; i++) {
            clean.fold(value(i), NONE);
            fold.fold(value(i), NONE);
            fold.fold(null, NONE);
            fold.fold(Arrays.copyOf(value(i), 9), NONE);
            GenericRecord future = flight(i);
            future.put("departed", 4_070_908_800_000L);
            if (i > 0) {
                fold.fold(codec.encode(schemaId, future), NONE);
            }
        }
        assertThat(fold.model().stateHash()).isEqualTo(clean.model().stateHash());
        assertThat(fold.model().parameters().examples()).isEqualTo(96);
    }
}
