package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Rejection.Reason;
import io.tidegrad.model.learn.EventFold.Outcome;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.SteadyAllocation;
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

    private Outcome folded(EventFold by, Schema schema, GenericRecord record) {
        return by.fold(codec.encode(registry.register("flights-" + schema, schema), record), NONE);
    }

    private static GenericRecord without(GenericRecord flight, Schema schema) {
        GenericRecord record = new GenericData.Record(schema);
        schema.getFields().forEach(field -> record.put(field.name(), flight.get(field.name())));
        return record;
    }

    private static Schema without(String field) {
        return Schema.createRecord("Flight", null, null, false,
                FLIGHT.getFields().stream().filter(each -> !each.name().equals(field))
                        .map(each -> new Schema.Field(each, each.schema())).toList());
    }

    @Test
    void whereNoSchemaWasKnownTheFirstEventMustHaveAllFieldsAndLaterOnesMayLackSome() {
        ModelSpec unknown = spec.withReader(ModelSpec.Reader.FIRST);
        EventFold strict = new EventFold(unknown, OnlineModel.initial(unknown, new ScalarKernels()),
                ValueDecoder.avro(unknown, codec));
        Schema older = without("origin");
        assertThat(folded(strict, older, without(flight(0), older))).isInstanceOfSatisfying(Outcome.Rejected.class,
                outcome -> assertThat(outcome.rejection()).isEqualTo(new Rejection(Reason.UNKNOWN_FIELD,
                        "field 'origin': expected one that the event's schema has, found none in Flight (known: departed,"
                                + " distance, destination, late)")));
        assertThat(folded(strict, FLIGHT, flight(1))).isEqualTo(new Outcome.Accepted());
        assertThat(folded(strict, older, without(flight(2), older))).isEqualTo(new Outcome.Accepted());

        // The registered spec of an earlier build says nothing: what an event's schema lacks is missing, as it was.
        assertThat(folded(fold, older, without(flight(0), older))).isEqualTo(new Outcome.Accepted());
    }

    /// What it means is in the spec: neither a newer version nor its aliases change a bit.
    @Test
    void olderWritersAreReadByTheAliasesOfTheSchemaThatTheSpecNames() {
        Schema newer = new Schema.Parser()
                .parse(FLIGHT.toString().replace("\"name\":\"origin\"", "\"name\":\"from\",\"aliases\":[\"origin\"]"));
        int newerId = registry.register("renamed-value", newer);
        ModelSpec renamed =
                ModelSpec.parse(Specs.FLIGHTS.replace("origin", "from").replace("size: 1", "size: 8"), "spec");
        ModelSpec pinned = renamed.withReader(new ModelSpec.Reader.Of(newerId));
        GenericRecord byNewer = without(flight(3), without("origin"));
        GenericRecord whole = new GenericData.Record(newer);
        byNewer.getSchema().getFields().forEach(field -> whole.put(field.name(), byNewer.get(field.name())));
        whole.put("from", flight(3).get("origin"));

        String live = stateOf(pinned, newer, whole);
        registry.register("renamed-value", new Schema.Parser().parse(
                newer.toString().replace("\"aliases\":[\"origin\"]", "\"aliases\":[\"origin\",\"destination\"]")));
        assertThat(stateOf(pinned, newer, whole)).isEqualTo(live);
        assertThat(stateOf(pinned, FLIGHT, flight(3))).isEqualTo(live);
        // Without it, the old name is not found; the old name of a new event is, by the event's own schema.
        assertThat(stateOf(renamed, FLIGHT, flight(3))).isNotEqualTo(live);
        assertThat(stateOf(spec, newer, whole)).isEqualTo(stateOf(spec, FLIGHT, flight(3)));
    }

    private String stateOf(ModelSpec by, Schema schema, GenericRecord record) {
        OnlineModel model = OnlineModel.initial(by, new ScalarKernels());
        EventFold one = new EventFold(by, model, ValueDecoder.avro(by, new AvroCodec(registry)));
        assertThat(folded(one, schema, record)).isEqualTo(new Outcome.Accepted());
        one.fold(null, tick(""));
        return model.stateHash();
    }

    /// Numbers, booleans, times, and strings and enums as categories, in records and unions.
    @Test
    void preparingAnEventInAvroAllocatesNothing() {
        Schema schema = new Schema.Parser().parse("""
                        {"type": "record", "name": "Payment", "fields": [
                          {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
                          {"name": "amount", "type": "double"},
                          {"name": "number", "type": "int"},
                          {"name": "merchant", "type": ["null", {"type": "record", "name": "Merchant", "fields": [
                            {"name": "country", "type": ["null", "string"]},
                            {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["SHOP", "BANK"]}}]}]},
                          {"name": "unread", "type": ["null", "string", "bytes"]},
                          {"name": "fraud", "type": "boolean"}]}""");
        ModelSpec payments = ModelSpec.parse("""
                        model: m
                        input: { topic: payments, event-time: at }
                        label: { field: fraud }
                        features:
                          - number: { field: amount }
                          - number: { field: number, scale: standard }
                          - time-part: { field: at, parts: [hour] }
                          - category: { field: merchant.country, buckets: 64, dimension: 2 }
                          - cross: { fields: [merchant.country, merchant.kind], buckets: 64, dimension: 2 }
                        network: [ dense: 1 ]
                        loss: binary-cross-entropy
                        optimizer: adam
                        """, "spec");
        int id = registry.register("payments-value", schema);
        byte[][] values = new byte[64][];
        Schema merchant = schema.getField("merchant").schema().getTypes().getLast();
        for (int i = 0; i < values.length; i++) {
            GenericRecord shop = new GenericData.Record(merchant);
            shop.put("country", i % 3 == 0 ? null : "country " + i);
            shop.put("kind",
                    new GenericData.EnumSymbol(merchant.getField("kind").schema(), i % 2 == 0 ? "SHOP" : "BANK"));
            GenericRecord payment = new GenericData.Record(schema);
            payment.put("at", 1_795_000_000_000_000L + i);
            payment.put("amount", i * 0.1);
            payment.put("number", i * 1_000);
            payment.put("merchant", i % 7 == 0 ? null : shop);
            payment.put("unread", i % 2 == 0 ? "x".repeat(i) : ByteBuffer.allocate(i));
            payment.put("fraud", i % 5 == 0);
            values[i] = codec.encode(id, payment);
        }
        EventPreparation preparation = new EventPreparation(payments, ValueDecoder.avro(payments, codec));
        PreparedEvent event = preparation.newEvent();
        for (byte[] value : values) {
            preparation.prepare(value, NONE, event);
            assertThat(event.isRow()).isTrue();
        }
        assertThat(SteadyAllocation.ofThisThread(1_000, () -> {
            for (int i = 0; i < 1_000; i++) {
                preparation.prepare(values[i % values.length], NONE, event);
            }
        })).isZero();
    }
}
