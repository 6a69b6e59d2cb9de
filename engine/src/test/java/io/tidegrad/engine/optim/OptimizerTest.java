package io.tidegrad.engine.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.OptimizerStep;
import java.math.BigDecimal;
import java.math.MathContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OptimizerTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 64, 1000, 65_537})
    void powersAreExactToFifteenDigits(int exponent) {
        double want = new BigDecimal(0.999).pow(exponent, new MathContext(40)).doubleValue();
        assertThat(Power.of(0.999, exponent)).isCloseTo(want, within(1e-15 * exponent * want));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 7, 64, 1000, 65_537, 127_999, 128_001, 1_000_003, Long.MAX_VALUE})
    void correctionsAreThoseOfThePowers(long t) {
        OptimizerStep step = new OptimizerStep();
        new Adam(0.001, 0.93, 0.9995, 1e-8).prepare(t, step);
        assertThat(step.momentCorrection).isEqualTo((float) (1 / (1 - Power.of(0.93, t))));
        assertThat(step.varianceCorrection).isEqualTo((float) (1 / (1 - Power.of(0.9995, t))));
    }

    @Test
    void correctionsUndoTheStartAtZeroAndFadeToOne() {
        OptimizerStep step = new OptimizerStep();
        Adam adam = Adam.of(0.001);
        adam.prepare(1, step);
        assertThat(step.momentCorrection).isCloseTo(10, within(1e-5f));
        assertThat(step.varianceCorrection).isCloseTo(1000, within(1e-3f));
        assertThat(step.oneMinusBeta2).isEqualTo(0.001f);
        adam.prepare(Long.MAX_VALUE, step);
        assertThat(step.momentCorrection).isEqualTo(1);
        assertThat(step.varianceCorrection).isEqualTo(1);
    }

    @Test
    void ftrlStartsFromTheWeightsThatThereAre() {
        FtrlProximal ftrl = new FtrlProximal(0.1, 1, 0.5, 0.2);
        for (float w : new float[]{0.3f, -0.02f}) {
            double z = ftrl.initialState(1, w);
            double back = -(z - Math.signum(z) * 0.5) / (1 / 0.1 + 0.2);
            assertThat(back).isCloseTo(w, within(1e-7));
        }
        assertThat(ftrl.initialState(1, 0)).isZero();
        assertThat(ftrl.initialState(2, 0.3f)).isZero();
    }

    /// s - a² of a gradient that never changes is 0, give or take a rounding: below 0 it would have no root.
    @Test
    void centeredRmsPropSurvivesAGradientWithoutVariance() {
        int length = 50;
        float[] g = new float[length];
        for (int i = 0; i < length; i++) {
            g[i] = 0.1f + 0.037f * i;
        }
        float[] w = new float[length];
        float[][] state = new float[3][length];
        OptimizerStep step = new OptimizerStep();
        RmsProp optimizer = new RmsProp(1e-9, 0.9, 1e-3, true, 0.5);
        for (int t = 1; t <= 2_000; t++) {
            optimizer.prepare(t, step);
            optimizer.setRate(optimizer.rate(), step);
            Kernels.active().update(step, length, g, 0, w, 0, state, 0, 0);
        }
        for (float weight : w) {
            assertThat(weight).isFinite().isNegative();
        }
    }

    @Test
    void theScheduledRateIsTheOneByWhichWeightsDecay() {
        OptimizerStep step = new OptimizerStep();
        AdamW adamw = new AdamW(Adam.of(0.001), 0.1);
        adamw.prepare(1, step);
        adamw.setRate(0.5, step);
        assertThat(step.rate).isEqualTo(0.5f);
        assertThat(step.keep).isEqualTo(0.95f);
    }

    @Test
    void nonsenseIsRefusedWithWhatWasExpectedAndFound() {
        assertThatThrownBy(() -> new Adam(0.001, 1, 0.999, 1e-8))
                .hasMessage("adam: expected beta1 in [0, 1), found 1.0");
        assertThatThrownBy(() -> Adam.of(Double.NaN)).hasMessage("adam: expected a rate of at least 0, found NaN");
        assertThatThrownBy(() -> new Adam(0.1, 0.9, 0.999, 0))
                .hasMessage("adam: expected an epsilon above 0, found 0.0");
        assertThatThrownBy(() -> new Sgd(0.1, 0, true))
                .hasMessage("sgd: expected momentum above 0 for nesterov, found 0");
        assertThatThrownBy(() -> new Adagrad(0.1, 1e-8, -1))
                .hasMessage("adagrad: expected an initial accumulator of at least 0, found -1.0");
        assertThatThrownBy(() -> new RmsProp(0.1, 1, 1e-8, false, 0))
                .hasMessage("rmsprop: expected alpha in [0, 1), found 1.0");
        assertThatThrownBy(() -> new RmsProp(0.1, 0.9, 0, false, 0))
                .hasMessage("rmsprop: expected an epsilon above 0, found 0.0");
        assertThatThrownBy(() -> new AdamW(Adam.of(0.1), -1))
                .hasMessage("adamw: expected a weight decay of at least 0, found -1.0");
        assertThatThrownBy(() -> new FtrlProximal(0, 1, 0, 0))
                .hasMessage("ftrl-proximal: expected alpha above 0, found 0.0");
        assertThatThrownBy(() -> new FtrlProximal(0.1, -1, 0, 0))
                .hasMessage("ftrl-proximal: expected beta of at least 0, found -1.0");
        assertThatThrownBy(() -> new Clipping.GlobalNorm(0))
                .hasMessage("clipping by global norm: expected a norm above 0, found 0.0");
        assertThatThrownBy(() -> new Regularization(0, Double.NaN, Regularization.Scope.ALL))
                .hasMessage("regularization: expected l2 of at least 0, found NaN");
        assertThatThrownBy(() -> new Sgd(-1)).hasMessage("sgd: expected a rate of at least 0, found -1.0");
    }
}
