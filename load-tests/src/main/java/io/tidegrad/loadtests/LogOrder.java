package io.tidegrad.loadtests;

import java.util.ArrayList;
import java.util.List;

/// How far event time goes back in a log, record by record, and how far it went on in one commit. The records of a commit have
/// offsets without a gap; between two commits lies the marker of a transaction.
final class LogOrder {
    private final int sampleEvery;
    private final List<StreamLoad.Place> places = new ArrayList<>();
    private long records;
    private long next = -1;
    private long most = Long.MIN_VALUE;
    private long mostBefore = Long.MIN_VALUE; // the commit
    private long back;
    private long backOfSample;
    private long commit;
    private long commits;

    /// @param sampleEvery how many records make a place of a plot
    LogOrder(int sampleEvery) {
        this.sampleEvery = sampleEvery;
    }

    void add(long offset, long eventTime) {
        if (offset != next) {
            commits++;
            mostBefore = most;
        }
        next = offset + 1;
        most = Math.max(most, eventTime);
        back = Math.max(back, most - eventTime);
        backOfSample = Math.max(backOfSample, most - eventTime);
        if (mostBefore > Long.MIN_VALUE) {
            commit = Math.max(commit, most - mostBefore);
        }
        if (++records % sampleEvery == 0) {
            places.add(new StreamLoad.Place(records, most, backOfSample));
            backOfSample = 0;
        }
    }

    long records() {
        return records;
    }

    long commits() {
        return commits;
    }

    /// The most by which a record's event time is less than one before it, in milliseconds.
    long back() {
        return back;
    }

    /// The most by which the largest event time grew in one commit.
    long commit() {
        return commit;
    }

    List<StreamLoad.Place> places() {
        return List.copyOf(places);
    }
}
