package io.tidegrad.scorer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlDirective;
import io.tidegrad.control.ControlIntake;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
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

/// One version of a model out of its snapshots topic, read_committed and verified as a scorer verifies it: for what
/// needs weights once and follows nothing.
public final class SnapshotLookup {
    private static final Duration ASK = Duration.ofSeconds(10);
    private static final Duration POLL = Duration.ofMillis(100);

    /// Without a record for so long, Kafka is taken to be gone.
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final ScorerOptions options;
    private final TopicPartition partition;
    private final TopicPartition controlPartition;
    private final KafkaConsumer<byte[], byte[]> consumer;

    private SnapshotLookup(ScorerOptions options, KafkaConsumer<byte[], byte[]> consumer) {
        this.options = options;
        this.consumer = consumer;
        partition = new TopicPartition(options.topic(), 0);
        controlPartition = new TopicPartition(options.topics().control(), 0);
    }

    /// @param version of the newest epoch that has it; empty for what a scorer would serve: the newest sound one of the
    ///     epoch that counts, or what that epoch was rolled back to
    /// @throws SnapshotNotFoundException it is not there, or not sound, with what is there
    /// @throws org.apache.kafka.common.KafkaException Kafka can't be reached or does not let us in
    public static LoadedModel find(ScorerOptions options, OptionalLong version) {
        return find(options, OptionalInt.empty(), version);
    }

    /// A version of any epoch.
    ///
    /// @throws SnapshotNotFoundException it is not there, or not sound, with what is there
    /// @throws org.apache.kafka.common.KafkaException Kafka can't be reached or does not let us in
    public static LoadedModel find(ScorerOptions options, int epoch, long version) {
        return find(options, OptionalInt.of(epoch), OptionalLong.of(version));
    }

    private static LoadedModel find(ScorerOptions options, OptionalInt epoch, OptionalLong version) {
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(options.consumerSettings(),
                new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            return new SnapshotLookup(options, consumer).find(epoch, version);
        }
    }

    private LoadedModel find(OptionalInt epoch, OptionalLong version) {
        if (!exists(partition)) {
            throw notFound("no such topic; the trainer creates it");
        }
        ControlDirective directive = directive();
        consumer.assign(List.of(partition));
        SnapshotIndex index = index();
        List<SnapshotIndex.Candidate> complete = index.complete();
        Verification.Refused refused = null;
        for (SnapshotIndex.Candidate candidate : complete) {
            boolean wanted = version.isPresent()
                    ? candidate.version() == version.getAsLong() && candidate.epoch() == epoch.orElse(candidate.epoch())
                    : candidate.epoch() >= directive.epoch();
            if (!wanted) {
                continue;
            }
            switch (loadChain(index.chain(candidate))) {
                case Verification.Admitted(LoadedModel model, long copied) -> {
                    return model;
                }
                case Verification.Refused other -> refused = other;
            }
            if (version.isPresent()) {
                break;
            }
        }
        ControlAction.Rollback rollback = directive.rollback();
        if (version.isEmpty() && rollback != null) {
            for (SnapshotIndex.Candidate candidate : complete) {
                if (candidate.epoch() == rollback.base().epoch() && candidate.version() == rollback.base().version()) {
                    switch (loadChain(index.chain(candidate))) {
                        case Verification.Admitted(LoadedModel base, long copied) -> {
                            return base.inEpoch(rollback.epoch());
                        }
                        case Verification.Refused other -> refused = other;
                    }
                }
            }
        }
        if (refused != null) {
            throw notFound("one that is refused: " + refused.reason().code() + ": " + refused.detail());
        }
        if (complete.isEmpty()) {
            throw notFound("none yet");
        }
        throw notFound("not version "
                + (epoch.isPresent() ? epoch.getAsInt() + "." : "") + version.orElse(0) + ", but " + complete.stream()
                        .map(found -> found.epoch() + "." + found.version()).collect(Collectors.joining(", "))
                + " (epoch.version)");
    }

    private boolean exists(TopicPartition of) {
        List<PartitionInfo> partitions = consumer.partitionsFor(of.topic(), ASK);
        return partitions != null && !partitions.isEmpty();
    }

    /// Of the model itself, whoever answers to its name.
    private ControlDirective directive() {
        ControlIntake control = new ControlIntake(options.model());
        if (exists(controlPartition)) {
            consumer.assign(List.of(controlPartition));
            read(controlPartition, begin(controlPartition), end(controlPartition),
                    record -> control.accept(record.key(), record.value(), record.offset()));
        }
        return control.directive(options.model());
    }

    private long begin(TopicPartition of) {
        return consumer.beginningOffsets(List.of(of), ASK).getOrDefault(of, 0L);
    }

    /// Under read_committed this is the last stable offset.
    private long end(TopicPartition of) {
        return consumer.endOffsets(List.of(of), ASK).getOrDefault(of, 0L);
    }

    private SnapshotIndex index() {
        SnapshotIndex index = new SnapshotIndex();
        read(partition, begin(partition), end(partition), record -> {
            SnapshotKey key = key(record);
            byte[] value = record.value();
            if (key == null || value == null) {
                return;
            }
            switch (key.kind()) {
                case HEARTBEAT, STATUS -> {
                }
                case PART -> index.part(key, record.offset());
                case MANIFEST -> {
                    SnapshotManifest manifest = manifest(value);
                    if (manifest != null) {
                        index.manifest(key, manifest.parts(), manifest.parentVersion(), record.offset());
                    }
                }
            }
        });
        return index;
    }

    private Verification loadChain(List<SnapshotIndex.Candidate> chain) {
        if (chain.isEmpty()) {
            return new Verification.Refused(Verification.Reason.PARENT,
                    "it is a change to a version that is not whole on the topic any more");
        }
        SnapshotIndex.Candidate full = chain.getFirst();
        SnapshotIndex.Candidate wanted = chain.getLast();
        ChainLoader loader = new ChainLoader(options.model(),
                new SnapshotVerifier(options.model(), options.kernels(), options.maxSnapshotBytes(),
                        options.publicKey(), Parameters::served),
                options.maxSnapshotBytes(), wanted.epoch(), full.version(), wanted.version());
        read(partition, full.from(), wanted.manifest() + 1, loader::accept);
        return loader.result();
    }

    private void read(TopicPartition of, long from, long to, Consumer<ConsumerRecord<byte[], byte[]>> each) {
        consumer.seek(of, from);
        long lastProgress = System.nanoTime();
        long position = from;
        while (position < to) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL).records(of)) {
                if (record.offset() < to) {
                    each.accept(record);
                }
            }
            long now = consumer.position(of);
            if (now > position) {
                position = now;
                lastProgress = System.nanoTime();
            } else if (System.nanoTime() - lastProgress > PATIENCE.toNanos()) {
                throw new TimeoutException(of + ": nothing came for " + PATIENCE.toSeconds() + " s");
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
        return new SnapshotNotFoundException("topic " + partition.topic() + ": expected a snapshot of model "
                + options.model() + ", found " + found);
    }
}
