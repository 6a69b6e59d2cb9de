package io.tidegrad.trainer.replay;

/// Learns a model again from its log of record and its registered spec, and from nothing else.
public final class Replay {
    private Replay() {}

    public static ReplayResult run(ReplayOptions options) {
        throw new UnsupportedOperationException();
    }
}
