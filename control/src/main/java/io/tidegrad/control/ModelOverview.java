package io.tidegrad.control;

import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.TrainerStatus;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Shows the registered models as the topics describe them now.
public final class ModelOverview {
    private static final Logger LOG = LoggerFactory.getLogger(ModelOverview.class);

    /// So many offsets hold the heartbeats and the newest snapshot of a small model. Larger steps follow.
    private static final long TAIL = 256;
    private static final int TAIL_GROWTH = 16;

    private final ControlLog.View view;
    private final KafkaSettings kafka;
    private final Topics topics;

    /// @param newest the newest published manifest of the epoch; null if there is none
    /// @param newestTime when it was published, epoch ms
    /// @param beat the newest heartbeat of the epoch; null if there is none
    /// @param status the newest status that a trainer wrote for the epoch; null if there is none
    /// @param lag offsets between what was learned and the end of the log; -1 if that is not known
    public record Entry(ModelRecord model, @Nullable SnapshotManifest newest, long newestTime, @Nullable Heartbeat beat,
            @Nullable TrainerStatus status, long lag) {
        /// Returns the newest version that a heartbeat or a snapshot tells, whichever is the newer: a trainer that stops
        /// within a second of a snapshot writes no heartbeat after it. Null if there is neither.
        public @Nullable Long version() {
            long version = Math.max(beat == null ? -1 : beat.version(), newest == null ? -1 : newest.version());
            return version < 0 ? null : version;
        }
    }

    ModelOverview(ControlLog.View view, KafkaSettings kafka, Topics topics) {
        this.view = view;
        this.kafka = kafka;
        this.topics = topics;
    }

    /// @throws ControlException if no broker answers
    public static ModelOverview read(KafkaSettings kafka, Topics topics) {
        BootstrapServers.requireOne(kafka.bootstrapServers());
        return new ModelOverview(new ControlLog(kafka, topics).read(), kafka, topics);
    }

    /// Returns the decisions about a model, oldest first.
    public List<ControlRecord> decisions(String model) {
        return view.records(model);
    }

    /// Returns the models of these names, or all models if `models` is empty, by name.
    ///
    /// @throws ControlException if one of them is not registered
    public List<Entry> entries(Collection<String> models) {
        Map<String, ModelRecord> wanted = new TreeMap<>(view.models());
        models.forEach(model -> view.require(model, topics.models()));
        if (models.isEmpty()) {
            view.lost().forEach((model, lost) -> LOG.error("{}", lost.text(topics.models(), model)));
        } else {
            wanted.keySet().retainAll(models);
        }
        List<Entry> entries = new ArrayList<>();
        if (wanted.isEmpty()) {
            return entries;
        }
        try (Consumer<byte[], byte[]> consumer =
                new ReadCommitted(kafka.client()).open(new TopicPartition(topics.models(), 0))) {
            Set<TopicPartition> snapshots = partitions(wanted, consumer, model -> topics.snapshots(model.getModel()));
            Set<TopicPartition> all = partitions(wanted, consumer, ModelRecord::getInputTopic);
            all.addAll(snapshots);
            consumer.assign(all);
            consumer.pause(all); // `tail` resumes one at a time
            Map<TopicPartition, Long> begins = consumer.beginningOffsets(all);
            begins.forEach(consumer::seek);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            for (ModelRecord model : wanted.values()) {
                TopicPartition partition = new TopicPartition(topics.snapshots(model.getModel()), 0);
                Tail tail =
                        snapshots.contains(partition) ? tail(consumer, partition, begins.getOrDefault(partition, 0L),
                                ends.getOrDefault(partition, 0L), model.getEpoch()) : new Tail();
                Long end = ends.get(new TopicPartition(model.getInputTopic(), 0));
                entries.add(new Entry(model, tail.manifest, tail.time, tail.heartbeat, tail.status,
                        end == null ? -1 : tail.lag(end)));
            }
        }
        return entries;
    }

    private static Set<TopicPartition> partitions(Map<String, ModelRecord> models, Consumer<?, ?> consumer,
            Function<ModelRecord, String> topic) {
        return models.values().stream().map(topic).distinct()
                .filter(each -> !ReadCommitted.partitions(consumer, each).isEmpty())
                .map(each -> new TopicPartition(each, 0)).collect(Collectors.toSet());
    }

    /// The newest records of a snapshots topic.
    private static final class Tail {
        private @Nullable SnapshotManifest manifest;
        private @Nullable Heartbeat heartbeat;
        private @Nullable TrainerStatus status;
        private long time;

        long lag(long end) {
            Heartbeat beat = heartbeat;
            if (beat == null) {
                return -1;
            }
            long published = manifest == null ? 0 : manifest.nextOffset();
            return beat.caughtUp() ? 0 : Math.max(0, end - Math.max(beat.nextOffset(), published));
        }

        void take(ConsumerRecord<byte[], byte[]> record, int epoch) {
            Heartbeat beat = TrainerObserver.heartbeat(record);
            if (beat != null) {
                heartbeat = beat.epoch() == epoch ? beat : heartbeat;
                return;
            }
            try {
                SnapshotKey key = SnapshotKey.decode(record.key());
                if (key.kind() == SnapshotKey.Kind.STATUS && record.value() != null) {
                    TrainerStatus said = TrainerStatus.decode(record.value());
                    status = said.epoch() == epoch ? said : status;
                } else if (key.kind() == SnapshotKey.Kind.MANIFEST && key.epoch() == epoch && record.value() != null) {
                    manifest = SnapshotManifest.decode(record.value());
                    time = record.timestamp();
                }
            } catch (SnapshotFormatException unreadable) {
                // A scorer that reads it logs it.
            }
        }
    }

    /// Reads backwards in growing steps until a snapshot of the epoch is found.
    private static Tail tail(Consumer<byte[], byte[]> consumer, TopicPartition partition, long begin, long end,
            int epoch) {
        consumer.resume(List.of(partition));
        try {
            for (long step = TAIL;; step *= TAIL_GROWTH) {
                long from = Math.max(begin, end - step);
                Tail tail = new Tail();
                consumer.seek(partition, from);
                while (consumer.position(partition) < end) {
                    consumer.poll(Duration.ofMillis(50)).forEach(record -> tail.take(record, epoch));
                }
                if (tail.manifest != null || from == begin) {
                    return tail;
                }
            }
        } finally {
            consumer.pause(List.of(partition));
        }
    }
}
