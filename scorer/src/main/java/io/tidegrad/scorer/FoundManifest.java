package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import java.util.Comparator;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// A manifest and its place on the snapshots topic.
///
/// @param timestamp of its record, epoch ms
record FoundManifest(SnapshotManifest manifest, long offset, long timestamp) {
    static final Comparator<FoundManifest> NEWEST_FIRST = Comparator
            .comparingInt((FoundManifest found) -> found.manifest.epoch())
            .thenComparingLong(found -> found.manifest.version()).thenComparingLong(FoundManifest::offset).reversed();

    /// Returns the key of a part or a manifest. Returns null for other records, for one that can't be read, and for a
    /// tombstone, which can be anywhere after its version.
    static @Nullable SnapshotKey key(ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null || record.value() == null) {
            return null;
        }
        try {
            SnapshotKey key = SnapshotKey.decode(record.key());
            return key.kind().isOfAVersion() ? key : null;
        } catch (SnapshotFormatException unreadable) {
            return null;
        }
    }

    /// Returns the manifest in a record; null if there is none that can be read.
    static @Nullable FoundManifest of(ConsumerRecord<byte[], byte[]> record) {
        SnapshotKey key = key(record);
        if (key == null || key.kind() != SnapshotKey.Kind.MANIFEST) {
            return null;
        }
        try {
            return new FoundManifest(SnapshotManifest.decode(record.value()), record.offset(), record.timestamp());
        } catch (SnapshotFormatException unreadable) {
            return null;
        }
    }

    /// Returns an offset at or before the first part of the full snapshot at the beginning of the version's chain. All
    /// records of that snapshot have one timestamp, and no older record comes after it, so its first part is not before
    /// the first record with that timestamp.
    long begin(FollowedTopics topics) {
        long time = manifest.chain().fullTime();
        if (time < 0 && !manifest.isDelta()) {
            time = timestamp; // the manifest states none
        }
        long first = offset - manifest.parts();
        return time < 0 ? first : Math.min(first, topics.since(time));
    }
}
