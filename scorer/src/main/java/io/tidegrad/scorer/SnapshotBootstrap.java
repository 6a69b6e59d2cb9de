package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.Verification;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Finds the version that a scorer begins with: the newest full snapshot that may be served, and its deltas. It looks for
/// the newest manifest from the end of the topic backwards, in steps that double. The manifest says when its full snapshot
/// was written, and Kafka's index of timestamps gives the offset. Records before that offset are not read. Each object is
/// used once.
final class SnapshotBootstrap {
    private static final long FIRST_SCAN_RECORDS = 16;

    /// How far the clock of the process that decides may be ahead of the trainer's. If it is further ahead, a scorer that
    /// starts between a rollback and the next full snapshot serves the base of the rollback until then.
    private static final long CLOCKS_APART_MILLIS = 600_000;

    /// The size of one fetch.
    private static final long TAIL_BYTES_MAX = 8 << 20;

    private final FollowedTopics topics;
    private final SnapshotFeed feed;
    private final CurrentModel current;
    private final BooleanSupplier halted;
    private final List<ConsumerRecord<byte[], byte[]>> tail = new ArrayList<>(); // see `scan`
    private long tailFrom; // all records from this offset on are in the tail
    private long tailBytes;
    private long loaded = SnapshotFeed.NOWHERE; // offset after the last manifest that was admitted
    private long notBefore; // records with an earlier timestamp may not be served
    private long newestInStretch; // newest timestamp of the range that was read last; if it is empty, the largest long

    /// @param halted returns true if reading should stop; the position is then undefined
    SnapshotBootstrap(FollowedTopics topics, SnapshotFeed feed, CurrentModel current, BooleanSupplier halted) {
        this.topics = topics;
        this.feed = feed;
        this.current = current;
        this.halted = halted;
    }

    /// Loads the newest full snapshot above the served version with its deltas, and sets the position from which the
    /// follower continues. If that snapshot is refused, it tries the next older one, and so on.
    ///
    /// @param since time (epoch ms) before which no record was written that may be served; 0 if unknown
    void run(long since) {
        SnapshotIntake intake = feed.intake();
        intake.reset();
        long begin = topics.begin();
        long end = topics.end();
        notBefore = since <= CLOCKS_APART_MILLIS ? Long.MIN_VALUE : since - CLOCKS_APART_MILLIS;
        long oldest = notBefore == Long.MIN_VALUE ? begin : Math.min(topics.since(notBefore), end);
        long served = feed.resume();
        feed.resumeAt(SnapshotFeed.NOWHERE);
        tailFrom = end;
        boolean whole = false;
        try {
            if (!findAndLoad(begin, oldest, end, served)) {
                intake.reset();
                topics.seek(feed.resume() < 0 ? oldest : feed.resume());
            }
            whole = !halted.getAsBoolean();
        } finally {
            if (!whole) {
                // Some manifests were seen, but not handled.
                feed.resumeAt(loaded < 0 ? served : loaded);
            }
        }
    }

    /// Returns true if a version was admitted; the position is then after it.
    private boolean findAndLoad(long begin, long oldest, long end, long served) {
        SnapshotIntake intake = feed.intake();
        Set<String> chainsTried = new HashSet<>();
        long to = end;
        for (long step = FIRST_SCAN_RECORDS; to > oldest && !halted.getAsBoolean(); step *= 2) {
            long stretch = Math.max(oldest, to - step);
            List<FoundManifest> manifests = scan(stretch, to);
            if (newestInStretch < notBefore) {
                return false; // earlier records are older
            }
            for (FoundManifest found : manifests) {
                SnapshotManifest manifest = found.manifest();
                if (intake.isOver(manifest.epoch())) {
                    continue;
                }
                long full = manifest.chain().full();
                boolean above = intake.wants(manifest.epoch(), full);
                if (!above) {
                    // The served version belongs to this chain or is newer, so only later versions are wanted.
                    if (served >= begin && served <= found.offset()) {
                        feed.resumeAt(served);
                        return false;
                    }
                    if (!intake.wants(manifest.epoch(), manifest.version())) {
                        return false;
                    }
                }
                boolean again = manifest.isDelta() && !chainsTried.add(manifest.epoch() + "." + full);
                if (again) {
                    continue;
                }
                if (!intake.reserve(manifest, found.offset(), halted)) {
                    return false; // earlier ones are as large
                }
                try {
                    long from = Math.max(begin, begin(found));
                    if (above || !intake.comesBack() ? loadChain(from, found) : comeBack(from, found)) {
                        topics.seek(Math.max(feed.resume(), found.offset() + 1));
                        return true;
                    }
                } finally {
                    intake.release();
                }
            }
            to = stretch;
        }
        return false;
    }

