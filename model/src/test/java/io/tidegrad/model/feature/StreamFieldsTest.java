package io.tidegrad.model.feature;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.feature.Rejection.Reason;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class StreamFieldsTest {
    private static final StreamSpec SPEC = StreamSpec.parse("""
            stream: payments
            events: { topic: payments, key: id, event-time: at }
            labels: { topic: chargebacks, key: "@key", value: fraud, retract: withdrawn }
            weight: amount
            join: { wait: PT30M, missing: 0, window: P30D }
            """, "spec");
    private static final long NOW = 1_795_000_000_000L;
    private static final byte[] KEY = "tx-1".getBytes(StandardCharsets.UTF_8);

    private final StreamFields events = StreamFields.ofEvents(SPEC);
    private final StreamFields labels = StreamFields.ofLabels(SPEC);

    private static Event event(@Nullable Object id, @Nullable Object at, @Nullable Object amount) {
        Map<String, Object> fields = new HashMap<>();
        put(fields, "id", id);
        put(fields, "at", at);
        put(fields, "amount", amount);
        return new MapEvent(fields);
    }

    private static Event label(@Nullable Object fraud, @Nullable Object withdrawn) {
        Map<String, Object> fields = new HashMap<>();
        put(fields, "fraud", fraud);
        put(fields, "withdrawn", withdrawn);
        return new MapEvent(fields);
    }

    private static void put(Map<String, Object> fields, String name, @Nullable Object value) {
        if (value != null) {
            fields.put(name, value);
        }
    }

    private void refused(Event event, Reason reason, String detail) {
        assertThat(events.read(event, KEY, NOW)).isEqualTo(new Rejection(reason, detail));
    }

    private void refusedLabel(Event event, byte @Nullable [] key, Reason reason, String detail) {
        assertThat(labels.read(event, key, NOW)).isEqualTo(new Rejection(reason, detail));
    }

    @Test
    void anEventHasIdTimeAndWeight() {
        assertThat(events.read(event(17L, "2026-11-18T10:00:00Z", 2.5), null, NOW)).isNull();
        assertThat(events.id()).isEqualTo("17");
        assertThat(events.time()).isEqualTo(1_794_996_000_000L);
        assertThat(events.weight()).isEqualTo(2.5);
        assertThat(events.label()).isNull();
    }

    @Test
    void idsOfTextAndNumberAreOneId() {
        for (Object id : List.of("17", 17, 17L, 17.0)) {
            assertThat(events.read(event(id, NOW, 1), null, NOW)).isNull();
            assertThat(events.id()).isEqualTo("17");
        }
    }

    /// Neighbours of such ids were read as the same double: one label would go to the events of all of them.
    @Test
    void anIdThatIsNotExactIsRefused() {
        for (Object id : List.of(Long.MAX_VALUE, Long.MIN_VALUE, -0.0, 0x1p53 - 1, "0.1", "1e19", "9".repeat(20))) {
            assertThat(events.read(event(id, NOW, 1), null, NOW)).isNull();
        }
        for (Object id : List.of(0x1p53, -0x1p53, 1e19, 0.1, 0.1f)) {
            refused(event(id, NOW, 1), Reason.WRONG_TYPE, "field 'id': expected an id that is exact: text, or a whole"
                    + " number that fits a long, found number " + id);
        }
        RecordDecoder decoder = RecordDecoder.of(new InMemorySchemaRegistry());
        StreamFields json = StreamFields.ofEvents(
                StreamSpec.parse("stream: s\nevents: { topic: t, key: id, format: json }\nlabel: late\n", "spec"));
        for (String id : List.of("12345678901234567890", "12345678901234567891")) {
            byte[] value = ("{\"late\": 1, \"id\": " + id + "}").getBytes(StandardCharsets.UTF_8);
            assertThat(requireNonNull(json.read(decoder, KEY, value, NOW)).reason()).isEqualTo(Reason.WRONG_TYPE);
        }
    }

    @Test
    void aLabelIsCanonicalText() {
        Map<Object, String> texts = Map.of(true, "true", 0, "0", 3.0, "3", 0.1f, "0.1", "late ", "late ");
        texts.forEach((value, text) -> {
            assertThat(labels.read(label(value, false), KEY, NOW)).isNull();
            assertThat(labels.label()).isEqualTo(text);
            assertThat(labels.id()).isEqualTo("tx-1");
            assertThat(labels.time()).as("without event-time").isEqualTo(NOW);
        });
    }

    @Test
    void aLabelIsTakenBackByItsFieldOrByANullValue() {
        for (Object withdrawn : List.of(true, 1, "true")) {
            assertThat(labels.read(label(null, withdrawn), KEY, NOW)).isNull();
            assertThat(labels.label()).isNull();
        }
        assertThat(labels.read(label("1", null), KEY, NOW)).isNull();
        assertThat(labels.label()).isEqualTo("1");
        assertThat(labels.readNullValue(KEY, NOW)).isNull();
        assertThat(labels.label()).isNull();
        assertThat(labels.id()).isEqualTo("tx-1");
        assertThat(events.readNullValue(KEY, NOW)).isEqualTo(new Rejection(Reason.NULL_VALUE,
                "expected a value with the id in 'id', found null; a null value can take a label back only with key:"
                        + " @key"));
    }

    @Test
    void theLabelOfAnEventWithoutLabelsTopicIsRead() {
        StreamFields fields =
                StreamFields.ofEvents(StreamSpec.parse("stream: s\nevents: { topic: t }\nlabel: late\n", "spec"));
        assertThat(fields.read(new MapEvent(Map.of("late", true)), null, NOW)).isNull();
        assertThat(fields.id()).isNull();
        assertThat(fields.label()).isEqualTo("true");
    }

    @Test
    void whatCantBeReadIsRejectedWithWhatWasExpectedAndFound() {
        refused(event(null, NOW, 1), Reason.MISSING_FIELD, "field 'id': expected an id, found null");
        refused(event("", NOW, 1), Reason.WRONG_TYPE, "field 'id': expected an id of 1 to 1000 bytes, found one of 0");
        refused(event("ü".repeat(501), NOW, 1), Reason.WRONG_TYPE,
                "field 'id': expected an id of 1 to 1000 bytes, found one of 1002");
        refused(event(List.of(1), NOW, 1), Reason.WRONG_TYPE,
                "field 'id': expected a string, number, boolean or bytes, found a list of 1");
        refused(event(new byte[]{(byte) 0xff}, NOW, 1), Reason.WRONG_TYPE,
                "field 'id': expected text in UTF-8, found other bytes");
        refused(event(1, null, 1), Reason.MISSING_TIME, "field 'at': expected the event's time, found null");
        refused(event(1, "noon", 1), Reason.WRONG_TYPE,
                "field 'at': expected a time (epoch ms or ISO-8601), found string \"noon\"");
        for (Object weight : new @Nullable Object[]{null, -1, 1e12, Double.NaN, "1"}) {
            refused(event(1, NOW, weight), Reason.INVALID_WEIGHT, "field 'amount': expected the event's weight,"
                    + " a number from 0 to 1e11, found " + Values.describe(weight));
        }
        refusedLabel(label(null, false), KEY, Reason.MISSING_LABEL, "field 'fraud': expected the label, found null");
        refusedLabel(label("", null), KEY, Reason.INVALID_LABEL,
                "field 'fraud': expected a label of 1 to 1000 bytes, found one of 0");
        refusedLabel(label(Double.NaN, null), KEY, Reason.NOT_FINITE,
                "field 'fraud': expected a finite number, found NaN");
        refusedLabel(label("1", "perhaps"), KEY, Reason.WRONG_TYPE,
                "field 'withdrawn': expected true, false, 0 or 1, found string \"perhaps\"");
        refusedLabel(label("1", null), null, Reason.MISSING_FIELD, "the record's key: expected an id, found null");
        refusedLabel(label("1", null), new byte[]{(byte) 0xff}, Reason.WRONG_TYPE,
                "the record's key: expected an id in UTF-8, found other bytes");
        refusedLabel(label("1", null), new byte[0], Reason.WRONG_TYPE,
                "the record's key: expected an id of 1 to 1000 bytes, found one of 0");
        assertThat(labels.read(label("1", null), KEY, -1))
                .isEqualTo(new Rejection(Reason.MISSING_TIME, "the record's timestamp: expected one, found none"));
    }

    private static StreamFields timedIn(String unit) {
        return StreamFields.ofEvents(StreamSpec.parse(
                "stream: s\nevents: { topic: t, key: id, event-time: at, time-unit: " + unit + " }\nlabel: id\n",
                "spec"));
    }

    @Test
    void timesAreCountedInTheUnitThatTheSpecNames() {
        Map<String, List<Object>> times =
                Map.of("milliseconds", List.of(NOW), "seconds", List.of(NOW / 1_000, NOW / 1e3, NOW / 1_000 + 0.0004),
                        "microseconds", List.of(NOW * 1_000 + 999), "nanoseconds", List.of(NOW * 1_000_000 + 999_999));
        times.forEach((unit, values) -> {
            StreamFields fields = timedIn(unit);
            for (Object value : values) {
                assertThat(fields.read(event("a", value, 1), null, NOW)).as("%s %s", value, unit).isNull();
                assertThat(fields.time()).as("%s %s", value, unit).isEqualTo(NOW);
            }
            assertThat(fields.read(event("a", "2026-11-18T10:00:00Z", 1), null, NOW)).as("text has no unit").isNull();
            assertThat(fields.time()).isEqualTo(1_794_996_000_000L);
        });
        for (String unit : List.of("seconds", "microseconds")) {
            for (double value : List.of(Double.NaN, 1e300, -1e300)) {
                assertThat(timedIn(unit).read(event("a", value, 1), null, NOW)).as("%s %s", value, unit).isNotNull();
            }
        }
    }

    /// Taken for milliseconds, they would be 1970, and each wait a thousand times as long.
    @Test
    void secondsWhereMillisecondsAreExpectedAreRejected() {
        refused(event("a", NOW / 1_000, 1), Reason.OUT_OF_RANGE, "field 'at': expected a time in epoch milliseconds,"
                + " found number 1795000000, which would be 1970-01-21T18:36:40Z; if it counts seconds, say time-unit:"
                + " seconds beside event-time");
        assertThat(events.read(event("a", "1970-01-21T18:36:40Z", 1), KEY, NOW)).as("said in full").isNull();
        assertThat(events.read(event("a", NOW / 1_000, 1), KEY, NOW / 1_000)).as("a log of that time").isNull();
    }

    /// A decoder has made milliseconds of it.
    @Test
    void aTimestampOfAvroBesideATimeUnitIsRejected() {
        for (String unit : List.of("microseconds", "nanoseconds")) {
            Rejection rejection = timedIn(unit).read(event("a", NOW, 1), null, NOW);
            assertThat(rejection).as(unit).isNotNull().satisfies(it -> {
                assertThat(it.reason()).isEqualTo(Reason.OUT_OF_RANGE);
                assertThat(it.detail()).contains("which would be 1970-01-",
                        "Avro's timestamp-* types need no time-unit");
            });
        }
        assertThat(timedIn("nanoseconds").read(event("a", 0L, 1), null, NOW)).as("said to be 1970").isNull();
    }

    @Test
    void aKeyThatIsNoTextIsRejected() {
        for (byte[] key : List.of(new byte[]{0, 0, 0, 0, 7, 2, 'a'}, new byte[]{0, 0, 0, 0, 0, 0, 0, 42})) {
            refusedLabel(label(1, null), key, Reason.WRONG_TYPE,
                    "the record's key: expected an id in UTF-8, found " + key.length + " bytes with a 0 among them, as"
                            + " serializers of Avro and of numbers write them; name a field of the value as the id");
        }
    }

    @Test
    void whereARecordMeansItsLabelByBeingThereItsValueIsNotLookedAt() {
        StreamFields clicks = StreamFields.ofLabels(StreamSpec.parse("""
                stream: s
                events: { topic: t, key: id }
                labels: { topic: l, key: "@key", constant: 1 }
                join: { wait: PT30M, missing: 0, window: P30D }
                """, "spec"));
        RecordDecoder decoder = RecordDecoder.of(new InMemorySchemaRegistry());
        assertThat(clicks.read(decoder, KEY, new byte[0], NOW)).isNull();
        assertThat(clicks.label()).isEqualTo("1");
        assertThat(clicks.id()).isEqualTo("tx-1");
        assertThat(clicks.time()).isEqualTo(NOW);
        assertThat(clicks.read(decoder, KEY, null, NOW)).isNull();
        assertThat(clicks.label()).as("of a record that is a key only").isEqualTo("1");
    }

    @Test
    void aTimeMoreThanADayAheadOfItsRecordIsRejected() {
        long day = 86_400_000;
        assertThat(events.read(event(1, NOW + day, 1), null, NOW)).isNull();
        refused(event(1, NOW + day + 1, 1), Reason.FUTURE_TIME,
                "expected an event time of at most a day after the record's timestamp, 2026-11-18T11:06:40Z,"
                        + " found 2026-11-19T11:06:40.001Z");
        assertThat(events.read(event(1, 0, 1), null, NOW)).as("a backfill").isNull();
    }

    /// What an example can't say would stop everybody who learns of them.
    @Test
    void aTimestampAfterTheYear9999IsRejected() {
        long last = 253_402_300_799_999L;
        assertThat(labels.read(label(1, null), KEY, last)).isNull();
        Rejection refused = new Rejection(Reason.OUT_OF_RANGE,
                "expected an event time in the years 0 to 9999, found 253402300800000 ms since 1970");
        assertThat(labels.read(label(1, null), KEY, last + 1)).isEqualTo(refused);
        assertThat(labels.readNullValue(KEY, last + 1)).isEqualTo(refused);
        assertThat(StreamFields.refused(last + 1, last)).as("of a tick").isEqualTo(refused);
    }

    private static final Schema PAYMENT = new Schema.Parser().parse("""
            {"type": "record", "name": "Payment", "fields": [
              {"name": "transaction", "type": {"type": "record", "name": "Transaction", "fields": [
                {"name": "number", "type": "long", "aliases": ["id"]},
                {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}}]}},
              {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
              {"name": "late", "type": ["null", "boolean"]}]}""");

    private static byte[] payment(SchemaRegistry registry) {
        GenericRecord transaction = new GenericData.Record(PAYMENT.getField("transaction").schema());
        transaction.put("number", 17L);
        transaction.put("at", NOW * 1_000);
        GenericRecord payment = new GenericData.Record(PAYMENT);
        payment.put("transaction", transaction);
        payment.put("amount", ByteBuffer.wrap(new byte[]{1, 0})); // 2.56
        payment.put("late", true);
        return new AvroCodec(registry).encode(registry.register("payments-value", PAYMENT), payment);
    }

    @Test
    void fieldsInTheBytesOfAnEventAreFoundByTheirPaths() {
        SchemaRegistry registry = new InMemorySchemaRegistry();
        RecordDecoder decoder = RecordDecoder.of(registry);
        StreamFields fields = StreamFields.ofEvents(StreamSpec.parse("""
                stream: payments
                events: { topic: payments, key: transaction.id, event-time: transaction.at }
                weight: amount
                label: late
                """, "spec"));
        assertThat(fields.read(decoder, KEY, payment(registry), NOW)).isNull();
        assertThat(fields.id()).as("by the alias of the event's schema").isEqualTo("17");
        assertThat(fields.time()).isEqualTo(NOW);
        assertThat(fields.weight()).isEqualTo(2.56);
        assertThat(fields.label()).isEqualTo("true");
    }

    @Test
    void fieldsOfJsonAreFoundByTheirPaths() {
        RecordDecoder decoder = RecordDecoder.of(new InMemorySchemaRegistry());
        StreamFields fields = StreamFields.ofEvents(StreamSpec.parse("""
                stream: payments
                events: { topic: payments, key: transaction.id, event-time: transaction.at, format: json }
                label: late
                """, "spec"));
        byte[] value = ("{\"transaction\": {\"id\": 17, \"at\": \"2026-11-18T10:00:00Z\"}, \"late\": 0.5, \"x\": [{}]}")
                .getBytes(StandardCharsets.UTF_8);
        assertThat(fields.read(decoder, KEY, value, NOW)).isNull();
        assertThat(fields.id()).isEqualTo("17");
        assertThat(fields.time()).isEqualTo(1_794_996_000_000L);
        assertThat(fields.label()).isEqualTo("0.5");
        assertThat(fields.read(decoder, KEY, "{\"transaction\": 17}".getBytes(StandardCharsets.UTF_8), NOW))
                .isEqualTo(new Rejection(Reason.WRONG_TYPE, "field 'transaction.id': expected a string, number, boolean"
                        + " or bytes, found something inside of a number"));
        assertThat(requireNonNull(fields.read(decoder, KEY, KEY, NOW)).reason()).isEqualTo(Reason.NOT_JSON);
    }

    @Test
    void whatCantBeDecodedIsRejected() {
        SchemaRegistry registry = new InMemorySchemaRegistry();
        RecordDecoder decoder = RecordDecoder.of(registry);
        byte[] value = payment(registry);
        assertThat(requireNonNull(events.read(decoder, KEY, Arrays.copyOf(value, value.length - 1), NOW)).reason())
                .isEqualTo(Reason.NOT_AVRO);
        value[4] = 99;
        assertThat(requireNonNull(events.read(decoder, KEY, value, NOW)).reason()).isEqualTo(Reason.UNKNOWN_SCHEMA);
        assertThat(requireNonNull(events.read(decoder, KEY, null, NOW)).reason()).isEqualTo(Reason.NULL_VALUE);
    }
}
