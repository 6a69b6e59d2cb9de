package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.Verification;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// A model of several parts, on its way in.
class SnapshotAssemblyTest {
    private static final int HIDDEN = 20_000;

    private TestTrainer trainer;
    TestIntake intake;
    private PublishedSnapshot snapshot;
    List<SnapshotEntry> parts;
    private String before = "none";
    private SnapshotEntry manifest;

    @BeforeEach
    void publish() {
        trainer = TestTrainer.of("flights", 1, HIDDEN).learn(1);
        intake = new TestIntake("flights");
        if (isServed()) {
            intake.accept(trainer.publish());
            before = intake.servedVersion();
        }
        trainer.learn(2);
        snapshot = trainer.publish();
        parts = new ArrayList<>(snapshot.records().subList(0, snapshot.records().size() - 1));
        manifest = snapshot.records().getLast();
        assertThat(parts).hasSizeGreaterThan(2);
    }

    /// Whether a version of the same spec is.
    boolean isServed() {
        return false;
    }

    Verification offer(List<SnapshotEntry> records) {
        List<SnapshotEntry> all = new ArrayList<>(records);
        all.add(manifest);
        return intake.accept(all).getLast();
    }

    @Test
    void partsMayComeInAnyOrderAndTwice() {
        Collections.reverse(parts);
        parts.add(parts.getFirst());
        assertThat(offer(parts)).isInstanceOf(Verification.Admitted.class);
        assertThat(intake.served().weightsHash()).isEqualTo(trainer.model().weightsHash());
    }

    @Test
    void anyMissingPartIsTold() {
        for (int missing = 0; missing < parts.size(); missing++) {
            List<SnapshotEntry> others = new ArrayList<>(parts);
            others.remove(missing);
            int came = others.size();
            assertThat(offer(others)).isInstanceOfSatisfying(Verification.Refused.class, refused -> {
                assertThat(refused.reason()).isEqualTo(RefusalReason.INCOMPLETE);
                assertThat(refused.detail()).contains(parts.size() + " parts").contains(came + " came");
            });
        }
        assertThat(offer(parts)).isInstanceOf(Verification.Admitted.class);
    }

    @Test
    void aPartInAnothersPlaceIsRefused() {
        SnapshotEntry swapped = new SnapshotEntry(parts.get(0).key(), parts.get(1).value());
        parts.set(0, swapped);
        assertThat(offer(parts)).isInstanceOf(Verification.Refused.class);
        assertThat(intake.servedVersion()).isEqualTo(before);
    }

    @Test
    void anotherVersionInBetweenEndsTheOneInAssembly() {
        PublishedSnapshot next = trainer.learn(1).publish();
        intake.accept(parts.subList(0, 1));
        intake.accept(next);
        assertThat(intake.servedVersion()).isEqualTo("1.4");
        assertThat(intake.counters.refusedCounts()).containsEntry(RefusalReason.INCOMPLETE, 1L);
    }

    @Test
    void assemblyStopsAtItsBoundAndGoesOnWithTheNextVersion() {
        long half = snapshot.manifest().servedBytes() / 2;
        TestIntake small = new TestIntake("flights", half, intake.clock);
        List<Verification> decided = small.accept(snapshot);
        assertThat(decided).singleElement().isInstanceOfSatisfying(Verification.Refused.class,
                refused -> assertThat(refused.reason()).isEqualTo(RefusalReason.TOO_LARGE));
        small.accept(TestTrainer.of("flights", 2, 16).learn(1).publish());
        assertThat(small.servedVersion()).isEqualTo("2.1");
    }
}
