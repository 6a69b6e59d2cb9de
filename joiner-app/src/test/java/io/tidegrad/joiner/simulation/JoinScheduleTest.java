package io.tidegrad.joiner.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.joiner.join.JoinOutput.Counted;
import io.tidegrad.joiner.join.JoinOutput.Reason;
import io.tidegrad.model.stream.Example.Kind;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import java.util.EnumMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// The join under thousands of schedules, compared with a brute-force join of what it took.
///
/// A run prints its first seed, another one each time; `-Dseed=…` repeats a schedule, `-Dschedules=…` makes more or
/// fewer of them.
class JoinScheduleTest {
    private static final int SCHEDULES = Integer.getInteger("schedules", 200_000);
    private static final int SCHEDULES_QUICK = 3_000;
    private static final int SCHEDULES_TO_REPORT_MAX = 2_000;

    @Test
    void everyScheduleGivesTheExamplesOfABruteForceJoin() {
        run(Math.min(SCHEDULES, SCHEDULES_QUICK));
    }

    @LongProof("200,000 schedules")
    @Test
    void everyOneOfManySchedulesGivesTheExamplesOfABruteForceJoin() {
        run(SCHEDULES);
    }

    private static void run(int count) {
        Long only = Long.getLong("seed");
        long first = only == null ? System.nanoTime() : only;
        Map<Kind, Integer> kinds = new EnumMap<>(Kind.class);
        Map<Counted, Integer> counts = new EnumMap<>(Counted.class);
        Map<Reason, Integer> reasons = new EnumMap<>(Reason.class);
        int schedules = only == null ? count : 1;
        for (long seed = first; seed < first + schedules; seed++) {
            Schedule.Outcome outcome = Schedule.run(seed, Breaker.NONE);
            outcome.kinds().forEach((kind, times) -> kinds.merge(kind, times, Integer::sum));
            outcome.counts().forEach((what, times) -> counts.merge(what, times, Integer::sum));
            outcome.reasons().forEach((reason, times) -> reasons.merge(reason, times, Integer::sum));
        }
        System.out.printf("seeds from %d: %,d schedules, examples %s, counted %s, dead letters %s%n", first, schedules,
                kinds, counts, reasons);
        if (only == null) {
            assertThat(kinds).as("no kind of example is left out").containsOnlyKeys(Kind.values());
            assertThat(counts).as("nothing that is counted is left out").containsOnlyKeys(Counted.values());
            assertThat(reasons).as("no reason of dead letters is left out").containsOnlyKeys(Reason.values());
        }
    }

    private static void assertReported(Breaker breaker) {
        assertThatThrownBy(() -> {
            for (long seed = 0; seed < SCHEDULES_TO_REPORT_MAX; seed++) {
                Schedule.run(seed, breaker);
            }
        }).isInstanceOf(AssertionError.class).hasMessageStartingWith("seed ");
    }

    @ProvesOracle(Breaker.WRITES_EXAMPLES_OUTSIDE_THE_TRANSACTION)
    @Test
    void examplesThatSurviveTheirTransactionAreReported() {
        assertReported(Breaker.WRITES_EXAMPLES_OUTSIDE_THE_TRANSACTION);
    }

    @ProvesOracle(Breaker.COMMITS_PLACES_OUTSIDE_THE_TRANSACTION)
    @Test
    void placesThatSurviveTheirTransactionAreReported() {
        assertReported(Breaker.COMMITS_PLACES_OUTSIDE_THE_TRANSACTION);
    }

    @ProvesOracle(Breaker.FORGETS_WHAT_IT_KEPT)
    @Test
    void aRestartThatForgetsEntriesIsReported() {
        assertReported(Breaker.FORGETS_WHAT_IT_KEPT);
    }

    @ProvesOracle(Breaker.FORGETS_THE_TIME)
    @Test
    void aRestartThatForgetsTheTimeIsReported() {
        assertReported(Breaker.FORGETS_THE_TIME);
    }

    @ProvesOracle(Breaker.KEEPS_AN_EVENT_WAITING)
    @Test
    void anEventThatGoesOnWaitingAfterItsExampleIsReported() {
        assertReported(Breaker.KEEPS_AN_EVENT_WAITING);
    }

    @ProvesOracle(Breaker.EXPIRES_BY_THE_WALL_CLOCK)
    @Test
    void expiryByTheWallClockIsReported() {
        assertReported(Breaker.EXPIRES_BY_THE_WALL_CLOCK);
    }
}
