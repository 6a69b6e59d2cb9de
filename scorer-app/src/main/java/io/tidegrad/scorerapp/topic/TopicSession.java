package io.tidegrad.scorerapp.topic;

import io.tidegrad.schemas.PollBudget;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.scorer.NotReadyException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
import org.apache.kafka.common.errors.WakeupException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One life of a consumer and a producer: a poll's requests are answered first, and only then does a transaction begin,
/// which writes the answers and the offsets behind the requests. So nothing is open and nothing is held while the
/// consumer polls, which is when partitions change hands; and an answer that can't be given yet costs no transaction.
/// Who was replaced meanwhile is found out when it sends its offsets, by its generation of the group (KIP-447), and
/// aborts.
///
/// After a transaction that did not commit the consumer goes back to what the group has committed. Where it can't be
/// told whether it did, a session is given up: the next one's producer ends the transaction, one way or the other,
/// before it asks. One thread, but for `wakeup`.
final class TopicSession implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(TopicSession.class);

    private static final Duration POLL = Duration.ofMillis(200);
    private static final Duration PAUSE_MIN = Duration.ofMillis(50);
    private static final Duration PAUSE_MAX = Duration.ofSeconds(1);

    /// If so many bytes can be allocated after an OutOfMemoryError, one request asked for too much. It is what any small request
    /// may take.
    private static final int SPARE_BYTES = 1 << 20;

    private static final Duration CLOSE_WITHIN = Duration.ofSeconds(1);

    private final String topic;
    private final Consumer<byte[], byte[]> consumer;
    private final PollBudget budget;
    private final Producer<byte[], byte[]> producer;
    private final Answering answering;
    private final TopicScorerCounters counters;
    private final Telling telling;
    private Duration pause = PAUSE_MIN;
    private byte[] spare = {}; // a field, so that making it is not optimised away

    /// Makes of a poll's requests what is to be written, as `BatchScorer`.
    interface Answering {
        List<Outcome> answer(List<ConsumerRecord<byte[], byte[]>> requests);

        /// What is to be written for a request that can't be answered for a reason that nobody foresaw.
        Outcome failed(ConsumerRecord<byte[], byte[]> request, Throwable cause);
    }

    /// Hears what the session is doing.
    @FunctionalInterface
    interface Telling {
        void tell(TopicScorerStatus.State state, String detail);
    }

    /// @param budget of the consumer's deserializers
    /// @param producer its transactions are initialized
    TopicSession(String topic, Consumer<byte[], byte[]> consumer, PollBudget budget, Producer<byte[], byte[]> producer,
            Answering answering, TopicScorerCounters counters, Telling telling) {
        this.topic = topic;
        this.consumer = consumer;
        this.budget = budget;
        this.producer = producer;
        this.answering = answering;
        this.counters = counters;
        this.telling = telling;
    }

    /// From another thread: ends what the consumer waits for.
    void wakeup() {
        consumer.wakeup();
    }

    /// Answers until told to stop.
    ///
    /// @throws WakeupException to stop
    /// @throws RuntimeException another session must go on
    void run(BooleanSupplier open) {
        consumer.subscribe(List.of(topic));
        telling.tell(TopicScorerStatus.State.RUNNING, "");
        while (open.getAsBoolean()) {
            ConsumerRecords<byte[], byte[]> polled = poll(POLL);
            if (!polled.isEmpty()) {
                answer(polled);
            }
            long lag = observe();
            if (polled.isEmpty() && lag == 0) {
                // What was waited for may have gone to another process.
                telling.tell(TopicScorerStatus.State.RUNNING, "");
            }
        }
    }

    private ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
        budget.begin();
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
            telling.tell(TopicScorerStatus.State.RUNNING, "");
        }
    }

    /// Nothing is written yet, so requests that err can be tried again: each alone, to find those that are to blame.
    /// These are dead letters; tried for ever, they would keep all behind them from an answer.
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

    /// @throws OutOfMemoryError memory is short whatever this request is: it is not to blame
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
            }
            producer.sendOffsetsToTransaction(next(polled), consumer.groupMetadata());
            producer.commitTransaction();
            return true;
        } catch (RuntimeException e) {
            abort(e);
            counters.aborted();
            if (TopicScorer.refusalIn(e) != null) {
                throw e;
            }
            log.warn("a transaction with {} answers was aborted, they are tried again: {}", outcomes.size(),
                    TopicScorer.described(e));
            telling.tell(TopicScorerStatus.State.RETRYING, TopicScorer.described(e));
            seekToCommitted(polled.partitions());
            rest();
            return false;
        }
    }

    /// Offsets behind what was polled.
    private static Map<TopicPartition, OffsetAndMetadata> next(ConsumerRecords<byte[], byte[]> polled) {
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        for (TopicPartition partition : polled.partitions()) {
            ConsumerRecord<byte[], byte[]> last = polled.records(partition).getLast();
            next.put(partition, new OffsetAndMetadata(last.offset() + 1, last.leaderEpoch(), ""));
        }
        return next;
    }

    /// @throws RuntimeException the cause, when this producer can do no more, or may not say whether it has committed
    private void abort(RuntimeException cause) {
        try {
            producer.abortTransaction();
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
            throw cause;
        }
    }

    /// The same requests come again with a later poll: nothing was written.
    private void askAgain(ConsumerRecords<byte[], byte[]> polled, TopicScorerStatus.State state, Exception why) {
        if (pause.equals(PAUSE_MIN)) {
            log.warn("requests wait: {}", why.getMessage());
        }
        telling.tell(state, String.valueOf(why.getMessage()));
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

    /// Waits a while as a member of the group that takes nothing.
    private void rest() {
        consumer.pause(consumer.assignment());
        long end = System.nanoTime() + pause.toNanos();
        for (long left = pause.toNanos(); left > 0; left = end - System.nanoTime()) {
            // A partition that is assigned meanwhile is not paused and may bring something.
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

    /// Nobody has answered a request of a partition yet, or what comes next is gone.
    private void position(InvalidOffsetException e) {
        if (e instanceof OffsetOutOfRangeException outOfRange) {
            outOfRange.offsetOutOfRangePartitions().forEach(this::positionInRange);
        } else if (e instanceof NoOffsetForPartitionException) {
            // The default would be to begin at the end, or to jump over what was deleted as well.
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
        // A topic that is deleted takes the group's offsets with it: what is there now is new. Else
        // the end was cut off.
        boolean anew = consumer.committed(Set.copyOf(one)).get(partition) == null;
        long end = consumer.endOffsets(one).getOrDefault(partition, 0L);
        log.error("{}: expected a request at offset {} or later, and the log ends at {}: {}", partition, next, end,
                anew ? "made anew, read from its beginning" : "cut short by its brokers, read from its end");
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
        // The producer first: a transaction that is still open would hold up who takes the
        // partitions over.
        producer.close(CLOSE_WITHIN);
        consumer.close(CloseOptions.timeout(CLOSE_WITHIN));
        counters.holds(0, 0);
    }
}
