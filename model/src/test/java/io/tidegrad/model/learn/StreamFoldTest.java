package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold.Outcome;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.Example.Kind;
import io.tidegrad.model.stream.Example.Source;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A stream's examples: features from the event's bytes, all else from the headers.
class StreamFoldTest {
    private static final String OF_STREAM =
            Specs.FLIGHTS.replace("input:    { topic: flights, event-time: departed }", "input: { stream: departures }")
                    .replace("label:    { field: late }\n", "");
    private static final ModelSpec DIRECT = Specs.flights();

    /// An event's value is its number.
    private static byte[] value(int index) {
        return ByteBuffer.allocate(4).putInt(index).array();
    }

    private static Event event(byte[] value) {
        return Specs.flight(ByteBuffer.wrap(value).getInt());
    }

    private static Event withoutLabel(byte[] value) {
        Map<String, Object> fields = new HashMap<>();
        Event whole = event(value);
        for (String field : DIRECT.features().stream().flatMap(feature -> feature.fields().stream()).toList()) {
            fields.put(field, Objects.requireNonNull(whole.get(field)));
        }
        return new MapEvent(fields);
    }

    private static EventFold fold(String yaml) {
        ModelSpec spec = ModelSpec.parse(yaml, "spec");
        return new EventFold(spec, OnlineModel.initial(spec, new ScalarKernels()), StreamFoldTest::withoutLabel);
    }

    private static Headers headers(Kind kind, @Nullable String label, @Nullable String oldLabel, double weight,
            long time) {
        Headers headers = new RecordHeaders();
        new Example(kind, label, oldLabel, weight, new Source("flights", 0, 0), time, null).writeTo(headers);
        return headers;
    }

    private static Headers headers(Kind kind, int index) {
        Event event = Specs.flight(index);
        return headers(kind, String.valueOf(event.get("late")), null, 1,
                (Long) Objects.requireNonNull(event.get("departed")));
    }

    private static byte[] weights(OnlineModel model) {
        Parameters parameters = model.parameters();
        ByteBuffer all = ByteBuffer.allocate(parameters.pages() * Parameters.PAGE_BYTES);
        for (int page = 0; page < parameters.pages(); page++) {
            byte[] bytes = new byte[parameters.pageLength(page)];
            parameters.readPage(page, bytes, 0);
            all.put(bytes);
        }
        return Arrays.copyOf(all.array(), all.position());
    }

    @Test
    void aStreamOfExamplesGivesTheWeightsOfItsEvents() {
        EventFold direct =
                new EventFold(DIRECT, OnlineModel.initial(DIRECT, new ScalarKernels()), StreamFoldTest::event);
        EventFold ofStream = fold(OF_STREAM);
        for (int i = 0; i < 200; i++) {
            assertThat(direct.fold(value(i), new RecordHeaders())).isEqualTo(new Outcome.Accepted());
            assertThat(ofStream.fold(value(i), headers(i % 2 == 0 ? Kind.FINAL : Kind.PROVISIONAL, i)))
                    .isEqualTo(new Outcome.Accepted());
        }
        assertThat(weights(ofStream.model())).isEqualTo(weights(direct.model()));
        assertThat(ofStream.model().eventTime()).isEqualTo(direct.model().eventTime());
    }

    /// `missing: 0` of labels that are booleans means false.
    @ParameterizedTest
    @ValueSource(strings = {"true", "1"})
    void aPositiveLabelIsPositiveHoweverTheStreamSaysIt(String positive) {
        EventFold numbers = fold(OF_STREAM);
        EventFold named = fold(OF_STREAM.replace("features:", "label: { positive: \"" + positive + "\" }\nfeatures:"));
        EventFold mixed = fold(OF_STREAM.replace("features:", "label: { positive: \"" + positive + "\" }\nfeatures:"));
        for (int i = 0; i < 50; i++) {
            boolean late = i % 3 == 0;
            String number = late ? "1" : "0";
            numbers.fold(value(i), headers(Kind.FINAL, number, null, 1, i));
            named.fold(value(i), headers(Kind.FINAL, String.valueOf(late), null, 1, i));
            mixed.fold(value(i), headers(Kind.PROVISIONAL, number, null, 1, i));
        }
        assertThat(weights(named.model())).isEqualTo(weights(numbers.model()));
        assertThat(weights(mixed.model())).isEqualTo(weights(numbers.model()));
    }

    @Test
    void aWeightOfTwoIsThatOfTheFieldInDirectMode() {
        ModelSpec weighted = ModelSpec.parse(Specs.FLIGHTS.replace("label: ", "weight: { field: w }\nlabel: "), "spec");
        EventFold direct = new EventFold(weighted, OnlineModel.initial(weighted, new ScalarKernels()), value -> {
            Event event = event(value);
            return field -> field.equals("w") ? Integer.valueOf(2) : event.get(field);
        });
        EventFold ofStream = fold(OF_STREAM);
        for (int i = 0; i < 50; i++) {
            direct.fold(value(i), new RecordHeaders());
            Event event = Specs.flight(i);
            ofStream.fold(value(i), headers(Kind.FINAL, String.valueOf(event.get("late")), null, 2,
                    (Long) Objects.requireNonNull(event.get("departed"))));
        }
        assertThat(weights(ofStream.model())).isEqualTo(weights(direct.model()));
    }

