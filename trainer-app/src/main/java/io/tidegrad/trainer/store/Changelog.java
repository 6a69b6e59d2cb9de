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

/// A model's changelog as any read_committed reader sees it.
public final class Changelog {
    private final TopicPartition partition;
    private final ReadCommitted readCommitted;

    public Changelog(TopicPartition partition, ReadCommitted readCommitted) {
        this.partition = partition;
        this.readCommitted = readCommitted;
    }

    /// Of a lineage's live model.
    public static Changelog of(KafkaSettings kafka, Topics topics, Lineage lineage) {
        String application = topics.applicationId(lineage.model(), lineage.epoch());
        return new Changelog(new TopicPartition(Topics.changelog(application), 0), new ReadCommitted(kafka.client()));
    }

    /// `offset` as the store would have committed it, with itself as the watermark.
    public static OffsetAndMetadata offsetWithWatermark(long offset) {
        return new OffsetAndMetadata(offset, StreamsInternals.encodeBesideOffset(Map.of(ModelStore.WATERMARK, offset)));
    }

    /// Whether the topic is there.
    boolean exists() {
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            return consumer.listTopics().containsKey(partition.topic());
        }
    }

    /// The newest committed manifest's watermark; null when there is none.
    public @Nullable Long watermark() {
        StoreManifest newest = newestManifest();
        return newest == null ? null : newest.nextOffset();
    }

    /// Null when there is none. Reads backwards in growing steps: a manifest is the last record of every commit.
    @Nullable
    StoreManifest newestManifest() {
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            return newestManifest(consumer);
        }
    }

    /// Whether this commit's manifest, or that of a trainer that went on from it, is visible now or within `patience`.
    boolean reaches(long commit, Duration patience) {
        long deadline = readCommitted.nanos() + patience.toNanos();
        try (Consumer<byte[], byte[]> consumer = readCommitted.open(partition)) {
            do {
                StoreManifest newest = newestManifest(consumer);
                if (newest != null && newest.commit() >= commit) {
                    return true;
                }
            } while (readCommitted.nanos() - deadline < 0);
            return false;
        }
    }

    /// Whether another trainer's transaction, perhaps a dead one's, hides what was committed since it began.
    boolean isHidden() {
        return readCommitted.hasOpenTransaction(partition);
    }

    /// Behind the newest manifest lie its marker and perhaps what a trainer wrote that has been replaced.
    private @Nullable StoreManifest newestManifest(Consumer<byte[], byte[]> consumer) {
        long begin = ReadCommitted.begin(consumer, partition);
        long end = ReadCommitted.end(consumer, partition);
        for (long step = 4;; step *= 8) {
            long from = Math.max(begin, end - step);
            StoreManifest newest = newestManifest(consumer, from, end);
            if (newest != null || from == begin) {
                return newest;
            }
        }
    }

    private @Nullable StoreManifest newestManifest(Consumer<byte[], byte[]> consumer, long from, long end) {
        StoreManifest newest = null;
        consumer.seek(partition, from);
        while (consumer.position(partition) < end) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(50))) {
                if (Arrays.equals(record.key(), StoreRecords.MANIFEST_KEY) && record.value() != null) {
                    try {
                        newest = StoreManifest.of(record.value());
                    } catch (DamagedException e) {
                        throw Refusals.damaged(partition.topic() + " at offset " + record.offset(), e);
                    }
                }
            }
        }
        return newest;
    }

    /// Every record that is visible now, oldest first: what is committed, and nothing of a commit in progress.
    ///
    /// @return one past the last offset
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

    /// Reads from the beginning until `done`, or until nothing has come for `patience`.
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
