package io.tidegrad.trainer.store;

/// What became of every visible record of the log up to the watermark:
/// `accepted + deadLetters + ticks` = visible records consumed.
///
/// @param accepted rows the model took: learned or pending
/// @param deadLetters events written to the dead-letter topic
/// @param ticks records that only end a mini-batch
public record Accounts(long accepted, long deadLetters, long ticks) {
    long total() {
        return accepted + deadLetters + ticks;
    }
}