    @Test
    void aCorrectionIsLearnedAsOneMoreRowWithItsNewLabel() {
        EventFold corrected = fold(OF_STREAM);
        corrected.fold(value(1), headers(Kind.PROVISIONAL, "0", null, 1, 1_000));
        assertThat(corrected.fold(value(1), headers(Kind.CORRECTION, "1", "0", 1, 1_000)))
                .isEqualTo(new Outcome.Accepted());
        EventFold twoRows = fold(OF_STREAM);
        twoRows.fold(value(1), headers(Kind.FINAL, "0", null, 1, 1_000));
        twoRows.fold(value(1), headers(Kind.FINAL, "1", null, 1, 1_000));
        assertThat(weights(corrected.model())).isEqualTo(weights(twoRows.model()));
    }

    @Test
    void aModelThatIgnoresLateLabelsPassesOverCorrections() {
        EventFold ignoring = fold(OF_STREAM.replace("size: 1 ", "size: 3 ") + "late-labels: ignore\n");
        ignoring.fold(value(1), headers(Kind.PROVISIONAL, "0", null, 1, 1_000));
        String before = ignoring.model().stateHash();
        assertThat(ignoring.fold(value(1), headers(Kind.CORRECTION, "1", "0", 1, 1_000)))
                .isEqualTo(new Outcome.Ticked());
        assertThat(ignoring.model().stateHash()).as("not even the open mini-batch ends").isEqualTo(before);
    }

    @Test
    void aLabelThatWasTakenBackAndHasNoSuccessorTeachesNothing() {
        EventFold fold = fold(OF_STREAM);
        String before = fold.model().stateHash();
        assertThat(fold.fold(value(1), headers(Kind.CORRECTION, null, "1", 1, 1_000))).isEqualTo(new Outcome.Ticked());
        assertThat(fold.model().stateHash()).isEqualTo(before);
    }

    @Test
    void ticksAreAsBefore() {
        EventFold fold = fold(OF_STREAM.replace("size: 1 ", "size: 8 "));
        fold.fold(value(1), headers(Kind.FINAL, 1));
        assertThat(fold.model().pending()).isOne();
        assertThat(fold.fold(null, new RecordHeaders().add(Tick.HEADER, Tick.headerValue(5_000))))
                .isEqualTo(new Outcome.Ticked());
        assertThat(fold.model().pending()).isZero();
    }

    private static Rejection rejected(EventFold fold, byte @Nullable [] value, Headers headers) {
        Outcome outcome = fold.fold(value, headers);
        assertThat(outcome).isInstanceOf(Outcome.Rejected.class);
        return ((Outcome.Rejected) outcome).rejection();
    }

    @Test
    void whatIsNoExampleIsADeadLetterAndChangesNothing() {
        EventFold fold = fold(OF_STREAM);
        String before = fold.model().stateHash();
        assertThat(rejected(fold, value(1), new RecordHeaders()))
                .isEqualTo(new Rejection(Rejection.Reason.NOT_AN_EXAMPLE, "header tidegrad-example is missing"));
        Headers bad = headers(Kind.FINAL, 1).add(Example.HEADER, "1 final".getBytes(StandardCharsets.UTF_8));
        assertThat(rejected(fold, value(1), bad)).isEqualTo(
                new Rejection(Rejection.Reason.NOT_AN_EXAMPLE, "header tidegrad-example: expected once, found twice"));
        assertThat(rejected(fold, null, headers(Kind.FINAL, 1)).reason()).isEqualTo(Rejection.Reason.NULL_VALUE);
        assertThat(rejected(fold, value(1), headers(Kind.FINAL, "maybe", null, 1, 1_000))).isEqualTo(new Rejection(
                Rejection.Reason.INVALID_LABEL,
                "header tidegrad-example-label: expected the" + " label, true, false, 0 or 1, found string \"maybe\""));
        assertThat(fold.model().stateHash()).isEqualTo(before);
    }

    /// Each loss reads a label's text as it reads the field.
    @Test
    void everyLossReadsTheTextOfALabel() {
        BiConsumer<String, Map<String, Float>> check = (spec, labels) -> {
            EventFold fold = fold(spec);
            labels.forEach((text, expected) -> {
                PreparedEvent prepared =
                        new EventPreparation(ModelSpec.parse(spec, "spec"), StreamFoldTest::withoutLabel).newEvent();
                new EventPreparation(fold.model().spec(), StreamFoldTest::withoutLabel).prepare(value(1),
                        headers(Kind.FINAL, text, null, 1, 1_000), prepared);
                assertThat(prepared.rejection()).as(text).isNull();
                assertThat(prepared.row().labels[0]).as(text).isEqualTo(expected);
            });
        };
        check.accept(OF_STREAM, Map.of("true", 1f, "false", 0f, "1", 1f, "0", 0f));
        check.accept(OF_STREAM + "label: { threshold: 15 }\n",
                Map.of("15", 1f, "14.9", 0f, "-1.0E-5", 0f, "1.0E20", 1f));
        check.accept(OF_STREAM + "label: { positive: \"07\" }\n", Map.of("07", 1f, "7", 0f, "yes", 0f));
        check.accept(OF_STREAM + "label: { positive: true }\n", Map.of("true", 1f, "false", 0f));
        String hinge = OF_STREAM.replace("binary-cross-entropy", "hinge");
        check.accept(hinge, Map.of("true", 1f, "0", -1f));
        check.accept(hinge + "label: { positive: \"07\" }\n", Map.of("07", 1f, "7", -1f));
        String squared = OF_STREAM.replace("binary-cross-entropy", "mean-squared-error");
        check.accept(squared, Map.of("0.1", 0.1f, "-3", -3f, "1.0E-5", 1e-5f));
        check.accept(OF_STREAM.replace("dense: 1 ]", "dense: 3, softmax ]").replace("binary-cross-entropy",
                "categorical-cross-entropy"), Map.of("0", 0f, "2", 2f));
    }
}
