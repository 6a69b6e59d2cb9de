package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BacktestCommandTest {
    private static final String SPEC = """
            model: points
            input: { topic: points }
            label: { field: inside }
            features: [ number: { field: x }, number: { field: "y<" } ]
            network: [ dense: 8, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.01 } } # <quick>
            """;

    @TempDir
    private Path directory;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private Path spec = Path.of("");
    private Path data = Path.of("");

    @BeforeEach
    void write() throws IOException {
        spec = Files.writeString(directory.resolve("points.yaml"), SPEC);
        StringBuilder csv = new StringBuilder("x,y<,inside\n");
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 1_000; i++) {
            double x = random.nextDouble(-1, 1);
            double y = random.nextDouble(-1, 1);
            csv.append(x).append(',').append(y).append(',').append(x * x + y * y < 0.6).append('\n');
        }
        data = Files.writeString(directory.resolve("points.csv"), csv.append("1,<b>,true\n"));
    }

    private int run(String... more) {
        out.getBuffer().setLength(0);
        List<String> line = new ArrayList<>(List.of("backtest", "--spec", spec.toString(), "--data", data.toString()));
        line.addAll(List.of(more));
        return Tidegrad.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(line.toArray(String[]::new));
    }

    private JsonNode json(String... more) throws IOException {
        List<String> line = new ArrayList<>(List.of(more));
        line.add("--json");
        assertThat(run(line.toArray(String[]::new))).as(() -> err.toString()).isZero();
        assertThat(out.toString().lines()).hasSize(1);
        return new ObjectMapper().readTree(out.toString());
    }

    /// The same as the spec that `spec suggest` writes, with its reasons taken as they are.
    @Test
    void aSpecThatNamesNothingButTheLabelIsCompletedFromTheFile() throws IOException {
        Files.writeString(data, Files.readString(data).replace("1,<b>,true\n", ""));
        Files.writeString(spec,
                "model: points\ninput: { topic: points }\nlabel: { field: inside }\nfeatures: auto\nrecipe: lean\n");
        JsonNode found = json().get("results").get(0);
        assertThat(found.get("learned").asInt()).isEqualTo(1_000);
        assertThat(found.get("log_loss").asDouble()).isLessThan(0.8 * found.get("prior_log_loss").asDouble());
        StringWriter suggested = new StringWriter();
        assertThat(Tidegrad.commandLine().setOut(new PrintWriter(suggested, true)).execute("spec", "suggest", "--data",
                data.toString(), "--label", "inside")).isZero();
        Files.writeString(spec, suggested.toString().replace("recipe: rich", "recipe: lean"));
        assertThat(json().get("results").get(0).get("weights_hash")).isEqualTo(found.get("weights_hash"));
    }

    @Test
    void itPrintsProgressInPowersOfTwoThenMeasuresBesideThePriorThenHashes() throws IOException {
        assertThat(run()).as(() -> err.toString()).isZero();
        List<String> progress = out.toString().lines().filter(line -> line.matches(" +\\d.* 2$")).toList();
        assertThat(progress).hasSize(10).allSatisfy(line -> assertThat(line).hasSize(progress.getFirst().length()));
        assertThat(progress.getLast()).matches(" +0\\.\\d{6} +0\\.\\d{6} +512 +512 +[01] +0\\.\\d{4} +2");
        JsonNode result = json().get("results").get(0);
        assertThat(run()).isZero();
        assertThat(out.toString()).contains("rows          1,001 = 1,000 learned + 0 pending + 1 rejected")
                .containsPattern("(?m)^ +model +running prior +linear model$")
                .containsPattern("(?m)^log loss +0\\.\\d{4} +0\\.\\d{4} +0\\.\\d{4}$")
                .contains("rejected      1 = 1 wrong-type\n  row at 1,002: wrong-type: field 'y<': expected a number,"
                        + " found string \"<b>\"\n")
                .contains("weights-hash  " + result.get("weights_hash").asText())
                .contains("state-hash    " + result.get("state_hash").asText());
        assertThat(result.get("log_loss").asDouble()).isLessThan(result.get("prior_log_loss").asDouble());
        assertThat(result.get("progress")).hasSize(10);
        assertThat(result.get("first_rejected").get(0).get("place").asInt()).isEqualTo(1_002);
    }

    @Test
    void aGridTriesEachCombinationInOneReadingAndTheBestIsFirst() throws IOException {
        JsonNode results = json("--grid", "optimizer.rate=0.0001,0.01", "--grid", "network.0.dense=4,8", "--grid",
                "mini-batch.size=2").get("results");
        assertThat(results).hasSize(4);
        double before = 0;
        for (JsonNode result : results) {
            assertThat(result.get("log_loss").asDouble()).isGreaterThanOrEqualTo(before);
            before = result.get("log_loss").asDouble();
        }
        assertThat(StreamSupport.stream(results.spliterator(), false).map(each -> each.get("spec").asText()))
                .containsExactlyInAnyOrder("optimizer.rate=0.0001 network.0.dense=4 mini-batch.size=2",
                        "optimizer.rate=0.0001 network.0.dense=8 mini-batch.size=2",
                        "optimizer.rate=0.01 network.0.dense=4 mini-batch.size=2",
                        "optimizer.rate=0.01 network.0.dense=8 mini-batch.size=2");
        Files.writeString(spec, SPEC.replace("rate: 0.01", "rate: 0.0001").replace("dense: 8", "dense: 4")
                + "mini-batch: { size: 2 }\n");
        JsonNode alone = json().get("results").get(0);
        assertThat(StreamSupport.stream(results.spliterator(), false)
                .filter(each -> each.get("spec").asText().startsWith("optimizer.rate=0.0001 network.0.dense=4"))
                .map(each -> each.get("state_hash").asText())).containsExactly(alone.get("state_hash").asText());
        assertThat(run("--grid", "seed=1,2")).isZero();
        assertThat(out.toString()).containsPattern("(?m)^spec +fingerprint +log loss +AUC +accuracy")
                .containsPattern("(?m)^seed=\\d +[0-9a-f]{12} +0\\.\\d{4}");
    }

    /// Each of the 24 is what a spec is that says the same by hand.
    @Test
    void besideTunedLearnersARecipeIsToldItsRegretToTheBestOfThem() throws IOException {
        String head = """
                model: points
                input: { topic: points }
                label: { field: inside }
                """;
        String features = """
                features:
                  - number: { field: x%s }
                  - number: { field: "y<"%s, missing: indicator }
                  - category: { field: side, buckets: 64, dimension: %d }
                """;
        StringBuilder csv = new StringBuilder("x,y<,side,inside\n");
        List<String> lines = Files.readAllLines(data);
        for (String line : lines.subList(1, 401)) {
            csv.append(line.replace(",true", line.startsWith("-") ? ",left,true" : ",right,true").replace(",false",
                    line.startsWith("-") ? ",left,false" : ",right,false")).append('\n');
        }
        Files.writeString(data, csv);
        Files.writeString(spec, head + features.formatted("", "", 4)
                + "loss: binary-cross-entropy\nrecipe: lean\nmini-batch: { size: 2 }\nseed: 3\n");
        JsonNode recipeAlone = json("--label-delay", "5").get("results").get(0);
        JsonNode all = json("--label-delay", "5", "--beside-tuned");
        assertThat(json("--label-delay", "5", "--beside-tuned", "--workers", "2").get("results"))
                .extracting(each -> each.get("state_hash").asText())
                .isEqualTo(StreamSupport.stream(all.get("results").spliterator(), false)
                        .map(each -> each.get("state_hash").asText()).toList());
        Map<String, JsonNode> byName = new HashMap<>();
        all.get("results").forEach(each -> byName.put(each.get("spec").asText(), each));
        assertThat(byName).hasSize(25);
        assertThat(Objects.requireNonNull(byName.get("points.yaml")).get("state_hash"))
                .isEqualTo(recipeAlone.get("state_hash"));
        double best = Double.POSITIVE_INFINITY;
        String bestName = "";
        for (String network : List.of("no hidden layer", "hidden layer")) {
            for (String optimizer : List.of("adam 0.0001", "adam 0.0003", "adam 0.001", "adam 0.003", "adam 0.01",
                    "sgd 0.003", "sgd 0.01", "sgd 0.03", "sgd 0.1", "adagrad 0.01", "adagrad 0.03", "adagrad 0.1")) {
                String standard = ", scale: { standard: { clip: 8 } }";
                Files.writeString(spec, head + features.formatted(standard, standard, 8) + "network: [ "
                        + (network.equals("hidden layer") ? "dense: { units: 64, init: he-normal }, relu, " : "")
                        + "dense: { units: 1, init: he-normal } ]\nloss: binary-cross-entropy\noptimizer: { "
                        + optimizer.replace(" ", ": { rate: ") + " } }\nseed: 3\n");
                JsonNode alone = json("--label-delay", "5").get("results").get(0);
                String name = network + " " + optimizer;
                assertThat(Objects.requireNonNull(byName.get(name)).get("state_hash")).as(name)
                        .isEqualTo(alone.get("state_hash"));
                double loss = alone.get("log_loss").asDouble();
                assertThat(Objects.requireNonNull(byName.get(name)).get("log_loss").asDouble()).as(name)
                        .isEqualTo(loss);
                if (loss < best) {
                    best = loss;
                    bestName = name;
                }
            }
        }
        JsonNode tuned = all.get("tuned");
        assertThat(tuned.get("best").asText()).isEqualTo(bestName);
        assertThat(tuned.get("loss").asDouble()).isEqualTo(best);
        assertThat(tuned.get("learners").asInt()).isEqualTo(24);
        assertThat(tuned.get("regrets")).hasSize(1);
        assertThat(tuned.get("regrets").get(0).get("spec").asText()).isEqualTo("points.yaml");
        double regret = recipeAlone.get("log_loss").asDouble() / best - 1;
        assertThat(tuned.get("regrets").get(0).get("regret").asDouble()).isCloseTo(regret, within(1e-12));
        Files.writeString(spec, head + features.formatted("", "", 4) + "recipe: lean\nloss: binary-cross-entropy\n"
                + "mini-batch: { size: 2 }\nseed: 3\n");
        assertThat(run("--label-delay", "5", "--beside-tuned")).as(() -> err.toString()).isZero();
        assertThat(out.toString())
                .contains(String.format(Locale.ROOT, "best tuned    %s, log loss %.4f, chosen afterwards of 24",
                        bestName, best))
                .contains(String.format(Locale.ROOT, "regret        points.yaml: %+.2f %%", 100 * regret));
    }

    /// A learner that diverges is the fate of some rates, not a failure of the recipe beside them.
    @Test
    void classesAndNumbersHaveTunedLearnersToo() throws IOException {
        StringBuilder csv = new StringBuilder("x,kind,size\n");
        for (int i = 0; i < 200; i++) {
            csv.append(i % 5).append(",k").append(i % 3).append(',').append(1_000 * (i % 5)).append('\n');
        }
        Files.writeString(data, csv);
        String spec = "model: m\ninput: { topic: t }\nlabel: %s\nfeatures: [ number: { field: x } ]\nrecipe: lean\n";
        Files.writeString(this.spec, spec.formatted("{ field: kind, classes: { auto: 4 } }"));
        JsonNode classes = json("--beside-tuned");
        assertThat(classes.get("results")).hasSize(25)
                .allSatisfy(each -> assertThat(each.get("log_loss").asDouble()).isBetween(0.5, 5.0));
        Files.writeString(this.spec, spec.formatted("{ field: size }\nloss: mean-squared-error"));
        JsonNode numbers = json("--beside-tuned", "--grid", "seed=1,2");
        assertThat(numbers.get("results")).hasSize(26);
        assertThat(numbers.get("tuned").get("regrets")).extracting(each -> each.get("spec").asText())
                .containsExactlyInAnyOrder("seed=1", "seed=2");
        String seeds = IntStream.rangeClosed(1, 77).mapToObj(String::valueOf).collect(Collectors.joining(","));
        assertThat(run("--beside-tuned", "--grid", "seed=" + seeds)).isEqualTo(1);
        assertThat(err.toString()).contains("--grid: expected at most 100 models, found 101; try fewer values at once");
    }

    @Test
    void whatHasANetworkHasNoTunedLearnersBesideIt() {
        assertThat(run("--beside-tuned")).isEqualTo(1);
        assertThat(err.toString()).contains("--beside-tuned: expected a spec with a recipe, such as recipe: auto, found"
                + " points.yaml, which has a network");
    }

    /// A network that says 0.5 of every row is wrong by how far the share of yes is from that: of 3,000 rows the first 1,500
    /// are yes, of the others every second one.
    @Test
    void theCalibrationErrorIsOfAllRows() throws IOException {
        Files.writeString(spec, SPEC.replace("[ dense: 8, relu, dense: 1 ]", "[ dense: { units: 1, init: zero } ]")
                .replace("adam: { rate: 0.01 }", "sgd: { rate: 1e-12 }"));
        StringBuilder csv = new StringBuilder("x,y<,inside\n");
        for (int i = 0; i < 3_000; i++) {
            csv.append("1,0,").append(i < 1_500 || i % 2 == 0).append('\n');
        }
        Files.writeString(data, csv);
        assertThat(json().get("results").get(0).get("calibration_error").asDouble()).isCloseTo(0.25, within(1e-6));
        assertThat(json("--label-delay", "700").get("results").get(0).get("calibration_error").asDouble())
                .isCloseTo(0.25, within(1e-6));
        assertThat(run()).isZero();
        assertThat(out.toString()).containsPattern("(?m)^calibration error +0\\.2500 +- +-$");
        assertThat(run("--grid", "seed=1,2")).isZero();
        assertThat(out.toString()).containsPattern("(?m)^seed=1 .* 0\\.2500 +3,000 ");
    }

    /// The file has one label for each of its values, so the oracle is a count.
    @Test
    void slicesAreToldByTheirValuesInTextJsonAndPage() throws IOException {
        Files.writeString(spec, SPEC + "watch: { slices: [x], top: 2 }\n");
        StringBuilder csv = new StringBuilder("x,y<,inside\n");
        for (int i = 0; i < 900; i++) {
            csv.append(i % 3 == 0 ? "1" : i % 9 == 1 ? "0.5" : "-2").append(",0,").append(i % 3 == 0).append('\n');
        }
        Files.writeString(data, csv);
        Path page = directory.resolve("slices.html");
        assertThat(run("--report", page.toString())).as(() -> err.toString()).isZero();
        assertThat(out.toString()).containsPattern("(?m)^field +value +labels +missed +log loss +prior log loss")
                .containsPattern("(?m)^x +-2 +500 +0 +0\\.\\d{4} +0\\.0000 ")
                .containsPattern("(?m)^x +1 +300 +0 +0\\.\\d{4} ").doesNotContain("x      0.5");
        assertThat(Files.readString(page)).contains("<h2>Slices</h2>", "<td class=\"text\">-2</td><td>500</td>");
        JsonNode slices = json().get("results").get(0).get("slices");
        assertThat(slices).hasSize(2);
        assertThat(slices.get(1).get("value").asText()).isEqualTo("1");
        assertThat(slices.get(1).get("all").get("mean_label").asDouble()).isEqualTo(1);
        assertThat(slices.get(1).get("recent").get("labels").asDouble()).isEqualTo(300);
    }

    /// The fourth kind has no room.
    @Test
    void classesThatAreLearnedAreToldByTheirNamesInTextJsonAndPage() throws IOException {
        Files.writeString(spec, SPEC.replace("field: inside", "field: inside, classes: auto")
                .replace("binary", "categorical").replace("dense: 1 ]", "dense: 3 ]"));
        StringBuilder csv = new StringBuilder("x,y<,inside\n");
        List<String> kinds = List.of("<b>", "7", "<b>", "ü", "late");
        for (int i = 0; i < 100; i++) {
            csv.append(i % 5).append(",0,").append(kinds.get(i % 5)).append('\n');
        }
        Files.writeString(data, csv);
        Path page = directory.resolve("classes.html");
        assertThat(run("--report", page.toString())).as(() -> err.toString()).isZero();
        assertThat(out.toString()).containsPattern("(?m)^classes +3 of 3: <b>, 7, ü$")
                .containsPattern("(?m)^.* 64 +64 +ü ").contains("no-room-for-class");
        assertThat(Files.readString(page)).contains("<h2>Classes</h2>\n<p>3 of 3: &lt;b&gt;, 7, ü</p>");
        JsonNode result = json().get("results").get(0);
        assertThat(result.get("classes")).extracting(JsonNode::asText).containsExactly("<b>", "7", "ü");
        assertThat(result.get("reasons").get("no-room-for-class").asInt()).isEqualTo(20);
    }

    /// One event a minute, of which the last 60 have a label that the 240 before never have.
    @Test
    void aPeriodIsToldInTextJsonAndPage() throws IOException {
        Files.writeString(spec,
                SPEC.replace("topic: points }", "topic: points, event-time: at }") + "watch: { period: PT1H }\n");
        StringBuilder csv = new StringBuilder("at,x,y<,inside\n");
        for (int i = 0; i < 300; i++) {
            csv.append(60_000L * i).append(",1,0,").append(i >= 240).append('\n');
        }
        Files.writeString(data, csv);
        Path page = directory.resolve("period.html");
        assertThat(run("--report", page.toString())).as(() -> err.toString()).isZero();
        assertThat(out.toString()).containsPattern("(?m)^last PT1H +log loss .*, mean label 1\\.0000$");
        assertThat(Files.readString(page)).containsPattern("<p>last PT1H: log loss .*, mean label 1\\.0000</p>");
        JsonNode period = json().get("results").get(0).get("period");
        assertThat(period.get("labels").asInt()).isEqualTo(60);
        assertThat(period.get("no_change_accuracy").asDouble()).isEqualTo(59 / 60.0);
        assertThat(period.get("late").asInt()).isZero();
        assertThat(json("--label-delay", "5").get("results").get(0).get("period").get("labels").asInt()).isEqualTo(60);
    }

    /// Of the last point and the 100 before, whose labels are out, each label is known to the test.
    @Test
    void whatIsExpectedWhileLabelsAreOutStandsBesideWhatBecameOfIt() throws IOException {
        Path page = directory.resolve("out.html");
        assertThat(run("--label-delay", "100", "--report", page.toString())).as(() -> err.toString()).isZero();
        assertThat(out.toString()).containsPattern("(?m)^labels out: 101 +estimated +realized$")
                .containsPattern("(?m)^log loss +0\\.\\d{4} +0\\.\\d{4}$");
        assertThat(Files.readString(page)).contains("<h2>While labels were out</h2>");
        JsonNode labelsOut = json("--label-delay", "100").get("results").get(0).get("labels_out");
        List<String> lines = Files.readAllLines(data);
        long yes = lines.subList(900, 1_001).stream().filter(line -> line.endsWith("true")).count();
        assertThat(labelsOut.get("predictions").asInt()).isEqualTo(101);
        assertThat(labelsOut.get("realized").get("mean_label").asDouble()).isCloseTo(yes / 101.0, within(1e-9));
        assertThat(labelsOut.get("estimated").get("mean_label").asDouble()).isBetween(0.3, 0.7);
        assertThat(json().get("results").get(0).get("labels_out").isNull()).isTrue();
    }

    @Test
    void aGridThatNoSpecUnderstandsIsTold() {
        assertThat(run("--grid", "optimiser.rate=0.1")).isEqualTo(2);
        assertThat(err.toString()).contains("points.yaml with optimiser.rate=0.1 has 1 mistake",
                "unknown key 'optimiser'");
        assertThat(run("--grid", "network.rate.x=0.1")).isEqualTo(1);
        assertThat(err.toString()).contains("--grid: expected a key of the spec such as optimizer.rate");
        assertThat(run("--grid", "0.1")).isEqualTo(1);
        assertThat(err.toString())
                .contains("--grid: expected KEY=VALUE,VALUE such as optimizer.rate=0.001,0.01, found '0.1'");
    }

    @Test
    void theReportIsOnePageThatNeedsNothingElse() throws Exception {
        Path report = directory.resolve("report.html");
        assertThat(run("--report", report.toString(), "--label-delay", "10")).as(() -> err.toString()).isZero();
        String page = Files.readString(report);
        assertThat(page).doesNotContain("<script", "<link", "src=", "@import", "url(").contains("<svg", "Calibration",
                "Log loss by examples", ">linear model</text>", ">no change</text>", "beside the label before",
                "prefers-color-scheme: dark", "# &lt;quick&gt;", "&lt;b&gt;", "its label came 10 rows later",
                "./tidegrad backtest --spec " + spec + " --data " + data + " --label-delay 10");
        assertThat(page.replace("http://www.w3.org/2000/svg", "")).doesNotContain("http:", "https:");
        assertThat(out.toString()).contains("report        " + report);
        String body = page.replaceFirst("(?s)^.*?</style>", "<html>").replace("</html>\n", "</html>");
        DocumentBuilderFactory.newInstance().newDocumentBuilder()
                .parse(new ByteArrayInputStream(body.getBytes(StandardCharsets.UTF_8)));
        assertThat(run("--report", report.toString(), "--label-delay", "10", "--json")).isZero();
        assertThat(Files.readString(report)).isEqualTo(page);
        assertThat(run("--report", directory.resolve("no/report.html").toString())).isEqualTo(1);
        assertThat(err.toString()).contains("expected a file that can be written, found no such directory");
    }
}
