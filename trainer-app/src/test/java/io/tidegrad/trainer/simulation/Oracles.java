package io.tidegrad.trainer.simulation;

import static io.tidegrad.trainer.simulation.Violation.check;

import io.tidegrad.control.Lineage;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.ModelDivergedException;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.StopException;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.StoreOracle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.jspecify.annotations.Nullable;

/// What must hold at every commit and at the end. Knows the topics, and a plain fold of the log of record that knows
/// nothing of changelogs, groups or transactions.
final class Oracles implements SimulatedKafka.CommitObserver {
    /// One for each spec and all schedules: to read a spec takes as long as everything else that a verifier does.
    private static final Map<ModelSpec, SnapshotVerifier> VERIFIERS = new ConcurrentHashMap<>();

    private final SplittableRandom random;
    private final SimulatedKafka kafka;
    private final Lineage lineage;
    private final int keep;
    private final boolean spreads;

    // The fold, as far as events were committed.
    private String logHash = PlainLogHash.NOTHING;
    private final EventFold fold;
    private long nextOffset;
    private long accepted;
    private long ticks;
    private long rejected;

    private long visibleVersion = -1; // of the newest snapshot
    private int commits;
    private int rebuilt;
    private int redone;
    private int deltas;
    private int setAside;

    /// The fold's weights at each watermark that was committed.
    private final Map<Long, String> weightsAt = new HashMap<>();

    private final SnapshotVerifier verifier;

    /// What was verified, by version, so that a long chain of changes is not verified again for each that follows.
    private final Map<Long, Verified> verified = new HashMap<>();

    /// The very arrays that `model` was made of. As long as a reader finds these, it makes the same of them.
    private static final class Verified {
        private final byte[] manifest;
        private final List<byte[]> parts;
        private final @Nullable Verified parent;
        private final LoadedModel model;

        Verified(byte[] manifest, List<byte[]> parts, @Nullable Verified parent, LoadedModel model) {
            this.manifest = manifest;
            this.parts = parts;
            this.parent = parent;
            this.model = model;
        }

        boolean isOf(byte[] manifest, List<byte[]> parts, @Nullable Verified parent) {
            return this.manifest == manifest && this.parent == parent && this.parts.size() == parts.size()
                    && IntStream.range(0, parts.size()).allMatch(part -> this.parts.get(part) == parts.get(part));
        }
    }

    /// @param keep the newest snapshots, and what they are changes to
    /// @param spreads whether a snapshot may take several commits: it is of the one in which it began
    Oracles(SplittableRandom random, SimulatedKafka kafka, Lineage lineage, int keep, boolean spreads) {
        this.random = random;
        this.kafka = kafka;
        this.lineage = lineage;
        this.keep = keep;
        this.spreads = spreads;
        verifier = VERIFIERS.computeIfAbsent(lineage.spec(),
                spec -> new SnapshotVerifier(spec.model(), Readings.KERNELS, 1 << 20));
        fold = Readings.fold(lineage.spec(), OnlineModel.initial(lineage.spec(), Readings.KERNELS));
        nextOffset = lineage.startOffset();
        weightsAt.put(nextOffset, fold.model().weightsHash());
    }

    int commits() {
        return commits;
    }

    /// Times that the state was rebuilt from the changelog and compared with the fold.
    int rebuilt() {
        return rebuilt;
    }

    /// Of these, those that were images from which the log was learned again.
    int rebuiltByRedo() {
        return redone;
    }

    /// Snapshots that were changes to the one before.
    int deltas() {
        return deltas;
    }

    /// Events that ended two lives in a row.
    int setAside() {
        return setAside;
    }

    long nextOffset() {
        return nextOffset;
    }

    // ---- at each commit ----

