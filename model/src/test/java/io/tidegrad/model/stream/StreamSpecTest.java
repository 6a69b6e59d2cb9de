package io.tidegrad.model.stream;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidegrad.model.spec.ModelSpec.Format;
import io.tidegrad.model.spec.SpecException;
import io.tidegrad.proof.Fuzz;
import io.tidegrad.proof.LongProof;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StreamSpecTest {
    /// Every broken spec beside its message. After a change of messages: run with `-Dgolden.write=true`, read the
    /// difference.
    private static final Path BROKEN = Path.of("src/test/resources/broken-streams");

    private static final Path DOCUMENT = Path.of(System.getProperty("tidegrad.root"), "docs/streams.md");

    private static final String EVERY_KEY = """
            stream: card-payments
            events:   { topic: payments, key: transaction.id, event-time: authorized-at, format: json }
            labels:   { topic: chargebacks, key: "@key", value: fraud, event-time: reported-at, retract: withdrawn, schema: 18 }
            weight:   amount
            join:     { wait: PT30M, missing: false, window: P30D, late: drop, duplicates: last }
            sample:   { negatives: 0.1, label: 0.50 }
            align:    PT5M
            examples: { retention: P10D }
            """;

    private static final String LABEL_IN_THE_EVENT = """
            stream: flights
            events: { topic: departures }
            label: arrival.late
            """;

    private static StreamSpec parse(String yaml) {
        return StreamSpec.parse(yaml, "stream.yaml");
    }

    @Test
    void everyKeyIsRead() {
        StreamSpec spec = parse(EVERY_KEY);
        assertThat(spec.stream()).isEqualTo("card-payments");
        assertThat(spec.events()).isEqualTo(new StreamSpec.Events("payments", "transaction.id", "authorized-at",
                TimeUnit.MILLISECONDS, Format.JSON, null));
        assertThat(spec.labels()).isEqualTo(new StreamSpec.Labels("chargebacks", StreamSpec.RECORD_KEY, "fraud", null,
                "reported-at", TimeUnit.MILLISECONDS, "withdrawn", Format.AVRO, 18));
        assertThat(spec.label()).isNull();
        assertThat(spec.weight()).isEqualTo("amount");
        assertThat(spec.join()).isEqualTo(new StreamSpec.Join(Duration.ofMinutes(30), Optional.of("false"),
                Duration.ofDays(30), StreamSpec.Late.DROP, StreamSpec.Duplicates.LAST));
        assertThat(spec.sample()).isEqualTo(new StreamSpec.Sample(0.1, "0.5"));
        assertThat(spec.align()).isEqualTo(Duration.ofMinutes(5));
        assertThat(spec.retention()).isEqualTo(Duration.ofDays(10));
    }

    @Test
    void timesCountSecondsAndEachRecordMeansOneLabelWhereTheSpecSaysSo() {
        StreamSpec spec = parse("""
                stream: ads
                events: { topic: impressions, key: id, event-time: at, time-unit: seconds }
                labels: { topic: clicks, key: impression, constant: true, event-time: at, time-unit: nanoseconds }
                join: { wait: PT30M, missing: false, window: P1D }
                """);
        assertThat(spec.events().timeUnit()).isEqualTo(TimeUnit.SECONDS);
        StreamSpec.Labels labels = requireNonNull(spec.labels());
        assertThat(labels.timeUnit()).isEqualTo(TimeUnit.NANOSECONDS);
        assertThat(labels.value()).isNull();
        assertThat(labels.constant()).isEqualTo("true");
        assertThat(spec.labelPaths()).containsExactly("impression", "at");
        assertThat(spec.canonical()).contains("event-time: \"at\", time-unit: seconds}",
                "key: \"impression\", constant: \"true\", event-time: \"at\", time-unit: nanoseconds}");
        assertThat(parse(spec.canonical()).canonical()).isEqualTo(spec.canonical());
    }

    @Test
    void whatIsLeftOutHasItsDefault() {
        StreamSpec spec = parse(LABEL_IN_THE_EVENT);
        assertThat(spec.events())
                .isEqualTo(new StreamSpec.Events("departures", null, null, TimeUnit.MILLISECONDS, Format.AVRO, null));
        assertThat(spec.label()).isEqualTo("arrival.late");
        assertThat(spec.join()).isNull();
        assertThat(spec.align()).isEqualTo(Duration.ofMinutes(10));
        assertThat(spec.retention()).isEqualTo(Duration.ofDays(90));
    }

    @Test
    void theCanonicalFormIsASpecWithTheSameForm() {
        for (String yaml : List.of(EVERY_KEY, LABEL_IN_THE_EVENT,
                EVERY_KEY.replace("missing: false", "missing: drop"))) {
            String canonical = parse(yaml).canonical();
            assertThat(parse(canonical).canonical()).isEqualTo(canonical);
        }
    }

    @Test
    void aLabelThatIsANumberIsFinite() {
        assertThatThrownBy(() -> parse(EVERY_KEY.replace("missing: false", "missing: 1e400")))
                .isInstanceOf(SpecException.class)
                .hasMessageContaining("join.missing: expected a label that is text or a finite number, found 1e400");
        assertThat(parse(EVERY_KEY.replace("missing: false", "missing: '1e400'")).canonical())
                .contains("missing: \"1e400\"");
    }

    /// Epochs of examples hang on it.
    @Test
    void theCanonicalFormStaysWhatItIs() {
        assertThat(parse(EVERY_KEY).canonical()).isEqualTo("""
                stream: "card-payments"
                events: {topic: "payments", key: "transaction.id", event-time: "authorized-at", format: json}
                labels: {topic: "chargebacks", key: "@key", value: "fraud", event-time: "reported-at", retract: "withdrawn", schema: 18}
                weight: "amount"
                join: {wait: PT30M, missing: "false", window: PT720H, late: drop, duplicates: last}
                sample: {negatives: 0.1, label: "0.5"}
                """);
        assertThat(parse(LABEL_IN_THE_EVENT).canonical()).isEqualTo("""
                stream: "flights"
                events: {topic: "departures"}
                label: "arrival.late"
                """);
    }

    @Test
    void theSchemasThatPathsWereFoundInAreWrittenIntoTheText() {
        StreamSpec spec = parse(EVERY_KEY.replace(", schema: 18", "").replace(", format: json", ""));
        StreamSpec registered = spec.withSchemas(17, 18);
        assertThat(registered.yaml())
                .isEqualTo(spec.yaml().replace("{ topic: payments", "{ schema: 17, topic: payments")
                        .replace("{ topic: chargebacks", "{ schema: 18, topic: chargebacks"));
        assertThat(registered.fingerprint()).isNotEqualTo(spec.fingerprint());
        assertThat(spec.asRegistered(registered).fingerprint()).isEqualTo(registered.fingerprint());
        assertThat(registered.asRegistered(spec)).isSameAs(registered);
        assertThat(parse(LABEL_IN_THE_EVENT).withSchemas(null, null).yaml()).isEqualTo(LABEL_IN_THE_EVENT);
    }

    @Test
    void thePathsThatAreReadAreListedOnce() {
        assertThat(parse(EVERY_KEY).eventPaths()).containsExactly("transaction.id", "authorized-at", "amount");
        assertThat(parse(EVERY_KEY).labelPaths()).as("@key is no path").containsExactly("fraud", "reported-at",
                "withdrawn");
        assertThat(parse(LABEL_IN_THE_EVENT).labelPaths()).isEmpty();
    }

    @Test
    void onlyWhatDecidesAboutExamplesIsInTheFingerprint() {
        byte[] fingerprint = parse(EVERY_KEY).fingerprint();
        assertThat(parse(EVERY_KEY.replace("PT5M", "PT6M").replace("P10D", "P11D")).fingerprint())
                .isEqualTo(fingerprint);
        assertThat(
                parse(EVERY_KEY.replace("PT30M", "PT1800S").replace("negatives: 0.1", "negatives: 1e-1")).fingerprint())
                .isEqualTo(fingerprint);
        assertThat(parse(EVERY_KEY.replace("PT30M", "PT31M")).fingerprint()).isNotEqualTo(fingerprint);
        assertThat(parse(EVERY_KEY.replace("late: drop", "late: correct")).fingerprint()).isNotEqualTo(fingerprint);
    }

    @Test
    void theSpecsOfTheDocumentAreSpecsAndShowTheDefaults() throws IOException {
        List<String> specs = Pattern.compile("(?ms)^```yaml\n(.*?)^```").matcher(Files.readString(DOCUMENT)).results()
                .map(block -> block.group(1)).toList();
        assertThat(specs).hasSize(3);
        assertThat(parse(specs.getLast()).events().topic()).isEqualTo("payments-scored");
        StreamSpec first = parse(specs.getFirst());
        Matcher typed = Pattern.compile("(?s)cat >card-payments.yaml <<'END'\n(.*?)END\n")
                .matcher(Files.readString(DOCUMENT.resolveSibling("getting-started.md")));
        assertThat(typed.find()).isTrue();
        StreamSpec journey = parse(typed.group(1));
        assertThat(first.eventPaths()).as("paths that real schemas have").isEqualTo(journey.eventPaths());
        assertThat(first.labelPaths()).isEqualTo(journey.labelPaths());
        StreamSpec reference = parse(specs.get(1));
        assertThat(reference.canonical()).as("values shown as defaults are defaults")
                .contains("join: {wait: PT30M, missing: \"0\", window: PT720H}\n").doesNotContain("format");
        assertThat(reference.align()).isEqualTo(StreamSpec.ALIGN);
        assertThat(reference.retention()).isEqualTo(StreamSpec.RETENTION);
        assertThat(reference.weight()).isNotNull();
        assertThat(reference.sample()).isNotNull();
    }

    static List<String> broken() throws IOException {
        try (Stream<Path> files = Files.list(BROKEN)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".yaml"))
                    .map(name -> name.substring(0, name.length() - ".yaml".length())).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("broken")
    void aBrokenSpecIsRefusedWithEveryMistakeNamed(String name) throws IOException {
        String yaml = Files.readString(BROKEN.resolve(name + ".yaml"));
        SpecException refused = catchThrowableOfType(SpecException.class, () -> StreamSpec.parse(yaml, name + ".yaml"));
        assertThat(refused).as("%s.yaml is refused", name).isNotNull();
        Path golden = BROKEN.resolve(name + ".txt");
        if (Boolean.getBoolean("golden.write")) {
            Files.writeString(golden, refused.getMessage() + "\n");
        }
        assertThat(refused.getMessage() + "\n")
                .as("%s; if meant, run with -Dgolden.write=true and read the difference", golden)
                .isEqualTo(Files.readString(golden));
    }

    @Test
    void aDamagedSpecIsASpecOrATypedRefusal() {
        fuzz(3_000);
    }

    @LongProof("thousands of damaged specs")
    @Test
    void eachOfManyDamagedSpecsIsASpecOrATypedRefusal() {
        fuzz(60_000);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void fuzz(int inputs) {
        new Fuzz("streams", StreamSpecTest.class, "model", List.of(bytes(EVERY_KEY), bytes(LABEL_IN_THE_EVENT)))
                .inserting(bytes("{"), bytes("["), bytes("[".repeat(1_000)), bytes(": "), bytes("- "), bytes("\n"),
                        bytes("&a [*a, *a]"), bytes("*a"), bytes("!!java.io.File "), bytes("<<: "), bytes("|\n"),
                        bytes("\t"), bytes("\u0000"), bytes("NaN"), bytes("-.inf"), bytes("1e400"), bytes("1e-400"),
                        bytes("99999999999999999999999"), bytes("PT-1S"), bytes("PT0.0000001S"), bytes("\u2028"))
                .run(inputs, input -> StreamSpec.parse(new String(input, StandardCharsets.UTF_8), "damaged.yaml")
                        .canonical(), SpecException.class);
    }
}
