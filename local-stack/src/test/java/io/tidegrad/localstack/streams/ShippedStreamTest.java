package io.tidegrad.localstack.streams;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ShippedStreamTest {
    /// `read` compares the checksum on the way.
    @ParameterizedTest
    @EnumSource
    void holdsTheRowsItClaims(ShippedStream stream) {
        assertThat(stream.read()).hasSize(stream.rows());
    }

    @Test
    void flightsAreInOrderAndAsOftenLateAsTheirSourceSays() {
        List<StreamEvent> flights = ShippedStream.FLIGHTS.read();
        Flight first = (Flight) flights.getFirst();
        Flight last = (Flight) flights.getLast();
        assertThat(first)
                .isEqualTo(new Flight(Instant.parse("2001-01-31T13:46:00Z").toEpochMilli(), 102, "HNL", "LIH", false));
        assertThat(Instant.ofEpochMilli(last.departed())).isEqualTo("2001-02-18T20:29:00Z");
        long late = 0;
        long previous = Long.MIN_VALUE;
        for (StreamEvent event : flights) {
            Flight flight = (Flight) event;
            assertThat(flight.departed()).isGreaterThanOrEqualTo(previous);
            previous = flight.departed();
            late += flight.late() ? 1 : 0;
        }
        assertThat(late / 300_000.0).isEqualTo(0.2166, within(0.00005));
    }

    @Test
    void digitsAreShuffledAndAllThere() {
        List<StreamEvent> digits = ShippedStream.DIGITS.read();
        int[] counts = new int[10];
        int[] early = new int[10];
        for (int event = 0; event < digits.size(); event++) {
            Digit digit = (Digit) digits.get(event);
            counts[digit.digit()]++;
            if (event < 200) {
                early[digit.digit()]++;
            }
        }
        assertThat(counts).containsExactly(1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978);
        for (int count : early) {
            assertThat(count).isPositive();
        }
    }

    /// A model's time must not go back, and its features must be the same in every round.
    @Test
    void aRepeatedStreamGoesOnInTimeAndKeepsHourAndWeekday() {
        List<StreamEvent> flights = ShippedStream.FLIGHTS.read();
        long week = Duration.ofDays(7).toMillis();
        long previous = Long.MIN_VALUE;
        for (long index = 0; index < 3 * 300_000; index += 999) {
            Flight flight = (Flight) ShippedStream.FLIGHTS.repeated(flights, index);
            Flight original = (Flight) flights.get((int) (index % 300_000));
            assertThat(flight.departed()).isGreaterThanOrEqualTo(previous);
            assertThat((flight.departed() - original.departed()) % week).isZero();
            assertThat(flight).isEqualTo(new Flight(flight.departed(), original.distance(), original.origin(),
                    original.destination(), original.late()));
            previous = flight.departed();
        }
    }

    @Test
    void aShortenedFileIsRefused() {
        assertThatThrownBy(() -> ShippedStream.FLIGHTS.read("shortened.csv.gz"))
                .isInstanceOf(DamagedStreamException.class)
                .hasMessageStartingWith("shortened.csv.gz is damaged: expected SHA-256 794bb0e677eb3e84")
                .hasMessageContaining(", found ");
    }

    @Test
    void aMisspeltLineIsNamed() {
        assertThatThrownBy(() -> ShippedStream.FLIGHTS.read("misspelt.csv.gz"))
                .isInstanceOf(DamagedStreamException.class)
                .hasMessage("misspelt.csv.gz, line 3: For input string: \"late\"");
    }

    @ParameterizedTest
    @EnumSource
    void eventsSurviveAvro(ShippedStream stream) throws IOException {
        Schema schema = stream.schema();
        for (StreamEvent event : stream.read().subList(0, 100)) {
            GenericRecord record = event.toAvro(schema);
            assertThat(GenericData.get().validate(schema, record)).isTrue();
            assertThat(decoded(schema, encoded(schema, record))).isEqualTo(record);
        }
    }

    /// No training/serving skew: what a scorer is asked is the row that was learned.
    @ParameterizedTest
    @EnumSource
    void aQuestionIsTheEventWithoutItsLabel(ShippedStream stream) {
        ModelSpec spec = ModelSpec.parse(stream.spec(), stream.specFile());
        Featurizer featurizer = new Featurizer(spec);
        Row learned = featurizer.newRow();
        Row asked = featurizer.newRow();
        for (StreamEvent event : stream.read().subList(0, 100)) {
            GenericRecord record = event.toAvro(stream.schema());
            Map<String, Object> question = event.toQuestion();
            Event byName = question::get;
            assertThat(featurizer.featurize(record::get, learned)).isNull();
            assertThat(featurizer.featurizeForScoring(byName, asked)).isNull();
            assertThat(asked.numbers).isEqualTo(learned.numbers);
            assertThat(asked.ids).isEqualTo(learned.ids);
            assertThat(question.keySet()).doesNotContain("late", "digit");
        }
    }

    @ParameterizedTest
    @EnumSource
    void theSpecLearnsTheStreamsTopic(ShippedStream stream) {
        ModelSpec spec = ModelSpec.parse(stream.spec(), stream.specFile());
        assertThat(spec.inputTopic()).isEqualTo(stream.label());
        assertThat(spec.miniBatch()).isEqualTo(1);
    }

    @Test
    void theReadmeNamesTheChecksums() throws IOException {
        String readme;
        try (InputStream in = ShippedStream.class.getResourceAsStream("README.md")) {
            readme = new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        }
        List<String> missing = new ArrayList<>();
        for (ShippedStream stream : ShippedStream.values()) {
            if (!readme.contains(stream.sha256())) {
                missing.add(stream.label());
            }
        }
        assertThat(missing).isEmpty();
    }

    private static byte[] encoded(Schema schema, GenericRecord record) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        new GenericDatumWriter<GenericRecord>(schema).write(record, encoder);
        encoder.flush();
        return bytes.toByteArray();
    }

    private static GenericRecord decoded(Schema schema, byte[] bytes) throws IOException {
        GenericRecord record = new GenericDatumReader<GenericRecord>(schema).read(null,
                DecoderFactory.get().binaryDecoder(bytes, null));
        // Avro reads strings as its own class.
        for (Schema.Field field : schema.getFields()) {
            if (record.get(field.pos()) instanceof CharSequence text) {
                record.put(field.pos(), text.toString());
            }
        }
        return record;
    }
}
