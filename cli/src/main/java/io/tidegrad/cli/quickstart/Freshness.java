package io.tidegrad.cli.quickstart;

import java.util.Arrays;
import java.util.List;

/// The time in milliseconds from when the broker appended an event until a scorer first served a version that contains it.
/// Both times are by this machine's clock.
///
/// @param p50 NaN if no version contains an event
/// @param p99 like `p50`
/// @param missing number of events that no admitted version contains
record Freshness(double p50, double p99, long missing) {
    /// A version that the scorer admitted.
    ///
    /// @param nextOffset offset of the events topic: the version contains every event before it
    record Admitted(long nextOffset, long atMillis) {
    }

    /// @param appendedAt append time of each event, epoch ms
    /// @param firstOffset offset of the first event; the others follow without a gap
    /// @param admissions admissions in their order
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

    /// Returns the smallest value that at least this share of the values does not exceed.
    private static double percentile(long[] sorted, int count, double share) {
        return count == 0 ? Double.NaN : sorted[(int) Math.ceil(share * count) - 1];
    }
}
