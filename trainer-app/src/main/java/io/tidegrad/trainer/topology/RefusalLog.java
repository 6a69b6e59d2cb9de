package io.tidegrad.trainer.topology;

import io.tidegrad.model.feature.Rejection;
import java.time.Duration;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Tells the log of events that were refused: of the first at once, then of all since, not more often than every ten
/// seconds. A line an event would fill disks and cost more than learning.
final class RefusalLog {
    private static final Logger LOG = LoggerFactory.getLogger(RefusalLog.class);
    private static final long EVERY_NANOS = Duration.ofSeconds(10).toNanos();

    private final String model;
    private final String topic;
    private long unsaid;
    private long saidAt = System.nanoTime() - EVERY_NANOS;

    /// @param topic of the dead letters
    RefusalLog(String model, String topic) {
        this.model = model;
        this.topic = topic;
    }

    void add(Rejection rejection, ConsumerRecord<byte[], byte[]> at) {
        unsaid++;
        long now = System.nanoTime();
        if (now - saidAt < EVERY_NANOS) {
            return;
        }
        LOG.warn(
                "model {}: {} events refused, they go to {}; the newest is {}-{} offset {}, {}: {}",
                model,
                unsaid,
                topic,
                at.topic(),
                at.partition(),
                at.offset(),
                rejection.reason().code(),
                rejection.detail());
        unsaid = 0;
        saidAt = now;
    }
}
