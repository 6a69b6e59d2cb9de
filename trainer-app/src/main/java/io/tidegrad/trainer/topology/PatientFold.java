package io.tidegrad.trainer.topology;

import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.ModelDivergedException;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.SchemaRegistry;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Folds the log's records into a model, for the first time or again. An unknown schema is the event's fault, but a
/// registry that does not answer is not: the fold waits a little, then the trainer stops and is started again. An event
/// changes nothing until its schema is known.
record PatientFold(String model, EventFold fold, Patience patience) {
    private static final Logger LOG = LoggerFactory.getLogger(PatientFold.class);

    /// Its dead letter, which has the reason, was written then.
    private static final Rejection REJECTED_BEFORE =
            new Rejection(Rejection.Reason.ENDED_THE_TRAINER, "rejected when it was folded for the first time");

    private static final Duration FIRST_PAUSE = Duration.ofMillis(50);

    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    /// Folds a record that was folded before, outside of a transaction, so that it may wait as long as it likes and
    /// may not be set aside.
    ///
    /// @param rejected whether it was rejected for a reason outside of the log, and so must be again
    EventFold.Outcome foldAgain(ConsumerRecord<byte[], byte[]> at, boolean rejected) {
        patience.start();
        try {
            return rejected ? refuse(at, REJECTED_BEFORE) : fold(at, null);
        } catch (StopException | KafkaException known) {
            throw known;
        } catch (RuntimeException | Error e) {
            throw new StopException(ExitCode.INTERNAL,
                    "model " + model + ": expected the event at " + at.topic() + "-" + at.partition() + " offset "
                            + at.offset() + " to be learned again, as it was learned before, found " + e
                            + "; start with the heap and the build that learned it",
                    e);
        }
    }

    /// Rejects an event without decoding it.
    EventFold.Outcome refuse(ConsumerRecord<byte[], byte[]> at, Rejection rejection) {
        return fold.refuse(at.value(), at.headers(), rejection);
    }

    /// @param prepared the event, if another thread has prepared it
    EventFold.Outcome fold(ConsumerRecord<byte[], byte[]> at, @Nullable PreparedEvent prepared) {
        Duration pause = FIRST_PAUSE;
        while (true) {
            try {
                return prepared == null ? fold.fold(at.value(), at.headers()) : EventFold.learn(prepared, fold.model());
            } catch (SchemaRegistry.RegistryUnavailableException e) {
                if (patience.left().compareTo(pause) <= 0 || Thread.currentThread().isInterrupted()) {
                    throw new StopException(ExitCode.RETRYABLE,
                            "model " + model + ": expected the schema of " + at.topic() + "-" + at.partition()
                                    + " offset " + at.offset() + " from the schema registry within "
                                    + patience.whole().toMillis() + " ms, found: " + e.getMessage()
                                    + "; nothing is lost: learning goes on at this offset once the registry answers",
                            e);
                }
                LOG.warn("model {}: waiting for the schema registry: {}", model, e.getMessage());
                LockSupport.parkNanos(pause.toNanos());
                Duration twice = pause.multipliedBy(2);
                pause = twice.compareTo(LONGEST_PAUSE) < 0 ? twice : LONGEST_PAUSE;
            } catch (ModelDivergedException e) {
                throw new StopException(ExitCode.MODEL_DIVERGED, "model " + model + " at " + at.topic() + "-"
                        + at.partition() + " offset " + at.offset() + ": " + e.getMessage(), e);
            }
        }
    }
}
