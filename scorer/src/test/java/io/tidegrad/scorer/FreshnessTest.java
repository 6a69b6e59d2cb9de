package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.snapshot.Heartbeat;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FreshnessTest {
    private static final long NOW = 1_700_000_100_000L;

    private ServedModel served;
    private long appended;

    @BeforeEach
    void serve() {
        TestIntake intake = new TestIntake("flights");
        intake.accept(TestTrainer.of("flights").learn(50).publish());
        served = intake.served();
        appended = TestTrainer.appendTime(49);
    }

    private static Heartbeat beat(
            int epoch, long version, long nextOffset, boolean caughtUp, long age) {
        return new Heartbeat(epoch, version, nextOffset, caughtUp, NOW - age);
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
        assertThat(Freshness.millis(served, beat(1, 50, 50, true, 3_001), NOW))
                .isEqualTo(NOW - appended);
    }

    @Test
    void countsWhatTheTrainerHasAndWeHaveNot() {
        assertThat(Freshness.millis(served, beat(1, 51, 51, true, 0), NOW))
                .isEqualTo(NOW - appended);
        assertThat(Freshness.millis(served, beat(1, 50, 50, false, 0), NOW))
                .isEqualTo(NOW - appended);
        assertThat(Freshness.millis(served, beat(2, 50, 50, true, 0), NOW))
                .isEqualTo(NOW - appended);
    }

    @Test
    void deadLettersAtTheEndOfTheLogAreNothingToWaitFor() {
        assertThat(Freshness.millis(served, beat(1, 50, 60, true, 0), NOW)).isZero();
    }

    @Test
    void anAppendTimeAheadOfOurClockCountsAsNow() {
        assertThat(Freshness.millis(served, null, appended - 5)).isZero();
    }

    @Test
    void isUnknownForAModelThatHasSeenNoEvent() {
        TestIntake intake = new TestIntake("flights");
        intake.accept(TestTrainer.of("flights").publish());
        assertThat(Freshness.millis(intake.served(), null, NOW)).isEqualTo(Freshness.UNKNOWN);
    }
}
