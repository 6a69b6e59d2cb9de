package io.tidegrad.cli.quickstart;

/// Says when each event of a stream is due. The rate rises with the cube of time for `RISE_SECONDS` and is then constant. It
/// is an open loop: a producer that was delayed catches up, so the stream ends in time unless the machine can't keep up
/// with the rate.
///
/// The rate rises because four JVMs that have just started compile their code in the first seconds, and a stream in
/// production does not begin at its full rate in the second in which its trainer starts. A recipe has more to compile than a
/// network: on two busy cores it was up to 9 s behind where the rate rose for 4 s, and 2.5 s where it rises for 8 s.
///
/// @param eventsPerSecond rate after the rise, above 0; if it is infinite, all events are due at once
public record Pace(double eventsPerSecond) {
    public static final Pace UNLIMITED = new Pace(Double.POSITIVE_INFINITY);

    static final double RISE_SECONDS = 8;

    public Pace {
        if (!(eventsPerSecond > 0)) {
            throw new IllegalArgumentException("a rate is above 0 events/s, found " + eventsPerSecond);
        }
    }

    /// @param rate events/s, or `max`
    public static Pace parse(String rate) {
        if (rate.equals("max")) {
            return UNLIMITED;
        }
        try {
            double eventsPerSecond = Double.parseDouble(rate);
            if (eventsPerSecond > 0 && eventsPerSecond < Double.POSITIVE_INFINITY) {
                return new Pace(eventsPerSecond);
            }
        } catch (NumberFormatException notANumber) {
            // This is refused like a number that is no rate.
        }
        throw new IllegalArgumentException("expected a number of events/s above 0, or max, found '" + rate + "'");
    }

    public boolean unlimited() {
        return eventsPerSecond == Double.POSITIVE_INFINITY;
    }

    /// Returns how many events are due `elapsedNanos` after the start. The first one is due at 0.
    long due(long elapsedNanos, long events) {
        if (unlimited()) {
            return events;
        }
        double seconds = elapsedNanos * 1e-9;
        double before = seconds < RISE_SECONDS ? dueWhileRising() * Math.pow(seconds / RISE_SECONDS, 4)
                : dueWhileRising() + eventsPerSecond * (seconds - RISE_SECONDS);
        return (long) Math.min(events, Math.floor(before) + 1);
    }

    /// Returns the nanoseconds from the start until event number `index` (from 0) is due.
    long dueAt(long index) {
        if (unlimited()) {
            return 0;
        }
        double seconds = index < dueWhileRising() ? RISE_SECONDS * Math.pow(index / dueWhileRising(), 0.25)
                : RISE_SECONDS + (index - dueWhileRising()) / eventsPerSecond;
        return (long) Math.ceil(seconds * 1e9);
    }

    /// The integral of rate · (t / RISE_SECONDS)³.
    private double dueWhileRising() {
        return eventsPerSecond * RISE_SECONDS / 4;
    }
}
