package io.tidegrad.engine.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Sgd;
import io.tidegrad.engine.testing.RandomNetworks;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/// More steps than one block of them, heads that fill no vector.
class SelfAttentionTest {
    private static final int STEPS = 37;
    private static final int WIDTH = 6;

    @Test
    void whatComesLaterChangesNoBitOfWhatCausalAttentionSaysBefore() {
        float[] before = predictedWithChangeAt(STEPS, true);
        for (int step : new int[]{1, 15, 16, 17, 31, 32, 36}) {
            float[] after = predictedWithChangeAt(step, true);
            int seen = step * WIDTH;
            assertThat(Arrays.copyOf(after, seen)).isEqualTo(Arrays.copyOf(before, seen));
            assertThat(after[seen]).isNotEqualTo(before[seen]);
        }
    }

    @Test
    void withoutCausalityEveryStepSeesTheLast() {
        float[] before = predictedWithChangeAt(STEPS, false);
        float[] after = predictedWithChangeAt(STEPS - 1, false);
        for (int step = 0; step < STEPS; step++) {
            assertThat(after[step * WIDTH]).isNotEqualTo(before[step * WIDTH]);
        }
    }

    @Test
    void aWidthThatIsNoMultipleOfTheHeadsIsRefused() {
        assertThatThrownBy(() -> Plan.of(spec(new SelfAttention(4, true))))
                .hasMessage("layer 2 (SelfAttention): expected a width that is a multiple of its 4 heads; found 6");
    }

    @Test
    void aVectorIsRefused() {
        assertThatThrownBy(() -> Plan.of(spec(new Sequence(new Flatten(), new SelfAttention(2, true)))))
                .hasMessage("layer 2.1 (SelfAttention): expected two axes, (steps, width); found a vector of 222");
    }

    @Test
    void aResidualWhoseLayerChangesTheAxesIsRefused() {
        assertThatThrownBy(() -> Plan.of(spec(new Residual(new Dense(5))))).hasMessage(
                "layer 2 (Residual): expected a layer whose output has the shape of its input, (37, 6); found (37, 5)");
    }

    private static NetworkSpec spec(Layer layer) {
        return new NetworkSpec(new RowShape(STEPS * WIDTH, 0, STEPS * WIDTH),
                new Sequence(new Numbers(0, STEPS * WIDTH), new Reshape(STEPS, WIDTH), layer), new MeanSquaredError(),
                new Sgd(0.1), 1);
    }

    /// The second of two rows, whose step `step` is another than it would be; none if there is no such step.
    private static float[] predictedWithChangeAt(int step, boolean causal) {
        NetworkSpec spec = spec(new SelfAttention(2, causal));
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Batch batch = new RandomNetworks(1).batch(spec, 2);
        int size = STEPS * WIDTH;
        if (step < STEPS) {
            batch.numbers[size + step * WIDTH] += 1;
        }
        float[] out = new float[2 * size];
        new Predictor(parameters.plan(), Kernels.active(), 2).predict(parameters, batch, out);
        return Arrays.copyOfRange(out, size, 2 * size);
    }
}
