package io.tidegrad.loadtests;

import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.ExampleException;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

/// Reads what is committed to a log of examples, or of copies of events.
record ExampleLog(Lab lab, TopicPartition log) {
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
        return Await.reached(what, wanted, Lab.WITHIN, () -> {
            alive.run();
            return count.get();
        });
    }

    /// Reads all that is committed, also ticks.
    void readAll(Consumer<ConsumerRecord<byte[], byte[]>> each) throws InterruptedException {
        lab.readAll(List.of(log), each);
    }

    /// Returns when so many records and markers are committed.
    void awaitEnd(long end, Runnable alive) throws InterruptedException {
        reach("records in " + log, end, alive, () -> lab.end(log, IsolationLevel.READ_COMMITTED));
    }

    /// Returns when the log has so many examples. Markers of transactions lie between them.
    void awaitAll(long examples, Runnable alive) throws InterruptedException {
        awaitEnd(examples, alive);
        try (KafkaConsumer<byte[], byte[]> consumer = lab.reader(List.of(log))) {
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
