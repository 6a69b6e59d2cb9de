package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.junit.jupiter.api.Test;

class CommitPaceTest {
    private static final TopicPartition PARTITION = new TopicPartition("events", 0);

    private final MockProcessorContext<Void, Void> context = new MockProcessorContext<>();
    private final Alignment alignment = new Alignment(Duration.ofMinutes(5));
    private final ThreadLocal<CommitPace> paces =
            ThreadLocal.withInitial(() -> new CommitPace(alignment, Duration.ofMillis(100)));
    private final CommitPace pace = CommitPace.of(paces, context);

    private boolean isAskedWhenTakenAt(long time) {
        context.setCurrentSystemTimeMs(time);
        pace.took(context);
        return isAsked();
    }

    private boolean isAskedWhenIdleAt(long time) {
        context.setCurrentSystemTimeMs(time);
        context.scheduledPunctuators().forEach(each -> each.getPunctuator().punctuate(time));
        return isAsked();
    }

    private boolean isAsked() {
        boolean asked = context.committed();
        context.resetCommit();
        return asked;
    }

    /// What Streams does when it was asked.
    private void commit(long until) {
        pace.commits();
        context.setCurrentSystemTimeMs(until);
    }

    @Test
    void theFirstRecordAfterAPauseIsCommittedAtOnceAndTheNextAnIntervalLater() {
        assertThat(isAskedWhenTakenAt(1_000)).isTrue();
        commit(1_010);
        assertThat(isAskedWhenTakenAt(1_010)).isFalse();
        assertThat(isAskedWhenTakenAt(1_109)).isFalse();
        assertThat(isAskedWhenTakenAt(1_110)).isTrue();
    }

    @Test
    void theLastRecordOfABurstIsCommittedThoughNothingComesAfterIt() {
        assertThat(isAskedWhenTakenAt(1_000)).isTrue();
        commit(1_000);
        assertThat(isAskedWhenTakenAt(1_020)).isFalse();
        assertThat(isAskedWhenIdleAt(1_070)).isFalse();
        assertThat(isAskedWhenIdleAt(1_120)).isTrue();
        commit(1_130);
        assertThat(isAskedWhenIdleAt(5_000)).as("with nothing taken").isFalse();
    }

    @Test
    void aCommitThatTakesLongerThanTheIntervalIsFollowedByAnIntervalOfReading() {
        assertThat(isAskedWhenTakenAt(1_000)).isTrue();
        commit(1_300);
        assertThat(isAskedWhenTakenAt(1_300)).isFalse();
        assertThat(isAskedWhenTakenAt(1_399)).isFalse();
        assertThat(isAskedWhenTakenAt(1_400)).isTrue();
    }

    @Test
    void aThreadThatIsFarBehindDoesNotAskUntilItHasCaughtUp() {
        alignment.rests(PARTITION, 0);
        alignment.lags(PARTITION, 10_000);
        assertThat(isAskedWhenTakenAt(1_000)).isFalse();
        assertThat(isAskedWhenTakenAt(2_000)).isFalse();
        alignment.lags(PARTITION, 9_999);
        assertThat(isAskedWhenTakenAt(2_099)).isFalse();
        assertThat(isAskedWhenIdleAt(2_100)).isTrue();
    }

    @Test
    void aPartitionThatOthersReadFromNowOnIsNotBehindHere() {
        alignment.rests(PARTITION, 0);
        alignment.lags(PARTITION, 50_000);
        assertThat(alignment.isFarBehind()).isTrue();
        alignment.leaves(PARTITION);
        assertThat(alignment.isFarBehind()).isFalse();
    }

    @Test
    void aProcessThatWaitsForAnotherCommitsSoonThoughItIsFarBehind() {
        alignment.rests(PARTITION, 1_000_000);
        alignment.lags(PARTITION, 50_000);
        alignment.elsewhere(0, 0, System.nanoTime());
        alignment.holds(new TopicPartition("labels", 0), 10, System.nanoTime());
        assertThat(alignment.isFarBehind()).isFalse();
    }
}
