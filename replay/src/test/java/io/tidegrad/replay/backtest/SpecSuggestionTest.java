package io.tidegrad.replay.backtest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.control.ControlException;
import io.tidegrad.control.suggestion.EventSample;
import io.tidegrad.control.suggestion.SpecSuggestion;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.learn.LabelDelay;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.StopException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SpecSuggestionTest {
    @TempDir
    private Path folder;

    private String suggested(String name, String text, @Nullable String label) throws IOException {
        return SpecSuggestion.of(DataFile.sample(Files.writeString(folder.resolve(name), text)),
                name.replaceFirst("\\..*", ""), label);
    }

    private static BacktestResult backtest(Path file, String yaml) {
        return new Backtest(file, List.of(new Backtest.Trial("", ModelSpec.parse(yaml, "suggested"))),
                LabelDelay.Length.NONE, 1, Long.MAX_VALUE, new ScalarKernels(), 1).run(Backtest.Listener.NONE)
                .getFirst();
    }

    /// Payments, of which every third country, one amount in ten and one age in five are missing.
    private static String payments() {
        StringBuilder csv = new StringBuilder("at,amount,age,country,shop id,zip,always,note,refunded,fraud\n");
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 2_000; i++) {
            boolean fraud = random.nextInt(10) == 0;
            csv.append(String.format(Locale.ROOT, "2024-01-%02d %02d:00:00,%.2f,%s,%s,%d,%d,x,n%d,%d,%s\n", 1 + i / 100,
                    i / 5 % 24, Math.exp(random.nextGaussian() * 2), i % 5 == 0 ? "" : "" + random.nextInt(18, 90),
                    i % 3 == 0 ? "" : List.of("DE", "FR").get(random.nextInt(2)), random.nextInt(40),
                    10_000 + 7 * random.nextInt(50), i, fraud ? 1 : 0, fraud ? "yes" : "no"));
        }
        return csv.toString();
    }

    @Test
    void featuresAutoAreThoseOfASuggestionExceptWhatTheSpecReadsOtherwise() throws IOException {
        ModelSpec suggested = ModelSpec.parse(suggested("payments.csv", payments(), "fraud"), "suggested");
        EventSample sample = DataFile.sample(folder.resolve("payments.csv"));
        String open = """
                model: m
                input: { topic: t }
                label: { field: fraud, positive: "yes" }
                features: auto
                recipe: auto
                """;
        ModelSpec found = SpecSuggestion.complete(ModelSpec.parse(open, "open"), sample);
        assertThat(found.features()).isEqualTo(suggested.features());
        assertThat(found.yaml()).contains("  # by the first 2,000 events of payments.csv\n", "# left out: refunded");
        ModelSpec weighted =
                SpecSuggestion.complete(ModelSpec.parse(open + "weight: { field: amount }\n", "open"), sample);
        assertThat(weighted.features()).hasSize(suggested.features().size() - 1);
        ModelSpec known = SpecSuggestion
                .complete(ModelSpec.parse(open + "watch: { known-in-time: [refunded] }\n", "open"), sample);
        assertThat(known.features()).hasSizeGreaterThan(suggested.features().size())
                .anySatisfy(feature -> assertThat(feature.fields()).containsExactly("refunded"));
        assertThat(known.yaml()).doesNotContain("left out: refunded");
        assertThat(SpecSuggestion.complete(found, sample)).isSameAs(found);
        assertThatThrownBy(() -> backtest(folder.resolve("payments.csv"), open)).isInstanceOf(StopException.class)
                .hasMessageContaining("model m: expected a list of features, found features: auto");
    }

    private static final String NOTHING_SAID =
            "model: m\ninput: { topic: t }\nlabel: { field: LABEL }\nfeatures: auto\nrecipe: lean\n";

    private ModelSpec completed(String text, String label) throws IOException {
        Path file = Files.writeString(folder.resolve("events.csv"), text);
        return SpecSuggestion.complete(ModelSpec.parse(NOTHING_SAID.replace("LABEL", label), "open"),
                DataFile.sample(file));
    }

    /// A label, `features: auto` and `recipe` are all that a spec says.
    @Test
    void whatALabelMeansIsFoundWithTheFeaturesAsSpecSuggestFindsIt() throws IOException {
        String csv = payments();
        for (String label : List.of("fraud", "refunded", "age", "country")) {
            ModelSpec found = completed(csv, '"' + label + '"');
            String suggested = suggested("payments.csv", csv, label);
            ModelSpec like = ModelSpec.parse(suggested, "suggested");
            assertThat(found.label()).isEqualTo(like.label());
            assertThat(found.loss()).isEqualTo(like.loss());
            assertThat(found.features()).isEqualTo(like.features());
            assertThat(ModelSpec.parse(found.yaml(), "registered").fingerprint()).isEqualTo(found.fingerprint());
            BacktestResult result = backtest(folder.resolve("events.csv"), found.yaml());
            assertThat(result.learned()).as(label).isPositive();
        }
        assertThat(completed(csv, "fraud").yaml()).contains("label: { positive: \"yes\", field: fraud }\n",
                "loss: binary-cross-entropy # two values, of which 'yes' is the rarer one, ",
                " % yes, by the first 2,000 events of events.csv\nfeatures:\n  # by the first 2,000 events");
        StringBuilder classes = new StringBuilder("x,y,z\n");
        for (int i = 0; i < 600; i++) {
            classes.append(i * 7 % 13).append(',')
                    .append(List.of("no, never", "a", "b").get(i % 3).replaceAll("(.*,.*)", "\"$1\"")).append(',')
                    .append(i * 5 % 4).append('\n');
        }
        ModelSpec texts = completed(classes.toString(), "\"y\"");
        assertThat(texts.label().learnsClasses()).isTrue();
        assertThat(texts.yaml())
                .contains("loss: categorical-cross-entropy # 3 texts: classes, with room for 16, by the first 600");
        assertThat(backtest(folder.resolve("events.csv"), texts.yaml()).learned()).isEqualTo(600);
        ModelSpec numbered = completed(classes.toString(), "z");
        assertThat(numbered.label().learnsClasses()).isTrue();
        assertThat(numbered.outputs()).isEqualTo(16);
    }

    @Test
    void aLabelThatCannotBeJudgedIsToldWithWhatTheSpecCanSay() {
        String otherwise =
                "; name another in label.field, or say in the spec what it means: loss: binary-cross-entropy or"
                        + " mean-squared-error, or label: { field: …, positive: … } or { field: …, classes: … }";
        assertThatThrownBy(() -> completed("a,b\n1,0\n2,0\n", "b")).isInstanceOf(ControlException.class)
                .hasMessageEndingWith("events.csv: expected a label that varies, found only [0] in b" + otherwise);
        assertThatThrownBy(() -> completed("a,b\n1,\n2,\n", "b"))
                .hasMessageContaining("expected a label that varies, found none in b" + otherwise);
        StringBuilder texts = new StringBuilder("a,b\n");
        IntStream.range(0, 2_000).forEach(i -> texts.append(i % 7).append(",t").append(i % 1_000).append('\n'));
        assertThatThrownBy(() -> completed(texts.toString(), "b")).hasMessageContaining(
                "expected a label of numbers, of true and false, or of texts that come again, found 1000 texts such as"
                        + " 't0'" + " in b" + otherwise);
        assertThatThrownBy(() -> completed("a,b\n1,0\n2,1\n", "c"))
                .hasMessageEndingWith("expected a field c, found a, b; correct label.field");
    }

    @Test
    void eachLineOfASuggestionSaysWhy() throws IOException {
        String yaml = suggested("payments.csv", payments(), "fraud");
        assertThat(yaml)
                .contains(
                        "label: { field: fraud, positive: \"yes\" } # --label: two values, of which 'yes' is the rarer",
                        "event-time: at }", "- time-part: { field: at, parts: [hour, weekday] } # a time\n",
                        "- number: { field: age, scale: standard, missing: indicator } # 18 to 89, missing in 20.0 %\n",
                        "- category: { field: country, buckets: 16 } # text, 2 values, missing in 33.4 %",
                        "- category: { field: \"shop id\", buckets: ",
                        "numbers that are names, by the field's name, 40 values", "# left out: always: always x",
                        "# left out: note: 2,000 values in 2,000 events: hardly any comes again",
                        "# left out: refunded: alone it has an AUC of 1.0000: it seems to know the label",
                        "loss: binary-cross-entropy", "recipe: rich # network and optimizer, which nobody has to tune")
                .containsPattern("- number: \\{ field: amount, scale: standard, missing: indicator } # 0.*");
        assertThat(yaml.lines()).allSatisfy(line -> assertThat(line).matches("features:|.*#.*"));
    }

    /// One payment in a hundred is fraud; `closed` is there only of those, `state` is a text that says so, and `seen`
    /// counts milliseconds under a name that does not say time.
    @Test
    void aFieldThatIsThereOnlyAfterTheFactIsALeakHoweverRareThatIs() throws IOException {
        StringBuilder csv = new StringBuilder("closed,state,seen,amount,fraud\n");
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 4_000; i++) {
            boolean fraud = i % 90 == 7;
            csv.append(fraud ? "2024-01-01" : "").append(',').append(fraud ? "blocked" : "open").append(',')
                    .append(1_700_000_000_000L + 60_000L * i).append(',').append(random.nextInt(90)).append(',')
                    .append(fraud).append('\n');
        }
        assertThat(suggested("payments.csv", csv.toString(), null)).contains(
                "# left out: closed: alone it hits the label in 100.0 % of the events, where 98.9 % are usual",
                "# left out: state: alone it hits the label in 100.0 %", "event-time: seen",
                "time-part: { field: seen,", "- number: { field: amount");
    }

    /// A field that is named like a time, of the size of seconds; `clicks` has the size alone. Its hour tells the label.
    @Test
    void secondsSince1970AreATimeInThatUnit() throws IOException {
        StringBuilder csv = new StringBuilder("created_at,clicks,amount,late\n");
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 2_000; i++) {
            long at = 1_700_000_000L + 3_607L * i; // through all hours
            csv.append(String.format(Locale.ROOT, "%d,%d,%d,%d\n", at, 1_000_000_000 + random.nextInt(1_000_000_000),
                    random.nextInt(90), at / 3_600 % 24 < 8 == random.nextInt(10) > 0 ? 1 : 0));
        }
        String yaml = suggested("orders.csv", csv.toString(), "late");
        assertThat(yaml).contains("event-time: created_at, time-unit: seconds }",
                "- time-part: { field: created_at, parts: [hour, weekday], time-unit: seconds } # a time, by its name and"
                        + " size",
                "- number: { field: clicks").doesNotContain("left out");
        BacktestResult result = backtest(folder.resolve("orders.csv"), yaml);
        assertThat(result.learned()).isEqualTo(2_000);
        assertThat(result.evaluation().logLoss()).as("prior %s", result.evaluation().priorLogLoss())
                .isLessThan(0.85 * result.evaluation().priorLogLoss());
        Backtest.Trial untold =
                new Backtest.Trial("", ModelSpec.parse(yaml.replace(", time-unit: seconds", ""), "in milliseconds"));
        BacktestResult other = new Backtest(folder.resolve("orders.csv"), List.of(untold), LabelDelay.Length.NONE, 1,
                Long.MAX_VALUE, new ScalarKernels(), 1).run(Backtest.Listener.NONE).getFirst();
        assertThat(result.evaluation().logLoss()).as("hours of another time tell less")
                .isLessThan(0.95 * other.evaluation().logLoss());
    }

    /// Cities come again as they are; of numbers as texts no word does.
    @Test
    void textsWhoseWordsComeAgainAreTexts() throws IOException {
        List<String> words = List.of("the", "film", "was", "good", "bad", "long", "short", "old", "new", "plot");
        StringBuilder csv = new StringBuilder("review,city,uuid,good\n");
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 1_000; i++) {
            String review = random.ints(3 + random.nextInt(6), 0, words.size()).mapToObj(words::get)
                    .collect(Collectors.joining(i % 2 == 0 ? " " : ", "));
            csv.append(String.format(Locale.ROOT, "\"%s. Nr %d\",New York City %d,%08x-%04x-%08x,%d\n", review, i,
                    random.nextInt(30), random.nextInt(), random.nextInt(1 << 16), random.nextInt(),
                    review.contains("good") && !review.contains("bad") ? 1 : 0));
        }
        String yaml = suggested("reviews.csv", csv.toString(), "good");
        assertThat(yaml).containsPattern(
                "- text: \\{ field: review, count: 16, buckets: 4096 } # texts of 7\\.[0-9] words, 1,011 different ones;")
                .contains("- category: { field: city, buckets: 128 }",
                        "# left out: uuid: 1,000 values in 1,000 events: hardly any comes again");
        BacktestResult result = backtest(folder.resolve("reviews.csv"), yaml);
        assertThat(result.learned()).isEqualTo(1_000);
        assertThat(result.evaluation().logLoss()).isLessThan(0.8 * result.evaluation().priorLogLoss());
    }

    /// The label is whether one of the genres is among them, which a bag can say of lists that it has not seen.
    @Test
    void textsThatAreListsBehindOneSeparatorAreBags() throws IOException {
        List<String> genres = List.of("Action", "Sci-Fi", "Drama", "Film-Noir", "Musical", "War", "Comedy", "IMAX");
        StringBuilder csv = new StringBuilder("genres,tags,name,amount,unit,good\n");
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 1_500; i++) {
            int bits = random.nextInt(1, 256);
            List<String> of =
                    IntStream.range(0, 8).filter(bit -> (bits >> bit & 1) == 1).mapToObj(genres::get).toList();
            csv.append(String.format(Locale.ROOT, "%s,\"%s\",\"Doe %d, Jo %d\",\"1,%d\",%s,%d\n", String.join("|", of),
                    String.join(", ", of.subList(of.size() / 2, of.size())), random.nextInt(8), random.nextInt(8),
                    200 + random.nextInt(30), i % 3 == 0 ? "kg|l" : "kg",
                    of.contains("War") != (random.nextInt(20) == 0) ? 1 : 0));
        }
        String yaml = suggested("films.csv", csv.toString(), "good");
        assertThat(yaml)
                .containsPattern("- bag: \\{ field: genres, split: \"\\|\", count: 8, buckets: 32 } # lists of"
                        + " [34]\\.[0-9] of 8 values; buckets for four times as many")
                .containsPattern("- bag: \\{ field: tags, split: \",\", count: 8, buckets: 32 } # lists of")
                .contains("- category: { field: name, buckets: 256 }", "- category: { field: amount,",
                        "- category: { field: unit, buckets: 16 }");
        BacktestResult result = backtest(folder.resolve("films.csv"), yaml);
        assertThat(result.learned()).isEqualTo(1_500);
        assertThat(result.evaluation().logLoss()).isLessThan(0.5 * result.evaluation().priorLogLoss());
    }

    /// Beside the best of four Adam rates with a hidden layer of 64, which take long to get to where the label is.
    @Test
    void aLabelFarFromZeroIsReachedAndMonthsAreTimes() throws IOException {
        StringBuilder csv = new StringBuilder("month,y\n");
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 600; i++) {
            csv.append(String.format(Locale.ROOT, "%d-%02d,%.1f\n", 1950 + i / 12, 1 + i % 12,
                    500 + i % 12 + random.nextDouble()));
        }
        String yaml = suggested("sales.csv", csv.toString(), null);
        assertThat(yaml).contains("event-time: month }", "parts: [month] } # a time\n", "mean-squared-error");
        BacktestResult result = backtest(folder.resolve("sales.csv"), yaml);
        assertThat(result.rejected()).as(result.firstRejected().toString()).isZero();
        for (String rate : List.of("0.001", "0.003", "0.01", "0.03")) {
            String adam = yaml.replaceFirst("recipe: rich",
                    "network: [ dense: 64, relu, dense: 1 ]\noptimizer: { adam: { rate: " + rate + " } }");
            assertThat(result.evaluation().meanSquaredError())
                    .isLessThan(backtest(folder.resolve("sales.csv"), adam).evaluation().meanSquaredError() / 10);
        }
    }

    @Test
    void whatOthersHaveNamedEndsNoLineOfTheSpec() throws IOException {
        String yaml = suggested("events.jsonl", """
                {"a\\nloss: hinge": 1, "b\\tc": "x\\ny", "y": "no\\nloss: x"}
                {"a\\nloss: hinge": 2, "b\\tc": "z", "y": "yes"}
                {"a\\nloss: hinge": 3, "b\\tc": "x\\ny", "y": "yes"}
                {"a\\nloss: hinge": 4, "b\\tc": "z", "y": "no\\nloss: x"}
                {"a\\nloss: hinge": 5, "b\\tc": "z", "y": "yes"}
                """, null);
        ModelSpec spec = ModelSpec.parse(yaml, "suggested");
        assertThat(spec.fields()).containsExactly("a\nloss: hinge", "b\tc", "y");
        assertThat(spec.label().positive()).isEqualTo("no\nloss: x");
    }

    /// A shop is in one city, hardly any comes again at an hour of a weekday, and what matters is hour and city.
    @Test
    void categoriesAndPartsOfTimesAreCrossedWhereThatSaysMore() throws IOException {
        StringBuilder csv = new StringBuilder("at,shop,city,late\n");
        Set<Integer> hourAndShop = new HashSet<>();
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 4_000; i++) {
            int hour = i / 4 % 24;
            int shop = random.nextInt(200);
            boolean late = random.nextInt(10) == 0 ^ (hour * 31 + shop / 40 * 17) % 7 % 2 == 0;
            hourAndShop.add(hour * 200 + shop);
            csv.append(String.format(Locale.ROOT, "2024-01-%02dT%02d:%02d:00+01:00,s%d,c%d,%s\n", 2 + i / 192, hour,
                    i % 60, shop, shop / 40, late));
        }
        String yaml = suggested("shops.csv", csv.toString(), null);
        assertThat(yaml.lines().map(String::strip).filter(line -> line.startsWith("- cross"))
                .map(line -> line.substring(20, line.indexOf(']')))).containsExactly("{ hour: at }, { weekday: at }",
                        "{ hour: at }, shop", "{ hour: at }, city", "{ weekday: at }, shop", "{ weekday: at }, city",
                        "{ hour: at }, { weekday: at }, city");
        assertThat(yaml).contains(String.format(Locale.ROOT,
                "[{ hour: at }, shop], buckets: 16384 } # together %,d values;", hourAndShop.size()));
        Path file = folder.resolve("shops.csv");
        String uncrossed = yaml.lines().filter(line -> !line.contains("- cross")).collect(Collectors.joining("\n"));
        assertThat(backtest(file, yaml).evaluation().logLoss())
                .isLessThan(0.9 * backtest(file, uncrossed).evaluation().logLoss());
    }

    @Test
    void ofMoreThanEightCategoriesNoneAreCrossed() throws IOException {
        for (int categories : new int[]{4, 5, 8, 9}) {
            StringBuilder csv = new StringBuilder();
            SplittableRandom random = new SplittableRandom(5);
            for (int row = 0; row <= 500; row++) {
                for (int c = 0; c < categories; c++) {
                    csv.append(row == 0 ? "c" + c : "v" + random.nextInt(4)).append(',');
                }
                csv.append(row == 0 ? "y" : random.nextBoolean()).append('\n');
            }
            int crosses = suggested("events.csv", csv.toString(), null).split("- cross:", -1).length - 1;
            assertThat(crosses).isEqualTo(switch (categories) {
                case 4 -> 6 + 4; // pairs and triples
                case 5 -> 10;
                case 8 -> 28;
                default -> 0;
            });
        }
    }

    @Test
    void aFewWholeNumbersAreACategoryToo() throws IOException {
        StringBuilder csv = new StringBuilder("diet,flag,rank,wide,half,y\n");
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 400; i++) {
            csv.append(random.nextInt(1, 5)).append(',').append(random.nextInt(2)).append(',')
                    .append((int) Math.pow(10, random.nextInt(3))).append(',').append(random.nextInt(17)).append(',')
                    .append(random.nextInt(4) / 2.0).append(',').append(random.nextDouble()).append('\n');
        }
        String yaml = suggested("events.csv", csv.toString(), null);
        assertThat(yaml).contains("- number: { field: diet,", "- category: { field: diet, buckets: 16 }",
                "may be names", "- number: { field: rank,", "- number: { field: wide,", "- number: { field: half,");
        assertThat(yaml.split("- category", -1)).hasSize(2);
    }

    @Test
    void aSuggestedSpecRunsUntouchedAndIsTheSameEachTime() throws IOException {
        String yaml = suggested("payments.csv", payments(), "fraud");
        assertThat(suggested("payments.csv", payments(), "fraud")).isEqualTo(yaml);
        BacktestResult result = backtest(folder.resolve("payments.csv"), yaml);
        assertThat(result.rejected()).as(result.firstRejected().toString()).isZero();
        assertThat(result.learned()).isEqualTo(2_000);
    }

    @Test
    void classesNumbersAndTypesOfJsonAreTold() throws IOException {
        StringBuilder lines = new StringBuilder();
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 600; i++) {
            int x = random.nextInt(1_000);
            lines.append(String.format(Locale.ROOT,
                    "{\"from\":{\"x\":%d,\"code\":\"%d\"},\"ok\":%b,\"tags\":[1],\"size\":%.3f,\"y\":%d}\n", x,
                    random.nextInt(9), i % 2 == 0, x / 10.0 + random.nextGaussian(), x / 334));
        }
        String classes = suggested("events.jsonl", lines.toString(), null);
        assertThat(classes).contains("label: { field: \"y\", classes: { auto: 16 } } # by its name",
                "whole numbers from 0 to 2", "categorical-cross-entropy",
                "- number: { field: from.x, scale: standard, missing: indicator }",
                "- category: { field: from.code, buckets: 64 } # text, 9 values",
                "- category: { field: ok, buckets: 16 } # true or false", "# left out: tags: lists");
        assertThat(backtest(folder.resolve("events.jsonl"), classes).learned()).isEqualTo(600);
        String numbers = suggested("events.jsonl", lines.toString(), "size");
        assertThat(numbers).contains("mean-squared-error", "# left out: from.x: its correlation with the label is 0.9");
        assertThat(backtest(folder.resolve("events.jsonl"), numbers).learned()).isEqualTo(600);
    }

    /// The sample is the first 20,000 rows: what comes later is learned, too.
    @ParameterizedTest
    @CsvSource({"'\"no, never\",on,yes', late, '3 texts: classes, with room for 16'",
        "'0,1,2', 3, 'whole numbers from 0 to 2, nearly all of them: classes, with room for 16'",
        "'1,2,3,4', 5, 'whole numbers from 1 to 4, nearly all of them: classes, with room for 16; if they are counts or"
                + " ratings, say no classes and loss: mean-squared-error'"})
    void aClassThatComesBehindTheSampleIsLearned(String first, String later, String why) throws IOException {
        String[] early = first.split(",(?! )", -1);
        StringBuilder csv = new StringBuilder("x,y\n");
        for (int i = 0; i < EventSample.ROWS_MAX + 1_200; i++) {
            int y = i * 7 % (i < EventSample.ROWS_MAX + 1_000 ? early.length : early.length + 1);
            csv.append(y + i % 5 * 0.25).append(',').append(y == early.length ? later : early[y]).append('\n');
        }
        String yaml = suggested("events.csv", csv.toString(), null);
        assertThat(yaml).contains("label: { field: \"y\", classes: { auto: 16 } } # by its name; ", why);
        BacktestResult result = backtest(folder.resolve("events.csv"), yaml.replace("recipe: rich", "recipe: lean"));
        assertThat(result.reasons()).isEmpty();
        assertThat(result.learned()).isEqualTo(EventSample.ROWS_MAX + 1_200);
        assertThat(result.evaluation().logLoss()).isLessThan(0.4);
    }

    @Test
    void manyClassesHaveRoomForAsManyMore() throws IOException {
        StringBuilder csv = new StringBuilder("x,y\n");
        for (int i = 0; i < 400; i++) {
            csv.append(i * 7 % 11).append(",t").append(i * 3 % 13).append('\n');
        }
        assertThat(completed(csv.toString(), "\"y\"").outputs()).isEqualTo(26);
        assertThat(completed(csv.toString().replace(",t12", ",t11"), "\"y\"").outputs()).isEqualTo(16);
    }

    /// What counts or rates is hardly named by its numbers.
    @ParameterizedTest
    @ValueSource(ints = {2, -1, 35})
    void wholeNumbersFromElsewhereAreNumbers(int from) throws IOException {
        StringBuilder csv = new StringBuilder("x,y\n");
        for (int i = 0; i < 400; i++) {
            csv.append(i * 7 % 11).append(',').append(from + i * 3 % 5).append('\n');
        }
        assertThat(suggested("events.csv", csv.toString(), null)).contains("loss: mean-squared-error");
    }

    @Test
    void whatNoSpecCanSayIsTold() {
        assertThatThrownBy(() -> suggested("e.csv", "a,b\n1,x\n2,y\n3,z\n", null)).isInstanceOf(ControlException.class)
                .hasMessageContaining(
                        "e.csv: expected a label of numbers, of true and false, or of texts that come again, found 3 texts");
        assertThatThrownBy(() -> suggested("e.csv", "a,b\n1,0\n1,1\n", null))
                .hasMessageContaining("expected a field of which a feature can be made, found a: always 1");
        assertThatThrownBy(() -> suggested("e.csv", "a,b\n1,0\n1,1\n", "c"))
                .hasMessageContaining("expected a field c, found a, b; correct --label");
        assertThatThrownBy(() -> suggested("e.csv", "a,b\n", null)).hasMessageContaining("expected events, found none");
        assertThatThrownBy(() -> suggested("e.csv", "a,b\n1,0\n2,0\n", null))
                .hasMessageContaining("expected a label that varies, found only [0] in b");
    }
}
