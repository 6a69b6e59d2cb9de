package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.Heartbeat;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Finds the version that a scorer begins with: the newest full snapshot that may be served, and its deltas. It looks for
/// the newest manifest from the topic's end backwards, in steps that double. That manifest says when its full snapshot was
/// written, and Kafka's index of times says where that lies. The records from there on are read, and none before it. An
/// object of this class is used once.
final class SnapshotBootstrap {
    private static final long FIRST_SCAN_RECORDS = 16;

    /// How much later the clock of who decides may be than that of who publishes. Where they are further apart, a start
    /// between a rollback and the next full snapshot serves what was rolled back to until then.
    private static final long CLOCKS_APART_MILLIS = 600_000;

    /// As much as one fetch brings.
    private static final long TAIL_BYTES_MAX = 8 << 20;

    private final FollowedTopics topics;
    private final SnapshotFeed feed;
    private final CurrentModel current;
    private final BooleanSupplier halted;
    private final List<ConsumerRecord<byte[], byte[]>> tail = new ArrayList<>(); // see scan
    private long tailFrom; // offset from which on all records are in the tail
    private long tailBytes;
    private long loaded = SnapshotFeed.NOWHERE; // after the last manifest that was admitted
    private long notBefore; // timestamps, of what may be served
    private long newestInStretch; // timestamp, of the stretch that was read last; of none the greatest

    /// @param halted stop, wherever it is; the position is then anywhere
    SnapshotBootstrap(FollowedTopics topics, SnapshotFeed feed, CurrentModel current, BooleanSupplier halted) {
        this.topics = topics;
        this.feed = feed;
        this.current = current;
        this.halted = halted;
    }

    /// A manifest, and where it lies.
    private record Found(SnapshotManifest manifest, long offset, long timestamp) {
        static final Comparator<Found> NEWEST_FIRST = Comparator.comparingInt((Found found) -> found.manifest.epoch())
                .thenComparingLong(found -> found.manifest.version()).thenComparingLong(Found::offset).reversed();
    }

    /// Loads the newest full snapshot that is above the served version, with its deltas, and leaves the position where
    /// following begins. Where that snapshot turns out to be bad, the next best one, and so on.
    ///
    /// @param since epoch ms before which no record was written that may be served; 0 when not known
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
                // Manifests were seen that nobody has dealt with.
                feed.resumeAt(loaded < 0 ? served : loaded);
            }
        }
    }

    /// True when a version was admitted, and the position is behind it.
    private boolean findAndLoad(long begin, long oldest, long end, long served) {
        SnapshotIntake intake = feed.intake();
        Set<String> chainsTried = new HashSet<>();
        long to = end;
        for (long step = FIRST_SCAN_RECORDS; to > oldest && !halted.getAsBoolean(); step *= 2) {
            long stretch = Math.max(oldest, to - step);
            List<Found> manifests = scan(stretch, to);
            if (newestInStretch < notBefore) {
                return false; // what lies before it is older still
            }
            for (Found found : manifests) {
                SnapshotManifest manifest = found.manifest();
                if (intake.isOver(manifest.epoch())) {
                    continue;
                }
                long full = manifest.chain().full();
                boolean above = intake.wants(manifest.epoch(), full);
                if (!above) {
                    // What is served is of this chain, or newer: only what follows it is wanted.
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
                    long from = Math.max(begin, start(found));
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

    /// The manifests of one stretch, newest version first. Records are kept for `loadChain`, so that the newest deltas
    /// are not read twice.
    private List<Found> scan(long from, long to) {
        List<Found> manifests = new ArrayList<>();
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
            Found found = note(record);
            if (found != null) {
                manifests.add(found);
            }
        });
        if (keeps[0]) {
            tail.addAll(0, stretch);
            tailFrom = from;
        }
        manifests.sort(Found.NEWEST_FIRST);
        return manifests;
    }

    private @Nullable Found note(ConsumerRecord<byte[], byte[]> record) {
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
                        return new Found(SnapshotManifest.decode(record.value()), record.offset(), record.timestamp());
                    }
                }
            }
        } catch (SnapshotFormatException unreadable) {
            // Told as when it had come while following.
            feed.decide(record);
        }
        return null;
    }

    /// Where the full snapshot begins that this manifest is of or a change to.
    private long start(Found newest) {
        SnapshotManifest manifest = newest.manifest();
        long first = newest.offset() - manifest.parts();
        return !manifest.isDelta() && isFirstPart(manifest, first) ? first
                : start(topics, manifest, newest.offset(), newest.timestamp());
    }

    /// Where the full snapshot begins, or before it. All its records carry one time, and nothing older than it lies
    /// behind it, so the first record of that time is not after its first part.
    ///
    /// @param timestamp of the manifest's record
    static long start(FollowedTopics topics, SnapshotManifest manifest, long offset, long timestamp) {
        long time = manifest.chain().fullTime();
        if (time < 0 && !manifest.isDelta()) {
            time = timestamp; // it states none
        }
        long first = offset - manifest.parts();
        return time < 0 ? first : Math.min(first, topics.since(time));
    }

    /// Whether the tail has the first part there.
    private boolean isFirstPart(SnapshotManifest manifest, long offset) {
        byte[] key = SnapshotKey.part(manifest.epoch(), manifest.version(), 0).encode();
        return tail.stream().anyMatch(record -> record.offset() == offset && Arrays.equals(record.key(), key));
    }

    /// Reads the full snapshot and its deltas up to `newest`, each admitted as it comes: an answer of an older version
    /// is better than none. Of a chain that is served already only what is above it. True when any was.
    private boolean loadChain(long from, Found newest) {
        feed.intake().reset();
        long above = feed.intake().served(newest.manifest().epoch());
        boolean[] admitted = {false};
        readChain(from, newest, record -> admitted[0] |= admits(newest, above, record));
        return admitted[0];
    }

    /// Another model answers, and what this one comes back with is a change to what is below the version that it
    /// served: loads the chain, and serves the last of it.
    private boolean comeBack(long from, Found newest) {
        SnapshotIntake intake = feed.intake();
        SnapshotManifest manifest = newest.manifest();
        ChainLoader chain = new ChainLoader(intake.model(), intake.verifier(), intake.maxBytes(), manifest.epoch(),
                manifest.chain().full(), manifest.version());
        readChain(from, newest, chain::accept);
        if (halted.getAsBoolean() || !(feed.comeBack(manifest, newest.offset(), newest.timestamp(),
                chain) instanceof Admission.Admitted)) {
            return false;
        }
        loaded = newest.offset() + 1;
        return true;
    }

    private void readChain(long from, Found newest, Consumer<ConsumerRecord<byte[], byte[]>> each) {
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

    private boolean admits(Found newest, long above, ConsumerRecord<byte[], byte[]> record) {
        boolean admitted = isOf(newest.manifest(), above, record) && feed.decide(record) instanceof Admission.Admitted;
        if (admitted) {
            loaded = record.offset() + 1;
        }
        return admitted;
    }

    private static boolean isOf(SnapshotManifest newest, long above, ConsumerRecord<byte[], byte[]> record) {
        if (record.key() == null || record.value() == null) {
            return false;
        }
        try {
            SnapshotKey key = SnapshotKey.decode(record.key());
            return key.kind().isOfAVersion() && key.epoch() == newest.epoch() && key.version() >= newest.chain().full()
                    && key.version() > above && key.version() <= newest.version();
        } catch (SnapshotFormatException e) {
            return false;
        }
    }
}
