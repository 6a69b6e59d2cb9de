package io.tidegrad.engine.layer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Panels;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GradientSlabTest {
    /// Clipping rounds the norm's quotient to a float, so that hashes of weights may miss another order of sums.
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 8, 9, 10, 15, 16, 17, 23, 24, 25, 31, 32})
    void theNormIsSummedInTheOrderOfPanelsWhateverTheLayout(int outputs) {
        Random random = new Random(outputs);
        for (int inputs = 64; inputs < 104; inputs++) {
            Panels panels = new Panels(inputs, outputs);
            Panels byOutput = Panels.ofLayer(inputs, outputs);
            assertThat(byOutput.byOutput()).isTrue();
            float[] inPanels = new float[panels.length()];
            float[] inOutputs = new float[byOutput.length()];
            for (int i = 0; i < inputs; i++) {
                for (int o = 0; o < outputs; o++) {
                    float value = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(5) - 2));
                    inPanels[panels.index(i, o)] = value;
                    inOutputs[byOutput.index(i, o)] = value;
                }
            }
            assertThat(GradientSlab.squaresByOutput(inOutputs, byOutput))
                    .isEqualTo(GradientSlab.squares(inPanels, inPanels.length));
        }
    }
}
