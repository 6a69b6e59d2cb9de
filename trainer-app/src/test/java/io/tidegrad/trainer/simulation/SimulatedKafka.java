package io.tidegrad.trainer.simulation;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/// Brokers, as far as an exactly-once task can tell: five partitions, one group's offset, transactions whose markers
/// come late and in any order, and the fencing of whoever was replaced.
final class SimulatedKafka {
    final SimulatedLog input = log("readings");
    final SimulatedLog changelog = log("app-model-changelog");
    final SimulatedLog deadLetters = log("tidegrad.dead-letters");
    final SimulatedLog snapshots = log("tidegrad.snapshots.m");
    final SimulatedLog progress = log("tidegrad.progress");

    private static final int TIME_OUT_ONE_IN = 40;

    private final SplittableRandom random;
    private final boolean fences;
    private final List<Transaction> decided = new ArrayList<>(); // some marker is missing
    private final Map<String, Producer> producers = new HashMap<>();
    private @Nullable OffsetAndMetadata groupOffset;
    private @Nullable Transaction offsetsPending;
    private int generation;
    private @Nullable Producer active; // of the process that runs now

    /// @param fences false only to show what zombies would do
    SimulatedKafka(SplittableRandom random, boolean fences) {
        this.random = random;
        this.fences = fences;
    }

    private static SimulatedLog log(String topic) {
        return new SimulatedLog(new TopicPartition(topic, 0));
    }

    /// Of every byte of every topic: two stories that differ anywhere leave different ones.
    long digest() {
        CRC32C crc = new CRC32C();
        for (SimulatedLog log : List.of(input, changelog, deadLetters, snapshots, progress)) {
            log.digest(crc);
        }
        return crc.getValue();
    }

    SimulatedLog log(TopicPartition partition) {
        return partition.equals(input.partition()) ? input : changelog;
    }

    /// Time passes: a marker may be written, of any decided transaction, in any of its partitions; and the transaction
    /// of a producer that is dead, or stalls, may time out.
    void pass() {
        if (random.nextInt(TIME_OUT_ONE_IN) == 0) {
            for (Producer producer : List.copyOf(producers.values())) {
                if (producer != active) {
                    producer.resolve(false);
                }
            }
        }
        if (!decided.isEmpty() && random.nextBoolean()) {
            Transaction transaction = decided.get(random.nextInt(decided.size()));
            List<@Nullable SimulatedLog> missing = new ArrayList<>(transaction.unmarked);
            if (transaction.offsetsUnmarked) {
                missing.add(null);
            }
            mark(transaction, missing.get(random.nextInt(missing.size())));
        }
    }

    private void mark(Transaction transaction, @Nullable SimulatedLog where) {
        if (where != null) {
            where.mark(transaction);
        } else {
            transaction.offsetsUnmarked = false;
            if (transaction.state == Transaction.State.COMMITTED) {
                groupOffset = transaction.offsets;
            }
            offsetsPending = null;
        }
        if (transaction.isMarkedEverywhere()) {
            decided.remove(transaction);
        }
    }

    void markAll(Transaction transaction) {
        for (SimulatedLog log : List.copyOf(transaction.unmarked)) {
            mark(transaction, log);
        }
        if (transaction.offsetsUnmarked) {
            mark(transaction, null);
        }
    }

    void markAll() {
        List.copyOf(decided).forEach(this::markAll);
    }

    void decide(Transaction transaction, Transaction.State state) {
        transaction.state = state;
        if (!transaction.isMarkedEverywhere()) {
            decided.add(transaction);
        }
    }

    // ---- the group ----

    /// A new member takes the partition; offsets of earlier ones are refused from now on.
    int join() {
        return ++generation;
    }

