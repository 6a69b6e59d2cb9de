package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.snapshot.Heartbeat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FreshnessTest {
    private static final long NOW = 1_700_000_100_000L;
    private static final long HOUR = 3_600_000;

    private ServedVersion served;
    private long appended;

    @BeforeEach
    void serve() {
        TestIntake intake = new TestIntake("flights");
        intake.accept(TestTrainer.of("flights").learn(50).publish());
        served = intake.served();
        appended = TestTrainer.appendTime(49);
    }

    private static SeenHeartbeat beat(int epoch, long version, long nextOffset, boolean caughtUp, long age) {
        return new SeenHeartbeat(new Heartbeat(epoch, version, nextOffset, caughtUp, NOW - age), NOW - age);
    }

    /// By a clock that is behind all others by an hour, `ago` ms after the trainer's beat was read.
    private static SeenHeartbeat beatOfAnHourAhead(boolean caughtUp, long ago) {
        return new SeenHeartbeat(new Heartbeat(1, 50, 50, caughtUp, NOW + HOUR - ago), NOW - ago);
    }

    @Test
    void isTheAgeOfTheNewestEventServed() {
        assertThat(Freshness.millis(served, null, NOW)).isEqualTo(NOW - appended);
    }

    @Test
    void isZeroWhileTheTrainerHasNothingNewer() {
        assertThat(Freshness.millis(served, beat(1, 50, 50, true, 1_000), NOW)).isZero();
        assertThat(Freshness.millis(served, beat(1, 50, 50, true, 3_000), NOW)).isZero();
    }

    @Test
    void growsAgainWhenTheTrainerFallsSilent() {
        assertThat(Freshness.millis(served, beat(1, 50, 50, true, 3_001), NOW)).isEqualTo(NOW - appended);
    }

    @Test
    void countsWhatTheTrainerHasAndWeHaveNot() {
        assertThat(Freshness.millis(served, beat(1, 51, 51, true, 0), NOW)).isEqualTo(NOW - appended);
        assertThat(Freshness.millis(served, beat(1, 50, 50, false, 0), NOW)).isEqualTo(NOW - appended);
        assertThat(Freshness.millis(served, beat(2, 50, 50, true, 0), NOW)).isEqualTo(NOW - appended);
    }

    @Test
    void deadLettersAtTheEndOfTheLogAreNothingToWaitFor() {
        assertThat(Freshness.millis(served, beat(1, 50, 60, true, 0), NOW)).isZero();
    }

    @Test
    void anAppendTimeAheadOfOurClockByWhatClocksDifferCountsAsNow() {
        assertThat(Freshness.millis(served, null, appended - 5)).isZero();
        assertThat(Freshness.clockBehindMillis(served, null, appended - 5)).isZero();
    }

    @Test
    void isUnknownWhereOurClockIsBehindAndNothingSaysByHowMuch() {
        assertThat(Freshness.millis(served, null, appended - HOUR)).isEqualTo(Freshness.UNKNOWN);
        assertThat(Freshness.clockBehindMillis(served, null, appended - HOUR)).isEqualTo(HOUR);
    }

    @Test
    void countsByTheTrainersClockWhereOursIsBehindIt() {
        SeenHeartbeat beat = beatOfAnHourAhead(false, 400);
        assertThat(Freshness.millis(served, beat, NOW)).isEqualTo(NOW + HOUR - appended);
        assertThat(Freshness.clockBehindMillis(served, beat, NOW)).isEqualTo(HOUR);
    }

    @Test
    void aTrainerThatFellSilentIsNotCaughtUpForAnHourBecauseOurClockIsBehind() {
        assertThat(Freshness.millis(served, beatOfAnHourAhead(true, 3_000), NOW)).isZero();
        assertThat(Freshness.millis(served, beatOfAnHourAhead(true, 3_001), NOW)).isEqualTo(NOW + HOUR - appended);
        assertThat(beatOfAnHourAhead(true, 60_000).ageMillis(NOW)).isEqualTo(60_000);
    }

    @Test
    void isUnknownForAModelThatHasSeenNoEvent() {
        TestIntake intake = new TestIntake("flights");
        intake.accept(TestTrainer.of("flights").publish());
        assertThat(Freshness.millis(intake.served(), null, NOW)).isEqualTo(Freshness.UNKNOWN);
    }
}
