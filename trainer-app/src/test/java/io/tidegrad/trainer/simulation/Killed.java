package io.tidegrad.trainer.simulation;

/// The end of a simulated process, here and now. An error, so that nothing of ours catches it.
final class Killed extends Error {
    Killed(String where) {
        super(where, null, false, false);
    }
}
