package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;

/// Why a store stops, in the words of the person who must act.
public final class Refusals {
    private Refusals() {}

    /// The state is sound, but of something else than asked for.
    static TrainerException otherSpec(Lineage lineage, String expected, String found) {
        return new TrainerException(ExitCode.CONFIGURATION,
                "model " + lineage.model() + ": the stored state is not of this spec: expected " + expected + ", found "
                        + found + "; give the spec it was learned with, or learn under a new model name");
    }

    /// Changelog, offsets and log contradict each other.
    static TrainerException violation(Lineage lineage, String expected, String found, String remedy) {
        return new TrainerException(ExitCode.STATE_VIOLATION,
                "model " + lineage.model() + ": expected " + expected + ", found " + found + "; " + remedy);
    }

    /// Bytes of the changelog are not what was written.
    ///
    /// @param where topic, and offset where one record is to blame
    static TrainerException damaged(String where, DamagedException damage) {
        return new TrainerException(ExitCode.STATE_VIOLATION,
                "the model store's changelog is damaged: " + where + ": " + damage.getMessage()
                        + "; nothing was learned from it. Restore the topic, or replay the log under a new model name",
                damage);
    }

    /// The changelog can't be judged yet. Until then nothing may be learned from it.
    static TrainerException hidden(Lineage lineage, String expected, String changelog) {
        return new TrainerException(ExitCode.RETRYABLE,
                "model " + lineage.model() + ": expected " + expected
                        + ", found that a transaction of a trainer that was replaced is still open in " + changelog
                        + ": what was committed since can't be seen before brokers abort it (transaction.timeout.ms)."
                        + " Nothing is lost, start again");
    }

    /// Kafka did not answer; never its own exception, which Streams would take for something it can repair.
    static TrainerException unreadable(Lineage lineage, String what, RuntimeException cause) {
        return new TrainerException(ExitCode.RETRYABLE,
                "model " + lineage.model() + ": " + what + " could not be read: " + cause.getMessage(), cause);
    }
}
