package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.Specs;
import io.tidegrad.model.evaluation.WatchedField;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.spec.ModelSpec;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/// What is told of each watched field, alarm or none, and what it contributes to predictions.
class WatchedFieldsTest {
    private static final String YAML = """
            model: watched
            input: { topic: events }
            label: { field: y }
            features:
              - number:   { field: telling, missing: indicator, scale: standard }
              - number:   { field: noise }
              - category: { field: word, buckets: 64, dimension: 2 }
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: adam
            mini-batch: { size: 8 }
            """;

    private static final ModelSpec SPEC = ModelSpec.parse(YAML, "watched.yaml");
    private static final ModelSpec UNWATCHED =
            ModelSpec.parse(YAML + "watch: { false-alarms-every: 0 }\n", "unwatched.yaml");
    private static final int FOR_A_ROW = 16 * 4; // examples: predictions of the row, and without each of three fields

    private final SplittableRandom random = new SplittableRandom(7);
    private final Map<String, Object> fixed = new HashMap<>(); // fields that are not drawn; null: missing

    private static OnlineModel model() {
        return OnlineModel.initial(SPEC, new ScalarKernels());
    }

    private OnlineModel learn(OnlineModel model, int events) {
        Featurizer featurizer = new Featurizer(model.spec());
        for (int i = 0; i < events; i++) {
            boolean yes = random.nextBoolean();
            Map<String, Object> fields = new HashMap<>();
            fields.put("y", yes);
            fields.put("telling", 10 + random.nextGaussian() + (yes ? 1 : -1));
            fields.put("noise", random.nextDouble());
            fields.put("word", "word " + random.nextInt(4));
            fields.putAll(fixed);
            assertThat(model.accept(Specs.row(featurizer, new MapEvent(fields)))).isNull();
        }
        return model;
    }

    private static WatchedField field(OnlineModel model, String field) {
        return model.evaluation().recent().fields().stream().filter(each -> each.field().equals(field)).findFirst()
                .orElseThrow();
    }

    @Test
    void eachFieldIsToldWhileAllIsWell() {
        OnlineModel model = Specs.restored(learn(model(), 20_000));

        assertThat(model.evaluation().recent().alarms()).isEmpty();
        assertThat(model.evaluation().recent().fields()).extracting(WatchedField::field).containsExactly("telling",
                "noise", "word");
        WatchedField noise = field(model, "noise");
        assertThat(noise.missing()).as("an event without it is rejected").isNull();
        assertThat(Objects.requireNonNull(noise.strange()).now()).isLessThan(0.02);
        assertThat(noise.median()).isCloseTo(0.5, within(0.06));
        assertThat(noise.medianBefore()).isCloseTo(0.5, within(0.06));
        assertThat(Objects.requireNonNull(noise.leak()).now()).isCloseTo(0.5, within(0.1));
        WatchedField word = field(model, "word");
        assertThat(Objects.requireNonNull(word.missing()).most()).isZero();
        assertThat(Objects.requireNonNull(word.shape()).now()).isLessThan(0.1);
        assertThat(word.median()).isNaN();
    }

    @Test
    void whatIsNotKnownYetIsNotSaidToBeZero() {
        OnlineModel model = model();
        assertThat(field(model, "telling"))
                .isEqualTo(new WatchedField("telling", null, null, null, null, Double.NaN, Double.NaN));

        learn(model, 500);
        WatchedField telling = field(model, "telling");
        assertThat(Objects.requireNonNull(telling.missing()).now()).isZero();
        assertThat(telling.missing().most()).isNaN();
        assertThat(telling.strange()).isNull();
        assertThat(telling.shape()).isNull();
        assertThat(telling.leak()).isNull();
        assertThat(telling.median()).as("244 numbers after the first 256").isNaN();

        learn(model, 200);
        assertThat(field(model, "telling").median()).isCloseTo(10, within(0.5));
        assertThat(field(model, "telling").medianBefore()).isNaN();
    }

