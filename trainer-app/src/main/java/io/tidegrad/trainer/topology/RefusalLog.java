package io.tidegrad.trainer.topology;

import io.tidegrad.model.feature.Rejection;
import io.tidegrad.trainer.store.TrainerClock;
import java.time.Duration;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Logs the events that were refused: the first at once, then at most every ten seconds one line for all since. A line
/// for each event would fill disks and cost more than learning.
final class RefusalLog {
    private static final Logger LOG = LoggerFactory.getLogger(RefusalLog.class);
    private static final long EVERY_NANOS = Duration.ofSeconds(10).toNanos();

    private final String model;
    private final String topic;
    private long unsaid;
    private final TrainerClock clock;
    private long saidAt;

    /// @param topic the topic of dead letters
    RefusalLog(String model, String topic, TrainerClock clock) {
        this.model = model;
        this.topic = topic;
        this.clock = clock;
        saidAt = clock.nanos() - EVERY_NANOS;
    }

    void add(Rejection rejection, ConsumerRecord<?, ?> at) {
        unsaid++;
        long now = clock.nanos();
        if (now - saidAt < EVERY_NANOS) {
            return;
        }
        LOG.warn("model {}: {} events refused, they go to {}; the newest is {}-{} offset {}, {}: {}", model, unsaid,
                topic, at.topic(), at.partition(), at.offset(), rejection.reason().code(), rejection.detail());
        unsaid = 0;
        saidAt = now;
    }
}
