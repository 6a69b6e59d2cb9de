package io.tidegrad.cli.quickstart;

import java.util.Arrays;
import java.util.List;

/// Event to admitted: from the moment the broker appended an event until a scorer first served a version that contains
/// it. Milliseconds; both clocks are this machine's.
///
/// @param p50 NaN when no event is in any version
/// @param p99 as p50
/// @param missing events that no admitted version contains
record Freshness(double p50, double p99, long missing) {
    /// A version as the scorer admitted it.
    ///
    /// @param nextOffset of the events topic, exclusive: it contains every event before
    record Admitted(long nextOffset, long atMillis) {
    }

    /// @param appendedAt broker's append time (epoch ms) of each event
    /// @param firstOffset offset of the first event; the others follow it without a gap
    /// @param admissions in the order of admission
    static Freshness of(long[] appendedAt, long firstOffset, List<Admitted> admissions) {
        long[] waited = new long[appendedAt.length];
        int event = 0;
        for (Admitted admitted : admissions) {
            for (; event < appendedAt.length && firstOffset + event < admitted.nextOffset(); event++) {
                waited[event] = admitted.atMillis() - appendedAt[event];
            }
        }
        Arrays.sort(waited, 0, event);
        return new Freshness(percentile(waited, event, 0.50), percentile(waited, event, 0.99),
                appendedAt.length - event);
    }

    /// Nearest rank: the smallest value that at least this share of the values does not exceed.
    private static double percentile(long[] sorted, int count, double share) {
        return count == 0 ? Double.NaN : sorted[(int) Math.ceil(share * count) - 1];
    }
}
