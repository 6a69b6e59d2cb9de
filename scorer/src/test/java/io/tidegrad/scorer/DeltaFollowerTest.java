package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotKey;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// Full snapshots and deltas on a real broker. Bounds are for liveness: six times and more what is usual.
@Execution(ExecutionMode.CONCURRENT)
class DeltaFollowerTest {
    private static final Duration SOON = Duration.ofSeconds(30);

    private final String model = TestBroker.newModelName();
    private final TestTrainer trainer = TestTrainer.of(model);
    private final TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), model);

    @BeforeEach
    void createTopic() {
        publisher.createTopic();
    }

    @AfterEach
    void close() {
        publisher.close();
    }

    private static void awaitVersion(Scorer scorer, PublishedSnapshot snapshot) {
        await().atMost(SOON).untilAsserted(() -> assertThat(version(scorer)).as(scorer.status().toString())
                .isEqualTo(snapshot.manifest().version()));
        assertThat(scorer.weightsHash()).isEqualTo(snapshot.manifest().weightsHash());
    }

    private static long version(Scorer scorer) {
        ServedVersion served = scorer.current();
        return served == null ? -1 : served.version();
    }

    private PublishedSnapshot full() {
        PublishedSnapshot full = trainer.learn(3).publishFull();
        publisher.publish(full);
        return full;
    }

    private PublishedSnapshot delta() {
        PublishedSnapshot delta = trainer.learn(3).publishDelta();
        publisher.publish(delta);
        return delta;
    }

    @Test
    void aNewScorerReadsOneFullSnapshotAndItsDeltasNotTheLadder() {
        long ladder = 0;
        List<PublishedSnapshot> chain = new ArrayList<>();
        for (int fulls = 0; fulls < 30; fulls++) {
            chain.clear();
            chain.add(full());
            chain.add(delta());
            chain.add(delta());
            chain.add(delta());
            ladder += chain.stream().mapToLong(PublishedSnapshot::bytes).sum();
        }
        long records = chain.stream().mapToLong(snapshot -> snapshot.records().size()).sum();
        long bytes = chain.stream().mapToLong(PublishedSnapshot::bytes).sum();
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            awaitVersion(scorer, chain.getLast());
            SnapshotReading reading = scorer.status().reading();
            assertThat(reading.fulls()).isEqualTo(1);
            assertThat(reading.deltas()).isEqualTo(3);
            // The newest manifest is looked for among the last 16 offsets: of the chain, but for 4.
            assertThat(reading.records()).isBetween(records, records + 4);
            assertThat(reading.bytes()).isLessThan(bytes * 3 / 2).isLessThan(ladder / 10);
            assertThat(scorer.status().refused().values()).containsOnly(0L);

            long before = scorer.status().reading().records();
            PublishedSnapshot next = delta();
            awaitVersion(scorer, next);
            assertThat(scorer.status().reading().records() - before).isEqualTo(next.records().size());
        }
    }

    /// Flips one bit of a part.
    private static List<SnapshotEntry> damaged(PublishedSnapshot snapshot) {
        List<SnapshotEntry> records = new ArrayList<>(snapshot.records());
        byte[] value = records.getFirst().value().clone();
        value[value.length / 2] ^= 1;
        records.set(0, new SnapshotEntry(records.getFirst().key(), value));
        return records;
    }

    @Test
    void aChainWithABadLinkIsServedUpToItAndTheNextFullSnapshotMendsIt() {
        full();
        PublishedSnapshot good = delta();
        publisher.publish(damaged(trainer.learn(3).publishDelta()));
        delta();
        delta();
        try (Scorer starting = Scorer.open(TestBroker.options(model))) {
            awaitVersion(starting, good);
            await().atMost(SOON).untilAsserted(() -> assertThat(starting.status().refused())
                    .containsEntry(RefusalReason.UNREADABLE, 1L).containsEntry(RefusalReason.UNKNOWN_PARENT, 2L));
            full();
            awaitVersion(starting, delta());
            assertThat(starting.status().reading().fallbacks()).isEqualTo(1);
        }
    }

    @Test
    void aNewestFullSnapshotThatIsBadLeavesTheChainBeforeIt() {
        full();
        PublishedSnapshot good = delta();
        publisher.publish(damaged(trainer.learn(3).publishFull()));
        delta();
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            awaitVersion(scorer, good);
            full();
            awaitVersion(scorer, delta());
        }
    }

    /// Deletes a part and leaves the manifest, as compaction does.
    @Test
    void aPartThatCompactionTookAbandonsThatVersionOnly() {
        PublishedSnapshot first = full();
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            awaitVersion(scorer, first);
            List<SnapshotEntry> records = trainer.learn(3).publishDelta().records();
            publisher.writePlain(records.getLast().key(), records.getLast().value());
            delta();
            await().atMost(SOON).untilAsserted(() -> assertThat(scorer.status().refused())
                    .containsEntry(RefusalReason.INCOMPLETE, 1L).containsEntry(RefusalReason.UNKNOWN_PARENT, 1L));
            assertThat(version(scorer)).isEqualTo(first.manifest().version());
            awaitVersion(scorer, full());
        }
    }

    /// A large full snapshot is spread over commits: its parts can be seen long before its manifest.
    @Test
    void aFullSnapshotThatComesInPiecesIsServedWhenItIsWhole() {
        full();
        PublishedSnapshot before = delta();
        try (Scorer scorer = Scorer.open(TestBroker.options(model))) {
            awaitVersion(scorer, before);
            PublishedSnapshot spread = trainer.learn(3).publishFull();
            for (SnapshotEntry entry : spread.records()) {
                assertThat(version(scorer)).isEqualTo(before.manifest().version());
                publisher.publish(List.of(entry));
            }
            awaitVersion(scorer, spread);
            awaitVersion(scorer, delta());
            assertThat(scorer.status().refused().values()).containsOnly(0L);
        }
    }

    @Test
    void aLookUpFindsAVersionThatIsADelta() {
        full();
        PublishedSnapshot wanted = delta();
        delta();
        PublishedSnapshot broken = trainer.learn(3).publishDelta();
        publisher.publish(broken);
        publisher.writeTombstone(SnapshotKey.part(1, broken.manifest().version(), 0).encode());
        assertThat(SnapshotLookup
                .find(TestBroker.options(model), OptionalInt.empty(), OptionalLong.of(wanted.manifest().version()))
                .manifest().weightsHash()).isEqualTo(wanted.manifest().weightsHash());
    }

    @Test
    void aLookUpOfARefusedVersionDoesNotTakeTheEarlierEpochsVersionOfThatNumber() {
        PublishedSnapshot first = full();
        PublishedSnapshot second = TestTrainer.of(model, 2, 16).learn(3).publishFull();
        long version = second.manifest().version();
        assertThat(first.manifest().version()).isEqualTo(version);
        // Its parts are missing.
        publisher.publish(List.of(second.records().getLast()));
        ScorerOptions options = TestBroker.options(model);
        assertThatThrownBy(() -> SnapshotLookup.find(options, OptionalInt.empty(), OptionalLong.of(version)))
                .isInstanceOf(SnapshotNotFoundException.class).hasMessageContaining("2." + version);
        assertThat(SnapshotLookup.find(options, OptionalInt.of(1), OptionalLong.of(version)).manifest().epoch())
                .isEqualTo(1);
    }
}
