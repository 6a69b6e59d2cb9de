package io.tidegrad.trainer.poll;

import org.jspecify.annotations.Nullable;

/// The order to stop, which any thread gives and the stream thread follows. From then on nothing more is read from the
/// log, so that everything that was read can be learned, published and kept, and a restart needs no event again.
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

    /// Makes the stream thread run its action although nothing is to stop. From any thread.
    public void lookAgain() {
        lookAgain = true;
    }

    /// Sets the action that runs at the first poll after the order, and at each poll after `lookAgain`; null for none.
    /// From the stream thread only.
    public void whenGiven(@Nullable Runnable action) {
        whenGiven = action;
    }

    /// Called at each poll, on the stream thread. Returns true if nothing may be read.
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
