package io.tidegrad.trainer.store;

/// Counts what became of the visible records of a log, which are passed in their order. For one thread.
public final class LogTally {
    private long nextOffset;
    private long accepted;
    private long deadLetters;
    private long ticks;
    private long newestAppendTime;
    private final RunningHash hash;

    /// @param nextOffset the offset before which every record is in `accounts`
    /// @param newestAppendTime timestamp of the newest accepted record (epoch ms); Long.MIN_VALUE if there is none
    public LogTally(long nextOffset, Accounts accounts, long newestAppendTime) {
        this.nextOffset = nextOffset;
        accepted = accounts.accepted();
        deadLetters = accounts.deadLetters();
        ticks = accounts.ticks();
        this.newestAppendTime = newestAppendTime;
        hash = new RunningHash(accounts.total(), accounts.hash());
    }

    /// Makes the tally of a log whose records before `offset` do not count.
    public static LogTally from(long offset) {
        return new LogTally(offset, Accounts.NONE, Long.MIN_VALUE);
    }

    /// Returns the hash of the records, which takes each one before it is counted.
    public RunningHash hash() {
        return hash;
    }

    public void accepted(long offset, long timestamp) {
        accepted++;
        newestAppendTime = Math.max(newestAppendTime, Math.max(0, timestamp));
        nextOffset = offset + 1;
    }

    public void deadLettered(long offset) {
        deadLetters++;
        nextOffset = offset + 1;
    }

    public void ticked(long offset) {
        ticks++;
        nextOffset = offset + 1;
    }

    /// Returns the offset after the last record.
    public long nextOffset() {
        return nextOffset;
    }

    public Accounts accounts() {
        return new Accounts(accepted, deadLetters, ticks, hash.now());
    }

    public long newestAppendTime() {
        return newestAppendTime;
    }
}
