package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.Specs;
import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.model.evaluation.RecentEvaluation;
import io.tidegrad.model.evaluation.Signal;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.spec.ModelSpec;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What a team must be told: payments whose chargebacks stop coming, and others of its kind. Silence isn't health.
class DeadFeedTest {
    private static final ModelSpec SPEC = ModelSpec.parse("""
            model: fraud
            input: { topic: payments }
            label: { field: fraud }
            features:
              - number:   { field: amount, transform: log1p, scale: standard }
              - category: { field: country, buckets: 64, dimension: 4 }
              - category: { field: merchant, buckets: 256, dimension: 4 }
            network: [ dense: 16, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adagrad: { rate: 0.03 } }
            mini-batch: { size: 1 }
            """, "fraud.yaml");
    private static final int HEALTHY = 20_000;

    private final OnlineModel model = OnlineModel.initial(SPEC, new ScalarKernels());
    private final Featurizer featurizer = new Featurizer(SPEC);
    private SplittableRandom random = new SplittableRandom(1);

    /// A payment: of 0.5 % of the usual ones, and of every fourth risky one, of which there are 8 %.
    private Map<String, Object> payment() {
        boolean risky = random.nextInt(100) < 8;
        boolean fraud = risky ? random.nextInt(4) == 0 : random.nextInt(200) == 0;
        return new HashMap<>(Map.of("amount", risky ? 300 + random.nextInt(700) : 5 + random.nextInt(200), "country",
                "c" + (risky ? random.nextInt(4) : random.nextInt(30)), "merchant", "m" + random.nextInt(100), "fraud",
                fraud));
    }

    private void learn(Map<String, Object> payment) {
        assertThat(model.accept(Specs.row(featurizer, new MapEvent(payment)))).isNull();
    }

    private RecentEvaluation recent() {
        return model.evaluation().recent();
    }

    private void learnHealthy(int events) {
        for (int i = 0; i < events; i++) {
            learn(payment());
            if (i % 100 == 0) {
                assertThat(recent().alarms()).as("after %d", i).isEmpty();
            }
        }
    }

    @Test
    void labelsThatAreAllFalseAreAnAlarmWhileEveryCumulativeMeasureGetsBetter() {
        learnHealthy(HEALTHY);
        double logLoss = model.evaluation().logLoss();
        double accuracy = model.evaluation().accuracy();

        int delay = learnUntilAlarm();
        for (int i = delay; i < 40_000; i++) {
            learn(dead(payment()));
            assertThat(recent().alarms()).isNotEmpty(); // it does not get used to it
        }
        assertThat(isOn(Signal.Kind.LABEL)).isTrue();
        assertThat(isOn(Signal.Kind.PREDICTION)).isTrue();
        assertThat(isOn(Signal.Kind.ERROR)).isFalse(); // the error is what looks best
        assertThat(model.evaluation().logLoss()).isLessThan(logLoss);
        assertThat(model.evaluation().accuracy()).isGreaterThan(accuracy);
        assertThat(recent().measures()).containsEntry("mean_label", 0.0).doesNotContainKey("auc");

        int mended = 0;
        while (!recent().alarms().isEmpty()) {
            learn(payment());
            mended++;
            assertThat(mended).isLessThan(10_000);
        }
        assertThat(raised(Signal.Kind.LABEL)).isEqualTo(1);
        assertThat(raised(Signal.Kind.ERROR)).isZero();

        for (int i = 0; i < HEALTHY; i++) {
            learn(payment());
        }
        learnUntilAlarm(); // the first death has not become what is usual
        assertThat(raised(Signal.Kind.LABEL)).isEqualTo(2);
    }

    private boolean isOn(Signal.Kind kind) {
        return recent().alarms().stream().anyMatch(alarm -> alarm.signal().kind() == kind);
    }

    private long raised(Signal.Kind kind) {
        return recent().readings().stream().filter(each -> each.signal().kind() == kind)
                .mapToLong(ChangeAlarm.Reading::raised).sum();
    }

    private int learnUntilAlarm() {
        int delay = 0;
        while (!isOn(Signal.Kind.LABEL)) {
            learn(dead(payment()));
            assertThat(recent().raised())
                    .isEqualTo(recent().readings().stream().mapToLong(ChangeAlarm.Reading::raised).sum());
            delay++;
            assertThat(delay).isLessThan(3_500);
        }
        return delay;
    }

    private static Map<String, Object> dead(Map<String, Object> payment) {
        payment.put("fraud", false);
        return payment;
    }

    @Test
    void anUnusualBeginningIsNoAlarm() {
        for (int i = 0; i < 7_000; i++) {
            learn(i < 5_000 ? flipped(payment()) : payment());
        }
        learnHealthy(HEALTHY);
    }

    /// A restart in the middle changes no bit of it.
    @Test
    void aRestartChangesNeitherMeasuresNorAlarms() {
        OnlineModel restarted = OnlineModel.initial(SPEC, new ScalarKernels());
        for (int i = 0; i < 26_000; i++) {
            Map<String, Object> payment = i < 22_000 ? payment() : flipped(payment());
            learn(payment);
            restarted.accept(Specs.row(featurizer, new MapEvent(payment)));
            if (i % 1_700 == 0) {
                restarted.restoreCarry(restarted.carry());
            }
        }
        assertThat(restarted.carry()).isEqualTo(model.carry());
        assertThat(restarted.evaluation().recent().alarms()).isEqualTo(recent().alarms()).isNotEmpty();
        assertThat(restarted.evaluation().recent().measures()).isEqualTo(recent().measures());
    }

    private static Map<String, Object> flipped(Map<String, Object> payment) {
        payment.compute("fraud", (_, fraud) -> !Boolean.TRUE.equals(fraud));
        return payment;
    }

    @ParameterizedTest
    @ValueSource(longs = {2, 3, 4, 5, 6, 7, 8, 9})
    void aHealthyStreamGivesNoAlarm(long seed) {
        random = new SplittableRandom(seed);
        learnHealthy(60_000);
        assertThat(recent().readings()).allSatisfy(each -> assertThat(each.raised()).isZero());
    }
}
