package io.tidegrad.model.learn;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.feature.Row;

/// How far event time has come: the newest event time of the rows that were accepted; and which rows lie implausibly
/// far ahead of it. A pure function of earlier rows and ticks.
///
/// **The rule.** A row may lie up to `maxAhead` (a year unless the spec says otherwise) beyond stream time: a gap of
/// weeks dead-letters nothing. What lies further ahead is rejected, unless the stream itself says so: `support` counts
/// the rows (at most 10,000) that agree with stream time; a run of rows further ahead that agree with each other
/// replaces it once the run is longer than the support. Any accepted row ends the run. So
///
/// - a first row in 2099 is accepted (there is nothing to compare it with), but has a support of one: two rows of today
///   in a row replace it, and it can neither reject them nor hold windows open;
/// - a first row in 1970 costs one rejected row, not all;
/// - after a day of rows a clock gone wrong is rejected, for up to 10,000 rows of a stream that had gone mad
///   altogether;
/// - a true gap of more than `maxAhead` needs as many rows as support it, or one tick with an event time, which is the
///   producer's word and counts at once.
///
/// Rows far *behind* are late, never rejected; a run of them replaces a stream time of less than 10,000 rows' support.
final class StreamTime {
    static final int SUPPORT_MAX = 10_000;
    static final long NONE = Row.NO_TIME;

    private final long maxAhead;
    private long now = NONE;
    private int support;
    private boolean runAhead;
    private int run;
    private long runTime = NONE; // the newest of the run

    /// @param maxAhead milliseconds
    StreamTime(long maxAhead) {
        this.maxAhead = maxAhead;
    }

    /// Epoch milliseconds, or `NONE`.
    long now() {
        return now;
    }

    boolean admits(long time) {
        return now == NONE || time <= now + maxAhead || runWith(time, true) > support;
    }

    /// A row that `admits` said no to.
    void rejected(long time) {
        extendRun(time, true);
    }

    /// A row that was accepted.
    void accepted(long time) {
        if (now == NONE) {
            settle(time, 1);
        } else if (time > now + maxAhead) {
            extendRun(time, true);
            settle(runTime, run);
        } else if (time < now - maxAhead && support < SUPPORT_MAX) {
            extendRun(time, false);
            if (run > support) {
                settle(runTime, run);
            }
        } else {
            settle(Math.max(now, time), support + 1);
        }
    }

    /// A tick with an event time.
    void advance(long time) {
        if (now == NONE || time > now) {
            settle(time, SUPPORT_MAX);
        }
    }

    private void settle(long time, int supporters) {
        now = time;
        support = Math.min(supporters, SUPPORT_MAX);
        run = 0;
    }

    private int runWith(long time, boolean ahead) {
        boolean agrees = run > 0 && runAhead == ahead && Math.abs(time - runTime) <= maxAhead;
        return agrees ? run + 1 : 1;
    }

    private void extendRun(long time, boolean ahead) {
        int length = runWith(time, ahead);
        runTime = length == 1 ? time : Math.max(runTime, time);
        runAhead = ahead;
        run = length;
    }

    void write(BinaryWriter to) {
        to.int64(now).int32(support).int8(runAhead ? 1 : 0).int32(run).int64(runTime);
    }

    void read(BinaryReader from) {
        now = from.int64();
        support = from.count("support of stream time", SUPPORT_MAX);
        runAhead = from.int8() == 1;
        run = from.count("run of rows", SUPPORT_MAX + 1);
        runTime = from.int64();
    }
}
