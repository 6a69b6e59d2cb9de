package io.tidegrad.trainer.poll;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PollPaceTest {
    private static final long MILLI = 1_000_000;
    private static final long ROUND = PollPace.ROUND.toNanos();
    private static final long AHEAD = PollPace.AHEAD.toNanos();

    private final PollPace pace = new PollPace();
    private long now = 5_000 * MILLI;
    private long commitAt;

    private long polled(int events, long later) {
        long rest = pace.restBefore(now);
        now += rest + later;
        pace.brought(events);
        return rest;
    }

    @BeforeEach
    void commitsAreFar() {
        commitAt = now + 3_600_000 * MILLI;
        pace.commits(from -> commitAt);
    }

    @Test
    void roundsOfTwoPollsBeginApart() {
        polled(3, MILLI);
        polled(3, MILLI);
        assertThat(polled(3, MILLI)).isZero(); // the first round began long ago
        for (int round = 0; round < 10; round++) {
            assertThat(polled(3, MILLI)).isZero();
            assertThat(polled(3, MILLI)).isEqualTo(ROUND - 2 * MILLI);
        }
    }

    @Test
    void pollsComeAsEventsComeShortlyBeforeACommit() {
        for (int poll = 0; poll < 4; poll++) {
            polled(3, MILLI);
        }
        commitAt = now + AHEAD + 5 * MILLI;
        assertThat(polled(3, MILLI)).isEqualTo(5 * MILLI);
        while (now < commitAt) {
            assertThat(polled(3, MILLI / 2)).isZero();
        }
    }

    @Test
    void withoutACommitInSightATrainerNeverRests() {
        pace.commits(from -> from);
        for (int poll = 0; poll < 10; poll++) {
            assertThat(polled(3, 0)).isZero();
        }
        pace.commits(null);
        for (int poll = 0; poll < 10; poll++) {
            assertThat(polled(3, 0)).isZero();
        }
    }

    @Test
    void theNextCommitIsWhatTheStoreThenThePublisherWaitsForAndNowIfNeitherDoesOrStreamsDecides() {
        long beforeOverflow = Long.MAX_VALUE - 5;
        for (long start : new long[]{0, 1_000, beforeOverflow}) {
            assertThat(PollPace.nextCommit(true, start + 20, start + 10, start)).isEqualTo(start + 20);
            assertThat(PollPace.nextCommit(true, start - 1, start + 10, start)).isEqualTo(start + 10);
            assertThat(PollPace.nextCommit(true, start - 1, start, start)).isEqualTo(start);
            assertThat(PollPace.nextCommit(false, start + 20, start + 10, start)).isEqualTo(start);
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
            polled(EventsAhead.BACKLOG_EVENTS, 0);
            assertThat(polled(EventsAhead.BACKLOG_EVENTS, 0)).isZero();
        }
    }
}
