package io.tidegrad.trainer.store;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// A model's changelog as any read_committed reader sees it.
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
        return new OffsetAndMetadata(
                offset, StreamsInternals.encodeBesideOffset(ModelStore.WATERMARK, offset));
    }

    /// The newest committed manifest's watermark; null when there is none. Reads backwards in growing steps: a manifest
    /// is the last record of every commit.
    public @Nullable Long watermark() {
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            long begin = ReadCommitted.begin(consumer, partition);
            long end = ReadCommitted.end(consumer, partition);
            for (long step = 4; ; step *= 8) {
                long from = Math.max(begin, end - step);
                StoreManifest newest = newestManifest(consumer, from, end);
                if (newest != null) {
                    return newest.nextOffset();
                }
                if (from == begin) {
                    return null;
                }
            }
        }
    }

    /// Whether the manifest of this commit is visible at the changelog's end, now or within `patience`.
    boolean endsWith(long commit, Duration patience) {
        long deadline = System.nanoTime() + patience.toNanos();
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            do {
                long begin = ReadCommitted.begin(consumer, partition);
                long end = ReadCommitted.end(consumer, partition);
                // Between a transaction's last record and the end lies only its marker.
                StoreManifest newest = newestManifest(consumer, Math.max(begin, end - 2), end);
                if (newest != null && newest.commit() == commit) {
                    return true;
                }
            } while (System.nanoTime() < deadline);
            return false;
        }
    }

    private @Nullable StoreManifest newestManifest(
            Consumer<byte[], byte[]> consumer, long from, long end) {
        StoreManifest newest = null;
        consumer.seek(partition, from);
        while (consumer.position(partition) < end) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) {
                if (Arrays.equals(record.key(), StoreRecords.MANIFEST_KEY)
                        && record.value() != null) {
                    try {
                        newest = StoreManifest.decode(StoreRecords.payload(record.value()));
                    } catch (DamagedException e) {
                        throw Refusals.damaged(
                                partition.topic() + " at offset " + record.offset(), e);
                    }
                }
            }
        }
        return newest;
    }

    /// Reads from the beginning until `done`, or until nothing has come for `patience`.
    void read(
            java.util.function.Consumer<ConsumerRecord<byte[], byte[]>> reader,
            BooleanSupplier done,
            Duration patience) {
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            consumer.seekToBeginning(List.of(partition));
            long deadline = System.nanoTime() + patience.toNanos();
            while (!done.getAsBoolean() && System.nanoTime() < deadline) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) {
                    reader.accept(record);
                    deadline = System.nanoTime() + patience.toNanos();
                }
            }
        }
    }
}
