package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.Lineage;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.Lab;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.SnapshotKey;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.store.StoredState;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Compares what the topics of one model say to any read_committed reader with a plain fold of its events in this
/// process, which knows nothing of changelogs, groups or transactions. It compares every claim about a watermark: hashes
/// in reports and in manifests of snapshots, and states rebuilt from the changelog at commits that the seed chooses.
///
/// A thread of its own reads the topics, before compaction removes records.
final class Ledger implements AutoCloseable {
    /// Snapshots of this epoch and above are forged.
    static final int FORGED_EPOCH = 1_000;

    static final int CUT = 0;

    private static final int EPOCH = 1;

    /// One in so many commits is rebuilt from the changelog.
    private static final int REBUILT_ONE_IN = 4;

    private final Lab lab;
    private final SplittableRandom random;
    private final Lineage lineage;
    private final AvroCodec codec;
    private final TopicPartition changelog;
    private final TopicPartition snapshots;
    private final TopicPartition progress;
    private final TopicPartition deadLetters;
    private final Background thread;

    // Guarded by this.
    private final Map<TopicPartition, Long> positions = new HashMap<>();
    private final Deque<ConsumerRecord<byte[], byte[]>> events = new ArrayDeque<>();
    private final Map<ByteBuffer, ConsumerRecord<byte[], byte[]>> stored = new LinkedHashMap<>();
    private final TreeMap<Long, List<Claim>> claims = new TreeMap<>();
    private final Set<Long> published = new TreeSet<>();
    private long newestPublished = -1;
    private final List<Letter> letters = new ArrayList<>();
    private final List<Violation> found = new ArrayList<>();
    private long newestReported = -1;
    private long rebuilt;

    // The fold.
    private final OnlineModel model;
    private final EventFold fold;
    private long nextOffset;
    private long visible;
    private long ticks;
    private final List<Letter> rejected = new ArrayList<>();
    private final Map<Long, Hashes> hashes = new HashMap<>();
    private long checked;

    /// What was said of the model that has learned everything before `nextOffset`.
    ///
    /// @param of who says it
    private record Claim(long nextOffset, String of, @Nullable String weights, @Nullable String state) {
    }

    private record Hashes(String weights, String state) {
    }

    /// A dead letter: the offset of its event, and a checksum of its value, or `CUT` if the value was cut.
    record Letter(long offset, int checksum) {
    }

    /// @param random chooses the commits that are rebuilt
    Ledger(Lab lab, Topics topics, ModelSpec spec, SplittableRandom random) throws InterruptedException {
        SchemaRegistry registry = lab.registry();
        this.lab = lab;
        this.random = random;
        TopicPartition log = new TopicPartition(spec.inputTopic(), 0);
        changelog = new TopicPartition(Topics.changelog(topics.applicationId(spec.model(), EPOCH)), 0);
        snapshots = new TopicPartition(topics.snapshots(spec.model()), 0);
        progress = new TopicPartition(topics.progress(), 0);
        deadLetters = new TopicPartition(topics.deadLetters(), 0);
        lineage = new Lineage(spec, EPOCH, log,
                KafkaClients.answer(
                        lab.admin().describeTopics(List.of(log.topic())).topicNameValues().values().iterator().next())
                        .topicId(),
                0);
        // Looked up now, because the registry may be gone while the topics are read.
        registry.schemaById(registry.idOf(progress.topic() + "-value", Progress.getClassSchema()));
        codec = new AvroCodec(registry);
        // With a codec for the auditing thread; the other one belongs to the reading thread.
        fold = lab.fold(spec);
        model = fold.model();
        hashes.put(0L, new Hashes(model.weightsHash(), model.stateHash()));
        thread = KafkaClients.tail("ledger-" + spec.model(), lab.bootstrapServers(),
                Map.of("fetch.max.wait.ms", 100, "max.poll.records", 2_000), partitions(), this::take);
    }

    private List<TopicPartition> partitions() {
        return List.of(lineage.log(), changelog, snapshots, progress, deadLetters);
    }

    private synchronized void take(KafkaConsumer<byte[], byte[]> consumer, ConsumerRecords<byte[], byte[]> records) {
        records.forEach(this::take);
        for (TopicPartition partition : partitions()) {
            try {
                positions.put(partition, consumer.position(partition, Duration.ofMillis(1)));
            } catch (org.apache.kafka.common.errors.TimeoutException notYet) {
                // Asked again after the next poll.
            }
        }
    }

    private void take(ConsumerRecord<byte[], byte[]> record) {
        String topic = record.topic();
        if (topic.equals(lineage.log().topic())) {
            events.add(record);
        } else if (topic.equals(changelog.topic())) {
            takeStored(record);
        } else if (topic.equals(snapshots.topic())) {
            takeSnapshot(record);
        } else if (topic.equals(progress.topic())) {
            takeProgress(record);
        } else if (KafkaClients.header(record, "tidegrad-model").equals(lineage.model())) {
            letters.add(new Letter(Long.parseLong(KafkaClients.header(record, "tidegrad-offset")),
                    KafkaClients.header(record, "tidegrad-value-cut").isEmpty() ? checksum(record.value()) : CUT));
        }
    }

