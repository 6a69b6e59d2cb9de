package io.tidegrad.control;

import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.TrainerStatus;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.control.ControlException.Reason;
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

/// The registered models as the topics show them now.
public final class ModelOverview {
    private static final Logger LOG = LoggerFactory.getLogger(ModelOverview.class);

    /// First look back, in offsets: heartbeats and the newest snapshot of a small model.
    private static final long TAIL = 256;

    private static final int TAIL_GROWTH = 16;

    private final ControlLog.View view;
    private final KafkaSettings kafka;
    private final Topics topics;

    /// @param newest manifest that is published; null when there is none
    /// @param newestTime when it was published, epoch ms
    /// @param beat newest heartbeat of its trainer; null when there is none
    /// @param status what its trainer said last of this epoch; null when none has said anything
    /// @param lag offsets between what was learned and the log's end; −1 where either is not known
    public record Entry(ModelRecord model, @Nullable SnapshotManifest newest, long newestTime, @Nullable Heartbeat beat,
            @Nullable TrainerStatus status, long lag) {
    }

    ModelOverview(ControlLog.View view, KafkaSettings kafka, Topics topics) {
        this.view = view;
        this.kafka = kafka;
        this.topics = topics;
    }

    /// @throws ControlException no broker is there
    public static ModelOverview read(KafkaSettings kafka, Topics topics) {
        BootstrapServers.requireOne(kafka.bootstrapServers());
        return new ModelOverview(new ControlLog(kafka, topics).read(), kafka, topics);
    }

    /// What was decided about a model, oldest first.
    public List<ControlRecord> decisions(String model) {
        return view.records(model);
    }

    /// The models of these names, or all, by name.
    ///
    /// @param models empty for all
    /// @throws ControlException one of them is not there
    public List<Entry> entries(Collection<String> models) {
        Map<String, ModelRecord> wanted = new TreeMap<>(view.models());
        if (!models.isEmpty()) {
            for (String model : models) {
                ControlLog.Lost lost = view.lost().get(model);
                if (lost != null) {
                    throw lost.refusal(topics.models(), model);
                }
                if (!wanted.containsKey(model)) {
                    throw new ControlException(Reason.CONFIGURATION,
                            "model " + model + ": expected a registered model on " + topics.models() + ", found "
                                    + (wanted.isEmpty() ? "none" : String.join(", ", wanted.keySet()))
                                    + "; correct the name or --prefix");
                }
            }
            wanted.keySet().retainAll(models);
        }
        if (models.isEmpty()) {
            view.lost().forEach((model, lost) -> LOG.error("{}", lost.text(topics.models(), model)));
        }
        List<Entry> entries = new ArrayList<>();
        if (wanted.isEmpty()) {
            return entries;
        }
        try (Consumer<byte[], byte[]> consumer =
                new ReadCommitted(kafka.client()).open(new TopicPartition(topics.models(), 0))) {
            Set<String> there = consumer.listTopics().keySet();
            Set<TopicPartition> snapshots = partitions(wanted, there, model -> topics.snapshots(model.getModel()));
            Set<TopicPartition> all = partitions(wanted, there, ModelRecord::getInputTopic);
            all.addAll(snapshots);
            consumer.assign(all);
            consumer.pause(all); // all but the one that is looked at
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

    private static Set<TopicPartition> partitions(Map<String, ModelRecord> models, Set<String> there,
            Function<ModelRecord, String> topic) {
        return models.values().stream().map(topic).filter(there::contains).map(each -> new TopicPartition(each, 0))
                .collect(Collectors.toSet());
    }

    /// The end of a snapshots topic.
    private static final class Tail {
        @Nullable
        SnapshotManifest manifest;
        @Nullable
        Heartbeat heartbeat;
        @Nullable
        TrainerStatus status;
        long time;

        long lag(long end) {
            Heartbeat beat = heartbeat;
            return beat == null ? -1 : beat.caughtUp() ? 0 : Math.max(0, end - beat.nextOffset());
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
                // A scorer refuses it too, and says so.
            }
        }
    }

    /// Backwards in growing steps until there is a snapshot of the epoch.
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
