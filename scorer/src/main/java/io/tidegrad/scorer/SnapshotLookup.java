package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/// One version of a model out of its snapshots topic, read_committed and verified as a scorer verifies it: for what needs
/// weights once and follows nothing.
public final class SnapshotLookup {
    private static final Duration ASK = Duration.ofSeconds(10);
    private static final Duration POLL = Duration.ofMillis(100);

    /// Without a record for so long, Kafka is taken to be gone.
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final ScorerOptions options;
    private final TopicPartition partition;
    private final KafkaConsumer<byte[], byte[]> consumer;

    private SnapshotLookup(ScorerOptions options, KafkaConsumer<byte[], byte[]> consumer) {
        this.options = options;
        this.consumer = consumer;
        partition = new TopicPartition(options.topic(), 0);
    }

    /// @param version of its newest epoch; empty for the newest sound one
    /// @throws SnapshotNotFoundException it is not there, or not sound, with what is there
    /// @throws org.apache.kafka.common.KafkaException Kafka can't be reached or does not let us in
    public static LoadedModel find(ScorerOptions options, OptionalLong version) {
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(
                        options.consumerSettings(),
                        new ByteArrayDeserializer(),
                        new ByteArrayDeserializer())) {
            return new SnapshotLookup(options, consumer).find(version);
        }
    }

    private LoadedModel find(OptionalLong version) {
        List<PartitionInfo> partitions = consumer.partitionsFor(partition.topic(), ASK);
        if (partitions == null || partitions.isEmpty()) {
            throw notFound("no such topic; the trainer creates it");
        }
        consumer.assign(List.of(partition));
        List<SnapshotIndex.Candidate> complete = index().complete();
        Verification.Refused refused = null;
        for (SnapshotIndex.Candidate candidate : complete) {
            if (version.isPresent() && candidate.version() != version.getAsLong()) {
                continue;
            }
            switch (load(candidate)) {
                case Verification.Admitted(LoadedModel model) -> {
                    return model;
                }
                case Verification.Refused other -> refused = other;
            }
            if (version.isPresent()) {
                break;
            }
        }
        if (refused != null) {
            throw notFound(
                    "one that is refused: " + refused.reason().code() + ": " + refused.detail());
        }
        if (complete.isEmpty()) {
            throw notFound("none yet");
        }
        throw notFound(
                "not version "
                        + version.orElse(0)
                        + ", but "
                        + complete.stream()
                                .map(found -> found.epoch() + "." + found.version())
                                .collect(Collectors.joining(", "))
                        + " (epoch.version)");
    }

    private SnapshotIndex index() {
        SnapshotIndex index = new SnapshotIndex();
        List<TopicPartition> asked = List.of(partition);
        long begin = consumer.beginningOffsets(asked, ASK).getOrDefault(partition, 0L);
        // Under read_committed this is the last stable offset.
        long end = consumer.endOffsets(asked, ASK).getOrDefault(partition, 0L);
        read(
                begin,
                end,
                record -> {
                    SnapshotKey key = key(record);
                    byte[] value = record.value();
                    if (key == null || value == null) {
                        return;
                    }
                    switch (key.kind()) {
                        case HEARTBEAT -> {}
                        case PART -> index.part(key, record.offset());
                        case MANIFEST -> {
                            SnapshotManifest manifest = manifest(value);
                            if (manifest != null) {
                                index.manifest(key, manifest.parts(), record.offset());
                            }
                        }
                    }
                });
        return index;
    }

    private Verification load(SnapshotIndex.Candidate candidate) {
        SnapshotAssembler assembler = new SnapshotAssembler(options.maxSnapshotBytes());
        SnapshotKey wanted = SnapshotKey.manifest(candidate.epoch(), candidate.version());
        Verification[] verified = {
            new Verification.Refused(
                    Verification.Reason.PARTS, "it went from the topic while it was read")
        };
        read(
                candidate.from(),
                candidate.manifest() + 1,
                record -> {
                    SnapshotKey key = key(record);
                    byte[] value = record.value();
                    if (key == null
                            || value == null
                            || key.epoch() != candidate.epoch()
                            || key.version() != candidate.version()) {
                        return;
                    }
                    if (key.kind() == SnapshotKey.Kind.PART) {
                        Admission.Refused tooLarge = assembler.part(key, value);
                        if (tooLarge != null) {
                            verified[0] =
                                    new Verification.Refused(
                                            Verification.Reason.TOO_LARGE, tooLarge.detail());
                        }
                    } else if (record.offset() == candidate.manifest()) {
                        SnapshotManifest manifest = manifest(value);
                        List<byte[]> parts =
                                manifest == null ? null : assembler.take(wanted, manifest.parts());
                        if (manifest != null && parts != null) {
                            verified[0] =
                                    new SnapshotVerifier(
                                                    options.model(),
                                                    options.kernels(),
                                                    options.maxSnapshotBytes())
                                            .verify(manifest, parts);
                        }
                    }
                });
        return verified[0];
    }

    private void read(long from, long to, Consumer<ConsumerRecord<byte[], byte[]>> each) {
        consumer.seek(partition, from);
        long lastProgress = System.nanoTime();
        long position = from;
        while (position < to) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL).records(partition)) {
                if (record.offset() < to) {
                    each.accept(record);
                }
            }
            long now = consumer.position(partition);
            if (now > position) {
                position = now;
                lastProgress = System.nanoTime();
            } else if (System.nanoTime() - lastProgress > PATIENCE.toNanos()) {
                throw new TimeoutException(
                        partition + ": nothing came for " + PATIENCE.toSeconds() + " s");
            }
        }
    }

    /// Null for what is no snapshot's.
    private static @Nullable SnapshotKey key(ConsumerRecord<byte[], byte[]> record) {
        try {
            return record.key() == null ? null : SnapshotKey.decode(record.key());
        } catch (SnapshotFormatException unreadable) {
            return null;
        }
    }

    /// Null for a damaged one: its version then has none.
    private static @Nullable SnapshotManifest manifest(byte[] value) {
        try {
            return SnapshotManifest.decode(value);
        } catch (SnapshotFormatException damaged) {
            return null;
        }
    }

    private SnapshotNotFoundException notFound(String found) {
        return new SnapshotNotFoundException(
                "topic "
                        + partition.topic()
                        + ": expected a snapshot of model "
                        + options.model()
                        + ", found "
                        + found);
    }
}
