package io.tidegrad.joiner.topology;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/// Notices that a topic has been silent for longer than is usual. Labels that stop coming look like good news, so somebody
/// has to be told. What is usual is learned from the topic itself, as the mean time between two records, of which the last
/// thousand count most.
final class Silence {
    private static final double MEMORY = 1_000;

    /// Records that must have come before anything is usual.
    private static final long KNOWN = 20;

    /// A gap that is a hundred times the mean is no chance if records come by chance, and ten minutes spare topics that
    /// are filled in batches.
    private static final double UNUSUAL = 100;

    private static final Duration SHORTEST = Duration.ofMinutes(10);

    private long records = -1; // at the last look
    private long since; // nanoseconds, of the last record
    private long seen;
    private double gap; // nanoseconds

    /// @param total how many records the topic has had so far
    /// @param nanos of a clock that never goes back
    void look(long total, long nanos) {
        if (records < 0 || total < records) {
            records = total;
            since = nanos;
            return;
        }
        long more = total - records;
        if (more > 0) {
            double one = (double) (nanos - since) / more;
            double weight = seen == 0 ? 1 : Math.min(1, more / Math.min(MEMORY, seen + more));
            gap += weight * (one - gap);
            seen += more;
            records = total;
            since = nanos;
        }
    }

    /// Returns what is unusual, for people; null: nothing.
    @Nullable
    String unusual(String of, long nanos) {
        Duration silent = Duration.ofNanos(nanos - since);
        if (seen < KNOWN || silent.compareTo(SHORTEST) < 0 || silent.toNanos() < UNUSUAL * gap) {
            return null;
        }
        return "no " + of + " for " + text(silent) + ", where one came every " + text(Duration.ofNanos((long) gap));
    }

    private static String text(Duration time) {
        return time.toHours() > 0 ? time.toHours() + " h" : time.toMinutes() > 0 ? time.toMinutes() + " min"
                : time.toSeconds() > 0 ? time.toSeconds() + " s" : time.toMillis() + " ms";
    }
}
