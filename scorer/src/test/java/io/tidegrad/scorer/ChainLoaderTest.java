package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import io.tidegrad.model.snapshot.Verification;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

class ChainLoaderTest {
    private final TestTrainer trainer = TestTrainer.of("flights").learn(20);
    private final PublishedSnapshot full = trainer.publishFull();
    private final PublishedSnapshot first = trainer.learn(5).publishDelta();
    private final PublishedSnapshot second = trainer.learn(5).publishDelta();
    private final PublishedSnapshot third = trainer.learn(5).publishDelta();

    private static Verification load(PublishedSnapshot wanted, List<SnapshotEntry> records) {
        ChainLoader loader = new ChainLoader(new SnapshotVerifier("flights", Kernels.active(), 64 << 20), 64 << 20,
                wanted.manifest());
        long offset = 0;
        for (SnapshotEntry record : records) {
            loader.accept(new ConsumerRecord<>("snapshots", 0, offset++, record.key(), record.value()));
        }
        return loader.result();
    }

    private static List<SnapshotEntry> records(PublishedSnapshot... snapshots) {
        List<SnapshotEntry> records = new ArrayList<>();
        for (PublishedSnapshot snapshot : snapshots) {
            records.addAll(snapshot.records());
        }
        return records;
    }

    @Test
    void aDeltaIsLoadedFromItsFullSnapshotAndEveryDeltaBetween() {
        assertThat(load(second, records(full, first, second, third))).isInstanceOfSatisfying(
                Verification.Admitted.class, admitted -> assertThat(admitted.model().manifest().weightsHash())
                        .isEqualTo(second.manifest().weightsHash()));
    }

    @Test
    void aChainWithoutOneOfItsLinksIsRefused() {
        assertThat(load(third, records(full, first, third))).isInstanceOfSatisfying(Verification.Refused.class,
                refused -> assertThat(refused.reason()).isEqualTo(RefusalReason.UNKNOWN_PARENT));
        assertThat(load(third, records(first, second, third))).isInstanceOfSatisfying(Verification.Refused.class,
                refused -> assertThat(refused.reason()).isEqualTo(RefusalReason.UNKNOWN_PARENT));
        assertThat(load(third, List.of())).isInstanceOfSatisfying(Verification.Refused.class,
                refused -> assertThat(refused.detail()).contains("no longer complete"));
    }

    @Test
    void aVersionWithoutOneOfItsPartsIsRefused() {
        List<SnapshotEntry> records = records(full);
        records.removeFirst();
        assertThat(load(full, records)).isInstanceOfSatisfying(Verification.Refused.class, refused -> {
            assertThat(refused.reason()).isEqualTo(RefusalReason.UNREADABLE);
            assertThat(refused.detail()).contains("no longer complete");
        });
    }

    @Test
    void aHigherEpochGoesBeforeAHigherVersion() {
        PublishedSnapshot later = TestTrainer.of("flights", 2, 16).learn(3).publishFull();
        List<FoundManifest> found = new ArrayList<>(List.of(new FoundManifest(full.manifest(), 1, 0),
                new FoundManifest(later.manifest(), 0, 0), new FoundManifest(third.manifest(), 2, 0)));
        found.sort(FoundManifest.NEWEST_FIRST);
        assertThat(found).extracting(FoundManifest::offset).containsExactly(0L, 2L, 1L);
    }
}
