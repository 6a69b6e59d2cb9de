package io.tidegrad.loadtests.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.loadtests.chaos.Ledger.Letter;
import io.tidegrad.loadtests.chaos.ScorerUnderTest.Served;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/// What a chaos run looks at besides hashes and counts, given what must not be.
class LedgerTest {
    private static final List<Letter> REJECTED = List.of(new Letter(3, 30), new Letter(7, 70));

    @Test
    void lettersOfEveryRefusedEventAreInOrder() {
        assertThat(Ledger.lettersAmiss(REJECTED, REJECTED)).isEmpty();
        assertThat(Ledger.lettersAmiss(REJECTED, List.of(new Letter(3, Ledger.CUT), REJECTED.get(1)))).isEmpty();
    }

    @Test
    void aLostLetterADoubleOneAndChangedBytesAreNoticed() {
        assertThat(Ledger.lettersAmiss(REJECTED, REJECTED.subList(0, 1))).extracting(Violation::invariant)
                .containsExactly("I6");
        assertThat(Ledger.lettersAmiss(REJECTED, List.of(REJECTED.get(0), REJECTED.get(0), REJECTED.get(1))))
                .hasSize(1);
        assertThat(Ledger.lettersAmiss(REJECTED, List.of(REJECTED.get(0), new Letter(7, 71)))).hasSize(1);
    }

    @Test
    void aVersionThatNeverCommittedAndAForgedOneAreNoticed() {
        Served committed = new Served(1, 100, 101);
        assertThat(Ledger.unpublished(List.of(committed), Set.of(100L))).isEmpty();
        assertThat(Ledger.unpublished(List.of(new Served(1, 150, 151)), Set.of(100L))).extracting(Violation::invariant)
                .containsExactly("I11");
        assertThat(Ledger.unpublished(List.of(new Served(1_000, 100, 101)), Set.of(100L)))
                .extracting(Violation::invariant).containsExactly("I15");
    }

    @Test
    void aVersionThatGoesBackIsNoticed() {
        Served older = new Served(1, 100, 101);
        Served newer = new Served(1, 150, 151);
        assertThat(World.notRising(List.of(older, newer))).isEmpty();
        assertThat(World.notRising(List.of(newer, older))).extracting(Violation::invariant).containsExactly("I14");
    }
}
