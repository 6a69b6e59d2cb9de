package io.tidegrad.loadtests.chaos;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.joiner.app.BreakableJoiner;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class JoinLoadTest {
    private static JoinLoad.Options options(double rate, int kills, int zombies, boolean brokerKill) {
        return new JoinLoad.Options(10_000, rate, kills, zombies, brokerKill, 1, 0.1, true, List.of("Main"));
    }

    /// Returns what is found wrong with joiners that are broken on purpose.
    private static List<String> violations(Breaker breaker, int kills) throws InterruptedException {
        JoinLoad load = new JoinLoad(new JoinLoad.Options(kills == 0 ? 6_000 : 15_000, 200, kills, 0, false, 1, 0.1,
                true, List.of(BreakableJoiner.class.getName(), breaker.name())), System.out, System.out);
        load.run();
        return load.violations();
    }

    @Tag("load")
    @LongProof("the oracle on joiners as they are, beside those on broken ones")
    @Test
    void nothingIsWrongWithJoinersAsTheyAre() throws Exception {
        assertThat(violations(Breaker.NONE, 2)).isEmpty();
    }

    @ProvesOracle(Breaker.WRITES_EXAMPLES_TWICE)
    @Test
    void examplesThatAreWrittenTwiceAreReported() throws Exception {
        assertThat(violations(Breaker.WRITES_EXAMPLES_TWICE, 0))
                .anyMatch(each -> each.contains("expected [final false], found [final false, final false]"));
    }

    @Tag("load")
    @ProvesOracle(Breaker.WRITES_EXAMPLES_OUTSIDE_THE_TRANSACTION)
    @Test
    void examplesThatSurviveTheirTransactionAreReported() throws Exception {
        assertThat(violations(Breaker.WRITES_EXAMPLES_OUTSIDE_THE_TRANSACTION, 0))
                .anyMatch(each -> each.contains("expected [final false], found [final false, final false]"));
    }

    @Tag("load")
    @ProvesOracle(Breaker.COMMITS_PLACES_OUTSIDE_THE_TRANSACTION)
    @Test
    void recordsThatAreLostAreReported() throws Exception {
        assertThat(violations(Breaker.COMMITS_PLACES_OUTSIDE_THE_TRANSACTION, 0))
                .anyMatch(each -> each.startsWith("tx-") && each.endsWith("found []"));
    }

    @Tag("load")
    @ProvesOracle(Breaker.FORGETS_WHAT_IT_KEPT)
    @Test
    void stateThatIsNotRestoredIsReported() throws Exception {
        assertThat(violations(Breaker.FORGETS_WHAT_IT_KEPT, 2))
                .anyMatch(each -> each.startsWith("tx-") && each.endsWith("found []"));
    }

    @Tag("load")
    @ProvesOracle(Breaker.EXPIRES_BY_THE_WALL_CLOCK)
    @Test
    void waitsThatEndByTheWallClockAreReported() throws Exception {
        assertThat(violations(Breaker.EXPIRES_BY_THE_WALL_CLOCK, 0))
                .anyMatch(each -> each.contains("the joiner goes by the wall clock"))
                .anyMatch(each -> each.startsWith("tx-") && each.endsWith("found []"));
    }

    @Test
    void faultsThatWouldNotComeAreRefused() {
        for (int kills : new int[]{0, 1}) {
            assertThatThrownBy(() -> options(100, kills, 1, false)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("expected --kills 2 at least, found " + kills);
        }
        assertThatThrownBy(() -> options(100, 0, 0, true)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("--no-broker-kill");
        assertThatThrownBy(() -> options(0, 2, 0, false)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("--rate expects 1 to 1,000,000, found 0");
        assertThat(options(100, 0, 0, false).kills()).isZero();
        assertThat(options(100, 2, 2, true).zombies()).isEqualTo(2);
    }

    @Test
    void labelsThatAreReadTooLateAreAViolationAboveABound() {
        assertThat(JoinLoad.tooManyLate("events", 10, 0.1, 0.1)).isNull();
        assertThat(JoinLoad.tooManyLate("events", 2_700, 27, 0.1)).contains("at most 0.1 % of the events",
                "found 2,700, which are 27.000 %");
    }
}
