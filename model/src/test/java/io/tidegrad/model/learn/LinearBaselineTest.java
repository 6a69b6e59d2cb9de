package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.Specs;
import io.tidegrad.model.evaluation.ProgressiveEvaluation;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

/// Streams of which it is known how well a linear model can do.
class LinearBaselineTest {
    private static final int EVENTS = 40_000;

    private final SplittableRandom random = new SplittableRandom(7);

    private static OnlineModel model(String network, String loss) {
        return OnlineModel.initial(ModelSpec.parse("""
                model: measured
                input: { topic: events }
                label: { field: y }
                features:
                  - number:   { field: a, scale: standard }
                  - number:   { field: b, scale: standard }
                  - category: { field: kind, buckets: 64, dimension: 4 }
                network: [ dense: 16, relu, %s ]
                loss: %s
                optimizer: { adagrad: { rate: 0.05 } }
                mini-batch: { size: 4 }
                """.formatted(network, loss), "measured.yaml"), new ScalarKernels());
    }

    private static OnlineModel binary() {
        return model("dense: 1", "binary-cross-entropy");
    }

    private static double measure(OnlineModel model, String name) {
        return model.evaluation().recent().measures().getOrDefault(name, Double.NaN);
    }

    private static void learn(OnlineModel model, double a, double b, String kind, Object label) {
        assertThat(model.accept(Specs.row(new Featurizer(model.spec()),
                new MapEvent(Map.of("a", a, "b", b, "kind", kind, "y", label))))).isNull();
    }

    /// The labels are drawn from a logistic regression: nobody loses less than the entropy of its probabilities.
    @Test
    void whereTheTruthIsLinearItLosesHardlyMoreThanTheTruthDoes() {
        OnlineModel model = binary();
        double entropy = 0;
        for (int i = 0; i < EVENTS; i++) {
            double a = 100 + 30 * random.nextGaussian();
            int kind = random.nextInt(5);
            double p = 1 / (1 + Math.exp(-((a - 100) / 30 + kind - 2)));
            if (i >= EVENTS - 2_000) {
                entropy -= (p * Math.log(p) + (1 - p) * Math.log(1 - p)) / 2_000;
            }
            learn(model, a, random.nextGaussian(), "k" + kind, random.nextDouble() < p);
        }
        assertThat(measure(model, "linear_log_loss")).isCloseTo(entropy, within(0.03))
                .isLessThan(measure(model, "prior_log_loss") - 0.1);
        assertThat(measure(model, "linear_auc")).isBetween(0.8, 0.9);
    }

    /// The label is yes where the signs of two numbers are equal, which no sum of the two tells.
    @Test
    void whereTheTruthIsNotLinearTheNetworkIsSeenToLoseLess() {
        OnlineModel model = binary();
        for (int i = 0; i < EVENTS; i++) {
            double a = random.nextGaussian();
            double b = random.nextGaussian();
            learn(model, a, b, "k", a > 0 == b > 0);
        }
        assertThat(measure(model, "linear_log_loss")).isCloseTo(Math.log(2), within(0.02));
        assertThat(measure(model, "log_loss")).isLessThan(0.2);
        assertThat(measure(model, "linear_auc")).isCloseTo(0.5, within(0.05));
        assertThat(measure(model, "auc")).isGreaterThan(0.95);
    }

    @Test
    void ofNumbersItComesDownToTheNoiseAndHasNoLogLoss() {
        OnlineModel model = model("dense: 1", "mean-squared-error");
        DoubleUnaryOperator truth = a -> 5_000 + 700 * a;
        for (int i = 0; i < EVENTS; i++) {
            double a = random.nextGaussian();
            learn(model, a, 1, "k", truth.applyAsDouble(a) + 100 * random.nextGaussian());
        }
        assertThat(Math.sqrt(measure(model, "linear_mean_squared_error"))).isBetween(95.0, 110.0);
        assertThat(measure(model, "linear_log_loss")).isNaN();
        assertThat(measure(model, "linear_auc")).isNaN();
    }

    @Test
    void ofClassesItLearnsEachOfThem() {
        OnlineModel model = model("dense: 3, softmax", "categorical-cross-entropy");
        for (int i = 0; i < EVENTS; i++) {
            int kind = random.nextInt(3);
            learn(model, 0, 0, "k" + kind, random.nextInt(10) == 0 ? random.nextInt(3) : kind);
        }
        double right = 0.9 + 0.1 / 3;
        double entropy = -right * Math.log(right) - 2 * (0.1 / 3) * Math.log(0.1 / 3);
        assertThat(measure(model, "linear_log_loss")).isCloseTo(entropy, within(0.05));
    }

    /// What docs/numerics.md says of it, with a number as the only feature that varies, and labels that come later.
    private static final class ByHand {
        final float[] weights = new float[3]; // of the constant, the category and the number
        final float[] squares = new float[3];
        double mean;
        double spread;
        long rows;
        double loss;

