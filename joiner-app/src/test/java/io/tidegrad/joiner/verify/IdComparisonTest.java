package io.tidegrad.joiner.verify;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.JoinOutput.Reason;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.verify.BruteForceJoin.DeadLetter;
import io.tidegrad.joiner.verify.IdComparison.TaskTime;
import io.tidegrad.joiner.verify.IdComparison.Verdict;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.Example.Kind;
import io.tidegrad.model.stream.StreamSpec;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Times are seconds; `wait` is 30, `window` 100.
class IdComparisonTest {
    private static final StreamSpec SPEC = StreamSpec.parse("""
            stream: payments
            events: { topic: payments, key: id }
            labels: { topic: chargebacks, key: id, value: fraud }
            join: { wait: PT30S, missing: 0, window: PT100S }
            """, "spec");

    private static final Arrival EVENT = new Arrival.OfEvent("tx",
            new EventRecord(10_000, new Position(2, 7), 1, new EventRecord.Content(new byte[0])));

    private static Arrival label(long seconds, String label) {
        return new Arrival.OfLabel("tx", new LabelRecord(seconds * 1_000, new Position(1, 0), label, null, null));
    }

    private static Example example(Kind kind, String label, @Nullable String oldLabel, @Nullable Long seconds) {
        return new Example(kind, label, oldLabel, 1, new Example.Source("payments", 2, 7), 10_000,
                seconds == null ? null : Long.valueOf(seconds * 1_000));
    }

    /// @param least seconds that the task's time has reached
    private static Verdict verdict(List<List<Arrival>> partitions, long least, boolean cut, Example... found) {
        TaskTime time = new TaskTime(Duration.ofSeconds(5), least * 1_000, 10_000_000);
        return IdComparison
                .of(SPEC, "tx", partitions, new IdComparison.Found(List.of(found), cut, Set.of(), false), time)
                .verdict();
    }

    private static Verdict verdict(List<List<Arrival>> partitions, Set<DeadLetter> letters, boolean lettersCut,
            Example... found) {
        TaskTime time = new TaskTime(Duration.ofSeconds(200), 500_000, 10_000_000);
        return IdComparison
                .of(SPEC, "tx", partitions, new IdComparison.Found(List.of(found), false, letters, lettersCut), time)
                .verdict();
    }

    /// A task whose time lies 200 s ahead takes the event after its window, and else its example was lost.
    @Test
    void anEventWithoutAnExampleNeedsItsDeadLetter() {
        List<List<Arrival>> event = List.of(List.of(EVENT));
        DeadLetter late = new DeadLetter(Reason.LATE_EVENT, new Position(2, 7));
        Example provisional = example(Kind.PROVISIONAL, "0", null, null);
        assertThat(verdict(event, Set.of(late), false)).isEqualTo(Verdict.EQUAL);
        assertThat(verdict(event, Set.of(), false)).isEqualTo(Verdict.DIFFERENT);
        assertThat(verdict(event, Set.of(), true)).isEqualTo(Verdict.UNDECIDED);
        assertThat(verdict(event, Set.of(), false, provisional)).isEqualTo(Verdict.EQUAL);
        assertThat(verdict(event, Set.of(late), false, provisional)).as("both").isEqualTo(Verdict.DIFFERENT);
        assertThat(verdict(event, Set.of(new DeadLetter(Reason.LATE_EVENT, new Position(2, 8))), true))
                .isEqualTo(Verdict.DIFFERENT);
    }

    @Test
    void aLabelThatNoEventCameForNeedsItsDeadLetterOnceItsWindowIsOver() {
        List<List<Arrival>> label = List.of(List.of(label(20, "1")));
        DeadLetter orphan = new DeadLetter(Reason.ORPHAN_LABEL, new Position(1, 0));
        assertThat(verdict(label, Set.of(orphan), false)).isEqualTo(Verdict.EQUAL);
        assertThat(verdict(label, Set.of(), false)).isEqualTo(Verdict.DIFFERENT);
        assertThat(verdict(label, 50, false)).as("within its window").isEqualTo(Verdict.EQUAL);
    }

