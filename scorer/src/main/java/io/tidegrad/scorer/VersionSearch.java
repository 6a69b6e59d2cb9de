package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Finds one version in the followed topic, for a rollback or a pin, and loads it: a full snapshot, or one with its
/// deltas, verified like any other. Because a trainer writes versions in increasing order, this is a binary search.
/// Each step costs one fetch: about 15 in all, however large the topic is. It moves the consumer's position. Each
/// object is used once.
final class VersionSearch {
    /// A range of this many records usually arrives in one fetch, so it is read and not halved.
    private static final long STRETCH_RECORDS = 16;

    /// How much is read in search of a version that is not in order, before it counts as missing: some seconds' worth.
    private static final long SCAN_BYTES_MAX = 256 << 20;

    private final FollowedTopics topics;
    private final SnapshotFeed feed;
    private final ScorerOptions.Pin wanted;
    private final @Nullable String weightsHash;
    private final BooleanSupplier halted;
    private @Nullable FoundManifest found;
    private long scannedBytes;

    /// @param weightsHash hash of the version's weights; null for any
    /// @param halted returns true if reading should stop; the result is then meaningless
    VersionSearch(FollowedTopics topics, SnapshotFeed feed, ScorerOptions.Pin wanted, @Nullable String weightsHash,
            BooleanSupplier halted) {
        this.topics = topics;
        this.feed = feed;
        this.wanted = wanted;
        this.weightsHash = weightsHash;
        this.halted = halted;
    }

    /// Returns a negative number if the record's version is before the wanted one, a positive one if it is after it. Returns
    /// 0 for the wanted version and for a record of no version.
    private int compare(ConsumerRecord<byte[], byte[]> record) {
        SnapshotKey key = FoundManifest.key(record);
        if (key == null) {
            return 0;
        }
        return key.epoch() != wanted.epoch() ? Integer.compare(key.epoch(), wanted.epoch())
                : Long.compare(key.version(), wanted.version());
    }

    /// @param verifier verifies the model's snapshots
    /// @param maxBytes bound on one version in assembly
    Verification find(SnapshotVerifier verifier, long maxBytes) {
        long begin = topics.begin();
        long end = topics.end();
        searchByHalves(begin, end);
        if (found == null) {
            // A version that is not in order lies near the end: a trainer that does not know yet that its epoch has
            // ended writes after its successor.
            searchBackwards(begin, end);
        }
        FoundManifest version = found;
        if (version == null) {
            return new Verification.Refused(wanted.epoch(), wanted.version(), RefusalReason.UNREADABLE,
                    "it is not on the topic, which begins at offset " + begin);
        }
        ChainLoader loader = new ChainLoader(verifier, maxBytes, version.manifest());
        topics.read(Math.max(begin, version.begin(topics)), version.offset() + 1, halted, record -> {
            feed.count(record);
            loader.accept(record);
        });
        return loader.result();
    }

    private void searchByHalves(long begin, long end) {
        long from = begin;
        long to = end;
        while (to - from > STRETCH_RECORDS && !halted.getAsBoolean()) {
            long middle = (from + to) >>> 1;
            ConsumerRecord<byte[], byte[]> first = first(middle, to);
            if (first != null && compare(first) < 0) {
                from = first.offset() + 1;
            } else {
                to = middle;
            }
        }
        boolean[] passed = {false};
        topics.read(from, end, () -> halted.getAsBoolean() || passed[0] || found != null, record -> {
            look(record);
            passed[0] |= compare(record) > 0;
        });
    }

    private void searchBackwards(long begin, long end) {
        long to = end;
        for (long step = STRETCH_RECORDS; to > begin && found == null && scannedBytes < SCAN_BYTES_MAX
                && !halted.getAsBoolean(); step *= 2) {
            long from = Math.max(begin, to - step);
            topics.read(from, to, halted, record -> {
                scannedBytes += Math.max(0, record.serializedValueSize());
                look(record);
            });
            to = from;
        }
    }

    /// Returns the first part or manifest of a range; null if there is none.
    private @Nullable ConsumerRecord<byte[], byte[]> first(long from, long to) {
        List<ConsumerRecord<byte[], byte[]>> first = new ArrayList<>(1);
        topics.read(from, to, () -> halted.getAsBoolean() || !first.isEmpty(), record -> {
            feed.count(record);
            if (first.isEmpty() && FoundManifest.key(record) != null) {
                first.add(record);
            }
        });
        return first.isEmpty() ? null : first.getFirst();
    }

    private void look(ConsumerRecord<byte[], byte[]> record) {
        feed.count(record);
        FoundManifest manifest = compare(record) == 0 ? FoundManifest.of(record) : null;
        if (manifest != null && (weightsHash == null || manifest.manifest().weightsHash().equals(weightsHash))) {
            found = manifest;
        }
    }
}
