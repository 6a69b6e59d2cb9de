package io.tidegrad.loadtests;

import java.util.ArrayList;
import java.util.List;

/// How far event time goes back in a log, record by record, and how far it went on in one commit. The records of a commit have
/// offsets without a gap; between two commits lies the marker of a transaction. The growth of the first commit counts from its
/// first record.
final class LogOrder {
    private final int sampleEvery;
    private final List<StreamLoad.Place> places = new ArrayList<>();
    private long records;
    private long next = -1;
    private long most = Long.MIN_VALUE;
    private long mostBefore; // the commit
    private long back;
    private long backOfSample;
    private long commit;
    private long commits;
    private long ofThisCommit;
    private long ofACommit;

    /// @param sampleEvery how many records make a place of a plot
    LogOrder(int sampleEvery) {
        this.sampleEvery = sampleEvery;
    }

    void add(long offset, long eventTime) {
        if (offset != next) {
            commits++;
            mostBefore = next < 0 ? eventTime : most;
            ofThisCommit = 0;
        }
        next = offset + 1;
        ofACommit = Math.max(ofACommit, ++ofThisCommit);
        most = Math.max(most, eventTime);
        back = Math.max(back, most - eventTime);
        backOfSample = Math.max(backOfSample, most - eventTime);
        commit = Math.max(commit, most - mostBefore);
        if (++records % sampleEvery == 0) {
            places.add(new StreamLoad.Place(records, most, backOfSample));
            backOfSample = 0;
        }
    }

    /// Passes by a tick, which lies within a commit and is no record to learn from.
    void tick(long offset) {
        if (offset == next) {
            next++;
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

    /// The most records of one commit.
    long recordsOfACommit() {
        return ofACommit;
    }

    List<StreamLoad.Place> places() {
        return List.copyOf(places);
    }
}
