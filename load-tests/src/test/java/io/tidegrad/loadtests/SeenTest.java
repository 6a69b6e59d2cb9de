package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SeenTest {
    @Test
    void anEventIsInWithTheFirstMomentBeyondIt() {
        Seen seen = new Seen();
        seen.add(2, 10);
        seen.add(2, 11); // nothing new
        seen.add(1, 12); // nor what goes back
        seen.add(5, 20);
        assertThat(seen.firstIn(4)).containsExactly(10, 10, 20, 20);
        assertThat(seen.newest()).isEqualTo(5);
        assertThat(seen.versionsFrom(2)).isEqualTo(1);
    }

    @Test
    void anEventThatNeverWasInIsNoTimeOfZero() {
        Seen seen = new Seen();
        seen.add(3, 10);
        assertThatThrownBy(() -> seen.firstIn(4)).isInstanceOf(LoadTestException.class)
                .hasMessage("expected all 4 events to be seen, found 3");
    }
}
