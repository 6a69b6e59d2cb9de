package io.tidegrad.model.learn;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.feature.Row;

/// Stream time: the newest event time of the accepted rows. Decides which rows lie implausibly far ahead of it. A pure
/// function of earlier rows and ticks.
///
/// **The rule.** A row may lie up to `maxAhead` (a year unless the spec says otherwise) beyond stream time: a gap of
/// weeks dead-letters nothing. A row further ahead is rejected, unless enough rows agree with it: `support` counts the
/// rows (at most 10,000) that agree with stream time, and a run of rows further ahead that agree with each other
/// replaces stream time once the run is longer than the support. Any accepted row ends the run. So
///
/// - a first row in 2099 is accepted (there is nothing to compare it with) but has a support of one: two consecutive
///   rows of today replace it, so it neither blocks them nor keeps windows open;
/// - a first row in 1970 costs one rejected row, not all;
/// - after a day of rows, rows of a wrong clock are rejected; if every row has the wrong clock, at most 10,000 of them;
/// - a real gap of more than `maxAhead` needs a run longer than the support, or one tick with an event time, which the
///   producer vouches for and which counts at once.
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
    private long runTime = NONE; // newest event time of the run

    /// @param maxAhead milliseconds
    StreamTime(long maxAhead) {
        this.maxAhead = maxAhead;
    }

    /// Stream time in epoch milliseconds, or `NONE`.
    long now() {
        return now;
    }

    boolean admits(long time) {
        return now == NONE || time <= now + maxAhead || runWith(time, true) > support;
    }

    /// Notes a row that `admits` rejected.
    void rejected(long time) {
        extendRun(time, true);
    }

    /// Notes a row that was accepted.
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

    /// Raises stream time to a tick's event time.
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
