package io.tidegrad.trainer.store;

/// What became of the visible records of the log up to the watermark; each is counted once.
///
/// @param accepted rows that the model has learned, or holds for its next mini-batch
/// @param deadLetters events that were written to the dead-letter topic
/// @param ticks records that only end a mini-batch
/// @param hash of the records
public record Accounts(long accepted, long deadLetters, long ticks, LogHash hash) {
    public static final Accounts NONE = new Accounts(0, 0, 0, LogHash.NOTHING);

    /// As builds without a hash have left them: what comes next is hashed.
    public Accounts(long accepted, long deadLetters, long ticks) {
        this(accepted, deadLetters, ticks, LogHash.from(accepted + deadLetters + ticks));
    }

    public long total() {
        return accepted + deadLetters + ticks;
    }

    /// Returns the same counts with the hash that learning on to `later` has to begin with. An earlier build may have left
    /// a base without a hash, from which it is learned again to where hashing began.
    Accounts towards(Accounts later) {
        return hash.isEmpty() ? new Accounts(accepted, deadLetters, ticks, LogHash.from(later.hash().from())) : this;
    }

    /// Returns the same counts where something is left out of the log: what comes next is hashed anew, because a search
    /// can't know how much that is.
    public Accounts afterGap() {
        return new Accounts(accepted, deadLetters, ticks);
    }
}