    /// As brokers give it to a consumer that wants stable offsets: not before a pending transaction is decided. That of
    /// a dead producer times out; that of a stalled one may have been asked to commit just before.
    @Nullable
    OffsetAndMetadata groupOffset() {
        Transaction pending = offsetsPending;
        if (pending != null) {
            if (pending.state == Transaction.State.OPEN) {
                for (Producer producer : List.copyOf(producers.values())) {
                    if (producer.transaction == pending) {
                        producer.resolve(random.nextBoolean());
                    }
                }
            }
            mark(pending, null);
        }
        return groupOffset;
    }

    /// By hand, or as a new group begins.
    void setGroupOffset(@Nullable OffsetAndMetadata offset) {
        groupOffset = offset;
    }

    // ---- producers ----

    /// As `initTransactions`: whoever had this id is fenced, its open transaction aborted.
    Producer open(String transactionalId, CommitObserver observer) {
        Producer before = producers.get(transactionalId);
        if (before != null) {
            before.fence();
        }
        Producer producer = new Producer(observer);
        producers.put(transactionalId, producer);
        active = producer;
        return producer;
    }

    /// Told of each commit when it is decided, before anybody can see it.
    interface CommitObserver {
        void committed(Transaction transaction);
    }

    final class Producer {
        private final CommitObserver observer;
        private @Nullable Transaction transaction;
        private @Nullable Transaction last;
        private boolean fenced;
        private boolean inFlight; // as the client knows it: brokers may have ended it

        private Producer(CommitObserver observer) {
            this.observer = observer;
        }

        private void checkNotFenced() {
            active = this;
            if (fenced && fences) {
                throw new ProducerFencedException("there is a newer producer with this id");
            }
        }

        ConsumerRecord<byte[], byte[]> send(SimulatedLog log, byte @Nullable [] key, byte @Nullable [] value,
                Headers headers) {
            Transaction current = current();
            current.isComplete = false;
            return log.append(current, key, value, headers);
        }

        private Transaction current() {
            checkNotFenced();
            inFlight = true;
            Transaction current = transaction;
            if (current == null || current.state != Transaction.State.OPEN) {
                if (last != null) {
                    markAll(last); // a coordinator lets none begin before
                }
                current = new Transaction();
                transaction = current;
            }
            return current;
        }

        void sendOffsets(OffsetAndMetadata offset, int memberGeneration) {
            checkNotFenced();
            if (memberGeneration != generation && fences) {
                throw new CommitFailedException("the group has gone on without this member");
            }
            Transaction current = current();
            current.offsets = offset;
            current.offsetsUnmarked = true;
            current.isComplete = true;
            offsetsPending = current;
        }

        boolean isInTransaction() {
            return inFlight;
        }

        void commit() {
            Transaction current = transaction;
            if (current != null && current.state == Transaction.State.COMMITTED) {
                transaction = null; // the answer to what was in flight
                inFlight = false;
                return;
            }
            checkNotFenced();
            if (current != null) {
                end(current, Transaction.State.COMMITTED);
            }
            inFlight = false;
        }

        void abort() {
            inFlight = false;
            abortOpen();
        }

        private void abortOpen() {
            Transaction current = transaction;
            if (current != null && current.state == Transaction.State.OPEN) {
                end(current, Transaction.State.ABORTED);
            }
            transaction = null;
        }

        private void end(Transaction ended, Transaction.State state) {
            transaction = null;
            last = ended;
            decide(ended, state);
            if (state == Transaction.State.COMMITTED) {
                observer.committed(ended);
            }
        }

        /// Of a client that does not answer: its commit was in flight, or its transaction times out.
        void resolve(boolean inFlight) {
            Transaction current = transaction;
            if (current == null || current.state != Transaction.State.OPEN) {
                return;
            }
            boolean commits = inFlight && current.isComplete;
            last = current;
            decide(current, commits ? Transaction.State.COMMITTED : Transaction.State.ABORTED);
            if (commits) {
                observer.committed(current); // the client learns of it when it looks
            } else {
                transaction = null;
                fenced = true;
            }
        }

        void fence() {
            fenced = true;
            if (fences) {
                abortOpen();
            }
            if (last != null) {
                markAll(last);
            }
        }
    }
}