    @Test
    void whatTheRecordsGiveIsEqual() {
        List<List<Arrival>> both = List.of(List.of(EVENT), List.of(label(20, "1")));
        assertThat(verdict(both, 500, false, example(Kind.FINAL, "1", null, 20L))).isEqualTo(Verdict.EQUAL);
    }

    @Test
    void anotherLabelKindPlaceOrTimeIsDifferentAndSoIsAnExampleTwiceOrNone() {
        List<List<Arrival>> both = List.of(List.of(EVENT), List.of(label(20, "1")));
        Example right = example(Kind.FINAL, "1", null, 20L);
        Example elsewhere =
                new Example(Kind.FINAL, "1", null, 1, new Example.Source("payments", 2, 8), 10_000, 20_000L);
        assertThat(verdict(both, 500, false, example(Kind.FINAL, "2", null, 20L))).isEqualTo(Verdict.DIFFERENT);
        assertThat(verdict(both, 500, false, example(Kind.FINAL, "1", null, 21L))).isEqualTo(Verdict.DIFFERENT);
        assertThat(verdict(both, 500, false, right.withWeight(2))).isEqualTo(Verdict.DIFFERENT);
        assertThat(verdict(both, 500, false, elsewhere)).isEqualTo(Verdict.DIFFERENT);
        assertThat(verdict(both, 500, false, right, right)).isEqualTo(Verdict.DIFFERENT);
        assertThat(verdict(both, 500, false)).isEqualTo(Verdict.DIFFERENT);
    }

    @Test
    void anExampleOfNoRecordIsDifferent() {
        assertThat(verdict(List.of(), 500, false, example(Kind.FINAL, "1", null, 20L))).isEqualTo(Verdict.DIFFERENT);
        assertThat(verdict(List.of(), 500, false)).isEqualTo(Verdict.EQUAL);
    }

    /// Nobody knows how far the time of the id's task has come, beyond what a tick says of all tasks.
    @Test
    void aWaitIsOverWhereATickSaysSoAndMayBeOverAfterThat() {
        List<List<Arrival>> event = List.of(List.of(EVENT));
        Example provisional = example(Kind.PROVISIONAL, "0", null, null);
        assertThat(verdict(event, 35, false)).isEqualTo(Verdict.EQUAL);
        assertThat(verdict(event, 35, false, provisional)).isEqualTo(Verdict.EQUAL);
        assertThat(verdict(event, 41, false)).isEqualTo(Verdict.DIFFERENT);
        assertThat(verdict(event, 41, false, provisional)).isEqualTo(Verdict.EQUAL);
    }

    @Test
    void aLabelThatATaskMustHaveReadLateIsToldApart() {
        List<List<Arrival>> both = List.of(List.of(EVENT), List.of(label(20, "1")));
        assertThat(verdict(both, 500, false, example(Kind.PROVISIONAL, "0", null, null),
                example(Kind.CORRECTION, "1", "0", 20L))).isEqualTo(Verdict.LATE);
        List<List<Arrival>> edge = List.of(List.of(EVENT), List.of(label(38, "1")));
        assertThat(verdict(edge, 500, false, example(Kind.PROVISIONAL, "0", null, null),
                example(Kind.CORRECTION, "1", "0", 38L))).isEqualTo(Verdict.EQUAL);
    }

    @Test
    void whereRetentionHasDeletedExamplesTheLastOnesCount() {
        List<List<Arrival>> both = List.of(List.of(EVENT), List.of(label(50, "1")));
        Example correction = example(Kind.CORRECTION, "1", "0", 50L);
        assertThat(verdict(both, 500, true, correction)).isEqualTo(Verdict.EQUAL);
        assertThat(verdict(both, 500, false, correction)).isEqualTo(Verdict.DIFFERENT);
        assertThat(verdict(both, 500, true, example(Kind.PROVISIONAL, "0", null, null))).isEqualTo(Verdict.DIFFERENT);
    }

    @Test
    void tooManyOrdersAreNoDifference() {
        List<Arrival> labels = IntStream.range(0, 14).mapToObj(i -> label(20 + i, "1")).toList();
        assertThat(verdict(List.of(List.of(EVENT), labels, labels), 500, false, example(Kind.FINAL, "7", null, 20L)))
                .isEqualTo(Verdict.UNDECIDED);
    }
}
