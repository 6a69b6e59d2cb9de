package io.tidegrad.model.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.model.stream.Served.Stage;
import io.tidegrad.proof.Fuzz;
import io.tidegrad.proof.GoldenFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class ServedTest {
    private static final Served SERVED = new Served("flight-delay-2", 3, 120_500, 121_008, 1_795_000_000_000L,
            Stage.CHALLENGER, 0.1, new float[]{0.23172212f});

    private static final GoldenFormat FORMAT =
            new GoldenFormat("served", Served.FORMAT, -1, bytes -> text(read(bytes)), () -> text(SERVED));

    private static byte[] text(Served served) {
        return served.text().getBytes(StandardCharsets.US_ASCII);
    }

    private static Headers with(byte @Nullable [] value) {
        return new RecordHeaders().add("tidegrad-served", new byte[]{1}).add(Served.HEADER, value)
                .add("tidegrad-served-by-us", null);
    }

    private static Served read(byte[] value) {
        try {
            Served served = Served.read(with(value));
            assertThat(served).isNotNull();
            return served;
        } catch (ExampleException refused) {
            throw new IllegalArgumentException(refused.getMessage(), refused);
        }
    }

    @Test
    void everyFormatThatWasEverWrittenIsReadAndTheCurrentOneWrittenAgain() {
        FORMAT.checkOldTruths();
        FORMAT.checkTheWriter();
    }

    @Test
    void theDocumentShowsTheGoldenHeader() throws IOException {
        assertThat(Files.readString(Path.of(System.getProperty("tidegrad.root"), "docs/streams.md")))
                .contains("```text\n" + Served.HEADER + ": " + SERVED.text() + "\n```");
    }

    @Provide
    Arbitrary<Served> served() {
        Arbitrary<String> models =
                Arbitraries.strings().withCharRange('a', 'z').withChars("-09").ofMinLength(1).ofMaxLength(100);
        Arbitrary<Long> numbers = Arbitraries.longs().between(0, 999_999_999_999_999_999L);
        Arbitrary<float[]> predictions = Arbitraries
                .oneOf(Arbitraries.floats(),
                        Arbitraries.of(Float.NaN, Float.MIN_VALUE, Float.MAX_VALUE, -0f, Float.NEGATIVE_INFINITY))
                .array(float[].class).ofMinSize(1).ofMaxSize(40);
        return Combinators.combine(models, Arbitraries.integers().between(0, 999_999_999), numbers, numbers,
                Arbitraries.longs().between(0, Example.TIME_MAX), Arbitraries.of(Stage.values()),
                Arbitraries.integers().between(1, 10_000).map(each -> each / 10_000.0).injectNull(0.3), predictions)
                .as(Served::new);
    }

    @Test
    void whatMembersGaveIsInAHeaderOfItsOwn() throws ExampleException {
        Served served = new Served("m", 1, 2, 3, 4, Stage.LIVE, null, new float[]{0.5f}, new float[]{-1.5f, 3e-9f});
        Headers headers = new RecordHeaders();
        served.writeTo(headers);
        assertThat(new String(headers.lastHeader(Served.MEMBERS_HEADER).value(), StandardCharsets.US_ASCII))
                .isEqualTo("1 -1.5,3.0E-9");
        assertThat(Served.read(headers)).isEqualTo(served)
                .isNotEqualTo(new Served("m", 1, 2, 3, 4, Stage.LIVE, null, new float[]{0.5f}));
        headers.add(Served.MEMBERS_HEADER, "1 0.5".getBytes(StandardCharsets.US_ASCII));
        assertThatThrownBy(() -> Served.read(headers))
                .hasMessage("header tidegrad-served-members: expected once, found twice");
        Headers infinite =
                with(text(SERVED)).add(Served.MEMBERS_HEADER, "1 Infinity".getBytes(StandardCharsets.US_ASCII));
        assertThatThrownBy(() -> Served.read(infinite))
                .hasMessage("header tidegrad-served-members: expected outputs finite numbers, found \"Infinity\"");
        Headers other = with(text(SERVED)).add(Served.MEMBERS_HEADER, "2 1".getBytes(StandardCharsets.US_ASCII));
        assertThatThrownBy(() -> Served.read(other)).hasMessageContaining("expected format 1, found 2");
    }

    @Property
    void whatIsWrittenIsRead(@ForAll("served") Served served) throws ExampleException {
        Headers headers = new RecordHeaders();
        served.writeTo(headers);
        Served read = Objects.requireNonNull(Served.read(headers));
        assertThat(read).isEqualTo(served);
        assertThat(read.predictions()).isEqualTo(served.predictions());
    }

    @Test
    void anEventThatNobodyServedSaysNothing() throws ExampleException {
        assertThat(Served.read(new RecordHeaders().add("tidegrad-served-by-us", null))).isNull();
    }

    private static void refused(String value, String message) {
        refused(with(value.getBytes(StandardCharsets.UTF_8)), message);
    }

    private static void refused(Headers headers, String message) {
        assertThatThrownBy(() -> Served.read(headers)).isInstanceOf(ExampleException.class)
                .hasMessage("header tidegrad-served-by: " + message);
    }

    @Test
    void hostileHeadersAreRefusedWithWhatWasExpectedAndFound() {
        for (String format : List.of("99", "01", "")) {
            refused(format + " any thing",
                    "expected format 1, found " + format + "; a newer build may be able to read it");
        }
        refused(with(null), "expected a text, found nothing");
        refused(with(new byte[0]), "expected a text, found nothing");
        refused(with(new byte[65_537]), "expected at most 65536 bytes, found 65537");
        refused(with(text(SERVED)).add(Served.HEADER, text(SERVED)), "expected once, found twice");
        for (String fields : List.of("1", "1 m 1.2 3 4 live -", "1 m 1.2 3 4 live - 0.5 ", "1  m 1.2 3 4 live - 0.5")) {
            refused(fields, "expected \"1 model epoch.version offset time stage propensity predictions\", found \""
                    + fields + '"');
        }
        refused("1 M 1.2 3 4 live - 0.5", "expected model a name of a-z, 0-9 and -, found \"M\"");
        for (String version : List.of("1", "1.", ".2", "01.2", "1.02", "-1.2", "1.2.3", "9999999999.1")) {
            refused("1 m " + version + " 3 4 live - 0.5", "expected version epoch.version, found \"" + version + '"');
        }
        refused("1 m 1.2 +3 4 live - 0.5",
                "expected offset a whole number from 0 to 9223372036854775807, found \"+3\"");
        refused("1 m 1.2 3 253402300800000 live - 0.5",
                "expected time a whole number from 0 to 253402300799999, found \"253402300800000\"");
        refused("1 m 1.2 3 4 shadow - 0.5", "expected stage live or challenger, found \"shadow\"");
        for (String propensity : List.of("0", "1.5", "", "NaN", "0x1")) {
            refused("1 m 1.2 3 4 live " + propensity + " 0.5",
                    "expected propensity a number above 0 and up to 1, or -, found \"" + propensity + '"');
        }
        for (String number : List.of("", "0,5", "0x1p3", "1f", "+1", ".5", "1.", "1e5", "\u0007", "½")) {
            String found = number.equals("0,5") ? "x" : number;
            refused("1 m 1.2 3 4 live - 0.5," + found, "expected predictions numbers with a comma between two, found \""
                    + (number.equals("\u0007") ? "?" : number.equals("½") ? "Â½" : found) + '"');
        }
    }

    @Test
    void damagedHeadersAreReadOrATypedRefusal() {
        new Fuzz("served", ServedTest.class, "model", List.of(text(SERVED)))
                .inserting(" ".getBytes(StandardCharsets.UTF_8), ",".getBytes(StandardCharsets.UTF_8),
                        "E-".getBytes(StandardCharsets.UTF_8), "99".getBytes(StandardCharsets.UTF_8))
                .run(20_000, ServedTest::read, IllegalArgumentException.class);
    }

    @Test
    void whatNoScorerCanHaveServedIsNotMade() {
        float[] one = {0.5f};
        assertThatThrownBy(() -> new Served("a b", 1, 1, 1, 1, Stage.LIVE, null, one))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Served("m", -1, 1, 1, 1, Stage.LIVE, null, one))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Served("m", 1, 1, 1, 1, Stage.LIVE, 0.0, one))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Served("m", 1, 1, 1, 1, Stage.LIVE, null, new float[0]))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