    private void takeStored(ConsumerRecord<byte[], byte[]> record) {
        stored.put(ByteBuffer.wrap(record.key()), record);
        if (StoredState.endsCommit(record) && random.nextInt(REBUILT_ONE_IN) == 0) {
            rebuild();
        }
    }

    /// Claims what a restart would restore now.
    private void rebuild() {
        try {
            StoredState state = StoredState.of(lineage, List.copyOf(stored.values()), Kernels.active());
            if (state != null) {
                rebuilt++;
                claim(new Claim(state.nextOffset(), "the state rebuilt from the changelog", state.model().weightsHash(),
                        state.model().stateHash()));
            }
        } catch (StopException e) {
            found.add(new Violation("I1", "expected a commit's state in the changelog, found " + e.getMessage()));
        }
    }

    private void takeSnapshot(ConsumerRecord<byte[], byte[]> record) {
        SnapshotKey key = SnapshotKey.decode(record.key());
        if (key.kind() != SnapshotKey.Kind.MANIFEST || record.value() == null || key.epoch() >= FORGED_EPOCH) {
            return;
        }
        SnapshotManifest manifest = SnapshotManifest.decode(record.value());
        if (manifest.version() <= newestPublished) {
            found.add(new Violation("I14", "expected published versions to rise from " + newestPublished + ", found "
                    + manifest.version() + " at offset " + record.offset()));
        }
        newestPublished = Math.max(newestPublished, manifest.version());
        published.add(manifest.version());
        claim(new Claim(manifest.nextOffset(), "snapshot " + manifest.version(), manifest.weightsHash(), null));
    }

    private void takeProgress(ConsumerRecord<byte[], byte[]> record) {
        Progress report = codec.decode(record.value(), Progress.class);
        if (!report.getModel().equals(lineage.model())) {
            return;
        }
        if (report.getNextOffset() < newestReported) {
            found.add(new Violation("I14",
                    "expected reports at or above watermark " + newestReported + ", found " + report.getNextOffset()));
        }
        newestReported = Math.max(newestReported, report.getNextOffset());
        claim(new Claim(report.getNextOffset(), "the report", report.getWeightsHash(), report.getStateHash()));
    }

    private void claim(Claim claim) {
        claims.computeIfAbsent(claim.nextOffset(), offset -> new ArrayList<>()).add(claim);
    }

