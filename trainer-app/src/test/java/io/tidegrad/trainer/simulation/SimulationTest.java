package io.tidegrad.trainer.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Store, guard, processor and publisher under thousands of schedules of faults that no real broker shows on demand.
///
/// A run prints its seeds, other ones each time, and names those that fail; `-Dseed=…` repeats one schedule,
/// `-Dfirst=…` a run, `-Dschedules=…` makes more or fewer of them.
@ExtendWith(Silence.class)
class SimulationTest {
    private static final int SCHEDULES = Integer.getInteger("schedules", 10_000);
    private static final int SCHEDULES_QUICK = 400; // 1,000 would take the quick tests 15 s of two cores more

    /// The rarest breaker shows in one of some 200.
    private static final int SCHEDULES_TO_REPORT_MAX = 1_000;

    private static final int FAILURES_NAMED_MAX = 20;

    @Test
    void everyScheduleKeepsEveryInvariant() {
        assertEveryInvariant(Math.min(SCHEDULES, SCHEDULES_QUICK));
    }

    @LongProof("10,000 schedules")
    @Test
    void everyOneOfTenThousandSchedulesKeepsEveryInvariant() {
        assertEveryInvariant(SCHEDULES);
    }

    private static void assertEveryInvariant(int count) {
        Long only = Long.getLong("seed");
        long first = only == null ? Long.getLong("first", System.nanoTime()) : only;
        int schedules = only == null ? count : 1;
        LongAdder commits = new LongAdder();
        LongAdder rebuilt = new LongAdder();
        LongAdder redone = new LongAdder();
        LongAdder deltas = new LongAdder();
        LongAdder setAside = new LongAdder();
        LongAdder lives = new LongAdder();
        LongAdder offsets = new LongAdder();
        Queue<AssertionError> failures = new ConcurrentLinkedQueue<>();
        LongStream.range(first, first + schedules).parallel().forEach(seed -> {
            Schedule.Outcome outcome;
            try {
                outcome = run(seed);
            } catch (AssertionError failed) {
                failures.add(failed);
                return;
            }
            commits.add(outcome.commits());
            rebuilt.add(outcome.rebuilt());
            redone.add(outcome.redone());
            deltas.add(outcome.deltas());
            setAside.add(outcome.setAside());
            lives.add(outcome.lives());
            offsets.add(outcome.offsets());
        });
        System.out.printf(
                "seeds from %d: %,d schedules, %,d trainer lives, %,d offsets, %,d commits,"
                        + " %,d states rebuilt and compared, %,d of them learned again from an"
                        + " image, %,d deltas, %,d events set aside%n",
                first, schedules, lives.sum(), offsets.sum(), commits.sum(), rebuilt.sum(), redone.sum(), deltas.sum(),
                setAside.sum());
        assertThat(failures.stream().limit(FAILURES_NAMED_MAX))
                .as("%d of %d schedules fail", failures.size(), schedules).isEmpty();
        assertThat(commits.sum()).isPositive();
    }

    private static Schedule.Outcome run(long seed) {
        try {
            return new Schedule(seed, Breakage.NONE).run();
        } catch (RuntimeException | Error failed) {
            throw new AssertionError(
                    "seed " + seed + " · rerun: mvn -pl trainer-app -am test -Dsurefire.failIfNoSpecifiedTests=false"
                            + " -Dtest=SimulationTest -Dseed=" + seed + " · " + failed,
                    failed);
        }
    }

    /// In these, mistakes that we made show: `LOOKS_AT_NO_OFFSET_BEFORE_THE_FIRST_RECORD` in the first,
    /// `TELLS_COMMITS_OF_ONE_WATERMARK_NOT_APART` in the second.
    @ParameterizedTest
    @ValueSource(longs = {206, 38})
    void aScheduleThatOnceFoundAFaultFindsNone(long seed) {
        run(seed);
    }

    @Test
    void aCommitIsOfSeveralPagesSoThatItCanBeTorn() {
        assertThat(Readings.SPECS).allSatisfy(
                spec -> assertThat(OnlineModel.blank(spec, Readings.KERNELS).parameters().pages()).isGreaterThan(2));
    }