    /// Returns the manifests of a range, newest version first. Keeps its records for `readChain`, so that the newest
    /// deltas are not read twice.
    private List<FoundManifest> scan(long from, long to) {
        List<FoundManifest> manifests = new ArrayList<>();
        List<ConsumerRecord<byte[], byte[]>> stretch = new ArrayList<>();
        boolean[] keeps = {tailFrom == to};
        newestInStretch = Long.MAX_VALUE;
        topics.read(from, to, halted, record -> {
            newestInStretch = newestInStretch == Long.MAX_VALUE ? record.timestamp()
                    : Math.max(newestInStretch, record.timestamp());
            tailBytes += Math.max(0, record.serializedValueSize());
            keeps[0] &= tailBytes <= TAIL_BYTES_MAX;
            if (keeps[0]) {
                stretch.add(record);
            }
            FoundManifest found = note(record);
            if (found != null) {
                manifests.add(found);
            }
        });
        if (keeps[0]) {
            tail.addAll(0, stretch);
            tailFrom = from;
        }
        manifests.sort(FoundManifest.NEWEST_FIRST);
        return manifests;
    }

    private @Nullable FoundManifest note(ConsumerRecord<byte[], byte[]> record) {
        feed.count(record);
        if (record.key() == null || record.value() == null) {
            return null;
        }
        SnapshotIntake intake = feed.intake();
        try {
            SnapshotKey key = SnapshotKey.decode(record.key());
            switch (key.kind()) {
                case HEARTBEAT -> current.beat(intake.model(), Heartbeat.decode(record.value()), record.offset());
                case PART, STATUS -> {
                }
                case MANIFEST -> {
                    feed.passed(record.offset());
                    if (!intake.wasRefused(record.offset())) {
                        return new FoundManifest(SnapshotManifest.decode(record.value()), record.offset(),
                                record.timestamp());
                    }
                }
            }
        } catch (SnapshotFormatException unreadable) {
            // It is refused as if it had arrived while following.
            feed.decide(record);
        }
        return null;
    }

    /// Returns an offset at or before the first part of the full snapshot at the beginning of the version's chain.
    private long begin(FoundManifest newest) {
        long first = newest.offset() - newest.manifest().parts();
        return !newest.manifest().isDelta() && isFirstPart(newest.manifest(), first) ? first : newest.begin(topics);
    }

    /// Returns whether the tail has the version's first part at this offset.
    private boolean isFirstPart(SnapshotManifest manifest, long offset) {
        byte[] key = SnapshotKey.part(manifest.epoch(), manifest.version(), 0).encode();
        return tail.stream().anyMatch(record -> record.offset() == offset && Arrays.equals(record.key(), key));
    }

    /// Reads the full snapshot and its deltas up to `newest` and admits each as it arrives, because an answer by an older
    /// version is better than none. Versions up to the served one are skipped. Returns whether any was admitted.
    private boolean loadChain(long from, FoundManifest newest) {
        feed.intake().reset();
        long above = feed.intake().served(newest.manifest().epoch());
        boolean[] admitted = {false};
        readChain(from, newest, record -> admitted[0] |= admits(newest, above, record));
        return admitted[0];
    }

    /// Serves the newest version again after another model has answered. The versions of its chain below the one that
    /// this model served last are loaded, but not served.
    private boolean comeBack(long from, FoundManifest newest) {
        SnapshotIntake intake = feed.intake();
        ChainLoader chain = new ChainLoader(intake.verifier(), intake.maxBytes(), newest.manifest());
        readChain(from, newest, chain::accept);
        if (halted.getAsBoolean() || !(feed.comeBack(newest, chain) instanceof Verification.Admitted)) {
            return false;
        }
        loaded = newest.offset() + 1;
        return true;
    }

    private void readChain(long from, FoundManifest newest, Consumer<ConsumerRecord<byte[], byte[]>> each) {
        topics.read(from, Math.min(tailFrom, newest.offset() + 1), halted, record -> {
            feed.count(record);
            each.accept(record);
        });
        for (ConsumerRecord<byte[], byte[]> record : tail) {
            if (record.offset() >= from && record.offset() <= newest.offset() && !halted.getAsBoolean()) {
                each.accept(record);
            }
        }
    }

    private boolean admits(FoundManifest newest, long above, ConsumerRecord<byte[], byte[]> record) {
        boolean admitted =
                isOf(newest.manifest(), above, record) && feed.decide(record) instanceof Verification.Admitted;
        if (admitted) {
            loaded = record.offset() + 1;
        }
        return admitted;
    }

    private static boolean isOf(SnapshotManifest newest, long above, ConsumerRecord<byte[], byte[]> record) {
        SnapshotKey key = FoundManifest.key(record);
        return key != null && key.epoch() == newest.epoch() && key.version() >= newest.chain().full()
                && key.version() > above && key.version() <= newest.version();
    }
}
