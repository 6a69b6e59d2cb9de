package io.tidegrad.model.spec;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Specs that say a label and fields, and nothing of networks and optimizers.
public class RecipeTest {
    private static final Kernels KERNELS = new ScalarKernels();
    private static final String FEATURES = """
            model: m
            input: { topic: t }
            features:
              - number: { field: size }
              - number: { field: price, scale: standard, missing: indicator }
              - cyclic: { field: angle, period: 360, missing: indicator }
              - category: { field: place, buckets: 64 }
              - cross: { fields: [place, kind], buckets: 64, dimension: 12 }
              - time-part: { field: at, parts: [hour] }
              - bag: { field: tags, count: 3, buckets: 32 }
              - categories: { field: words, count: 2, buckets: 32 }
            """;

    public static final String YES_NO = FEATURES + "label: { field: y, threshold: 0 }\nrecipe: auto\n";
    private static final String CLASSES =
            FEATURES + "label: { field: class, classes: [low, middle, high] }\nrecipe: auto\n";
    private static final String RICH = FEATURES + "label: { field: y, threshold: 0 }\nrecipe: rich\n";
    public static final String NUMBER = FEATURES + "label: { field: y }\nloss: mean-squared-error\nrecipe: auto\n";

    private static ModelSpec spec(String yaml) {
        return ModelSpec.parse(yaml, "test");
    }

    /// The label follows from a number with a heavy tail, a place and a tag; every tenth price is missing.
    private static MapEvent event(long number) {
        SplittableRandom random = new SplittableRandom(number);
        double price = Math.exp(2 * random.nextGaussian());
        int place = random.nextInt(5);
        int tag = random.nextInt(9);
        double y = Math.log(price) + (place == 2 ? 2 : 0) - (tag == 3 ? 3 : 0) + 0.3 * random.nextGaussian();
        Map<String, Object> fields =
                new HashMap<>(Map.of("size", random.nextGaussian() * 1e6, "angle", random.nextInt(360), "place",
                        "p" + place, "kind", "k" + random.nextInt(2), "at", 1_700_000_000_000L + 60_000 * number,
                        "tags", List.of("t" + tag, "t8"), "words", tag % 2 == 0 ? List.of() : List.of("w" + tag), "y",
                        y, "class", y < -1 ? "low" : y < 1 ? "middle" : "high"));
        if (random.nextInt(10) > 0) {
            fields.put("price", price);
        }
        return new MapEvent(fields);
    }

    private static OnlineModel learned(ModelSpec spec, int events) {
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        Featurizer featurizer = new Featurizer(spec);
        Row row = featurizer.newRow();
        for (int i = 0; i < events; i++) {
            assertThat(featurizer.featurize(event(i), row)).isNull();
            assertThat(model.accept(row)).isNull();
        }
        return model;
    }

    @Test
    void itLearnsFarMoreThanThePriorAndALinearModel() {
        OnlineModel yesNo = learned(spec(YES_NO), 3_000);
        assertThat(yesNo.evaluation().logLoss()).isLessThan(0.5 * yesNo.evaluation().priorLogLoss());
        OnlineModel classes = learned(spec(CLASSES), 3_000);
        assertThat(classes.evaluation().logLoss()).isLessThan(0.7 * classes.evaluation().priorLogLoss());
        OnlineModel number = learned(spec(NUMBER), 3_000);
        assertThat(number.evaluation().meanSquaredError())
                .isLessThan(0.4 * number.evaluation().priorMeanSquaredError());
    }

    @ParameterizedTest
    @ValueSource(strings = {YES_NO, CLASSES, NUMBER, YES_NO + "mini-batch: { size: 3 }\n", RICH})
    void aModelRestoredAfterEveryRowIsTheModelThatNeverStopped(String yaml) {
        ModelSpec spec = spec(yaml);
        OnlineModel steady = learned(spec, 40);
        OnlineModel restarted = OnlineModel.initial(spec, KERNELS);
        Featurizer featurizer = new Featurizer(spec);
        Row row = featurizer.newRow();
        for (int i = 0; i < 40; i++) {
            assertThat(featurizer.featurize(event(i), row)).isNull();
            assertThat(restarted.accept(row)).isNull();
            restarted = Specs.restored(restarted);
        }
        assertThat(restarted.weightsHash()).isEqualTo(steady.weightsHash());
        assertThat(restarted.stateHash()).isEqualTo(steady.stateHash());
    }

    @Test
    void itsCanonicalTextIsASpecWithTheSameFingerprint() {
        for (String recipe : List.of("auto", "lean", "rich", "{ members: [steady, binned] }",
                "{ members: [linear, quick], hidden: 16 }", "{ rate: 0.01, pull: 0.01 }",
                "{ members: [steady, quick, linear, restarting], rate: 0.02, hidden: 64, pull: 0.003 }")) {
            ModelSpec spec = spec(CLASSES.replace("recipe: auto", "recipe: " + recipe));
            ModelSpec again = spec(spec.canonical());
            assertThat(again.canonical()).isEqualTo(spec.canonical());
            assertThat(again.network()).isEqualTo(spec.network());
        }
        ModelSpec numbered = spec(CLASSES.replace("[low, middle, high]", "5"));
        assertThat(spec(numbered.canonical()).network()).isEqualTo(numbered.network());
        assertThat(numbered.fingerprint())
                .isNotEqualTo(spec(CLASSES.replace("[low, middle, high]", "3")).fingerprint());
        assertThat(spec(YES_NO).canonical()).contains("\nrecipe: auto\nloss: binary-cross-entropy\n")
                .doesNotContain("network", "optimizer");
        assertThat(spec(YES_NO.replace("auto", "{ members: [steady, linear] }")).canonical())
                .isEqualTo(spec(YES_NO.replace("auto", "lean")).canonical());
    }

