package io.tidegrad.model.feature;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.feature.Rejection.Reason;
import io.tidegrad.model.stream.StreamSpec;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
    private final StreamFields labels = StreamFields.ofLabels(Objects.requireNonNull(SPEC.labels()));

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
                "field 'id': expected a string, number or boolean, found a list of 1");
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

    @Test
    void aTimeMoreThanADayAheadOfItsRecordIsRejected() {
        long day = 86_400_000;
        assertThat(events.read(event(1, NOW + day, 1), null, NOW)).isNull();
        refused(event(1, NOW + day + 1, 1), Reason.FUTURE_TIME,
                "expected an event time of at most a day after the record's timestamp, 2026-11-18T11:06:40Z,"
                        + " found 2026-11-19T11:06:40.001Z");
        assertThat(events.read(event(1, 0, 1), null, NOW)).as("a backfill").isNull();
    }
}
