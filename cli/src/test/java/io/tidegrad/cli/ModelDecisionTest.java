package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Lineage;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.StopException;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.StoredState;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Which state `models upgrade` takes over.
class ModelDecisionTest {
    private static final ModelSpec SPEC = ModelSpec.parse("""
                    model: m
                    input: { topic: t }
                    label: { field: over }
                    features: [ number: { field: a } ]
                    network: [ dense: 1 ]
                    loss: binary-cross-entropy
                    optimizer: { sgd: { rate: 0.1 } }
                    """, "spec");
    private static final int OTHER = Numerics.VERSION + 1;
    private static final Uuid BEFORE = Uuid.randomUuid();
    private static final Uuid COPY = Uuid.randomUuid();

    /// Epoch 2, which goes on at offset 300.
    private static Lineage second(int numerics, ControlAction.@Nullable Move move) {
        var origin = new ControlAction.Rollback(2, new ControlAction.Base(1, 250, "ab".repeat(32), 300), 300, numerics,
                move);
        return new Lineage(SPEC, 2, new TopicPartition("t", 0), move == null ? BEFORE : COPY, 10, List.of(origin));
    }

    private static Lineage moved(int numerics) {
        return second(numerics, new ControlAction.Move(BEFORE.toString(), 1_000, COPY.toString()));
    }

    private static StoredState.Head head(long nextOffset, int numerics) {
        return new StoredState.Head(nextOffset, nextOffset, Accounts.NONE, numerics);
    }

    private static Lineage taken(Lineage newest, Map<Integer, StoredState.Head> heads) {
        return ModelDecision.taken(newest, lineage -> heads.get(lineage.epoch()));
    }

    /// Its offsets are of the other log, so they would be wrong for the copy.
    @Test
    void theStateBeforeAMoveIsNotTakenOver() {
        for (long left : new long[]{200, 300, 1_000}) {
            assertThatThrownBy(() -> taken(moved(Numerics.VERSION), Map.of(1, head(left, Numerics.VERSION))))
                    .isInstanceOf(StopException.class)
                    .hasMessage("model m, epoch 2: expected a state to take over, found that no trainer has begun the"
                            + " epoch since models adopt: start one of a build with numerics " + Numerics.VERSION
                            + ", which begins it on the copy of the log");
            assertThatThrownBy(() -> taken(moved(OTHER), Map.of(1, head(left, OTHER))))
                    .isInstanceOf(StopException.class).hasMessageContaining("start one of a build with numerics "
                            + OTHER + ", which begins it on the copy of the log, and give this command again");
        }
    }

    @Test
    void aMovedEpochThatWasBegunIsTakenOver() {
        Lineage moved = moved(OTHER);
        assertThat(taken(moved, Map.of(1, head(1_000, OTHER), 2, head(300, OTHER)))).isEqualTo(moved);
    }

    @Test
    void theStateBeforeAnUpgradeIsTakenOverWhileNobodyHasBegunTheNewEpochAndItIsAnothers() {
        Lineage ofOther = second(OTHER, null);
        assertThat(taken(ofOther, Map.of(1, head(300, Numerics.VERSION)))).isEqualTo(ofOther.parent());
        Lineage ofThis = second(Numerics.VERSION, null);
        assertThat(taken(ofThis, Map.of(1, head(301, OTHER)))).isEqualTo(ofThis.parent());
        assertThatThrownBy(() -> taken(ofThis, Map.of(1, head(300, OTHER))))
                .hasMessageContaining("this build has taken it over");
    }
}
