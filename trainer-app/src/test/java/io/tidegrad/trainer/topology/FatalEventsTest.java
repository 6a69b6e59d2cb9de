package io.tidegrad.trainer.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.feature.Rejection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.SplittableRandom;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What is remembered from life to life, through a file. A life here ends where the test makes the next one.
class FatalEventsTest {
    private static final Uuid TOPIC = new Uuid(1, 2);

    @TempDir
    Path directory;
    private Path file;

    @BeforeEach
    void name() {
        file = directory.resolve("made").resolve("m-1");
    }

    private FatalEvents life(long watermark) {
        return life(watermark, TOPIC);
    }

    private FatalEvents life(long watermark, Uuid topic) {
        try {
            FatalEvents life = FatalEvents.in(file, "m", topic);
            life.begin(watermark);
            return life;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private void endIn(long offset) {
        life(0).enter(offset);
    }

    @Test
    void theThirdLifeSetsAsideWhatEndedTwoInARow() {
        endIn(7);
        endIn(7);
        FatalEvents third = life(0);
        Rejection rejection = Objects.requireNonNull(third.at(7));
        assertThat(rejection.reason()).isEqualTo(Rejection.Reason.ENDED_THE_TRAINER);
        assertThat(third.at(6)).isNull();
        assertThat(third.setAside(7)).isZero(); // it is not committed
        assertThat(third.setAside(8)).isEqualTo(1);
    }

    @Test
    void whatIsSetAsideStaysSoUntilItsDeadLetterIsCommitted() {
        endIn(7);
        endIn(7);
        endIn(9);
        endIn(9);
        FatalEvents next = life(0);
        assertThat(next.at(7)).isNotNull();
        assertThat(next.at(9)).isNotNull();
        FatalEvents after = life(8);
        assertThat(after.at(7)).isNull();
        assertThat(after.at(9)).isNotNull();
        assertThat(after.setAside(10)).isEqualTo(2);
        assertThat(after.setAsideNow(10)).isEqualTo(1);
        assertThat(life(10).setAside(10)).isEqualTo(2);
    }

    @Test
    void nothingIsSetAsideUnlessItEndsTwoLivesInARow() {
        endIn(7);
        endIn(8);
        endIn(7);
        assertThat(life(0).at(7)).isNull();

        endIn(7);
        life(0).leave(); // a life that ended elsewhere
        endIn(7);
        assertThat(life(0).at(7)).isNull();

        endIn(7);
        life(8).enter(7); // another instance has committed it meanwhile
        assertThat(life(8).at(7)).isNull();
    }

    /// The first life ended inside of two events, the second where nothing was prepared ahead.
    @Test
    void anEventThatEndsALifeWhileItIsPreparedAheadIsSetAsideByTheThirdToo() {
        for (long learned : new long[]{-1, 5}) {
            FatalEvents first = life(0);
            assertThat(first.ahead().begins(7)).isTrue();
            if (learned >= 0) {
                first.enter(learned);
            }
            FatalEvents second = life(0);
            for (long offset = 0; offset <= 7; offset++) {
                assertThat(second.ahead().begins(offset)).isFalse();
                assertThat(second.ahead().begins(8)).isFalse();
            }
            second.enter(5);
            second.leave();
            second.enter(7);
            assertThat(second.ahead().begins(8)).isFalse();
            FatalEvents third = life(0);
            assertThat(third.at(7)).isNotNull();
            assertThat(third.at(5)).isNull();
            assertThat(third.ahead().begins(7)).isFalse();
            assertThat(third.ahead().begins(8)).isTrue();
            third.ahead().ends();
            life(9);
        }
    }

    /// The evaluation of event 4 throws: first behind event 7, then in its place.
    @Test
    void anEventWhoseEvaluationEndsALifeBehindLearningIsSetAsideByTheFourth() {
        FatalEvents first = life(0);
        first.enter(7);
        first.leave();
        assertThat(first.endedBehind(7, new IllegalStateException("thrown on purpose")))
                .hasMessageContaining("each event up to offset 7 to be evaluated, found");
        FatalEvents second = life(0);
        assertThat(second.isCareful()).isTrue();
        second.enter(4);
        assertThat(second.isCareful()).isTrue();
        FatalEvents third = life(0);
        assertThat(third.isCareful()).isTrue();
        third.enter(4);
        FatalEvents fourth = life(0);
        assertThat(fourth.at(4)).isNotNull();
        assertThat(fourth.at(7)).isNull();
    }

    @Test
    void onceTheEventIsPassedEventsArePreparedAheadAgain() {
        FatalEvents first = life(0);
        assertThat(first.ahead().begins(7)).isTrue();
        FatalEvents second = life(3);
        assertThat(second.isCareful()).isTrue();
        second.enter(7);
        second.leave();
        second.enter(9);
        assertThat(second.isCareful()).isFalse();
        assertThat(second.ahead().begins(10)).isTrue();
    }

    /// Another one was prepared ahead when it ended the first life.
    @Test
    void theEventThatWasLearnedIsSetAsideToo() {
        FatalEvents first = life(0);
        assertThat(first.ahead().begins(9)).isTrue();
        first.enter(7);
        endIn(7);
        assertThat(life(0).at(7)).isNotNull();
        assertThat(life(0).at(9)).isNull();
    }

    @Test
    void whatWasPreparedAheadWithoutHarmEndsNothing() {
        FatalEvents first = life(0);
        assertThat(first.ahead().begins(7)).isTrue();
        first.ahead().ends();
        first.enter(5);
        endIn(7);
        assertThat(life(0).at(7)).isNull();
    }

    @Test
    void aTaskThatComesBackInTheSameLifeIsNoOtherLife() {
        endIn(7);
        FatalEvents second = life(0);
        second.begin(0);
        second.enter(7);
        assertThat(life(0).at(7)).isNotNull();
    }

    @Test
    void offsetsOfAnotherTopicMeanNothing() {
        endIn(7);
        endIn(7);
        assertThat(life(0, new Uuid(3, 4)).at(7)).isNull();
    }

    @Test
    void whatWasCountedBeforeTheLastLifeIsJudgedIsNotForgottenByALookAtTheRegistry() throws IOException {
        endIn(7);
        FatalEvents second = FatalEvents.in(file, "m", TOPIC);
        var patience = second.around(new Patience(java.time.Duration.ofSeconds(1)));
        patience.begins(); // when it learns the log again
        patience.ends();
        second.begin(0);
        second.enter(7);
        assertThat(life(0).at(7)).isNotNull();
    }

    @Test
    void whoeverDamagesTheFileTakesNoMoreThanTheCount() throws IOException {
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < 200; i++) {
            endIn(7);
            endIn(7);
            byte[] bytes = Files.readAllBytes(file);
            if (random.nextBoolean()) {
                bytes[random.nextInt(i < 100 ? 100 : bytes.length)] ^= (byte) (1 << random.nextInt(8));
                Files.write(file, bytes);
            } else {
                Files.write(file, java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length)));
            }
            FatalEvents next = life(0);
            next.enter(11);
            next.leave();
            assertThat(life(12).at(12)).isNull();
            Files.delete(file);
        }
    }
}
