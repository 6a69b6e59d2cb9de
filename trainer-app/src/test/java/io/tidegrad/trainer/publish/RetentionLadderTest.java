package io.tidegrad.trainer.publish;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.trainer.store.RetainedSnapshot;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class RetentionLadderTest {
    private static final long MINUTE = 60_000;
    private static final long HOUR = 60 * MINUTE;
    private static final long START = 1_700_000_000_000L / (24 * HOUR) * 24 * HOUR;

    private static RetainedSnapshot full(long version, long time) {
        return new RetainedSnapshot(version, -1, 3, 1_000, START + time, true);
    }

    private static RetainedSnapshot delta(long version, long parent, long time) {
        return new RetainedSnapshot(version, parent, 1, 10, START + time, true);
    }

    private static List<Long> versions(List<RetainedSnapshot> snapshots) {
        return snapshots.stream().map(RetainedSnapshot::version).toList();
    }

    @Test
    void theNewestStayWithWhatTheyAreChangesTo() {
        List<RetainedSnapshot> all =
                List.of(full(1, 0), delta(2, 1, 1), full(3, 2), delta(4, 3, 3), delta(5, 4, 4), delta(6, 5, 5));
        assertThat(versions(new RetentionLadder(1, 0, 0).kept(all))).containsExactly(3L, 4L, 5L, 6L);
        assertThat(versions(new RetentionLadder(5, 0, 0).kept(all))).containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
        assertThat(versions(new RetentionLadder(1, 0, 0).kept(all.subList(0, 3)))).containsExactly(3L);
    }

    @Test
    void theFirstFullOfEachHourAndDayStays() {
        List<RetainedSnapshot> all = new ArrayList<>();
        for (int quarter = 0; quarter < 4 * 24 * 4; quarter++) {
            all.add(full(quarter, quarter * 15 * MINUTE));
        }
        // The last hours: 92 to 95 of 96; the last days: 0 is too old.
        assertThat(versions(new RetentionLadder(1, 4, 3).kept(all))).containsExactly(96L, 192L, 288L, 368L, 372L, 376L,
                380L, 383L);
    }

    /// One after the other, as a trainer does it, gives what all at once would.
    @Test
    void whatWasLetGoIsNeverWantedAgainAndEveryDeltaKeepsItsChain() {
        for (int seed = 0; seed < 300; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            RetentionLadder ladder =
                    new RetentionLadder(random.nextInt(1, 5), random.nextInt(0, 5), random.nextInt(0, 4));
            List<RetainedSnapshot> ever = new ArrayList<>();
            List<RetainedSnapshot> kept = List.of();
            long time = 0;
            for (int version = 0; version < 60; version++) {
                time += random.nextLong(2 * HOUR);
                RetainedSnapshot next = version == 0 || random.nextInt(4) == 0 ? full(version, time)
                        : delta(version, version - 1, time);
                ever.add(next);
                List<RetainedSnapshot> grown = new ArrayList<>(kept);
                grown.add(next);
                kept = ladder.kept(grown);
                assertThat(kept).as("seed %d", seed).isEqualTo(ladder.kept(ever));
                Set<Long> here = new HashSet<>(versions(kept));
                for (RetainedSnapshot snapshot : kept) {
                    assertThat(!snapshot.isDelta() || here.contains(snapshot.parent()))
                            .as("seed %d: parent of %s", seed, snapshot).isTrue();
                }
                assertThat(here).contains((long) version);
            }
        }
    }
}
