package io.tidegrad.trainer.store;

/// What became of the visible records of the log up to the watermark; each is counted once.
///
/// @param accepted rows that the model has learned, or holds for its next mini-batch
/// @param deadLetters events that were written to the dead-letter topic
/// @param ticks records that only end a mini-batch
public record Accounts(long accepted, long deadLetters, long ticks) {
    public static final Accounts NONE = new Accounts(0, 0, 0);

    long total() {
        return accepted + deadLetters + ticks;
    }
}