    @Test
    void theLossFollowsFromTheLabel() {
        assertThat(spec(CLASSES).canonical()).contains("loss: categorical-cross-entropy");
        assertThat(spec(CLASSES).outputs()).isEqualTo(3);
        assertThat(spec(CLASSES.replace("[low, middle, high]", "7")).outputs()).isEqualTo(7);
        assertThat(spec(YES_NO).outputs()).isEqualTo(1);
    }

    /// Numbers have no alarm at which a member could start again.
    @Test
    void theOutlineHasALineForEachMember() {
        assertThat(spec(YES_NO).outline()).extracting(LayerOutline::place).containsExactly("steady", "quick", "linear",
                "restarting", "");
        List<LayerOutline> lines = spec(NUMBER).outline();
        assertThat(lines).extracting(LayerOutline::place).containsExactly("steady", "quick", "linear", "");
        long all = lines.getLast().weights();
        assertThat(lines.stream().limit(3).mapToLong(LayerOutline::weights).sum()).isEqualTo(all);
        assertThat(Plan.of(spec(NUMBER).network()).weights()).isEqualTo(all);
    }

    /// Without a number there is nothing to divide, and with many it would cost too much.
    @Test
    void theBinnedMemberLearnsWhereThereAreNumbersAndNotTooMany() {
        assertThat(spec(RICH).outline()).extracting(LayerOutline::place).containsExactly("steady", "quick", "linear",
                "restarting", "binned", "");
        assertThat(spec(NUMBER.replace("auto", "rich")).outline()).extracting(LayerOutline::place)
                .containsExactly("steady", "quick", "linear", "binned", "");
        assertThat(Plan.of(spec(RICH).network()).tensors())
                .filteredOn(tensor -> tensor.name().startsWith("2.4.0.") && tensor.name().endsWith(".statistics"))
                .as("size and price, not the angle").hasSize(2);
        assertThat(spec(ofNumbers(16)).network()).isNotEqualTo(spec(ofNumbers(16).replace("rich", "auto")).network());
        assertThat(spec(ofNumbers(17)).network()).isEqualTo(spec(ofNumbers(17).replace("rich", "auto")).network());
        assertThat(spec(ofNumbers(0)).network()).isEqualTo(spec(ofNumbers(0).replace("rich", "auto")).network());
        assertThat(spec(ofNumbers(17)).fingerprint())
                .isNotEqualTo(spec(ofNumbers(17).replace("rich", "auto")).fingerprint());
    }

    private static String ofNumbers(int count) {
        return "model: m\ninput: { topic: t }\nlabel: { field: y, threshold: 0 }\nrecipe: rich\nfeatures:\n"
                + "  - category: { field: place, buckets: 64 }\n"
                + IntStream.range(0, count).mapToObj(i -> "  - number: { field: n" + i + " }\n").collect(joining());
    }

    /// Yes and no in turns along a number: four turns are too many for so few events without its buckets.
    @Test
    void theBinnedMemberLearnsSoonerWhatIsNoLine() {
        double auto = inTurns("auto").evaluation().logLoss();
        double rich = inTurns("rich").evaluation().logLoss();
        System.out.printf(Locale.ROOT, "%nlog loss of auto %.4f, of rich %.4f%n", auto, rich);
        assertThat(rich).isLessThan(0.75 * auto);
    }

    private static OnlineModel inTurns(String recipe) {
        ModelSpec spec = spec("model: m\ninput: { topic: t }\nlabel: { field: y, positive: \"1\" }\nrecipe: " + recipe
                + "\nfeatures: [ number: { field: x } ]\n");
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        Featurizer featurizer = new Featurizer(spec);
        Row row = featurizer.newRow();
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 3_000; i++) {
            double x = random.nextDouble();
            assertThat(featurizer.featurize(new MapEvent(Map.of("x", x, "y", (int) (8 * x) % 2)), row)).isNull();
            assertThat(model.accept(row)).isNull();
        }
        return model;
    }

    /// One that is never missing and never standardised by the spec is scaled all the same.
    @Test
    void everyNumberIsScaled() {
        OnlineModel model = learned(spec(YES_NO), 500);
        double[] statistics = model.parameters().statistics("1.statistics");
        assertThat(statistics).hasSize(8 * 4); // size, sin, cos, price
        assertThat(statistics[0]).isEqualTo(500);
        assertThat(statistics[3 * 8]).as("prices that were there").isBetween(400.0, 490.0);
        assertThat(Math.sqrt(statistics[2])).isBetween(0.8e6, 1.2e6);
    }
}
