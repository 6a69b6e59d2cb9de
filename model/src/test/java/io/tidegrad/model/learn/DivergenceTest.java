package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.random.CounterRandom;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.spec.ModelSpec;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DivergenceTest {
    private static final Kernels KERNELS = Kernels.active();
    private static final String NETWORK = "network: [ dense: 64, relu, dense: 1 ]\noptimizer: { sgd: { rate: 0.03 } }";

    /// A line without a bias that learns from x and y as they are.
    private static final String LINE =
            "network: [ dense: { units: 1, bias: false, init: zero } ]" + "\noptimizer: { sgd: { rate: 0.0001 } }";

    private static ModelSpec spec(String scale, String how, String more) {
        return ModelSpec.parse("""
                model: rides
                input: { topic: rides }
                label: { field: y }
                features: [ number: { field: a, scale: %s }, number: { field: b, scale: %s } ]
                %s
                loss: mean-squared-error
                %s
                """.formatted(scale, scale, how, more), "rides.yaml");
    }

    /// Ride number `index`: minutes, of kilometres and stops as they come.
    private static Map<String, Object> ride(int index) {
        double a = 20 + 8 * CounterRandom.normal(1, 0, 0, 2 * index);
        double b = 10 + 3 * CounterRandom.normal(1, 0, 0, 2 * index + 1);
        return new HashMap<>(Map.of("a", a, "b", b, "y", 3 * a + 2 * b));
    }

    private static Map<String, Object> point(double a, double y) {
        return Map.of("a", a, "b", 0, "y", y);
    }

    private static @Nullable Rejection accept(OnlineModel model, Map<String, Object> fields) {
        return model.accept(Specs.row(new Featurizer(model.spec()), new MapEvent(fields)));
    }

    private static final Map<String, Object> WILD = Map.of("a", 1, "b", 1e15, "y", 1);

    /// Learns what has 0 as b, and can't learn what is `WILD`.
    private static OnlineModel fragile() {
        OnlineModel model = OnlineModel.initial(spec("raw", LINE, ""), KERNELS);
        model.parameters().setWeights("1.weight", new float[]{1, 1e15f});
        return model;
    }

    /// Learns rides until the model ends. Returns how many it took.
    private static int ridesUntilTheEnd(OnlineModel model, boolean restarts, StringBuilder message) {
        OnlineModel now = model;
        for (int i = 0; i < 2_000; i++) {
            Map<String, Object> ride = ride(i);
            OnlineModel at = restarts ? Specs.restored(now) : now;
            now = at;
            var diverged = catchThrowableOfType(ModelDivergedException.class, () -> accept(at, ride));
            if (diverged != null) {
                message.append(diverged.getMessage());
                return i + 1;
            }
        }
        return -1;
    }

    @Test
    void aRateThatBlowsTheLossUpEndsTheModelAndNotItsEvents() {
        StringBuilder message = new StringBuilder();
        OnlineModel model = OnlineModel.initial(spec("standard", NETWORK, ""), KERNELS);
        int rides = ridesUntilTheEnd(model, false, message);
        assertThat(rides).isBetween(Divergence.EVENTS, 2 * Divergence.EVENTS);
        assertThat(message.toString()).startsWith("model 'rides' diverged at update ").contains(
                "expected losses that are finite and predictions within ±", "10^6 times the largest label",
                "found otherwise in 100 more events than were learned well since the first of them, the last one: ",
                "lower the optimizer's rate, standardise the features (scale: standard) or take recipe: auto,");
    }

    @Test
    void whatItSaysHelps() {
        OnlineModel lower = OnlineModel.initial(spec("standard", NETWORK.replace("0.03", "0.001"), ""), KERNELS);
        OnlineModel recipe = OnlineModel.initial(spec("raw", "recipe: auto", ""), KERNELS);
        assertThat(ridesUntilTheEnd(lower, false, new StringBuilder())).isEqualTo(-1);
        assertThat(ridesUntilTheEnd(recipe, false, new StringBuilder())).isEqualTo(-1);
        assertThat(lower.parameters().examples()).isEqualTo(2_000);
        assertThat(recipe.parameters().examples()).isEqualTo(2_000);
    }

    @Test
    void aModelThatIsRestartedAtEachEventEndsAtTheSameOneWithTheSameWords() {
        ModelSpec spec = spec("standard", NETWORK, "");
        StringBuilder steady = new StringBuilder();
        StringBuilder restarted = new StringBuilder();
        int rides = ridesUntilTheEnd(OnlineModel.initial(spec, KERNELS), false, steady);
        assertThat(rides).isPositive();
        assertThat(ridesUntilTheEnd(OnlineModel.initial(spec, KERNELS), true, restarted)).isEqualTo(rides);
        assertThat(restarted.toString()).isEqualTo(steady.toString());
    }

    @Test
    void withAQuarantineAModelOfMiniBatchesEndsAlike() {
        ModelSpec spec = spec("raw", LINE, "mini-batch: { size: 4 }\nquarantine: { loss: 1e30 }");
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        model.parameters().setWeights("1.weight", new float[]{1e25f, 1e25f});
        assertThat(ridesUntilTheEnd(model, true, new StringBuilder())).isEqualTo(Divergence.EVENTS);
    }

    @Test
    void eventsThatAreAtFaultAreDeadLettersAsLongAsAsManyAreLearned() {
        OnlineModel model = fragile();
        for (int round = 0; round < 5 * Divergence.EVENTS; round++) {
            Rejection rejection = accept(model, WILD);
            assertThat(rejection).isNotNull();
            assertThat(rejection.reason()).isEqualTo(Rejection.Reason.NOT_FINITE);
            assertThat(accept(model, point(1, 1))).isNull();
        }
    }

    @Test
    void aModelThatFailsAtTwoOfThreeEventsEndsAlsoIfItIsRestartedAtEach() {
        OnlineModel model = fragile();
        for (int i = 1; i < Divergence.EVENTS - 1; i++) {
            accept(model, WILD);
            accept(model, WILD);
            accept(model, point(1, 1));
            model = Specs.restored(model);
        }
        OnlineModel last = model;
        assertThat(accept(last, WILD)).isNotNull();
        assertThat(catchThrowableOfType(ModelDivergedException.class, () -> accept(last, WILD)))
                .hasMessageContaining("found otherwise in 100 more events than were learned well");
    }

    @Test
    void anUntrainedNetworkLearnsLabelsThatAreTinyBesideWhatItPredicts() {
        OnlineModel model = OnlineModel.initial(
                spec("standard", NETWORK.replace("sgd: { rate: 0.03 }", "adam: { rate: 0.001 }"), ""), KERNELS);
        for (int i = 0; i < 2_000; i++) {
            Map<String, Object> ride = ride(i);
            ride.put("y", 1e-9 * (double) Objects.requireNonNull(ride.get("y")));
            assertThat(accept(model, ride)).isNull();
        }
    }

    /// With b as its only number, of weight 1, the model predicts b, and its rate is so low that it stays so.
    @ParameterizedTest
    @CsvSource({"1, 1e6, false", "1, 1.1e6, true", "0.001, 0.9e6, false", "0.001, 1.1e6, true", "-50, 4.9e7, false",
        "-50, 5.1e7, true", "-50, -5.1e7, true"})
    void predictionsAreBeyondAMillionTimesTheLargestLabelOrOne(float largest, float predicted, boolean beyond) {
        ModelSpec spec = spec("raw", LINE.replace("0.0001", "1e-35"), "");
        OnlineModel model = OnlineModel.initial(spec, KERNELS);
        model.parameters().setWeights("1.weight", new float[]{0, 1});
        accept(model, point(0, largest));
        Map<String, Object> event = Map.of("a", 0, "b", predicted, "y", 0);
        for (int i = 1; i < Divergence.EVENTS; i++) {
            assertThat(accept(model, event)).isNull();
        }
        var diverged = catchThrowableOfType(ModelDivergedException.class, () -> accept(model, event));
        assertThat(diverged != null).isEqualTo(beyond);
        if (beyond) {
            assertThat(diverged).hasMessageContaining("predictions within ±" + 1e6 * Math.max(1, Math.abs(largest)))
                    .hasMessageContaining("it predicted " + predicted);
        }
    }
}
