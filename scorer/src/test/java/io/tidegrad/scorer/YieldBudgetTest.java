package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// How long an admission yields, measured with a yield of a given length.
class YieldBudgetTest {
    private long now;
    private long yieldNanos = 1_000;
    private int yields;
    private YieldBudget yieldBudget;

    @BeforeEach
    void open() {
        yieldBudget = new YieldBudget(() -> {
            yields++;
            now += yieldNanos;
        }, () -> now);
    }

    private void pieces(int count) {
        for (int i = 0; i < count; i++) {
            yieldBudget.run();
        }
    }

    @Test
    void othersRunBetweenAnyTwoPieces() {
        yieldBudget.begin(true);
        pieces(100);
        assertThat(yields).isEqualTo(100);
    }

    @Test
    void nothingIsGivenAwayWhileAnotherVersionWaits() {
        yieldBudget.begin(true);
        yieldBudget.begin(false);
        pieces(100);
        assertThat(yields).isZero();
    }

    @Test
    void onAFullMachineAnAdmissionGivesAwayNoMoreThanItsTimeAndTheNextOneAgain() {
        yieldNanos = 2 * YieldBudget.NANOS_MAX / 5;
        yieldBudget.begin(true);
        pieces(100);
        assertThat(yields).isEqualTo(3);
        assertThat(now).isLessThan(YieldBudget.NANOS_MAX + yieldNanos);
        yieldBudget.begin(true);
        pieces(100);
        assertThat(yields).isEqualTo(6);
    }

    @Test
    void whoDidNotBeginGivesNothingAway() throws InterruptedException {
        pieces(1);
        yieldBudget.begin(true);
        Thread other = Thread.ofPlatform().start(() -> pieces(1));
        other.join();
        assertThat(yields).isZero();
        pieces(1);
        assertThat(yields).isEqualTo(1);
    }
}
