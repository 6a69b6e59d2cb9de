package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// How much of its core an admission gives away, told with a yield that takes as long as it is told to.
class GivingWayTest {
    private long now;
    private long yieldNanos = 1_000;
    private int yields;
    private GivingWay givingWay;

    @BeforeEach
    void open() {
        givingWay = new GivingWay(() -> {
            yields++;
            now += yieldNanos;
        }, () -> now);
    }

    private void pieces(int count) {
        for (int i = 0; i < count; i++) {
            givingWay.run();
        }
    }

    @Test
    void othersRunBetweenAnyTwoPieces() {
        givingWay.begin(true);
        pieces(100);
        assertThat(yields).isEqualTo(100);
    }

    @Test
    void nothingIsGivenAwayWhileAnotherVersionWaits() {
        givingWay.begin(true);
        givingWay.begin(false);
        pieces(100);
        assertThat(yields).isZero();
    }

    @Test
    void onAFullMachineAnAdmissionGivesAwayNoMoreThanItsTimeAndTheNextOneAgain() {
        yieldNanos = 2 * GivingWay.NANOS_MAX / 5;
        givingWay.begin(true);
        pieces(100);
        assertThat(yields).isEqualTo(3);
        assertThat(now).isLessThan(GivingWay.NANOS_MAX + yieldNanos);
        givingWay.begin(true);
        pieces(100);
        assertThat(yields).isEqualTo(6);
    }

    @Test
    void whoDidNotBeginGivesNothingAway() throws InterruptedException {
        pieces(1);
        givingWay.begin(true);
        Thread other = Thread.ofPlatform().start(() -> pieces(1));
        other.join();
        assertThat(yields).isZero();
        pieces(1);
        assertThat(yields).isEqualTo(1);
    }
}