    @Test
    void aScheduleIsAFunctionOfItsSeed() {
        areFunctionsOfTheirSeeds(10);
    }

    @LongProof("hundreds of schedules, twice")
    @Test
    void twoHundredSchedulesAreFunctionsOfTheirSeeds() {
        areFunctionsOfTheirSeeds(200);
    }

    private static void areFunctionsOfTheirSeeds(int schedules) {
        List<Schedule.Outcome> oneAfterTheOther =
                LongStream.rangeClosed(1, schedules).mapToObj(SimulationTest::run).toList();
        List<Schedule.Outcome> manyAtOnceLastFirst = LongStream.rangeClosed(1, schedules)
                .map(seed -> schedules + 1 - seed).parallel().mapToObj(SimulationTest::run).toList();
        assertThat(manyAtOnceLastFirst.reversed()).isEqualTo(oneAfterTheOther);
    }

    /// Broken events, events that end trainers, kills, rebalances and all.
    @LongProof("a hundred schedules")
    @Test
    void whoeverPreparesTheEventsTheTopicsHoldTheSame() {
        long preparedAhead = 0;
        for (long seed = 1; seed <= 60; seed++) {
            Schedule without = new Schedule(seed, Breakage.NONE, null, null, false);
            Schedule with = new Schedule(seed, Breakage.NONE, null, null, true);
            assertThat(with.run()).as("seed %d", seed).isEqualTo(without.run());
            preparedAhead += with.preparedAhead();
        }
        assertThat(preparedAhead).isPositive();
    }

    @LongProof("hundreds of schedules")
    @Test
    void aModelThatDivergesStopsBeforeItIsCommitted() {
        // One in fifty lives long enough for its weights to leave the floats.
        int stopped = 0;
        for (long seed = 1; seed <= 500; seed++) {
            Schedule schedule = new Schedule(seed, Breakage.NONE, Readings.DIVERGING);
            try {
                schedule.run();
            } catch (StopException | Violation why) {
                assertThat(why.getMessage()).containsAnyOf("diverged", "not finite");
                stopped++;
            }
            schedule.oracles().rebuild();
        }
        assertThat(stopped).isPositive();
    }

    /// With events committed, an empty changelog is no fresh start.
    @Test
    void aStartWithoutTheChangelogIsRefused() {
        assertThatThrownBy(() -> startWithoutTheChangelog(Breaker.NONE)).isInstanceOfSatisfying(StopException.class,
                refused -> assertThat(refused.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION));
    }

    private static void startWithoutTheChangelog(Breaker breaker) {
        Schedule schedule = new Schedule(2, new Breakage(breaker));
        assertThat(schedule.run().commits()).isPositive();
        schedule.kafka().changelog.deleteAll();
        schedule.start();
    }

    // ---- each oracle is seen to report ----

    private static void assertReported(Breaker breaker, String... invariants) {
        assertReported(breaker, null, invariants);
    }

    private static void assertReported(Breaker breaker, @Nullable ModelSpec spec, String... invariants) {
        for (long seed = 1; seed <= SCHEDULES_TO_REPORT_MAX; seed++) {
            try {
                new Schedule(seed, new Breakage(breaker), spec).run();
            } catch (Violation report) {
                if (List.of(invariants).contains(report.invariant())) {
                    System.out.println(breaker + ": seed " + seed + ": " + report.getMessage());
                    return;
                }
            } catch (StopException stopped) {
                // The trainer itself has noticed: the next schedule may get past its checks.
            }
        }
        throw new AssertionError(breaker + ": no oracle reported in " + SCHEDULES_TO_REPORT_MAX + " schedules");
    }

    @ProvesOracle(Breaker.LOGS_IN_COMMIT)
    @Test
    void pagesLoggedInCommitAreReported() {
        assertReported(Breaker.LOGS_IN_COMMIT, "I1", "I2");
    }

    @ProvesOracle(Breaker.FLUSHES_NOTHING)
    @Test
    void aFlushThatDoesNothingIsReported() {
        assertReported(Breaker.FLUSHES_NOTHING, "I1", "I2");
    }

