package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LrFindCommandTest {
    @TempDir
    private Path directory;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        return Tidegrad.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(arguments);
    }

    @Test
    void itPrintsATableBothRatesAndDrawsThem() throws Exception {
        Path plot = directory.resolve("rates.svg");
        assertThat(run("lr-find", "--stream", "digits", "--events", "2000", "--plot", plot.toString()))
                .as(() -> err.toString()).isZero();
        assertThat(out.toString())
                .containsPattern("model digits: [\\d,]+ updates on [\\d,]+ events, 0 of them dead letters")
                .containsPattern("(?m)^ +rate +loss$").containsPattern("steepest fall of the loss +\\d\\.\\de-\\d\\d")
                .containsPattern("a tenth of the rate of least loss +\\d\\.\\de-\\d\\d")
                .containsPattern("take the smaller: rate \\d\\.\\de-\\d\\d");
        assertThat(Files.readString(plot)).contains("learning rate").contains("steepest: ").contains("a tenth: ");
    }

    @Test
    void thePageShowsWhatItPrintsAndDraws() throws Exception {
        Path docs = Path.of(System.getProperty("tidegrad.root"), "docs");
        Path plot = directory.resolve("rates.svg");
        assertThat(run("lr-find", "--stream", "digits", "--plot", plot.toString())).isZero();
        assertThat(out.toString().replace("\ndrawn: " + plot, ""))
                .satisfies(printed -> assertThat(Files.readString(docs.resolve("troubles.md")))
                        .contains("$ ./tidegrad lr-find --stream digits --plot" + " docs/plots/lr-find-digits.svg\n"
                                + printed.strip() + "\n```"));
        assertThat(Files.readString(plot))
                .as("draw it again: ./tidegrad lr-find --stream digits --plot docs/plots/lr-find-digits.svg")
                .isEqualTo(Files.readString(docs.resolve("plots/lr-find-digits.svg")));
    }

    @Test
    void thePageTellsTheRateForTheFlights() throws Exception {
        assertThat(run("lr-find", "--stream", "flights")).isZero();
        String rate = out.toString().strip().replaceFirst("(?s).*take the smaller: rate ", "");
        assertThat(Path.of(System.getProperty("tidegrad.root"), "docs/troubles.md")).content()
                .contains("for the flights the test says " + rate + ";");
    }

    @Test
    void jsonHoldsTheCurveAndTheRatesAndIsTheSameEachTime() throws Exception {
        String[] line = {"lr-find", "--stream=flights", "--events=2000", "--json"};
        assertThat(run(line)).isZero();
        String first = out.toString();
        JsonNode json = new ObjectMapper().readTree(first);
        assertThat(json.get("events").asInt()).isBetween(100, 2_000);
        assertThat(json.get("suggested_rate").asDouble())
                .isEqualTo(Math.min(json.get("steepest_rate").asDouble(), json.get("least_loss_rate").asDouble() / 10));
        assertThat(json.get("points")).hasSizeGreaterThan(100);
        double before = 0;
        for (JsonNode point : json.get("points")) {
            assertThat(point.get(0).asDouble()).isGreaterThan(before);
            before = point.get(0).asDouble();
        }
        out.getBuffer().setLength(0);
        assertThat(run(line)).isZero();
        assertThat(out.toString()).isEqualTo(first);
    }

    @Test
    void whatIsMissingIsSaidAtOnce() {
        assertThat(run("lr-find")).isEqualTo(2);
        assertThat(err.toString()).contains("--spec: expected a value, found none; or give --stream")
                .contains("--bootstrap-servers: expected a value, found none; or give --stream")
                .contains("--registry-url: expected a value, found none; or give --stream");
    }

    @Test
    void ratesThatDontRiseAreRefused() {
        assertThat(run("lr-find", "--stream", "digits", "--from-rate", "1", "--to-rate", "0.1")).isEqualTo(2);
        assertThat(err.toString())
                .contains("--from-rate, --to-rate: expected the first below the second, found 1 and 0.1");
    }

    @Test
    void tooFewEventsAreAMistakeOfTheUser() {
        assertThat(run("lr-find", "--stream", "digits", "--events", "99")).isEqualTo(2);
        assertThat(err.toString()).contains("expected at least 100 mini-batches of 1 = 100 events");
    }

    @Test
    void anOptimizerWithOneRateIsRefused() throws Exception {
        Path spec = directory.resolve("ftrl.yaml");
        Files.writeString(spec, """
                model: ftrl
                input: { topic: digits }
                label: { field: digit, classes: 10 }
                features: [ pixels: { field: pixels, width: 28, height: 28 } ]
                network: [ dense: 10 ]
                loss: categorical-cross-entropy
                optimizer: { ftrl: { alpha: 0.1 } }
                """);
        assertThat(run("lr-find", "--stream", "digits", "--spec", spec.toString())).isEqualTo(2);
        assertThat(err.toString())
                .contains("expected an optimizer whose rate can change from update to update, found FtrlProximal");
    }
}
