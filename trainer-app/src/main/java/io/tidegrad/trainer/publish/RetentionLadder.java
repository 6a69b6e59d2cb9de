package io.tidegrad.trainer.publish;

import io.tidegrad.trainer.store.RetainedSnapshot;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Decides which snapshots stay on the topic: the newest ones, the first full one of each of the last hours and days (of
/// UTC), and each version that a delta which stays changes. The result depends only on the list, which the store's
/// manifest keeps: "now" is the time of the newest snapshot. The first full one of an hour, and not the last, because
/// one can then go back to the begin of the present hour, too.
///
/// @param newest at least 1
/// @param hourly how many hours, that of the newest snapshot included; 0 for none
/// @param daily how many days, that of the newest snapshot included; 0 for none
public record RetentionLadder(int newest, int hourly, int daily) {
    private static final long HOUR = Duration.ofHours(1).toMillis();
    private static final long DAY = Duration.ofDays(1).toMillis();

    public RetentionLadder {
        if (newest < 1 || hourly < 0 || daily < 0) {
            throw new IllegalArgumentException(
                    "expected at least 1 snapshot and no negative number of hours or days, found " + newest + ", "
                            + hourly + ", " + daily);
        }
    }

    /// Returns whether full snapshots are kept beyond the newest ones.
    boolean hasRungs() {
        return hourly > 0 || daily > 0;
    }

    static boolean sameHour(long time, long other) {
        return Math.floorDiv(time, HOUR) == Math.floorDiv(other, HOUR);
    }

    /// @param snapshots all complete, oldest first
    /// @return those that stay, oldest first
    List<RetainedSnapshot> kept(List<RetainedSnapshot> snapshots) {
        Map<Long, RetainedSnapshot> byVersion = new HashMap<>();
        snapshots.forEach(snapshot -> byVersion.put(snapshot.version(), snapshot));
        Set<Long> kept = new HashSet<>();
        for (RetainedSnapshot snapshot : snapshots.subList(Math.max(0, snapshots.size() - newest), snapshots.size())) {
            keepWithParents(snapshot, byVersion, kept);
        }
        keepFirstFulls(snapshots, HOUR, hourly, kept);
        keepFirstFulls(snapshots, DAY, daily, kept);
        return snapshots.stream().filter(snapshot -> kept.contains(snapshot.version())).toList();
    }

    private static void keepWithParents(RetainedSnapshot snapshot, Map<Long, RetainedSnapshot> byVersion,
            Set<Long> kept) {
        RetainedSnapshot next = snapshot;
        while (next != null && kept.add(next.version())) {
            next = next.isDelta() ? byVersion.get(next.parent()) : null;
        }
    }

    private static void keepFirstFulls(List<RetainedSnapshot> snapshots, long span, int spans, Set<Long> kept) {
        if (snapshots.isEmpty() || spans == 0) {
            return;
        }
        long oldest = Math.floorDiv(snapshots.getLast().time(), span) - spans + 1;
        Map<Long, Long> firstOfSpan = new HashMap<>();
        for (RetainedSnapshot snapshot : snapshots) {
            long of = Math.floorDiv(snapshot.time(), span);
            if (!snapshot.isDelta() && snapshot.time() >= 0 && of >= oldest) {
                firstOfSpan.putIfAbsent(of, snapshot.version());
            }
        }
        kept.addAll(firstOfSpan.values());
    }
}
