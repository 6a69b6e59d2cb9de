package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.Specs;
import org.junit.jupiter.api.Test;

class StreamTimeTest {
    private static final long DAY = 86_400_000L;
    private static final long YEAR = 365 * DAY;
    private static final long IN_2099 = 4_070_908_800_000L;

    private final StreamTime time = new StreamTime(YEAR);

    private boolean offer(long at) {
        if (time.admits(at)) {
            time.accepted(at);
            return true;
        }
        time.rejected(at);
        return false;
    }

    private int rejectedOf(int rows, long from, long step) {
        int rejected = 0;
        for (int i = 0; i < rows; i++) {
            rejected += offer(from + i * step) ? 0 : 1;
        }
        return rejected;
    }

    @Test
    void aFirstRowIn2099RejectsNothingAndHoldsNothingUp() {
        assertThat(offer(IN_2099)).isTrue();
        assertThat(rejectedOf(10, Specs.START, 1_000)).isZero();
        assertThat(time.now()).isEqualTo(Specs.START + 9_000);
        assertThat(offer(IN_2099)).isFalse();
    }

    @Test
    void aFirstRowIn1970CostsOneRow() {
        assertThat(offer(0)).isTrue();
        assertThat(rejectedOf(10, Specs.START, 1_000)).isEqualTo(1);
        assertThat(time.now()).isEqualTo(Specs.START + 9_000);
    }

    @Test
    void aGapOfWeeksRejectsNothing() {
        rejectedOf(1_000, Specs.START, 1_000);
        assertThat(rejectedOf(1_000, Specs.START + 70 * DAY, 1_000)).isZero();
    }

    @Test
    void aClockGoneWrongIsRejectedForGood() {
        rejectedOf(20_000, Specs.START, 1_000);
        for (int i = 0; i < 20_000; i++) {
            assertThat(offer(IN_2099 + i)).isFalse();
            assertThat(offer(Specs.START + 20_000_000 + i)).isTrue();
        }
    }

    @Test
    void aBurstShorterThanWhatItContradictsIsRejected() {
        rejectedOf(300, Specs.START, 1_000);
        assertThat(rejectedOf(300, IN_2099, 1)).isEqualTo(300);
        assertThat(time.now()).isEqualTo(Specs.START + 299_000);
    }

    @Test
    void aTrueGapOfYearsCostsAsManyRowsAsSpeakAgainstIt() {
        rejectedOf(50_000, Specs.START, 1_000);
        assertThat(rejectedOf(50_000, Specs.START + 5 * YEAR, 1_000)).isEqualTo(10_000);
    }

    @Test
    void aTickMovesAStreamOverATrueGap() {
        rejectedOf(50_000, Specs.START, 1_000);
        time.advance(Specs.START + 5 * YEAR);
        assertThat(rejectedOf(100, Specs.START + 5 * YEAR, 1_000)).isZero();
    }

    @Test
    void lateRowsAreNeverRejectedAndDontTurnAnEstablishedStreamBack() {
        rejectedOf(10_000, IN_2099, 1);
        assertThat(rejectedOf(20_000, Specs.START, 1)).isZero();
        assertThat(time.now()).isEqualTo(IN_2099 + 9_999);
    }

    @Test
    void rowsInTheFutureThatDontAgreeAreNoRun() {
        rejectedOf(3, Specs.START, 1);
        assertThat(rejectedOf(20, IN_2099, 2 * YEAR)).isEqualTo(20);
    }
}
