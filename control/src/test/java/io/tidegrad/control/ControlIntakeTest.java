package io.tidegrad.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/// What records come to, without Kafka.
class ControlIntakeTest {
    private static final String HASH = "ab".repeat(32);

    private final ControlIntake intake = new ControlIntake("m");
    private long offset;

    private void decide(String model, ControlAction action) {
        ControlRecord record = new ControlRecord(model, action, 1_000 + offset, "a@b", "why");
        intake.accept(record.key(), record.encode(), offset++);
    }

    private static ControlAction.Create create(int epoch) {
        return new ControlAction.Create(epoch, HASH, "t", "id", 0);
    }

    private static ControlAction.Rollback rollback(int epoch) {
        return new ControlAction.Rollback(epoch, new ControlAction.Base(epoch - 1, 50, HASH, 60), 60);
    }

    @Test
    void aNameIsItsOwnModelsUntilARecordSaysOtherwise() {
        assertThat(intake.directive()).isEqualTo(new ControlDirective("m", 0, 0, null, false));
        assertThat(intake.status().stage()).isEqualTo("live");
    }

    @Test
    void whatConcernsOtherModelsIsNoNewDirective() {
        ControlDirective before = intake.directive();
        decide("n", create(1));
        decide("n", rollback(2));
        decide("n", new ControlAction.Delete());
        decide("m", new ControlAction.Pause());
        assertThat(intake.directive()).isSameAs(before);
        assertThat(intake.status().records()).isEqualTo(4);
        assertThat(intake.status().stage()).isEqualTo("paused");
    }

    @Test
    void aGatesNoteIsNoDecisionAndNothingUnreadable() {
        decide("m", create(1));
        ControlDirective before = intake.directive();
        decide("m", new ControlAction.Hold(1, 70, 50, 80, 80));
        decide("m", new ControlAction.Publish(1, 90, 95));
        assertThat(intake.directive()).isSameAs(before);
        assertThat(intake.status().unreadable()).isZero();
        assertThat(intake.status().lastInWords()).startsWith("create of m");
    }

    /// Decided before it was promoted: what is known of a model counts as soon as it answers.
    @Test
    void aPromotedModelBringsItsOwnDecisionsWithIt() {
        decide("n", create(1));
        decide("n", rollback(2));
        decide("m", rollback(5));
        decide("m", new ControlAction.Promote("n", 2));
        assertThat(intake.directive()).isEqualTo(new ControlDirective("n", 2, 1_001, rollback(2), false));
        decide("n", new ControlAction.Delete());
        assertThat(intake.directive().deleted()).isTrue();
        assertThat(intake.status().lastInWords()).isEqualTo("delete of n at 1970-01-01T00:00:01.004Z by a@b: why");
        decide("m", new ControlAction.Promote("m", 5));
        assertThat(intake.directive()).isEqualTo(new ControlDirective("m", 5, 1_002, rollback(5), false));
    }

    /// Two models may answer to each other's names.
    @Test
    void aPromotionIsOfAModelNotOfWhatAnswersToItsName() {
        decide("m", new ControlAction.Promote("n", 1));
        decide("n", new ControlAction.Promote("m", 1));
        assertThat(intake.directive().model()).isEqualTo("n");
    }

    @Test
    void anEpochThatBeginsTwiceIsToldAndPassedOver() {
        decide("m", create(1));
        decide("m", rollback(3));
        decide("m", rollback(3));
        decide("m", create(2));
        assertThat(intake.directive().epoch()).isEqualTo(3);
        assertThat(intake.status().unreadable()).isEqualTo(2);
        assertThat(intake.status().lastUnreadable()).contains("offset 3").contains("expected an epoch above 3 of m");
    }

    @Test
    void aRecordUnderAnothersKeyIsNotTaken() {
        ControlRecord record = new ControlRecord("n", new ControlAction.Delete(), 1, "", "");
        intake.accept(ControlRecord.key("m"), record.encode(), 0);
        intake.accept(null, record.encode(), 1);
        intake.accept(ControlRecord.key("m"), null, 2);
        assertThat(intake.status().unreadable()).isEqualTo(3);
        assertThat(intake.directive().deleted()).isFalse();
        assertThat(intake.next()).isEqualTo(3);
    }

    /// A stream may have the name of a model.
    @Test
    void aDecisionAboutAStreamIsPassedOverWithoutAWord() {
        decide("m", create(1));
        ControlStatus before = intake.status();
        for (StreamAction action : List.of(new StreamAction.Pause(), new StreamAction.Delete(0))) {
            StreamRecord record = new StreamRecord("m", action, 1, "", "");
            intake.accept(record.key(), record.encode(), offset++);
        }
        assertThat(intake.status()).isSameAs(before);
        assertThat(intake.next()).isEqualTo(3);
    }

    @Test
    void theTopicOfAStreamsEventsIsThatOfItsNewestEpoch() {
        assertThat(intake.eventsTopic("payments")).isNull();
        for (String topic : List.of("payments-v1", "payments-v2")) {
            StreamAction create = new StreamAction.Create((int) offset + 1, "a spec",
                    new StreamAction.Source(topic, "an id", 6), null, "an id", null);
            StreamRecord record = new StreamRecord("payments", create, 1, "", "");
            intake.accept(record.key(), record.encode(), offset++);
        }
        intake.accept(new StreamRecord("payments", new StreamAction.Pause(), 1, "", "").key(), new byte[3], offset++);
        assertThat(intake.eventsTopic("payments")).isEqualTo("payments-v2");
        assertThat(intake.status().unreadable()).isZero();
    }
}
