package io.tidegrad.console;

import io.tidegrad.control.Decisions;

/// Goes back to a published version. Who starts the console brings it, because only scorers know whether they can load a
/// version, and only trainers whether they can go on from it.
@FunctionalInterface
public interface Rollback {
    /// @throws RuntimeException if nothing was decided; the message says why
    Decisions.RolledBack to(Decisions decisions, String model, Decisions.Back back);
}
