package io.tidegrad.cli.quickstart;

/// What the trainer's `/health` tells of one model. Measures are progressive; NaN before the first event.
///
/// @param nextOffset the watermark: next offset of the events topic, exclusive
/// @param hashes of exactly this state; empty where health was asked without them
record TrainerHealth(
        String state,
        long version,
        long learned,
        long pending,
        long deadLetters,
        long nextOffset,
        double logLoss,
        double priorLogLoss,
        double accuracy,
        double accuracyLast2000,
        double auc,
        long snapshotsPublished,
        String weightsHash,
        String stateHash) {
    boolean running() {
        return state.equals("running");
    }

    /// Everything before `endOffset` is learned, committed, hashed and published.
    boolean settledAt(long endOffset) {
        return nextOffset == endOffset && pending == 0 && !weightsHash.isEmpty();
    }

    static final TrainerHealth NOTHING_YET =
            new TrainerHealth(
                    "starting",
                    0,
                    0,
                    0,
                    0,
                    0,
                    Double.NaN,
                    Double.NaN,
                    Double.NaN,
                    Double.NaN,
                    Double.NaN,
                    0,
                    "",
                    "");
}
