package io.tidegrad.joiner.verify;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.verify.BruteForceJoin.Result;
import io.tidegrad.joiner.verify.PossibleJoins.Possible;
import io.tidegrad.model.stream.StreamSpec;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Times are seconds; `wait` is 30, `window` 100.
class PossibleJoinsTest {
    private static final StreamSpec SPEC = StreamSpec.parse("""
            stream: payments
            events: { topic: payments, key: id }
            labels: { topic: chargebacks, key: id, value: fraud }
            join: { wait: PT30S, missing: 0, window: PT100S }
            """, "spec");

    private static Arrival event(long seconds) {
        return new Arrival.OfEvent("tx",
                new EventRecord(seconds * 1_000, new Position(0, 0), 1, new EventRecord.Content(new byte[0])));
    }

    private static Arrival label(long seconds, @Nullable String label) {
        return new Arrival.OfLabel("tx", new LabelRecord(seconds * 1_000, new Position(1, 0), label, null, null));
    }

    private static Set<String> possible(long ahead, List<Arrival> events, List<Arrival> labels) {
        Possible possible = PossibleJoins.of(SPEC, "tx", List.of(events, labels), Duration.ofSeconds(ahead), 1_000_000);
        assertThat(possible.whole()).isTrue();
        return possible.results().stream().map(PossibleJoinsTest::told).collect(Collectors.toSet());
    }

    private static String told(Result result) {
        return result.examples().stream().map(example -> example.kind().code() + " " + example.label())
                .collect(Collectors.joining(", "))
                + result.deadLetters().stream().map(letter -> " " + letter.reason().code()).sorted()
                        .collect(Collectors.joining());
    }

    @Test
    void aLabelWellWithinWaitHasOneOutcome() {
        assertThat(possible(5, List.of(event(10)), List.of(label(20, "1")))).containsExactly("final 1");
    }

    @Test
    void aLabelAtTheEdgeOfWaitHasTwoIfTheTaskMayBeAhead() {
        assertThat(possible(0, List.of(event(10)), List.of(label(40, "1")))).containsExactly("final 1");
        assertThat(possible(5, List.of(event(10)), List.of(label(40, "1")))).containsExactlyInAnyOrder("final 1",
                "provisional 0, correction 1");
    }

    @Test
    void aLabelAfterWaitNeverComesInTime() {
        assertThat(possible(5, List.of(event(10)), List.of(label(41, "1"))))
                .containsExactly("provisional 0, correction 1");
    }

    @Test
    void aTaskThatReadsLabelsFarAheadTakesThemAsEarlyOnes() {
        assertThat(possible(60, List.of(event(10)), List.of(label(41, "1")))).containsExactlyInAnyOrder("final 1",
                "provisional 0, correction 1");
    }

    @Test
    void labelsOfOnePartitionKeepTheirOrder() {
        assertThat(possible(0, List.of(event(10)), List.of(label(20, "1"), label(20, "2")))).containsExactly("final 1");
    }

    @Test
    void labelsOfTwoPartitionsHaveEither() {
        Possible possible = PossibleJoins.of(SPEC, "tx",
                List.of(List.of(event(10)), List.of(label(20, "1")), List.of(label(20, "2"))), Duration.ZERO,
                1_000_000);
        assertThat(possible.results().stream().map(PossibleJoinsTest::told)).containsExactlyInAnyOrder("final 1",
                "final 2");
    }

    @Test
    void tooManyOrdersAreSaidToBeTooMany() {
        List<Arrival> labels = IntStream.range(0, 14).mapToObj(i -> label(20 + i, "1")).toList();
        assertThat(PossibleJoins
                .of(SPEC, "tx", List.of(List.of(event(10)), labels, labels), Duration.ofSeconds(60), 1_000_000).whole())
                .isFalse();
    }
}
