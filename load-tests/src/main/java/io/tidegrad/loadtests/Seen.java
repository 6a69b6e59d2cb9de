package io.tidegrad.loadtests;

import java.util.ArrayList;
import java.util.List;

/// When what was first seen to hold how much of the log: moments, each with the offset up to which everything is in.
final class Seen {
    private record Moment(long nextOffset, long nanos) {
    }

    private final List<Moment> moments = new ArrayList<>();
    private long newest = -1;

    /// @param nextOffset exclusive
    /// @param nanos in the terms of `System.nanoTime`
    synchronized void add(long nextOffset, long nanos) {
        if (nextOffset > newest) {
            newest = nextOffset;
            moments.add(new Moment(nextOffset, nanos));
        }
    }

    synchronized long newest() {
        return newest;
    }

    /// How many rose above the one before, from an offset on.
    synchronized long versionsFrom(long offset) {
        return moments.stream().filter(moment -> moment.nextOffset() > offset).count();
    }

    /// For each event, when it was first in.
    ///
    /// @throws LoadTestException one never was
    synchronized long[] firstIn(int events) {
        long[] first = new long[events];
        int event = 0;
        for (Moment moment : moments) {
            for (; event < events && event < moment.nextOffset(); event++) {
                first[event] = moment.nanos();
            }
        }
        if (event < events) {
            throw new LoadTestException("expected all " + events + " events to be seen, found " + event);
        }
        return first;
    }
}
