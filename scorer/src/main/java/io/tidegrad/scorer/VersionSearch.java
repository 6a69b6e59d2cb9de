package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
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
    private @Nullable SnapshotManifest manifest;
    private long offset;
    private long timestamp;
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

    /// Version and offset of a part or a manifest.
    private record Probe(int epoch, long version, long offset) {
        boolean isBefore(ScorerOptions.Pin wanted) {
            return epoch != wanted.epoch() ? epoch < wanted.epoch() : version < wanted.version();
        }

        boolean isAfter(ScorerOptions.Pin wanted) {
            return epoch != wanted.epoch() ? epoch > wanted.epoch() : version > wanted.version();
        }
    }

    /// @param verifier verifies the model's snapshots
    /// @param maxBytes bound on one version in assembly
    Verification find(SnapshotVerifier verifier, long maxBytes) {
        long begin = topics.begin();
        long end = topics.end();
        searchByHalves(begin, end);
        if (manifest == null) {
            // A version that is not in order lies near the end: a trainer that does not know yet that its epoch has
            // ended writes after its successor.
            searchBackwards(begin, end);
        }
        SnapshotManifest found = manifest;
        if (found == null) {
            return new Verification.Refused(Verification.Reason.PARTS,
                    "it is not on the topic, which begins at offset " + begin);
        }
        ChainLoader loader = new ChainLoader(feed.intake().model(), verifier, maxBytes, wanted.epoch(),
                found.chain().full(), wanted.version());
        topics.read(Math.max(begin, SnapshotBootstrap.start(topics, found, offset, timestamp)), offset + 1, halted,
                record -> {
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
            Probe probe = first(middle, to);
            if (probe != null && probe.isBefore(wanted)) {
                from = probe.offset() + 1;
            } else {
                to = middle;
            }
        }
        boolean[] passed = {false};
        topics.read(from, end, () -> halted.getAsBoolean() || passed[0] || manifest != null, record -> {
            look(record);
            Probe probe = probe(record);
            passed[0] |= probe != null && probe.isAfter(wanted);
        });
    }

    private void searchBackwards(long begin, long end) {
        long to = end;
        for (long step = STRETCH_RECORDS; to > begin && manifest == null && scannedBytes < SCAN_BYTES_MAX
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
    private @Nullable Probe first(long from, long to) {
        Probe[] first = new Probe[1];
        topics.read(from, to, () -> halted.getAsBoolean() || first[0] != null, record -> {
            feed.count(record);
            if (first[0] == null) {
                first[0] = probe(record);
            }
        });
        return first[0];
    }

    /// Returns null for a heartbeat, for a record that is not part of a snapshot, and for a tombstone, which can lie
    /// anywhere after its version.
    private static @Nullable Probe probe(ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null || record.value() == null) {
            return null;
        }
        try {
            SnapshotKey key = SnapshotKey.decode(record.key());
            return key.kind().isOfAVersion() ? new Probe(key.epoch(), key.version(), record.offset()) : null;
        } catch (SnapshotFormatException foreign) {
            return null;
        }
    }

    private void look(ConsumerRecord<byte[], byte[]> record) {
        feed.count(record);
        if (!SnapshotIntake.isManifest(record.key()) || record.value() == null) {
            return;
        }
        try {
            SnapshotKey key = SnapshotKey.decode(record.key());
            if (key.epoch() != wanted.epoch() || key.version() != wanted.version()) {
                return;
            }
            SnapshotManifest read = SnapshotManifest.decode(record.value());
            if (weightsHash == null || read.weightsHash().equals(weightsHash)) {
                manifest = read;
                offset = record.offset();
                timestamp = record.timestamp();
            }
        } catch (SnapshotFormatException damaged) {
            // A manifest that can't be read is not the one that was decided on.
            return;
        }
    }
}
