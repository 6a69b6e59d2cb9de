package io.tidegrad.trainer.store;

import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.process.UsualClients;
import io.tidegrad.trainer.poll.BurstConsumer;
import io.tidegrad.trainer.poll.EventsAhead;
import io.tidegrad.trainer.poll.PollPace;
import io.tidegrad.trainer.poll.StopOrder;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/// Makes the clients of Kafka Streams as it would make them itself, except for a producer that asks a `CommitGuard`
/// first and a consumer that reads in bursts.
public final class GuardedClients extends UsualClients {
    private final CommitGuard guard;
    private final TopicPartition log;
    private final int burstEventsMax;
    private final StopOrder stop;
    private final PollPace pace;
    private final @Nullable EventsAhead ahead;
    private @Nullable Consumer<byte[], byte[]> mainConsumer; // set and used by the stream thread

    /// @param ahead prepares the events of a backlog; null for nothing
    public GuardedClients(CommitGuard guard, TopicPartition log, int burstEventsMax, StopOrder stop, PollPace pace,
            @Nullable EventsAhead ahead) {
        this.ahead = ahead;
        this.burstEventsMax = burstEventsMax;
        this.guard = guard;
        this.log = log;
        this.stop = stop;
        this.pace = pace;
    }

    /// Returns how many offsets from `nextOffset` on, those of transaction markers included, the log had at the last fetch: 0
    /// if the record before was the last visible one, -1 in doubt. For the stream thread only.
    public long unlearned(long nextOffset) {
        Consumer<byte[], byte[]> consumer = mainConsumer;
        try {
            long unread =
                    consumer == null || !consumer.assignment().contains(log) ? -1 : consumer.currentLag(log).orElse(-1);
            return consumer == null || unread < 0 ? -1 : consumer.position(log) + unread - nextOffset;
        } catch (KafkaException inDoubt) {
            return -1;
        }
    }

    @Override
    public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
        return new GuardedProducer(config, guard);
    }

    @Override
    public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) {
        Consumer<byte[], byte[]> consumer = new BurstConsumer(config, burstEventsMax, stop, pace, ahead);
        mainConsumer = consumer;
        return consumer;
    }

    private static final class GuardedProducer extends KafkaProducer<byte[], byte[]> {
        private final CommitGuard guard;
        private Map<TopicPartition, OffsetAndMetadata> offsets = Map.of();
        private boolean unanswered; // the newest commit

        GuardedProducer(Map<String, Object> config, CommitGuard guard) {
            super(config, new ByteArraySerializer(), new ByteArraySerializer());
            this.guard = guard;
        }

        @Override
        public void sendOffsetsToTransaction(Map<TopicPartition, OffsetAndMetadata> offsets,
                ConsumerGroupMetadata group) {
            checkAnswered();
            this.offsets = guard.check(offsets);
            super.sendOffsetsToTransaction(this.offsets, group);
        }

        @Override
        public void commitTransaction() {
            try {
                super.commitTransaction();
            } catch (TimeoutException e) {
                unanswered = true;
                throw e;
            }
            unanswered = false;
            guard.committed(offsets);
            offsets = Map.of();
        }

        @Override
        public void abortTransaction() {
            checkAnswered();
            super.abortTransaction();
        }

        /// After an unanswered commit Kafka's client allows only the same commit again (`IllegalStateException`).
        /// Streams does not know that and tries to go on without the task.
        private void checkAnswered() {
            if (unanswered) {
                throw new StopException(ExitCode.RETRYABLE,
                        "expected Kafka's answer to a commit within max.block.ms, found none: whether it was made shows at"
                                + " the next start. Nothing is lost, start again");
            }
        }
    }
}
