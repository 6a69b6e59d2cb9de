package io.tidegrad.engine.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class CounterRandomTest {
    /// From `kat_vectors` of Random123, the library of Philox's authors: counter, key, output.
    private static final int[][] PHILOX_4X32_10 = {{0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {-1, -1, -1, -1, -1, -1, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, {0x243f6a88, 0x85a308d3, 0x13198a2e,
            0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};

    @Test
    void thePublishedVectorsAreReproduced() {
        for (int[] v : PHILOX_4X32_10) {
            for (int word = 0; word < 4; word++) {
                assertThat(CounterRandom.word(word, v[0], v[1], v[2], v[3], v[4], v[5])).isEqualTo(v[6 + word]);
            }
        }
    }

    @Test
    void seedPurposeStepAndIndexStandInKeyAndCounter() {
        long seed = 0x299f31d0_a4093822L;
        long step = 0x03707344_13198a2eL;
        long block = 0x243f6a88L;
        for (int word = 0; word < 4; word++) {
            assertThat(CounterRandom.bits(seed, 0x85a308d3, step, 4 * block + word))
                    .isEqualTo(PHILOX_4X32_10[2][6 + word]);
        }
    }

    @Test
    void anIndexBeyondTheCounterIsRefused() {
        assertThatThrownBy(() -> CounterRandom.bits(1, 2, 3, CounterRandom.INDEX_LIMIT))
                .hasMessage("index must be in [0, 17179869184), found 17179869184");
        assertThatThrownBy(() -> CounterRandom.bits(1, 2, 3, -1)).hasMessageContaining("found -1");
    }

    @Test
    void uniformDrawsFillTheUnitIntervalEvenly() {
        int cells = 64;
        int draws = 64_000;
        int[] counts = new int[cells];
        for (int i = 0; i < draws; i++) {
            float u = CounterRandom.uniform(7, 1, 0, i);
            assertThat(u).isGreaterThanOrEqualTo(0f).isLessThan(1f);
            counts[(int) (u * cells)]++;
        }
        double expected = (double) draws / cells;
        double chiSquare = Arrays.stream(counts).mapToDouble(c -> (c - expected) * (c - expected) / expected).sum();
        // 63 degrees of freedom: 99.9 % lie below 103.4.
        assertThat(chiSquare).isLessThan(103.4);
    }

    @Test
    void normalDrawsHaveTheMomentsOfTheNormalDistribution() {
        int draws = 200_000;
        double sum = 0;
        double squares = 0;
        double fourths = 0;
        for (int i = 0; i < draws; i++) {
            double x = CounterRandom.normal(7, 2, 0, i);
            sum += x;
            squares += x * x;
            fourths += x * x * x * x;
        }
        // Four standard errors: 1, √2 and √96 over √200,000.
        assertThat(sum / draws).isCloseTo(0, within(0.009));
        assertThat(squares / draws).isCloseTo(1, within(0.013));
        assertThat(fourths / draws).isCloseTo(3, within(0.088));
    }

    @Test
    void theInverseNormalUndoesTheNormalDistribution() {
        // 0.5 + q and x, from tables with more digits.
        double[][] quantiles =
                {{0.5, 0}, {0.75, 0.6744897501960817}, {0.9, 1.2815515655446004}, {0.925, 1.4395314709384561},
                    {0.975, 1.959963984540054}, {0.999, 3.090232306167813}, {0.999999, 4.753424308822899}};
        for (double[] quantile : quantiles) {
            double q = quantile[0] - 0.5;
            assertThat(CounterRandom.inverseNormal(q)).isCloseTo(quantile[1], within(3e-6));
            assertThat(CounterRandom.inverseNormal(-q)).isCloseTo(-quantile[1], within(3e-6));
        }
        assertThat(CounterRandom.inverseNormal(0.5 - 0x1p-33)).isCloseTo(6.3379, within(1e-3));
    }
}