    @Override
    public void committed(Transaction transaction) {
        commits++;
        OffsetAndMetadata offset = transaction.offsets;
        if (offset == null) {
            checkWithoutOffset(transaction);
            return;
        }
        Long watermark = StoreOracle.watermark(offset);
        if (watermark == null) {
            throw new Violation("I2", "an offset without a watermark was committed");
        }
        check(watermark >= nextOffset, "I2", "watermark " + watermark + " was committed after " + nextOffset);
        checkGroupOffset(offset.offset(), watermark);
        List<ConsumerRecord<byte[], byte[]>> refused = advanceTo(watermark);
        checkDeadLetters(refused, of(transaction, kafka.deadLetters));
        for (ConsumerRecord<byte[], byte[]> record : of(transaction, kafka.changelog)) {
            if (StoreOracle.isManifest(record)) {
                long manifest = StoreOracle.nextOffset(record);
                check(manifest == watermark, "I2",
                        "the manifest is of " + manifest + ", the watermark is " + watermark);
            }
        }
        if (random.nextInt(3) == 0) {
            rebuild();
        }
        checkSnapshots(of(transaction, kafka.snapshots));
    }

    /// A task that has consumed nothing may still publish.
    private void checkWithoutOffset(Transaction transaction) {
        check(of(transaction, kafka.deadLetters).isEmpty(), "I2",
                "dead letters were committed without the offsets they came from");
        for (ConsumerRecord<byte[], byte[]> record : of(transaction, kafka.changelog)) {
            check(!StoreOracle.isManifest(record) || StoreOracle.nextOffset(record) == nextOffset, "I2",
                    "a manifest was committed without the offsets it came from");
        }
        checkSnapshots(of(transaction, kafka.snapshots));
    }

    private static List<ConsumerRecord<byte[], byte[]>> of(Transaction transaction, SimulatedLog log) {
        return transaction.records.stream().filter(record -> record.topic().equals(log.partition().topic())).toList();
    }

    private void checkGroupOffset(long offset, long watermark) {
        check(offset >= watermark, "I2", "the group's offset " + offset + " lies before the watermark " + watermark);
        List<ConsumerRecord<byte[], byte[]>> between = kafka.input.committed(watermark, offset, Integer.MAX_VALUE);
        check(between.isEmpty(), "I2", "the group's offset " + offset + " lies " + between.size()
                + " visible records beyond the watermark " + watermark);
    }

