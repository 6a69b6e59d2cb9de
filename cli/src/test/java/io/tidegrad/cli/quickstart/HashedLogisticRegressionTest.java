package io.tidegrad.cli.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.localstack.streams.Flight;
import org.junit.jupiter.api.Test;

class HashedLogisticRegressionTest {
    private static final Flight LATE = new Flight(980_948_760_000L, 102, "HNL", "LIH", true);

    @Test
    void knowsNothingAtFirst() {
        assertThat(new HashedLogisticRegression().learn(LATE)).isEqualTo(0.5);
    }

    /// By hand: each of 6 weights and the bias moves by 0.05 (1 - 0.5), so z = 7 · 0.025 for the same flight again.
    @Test
    void stepsByTheGradient() {
        HashedLogisticRegression regression = new HashedLogisticRegression();
        regression.learn(LATE);
        assertThat(regression.learn(LATE)).isEqualTo(1 / (1 + Math.exp(-7 * 0.025)), within(1e-12));
    }

    /// Another airport, hour, day and distance shares only the bias.
    @Test
    void tellsFlightsApartByTheirFeatures() {
        HashedLogisticRegression regression = new HashedLogisticRegression();
        regression.learn(LATE);
        Flight other = new Flight(LATE.departed() + 25 * 3_600_000L, 2_000, "JFK", "SFO", true);
        assertThat(regression.learn(other)).isEqualTo(1 / (1 + Math.exp(-0.025)), within(1e-12));
    }
}
