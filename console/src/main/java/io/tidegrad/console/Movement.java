package io.tidegrad.console;

import java.util.ArrayDeque;
import java.util.Deque;

/// A place in a log as it moves on: how fast, and since when it stands still. It keeps what was seen in the newest ten
/// seconds.
final class Movement {
    static final long OVER_MILLIS = 10_000;

    private static final long LATE_MILLIS = 2_000;
    private static final int SEEN_MAX = 64;

    private record Seen(long offset, long millis) {
    }

    private final Deque<Seen> seen = new ArrayDeque<>();
    private long moved = -1;

    /// Takes a sighting. Some come a little late; what lies far before the last one is another log, or another clock, and
    /// begins anew.
    ///
    /// @param at when, epoch ms
    void seen(long offset, long at) {
        Seen last = seen.peekLast();
        long millis = last != null && at < last.millis() && last.millis() - at < OVER_MILLIS ? last.millis() : at;
        if (last != null && offset < last.offset() && Math.abs(millis - last.millis()) < LATE_MILLIS) {
            return;
        }
        if (last == null || offset != last.offset()) {
            moved = millis;
        }
        if (last != null && (offset < last.offset() || millis < last.millis())) {
            seen.clear();
        }
        seen.add(new Seen(offset, millis));
        while (seen.size() > SEEN_MAX || seen.size() > 2 && second().millis() <= millis - OVER_MILLIS) {
            seen.remove();
        }
    }

    private Seen second() {
        return seen.stream().skip(1).findFirst().orElseThrow();
    }

    /// Returns when the offset changed last, epoch ms, or -1 if none was seen.
    long moved() {
        return moved;
    }

    /// Returns offsets in a second, or NaN as long as two were not seen at different times.
    double rate() {
        Seen first = seen.peekFirst();
        Seen last = seen.peekLast();
        return first == null || last == null || last.millis() == first.millis() ? Double.NaN
                : (last.offset() - first.offset()) * 1_000.0 / (last.millis() - first.millis());
    }
}
