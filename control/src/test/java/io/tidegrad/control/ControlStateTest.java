package io.tidegrad.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ControlStateTest {
    private static final String HASH = "ab".repeat(32);

    private static ControlState after(ControlAction... actions) {
        List<ControlRecord> records = new ArrayList<>();
        for (ControlAction action : actions) {
            records.add(new ControlRecord("other", new ControlAction.Delete(), 0, "", ""));
            records.add(new ControlRecord("m", action, 0, "", ""));
        }
        return ControlState.of("m", records);
    }

    private static ControlAction.Create create(int epoch) {
        return new ControlAction.Create(epoch, HASH, "t", "id", 0);
    }

    private static ControlAction.Rollback rollback(int epoch, int base, long offset) {
        return new ControlAction.Rollback(epoch, new ControlAction.Base(base, offset, HASH, offset), offset + 50);
    }

    @Test
    void pausingAndResumingLeaveTheEpochAsItIs() {
        assertThat(after(create(1), new ControlAction.Pause()).paused()).isTrue();
        ControlState resumed = after(create(1), new ControlAction.Pause(), new ControlAction.Resume());
        assertThat(resumed.paused()).isFalse();
        assertThat(resumed.epoch()).isEqualTo(1);
    }

    @Test
    void aRollbackRaisesTheEpochOfAPausedModelToo() {
        ControlState state = after(create(1), new ControlAction.Pause(), rollback(2, 1, 100));
        assertThat(state.epoch()).isEqualTo(2);
        assertThat(state.paused()).isTrue();
    }

    @Test
    void aModelOlderThanTheControlTopicHasNoEpochHere() {
        assertThat(after(new ControlAction.Pause()).epoch()).isZero();
        assertThat(after(rollback(2, 1, 100)).epoch()).isEqualTo(2);
        assertThat(after(rollback(2, 1, 100)).rollback()).isEqualTo(rollback(2, 1, 100));
    }

    @Test
    void aLineageLeavesOutTheEpochsThatItDoesNotComeFrom() {
        ControlState state = after(create(1), rollback(2, 1, 100), rollback(3, 1, 80), rollback(4, 2, 170));
        assertThat(state.lineage(1)).isEmpty();
        assertThat(state.lineage(2)).containsExactly(rollback(2, 1, 100));
        assertThat(state.lineage(3)).containsExactly(rollback(3, 1, 80));
        assertThat(state.lineage(4)).containsExactly(rollback(2, 1, 100), rollback(4, 2, 170));
    }

    @Test
    void aModelThatIsCreatedAgainComesFromNothing() {
        ControlState state = after(create(1), rollback(2, 1, 100), new ControlAction.Promote("x", 1),
                new ControlAction.Delete(), create(3));
        assertThat(state.deleted()).isFalse();
        assertThat(state.lineage(3)).isEmpty();
        assertThat(state.rollback()).isNull();
    }

    @Test
    void aNameGoesOnBeingAnsweredWhenTheModelOfThatNameIsDeleted() {
        ControlState state = after(create(1), new ControlAction.Promote("x", 1), new ControlAction.Delete());
        assertThat(state.deleted()).isTrue();
        assertThat(state.answeredBy()).isEqualTo("x");
    }

    @Test
    void aPromotedModelAnswersUntilTheNameIsItsOwnAgain() {
        assertThat(after(create(1), new ControlAction.Promote("x", 4)).answeredBy()).isEqualTo("x");
        assertThat(after(create(1), new ControlAction.Promote("x", 4), new ControlAction.Promote("m", 1)).answeredBy())
                .isEqualTo("m");
    }

    @Test
    void candidatesKeepTheOrderInWhichTheyCame() {
        ControlState state =
                after(create(1), new ControlAction.Challenge("x", 1, 500), new ControlAction.Shadow("y", 1),
                        new ControlAction.Challenge("z", 1, 100), new ControlAction.Challenge("x", 1, 800));
        assertThat(state.candidates()).containsExactly(Candidate.challenger("x", 800), Candidate.shadow("y"),
                Candidate.challenger("z", 100));
        assertThat(state.answeredBy()).isEqualTo("m");
    }

    @Test
    void aChallengerMayBecomeAShadowAndBack() {
        assertThat(after(new ControlAction.Challenge("x", 1, 500), new ControlAction.Shadow("x", 1)).candidates())
                .containsExactly(Candidate.shadow("x"));
        assertThat(after(new ControlAction.Shadow("x", 1), new ControlAction.Challenge("x", 1, 500)).candidates())
                .containsExactly(Candidate.challenger("x", 500));
    }

    @Test
    void aCandidateIsOneUntilItIsPromotedOrWithdrawn() {
        ControlAction[] tried = {new ControlAction.Shadow("x", 1), new ControlAction.Challenge("y", 1, 500)};
        assertThat(after(tried[0], tried[1], new ControlAction.Withdraw("x")).candidates())
                .containsExactly(Candidate.challenger("y", 500));
        ControlState promoted = after(tried[0], tried[1], new ControlAction.Promote("y", 1));
        assertThat(promoted.candidates()).containsExactly(Candidate.shadow("x"));
        assertThat(promoted.answeredBy()).isEqualTo("y");
    }

    @Test
    void whatIsDecidedOfTheModelItselfLeavesItsCandidates() {
        ControlState state = after(create(1), new ControlAction.Shadow("x", 1), new ControlAction.Pause(),
                rollback(2, 1, 100), new ControlAction.Resume(), new ControlAction.Delete(), create(3));
        assertThat(state.candidates()).containsExactly(Candidate.shadow("x"));
    }

    @Test
    void anotherModelsRecordIsNotTaken() {
        assertThatThrownBy(
                () -> ControlState.initial("m").after(new ControlRecord("n", new ControlAction.Pause(), 0, "", "")))
                .hasMessageContaining("expected a record of model m, found one of n");
    }
}
