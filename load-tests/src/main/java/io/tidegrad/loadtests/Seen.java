package io.tidegrad.loadtests;

import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// When what was first seen to hold how much of the log: moments, each with the offset up to which everything is in.
final class Seen {
    private record Moment(long nextOffset, long nanos) {
    }

    private final List<Moment> moments = new ArrayList<>();
    private long newest = -1;

    /// @param nextOffset exclusive
    /// @param nanos in the terms of `System.nanoTime`
    synchronized void add(long nextOffset, long nanos) {
        if (nextOffset > newest) {
            newest = nextOffset;
            moments.add(new Moment(nextOffset, nanos));
        }
    }

    /// Reads a snapshots topic as any read_committed consumer does, and notes when a manifest is first there: its
    /// transaction, the trainer's commit, has ended and its marker is written.
    ///
    /// @param bytes counts those of all snapshots
    Background watch(String bootstrapServers, String snapshots, AtomicLong bytes) {
        return KafkaClients.tail("snapshot-watch", bootstrapServers, Map.of(),
                List.of(new TopicPartition(snapshots, 0)), (consumer, records) -> {
                    for (ConsumerRecord<byte[], byte @Nullable []> record : records) {
                        long now = System.nanoTime();
                        byte[] value = record.value();
                        if (value == null) {
                            continue;
                        }
                        bytes.addAndGet(value.length);
                        if (SnapshotKey.decode(record.key()).kind() == SnapshotKey.Kind.MANIFEST) {
                            add(SnapshotManifest.decode(value).nextOffset(), now);
                        }
                    }
                });
    }

    synchronized long newest() {
        return newest;
    }

    /// How many rose above the one before, from an offset on.
    synchronized long versionsFrom(long offset) {
        return moments.stream().filter(moment -> moment.nextOffset() > offset).count();
    }

    /// For each event, when it was first in.
    ///
    /// @throws LoadTestException one never was
    synchronized long[] firstIn(int events) {
        long[] first = new long[events];
        int event = 0;
        for (Moment moment : moments) {
            for (; event < events && event < moment.nextOffset(); event++) {
                first[event] = moment.nanos();
            }
        }
        if (event < events) {
            throw new LoadTestException("expected all " + events + " events to be seen, found " + event);
        }
        return first;
    }
}
