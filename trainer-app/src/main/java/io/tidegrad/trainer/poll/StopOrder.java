package io.tidegrad.trainer.poll;

import org.jspecify.annotations.Nullable;

/// The order to stop, given by any thread and followed by the stream thread: from then on nothing more is read from the
/// log, so that what has been read can be learned, published and kept, and the trainer ends in a state that a restart
/// needs no event for.
public final class StopOrder {
    private volatile boolean given;
    private volatile boolean lookAgain;
    private @Nullable Runnable whenGiven; // on the stream thread

    public void give() {
        given = true;
    }

    public boolean isGiven() {
        return given;
    }

    /// From any thread: there may be something to do, though nothing is to stop.
    public void lookAgain() {
        lookAgain = true;
    }

    /// Runs on the stream thread, once at its first poll after the order, and at each poll after `lookAgain`. From the
    /// stream thread only; null forgets it.
    public void whenGiven(@Nullable Runnable action) {
        whenGiven = action;
    }

    /// At each poll, on the stream thread. True when nothing may be read.
    boolean follow() {
        Runnable action = whenGiven;
        if (!given) {
            if (lookAgain && action != null) {
                lookAgain = false;
                action.run();
            }
            return false;
        }
        whenGiven = null;
        if (action != null) {
            action.run();
        }
        return true;
    }
}
