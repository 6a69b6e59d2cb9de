package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.snapshot.SnapshotKey;
import org.junit.jupiter.api.Test;

class SnapshotIndexTest {
    private final SnapshotIndex index = new SnapshotIndex();

    private void snapshot(int epoch, long version, int parts, long firstOffset) {
        for (int part = 0; part < parts; part++) {
            index.part(SnapshotKey.part(epoch, version, part), firstOffset + part);
        }
        index.manifest(SnapshotKey.manifest(epoch, version), parts, -1, firstOffset + parts);
    }

    @Test
    void findsTheHighestWholeVersion() {
        snapshot(1, 10, 2, 0);
        snapshot(1, 20, 2, 3);
        assertThat(index.newestComplete()).isEqualTo(new SnapshotIndex.Candidate(1, 20, 3, 5, -1));
    }

    @Test
    void aHigherEpochGoesBeforeAHigherVersion() {
        snapshot(2, 5, 1, 0);
        snapshot(1, 900, 1, 2);
        assertThat(index.newestComplete()).isEqualTo(new SnapshotIndex.Candidate(2, 5, 0, 1, -1));
    }

    @Test
    void aVersionWhosePartsLieFurtherBackIsWholeOnceTheyAreScanned() {
        index.part(SnapshotKey.part(1, 10, 1), 8);
        index.manifest(SnapshotKey.manifest(1, 10), 2, -1, 9);
        assertThat(index.newestComplete()).isNull();
        index.part(SnapshotKey.part(1, 10, 0), 7);
        assertThat(index.newestComplete()).isEqualTo(new SnapshotIndex.Candidate(1, 10, 7, 9, -1));
    }

    @Test
    void aRemovedCandidateLeavesTheNextBest() {
        snapshot(1, 10, 1, 0);
        snapshot(1, 20, 1, 2);
        SnapshotIndex.Candidate newest = index.newestComplete();
        assertThat(newest).isNotNull();
        index.remove(newest);
        assertThat(index.newestComplete()).isEqualTo(new SnapshotIndex.Candidate(1, 10, 0, 1, -1));
    }

    @Test
    void theChainOfADeltaBeginsWithItsFullSnapshotAndNeedsEveryLink() {
        snapshot(1, 10, 2, 0);
        delta(20, 10, 3);
        delta(40, 30, 7);
        SnapshotIndex.Candidate newest = index.newestComplete();
        assertThat(newest).isNotNull();
        assertThat(index.chain(newest)).isEmpty();
        delta(30, 20, 5);
        assertThat(index.chain(newest)).extracting(SnapshotIndex.Candidate::version).containsExactly(10L, 20L, 30L,
                40L);
    }

    private void delta(long version, long parent, long offset) {
        index.part(SnapshotKey.part(1, version, 0), offset);
        index.manifest(SnapshotKey.manifest(1, version), 1, parent, offset + 1);
    }
}
