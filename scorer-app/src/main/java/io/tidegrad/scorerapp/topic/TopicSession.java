package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.MissingRight;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.scorer.NotReadyException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.InvalidOffsetException;
import org.apache.kafka.clients.consumer.NoOffsetForPartitionException;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.WakeupException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Scores with one consumer and one producer until either fails. The requests of a poll are scored first, and only then
/// does a transaction begin, which writes the outcomes and the offsets of the requests. So no transaction is open while
/// the consumer polls, which is when partitions are reassigned, and a request that must wait costs no transaction. If
/// another process took over in the meantime, sending the offsets fails because of the group's generation (KIP-447),
/// and the transaction is aborted.
///
/// After an aborted transaction the consumer returns to the offsets that the group has committed. If it is unknown
/// whether a transaction was committed, the session ends: the next session's producer completes or aborts that
/// transaction before offsets are fetched. Used by one thread, except for `wakeup`.
final class TopicSession implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(TopicSession.class);

    private static final Duration POLL = Duration.ofMillis(200);
    private static final Duration PAUSE_MIN = Duration.ofMillis(50);
    private static final Duration PAUSE_MAX = Duration.ofSeconds(1);

    /// If this many bytes can be allocated after an OutOfMemoryError, a single request needed too much. Any small
    /// request may need this much.
    private static final int SPARE_BYTES = 1 << 20;

    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(1);

    private final String topic;
    private final Consumer<byte[], byte[]> consumer;
    private final Producer<byte[], byte[]> producer;
    private final Answering answering;
    private final TopicScorerCounters counters;
    private final BiConsumer<TopicScorerStatus.State, String> status;
    private Duration pause = PAUSE_MIN;
    private byte[] spare = {}; // a field, so that making it is not optimised away

    /// Turns the requests of a poll into outcomes, like `BatchScorer`.
    interface Answering {
        List<Outcome> answer(List<ConsumerRecord<byte[], byte[]>> requests);

        /// Returns the outcome for a request that failed unexpectedly.
        Outcome failed(ConsumerRecord<byte[], byte[]> request, Throwable cause);
    }

    /// @param producer producer whose transactions are initialized
    /// @param status told what the session is doing
    TopicSession(String topic, Consumer<byte[], byte[]> consumer, Producer<byte[], byte[]> producer,
            Answering answering, TopicScorerCounters counters, BiConsumer<TopicScorerStatus.State, String> status) {
        this.topic = topic;
        this.consumer = consumer;
        this.producer = producer;
        this.answering = answering;
        this.counters = counters;
        this.status = status;
    }

    /// Wakes up a blocked consumer; called from another thread.
    void wakeup() {
        consumer.wakeup();
    }

    /// Scores until it is told to stop.
    ///
    /// @throws WakeupException if it was told to stop
    /// @throws RuntimeException if another session must continue
    void run(BooleanSupplier open) {
        consumer.subscribe(List.of(topic));
        status.accept(TopicScorerStatus.State.RUNNING, "");
        while (open.getAsBoolean()) {
            ConsumerRecords<byte[], byte[]> polled = poll(POLL);
            if (!polled.isEmpty()) {
                answer(polled);
            }
            long lag = observe();
            if (polled.isEmpty() && lag == 0) {
                // The partitions of these requests may have gone to another process.
                status.accept(TopicScorerStatus.State.RUNNING, "");
            }
        }
    }

    private ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
        try {
            return consumer.poll(timeout);
        } catch (InvalidOffsetException e) {
            position(e);
            return ConsumerRecords.empty();
        }
    }

    private void answer(ConsumerRecords<byte[], byte[]> polled) {
        List<ConsumerRecord<byte[], byte[]>> requests = new ArrayList<>(polled.count());
        for (TopicPartition partition : polled.partitions()) {
            requests.addAll(polled.records(partition));
        }
        List<Outcome> outcomes;
        try {
            outcomes = outcomes(requests);
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            askAgain(polled, TopicScorerStatus.State.WAITING_FOR_REGISTRY, e);
            return;
        } catch (NotReadyException e) {
            askAgain(polled, TopicScorerStatus.State.WAITING_FOR_MODEL, e);
            return;
        }
        if (commit(polled, outcomes)) {
            counters.committed(outcomes);
            pause = PAUSE_MIN;
            status.accept(TopicScorerStatus.State.RUNNING, "");
        }
    }

    /// Scores the requests one by one after scoring them together failed, to find the ones that cause it. Nothing has
    /// been written yet, so this is safe. Those that fail become dead letters; repeated for ever, they would block all
    /// requests behind them.
    private List<Outcome> outcomes(List<ConsumerRecord<byte[], byte[]>> requests) {
        try {
            return answering.answer(requests);
        } catch (SchemaRegistry.RegistryUnavailableException | NotReadyException | WakeupException
                | InterruptException foreseen) {
            throw foreseen;
        } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
            log.error("{} requests of {} could not be answered together; each is tried alone", requests.size(), topic,
                    e);
        }
        List<Outcome> outcomes = new ArrayList<>(requests.size());
        for (ConsumerRecord<byte[], byte[]> request : requests) {
            outcomes.add(alone(request));
        }
        return outcomes;
    }

    /// @throws OutOfMemoryError if memory is short for any request, so that this one is not the cause
    private Outcome alone(ConsumerRecord<byte[], byte[]> request) {
        try {
            return answering.answer(List.of(request)).getFirst();
        } catch (SchemaRegistry.RegistryUnavailableException | NotReadyException | WakeupException
                | InterruptException foreseen) {
            throw foreseen;
        } catch (RuntimeException | StackOverflowError e) {
            return failed(request, e);
        } catch (OutOfMemoryError e) {
            spare = new byte[SPARE_BYTES]; // throws when there is no memory for anybody
            spare = new byte[0];
            return failed(request, e);
        }
    }

    private Outcome failed(ConsumerRecord<byte[], byte[]> request, Throwable cause) {
        log.error("{}-{} offset {}: this request erred twice and becomes a dead letter", request.topic(),
                request.partition(), request.offset(), cause);
        return answering.failed(request, cause);
    }

    private boolean commit(ConsumerRecords<byte[], byte[]> polled, List<Outcome> outcomes) {
        try {
            producer.beginTransaction();
            for (Outcome outcome : outcomes) {
                producer.send(outcome.record());
                if (outcome instanceof Outcome.Scored scored && scored.logged() != null) {
                    producer.send(scored.logged());
                }
            }
            producer.sendOffsetsToTransaction(next(polled), consumer.groupMetadata());
            producer.commitTransaction();
            return true;
        } catch (RuntimeException thrown) {
            RuntimeException e = thrown instanceof TopicAuthorizationException denied
                    ? MissingRight.ofProducer(denied, topic) : thrown;
            abort(e);
            counters.aborted();
            if (TopicScorer.refusalIn(e) != null) {
                throw e;
            }
            log.warn("a transaction with {} answers was aborted, they are tried again: {}", outcomes.size(),
                    TopicScorer.described(e));
            status.accept(TopicScorerStatus.State.RETRYING, TopicScorer.described(e));
            seekToCommitted(polled.partitions());
            rest();
            return false;
        }
    }

    /// Returns the offsets after the polled records.
    private static Map<TopicPartition, OffsetAndMetadata> next(ConsumerRecords<byte[], byte[]> polled) {
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        for (TopicPartition partition : polled.partitions()) {
            ConsumerRecord<byte[], byte[]> last = polled.records(partition).getLast();
            next.put(partition, new OffsetAndMetadata(last.offset() + 1, last.leaderEpoch(), ""));
        }
        return next;
    }

    /// @throws RuntimeException the cause, if this producer can't continue or it is unknown whether it has committed
    private void abort(RuntimeException cause) {
        try {
            producer.abortTransaction();
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
            throw cause;
        }
    }

    /// Returns to the committed offsets, so that a later poll returns the same requests. Nothing was written.
    private void askAgain(ConsumerRecords<byte[], byte[]> polled, TopicScorerStatus.State state, Exception why) {
        if (pause.equals(PAUSE_MIN)) {
            log.warn("requests wait: {}", why.getMessage());
        }
        status.accept(state, String.valueOf(why.getMessage()));
        rewind(polled);
        observe();
        rest();
    }

    private void rewind(ConsumerRecords<byte[], byte[]> polled) {
        Set<TopicPartition> assigned = consumer.assignment();
        for (TopicPartition partition : polled.partitions()) {
            if (assigned.contains(partition)) {
                consumer.seek(partition, polled.records(partition).getFirst().offset());
            }
        }
    }

    /// Waits for a moment and stays a member of the group, without taking records.
    private void rest() {
        consumer.pause(consumer.assignment());
        long end = System.nanoTime() + pause.toNanos();
        for (long left = pause.toNanos(); left > 0; left = end - System.nanoTime()) {
            // A partition that is assigned in the meantime is not paused and may return records.
            rewind(poll(Duration.ofNanos(left)));
            consumer.pause(consumer.assignment());
        }
        consumer.resume(consumer.assignment());
        Duration twice = pause.multipliedBy(2);
        pause = twice.compareTo(PAUSE_MAX) < 0 ? twice : PAUSE_MAX;
    }

    private void seekToCommitted(Set<TopicPartition> partitions) {
        Set<TopicPartition> ours = new HashSet<>(partitions);
        ours.retainAll(consumer.assignment());
        Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(ours);
        for (TopicPartition partition : ours) {
            OffsetAndMetadata offset = committed.get(partition);
            if (offset == null) {
                consumer.seekToBeginning(List.of(partition));
            } else {
                consumer.seek(partition, offset);
            }
        }
    }

    // ---- where to begin ----

    /// Chooses where to begin in a partition of which no request was answered yet, or whose next request is missing.
    private void position(InvalidOffsetException e) {
        if (e instanceof OffsetOutOfRangeException outOfRange) {
            outOfRange.offsetOutOfRangePartitions().forEach(this::positionInRange);
        } else if (e instanceof NoOffsetForPartitionException) {
            // Kafka's default would be to begin at the end, or to skip what was deleted without a word.
            consumer.seekToBeginning(e.partitions());
        } else {
            throw e;
        }
    }

    private void positionInRange(TopicPartition partition, long next) {
        List<TopicPartition> one = List.of(partition);
        long begin = consumer.beginningOffsets(one).getOrDefault(partition, 0L);
        if (next < begin) {
            counters.lost(begin - next);
            log.error(
                    "{}: requests from offset {} to below {} were deleted before they were read; nobody answers them. Keep"
                            + " requests for longer, or start more scorers",
                    partition, next, begin);
            consumer.seek(partition, begin);
            return;
        }
        // If a topic is deleted, the group's offsets are deleted with it, so what it holds now is new. Otherwise its
        // end was cut off.
        boolean anew = consumer.committed(Set.copyOf(one)).get(partition) == null;
        long end = consumer.endOffsets(one).getOrDefault(partition, 0L);
        log.error("{}: expected a request at offset {} or later, and the log ends at {}: {}", partition, next, end,
                anew ? "it was created again and is read from its beginning"
                        : "its brokers cut it short, and it is read from its end");
        consumer.seek(partition, anew ? begin : Math.min(next, end));
    }

    private long observe() {
        Set<TopicPartition> assigned = consumer.assignment();
        long lag = 0;
        for (TopicPartition partition : assigned) {
            lag += consumer.currentLag(partition).orElse(0);
        }
        counters.holds(assigned.size(), lag);
        return lag;
    }

    @Override
    public void close() {
        // The producer is closed first: an open transaction would delay the processes that take the partitions over.
        producer.close(CLOSE_WITHIN);
        consumer.close(CloseOptions.timeout(CLOSE_WITHIN));
        counters.holds(0, 0);
    }
}
