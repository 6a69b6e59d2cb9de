package io.tidegrad.trainer.store;

import java.time.Duration;
import java.util.Arrays;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// A model's changelog seen from outside, before its task exists.
public final class Changelog {
    private final TopicPartition partition;
    private final ReadCommitted readCommitted;

    public Changelog(TopicPartition partition, ReadCommitted readCommitted) {
        this.partition = partition;
        this.readCommitted = readCommitted;
    }

    /// As Kafka Streams names it.
    public static String topic(String applicationId) {
        return applicationId + "-" + ModelStore.NAME + "-changelog";
    }

    /// `offset` as the store would have committed it, with itself as the watermark.
    public static OffsetAndMetadata offsetWithWatermark(long offset) {
        return new OffsetAndMetadata(offset, StreamsInternals.encodeBesideOffset(ModelStore.WATERMARK, offset));
    }

    /// The newest committed manifest's watermark; null when there is none. Reads backwards in growing steps: a manifest
    /// is the last record of every commit.
    public @Nullable Long watermark() {
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            long begin = ReadCommitted.begin(consumer, partition);
            long end = ReadCommitted.end(consumer, partition);
            for (long step = 4; ; step *= 8) {
                long from = Math.max(begin, end - step);
                Long watermark = newest(consumer, from, end);
                if (watermark != null || from == begin) {
                    return watermark;
                }
            }
        }
    }

    private @Nullable Long newest(Consumer<byte[], byte[]> consumer, long from, long end) {
        Long watermark = null;
        consumer.seek(partition, from);
        while (consumer.position(partition) < end) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                if (Arrays.equals(record.key(), StoreRecords.MANIFEST_KEY) && record.value() != null) {
                    watermark = StoreManifest.decode(StoreRecords.payload(record.value())).nextOffset();
                }
            }
        }
        return watermark;
    }
}