    private static int checksum(byte @Nullable [] bytes) {
        if (bytes == null) {
            return 1;
        }
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    /// Watermarks about which something was claimed since the last audit.
    synchronized int claimedWatermarks() {
        requireReading();
        return claims.size();
    }

    /// The newest record of each key of the changelog.
    synchronized List<ConsumerRecord<byte[], byte[]>> stored() {
        return List.copyOf(stored.values());
    }

    /// Waits until everything that is visible now has been read, and nothing is hidden behind an open transaction.
    ///
    /// @throws LoadTestException not within [World#RECOVERS_WITHIN]
    void catchUp() throws InterruptedException {
        String[] behind = {"no answer of Kafka"};
        Await.until("the topics read to their ends", World.RECOVERS_WITHIN, () -> {
            requireReading();
            try {
                Map<TopicPartition, Long> all = lab.ends(partitions(), IsolationLevel.READ_UNCOMMITTED);
                Map<TopicPartition, Long> visible = lab.ends(partitions(), IsolationLevel.READ_COMMITTED);
                synchronized (this) {
                    behind[0] = "ends " + all + ", visible " + visible + ", read " + positions;
                    return visible.equals(all) && positions.equals(all);
                }
            } catch (LoadTestException | KafkaException e) {
                behind[0] = String.valueOf(e.getMessage());
                return false;
            }
        }, () -> behind[0]);
    }

    private void requireReading() {
        thread.requireHealthy("the ledger can't read on");
    }

    /// One past the last visible event that was read, which a trainer's watermark must reach.
    synchronized long visibleEnd() {
        return events.isEmpty() ? nextOffset : events.getLast().offset() + 1;
    }

    /// Call it only at rest: claims about earlier watermarks that come later find the fold past them.
    private void foldVisible() {
        while (!events.isEmpty()) {
            ConsumerRecord<byte[], byte[]> record = events.remove();
            compareUpTo(record.offset());
            visible++;
            switch (fold.fold(record.value(), record.headers())) {
                case EventFold.Outcome.Accepted() -> {
                }
                case EventFold.Outcome.Ticked() -> ticks++;
                case EventFold.Outcome.Rejected(var rejection, var schemaId) ->
                    rejected.add(new Letter(record.offset(), checksum(record.value())));
            }
            nextOffset = record.offset() + 1;
        }
    }

    /// Compares all claims about watermarks up to here, where the fold has learned exactly everything below.
    private void compareUpTo(long offset) {
        while (!claims.isEmpty() && claims.firstKey() <= offset) {
            Map.Entry<Long, List<Claim>> next = claims.pollFirstEntry();
            checked++;
            Hashes ours = hashes.get(next.getKey());
            if (ours == null && next.getKey() >= nextOffset) {
                ours = new Hashes(model.weightsHash(), model.stateHash());
                hashes.put(next.getKey(), ours);
            }
            for (Claim claim : next.getValue()) {
                compare(claim, ours);
            }
        }
    }

    private void compare(Claim claim, @Nullable Hashes ours) {
        if (ours == null) {
            found.add(new Violation("I2", "expected claims of watermarks that were committed in order, found "
                    + claim.of() + " at " + claim.nextOffset() + " after the fold had passed " + nextOffset));
            return;
        }
        if (claim.weights() != null && !claim.weights().equals(ours.weights())
                || claim.state() != null && !claim.state().equals(ours.state())) {
            found.add(new Violation(claim.of().startsWith("snapshot") ? "I12" : "I1",
                    "expected the hashes of the fold at watermark " + claim.nextOffset() + ", weights "
                            + shortened(ours.weights()) + " state " + shortened(ours.state()) + ", found those of "
                            + claim.of() + ", weights " + shortened(claim.weights()) + " state "
                            + shortened(claim.state())));
        }
    }

    private static String shortened(@Nullable String hash) {
        return hash == null ? "-" : hash.substring(0, Math.min(12, hash.length()));
    }

    /// Checks all invariants after everything has come to rest.
    ///
    /// @param health the learning trainer's
    /// @param committed records that were certainly written
    /// @param inDoubt records of which nobody knows whether they were written
    /// @param admitted versions that scorers have served
    synchronized List<Violation> audit(JsonNode health, long committed, long inDoubt,
            List<ScorerUnderTest.Served> admitted) {
        rebuild();
        foldVisible();
        compareUpTo(nextOffset);
        for (Map.Entry<Long, List<Claim>> beyond : claims.entrySet()) {
            found.add(new Violation("I2", "expected no claim beyond the visible log, which ends at " + nextOffset
                    + ", found " + beyond.getValue()));
        }
        claims.clear();
        JsonNode report = health.path("report");
        compare(new Claim(report.path("watermark").asLong(), "the trainer's health",
                report.path("weights_hash").asText(), report.path("state_hash").asText()),
                new Hashes(model.weightsHash(), model.stateHash()));
        account("learned", model.parameters().examples(), health.path("learned").asLong());
        account("pending", model.pending(), health.path("pending").asLong());
        account("dead letters", rejected.size(), health.path("dead_letters").asLong());
        account("ticks", ticks, health.path("ticks").asLong());
        if (visible < committed || visible > committed + inDoubt) {
            found.add(new Violation("I3", "expected " + committed + " to " + (committed + inDoubt)
                    + " visible events, as many as were produced, found " + visible));
        }
        found.addAll(lettersAmiss(rejected, letters));
        found.addAll(unpublished(admitted, published));
        List<Violation> all = List.copyOf(found);
        found.clear();
        return all;
    }

    private void account(String what, long expected, long counted) {
        if (expected != counted) {
            found.add(new Violation("I3", "expected " + expected + " " + what + " as the fold, found " + counted));
        }
    }

    /// Every refused event must be in the dead letters once, in order, with its bytes untouched.
    static List<Violation> lettersAmiss(List<Letter> rejected, List<Letter> letters) {
        if (letters.size() != rejected.size()) {
            return List.of(new Violation("I6",
                    "expected " + rejected.size() + " dead letters, one a refused event, found " + letters.size()));
        }
        for (int i = 0; i < letters.size(); i++) {
            Letter expected = rejected.get(i);
            Letter letter = letters.get(i);
            if (letter.offset() != expected.offset()
                    || letter.checksum() != CUT && letter.checksum() != expected.checksum()) {
                return List.of(new Violation("I6", "expected the dead letter of offset " + expected.offset()
                        + " with its bytes untouched, found that of " + letter.offset()));
            }
        }
        return List.of();
    }

    /// Finds served versions that were never committed.
    ///
    /// @param published versions with a visible manifest
    static List<Violation> unpublished(List<ScorerUnderTest.Served> admitted, Set<Long> published) {
        List<Violation> violations = new ArrayList<>();
        for (ScorerUnderTest.Served version : admitted) {
            if (version.epoch() != EPOCH) {
                violations.add(new Violation("I15", "expected no forged snapshot served, found " + version));
            } else if (!published.contains(version.version())) {
                violations.add(
                        new Violation("I11", "expected only versions whose transaction committed, found " + version));
            }
        }
        return violations;
    }

    /// The fold's model as it is now, which a forger copies.
    synchronized OnlineModel model() {
        return model;
    }

    synchronized long nextOffset() {
        return nextOffset;
    }

    synchronized long visible() {
        return visible;
    }

    /// Watermarks at which hashes were compared.
    synchronized long checked() {
        return checked;
    }

    /// Commits whose state was rebuilt from the changelog.
    synchronized long rebuilt() {
        return rebuilt;
    }

    @Override
    public void close() {
        thread.close();
    }
}
