package io.tidegrad.model.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.model.stream.Example.Kind;
import io.tidegrad.model.stream.Example.Source;
import io.tidegrad.proof.Fuzz;
import io.tidegrad.proof.GoldenFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ExampleTest {
    private static final Example CORRECTION = new Example(Kind.CORRECTION, "1", "0", 2.5,
            new Source("card.payments-v1", 5, 123_456), 1_795_000_000_000L, 1_795_086_400_000L);

    private static final GoldenFormat FORMAT = new GoldenFormat("example", Example.FORMAT, -1,
            bytes -> text(written(read(headers(bytes)))), () -> text(written(CORRECTION)));

    private static Headers written(Example example) {
        Headers headers = new RecordHeaders();
        example.writeTo(headers);
        return headers;
    }

    private static Example read(Headers headers) {
        try {
            return Example.read(headers);
        } catch (ExampleException refused) {
            throw new AssertionError(refused);
        }
    }

    /// A line for each header, `name: value`.
    private static byte[] text(Headers headers) {
        StringBuilder text = new StringBuilder();
        for (Header header : headers) {
            text.append(header.key()).append(": ").append(new String(header.value(), StandardCharsets.UTF_8))
                    .append('\n');
        }
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static Headers headers(byte[] text) {
        Headers headers = new RecordHeaders();
        for (String line : new String(text, StandardCharsets.UTF_8).split("\n")) {
            int colon = line.indexOf(": ");
            String name = colon < 0 ? line : line.substring(0, colon);
            headers.add(name, colon < 0 ? null : line.substring(colon + 2).getBytes(StandardCharsets.UTF_8));
        }
        return headers;
    }

    @Test
    void everyFormatThatWasEverWrittenIsReadAndTheCurrentOneWrittenAgain() {
        FORMAT.checkOldTruths();
        FORMAT.checkTheWriter();
    }

    @Test
    void theDocumentShowsTheGoldenExample() throws IOException {
        assertThat(Files.readString(Path.of(System.getProperty("tidegrad.root"), "docs/streams.md")))
                .contains("```text\n" + new String(text(written(CORRECTION)), StandardCharsets.UTF_8) + "```");
    }

    @Provide
    Arbitrary<Example> examples() {
        Arbitrary<String> labels = Arbitraries.oneOf(Arbitraries.of("0", "1", "true", "-2.5"),
                Arbitraries.strings().ofMinLength(1).ofMaxLength(250).map(text -> text.replaceAll("\\p{Cs}", "?")));
        Arbitrary<Double> weights =
                Arbitraries.oneOf(Arbitraries.just(1.0), Arbitraries.doubles().between(0, Example.WEIGHT_MAX));
        Arbitrary<Long> times = Arbitraries.longs().between(-62_167_219_200_000L, 253_402_300_799_999L);
        Arbitrary<Source> sources =
                Combinators.combine(
                        Arbitraries.strings().withCharRange('a', 'z').withChars("._-09").ofMinLength(1)
                                .ofMaxLength(249),
                        Arbitraries.integers().between(0, 999_999_999),
                        Arbitraries.longs().between(0, 999_999_999_999_999_999L)).as(Source::new);
        return Combinators.combine(Arbitraries.of(Kind.values()), labels, labels.injectNull(0.2),
                labels.injectNull(0.2), weights, sources, times, times.injectNull(0.2)).as(ExampleTest::example);
    }

    private static Example example(Kind kind, String label, @Nullable String correctedTo, @Nullable String oldLabel,
            double weight, Source source, long time, @Nullable Long labelTime) {
        boolean corrects = kind == Kind.CORRECTION;
        return new Example(kind, corrects ? correctedTo : label, corrects ? oldLabel : null, weight, source, time,
                labelTime);
    }

    @Property
    void whatIsWrittenIsRead(@ForAll("examples") Example example) throws ExampleException {
        Headers headers = new RecordHeaders().add("tidegrad-served-model", new byte[]{1}).add("other", null);
        example.writeTo(headers);
        assertThat(Example.isIn(headers)).isTrue();
        assertThat(Example.read(headers)).isEqualTo(example);
    }

    private static Headers with(String name, byte @Nullable [] value) {
        return written(CORRECTION).remove(name).add(name, value);
    }

    private static Headers text(String value) {
        return with(Example.HEADER, value.getBytes(StandardCharsets.UTF_8));
    }

    private static void refused(Headers headers, String message) {
        assertThatThrownBy(() -> Example.read(headers)).isInstanceOf(ExampleException.class).hasMessage(message);
    }

    @Test
    void hostileHeadersAreRefusedWithWhatWasExpectedAndFound() {
        refused(new RecordHeaders(), "header tidegrad-example is missing");
        for (String format : List.of("99", "01", "")) {
            String message = "header tidegrad-example: expected format 1, found " + format
                    + "; a newer build may be able to read it";
            refused(text(format + " any thing"), message);
            refused(text(format + " any thing").add("tidegrad-example-later", new byte[]{'x'}), message);
        }
        refused(with("tidegrad-example-later", new byte[]{'x'}), "header tidegrad-example-later: unknown in format 1");
        for (String fields : List.of("1", "1 correction t:0:1 5 6", "1 correction t:0:1 5 6 1 ",
                "1  correction t:0:1 5 6 1")) {
            refused(text(fields),
                    "header tidegrad-example: expected \"1 kind topic:partition:offset event-time label-time"
                            + " weight\", found \"" + fields + '"');
        }
        refused(text("1 FINAL t:0:1 5 6 1"),
                "header tidegrad-example: expected kind final, provisional or correction, found \"FINAL\"");
        refused(text("1 final t:0:1 5 6 1"),
                "header tidegrad-example-old-label: expected in corrections only, found in a final example");
        refused(text("1 final t:0:1 5 6 1").remove("tidegrad-example-old-label").remove(Example.LABEL_HEADER),
                "header tidegrad-example-label is missing");
        for (byte[] nothing : new byte[][]{null, {}}) {
            refused(with(Example.LABEL_HEADER, nothing),
                    "header tidegrad-example-label: expected a text, found nothing");
        }
        refused(with(Example.LABEL_HEADER, new byte[]{(byte) 0xff}),
                "header tidegrad-example-label: expected UTF-8 text, found other bytes");
        refused(with(Example.LABEL_HEADER, new byte[1_001]),
                "header tidegrad-example-label: expected at most 1000 bytes, found 1001");
        for (String name : List.of(Example.HEADER, Example.LABEL_HEADER, Example.OLD_LABEL_HEADER)) {
            refused(written(CORRECTION).add(name, new byte[]{'2'}), "header " + name + ": expected once, found twice");
        }
        for (String weight : List.of("-1", "NaN", "Infinity", "1e3", "1000000000000001", "0x1", "٣", "1.", ".5", "01",
                "")) {
            refused(text("1 correction t:0:1 5 6 " + weight),
                    "header tidegrad-example: expected weight a decimal number from 0 to 1e15, found \"" + weight
                            + "\"");
        }
        for (String source : List.of("t:0", "t:-1:0", "t:0:1.5", "t/0:1", "t:0:9999999999999999999", "t:00:1", "")) {
            refused(text("1 correction " + source + " 5 6 1"),
                    "header tidegrad-example: expected source topic:partition:offset, found \"" + source + "\"");
        }
        for (String time : List.of("now", "1.5", "+1", "253402300800000", "99999999999999999999", "-0x1", "")) {
            refused(text("1 correction t:0:1 " + time + " 6 1"), "header tidegrad-example: expected event time epoch"
                    + " milliseconds in the years 0 to 9999, found \"" + time + "\"");
        }
        refused(text("1 correction t:0:1 - 6 1"),
                "header tidegrad-example: expected event time epoch milliseconds in the"
                        + " years 0 to 9999, found \"-\"");
        refused(text("1 correction t:0:1 5 \u0007 1"),
                "header tidegrad-example: expected label time epoch milliseconds in"
                        + " the years 0 to 9999, found \"?\"");
    }

    @Test
    void damagedHeadersAreAnExampleOrATypedRefusal() {
        new Fuzz("examples", ExampleTest.class, "model", List.of(text(written(CORRECTION))))
                .inserting(": ".getBytes(StandardCharsets.UTF_8), "\n".getBytes(StandardCharsets.UTF_8), new byte[]{0},
                        "tidegrad-example-".getBytes(StandardCharsets.UTF_8), " ".getBytes(StandardCharsets.UTF_8))
                .run(20_000, bytes -> {
                    try {
                        Example.read(headers(bytes));
                    } catch (ExampleException refused) {
                        throw new IllegalArgumentException(refused);
                    }
                }, IllegalArgumentException.class);
    }

    @Test
    void anExampleThatMakesNoSenseIsNotMade() {
        Source source = new Source("t", 0, 0);
        assertThatThrownBy(() -> new Example(Kind.FINAL, null, null, 1, source, 0, null))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Example(Kind.FINAL, "1", "0", 1, source, 0, null))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Example(Kind.FINAL, "1", null, Double.NaN, source, 0, null))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Example(Kind.FINAL, "1", null, 1, source, 253_402_300_800_000L, null))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Example(Kind.FINAL, "1", null, 1, source, 0, -62_167_219_200_001L))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Example(Kind.CORRECTION, "1", "ü".repeat(501), 1, source, 0, null))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void labelsOfOtherTypesCanSayTheSame() {
        assertThat(LabelText.same("0", "false")).isTrue();
        assertThat(LabelText.same("true", "1")).isTrue();
        assertThat(LabelText.same("true", "0")).isFalse();
        assertThat(LabelText.same("1.0", "1")).isFalse(); // canonical text never has 1.0
        assertThat(List.of(LabelText.ofNumber("1.0"), LabelText.ofNumber("+7"), LabelText.ofNumber("1e-7"),
                LabelText.ofNumber("-0.0"), LabelText.ofNumber("9223372036854775807")))
                .containsExactly("1", "7", "1.0E-7", "0", "9223372036854775807");
    }
}
