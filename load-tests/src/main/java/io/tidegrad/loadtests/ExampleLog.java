package io.tidegrad.loadtests;

import io.tidegrad.localstack.LocalStack;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

/// Reads what is committed to a log of examples, or of copies of events.
record ExampleLog(LocalStack stack, Admin admin, TopicPartition log) {
    /// How long something may stand still.
    static final Duration WITHIN = Duration.ofSeconds(300);

    static Example example(ConsumerRecord<byte[], byte[]> record) {
        try {
            return Example.read(record.headers());
        } catch (ExampleException e) {
            throw new LoadTestException("example at " + record.offset() + ": " + e.getMessage(), e);
        }
    }

    /// @param alive is asked again and again
    static long reach(String what, long wanted, Runnable alive, Await.Interruptible<Long> count)
            throws InterruptedException {
        return Await.reached(what, wanted, WITHIN, () -> {
            alive.run();
            return count.get();
        });
    }

    private KafkaConsumer<byte[], byte[]> reader(long from) {
        KafkaConsumer<byte[], byte[]> consumer =
                KafkaClients.reader(stack.bootstrapServers(), Map.of("max.poll.records", 10_000));
        consumer.assign(List.of(log));
        consumer.seek(log, from);
        return consumer;
    }

    /// A consumer of what is written from now on.
    KafkaConsumer<byte[], byte[]> readerOfNew() throws InterruptedException {
        return reader(KafkaClients.end(admin, log, IsolationLevel.READ_UNCOMMITTED));
    }

    /// Reads all that is committed, also ticks.
    void readAll(Consumer<ConsumerRecord<byte[], byte[]>> each) throws InterruptedException {
        read(0, KafkaClients.end(admin, log, IsolationLevel.READ_COMMITTED), each);
    }

    void read(long from, long end, Consumer<ConsumerRecord<byte[], byte[]>> each) throws InterruptedException {
        try (KafkaConsumer<byte[], byte[]> consumer = reader(from)) {
            Await.reached("position in " + log, end, WITHIN, () -> {
                consumer.poll(Duration.ofMillis(100)).forEach(each);
                return consumer.position(log);
            });
        }
    }

    /// Returns when the log has so many examples. Markers of transactions lie between them.
    void awaitAll(long examples, Runnable alive) throws InterruptedException {
        reach("records in " + log, examples, alive, () -> KafkaClients.end(admin, log, IsolationLevel.READ_COMMITTED));
        try (KafkaConsumer<byte[], byte[]> consumer = reader(0)) {
            long[] found = {0};
            reach("examples in " + log, examples, alive, () -> {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(20))) {
                    found[0] += Example.isIn(record.headers()) ? 1 : 0;
                }
                return found[0];
            });
        }
    }
}