    @Test
    void aFieldThatGoesMissingShowsBesideWhatItWas() {
        OnlineModel model = learn(model(), 20_000);
        fixed.put("telling", null);
        learn(model, 1_000);

        WatchedField telling = field(model, "telling");
        assertThat(Objects.requireNonNull(telling.missing()).isOn()).isTrue();
        assertThat(telling.missing().lasted()).isBetween(800L, 1_000L);
        assertThat(telling.missing().now()).isGreaterThan(0.9);
        assertThat(telling.missing().most()).isZero();
        assertThat(Objects.requireNonNull(field(model, "word").missing()).isOn()).isFalse();
    }

    @Test
    void aNumberThatMovesHasAnotherMedianBesideThatBefore() {
        OnlineModel model = learn(model(), 2_048 * 18);
        fixed.put("noise", 0.9);
        fixed.put("word", "new");
        learn(model, 1_024);

        assertThat(field(model, "noise").median()).isCloseTo(0.9, within(0.07));
        assertThat(field(model, "noise").medianBefore()).isCloseTo(0.5, within(0.06));
        assertThat(Objects.requireNonNull(field(model, "word").strange()).isOn()).isTrue();
    }

    @Test
    void contributionsTellWhichFieldPredictionsRestOn() {
        OnlineModel model = model();
        assertThat(model.contributions()).isEmpty();
        for (int i = 0; i < 40; i++) {
            learn(model, 4 * FOR_A_ROW);
            assertThat(model.contributions()).containsOnlyKeys("telling", "noise", "word");
        }

        Map<String, Double> of = model.contributions();
        assertThat(of.get("telling")).isBetween(0.15, 0.5);
        assertThat(of.get("noise")).isLessThan(Objects.requireNonNull(of.get("telling")) / 2);
        assertThat(of.get("word")).isLessThan(of.get("telling") / 2);

        fixed.put("telling", 10);
        for (int i = 0; i < 8; i++) {
            learn(model, 4 * FOR_A_ROW);
            of = model.contributions();
        }
        assertThat(of.get("telling")).as("of 32 rows, whose number is the mean").isLessThan(0.05);
    }

    @Test
    void rowsAreLookedAtOnlyAsOftenAsLearningPaysForIt() {
        OnlineModel model = learn(model(), 5_000);
        assertThat(model.contributions()).as("nothing was learned since it was first asked").isEmpty();
        learn(model, FOR_A_ROW - 8);
        assertThat(model.contributions()).isEmpty();
        learn(model, 8);
        Map<String, Double> ofOne = model.contributions();
        assertThat(ofOne).hasSize(3);
        learn(model, FOR_A_ROW - 8);
        assertThat(model.contributions()).isEqualTo(ofOne);
        learn(model, 8);
        assertThat(model.contributions()).isNotEqualTo(ofOne);
    }

    @Test
    void tellingOfFieldsChangesNothingThatIsLearnedOrKept() {
        OnlineModel asked = model();
        OnlineModel unasked = model();
        for (int i = 0; i < 20; i++) {
            new WatchedFieldsTest().learn(unasked, 300);
            new WatchedFieldsTest().learn(asked, 300);
            assertThat(asked.contributions().isEmpty()).isEqualTo(i == 0);
            assertThat(asked.evaluation().recent().fields()).hasSize(3);
        }
        assertThat(asked.stateHash()).isEqualTo(unasked.stateHash());
        assertThat(asked.carry()).isEqualTo(unasked.carry());
    }

    @Test
    void aModelThatWatchesNothingTellsOfNoField() {
        OnlineModel model = learn(OnlineModel.initial(UNWATCHED, new ScalarKernels()), 1_000);
        assertThat(model.evaluation().recent().fields()).isEmpty();
        assertThat(model.contributions()).isEmpty();
        learn(model, 1_000);
        assertThat(model.contributions()).isEmpty();
    }
}
