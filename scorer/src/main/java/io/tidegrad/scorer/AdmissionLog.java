package io.tidegrad.scorer;

import java.util.ArrayList;
import java.util.List;

/// The newest admissions of a process; the oldest are overwritten. The time from event to admission is measured from
/// it: the first entry with `nextOffset > o` says when the event at offset o of the log of record could first affect a
/// prediction.
public final class AdmissionLog {
    public static final int CAPACITY = 4096;

    /// @param sequence 1 for the first admission of this process, increasing without gaps
    /// @param model model of the version: the one of the scorer's name, or one that was promoted to it
    /// @param nextOffset of the log of record, exclusive
    /// @param admittedAtMillis epoch ms of the swap
    /// @param newestAppendTime record timestamp (epoch ms) of the newest event contained
    public record Entry(long sequence, String model, int epoch, long version, long nextOffset, long admittedAtMillis,
            long newestAppendTime) {
    }

    private final Entry[] ring = new Entry[CAPACITY];
    private long admissions;

    synchronized void add(ServedVersion model) {
        admissions++;
        ring[(int) (admissions % CAPACITY)] = new Entry(admissions, model.model(), model.epoch(), model.version(),
                model.nextOffset(), model.admittedAt(), model.newestAppendTime());
    }

    /// Returns the number of admissions since this process started.
    public synchronized long count() {
        return admissions;
    }

    /// Returns the entries with a sequence above `sequence` that are still held, oldest first. If some were
    /// overwritten, the first one's sequence is above `sequence + 1`.
    public synchronized List<Entry> after(long sequence) {
        long from = Math.max(Math.max(sequence, 0), admissions - CAPACITY) + 1;
        List<Entry> entries = new ArrayList<>();
        for (long next = from; next <= admissions; next++) {
            entries.add(ring[(int) (next % CAPACITY)]);
        }
        return entries;
    }
}
