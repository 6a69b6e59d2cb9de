package io.tidegrad.model.feature;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Rejection.Reason;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.SteadyAllocation;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.util.Utf8;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FeaturizerTest {
    /// 2001-03-04T05:06:07Z, a Sunday.
    private static final long TIME = 983_682_367_000L;

    private static Featurizer of(String... features) {
        return new Featurizer(spec("{ field: late }", "binary-cross-entropy", 1, features));
    }

    private static ModelSpec spec(String label, String loss, int outputs, String... features) {
        return ModelSpec.parse(
                "model: m\ninput: { topic: t }\nlabel: " + label + "\nfeatures:\n  - " + String.join("\n  - ", features)
                        + "\nnetwork: [ dense: " + outputs + " ]\nloss: " + loss + "\noptimizer: adam\n",
                "test.yaml");
    }

    private static Event event(@Nullable Object... namesAndValues) {
        Map<String, @Nullable Object> fields = new HashMap<>();
        fields.put("late", true);
        for (int i = 0; i < namesAndValues.length; i += 2) {
            fields.put(String.valueOf(namesAndValues[i]), namesAndValues[i + 1]);
        }
        return fields::get;
    }

    private static Rejection rejection(Featurizer featurizer, Event event) {
        Rejection rejection = featurizer.featurize(event, featurizer.newRow());
        if (rejection == null) {
            throw new AssertionError("accepted");
        }
        return rejection;
    }

    @Test
    void aFlightBecomesARow() {
        Featurizer featurizer = new Featurizer(Specs.flights());
        Row row =
                Specs.row(featurizer, event("departed", TIME, "distance", 2475, "origin", "JFK", "destination", "LAX"));
        assertThat(row.numbers).containsExactly(2475f);
        // 05h, Sunday, and murmur3_32("origin=JFK") % 512,
        // murmur3_32("origin=JFK\xffdestination=LAX") % 8192,
        // from another implementation (Python).
        assertThat(row.ids).containsExactly(5, 6, 81, 5377);
        assertThat(row.labels).containsExactly(1f);
        assertThat(row.eventTime).isEqualTo(TIME);
    }

    /// Buckets from another implementation (Python), of the texts "origin=JFK\xffdeparted=5" (hour),
    /// "departed=6\xffdeparted=306" (weekday, minute of the day), "departed=3\xffdeparted=2\xfforigin=JFK" (day,
    /// month), and "origin\xffdeparted=983682367000", which has the time itself.
    @Test
    void aCrossHasPartsOfATimeAsTheirNumbers() {
        Featurizer featurizer = of("cross: { fields: [origin, { hour: departed }], buckets: 8192 }",
                "cross: { fields: [{ weekday: departed }, { minute-of-day: departed }], buckets: 8192 }",
                "cross: { fields: [{ day: departed }, { month: departed }, origin], buckets: 8192 }",
                "cross: { fields: [origin, departed], buckets: 8192 }");
        assertThat(Specs.row(featurizer, event("departed", TIME, "origin", "JFK")).ids).startsWith(3886, 1885, 2650);
        assertThat(Specs.row(featurizer, event("departed", "2001-03-04T06:06:07+01:00", "origin", "JFK")).ids)
                .startsWith(3886, 1885, 2650);
        assertThat(Specs.row(featurizer, event("departed", TIME)).ids).endsWith(3870);
        // "origin=JFK\xffdeparted"
        assertThat(Specs.row(featurizer, event("origin", "JFK")).ids).startsWith(4254);
        assertThat(rejection(featurizer, event("departed", "noon", "origin", "JFK")).detail()).isEqualTo(
                rejection(of("time-part: { field: departed, parts: [hour] }"), event("departed", "noon")).detail());
    }

    /// Table rows and tags from another implementation (Python): murmur3_32 of seed 0 % 65536 and of seed 1 % 2^24, of
    /// "card=4711", "card" and "card=4711\xffmerchant=m".
    @Test
    void aHistoryHasItsKeyTwiceHashedANumberAndATime() {
        Featurizer featurizer =
                of("history: { key: card, field: amount, time: at, values: [difference, since-last], buckets: 65536 }",
                        "history: { key: [card, merchant], values: [count], buckets: 65536 }");
        Row row = Specs.row(featurizer, event("card", 4711, "merchant", "m", "amount", -2.5, "at", TIME));
        assertThat(row.numbers).containsExactly(-2.5f);
        assertThat(row.ids).containsExactly(58_019, 3_860_350, 58_632, 638_488, 63_022, 12_332_588);
        // A time before 1970 has a second part from 0 on, too.
        assertThat(Specs.row(featurizer, event("amount", 0, "at", -1L)).ids).startsWith(16_593, 10_561_359, -1,
                16_777_215);

        assertThat(rejection(featurizer, event("card", 1, "at", TIME)).detail())
                .isEqualTo("field 'amount': expected a value, found null");
        assertThat(rejection(featurizer, event("card", 1, "amount", 1)).detail())
                .isEqualTo("field 'at': expected a time, found null");
        assertThat(rejection(featurizer, event("card", 1, "amount", 2e15, "at", TIME)).detail())
                .isEqualTo("field 'amount': expected a number within ±1e15, found 2.0E15");
        // The last time that there is: its parts, and so the state, are whole floats.
        assertThat(Specs.row(featurizer, event("amount", 0, "at", "9999-12-31T23:59:59.999Z")).ids).startsWith(16_593,
                10_561_359, 15_103_954, 2_087_935);

        Row neutral = featurizer.newRow();
        featurizer.writeNeutral(neutral);
        assertThat(neutral.numbers).containsExactly(0f);
        assertThat(neutral.ids).containsExactly(0, -1, 0, 0, 0, -1); // the tag of no key
    }

    @Test
    void quantilesHaveTheNumberAndWhetherItIsMissing() {
        Featurizer featurizer = of("quantiles: { field: amount, buckets: 4 }", "number: { field: size }",
                "quantiles: { field: size, buckets: 4 }");
        Row row = Specs.row(featurizer, event("amount", -2.5e20, "size", 3));
        assertThat(row.numbers).containsExactly(3f, -2.5e20f, 3f);
        assertThat(row.ids).containsExactly(0, 0);
        row = Specs.row(featurizer, event("size", true));
        assertThat(row.numbers).containsExactly(1f, 0f, 1f);
        assertThat(row.ids).containsExactly(1, 0);

        assertThat(rejection(featurizer, event("amount", "much", "size", 1)).detail())
                .isEqualTo("field 'amount': expected a number, found string \"much\"");
        assertThat(rejection(featurizer, event("amount", Double.NaN, "size", 1)).detail())
                .isEqualTo("field 'amount': expected a finite number, found NaN");
        assertThat(rejection(featurizer, event("amount", 2e30, "size", 1)).detail())
                .isEqualTo("field 'amount': expected a number within ±1e30, found 2.0E30");

        Row neutral = featurizer.newRow();
        featurizer.writeNeutral(neutral);
        assertThat(neutral.ids).containsExactly(1, 1);
    }

    /// From another implementation (Python): murmur3_32 of seeds 0 and 1, of "card=3" and of "shop".
    @Test
    void aVocabularyHasBothHashesOfAValuesText() {
        Featurizer featurizer =
                of("vocabulary: { field: card, capacity: 4 }", "vocabulary: { field: shop, capacity: 4 }");
        Row row = Specs.row(featurizer, event("card", 3.0));
        assertThat(row.ids).containsExactly(0x30a0bc4f, 0xbed1d693, 0xbb76cef8, 0xe502e620);

        Row neutral = featurizer.newRow();
        featurizer.writeNeutral(neutral);
        assertThat(Arrays.copyOfRange(neutral.ids, 2, 4)).containsExactly(row.ids[2], row.ids[3]);
    }

    /// From another implementation (Python): murmur3_32 of seed 0 of "shop=a", 0xFF and "hour", of seeds 0 and 1 of "card=3".
    @Test
    void aCrossOfSomethingLearnedHasTheHashOfTheRestAndWhatTheLearnedIsFoundBy() {
        Featurizer featurizer =
                of("cross: { fields: [shop, { quantiles: amount }, hour, { vocabulary: card }], buckets: 9 }",
                        "quantiles: { field: amount, buckets: 4 }", "vocabulary: { field: card, capacity: 4 }",
                        "cross: { fields: [{ vocabulary: card }, { quantiles: amount }], buckets: 9 }");
        Row row = Specs.row(featurizer, event("shop", "a", "amount", 2.5, "card", 3.0));
        assertThat(row.ids).containsExactly(0xcdd160a8, 0, 0x30a0bc4f, 0xbed1d693, 0, 0x30a0bc4f, 0xbed1d693, 0,
                0x30a0bc4f, 0xbed1d693, 0);
        assertThat(row.numbers).containsExactly(2.5f, 2.5f, 2.5f);

        Row missing = Specs.row(featurizer, event("shop", "a", "card", 3));
        assertThat(missing.ids[1]).isEqualTo(1);
        assertThat(missing.ids[10]).isEqualTo(1);
        assertThat(missing.numbers).containsOnly(0);
        assertThat(rejection(featurizer, event("shop", "a", "amount", 2e30)).detail())
                .isEqualTo("field 'amount': expected a number within ±1e30, found 2.0E30");
        Row neutral = featurizer.newRow();
        featurizer.writeNeutral(neutral);
        assertThat(neutral.ids[1]).isEqualTo(1);
    }

    @Test
    void aMissingCategoryIsAValueOfItsOwn() {
        Featurizer featurizer = new Featurizer(Specs.flights());
        Row row = Specs.row(featurizer, event("departed", TIME, "distance", 1, "destination", "LAX"));
        assertThat(row.ids).containsExactly(5, 6, 141, 1404);
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "1, 0.6931472", "999999999, 20.723267", "-0.5, -0.6931472"})
    void log1pIsTheNaturalLogarithmOfOneMore(double x, float expected) {
        Featurizer featurizer = of("number: { field: x, transform: log1p }");
        assertThat(Specs.row(featurizer, event("x", x)).numbers).containsExactly(expected);
    }

    @ParameterizedTest
    @CsvSource({"-3, -2.5", "-2.5, -2.5", "7.25, 7.25", "100.5, 100", "1e300, 100", "-1e300, -2.5"})
    void aClippedNumberIsHeldWithinItsBounds(double x, float expected) {
        Featurizer featurizer = of("number: { field: x, clip: [-2.5, 100] }");
        assertThat(Specs.row(featurizer, event("x", x)).numbers).containsExactly(expected);
    }

    @Test
    void aNumberIsClippedBeforeItsTransformAndSoIsWhatStandsForAMissingOne() {
        Featurizer featurizer = of("number: { field: x, transform: log1p, clip: [0, 999], missing: -1 }");
        assertThat(Specs.row(featurizer, event("x", 1e6)).numbers).containsExactly((float) StrictMath.log(1_000));
        assertThat(Specs.row(featurizer, event("x", -7)).numbers).containsExactly(0f);
        assertThat(Specs.row(featurizer, event()).numbers).containsExactly(0f);
        assertThat(rejection(featurizer, event("x", Double.POSITIVE_INFINITY)).reason()).isEqualTo(Reason.NOT_FINITE);
        assertThat(rejection(of("number: { field: x, clip: [-2, 9], transform: log1p }"), event("x", -5)).detail())
                .isEqualTo("field 'x': log1p needs a number above -1, found -5.0");
    }

    @Test
    void anAngleTurnsIntoSineAndCosine() {
        Featurizer featurizer = of("cyclic: { field: bearing, period: 360 }");
        float half = (float) StrictMath.sqrt(0.5);
        assertThat(Specs.row(featurizer, event("bearing", 45)).numbers).containsExactly(half, half);
        assertThat(Specs.row(featurizer, event("bearing", 405)).numbers).containsExactly(half, half);
        assertThat(Specs.row(featurizer, event("bearing", 0)).numbers).containsExactly(0f, 1f);
    }

    @Test
    void aTimePartTurnsWithItsOwnPeriod() {
        Featurizer featurizer = of("cyclic: { field: when, part: hour }");
        Row row = Specs.row(featurizer, event("when", "2001-03-04T06:59:59Z"));
        assertThat(row.numbers[0]).isEqualTo(1f);
        assertThat(row.numbers[1]).isCloseTo(0f, org.assertj.core.data.Offset.offset(1e-7f));
    }

    /// 1709251199 is 2024-02-29T23:59:59Z, a Thursday (Python's `datetime`); the bucket is that of
    /// "origin=JFK\xffdeparted=23", from another implementation (Python), as are sine, cosine and the halves of the time.
    @Test
    void aTimeIsCountedInTheUnitThatTheSpecNames() {
        Map<String, List<Object>> times = Map.of("seconds",
                List.of(1_709_251_199L, 1_709_251_199, 1_709_251_199.0, 1_709_251_199.0004, "2024-02-29T23:59:59Z",
                        Instant.parse("2024-02-29T23:59:59Z")),
                "microseconds", List.of(1_709_251_199_000_999L), "nanoseconds", List.of(1_709_251_199_000_999_999L));
        times.forEach((unit, values) -> {
            Featurizer featurizer = inUnit(unit);
            for (Object value : values) {
                Row row = Specs.row(featurizer, event("departed", value, "origin", "JFK"));
                assertThat(row.eventTime).as("%s %s", value, unit).isEqualTo(1_709_251_199_000L);
                assertThat(row.numbers).as("%s %s", value, unit).containsExactly(-0.25881904f, 0.9659258f);
                // Hour, weekday, minute of the day, day, month; the cross; the history's time.
                assertThat(row.ids).as("%s %s", value, unit).startsWith(23, 3, 1439, 28, 1, 7162).endsWith(101_879,
                        5_210_136);
            }
        });
        Row fraction = Specs.row(inUnit("seconds"), event("departed", 1_709_251_199.25, "origin", "JFK"));
        assertThat(fraction.ids).as("a quarter of a second").endsWith(101_879, 5_210_386);
        assertThat(Specs.row(inUnit("seconds"), event("departed", -1, "origin", "JFK")).ids).startsWith(23, 2, 1439, 30,
                11);
        TypedEvent typed = new TypedEvent("departed", "origin");
        typed.set(0, Instant.parse("2024-02-29T23:59:59Z")).set(1, "JFK");
        Row row = inUnit("seconds").newRow();
        assertThat(inUnit("seconds").featurizeForScoring(typed, row)).isNull();
        assertThat(row.ids).as("an instant has no unit").startsWith(23, 3, 1439, 28, 1, 7162);
        typed.set(0, 1_709_251_199L);
        assertThat(inUnit("seconds").featurizeForScoring(typed, row)).isNull();
        assertThat(row.ids).startsWith(23, 3, 1439, 28, 1, 7162);
    }

    private static Featurizer inUnit(String unit) {
        return new Featurizer(ModelSpec.parse(String.format(Locale.ROOT, """
                model: m
                input: { topic: t, event-time: departed, time-unit: %1$s }
                label: { field: late }
                features:
                  - time-part: { field: departed, parts: [hour, weekday, minute-of-day, day, month], time-unit: %1$s }
                  - cyclic: { field: departed, part: hour, time-unit: %1$s }
                  - cross: { fields: [origin, { hour: departed, time-unit: %1$s }], buckets: 8192 }
                  - history: { key: origin, time: departed, time-unit: %1$s, values: [since-last], buckets: 64 }
                network: [ dense: 1 ]
                loss: binary-cross-entropy
                optimizer: adam
                """, unit), "test.yaml"));
    }

    @Test
    void aTimeInAnotherUnitThanTheSpecNamesIsRejectedWithWhatToDo() {
        assertThat(rejection(inUnit("seconds"), event("departed", 1_709_251_199_000L, "origin", "JFK")))
                .isEqualTo(new Rejection(Reason.OUT_OF_RANGE,
                        "field 'departed': expected a time in the years 0 to 9999, found"
                                + " number 1709251199000; if it counts milliseconds, or is a timestamp of Avro, leave"
                                + " time-unit: seconds out"));
        assertThat(rejection(inUnit("seconds"), event("departed", Double.NaN, "origin", "JFK")))
                .isEqualTo(new Rejection(Reason.WRONG_TYPE,
                        "field 'departed': expected a time (epoch seconds or ISO-8601), found number NaN"));
        assertThat(rejection(inUnit("microseconds"), event("departed", 1.5, "origin", "JFK")).detail())
                .contains("expected a time (epoch microseconds or ISO-8601), found number 1.5");
        assertThat(rejection(inUnit("seconds"), event("departed", "noon", "origin", "JFK")).detail())
                .contains("expected a time (epoch seconds or ISO-8601), found string \"noon\"");
    }

    @Test
    void missingNumbersAreRejectedReplacedOrIndicatedAsTheSpecSays() {
        assertThat(rejection(of("number: { field: x }"), event()))
                .isEqualTo(new Rejection(Reason.MISSING_FIELD, "field 'x': expected a value, found null"));
        assertThat(Specs.row(of("number: { field: x, missing: 3, transform: log1p }"), event()).numbers)
                .containsExactly((float) StrictMath.log(4));
        Featurizer indicated = of("number: { field: x, missing: indicator }");
        assertThat(Specs.row(indicated, event()).numbers).containsExactly(0f, 1f);
        assertThat(Specs.row(indicated, event("x", 5)).numbers).containsExactly(5f, 0f);
        Featurizer cyclic = of("cyclic: { field: x, period: 4, missing: indicator }");
        assertThat(Specs.row(cyclic, event()).numbers).containsExactly(0f, 0f, 1f);
        Featurizer time = of("time-part: { field: x, parts: [hour, month, minute-of-day] }");
        assertThat(Specs.row(time, event()).ids).containsExactly(24, 12, 1440);
    }

    @Test
    void pixelsComeFromBytesOfAnyKindOrFromNumbers() {
        Featurizer featurizer = of("pixels: { field: image, width: 2, height: 2 }");
        float[] expected = {0f, 1f / 255, 128f / 255, 1f};
        byte[] bytes = {0, 1, (byte) 128, (byte) 255};
        ByteBuffer inTheMiddle = ByteBuffer.wrap(new byte[]{9, 0, 1, (byte) 128, (byte) 255, 9}, 1, 4);
        Schema fixed = Schema.createFixed("F", null, null, 4);
        for (Object image : List.of(bytes, ByteBuffer.wrap(bytes), inTheMiddle, new GenericData.Fixed(fixed, bytes),
                List.of(0, 1L, 128.0, 255f), new float[]{0, 1, 128, 255})) {
            assertThat(Specs.row(featurizer, event("image", image)).numbers).isEqualTo(expected);
        }
        assertThat(rejection(featurizer, event("image", new byte[5])).detail())
                .isEqualTo("field 'image': expected 4 bytes (2 x 2), found 5");
        assertThat(rejection(featurizer, event("image", List.of(1, 2, 3, "4"))).detail())
                .isEqualTo("field 'image[3]': expected a number, found string \"4\"");
    }

    /// 255 and 256 go through a kernel that divides floats, 0.3 and 254.7 can't.
    @ParameterizedTest
    @ValueSource(strings = {"255", "256", "0.3", "254.7", "1e-44"})
    void everyByteIsDividedInDoublesAndRoundedOnce(String divisor) {
        Featurizer featurizer = of("pixels: { field: image, width: 16, height: 16, divide-by: " + divisor + " }");
        byte[] bytes = new byte[256];
        float[] expected = new float[256];
        for (int b = 0; b < 256; b++) {
            bytes[b] = (byte) b;
            expected[b] = (float) (b / Double.parseDouble(divisor));
        }
        assertThat(Specs.row(featurizer, event("image", bytes)).numbers).isEqualTo(expected);
    }

    @Test
    void aWrongTypeIsNamedWithWhatWasFound() {
        Featurizer number = of("number: { field: distance }");
        assertThat(rejection(number, event("distance", "abc"))).isEqualTo(
                new Rejection(Reason.WRONG_TYPE, "field 'distance': expected a number, found string \"abc\""));
        assertThat(rejection(number, event("distance", List.of(1))).detail())
                .isEqualTo("field 'distance': expected a number, found a list of 1");
        assertThat(rejection(of("category: { field: c, buckets: 2, dimension: 1 }"), event("c", List.of())).detail())
                .isEqualTo("field 'c': expected a string, number, boolean or bytes, found a list of 0");
        assertThat(rejection(of("time-part: { field: t, parts: [hour] }"), event("t", "noon")).detail())
                .isEqualTo("field 't': expected a time (epoch ms or ISO-8601), found string \"noon\"");
    }

    @Test
    void whatAFoundTextHoldsCantDisturbALog() {
        String nasty = "\u001b[31m\n" + "x".repeat(10_000);
        assertThat(rejection(of("number: { field: d }"), event("d", nasty)).detail()).hasSizeLessThan(120)
                .doesNotContainPattern("\\p{Cntrl}");
    }

    @Test
    void numbersThatAreNotFiniteOrTooLargeAreRejected() {
        Featurizer featurizer = of("number: { field: x }");
        for (Object x : List.of(Double.NaN, Double.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY)) {
            assertThat(rejection(featurizer, event("x", x)).reason()).isEqualTo(Reason.NOT_FINITE);
        }
        assertThat(rejection(featurizer, event("x", 1.0000001e15)).reason()).isEqualTo(Reason.OUT_OF_RANGE);
        assertThat(Specs.row(featurizer, event("x", -1e15)).numbers).containsExactly(-1e15f);
        // A logarithm makes large numbers small: the bound is on what the model sees.
        assertThat(Specs.row(of("number: { field: x, transform: log1p }"), event("x", 1e300)).numbers[0])
                .isEqualTo((float) StrictMath.log(1e300));
        assertThat(rejection(of("number: { field: x, transform: log1p }"), event("x", -1)).reason())
                .isEqualTo(Reason.OUT_OF_RANGE);
        // A recipe scales its numbers first, such as times in nanoseconds.
        Featurizer scaled = new Featurizer(ModelSpec.parse(
                "model: m\ninput: { topic: t }\nlabel: { field: late }\nloss: binary-cross-entropy\nrecipe: auto\n"
                        + "features: [ number: { field: x } ]",
                "spec"));
        assertThat(Specs.row(scaled, event("x", -1e30)).numbers).containsExactly(-1e30f);
        assertThat(rejection(scaled, event("x", 1.1e30))).isEqualTo(
                new Rejection(Reason.OUT_OF_RANGE, "field 'x': expected a number within ±1e30, found 1.1E30"));
    }

    @ParameterizedTest
    @CsvSource({"true, 1", "false, 0", "1, 1", "0, 0", "1.0, 1"})
    void aBinaryLabelIsABooleanOrZeroOrOne(String text, float expected) {
        Object label = switch (text) {
            case "true", "false" -> Boolean.valueOf(text);
            default -> Double.valueOf(text);
        };
        Featurizer featurizer = of("number: { field: x, missing: 0 }");
        assertThat(Specs.row(featurizer, event("late", label)).labels).containsExactly(expected);
    }

    @Test
    void labelsThatFitNoLossAreRejected() {
        String x = "number: { field: x, missing: 0 }";
        assertThat(rejection(of(x), event("late", null)).reason()).isEqualTo(Reason.MISSING_LABEL);
        assertThat(rejection(of(x), event("late", 2))).isEqualTo(new Rejection(Reason.INVALID_LABEL,
                "field 'late': expected the label, true, false, 0 or 1, found number 2"));
        Featurizer classes = new Featurizer(spec("{ field: late }", "categorical-cross-entropy", 10, x));
        assertThat(Specs.row(classes, event("late", 9)).labels).containsExactly(9f);
        for (Object label : List.of(10, -1, 1.5, "3", true, Double.NaN)) {
            assertThat(rejection(classes, event("late", label)).reason()).isEqualTo(Reason.INVALID_LABEL);
        }
        Featurizer regression = new Featurizer(spec("{ field: late }", "mean-squared-error", 1, x));
        assertThat(Specs.row(regression, event("late", -3.5)).labels).containsExactly(-3.5f);
        for (Object label : List.of("3", Double.NaN, 1e16)) {
            assertThat(rejection(regression, event("late", label)).reason()).isEqualTo(Reason.INVALID_LABEL);
        }
        Featurizer counts = new Featurizer(spec("{ field: late }", "poisson", 1, x));
        assertThat(Specs.row(counts, event("late", 3)).labels).containsExactly(3f);
        assertThat(rejection(counts, event("late", -1))).isEqualTo(new Rejection(Reason.INVALID_LABEL,
                "field 'late': expected the label, a number from 0 on, found number -1"));
        Featurizer margins = new Featurizer(spec("{ field: late }", "hinge", 1, x));
        assertThat(Specs.row(margins, event("late", true)).labels).containsExactly(1f);
        assertThat(Specs.row(margins, event("late", 0)).labels).containsExactly(-1f);
        assertThat(rejection(margins, event("late", -1)).reason()).isEqualTo(Reason.INVALID_LABEL);
        Featurizer days = new Featurizer(spec("{ field: late, threshold: 15 }", "hinge", 1, x));
        assertThat(Specs.row(days, event("late", 14)).labels).containsExactly(-1f);
    }

    @Test
    void aThresholdOrAPositiveValueMakesALabelBinary() {
        String x = "number: { field: x, missing: 0 }";
        Featurizer threshold = new Featurizer(spec("{ field: late, threshold: 15 }", "binary-cross-entropy", 1, x));
        assertThat(Specs.row(threshold, event("late", 15)).labels).containsExactly(1f);
        assertThat(Specs.row(threshold, event("late", 14.9)).labels).containsExactly(0f);
        Featurizer positive = new Featurizer(spec("{ field: late, positive: yes }", "binary-cross-entropy", 1, x));
        assertThat(Specs.row(positive, event("late", new Utf8("yes"))).labels).containsExactly(1f);
        assertThat(Specs.row(positive, event("late", "no")).labels).containsExactly(0f);
    }

    /// Hundreds of names fill the table in which they are looked up.
    @Test
    void aClassIsFoundByItsNameAndAnotherTextIsRejected() {
        String x = "number: { field: x, missing: 0 }";
        List<String> names = new ArrayList<>(List.of("A", "ü", "3", "true", "a b"));
        for (int i = 0; i < 300; i++) {
            names.add("c" + i);
        }
        Featurizer classes = new Featurizer(spec("{ field: late, classes: [\"" + String.join("\", \"", names) + "\"] }",
                "categorical-cross-entropy", names.size(), x));
        for (int i = 0; i < names.size(); i++) {
            assertThat(Specs.row(classes, event("late", names.get(i))).labels).containsExactly(i);
            assertThat(Specs.row(classes, event("late", new Utf8(names.get(i)))).labels).containsExactly(i);
            assertThat(classes.label(names.get(i))).isEqualTo(i);
        }
        assertThat(Specs.row(classes, event("late", 3.0)).labels).containsExactly(2f);
        assertThat(Specs.row(classes, event("late", true)).labels).containsExactly(3f);
        assertThat(classes.label("1")).as("a stream's true").isEqualTo(3);
        assertThat(rejection(classes, event("late", "a"))).isEqualTo(new Rejection(Reason.INVALID_LABEL,
                "field 'late': expected the label, one of the 305 classes A, ü, 3, true, a b, c0, c1, c2, c3, c4, c5, c6, …,"
                        + " found string \"a\""));
        assertThat(classes.label("a")).isNaN();
    }

    @Test
    void anEventWithoutItsTimeIsRejectedOnlyWhereTheSpecNamesOne() {
        Featurizer featurizer = new Featurizer(Specs.flights());
        assertThat(rejection(featurizer, event("distance", 1)).reason()).isEqualTo(Reason.MISSING_TIME);
        assertThat(rejection(featurizer, event("departed", Long.MAX_VALUE)).reason()).isEqualTo(Reason.OUT_OF_RANGE);
        Row untimed = Specs.row(of("number: { field: x }"), event("x", 1));
        assertThat(untimed.eventTime).isEqualTo(Row.NO_TIME);
    }

    @Test
    void scoringNeedsNeitherLabelNorTime() {
        Featurizer featurizer = new Featurizer(ModelSpec.parse(
                Specs.FLIGHTS.replace("  - time-part: { field: departed, parts: [hour, weekday] }\n", ""),
                "no-time.yaml"));
        Row row = featurizer.newRow();
        Map<String, Object> flight = Map.of("distance", 1, "origin", "JFK", "destination", "LAX");
        assertThat(featurizer.featurizeForScoring(flight::get, row)).isNull();
    }

    @ParameterizedTest
    @CsvSource({"2001-03-04T05:06:07Z, 983682367000", "2001-03-04T05:06:07.5Z, 983682367500",
        "2001-03-04T07:06:07+02:00, 983682367000", "2001-03-04T05:06:07, 983682367000", "2001-03-04, 983664000000"})
    void timesAreReadAsIso8601InUtc(String text, long expected) {
        Featurizer featurizer = new Featurizer(Specs.flights());
        Row row = Specs.row(featurizer, event("departed", text, "distance", 1));
        assertThat(row.eventTime).isEqualTo(expected);
    }

    @Test
    void anAvroRecordAndItsJsonGiveTheSameRow() {
        Schema schema = SchemaBuilder.record("Flight").fields().name("departed")
                .type(org.apache.avro.LogicalTypes.timestampMicros().addToSchema(Schema.create(Schema.Type.LONG)))
                .noDefault().requiredFloat("distance").optionalString("origin").name("destination").type()
                .enumeration("Airport").symbols("JFK", "LAX").noDefault().requiredInt("late").endRecord();
        GenericRecord record = new GenericData.Record(schema);
        record.put("departed", TIME * 1_000 + 999);
        record.put("distance", 0.1f);
        record.put("origin", new Utf8("JFK"));
        record.put("destination", new GenericData.EnumSymbol(schema.getField("destination").schema(), "LAX"));
        record.put("late", 1);
        Featurizer featurizer = new Featurizer(Specs.flights());
        Row fromAvro = Specs.row(featurizer, new AvroEvent().of(record));
        Row fromJson = Specs.row(featurizer, event("departed", Instant.ofEpochMilli(TIME).toString(), "distance", 0.1,
                "origin", "JFK", "destination", "LAX"));
        assertThat(fromAvro.numbers).isEqualTo(fromJson.numbers);
        assertThat(fromAvro.ids).isEqualTo(fromJson.ids).containsExactly(5, 6, 81, 5377);
        assertThat(fromAvro.labels).isEqualTo(fromJson.labels);
        assertThat(fromAvro.eventTime).isEqualTo(fromJson.eventTime);
    }

    /// A topic's schema evolves: the same field lies elsewhere, another is gone.
    @Test
    void fieldsAskedForAtOnceAreFoundInEachSchema() {
        Schema first = SchemaBuilder.record("R").fields().requiredInt("a").requiredInt("b").endRecord();
        Schema second = SchemaBuilder.record("R").fields().requiredInt("c").requiredInt("a").endRecord();
        GenericRecord one = new GenericData.Record(first);
        one.put("a", 1);
        one.put("b", 2);
        GenericRecord other = new GenericData.Record(second);
        other.put("c", 3);
        other.put("a", 4);
        AvroEvent event = new AvroEvent();
        List<String> fields = List.of("b", "a");
        Object[] values = new Object[2];
        event.of(one).get(fields, values);
        assertThat(values).extracting(FieldValues::copy).containsExactly(2L, 1L);
        event.of(other).get(fields, values);
        assertThat(values).extracting(FieldValues::copy).containsExactly(null, 4L);
        event.of(one).get(List.of("a"), values);
        assertThat(values).extracting(FieldValues::copy).containsExactly(1L, 4L);
    }

    @Test
    void anAvroEventKnowsDatesNanosAndUnionsAndMissesNothingElse() {
        Schema schema = new Schema.Parser().parse("""
                                {"type": "record", "name": "R", "fields": [
                                  {"name": "day", "type": {"type": "int", "logicalType": "date"}},
                                  {"name": "nanos", "type": ["null", {"type": "long", "logicalType": "timestamp-nanos"}]},
                                  {"name": "local", "type": {"type": "long", "logicalType": "local-timestamp-millis"}}]}
                                """);
        GenericRecord record = new GenericData.Record(schema);
        record.put("day", -1);
        record.put("nanos", -1L);
        record.put("local", 5L);
        AvroEvent event = new AvroEvent().of(record);
        assertThat(event.get("day")).isEqualTo(-86_400_000L);
        assertThat(event.get("nanos")).isEqualTo(-1L);
        assertThat(event.get("local")).isEqualTo(5L);
        assertThat(event.get("elsewhere")).isNull();
    }

    @Test
    void aRecordWhoseSchemaIsOutOfAllProportionIsRejected() {
        List<Schema.Field> fields = new ArrayList<>();
        fields.add(new Schema.Field("b", Schema.create(Schema.Type.INT)));
        for (int i = 0; i < 200_000; i++) {
            fields.add(new Schema.Field("f" + i, Schema.create(Schema.Type.NULL)));
        }
        Schema schema = Schema.createRecord("R", null, null, false);
        fields.add(new Schema.Field("a", Schema.createUnion(Schema.create(Schema.Type.NULL), schema)));
        schema.setFields(fields);
        GenericRecord record = new GenericData.Record(schema);
        record.put("b", 1);
        // At each step to `a` 200,000 fields lie before it.
        Featurizer featurizer = of("category: { field: '" + "a.".repeat(30) + "b', buckets: 8, dimension: 1 }");
        Rejection rejection = featurizer.featurizeForScoring(new AvroEvent().of(record), featurizer.newRow());
        assertThat(requireNonNull(rejection).reason()).isEqualTo(Reason.NOT_AVRO);
        assertThat(rejection.detail()).contains("found a larger one");
    }

    @Test
    void anAliasOfAnotherSchemaFindsAField() {
        GenericRecord record = new GenericData.Record(
                SchemaBuilder.record("Flight").fields().requiredInt("miles").requiredString("carrier").endRecord());
        record.put("miles", 5);
        record.put("carrier", "UA");
        Schema reader = SchemaBuilder.record("Flight").fields().name("distance").aliases("miles").type().intType()
                .noDefault().endRecord();
        assertThat(new AvroEvent().of(record).get("distance")).isNull();
        AvroEvent event = new AvroEvent(reader).of(record);
        assertThat(event.get("distance")).isEqualTo(5L);
        assertThat(event.unknownField()).isNull();
        assertThat(event.get("carrier")).isEqualTo("UA");
        assertThat(event.get("tail")).isNull();
        assertThat(requireNonNull(event.unknownField()).message()).startsWith("field 'tail': ");
    }

    @Test
    void featurizingAllocatesNothing() {
        Featurizer featurizer = new Featurizer(Specs.flights());
        Row row = featurizer.newRow();
        Event[] flights = new Event[64];
        for (int i = 0; i < flights.length; i++) {
            flights[i] = Specs.flight(i);
        }
        assertThat(SteadyAllocation.ofThisThread(1_000, () -> {
            for (int i = 0; i < 1_000; i++) {
                featurizer.featurize(flights[i % flights.length], row);
            }
        })).isZero();
    }

    @Property(tries = 300)
    void featurizingNeverThrowsAndARowIsAlwaysInRange(@ForAll List<Object> values) {
        Featurizer featurizer = of("number: { field: a, transform: log1p, missing: indicator }",
                "category: { field: b, buckets: 7, dimension: 1 }",
                "cross: { fields: [a, b, c], buckets: 5, dimension: 1 }",
                "time-part: { field: c, parts: [minute-of-day, hour, weekday, day, month] }",
                "cyclic: { field: a, period: 0.001, missing: 0 }");
        List<Object> padded = new ArrayList<>(values);
        while (padded.size() < 4) {
            padded.add(4);
        }
        Row row = featurizer.newRow();
        Rejection rejection =
                featurizer.featurize(event("a", padded.get(0), "b", padded.get(1), "c", padded.get(2)), row);
        if (rejection == null) {
            assertThat(row.ids[0]).isBetween(0, 6);
            assertThat(row.ids[1]).isBetween(0, 4);
            assertThat(row.ids[2]).isBetween(0, 1440);
            for (float number : row.numbers) {
                assertThat(number).isFinite();
            }
        }
    }

    @Property(tries = 100)
    void aRowDoesNotDependOnTheRowsBeforeIt(@ForAll @net.jqwik.api.constraints.Size(max = 20) List<Integer> before) {
        Featurizer used = new Featurizer(Specs.flights());
        before.forEach(index -> used.featurize(Specs.flight(index), used.newRow()));
        Featurizer fresh = new Featurizer(Specs.flights());
        Row one = Specs.row(used, Specs.flight(7));
        Row other = Specs.row(fresh, Specs.flight(7));
        assertThat(one.numbers).isEqualTo(other.numbers);
        assertThat(one.ids).isEqualTo(other.ids);
    }

    @Test
    void aSequenceIsReadStepAfterStepAndPaddedWhereItMayBe() {
        Featurizer exact = of("sequence: { field: x, steps: 2, width: 2 }");
        assertThat(Specs.row(exact, event("x", List.of(1, 2.5, 3, -4))).numbers).containsExactly(1, 2.5f, 3, -4);
        assertThat(Specs.row(exact, event("x", new float[]{1, 2, 3, 4})).numbers).containsExactly(1, 2, 3, 4);
        assertThat(Specs.row(exact, event("x", List.of(1, 2, 3, 4))).ids).isEmpty();
        assertThat(rejection(exact, event("x", List.of(1, 2))))
                .isEqualTo(new Rejection(Reason.WRONG_TYPE, "field 'x': expected 4 numbers (2 x 2), found 2"));
        Featurizer padded = of("sequence: { field: x, steps: 3, width: 2, shorter: pad }");
        Row row = Specs.row(padded, event("x", List.of(9, 9, 9, 9, 9, 9)));
        assertThat(row.ids).containsExactly(3);
        assertThat(padded.featurize(event("x", List.of(1, 2, 3, 4)), row)).isNull();
        assertThat(row.numbers).containsExactly(1, 2, 3, 4, 0, 0);
        assertThat(row.ids).containsExactly(2);
        assertThat(padded.featurize(event("x", List.of()), row)).isNull();
        assertThat(row.ids).containsExactly(0);
        assertThat(rejection(padded, event("x", List.of(1, 2, 3))).detail())
                .isEqualTo("field 'x': expected at most 6 numbers (3 x 2), in whole steps, found 3");
        assertThat(rejection(padded, event("x", null)).reason()).isEqualTo(Reason.MISSING_FIELD);
        assertThat(rejection(padded, event("x", List.of(1, Double.NaN))).reason()).isEqualTo(Reason.NOT_FINITE);
        assertThat(rejection(padded, event("x", List.of(1, "a"))).detail())
                .isEqualTo("field 'x[1]': expected a number, found string \"a\"");
        assertThat(rejection(padded, event("x", "a")).reason()).isEqualTo(Reason.WRONG_TYPE);
    }

    @Test
    void categoriesOfAListAreHashedAsOneCategoryIs() {
        int jfk = Specs.row(of("category: { field: x, buckets: 512, dimension: 1 }"), event("x", "JFK")).ids[0];
        int none = Specs.row(of("category: { field: x, buckets: 512, dimension: 1 }"), event("x", null)).ids[0];
        Featurizer list = of("categories: { field: x, count: 4, buckets: 512, dimension: 1 }");
        Row row = Specs.row(list, event("x", Arrays.asList("JFK", null, new Utf8("JFK"))));
        // 512 stands where the list has ended; behind the four the number of values.
        assertThat(row.ids).containsExactly(jfk, none, jfk, 512, 3);
        assertThat(Specs.row(list, event("x", null)).ids).containsExactly(512, 512, 512, 512, 0);
        assertThat(rejection(list, event("x", List.of(1, 2, 3, 4, 5))))
                .isEqualTo(new Rejection(Reason.WRONG_TYPE, "field 'x': expected a list of at most 4 values, found 5"));
        assertThat(rejection(list, event("x", "JFK")).reason()).isEqualTo(Reason.WRONG_TYPE);
        assertThat(rejection(list, event("x", List.of(List.of()))).reason()).isEqualTo(Reason.WRONG_TYPE);
    }

    /// Buckets from another implementation (Python), of "genres=Action", "genres=Sci-Fi", "genres=Müll".
    @Test
    void aTextThatIsCutAtASeparatorIsTheListOfWhatStandsBetween() {
        String more = "buckets: 512, dimension: 1 }";
        Featurizer bag = of("bag: { field: genres, count: 4, split: \"|\", " + more);
        int[] expected = {259, 290, 354, 0, 3};
        for (Object text : List.of(" Action|Sci-Fi || Müll\t|\n", new Utf8("Action|Sci-Fi|Müll"),
                new StringBuilder("|Action||Sci-Fi|Müll "))) {
            assertThat(Specs.row(bag, event("genres", text)).ids).containsExactly(expected);
        }
        assertThat(Specs.row(of("bag: { field: genres, count: 4, " + more),
                event("genres", List.of("Action", "Sci-Fi", "Müll"))).ids).containsExactly(expected);
        for (Object none : Arrays.asList(null, "", " | ")) {
            assertThat(Specs.row(bag, event("genres", none)).ids).containsExactly(0, 0, 0, 0, 0);
        }
        // Beyond `count` is left out.
        assertThat(Specs.row(bag, event("genres", "a|b|c|d|e")).ids).containsExactly(416, 492, 405, 292, 4);
        assertThat(Specs.row(bag, event("genres", 3)).ids).startsWith(235).endsWith(1);
        Featurizer list = of("categories: { field: genres, count: 4, split: \", \", " + more);
        assertThat(Specs.row(list, event("genres", "a, b,c , d")).ids).containsExactly(416, 114, 292, 512, 3);
        Featurizer dots = of("categories: { field: genres, count: 2, split: \"·\", " + more);
        assertThat(Specs.row(dots, event("genres", "a·b")).ids).containsExactly(416, 492, 2);
        assertThat(rejection(bag, event("genres", List.of("a")))).isEqualTo(new Rejection(Reason.WRONG_TYPE,
                "field 'genres': expected a string, number, boolean or bytes, found a list of 1"));
    }

    /// Buckets from another implementation (Python), as those of "review=new", "review=york", "review=new york".
    @Test
    void aTextIsABagOfItsWordsAndNGrams() {
        String text = "New York, NY 10001";
        Featurizer words = of("text: { field: review, count: 8, ngrams: 2, buckets: 512 }");
        assertThat(Specs.row(words, event("review", text)).ids).containsExactly(80, 190, 246, 448, 379, 191, 82, 0, 7);
        assertThat(Specs.row(words, event("review", new Utf8("ny ny...NY\tny ny"))).ids).containsExactly(448, 448, 46,
                448, 46, 448, 46, 448, 8);
        assertThat(Specs.row(words, event()).ids).containsOnly(0);
        Featurizer ids = of("categories: { field: review, count: 5, ngrams: 1, buckets: 65536, dimension: 2 }");
        assertThat(Specs.row(ids, event("review", text)).ids).containsExactly(7248, 42174, 16320, 36031, 65536, 4);
        assertThat(rejection(words, event("review", List.of(text)))).isEqualTo(new Rejection(Reason.WRONG_TYPE,
                "field 'review': expected a string, number, boolean or bytes, found a list of 1"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"split: \"|\"", "ngrams: 2"})
    void aTextIsCutWithoutAnObjectForEachPiece(String cut) {
        Featurizer featurizer = of("bag: { field: genres, count: 4, " + cut + ", buckets: 512, dimension: 1 }");
        Row row = featurizer.newRow();
        Event event = event("genres", new Utf8("Action|Sci-Fi|Müll"));
        assertThat(SteadyAllocation.ofThisThread(1_000, () -> {
            for (int i = 0; i < 1_000; i++) {
                featurizer.featurize(event, row);
            }
        })).isZero();
    }

    @Test
    void aBagHasAWeightForEachOfItsValues() {
        Featurizer bag = of("bag: { field: x, count: 3, buckets: 512, dimension: 1, weights: w }");
        Row row = Specs.row(bag, event("x", List.of("a", "b", "c"), "w", List.of(1, 1, 1)));
        assertThat(bag.featurize(event("x", List.of("JFK"), "w", List.of(0.5)), row)).isNull();
        assertThat(row.ids).startsWith(
                Specs.row(of("category: { field: x, buckets: 512, dimension: 1 }"), event("x", "JFK")).ids[0], 0, 0, 1);
        assertThat(row.numbers).containsExactly(0.5f, 0, 0);
        assertThat(Specs.row(bag, event()).ids).containsExactly(0, 0, 0, 0);
        assertThat(rejection(bag, event("x", List.of("a"), "w", List.of()))).isEqualTo(new Rejection(Reason.WRONG_TYPE,
                "field 'w': expected a number for each of the 1 values of 'x', found 0"));
        assertThat(rejection(bag, event("x", List.of("a"), "w", List.of(1e16))).reason())
                .isEqualTo(Reason.OUT_OF_RANGE);
    }

    @Test
    void aWeightIsANumberFromZeroOn() {
        Featurizer featurizer = new Featurizer(spec("{ field: late }\nweight: { field: w }", "binary-cross-entropy", 1,
                "number: { field: x, missing: 0 }"));
        assertThat(Specs.row(featurizer, event("w", 2.5)).weight).isEqualTo(2.5f);
        assertThat(Specs.row(featurizer, event("w", 0)).weight).isZero();
        for (Object weight : List.of(-1, Double.NaN, Double.POSITIVE_INFINITY, "2", 1e16)) {
            assertThat(rejection(featurizer, event("w", weight)).reason()).isEqualTo(Reason.INVALID_WEIGHT);
        }
        assertThat(rejection(featurizer, event())).isEqualTo(new Rejection(Reason.INVALID_WEIGHT,
                "field 'w': expected the event's weight, a number from 0 to 1e15, found null"));
        assertThat(featurizer.featurizeForScoring(event(), featurizer.newRow())).isNull();
    }
}
