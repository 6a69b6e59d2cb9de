package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.Specs;
import io.tidegrad.model.evaluation.ChangeAlarm.Reading;
import io.tidegrad.model.evaluation.Signal;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Fields that know the label, and such that only tell much of it.
class LeakAlarmTest {
    private static final String YAML = """
            model: leaking
            input: { topic: events }
            label: { field: y }
            features:
              - number:   { field: high }
              - number:   { field: low }
              - number:   { field: there, missing: indicator }
              - number:   { field: telling }
              - category: { field: word, buckets: 64, dimension: 2 }
              - category: { field: customer, buckets: 4096, dimension: 2 }
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { sgd: { rate: 0.001 } }
            mini-batch: { size: 8 }
            """;

    private static final ModelSpec SPEC = ModelSpec.parse(YAML, "leaking.yaml");
    private static final ModelSpec KNOWN =
            ModelSpec.parse(YAML + "watch: { known-in-time: [word, high] }\n", "known.yaml");

    /// Which fields leak.
    private static final List<String> LEAKS = List.of("high", "low", "there", "word");

    private final SplittableRandom random = new SplittableRandom(21);
    private final List<double[]> told = new ArrayList<>(); // values of `telling` with their labels

    /// @param share of yes
    private OnlineModel learn(OnlineModel model, int events, double share, List<String> leaks) {
        Featurizer featurizer = new Featurizer(SPEC);
        for (int i = 0; i < events; i++) {
            boolean yes = random.nextDouble() < share;
            Map<String, Object> fields = new HashMap<>();
            fields.put("y", yes);
            fields.put("high", leaks.contains("high") && yes ? 5 + random.nextDouble() : random.nextDouble());
            fields.put("low", leaks.contains("low") && yes ? -random.nextDouble() : random.nextDouble());
            if (!leaks.contains("there") || yes) {
                fields.put("there", random.nextDouble());
            }
            double telling = random.nextGaussian() + (yes ? 2 : 0);
            told.add(new double[]{(float) telling, yes ? 1 : 0});
            fields.put("telling", telling);
            fields.put("word", leaks.contains("word") && yes ? "charged back" : "word " + random.nextInt(5));
            fields.put("customer", random.nextInt(3_000));
            assertThat(model.accept(Specs.row(featurizer, new MapEvent(fields)))).isNull();
        }
        return model;
    }

    private static OnlineModel model() {
        return OnlineModel.initial(SPEC, new ScalarKernels());
    }

    /// Goes on by another spec, as a trainer does that is started again.
    private static OnlineModel restarted(OnlineModel model, ModelSpec spec) {
        OnlineModel copy = OnlineModel.initial(spec, new ScalarKernels());
        copy.restoreCarry(model.carry());
        return copy;
    }

    private static List<String> alarmed(OnlineModel model) {
        return model.evaluation().recent().alarms().stream().map(Reading::signal)
                .filter(signal -> signal.kind() == Signal.Kind.LEAK).map(Signal::field).toList();
    }

    private static Reading reading(OnlineModel model, String field) {
        return model.evaluation().recent().readings().stream()
                .filter(each -> each.signal().equals(new Signal(Signal.Kind.LEAK, field))).findFirst().orElseThrow();
    }

    /// With a restart before it is judged.
    @ParameterizedTest
    @ValueSource(doubles = {0.5, 0.2, 0.05})
    void fieldsThatKnowTheLabelAreNamedAndOthersAreNot(double share) {
        final OnlineModel model = Specs.restored(learn(model(), 5_003, share, LEAKS));
        assertThat(alarmed(model)).isEmpty();
        learn(model, 12_000, share, LEAKS);
        assertThat(alarmed(model)).isEqualTo(LEAKS);
        assertThat(reading(model, "word").message()).contains("field 'word': AUC of this field alone is ",
                ": it seems to know the label; is it known when a prediction is asked for? If it is, name it in the spec's"
                        + " watch.known-in-time; if not, leave it out of the spec");
        assertThat(LEAKS).allSatisfy(leak -> assertThat(reading(model, leak).now()).isGreaterThan(0.998));
        for (int again = 0; again < 2; again++) {
            assertThat(model.evaluation().recent().raised())
                    .isEqualTo(model.evaluation().recent().readings().stream().mapToLong(Reading::raised).sum())
                    .isGreaterThanOrEqualTo(LEAKS.size());
        }
        learn(model, 40_000, share, List.of());
        assertThat(alarmed(model)).isEmpty();
    }

    /// Its AUC is told all the same, and an alarm ends, or begins, when the key comes or goes.
    @Test
    void aFieldThatIsKnownInTimeRaisesNoAlarmHoweverMuchItTells() {
        OnlineModel model = learn(OnlineModel.initial(KNOWN, new ScalarKernels()), 17_000, 0.2, LEAKS);
        assertThat(alarmed(model)).containsExactly("low", "there");
        assertThat(model.evaluation().recent().raised()).isEqualTo(2);
        assertThat(reading(model, "word").now()).isGreaterThan(0.998);
        model = learn(restarted(model, SPEC), 8_000, 0.2, LEAKS);
        assertThat(alarmed(model)).isEqualTo(LEAKS);
        model = restarted(model, KNOWN);
        assertThat(alarmed(model)).containsExactly("low", "there");
        assertThat(alarmed(learn(model, 8_000, 0.2, LEAKS))).containsExactly("low", "there");
        assertThat(KNOWN.fingerprint()).isEqualTo(SPEC.fingerprint());
        assertThat(KNOWN.canonical()).isEqualTo(SPEC.canonical());
    }

    @Test
    void aLeakThatBeginsLaterIsFoundAndFewLabelsSayNothing() {
        OnlineModel model = learn(model(), 40_000, 0.2, List.of());
        assertThat(alarmed(model)).isEmpty();
        learn(model, 60_000, 0.2, LEAKS);
        assertThat(alarmed(model)).isEqualTo(LEAKS);
        assertThat(alarmed(learn(model(), 20_000, 0.005, LEAKS))).isEmpty();
        assertThat(alarmed(learn(model(), 20_000, 0, LEAKS))).isEmpty();
    }

    /// As when a source of labels dies, and is mended: scores of a time with few yes and of one with many are not mixed.
    @Test
    void aShareOfYesThatChangesIsNoLeak() {
        OnlineModel model = learn(model(), 9_000, 0.9, List.of());
        for (int i = 0; i < 8; i++) {
            learn(model, 9_000, i % 2 == 0 ? 0.01 : 0.99, List.of());
            assertThat(alarmed(model)).isEmpty();
            assertThat(reading(model, "customer").now()).isLessThan(0.75);
        }
    }

    /// The area over all pairs of the events among which it looks at every fourth one.
    @Test
    void theAreaOfANumberIsThatOfItsOrder() {
        OnlineModel model = learn(model(), 8_500, 0.5, List.of());
        List<double[]> seen = new ArrayList<>();
        for (int i = 2_048; i < 8_192; i++) {
            seen.add(told.get(i));
        }
        double inOrder = 0;
        double pairs = 0;
        for (double[] yes : seen) {
            for (double[] no : seen) {
                if (yes[1] > no[1]) {
                    inOrder += yes[0] > no[0] ? 1 : 0;
                    pairs++;
                }
            }
        }
        assertThat(reading(model, "telling").now()).isCloseTo(inOrder / pairs, within(0.05));
        assertThat(reading(model, "customer").now()).isCloseTo(0.5, within(0.05));
    }
}
