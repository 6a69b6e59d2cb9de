package io.tidegrad.loadtests.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.layer.Tensor;
import io.tidegrad.engine.model.Plan;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LayerCostsTest {
    /// By hand: steps, or the 26² and 11² places of a 3 x 3 kernel in 28² and 13² pixels.
    @ParameterizedTest
    @CsvSource({"W1,      1 1", "W2,      1 1 1", "W5,      1 1 1", "W6,      676 121 1", "W7-gru,  32 32 1",
        "W7-lstm, 32 32 1", "W8,      32 32 1"})
    void aRowMultipliesEachMatrixWithSoManyLines(String workload, String expected) {
        Plan plan = Plan.of(((Workload.Learning) Workload.named(workload)).spec());
        LayerCosts costs = new LayerCosts(plan);

        List<String> found = new ArrayList<>();
        for (int i = 0; i < plan.tensors().size(); i++) {
            if (plan.tensors().get(i) instanceof Tensor.Matrix) {
                found.add("" + costs.use(i).lines());
            }
        }
        assertThat(String.join(" ", found)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"W2,      0,      0", "W7-gru,  0,      6144", // 32 steps of 64 units, 3 each
        "W7-lstm, 0,      10240", "W8,      262144, 4096" // q kᵀ and its softmax with v: 2 · 2 · 32 · 32 · 64; 4 heads of 32²
    })
    void layersThatMultiplyActivationsAndTakeExponentialsCountThem(String workload, double attentionFlops,
            double transcendentals) {
        LayerCosts costs = new LayerCosts(Plan.of(((Workload.Learning) Workload.named(workload)).spec()));

        assertThat(costs.attentionFlops()).isEqualTo(attentionFlops);
        assertThat(costs.transcendentals()).isEqualTo(transcendentals);
    }
}
