package io.tidegrad.engine.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.random.CounterRandom;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

/// What gradient checks don't see: the running statistics.
class BatchNormTest {
    private static final double MOMENTUM = 0.1;

    private final Parameters parameters = Parameters.initial(Plan.of(new NetworkSpec(new RowShape(1, 0, 1),
            new Sequence(new Numbers(0, 1), new BatchNorm(1e-5, MOMENTUM)), new MeanSquaredError(), new Sgd(0), 1)));

    @Test
    void aBatchMovesTheRunningStatisticsByItsMeanAndUnbiasedVariance() {
        learn(3, row -> new double[]{1, 2, 6}[row]);

        // mean 3, Σ (x - 3)² = 14, of 3 - 1 degrees of freedom
        assertThat(mean()).isCloseTo(0.9 * 0 + 0.1 * 3, within(1e-7));
        assertThat(variance()).isCloseTo(0.9 * 1 + 0.1 * 7, within(1e-7));
    }

    @Test
    void aSingleValueIsNormalisedByTheRunningStatisticsAndMovesThem() {
        learn(1, row -> 5);

        assertThat(mean()).isCloseTo(0.1 * 5, within(1e-9));
        assertThat(variance()).isCloseTo(0.9 * (1 + 0.1 * 25), within(1e-9));
        float[] predicted = learn(1, row -> 3.5);
        assertThat((double) predicted[0]).isCloseTo((3.5 - 0.5) / Math.sqrt(3.15), within(1e-4));
    }

    /// What a stream learned row by row is for.
    @Test
    void aStreamOfSingleValuesFindsItsMeanAndItsVariance() {
        for (int step = 0; step < 400; step++) {
            int index = step;
            learn(1, row -> 40 + 3 * CounterRandom.normal(7, 0, 1, index));
        }
        assertThat(mean()).isCloseTo(40, within(3.0));
        assertThat(Math.sqrt(variance())).isCloseTo(3, within(1.5));
    }

    @Test
    void aRefusedStepLeavesTheRunningStatisticsAlone() {
        learn(3, row -> row == 1 ? Float.NaN : row);

        assertThat(mean()).isZero();
        assertThat(variance()).isEqualTo(1);
    }

    @Test
    void aMomentumThatNeverLearnsIsRefused() {
        assertThatThrownBy(() -> new BatchNorm(1e-5, 0))
                .hasMessage("momentum: expected more than 0 and at most 1, found 0.0");
        assertThatThrownBy(() -> new BatchNorm(0, 0.1)).hasMessage("epsilon: expected more than 0, found 0.0");
    }

    /// Returns what was predicted.
    private float[] learn(int rows, IntToDoubleFunction value) {
        Batch batch = new Batch(parameters.plan().spec().row(), rows);
        batch.resize(rows);
        for (int row = 0; row < rows; row++) {
            batch.numbers[row] = (float) value.applyAsDouble(row);
        }
        Learner learner = new Learner(parameters, Kernels.active(), rows);
        learner.learn(batch);
        return learner.predictions();
    }

    private double mean() {
        return parameters.statistics("1.running_mean")[0];
    }

    private double variance() {
        return parameters.statistics("1.running_var")[0];
    }
}
