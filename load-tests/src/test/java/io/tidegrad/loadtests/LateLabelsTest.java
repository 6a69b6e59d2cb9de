package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.LongProof;
import java.util.List;
import org.junit.jupiter.api.Test;

class LateLabelsTest {
    @LongProof("backtests of every policy")
    @Test
    void eachPolicyIsComparedOnEachStreamAndDelay() {
        List<Result> results = new LateLabels(6_000, 1, null).run();
        assertThat(results).hasSize(2 * 4 * 4).allSatisfy(each -> {
            assertThat(each.number("log_loss")).isBetween(0.05, 2.0);
            assertThat(each.number("late_share_of_positives")).isBetween(0.0, 1.0);
        });
        // Who waits for all learns no positive late, and the others nearly all of the longest delays.
        assertThat(results.get(12).number("late_share_of_positives")).isZero();
        assertThat(results.get(13).number("late_share_of_positives")).isGreaterThan(0.9);
    }

    @Test
    void sizesThatCanNotBeAreTold() {
        assertThatThrownBy(() -> new LateLabels(10, 1, null)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("expected 1000 to 300000 events");
    }
}
