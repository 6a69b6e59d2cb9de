package io.tidegrad.cli.quickstart;

/// When each event of a steady stream is due. An open loop: a producer that was held up catches up, so the stream ends on
/// time unless the machine can't keep the rate at all.
///
/// @param eventsPerSecond above 0; infinity: every event is due at once
public record Pace(double eventsPerSecond) {
    public static final Pace UNLIMITED = new Pace(Double.POSITIVE_INFINITY);

    public Pace {
        if (!(eventsPerSecond > 0)) {
            throw new IllegalArgumentException(
                    "a rate is above 0 events/s, found " + eventsPerSecond);
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
            // Same answer as for a number that is no rate.
        }
        throw new IllegalArgumentException(
                "expected a number of events/s above 0, or max, found '" + rate + "'");
    }

    public boolean unlimited() {
        return eventsPerSecond == Double.POSITIVE_INFINITY;
    }

    /// How many events are due `elapsedNanos` after the start; the first one at 0.
    long due(long elapsedNanos, long events) {
        if (unlimited()) {
            return events;
        }
        return (long) Math.min(events, Math.floor(elapsedNanos * 1e-9 * eventsPerSecond) + 1);
    }

    /// Nanoseconds after the start when event number `index` (from 0) is due.
    long dueAt(long index) {
        return unlimited() ? 0 : (long) Math.ceil(index * 1e9 / eventsPerSecond);
    }
}
