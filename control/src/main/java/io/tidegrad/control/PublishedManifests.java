package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/// Reads the manifests of the published versions of a model, without their weights.
public final class PublishedManifests {
    private PublishedManifests() {}

    /// Returns the manifests that are on the topic and can be read, by epoch and version.
    ///
    /// @throws ControlException if there is no such topic
    public static List<SnapshotManifest> read(KafkaSettings kafka, Topics topics, String model) {
        String topic = topics.snapshots(model);
        Map<SnapshotKey, SnapshotManifest> found = new LinkedHashMap<>();
        try (TopicReader reader = new TopicReader(kafka, topic)) {
            if (!reader.exists()) {
                throw new ControlException(Reason.CONFIGURATION, "topic " + topic + ": expected the snapshots of model "
                        + model
                        + ", found no such topic; the model's trainer creates it. Correct the model or the prefix");
            }
            reader.read(reader.begin(), reader.end(), record -> take(record, found));
        }
        return found.values().stream()
                .sorted(Comparator.comparingInt(SnapshotManifest::epoch).thenComparingLong(SnapshotManifest::version))
                .toList();
    }

    /// Returns whether a version of this epoch or a later one is on the topic. The search begins at the topic's end, near
    /// which the newest version lies.
    public static boolean any(KafkaSettings kafka, Topics topics, String model, int epoch) {
        try (TopicReader reader = new TopicReader(kafka, topics.snapshots(model))) {
            if (!reader.exists()) {
                return false;
            }
            Map<SnapshotKey, SnapshotManifest> found = new LinkedHashMap<>();
            long begin = reader.begin();
            long to = reader.end();
            for (long step = 64; to > begin; step *= 2) {
                long from = Math.max(begin, to - step);
                reader.read(from, to, record -> take(record, found));
                if (found.keySet().stream().anyMatch(key -> key.epoch() >= epoch)) {
                    return true;
                }
                to = from;
            }
            return false;
        }
    }

    private static boolean take(ConsumerRecord<byte[], byte[]> record, Map<SnapshotKey, SnapshotManifest> found) {
        try {
            SnapshotKey key = SnapshotKey.decode(record.key());
            if (key.kind() == SnapshotKey.Kind.MANIFEST) {
                found.remove(key);
                if (record.value() != null) {
                    found.put(key, SnapshotManifest.decode(record.value()));
                }
            }
        } catch (SnapshotFormatException unreadable) {
            // A scorer that reads it logs it.
        }
        return true;
    }
}