    /// Folds the visible records below `watermark`; gives those that were refused.
    private List<ConsumerRecord<byte[], byte[]>> advanceTo(long watermark) {
        List<ConsumerRecord<byte[], byte[]>> refused = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : kafka.input.committed(nextOffset, watermark, Integer.MAX_VALUE)) {
            logHash = PlainLogHash.after(logHash, record);
            switch (folded(record)) {
                case EventFold.Outcome.Accepted() -> accepted++;
                case EventFold.Outcome.Ticked() -> ticks++;
                case EventFold.Outcome.Rejected(var rejection, var schemaId) -> {
                    rejected++;
                    refused.add(record);
                }
            }
        }
        nextOffset = watermark;
        weightsAt.put(nextOffset, fold.model().weightsHash());
        return refused;
    }

    private EventFold.Outcome folded(ConsumerRecord<byte[], byte[]> record) {
        try {
            return fold.fold(record.value(), record.headers());
        } catch (ModelDivergedException diverged) {
            throw new Violation("I5",
                    "offset " + record.offset() + " is committed, where the fold says: " + diverged.getMessage());
        }
    }

    private void checkDeadLetters(List<ConsumerRecord<byte[], byte[]>> refused,
            List<ConsumerRecord<byte[], byte[]>> letters) {
        List<String> expected = refused.stream().map(record -> Long.toString(record.offset())).toList();
        List<String> found =
                letters.stream().map(letter -> io.tidegrad.trainer.TestLog.header(letter, "tidegrad-offset")).toList();
        check(found.equals(expected), "I6", "expected dead letters of offsets " + expected + ", found " + found);
        for (int i = 0; i < refused.size(); i++) {
            check(Arrays.equals(refused.get(i).value(), letters.get(i).value())
                    && Arrays.equals(refused.get(i).key(), letters.get(i).key()), "I6",
                    "the dead letter of offset " + expected.get(i) + " has other bytes");
            boolean fatal = Arrays.equals(refused.get(i).value(), Readings.FATAL);
            String reason = io.tidegrad.trainer.TestLog.header(letters.get(i), "tidegrad-reason");
            check(fatal == reason.equals("ended-the-trainer"), "I6",
                    "the dead letter of offset " + expected.get(i) + " says " + reason);
            setAside += fatal ? 1 : 0;
        }
    }

    private void checkSnapshots(List<ConsumerRecord<byte[], byte[]>> records) {
        for (ConsumerRecord<byte[], byte[]> record : records) {
            SnapshotKey key = SnapshotKey.decode(record.key());
            if (key.kind() != SnapshotKey.Kind.MANIFEST || record.value() == null) {
                continue;
            }
            SnapshotManifest manifest = SnapshotManifest.decode(record.value());
            check(manifest.version() > visibleVersion, "I14",
                    "version " + manifest.version() + " is published after " + visibleVersion);
            visibleVersion = manifest.version();
            check(spreads ? weightsAt.containsKey(manifest.nextOffset()) : manifest.nextOffset() == nextOffset, "I11",
                    "a snapshot at " + manifest.nextOffset() + " is visible at " + nextOffset);
            deltas += manifest.isDelta() ? 1 : 0;
            checkContent(manifest, record.value());
        }
    }

    /// What any reader finds makes up the fold's weights.
    private void checkContent(SnapshotManifest manifest, byte[] encoded) {
        verified(manifest, encoded, liveSnapshots());
        String expected = weightsAt.get(manifest.nextOffset());
        check(manifest.weightsHash().equals(expected), "I12", "the snapshot at " + manifest.nextOffset()
                + " has weights " + manifest.weightsHash() + ", the fold " + expected);
    }

    /// As a reader that has nothing yet: from the full snapshot on.
    private Verified verified(SnapshotManifest manifest, byte[] encoded, Map<SnapshotKey, byte[]> live) {
        Verified parent = null;
        if (manifest.isDelta()) {
            byte[] value = live.get(SnapshotKey.manifest(manifest.epoch(), manifest.parentVersion()));
            if (value == null) {
                throw new Violation("I12", "version " + manifest.version() + " is visible without "
                        + manifest.parentVersion() + ", which it changes");
            }
            parent = verified(SnapshotManifest.decode(value), value, live);
        }
        List<byte[]> parts = new ArrayList<>();
        for (int part = 0; part < manifest.parts(); part++) {
            byte[] value = live.get(SnapshotKey.part(manifest.epoch(), manifest.version(), part));
            if (value == null) {
                throw new Violation("I12", "version " + manifest.version() + " is visible without part " + part);
            }
            parts.add(value);
        }
        Verified before = verified.get(manifest.version());
        if (before != null && before.isOf(encoded, parts, parent)) {
            return before;
        }
        return switch (verifier.verify(manifest, parts, parent == null ? null : parent.model)) {
            case Verification.Admitted admitted -> {
                Verified now = new Verified(encoded, parts, parent, admitted.model());
                verified.put(manifest.version(), now);
                yield now;
            }
            case Verification.Refused refused -> throw new Violation("I12",
                    "version " + manifest.version() + ": " + refused.reason().code() + ": " + refused.detail());
        };
    }

    private Map<SnapshotKey, byte[]> liveSnapshots() {
        Map<SnapshotKey, byte[]> live = new HashMap<>();
        for (ConsumerRecord<byte[], byte[]> record : kafka.snapshots.decided()) {
            SnapshotKey key = SnapshotKey.decode(record.key());
            if (record.value() == null) {
                live.remove(key);
            } else {
                live.put(key, record.value());
            }
        }
        return live;
    }

    /// The changelog's state is the fold's.
    void rebuild() {
        rebuilt++;
        StoreOracle.Stored stored;
        try {
            stored = StoreOracle.restored(lineage, Readings.KERNELS, kafka.changelog.decided(),
                    kafka.input.committed(lineage.startOffset(), nextOffset, Integer.MAX_VALUE),
                    model -> Readings.fold(lineage.spec(), model));
        } catch (StopException damaged) {
            throw new Violation("I1", "the changelog can't be restored: " + damaged.getMessage());
        }
        if (stored == null) {
            check(nextOffset == lineage.startOffset(), "I1",
                    "events up to " + nextOffset + " are committed, the changelog is empty");
            return;
        }
        redone += stored.redone() ? 1 : 0;
        check(stored.nonFinitePage() < 0, "I5", "page " + stored.nonFinitePage() + " of the changelog is not finite");
        check(stored.nextOffset() == nextOffset, "I1",
                "the changelog is at " + stored.nextOffset() + ", the group at " + nextOffset);
        String expected = fold.model().stateHash();
        check(stored.stateHash().equals(expected), "I1",
                "at " + nextOffset + " the changelog's state is " + stored.stateHash() + ", the fold's " + expected);
        check(Arrays.equals(stored.carry(), fold.model().carry()), "I1",
                "at " + nextOffset + " the changelog's evaluation is not the fold's");
        Accounts accounts = new Accounts(accepted, rejected, ticks, stored.accounts().hash());
        check(stored.accounts().equals(accounts), "I3",
                "the manifest counts " + stored.accounts() + ", the fold " + accounts);
        check(stored.accounts().hash().chain().equals(logHash), "I3",
                "the manifest has " + stored.accounts().hash() + ", the records " + logHash);
    }

    /// What a process tells other threads of its commits never goes back.
    static void told(@Nullable CommittedState before, CommittedState state) {
        check(before == null || state.nextOffset() >= before.nextOffset() && state.version() >= before.version()
                && state.publishedVersion() >= before.publishedVersion(), "I14",
                "a process told of " + before + ", then of " + state);
    }

    // ---- at the end ----

    /// All is learned, rebuilt, published, and nothing else is there.
    void end() {
        kafka.markAll();
        List<ConsumerRecord<byte[], byte[]>> left =
                kafka.input.committed(nextOffset, kafka.input.end(), Integer.MAX_VALUE);
        check(left.isEmpty(), "I10", left.size() + " visible records from " + nextOffset + " on were never learned");
        rebuild();
        for (SimulatedLog log : List.of(kafka.changelog, kafka.snapshots, kafka.deadLetters, kafka.progress)) {
            check(log.writtenOutsideTransactions() == 0, "I11", log.writtenOutsideTransactions() + " records of "
                    + log.partition().topic() + " are visible though no transaction wrote them");
        }
        long letters = kafka.deadLetters.decided().size();
        check(letters == rejected, "I6", "expected " + rejected + " dead letters, found " + letters);
        checkRetention();
    }

    private void checkRetention() {
        Map<SnapshotKey, byte[]> live = liveSnapshots();
        List<SnapshotKey> keys = live.keySet().stream().filter(key -> key.kind() == SnapshotKey.Kind.MANIFEST)
                .sorted(Comparator.comparingInt(SnapshotKey::epoch).thenComparingLong(SnapshotKey::version)).toList();
        List<SnapshotManifest> manifests =
                keys.stream().map(key -> SnapshotManifest.decode(Objects.requireNonNull(live.get(key)))).toList();
        Set<Long> kept = new HashSet<>();
        for (SnapshotManifest newest : manifests.subList(Math.max(0, manifests.size() - keep), manifests.size())) {
            verified(newest, Objects.requireNonNull(live.get(SnapshotKey.manifest(newest.epoch(), newest.version()))),
                    live);
            for (SnapshotManifest next = newest; kept.add(next.version()) && next.isDelta();) {
                next = SnapshotManifest.decode(
                        Objects.requireNonNull(live.get(SnapshotKey.manifest(next.epoch(), next.parentVersion()))));
            }
        }
        check(manifests.size() == kept.size(), "I12", manifests.size() + " snapshots stay, expected only " + kept);
        long updates = fold.model().parameters().updates();
        check(updates == 0 || !manifests.isEmpty() && manifests.getLast().version() == updates, "I12",
                "the newest version, " + updates + ", is not published, only "
                        + manifests.stream().map(SnapshotManifest::version).toList());
        long parts = manifests.stream().mapToLong(SnapshotManifest::parts).sum();
        check(live.size() == parts + manifests.size(), "I12",
                live.size() + " records are live, expected " + (parts + manifests.size()));
    }
}
