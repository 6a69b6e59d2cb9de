package io.tidegrad.trainer.poll;

import io.tidegrad.schemas.BoundedConsumer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// A consumer whose polls return bursts, and nothing once the trainer is to stop.
public final class BurstConsumer extends BoundedConsumer {
    private final int eventsMax;
    private final StopOrder stop;
    private final PollPace pace;
    private final @Nullable EventsAhead ahead;

    /// @param eventsMax the most events in a burst
    /// @param pace says how long to rest before a poll
    /// @param ahead prepares the events of a backlog; null for nothing
    public BurstConsumer(Map<String, Object> config, int eventsMax, StopOrder stop, PollPace pace,
            @Nullable EventsAhead ahead) {
        super(config);
        this.eventsMax = eventsMax;
        this.stop = stop;
        this.pace = pace;
        this.ahead = ahead;
    }

    @Override
    public ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
        if (stop.follow()) {
            pause(assignment()); // at each poll, because Streams resumes when it has room
        }
        if (!timeout.isZero()) {
            LockSupport.parkNanos(pace.restBefore(System.nanoTime()));
        }
        ConsumerRecords<byte[], byte[]> records = super.poll(timeout);
        pace.brought(records.count());
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> bursts = new HashMap<>();
        for (TopicPartition partition : records.partitions()) {
            bursts.put(partition, bursts(records.records(partition), eventsMax, ahead));
        }
        return new ConsumerRecords<>(bursts, records.nextOffsets());
    }

    static List<ConsumerRecord<byte[], byte[]>> bursts(List<ConsumerRecord<byte[], byte[]>> polled, int eventsMax,
            @Nullable EventsAhead ahead) {
        // Copies, because each event is taken several times, and a list within a list asks for it through both.
        List<ConsumerRecord<byte[], byte[]>> records = List.copyOf(polled);
        long number = ahead == null || records.size() < EventsAhead.BACKLOG_EVENTS ? EventsAhead.NOT_AHEAD
                : ahead.begin(records);
        List<ConsumerRecord<byte[], byte[]>> bursts = new ArrayList<>();
        int from = 0;
        long bytes = 0;
        for (int to = 1; to <= records.size(); to++) {
            ConsumerRecord<byte[], byte[]> last = records.get(to - 1);
            bytes += Math.max(0, last.serializedKeySize()) + Math.max(0, last.serializedValueSize());
            if (to == records.size() || to - from == eventsMax || bytes >= Burst.BYTES_MAX) {
                bursts.add(new Burst(List.copyOf(records.subList(from, to)),
                        number == EventsAhead.NOT_AHEAD ? number : number + from).wrapped());
                from = to;
                bytes = 0;
            }
        }
        return bursts;
    }
}
