package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Reads the committed records of a model's changelog.
public final class Changelog {
    private final TopicPartition partition;
    private final ReadCommitted readCommitted;

    public Changelog(TopicPartition partition, ReadCommitted readCommitted) {
        this.partition = partition;
        this.readCommitted = readCommitted;
    }

    /// Returns the changelog of a lineage.
    public static Changelog of(KafkaSettings kafka, Topics topics, Lineage lineage) {
        String application = topics.applicationId(lineage.model(), lineage.epoch());
        return new Changelog(new TopicPartition(Topics.changelog(application), 0), new ReadCommitted(kafka.client()));
    }

    /// Returns `offset` with itself as the watermark, as the store would have committed it.
    public static OffsetAndMetadata offsetWithWatermark(long offset) {
        return new OffsetAndMetadata(offset, StreamsInternals.encodeBesideOffset(Map.of(ModelStore.WATERMARK, offset)));
    }

    String topic() {
        return partition.topic();
    }

    boolean exists() {
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            return !ReadCommitted.partitions(consumer, partition.topic()).isEmpty();
        }
    }

    /// Returns the watermark of the newest manifest, or null if there is none.
    public @Nullable Long watermark() {
        StoreManifest newest = newestManifest();
        return newest == null ? null : newest.nextOffset();
    }

    /// Returns the newest manifest, or null if there is none. Every commit ends with one, so this reads backwards in growing
    /// steps. Only a marker, or records of a trainer that was replaced, can lie behind it.
    @Nullable
    StoreManifest newestManifest() {
        Newest newest = newest();
        return newest == null ? null : newest.manifest();
    }

    private record Newest(StoreManifest manifest, long offset) {
    }

    private @Nullable Newest newest() {
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            long begin = ReadCommitted.begin(consumer, partition);
            long end = ReadCommitted.end(consumer, partition);
            for (long step = 4;; step *= 8) {
                long from = Math.max(begin, end - step);
                Newest newest = newest(consumer, from, end);
                if (newest != null || from == begin) {
                    return newest;
                }
            }
        }
    }

    /// Returns whether the manifest of this commit, or of a later one, is visible.
    boolean reaches(long commit) {
        StoreManifest newest = newestManifest();
        return newest != null && newest.commit() >= commit;
    }

    /// Returns whether the transaction of another trainer, perhaps of a dead one, hides what was committed since it began.
    boolean isHidden() {
        return readCommitted.hasOpenTransaction(partition);
    }

    private @Nullable Newest newest(Consumer<byte[], byte[]> consumer, long from, long end) {
        Newest newest = null;
        consumer.seek(partition, from);
        while (consumer.position(partition) < end) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) {
                if (Arrays.equals(record.key(), StoreRecords.MANIFEST_KEY) && record.value() != null) {
                    try {
                        newest = new Newest(StoreManifest.of(record.value()), record.offset());
                    } catch (DamagedException e) {
                        throw Refusals.damaged(partition.topic() + " at offset " + record.offset(), e);
                    }
                }
            }
        }
        return newest;
    }

    /// Reads the records of whole commits, oldest first. In a copy of a changelog the newest commit may lack its end, if
    /// copying ended in the middle of it.
    void readCommits(java.util.function.Consumer<ConsumerRecord<byte[], byte[]>> reader) {
        Newest newest = newest();
        long end = newest == null ? 0 : newest.offset();
        read(record -> {
            if (record.offset() <= end) {
                reader.accept(record);
            }
        });
    }

    /// Reads every record that is visible now, oldest first.
    ///
    /// @return the offset after the last one
    long read(java.util.function.Consumer<ConsumerRecord<byte[], byte[]>> reader) {
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            consumer.seekToBeginning(List.of(partition));
            long end = ReadCommitted.end(consumer, partition);
            while (consumer.position(partition) < end) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) {
                    if (record.offset() < end) {
                        reader.accept(record);
                    }
                }
            }
            return end;
        }
    }

    /// Reads from the beginning until `done` returns true, or nothing has come for `patience`.
    void read(java.util.function.Consumer<ConsumerRecord<byte[], byte[]>> reader, BooleanSupplier done,
            Duration patience) {
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            consumer.seekToBeginning(List.of(partition));
            long deadline = readCommitted.nanos() + patience.toNanos();
            while (!done.getAsBoolean() && readCommitted.nanos() - deadline < 0) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) {
                    reader.accept(record);
                    deadline = readCommitted.nanos() + patience.toNanos();
                }
            }
        }
    }
}
