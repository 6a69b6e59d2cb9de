package io.tidegrad.loadtests;

import io.tidegrad.model.learn.Tick;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.jspecify.annotations.Nullable;

/// Writes records without waiting for each, and says at the end if one was not written.
public final class Writer implements AutoCloseable {
    private final String what;
    private final KafkaProducer<byte[], byte @Nullable []> producer;
    private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();

    /// @param what is written, for the message
    /// @param more settings of the producer
    public Writer(String what, String bootstrapServers, Map<String, Object> more) {
        this.what = what;
        Map<String, Object> settings = new HashMap<>(Map.of("acks", "all", "linger.ms", 10, "batch.size", 131_072));
        settings.putAll(more);
        producer = KafkaClients.writer(bootstrapServers, settings);
    }

    /// @return whether all could be written so far, as far as is known
    public boolean send(ProducerRecord<byte[], byte @Nullable []> record) {
        producer.send(record, (at, e) -> failure.compareAndSet(null, e));
        return failure.get() == null;
    }

    /// A tick, which ends waits and mini-batches.
    ///
    /// @param value of its header
    public void tick(String topic, int partition, byte[] value) {
        send(new ProducerRecord<>(topic, partition, (byte[]) null, null,
                List.of(new RecordHeader(Tick.HEADER, value))));
    }

    /// Returns when all is written.
    ///
    /// @throws LoadTestException something was not
    public void flush() {
        producer.flush();
        Exception e = failure.get();
        if (e != null) {
            throw new LoadTestException("can't write " + what + ": " + e, e);
        }
    }

    /// Ends at once; what was not flushed may be lost.
    @Override
    public void close() {
        producer.close(Duration.ZERO);
    }
}
