package io.tidegrad.engine.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.loss.MeanSquaredError;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Gradients;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.optim.Sgd;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DropoutTest {
    private static final int WIDTH = 500;
    private static final int ROWS = 200;
    private static final int NUMBERS = ROWS * WIDTH;

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.01, 0.25, 0.5, 0.9})
    void theShareThatIsDroppedIsTheRateAndTheRestIsScaledUp(double rate) {
        float[] mask = mask(new Dropout(rate), 1, 0);

        double dropped = dropped(mask) / (double) NUMBERS;
        assertThat(dropped).isCloseTo(rate, within(5 * Math.sqrt(rate * (1 - rate) / NUMBERS)));
        for (float factor : mask) {
            assertThat(factor).isIn(0f, (float) (1 / (1 - rate)));
        }
    }

    /// Independent masks agree in (1 - rate)² + rate² of all places.
    @Test
    void masksOfOtherStepsSeedsLayersAndRowsHaveNothingInCommon() {
        Dropout dropout = new Dropout(0.5);
        float[] mask = mask(dropout, 1, 0);
        for (float[] other : new float[][]{mask(dropout, 1, 1), mask(dropout, 1, 2), mask(dropout, 2, 0),
            mask(new Sequence(new Dropout(0), dropout), 1, 0)}) {
            assertThat(alike(mask, other, 0)).isCloseTo(0.5, within(0.01));
        }
        for (int rowsApart : new int[]{1, 2, 64}) {
            assertThat(alike(mask, mask, rowsApart * WIDTH)).isCloseTo(0.5, within(0.01));
        }
        assertThat(alike(mask, mask, 1)).isCloseTo(0.5, within(0.01));
    }

    @Test
    void theSameStepDrawsTheSameMaskAgain() {
        assertThat(mask(new Dropout(0.3), 5, 17)).isEqualTo(mask(new Dropout(0.3), 5, 17));
    }

    /// After a transpose the columns lie along the first axis; the mask still counts along the last.
    @Test
    void aMaskBelongsToTheAxesWhicheverWayTheyLie() {
        Layer transposed =
                new Sequence(new Reshape(20, 25), new Transpose(), new Dropout(0.3), new Transpose(), new Flatten());
        float[] mask = mask(transposed, 5, 3);
        float[] expected = mask(new Dropout(0.3), 5, 3);
        for (int at = 0; at < NUMBERS; at++) {
            int row = at / WIDTH * WIDTH;
            int i = at % WIDTH / 25;
            int j = at % 25;
            assertThat(mask[at]).isEqualTo(expected[row + j * 20 + i]);
        }
    }

    @Test
    void aRateOfOneIsRefused() {
        assertThatThrownBy(() -> new Dropout(1)).hasMessage("rate: expected at least 0 and less than 1, found 1.0");
    }

    @Test
    void aMaskBeyondTheRowIsRefused() {
        assertThatThrownBy(() -> Plan.of(spec(new Dropout(0.5, 1), 1)))
                .hasMessage("layer 1 (Dropout): expected 500 numbers of the row from 1 on; found a row of 500 numbers");
    }

    private static NetworkSpec spec(Layer layer, long seed) {
        return new NetworkSpec(new RowShape(WIDTH, 0, WIDTH), new Sequence(new Numbers(0, WIDTH), layer),
                new MeanSquaredError(), new Sgd(0.1), seed);
    }

    /// What step `updates` multiplies by: the gradient of the sum of the outputs.
    private static float[] mask(Layer layer, long seed, long updates) {
        Parameters parameters = Parameters.initial(Plan.of(spec(layer, seed)));
        parameters.setCounts(updates, updates);
        Batch batch = new Batch(parameters.plan().spec().row(), ROWS);
        batch.resize(ROWS);
        Arrays.fill(batch.numbers, 1);
        float[] ones = new float[NUMBERS];
        Arrays.fill(ones, 1);
        Gradients gradients = new Gradients(parameters, Kernels.active(), ROWS, Gradients.Mode.LEARN);
        gradients.ofOutputs(batch, ones);
        return gradients.ofNumbers();
    }

    private static long dropped(float[] mask) {
        return IntStream.range(0, mask.length).filter(i -> mask[i] == 0).count();
    }

    /// The share of places where both drop or both keep, the second taken from `shift` on.
    private static double alike(float[] a, float[] b, int shift) {
        return IntStream.range(0, NUMBERS - shift).filter(i -> a[i] == 0 == (b[i + shift] == 0)).count()
                / (double) (NUMBERS - shift);
    }
}
