package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.util.function.Supplier;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.jspecify.annotations.Nullable;

/// Makes the exceptions with which a store stops.
final class Refusals {
    private Refusals() {}

    /// For a sound state of another spec or epoch.
    static StopException otherSpec(Lineage lineage, String expected, String found) {
        return new StopException(ExitCode.CONFIGURATION,
                "model " + lineage.model() + ": the stored state is not of this spec: expected " + expected + ", found "
                        + found + "; give the spec it was learned with, or learn under a new model name");
    }

    /// For a changelog, offsets and a log that contradict each other.
    static StopException violation(Lineage lineage, String expected, String found, String remedy) {
        return new StopException(ExitCode.STATE_VIOLATION,
                "model " + lineage.model() + ": expected " + expected + ", found " + found + "; " + remedy);
    }

    /// For bytes of the changelog that are not what was written.
    ///
    /// @param where the topic, and the offset of the record if there is one
    static StopException damaged(String where, DamagedException damage) {
        return new StopException(ExitCode.STATE_VIOLATION,
                "the model store's changelog is damaged: " + where + ": " + damage.getMessage()
                        + "; nothing was learned from it. Restore the topic, or replay the log under a new model name",
                damage);
    }

    /// For a changelog whose newest records an open transaction hides, so that nothing may be learned from it yet.
    static StopException hidden(Lineage lineage, String expected, String changelog) {
        return new StopException(ExitCode.RETRYABLE,
                "model " + lineage.model() + ": expected " + expected
                        + ", found that a transaction of a trainer that was replaced is still open in " + changelog
                        + ": what was committed since can't be seen before brokers abort it (transaction.timeout.ms)."
                        + " Nothing is lost, start again");
    }

    /// Returns what `read` returns. Kafka's own exceptions become ours, because Streams would try to repair the task after
    /// one of them; only an interruption is thrown as it is.
    ///
    /// @param what what is read
    static <T extends @Nullable Object> T reading(Lineage lineage, String what, Supplier<T> read) {
        try {
            return read.get();
        } catch (InterruptException e) {
            throw e;
        } catch (KafkaException e) {
            throw new StopException(ExitCode.RETRYABLE,
                    "model " + lineage.model() + ": " + what + " could not be read: " + e.getMessage(), e);
        }
    }
}
