package io.tidegrad.localstack;

/// A model's health from the trainer's `/health`. Everything in it is committed.
///
/// @param state `running` when it learns
/// @param version update count
/// @param learned events that changed the weights
/// @param nextOffset the watermark: next offset of the events topic, exclusive
/// @param publishedVersion version of the newest snapshot; -1 before the first
/// @param report measures and hashes, possibly of an earlier watermark
public record TrainerHealth(String state, long version, long learned, long pending, long deadLetters, long nextOffset,
        long publishedVersion, Report report) {
    /// Progressive measures (NaN if undefined) and hashes at one watermark.
    public record Report(long nextOffset, double logLoss, double priorLogLoss, double accuracy, double accuracyLast2000,
            double auc, String weightsHash, String stateHash) {
        public static final Report NONE =
                new Report(0, Double.NaN, Double.NaN, Double.NaN, Double.NaN, Double.NaN, "", "");
    }

    public static final TrainerHealth NONE = new TrainerHealth("", 0, 0, 0, 0, 0, -1, Report.NONE);

    public boolean running() {
        return state.equals("running");
    }

    /// Whether everything before `endOffset` is learned, reported and published.
    public boolean settledAt(long endOffset) {
        return nextOffset == endOffset && pending == 0 && report.nextOffset() == endOffset
                && publishedVersion == version;
    }
}
