package io.tidegrad.console;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MovementTest {
    private final Movement movement = new Movement();

    @Test
    void theRateIsThatOfTheNewestTenSecondsAndWhatStandsStillSaysSinceWhen() {
        assertThat(movement.moved()).isEqualTo(-1);
        for (int second = 0; second <= 100; second++) {
            movement.seen(Math.min(second, 95) * 7L, second * 1_000L);
        }
        assertThat(movement.moved()).isEqualTo(95_000);
        assertThat(movement.rate()).isEqualTo(3.5); // of ten seconds five stood still
    }

    @Test
    void whatComesALittleLateDisturbsNothing() {
        movement.seen(100, 10_000);
        movement.seen(200, 11_000);
        movement.seen(100, 11_500);
        movement.seen(300, 10_900);
        assertThat(movement.rate()).isEqualTo(200);
        assertThat(movement.moved()).isEqualTo(11_000);
    }

    @Test
    void anotherLogAndAnotherClockBeginAnew() {
        movement.seen(100, 10_000);
        movement.seen(200, 11_000);
        movement.seen(50, 15_000);
        assertThat(movement.rate()).isNaN();
        assertThat(movement.moved()).isEqualTo(15_000);
        movement.seen(60, 1_000);
        movement.seen(80, 2_000);
        assertThat(movement.rate()).isEqualTo(20);
    }
}
