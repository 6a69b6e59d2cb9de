package io.tidegrad.trainer.poll;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PollPaceTest {
    private static final long MILLI = 1_000_000;
    private static final long ROUND = PollPace.ROUND.toNanos();

    private final PollPace pace = new PollPace();
    private long now = 5_000 * MILLI;

    private long polled(int events, long later) {
        long rest = pace.restBefore(now);
        now += rest + later;
        pace.brought(events);
        return rest;
    }

    @Test
    void roundsOfTwoPollsBeginTenMillisecondsApart() {
        polled(3, MILLI);
        polled(3, MILLI);
        assertThat(polled(3, MILLI)).isZero(); // the first round began long ago
        for (int round = 0; round < 10; round++) {
            assertThat(polled(3, MILLI)).isZero();
            assertThat(polled(3, MILLI)).isEqualTo(ROUND - 2 * MILLI);
        }
    }

    @Test
    void eventsThatComeAloneNeverWait() {
        for (int event = 0; event < 10; event++) {
            assertThat(polled(1, ROUND / 2)).isZero();
        }
        for (int event = 0; event < 10; event++) {
            assertThat(polled(0, MILLI)).isZero();
        }
    }

    @Test
    void aTrainerThatIsBehindNeverRests() {
        for (int poll = 0; poll < 10; poll++) {
            polled(3, 0);
            polled(PollPace.MANY, 0);
            assertThat(polled(PollPace.MANY, 0)).isZero();
        }
    }
}
