package io.tidegrad.cli.quickstart;

import io.tidegrad.cli.CommandException;
import java.time.Duration;

/// Ends a wait for something that no longer moves. A slow machine may take any time.
final class Standstill {
    private final String who;
    private final Duration bound;
    private long last = Long.MIN_VALUE;
    private long movedNanos = System.nanoTime();

    Standstill(String who, Duration bound) {
        this.who = who;
        this.bound = bound;
    }

    /// @param position a number that changes if something moves
    /// @throws CommandException if nothing has moved for too long
    void look(long position, String where) {
        long now = System.nanoTime();
        if (position != last) {
            last = position;
            movedNanos = now;
        } else if (now - movedNanos > bound.toNanos()) {
            throw new CommandException(who + " has not moved for " + bound.toSeconds() + " s: it stands at " + where);
        }
    }
}
