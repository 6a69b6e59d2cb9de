package io.tidegrad.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import java.util.List;
import java.util.Objects;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;

class LineageTest {
    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: m
                    input: { topic: t }
                    label: { field: over }
                    features: [ number: { field: a } ]
                    network: [ dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { sgd: { rate: 0.1 } }
                    """, "spec");

    private static Lineage lineage(int epoch, ControlAction.Rollback... rollbacks) {
        return new Lineage(SPEC, epoch, new TopicPartition("t", 0), Uuid.ZERO_UUID, 10, List.of(rollbacks));
    }

    private static ControlAction.Rollback rollback(int epoch, int base, long next, long resume) {
        return new ControlAction.Rollback(epoch, new ControlAction.Base(base, next, "ab".repeat(32), next), resume);
    }

    @Test
    void anEpochFromNothingLearnsEverythingFromItsStartOn() {
        Lineage lineage = lineage(3);
        assertThat(lineage.learns(9)).isFalse();
        assertThat(lineage.epochOf(10)).isEqualTo(3);
        assertThat(lineage.epochOf(Long.MAX_VALUE)).isEqualTo(3);
        assertThat(lineage.origin()).isNull();
        assertThat(lineage.parent()).isNull();
    }

    @Test
    void afterRollbacksEveryOffsetIsOfTheEpochThatLearnedIt() {
        Lineage lineage = lineage(5, rollback(2, 1, 100, 150), rollback(5, 2, 180, 200));
        assertThat(lineage.epochOf(9)).isZero();
        assertThat(lineage.epochOf(10)).isEqualTo(1);
        assertThat(lineage.epochOf(99)).isEqualTo(1);
        assertThat(lineage.epochOf(100)).isZero();
        assertThat(lineage.epochOf(149)).isZero();
        assertThat(lineage.epochOf(150)).isEqualTo(2);
        assertThat(lineage.epochOf(179)).isEqualTo(2);
        assertThat(lineage.epochOf(180)).isZero();
        assertThat(lineage.epochOf(200)).isEqualTo(5);
        Lineage parent = Objects.requireNonNull(lineage.parent());
        assertThat(parent).isEqualTo(lineage(2, rollback(2, 1, 100, 150)));
        assertThat(parent.parent()).isEqualTo(lineage(1));
    }

    @Test
    void aModelCanBeLearnedAgainFromItsNewestUpgradeOn() {
        assertThat(lineage(1).firstOffset()).isEqualTo(10);
        assertThat(lineage(1).takenOver()).isNull();
        ControlAction.Rollback first = upgrade(2, 1, 100);
        Lineage twice = lineage(4, first, upgrade(3, 2, 200), rollback(4, 3, 250, 260));
        assertThat(twice.firstOffset()).isEqualTo(200);
        assertThat(twice.takenOver()).isEqualTo(lineage(2, first));
        assertThat(Objects.requireNonNull(twice.upgrade()).numerics()).isEqualTo(8);
        assertThat(lineage(4, rollback(4, 1, 50, 60)).upgrade()).isNull(); // back to before both
        assertThat(twice.before(200)).isEqualTo(new Lineage.Moment(lineage(3, first, upgrade(3, 2, 200)), 200));
        assertThat(twice.before(199)).isEqualTo(new Lineage.Moment(lineage(2, first), 199));
    }

    /// Offsets before a move are of another log, in which they may be higher.
    @Test
    void afterAMoveNoOffsetIsOfAnEpochBeforeIt() {
        Uuid before = new Uuid(1, 2);
        ControlAction.Rollback first = rollback(2, 1, 500, 510);
        ControlAction.Rollback move = new ControlAction.Rollback(3, new ControlAction.Base(2, 7, "ab".repeat(32), 100),
                100, 2, new ControlAction.Move(before.toString(), 900, Uuid.ZERO_UUID.toString()));
        Lineage lineage = lineage(4, first, move, rollback(4, 3, 120, 130));
        assertThat(lineage.epochOf(99)).isZero();
        assertThat(lineage.epochOf(100)).isEqualTo(3);
        assertThat(lineage.epochOf(120)).isZero();
        assertThat(lineage.epochOf(130)).isEqualTo(4);
        assertThat(lineage.epochOf(600)).isEqualTo(4);
        assertThat(lineage.firstOffset()).isEqualTo(100);
        assertThat(lineage(4, move, upgrade(4, 3, 120)).firstOfLog()).as("not that of an upgrade").isEqualTo(100);
        assertThat(lineage(2, first).firstOfLog()).as("with no move").isEqualTo(10);
        assertThat(move.leftAt()).isEqualTo(900);
        assertThat(lineage.before(50)).isEqualTo(new Lineage.Moment(lineage(3, first, move), 50));
        Lineage left = Objects.requireNonNull(lineage.takenOver());
        assertThat(left.logTopicId()).isEqualTo(before);
        assertThat(left.epoch()).isEqualTo(2);
        assertThat(left.epochOf(505)).isZero();
        assertThat(left.epochOf(510)).isEqualTo(2);
    }

    private static ControlAction.Rollback upgrade(int epoch, int base, long next) {
        return new ControlAction.Rollback(epoch, new ControlAction.Base(base, next, "ab".repeat(32), next), next,
                epoch + 5);
    }

    /// What lies before an offset is the newest epoch's, or that of the epoch that learned it; in what a rollback left out
    /// it is the rollback's base.
    @Test
    void whatWasLearnedBeforeAnOffsetIsOfTheEpochThatLearnedItOrTheBase() {
        ControlAction.Rollback first = rollback(2, 1, 100, 150);
        Lineage lineage = lineage(5, first, rollback(5, 2, 180, 200));
        assertThat(lineage.before(201)).isEqualTo(new Lineage.Moment(lineage, 201));
        for (long offset : new long[]{180, 190, 200}) {
            assertThat(lineage.before(offset)).isEqualTo(new Lineage.Moment(lineage(2, first), 180));
        }
        assertThat(lineage.before(151)).isEqualTo(new Lineage.Moment(lineage(2, first), 151));
        for (long offset : new long[]{100, 120, 150}) {
            assertThat(lineage.before(offset)).isEqualTo(new Lineage.Moment(lineage(1), 100));
        }
        assertThat(lineage.before(99)).isEqualTo(new Lineage.Moment(lineage(1), 99));
        // The second one went back to what the first one had begun with.
        Lineage twice = lineage(3, first, rollback(3, 2, 150, 160));
        assertThat(twice.before(160)).isEqualTo(new Lineage.Moment(lineage(1), 100));
    }

    private static SnapshotManifest version(int epoch, long nextOffset) {
        OnlineModel model = OnlineModel.initial(SPEC, Kernels.active());
        return PublishedSnapshot.of(model, model.weightsHash(), epoch, nextOffset, 0, false).manifest();
    }

    @Test
    void theNewestVersionOfAMomentIsOfItsLineageAndHasLearnedNothingThatThisLeavesOut() {
        ControlAction.Rollback first = rollback(2, 1, 100, 150);
        Lineage lineage = lineage(4, first, rollback(4, 2, 180, 200));
        SnapshotManifest early = version(1, 60);
        SnapshotManifest leftOut = version(1, 140);
        SnapshotManifest second = version(2, 170);
        SnapshotManifest strange = version(3, 175);
        SnapshotManifest poison = version(2, 195);
        SnapshotManifest newest = version(4, 260);
        List<SnapshotManifest> all = List.of(early, leftOut, second, poison, strange, newest);
        assertThat(lineage.before(300).newestOf(all)).contains(newest);
        assertThat(lineage.before(259).newestOf(all)).contains(second);
        assertThat(lineage.before(190).newestOf(all)).contains(second);
        assertThat(lineage.before(160).newestOf(all)).contains(early);
        assertThat(lineage.before(60).newestOf(all)).contains(early);
        assertThat(lineage.before(59).newestOf(all)).isEmpty();
        assertThat(lineage(1).before(145).newestOf(all)).contains(leftOut);
    }

    @Test
    void aVersionOfTheBuildBeforeAnUpgradeIsNoneToGoBackToFromTheNewEpoch() {
        List<SnapshotManifest> all = List.of(version(1, 60), version(2, 140));
        Lineage upgraded = lineage(2, upgrade(2, 1, 100));
        assertThat(upgraded.before(150).newestOf(all)).contains(all.getLast());
        assertThat(upgraded.before(130).newestOf(all)).isEmpty();
        assertThat(upgraded.before(99).newestOf(all)).contains(all.getFirst()); // for that build to go back to
    }

    @Test
    void aBaseThatHasLearnedNothingOfItsOwnEpochLeavesItOut() {
        Lineage lineage = lineage(3, rollback(2, 1, 100, 150), rollback(3, 2, 150, 160));
        assertThat(lineage.epochOf(99)).isEqualTo(1);
        assertThat(lineage.epochOf(150)).isZero();
        assertThat(lineage.epochOf(160)).isEqualTo(3);
    }

    @Test
    void rollbacksOfAnotherEpochAreRefused() {
        assertThatThrownBy(() -> lineage(3, rollback(2, 1, 100, 150)))
                .hasMessageContaining("rollbacks that lead to epoch 3");
    }
}