    @ProvesOracle(Breaker.CHECKS_NO_WATERMARK)
    @Test
    void anUncheckedWatermarkIsReported() {
        assertReported(Breaker.CHECKS_NO_WATERMARK, "I2");
    }

    @ProvesOracle(Breaker.LOOKS_AT_NO_OFFSET_BEFORE_THE_FIRST_RECORD)
    @Test
    void anOffsetBehindSkippedRecordsIsReported() {
        assertReported(Breaker.LOOKS_AT_NO_OFFSET_BEFORE_THE_FIRST_RECORD, "I2");
    }

    @ProvesOracle(Breaker.COUNTS_TICKS_AS_EVENTS)
    @Test
    void aWrongCountIsReported() {
        assertReported(Breaker.COUNTS_TICKS_AS_EVENTS, "I3");
    }

    @ProvesOracle(Breaker.HASHES_NO_TICKS)
    @Test
    void aHashThatLeavesOutRecordsIsReported() {
        assertReported(Breaker.HASHES_NO_TICKS, "I3");
    }

    @ProvesOracle(Breaker.LEARNS_BEFORE_IT_REFUSES)
    @Test
    void anEventThatIsRefusedHalfwayIsReported() {
        assertReported(Breaker.LEARNS_BEFORE_IT_REFUSES, "I1", "I12");
    }

    @ProvesOracle(Breaker.CHECKS_NOTHING_FOR_FINITENESS)
    @Test
    void aCommittedPageThatIsNotFiniteIsReported() {
        assertReported(Breaker.CHECKS_NOTHING_FOR_FINITENESS, Readings.DIVERGING, "I5");
    }

    @ProvesOracle(Breaker.DROPS_DEAD_LETTERS)
    @Test
    void aLostDeadLetterIsReported() {
        assertReported(Breaker.DROPS_DEAD_LETTERS, "I6");
    }

    @ProvesOracle(Breaker.SENDS_DEAD_LETTERS_TWICE)
    @Test
    void aRepeatedDeadLetterIsReported() {
        assertReported(Breaker.SENDS_DEAD_LETTERS_TWICE, "I6");
    }

    @ProvesOracle(Breaker.STOPS_FOR_GOOD)
    @Test
    void aStopThatNobodyRestartsIsReported() {
        assertReported(Breaker.STOPS_FOR_GOOD, "I10");
    }

    @ProvesOracle(Breaker.FORGETS_WHAT_ENDED_IT)
    @Test
    void anEventThatEndsEveryStartIsReported() {
        assertReported(Breaker.FORGETS_WHAT_ENDED_IT, "I10");
    }

    @ProvesOracle(Breaker.PUBLISHES_OUTSIDE_THE_TRANSACTION)
    @Test
    void aSnapshotOfNoTransactionIsReported() {
        assertReported(Breaker.PUBLISHES_OUTSIDE_THE_TRANSACTION, "I11");
    }

    @ProvesOracle(Breaker.PUBLISHES_OTHER_WEIGHTS)
    @Test
    void aSnapshotOfOtherWeightsIsReported() {
        assertReported(Breaker.PUBLISHES_OTHER_WEIGHTS, "I12");
    }

    @ProvesOracle(Breaker.TELLS_COMMITS_OF_ONE_WATERMARK_NOT_APART)
    @Test
    void aVersionThatIsPublishedTwiceIsReported() {
        assertReported(Breaker.TELLS_COMMITS_OF_ONE_WATERMARK_NOT_APART, "I14");
    }

    @ProvesOracle(Breaker.FENCES_NOBODY)
    @Test
    void aZombieThatGoesOnIsReported() {
        assertReported(Breaker.FENCES_NOBODY, "I2", "I14");
    }

    @ProvesOracle(Breaker.LEARNS_BY_THE_CLOCK)
    @Test
    void learningByTheClockIsReported() {
        assertReported(Breaker.LEARNS_BY_THE_CLOCK, "I1", "I12");
    }

    @ProvesOracle(Breaker.CHECKS_NO_WATERMARK)
    @Test
    void aStartWithoutTheChangelogIsReported() {
        startWithoutTheChangelog(Breaker.CHECKS_NO_WATERMARK); // it starts: the test above would fail
    }
}