        double[] inputs(double a) {
            double deviation = Math.sqrt(spread / Math.max(1, rows));
            return new double[]{1, 1, deviation > 0 ? Math.clamp((a - mean) / deviation, -5, 5) : 0};
        }

        double score(double a) {
            double[] x = inputs(a);
            return weights[0] * x[0] + weights[1] * x[1] + weights[2] * x[2];
        }

        static double probability(double score) {
            return 1 / (1 + Math.exp(-score));
        }

        void learn(double a, boolean yes, double scored) {
            loss -= Math.log(yes ? probability(scored) : 1 - probability(scored));
            double slope = probability(score(a)) - (yes ? 1 : 0);
            double[] x = inputs(a);
            for (int i = 0; i < 3; i++) {
                double gradient = slope * x[i];
                squares[i] += (float) (gradient * gradient);
                weights[i] -= gradient == 0 ? 0 : (float) (0.1 * gradient / Math.sqrt(squares[i]));
            }
            rows++;
            double distance = a - mean;
            mean += distance / rows;
            spread += distance * (a - mean);
        }
    }

    private static double area(double[] scores, boolean[] labels, int from) {
        double inOrder = 0;
        double pairs = 0;
        for (int yes = from; yes < labels.length; yes++) {
            for (int no = from; no < labels.length; no++) {
                if (labels[yes] && !labels[no]) {
                    pairs++;
                    inOrder += (1 + Math.signum(scores[yes] - scores[no])) / 2;
                }
            }
        }
        return inOrder / pairs;
    }

    /// Labels come in runs that are as long as they are late: who knows them at once looks far better.
    @Test
    void withLateLabelsItPredictsWhenARowComesAndLearnsWhenItsLabelDoes() {
        int late = 60;
        int events = 3_000;
        OnlineModel model = binary();
        LabelDelay delay = new LabelDelay(model, new LabelDelay.Length(late, null), (_, _) -> {
        });
        ByHand byHand = new ByHand();
        double[] as = new double[events];
        boolean[] labels = new boolean[events];
        double[] scored = new double[events];
        for (int i = 0; i < events; i++) {
            as[i] = (float) (100 + 30 * random.nextGaussian());
            labels[i] = i / late % 2 == 0 == (random.nextDouble() < 0.9);
            PreparedEvent event = new PreparedEvent(Specs.row(new Featurizer(model.spec()),
                    new MapEvent(Map.of("a", as[i], "b", 0.0, "kind", "k", "y", labels[i]))));
            event.rowOf(new byte[0]);
            delay.take(event, i);
            if (i > late) {
                byHand.learn(as[i - late - 1], labels[i - late - 1], scored[i - late - 1]);
            }
            scored[i] = byHand.score(as[i]);
        }
        delay.drain();
        for (int i = events - late - 1; i < events; i++) {
            byHand.learn(as[i], labels[i], scored[i]);
        }
        assertThat(delay.evaluation().recent().measures().get("linear_auc"))
                .isCloseTo(area(scored, labels, events - 2_000), within(1e-6));
        assertThat(delay.evaluation().linearLogLoss()).isCloseTo(byHand.loss / events, within(1e-6))
                .isGreaterThan(model.evaluation().linearLogLoss() + 0.01);
    }

    /// What it has learned is neither lost by a restart, nor where counting begins anew: a model would look better beside it.
    @Test
    void itGoesOnAfterARestartAndWhereCountingBeginsAnew() {
        OnlineModel model = binary();
        OnlineModel restarted = binary();
        for (int i = 0; i < 6_000; i++) {
            int kind = random.nextInt(2);
            boolean yes = random.nextInt(20) == 0 ? kind == 0 : kind == 1;
            double number = random.nextGaussian();
            for (OnlineModel each : new OnlineModel[]{model, restarted}) {
                learn(each, number, 0, "k" + kind, yes);
            }
            if (i % 700 == 0) {
                restarted.restoreCarry(restarted.carry());
            }
        }
        assertThat(restarted.evaluation().recent().measures()).isEqualTo(model.evaluation().recent().measures())
                .containsKeys("linear_log_loss", "linear_auc", "mean_label_tenth_9");
        ProgressiveEvaluation before = model.evaluation();
        double loss = before.linearLogLoss();
        model.restartEvaluation();
        learn(model, 0, 0, "k1", true);
        learn(model, 0, 0, "k1", true);
        learn(model, 0, 0, "k1", true);
        learn(model, 0, 0, "k1", true);
        assertThat(measure(model, "linear_log_loss")).isLessThan(0.15);
        assertThat(before.linearLogLoss()).isEqualTo(loss); // of a pass that has ended
    }
}
