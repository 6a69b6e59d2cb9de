package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.internals.ProcessorMetadata;
import org.apache.kafka.streams.processor.internals.TopicPartitionMetadata;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// Which time the tasks may take without a record, and how far ahead partitions may be read. Times are seconds.
class JoinProgressTest {
    private static final TopicPartition EVENTS = new TopicPartition("events", 0);
    private static final TopicPartition MORE_EVENTS = new TopicPartition("events", 1);
    private static final TopicPartition LABELS = new TopicPartition("labels", 0);
    private static final TopicPartition JOINED = new TopicPartition("joined", 0);
    private static final TopicPartition MORE_JOINED = new TopicPartition("joined", 1);

    private final StreamTime time = new StreamTime();
    private final Alignment alignment = new Alignment(Duration.ofSeconds(10));
    private final JoinProgress progress = new JoinProgress(List.of(EVENTS, MORE_EVENTS), List.of(LABELS),
            List.of(JOINED, MORE_JOINED), time, alignment);
    private final Map<TopicPartition, Long> ends = new HashMap<>();
    private final Map<TopicPartition, Long> hiding = new HashMap<>(); // ends of what can't be read yet
    private final Map<TopicPartition, @Nullable OffsetAndMetadata> committed = new HashMap<>();

    private long asked = System.nanoTime();

    JoinProgressTest() {
        progress.sources().forEach(each -> at(each, 100, 100, null, 50));
        progress.between().forEach(each -> at(each, 100, 100, 50L, 50));
    }

    private void at(TopicPartition partition, long offset, long end, @Nullable Long task, long reached) {
        ends.put(partition, end);
        committed.put(partition, new OffsetAndMetadata(offset,
                CommitHook.metadata(task == null ? null : task * 1_000, reached * 1_000)));
    }

    private void look(long clock, long passed) {
        Map<TopicPartition, Long> written = new HashMap<>(ends);
        written.putAll(hiding);
        asked = System.nanoTime();
        progress.look(ends, written, committed, clock * 1_000, passed * 1_000_000_000, asked);
    }

    private void assertTime(long seconds, boolean idle) {
        assertThat(time.time()).isEqualTo(seconds * 1_000);
        assertThat(time.isIdle()).isEqualTo(idle);
        if (idle) {
            assertThat(time.settled()).as("by the task that has swept least").isEqualTo(49_000);
        }
    }

    @Test
    void whileSomethingIsLeftAllMayTakeTheLeastTimeOfThoseThatHaveIt() {
        at(MORE_JOINED, 100, 100, 20L, 20);
        at(EVENTS, 90, 100, null, 60);
        at(JOINED, 99, 100, 70L, 70);
        look(1_000, 0);
        assertTime(60, false);
        assertThat(progress.seen()).isNotNull().satisfies(seen -> {
            assertThat(seen.eventsLag()).isEqualTo(10);
            assertThat(seen.labelsLag()).isZero();
            assertThat(seen.joinLag()).isEqualTo(1);
            assertThat(seen.leastTime()).hasValue(20_000);
            assertThat(seen.mostTime()).hasValue(70_000);
        });
    }

    @Test
    void aPartitionOfWhichNothingWasReadSaysNothingAboutTheTime() {
        committed.put(LABELS, null);
        look(1_000, 0);
        assertThat(time.time()).isEqualTo(Long.MIN_VALUE);
        assertThat(time.isIdle()).isFalse();
    }

    @Test
    void whenAllIsReadTimeGoesOnWithTheTimeThatPassesButNotBeyondTheClock() {
        look(1_000, 5);
        assertTime(50, true);
        look(1_000, 25);
        assertTime(70, true);
        look(60, 45);
        assertTime(60, true);
        at(EVENTS, 100, 101, null, 50);
        look(1_000, 65);
        assertTime(50, false);
        at(EVENTS, 101, 101, null, 50);
        at(JOINED, 101, 101, 80L, 80);
        look(1_000, 85);
        assertTime(80, true);
    }

    @Test
    void whileAProducersTransactionHidesRecordsTimeGoesOnWithRecordsOnly() {
        look(1_000, 5);
        look(1_000, 25);
        assertTime(70, true);
        hiding.put(LABELS, 102L);
        look(1_000, 45);
        assertTime(50, false);
        assertStandstill(0);
        assertThat(progress.seen()).isNotNull().satisfies(seen -> {
            assertThat(seen.lag()).isZero();
            assertThat(seen.openTransaction()).isNull();
        });
        at(EVENTS, 90, 100, null, 60);
        look(1_000, 46);
        assertThat(time.time()).as("least of what is left and what is hidden").isEqualTo(50_000);
        at(EVENTS, 100, 100, null, 60);
        at(JOINED, 100, 100, 70L, 70);
        look(1_000, 106);
        assertStandstill(0);
        assertThat(progress.seen()).isNotNull().satisfies(
                seen -> assertThat(seen.openTransaction()).contains("61 s", "labels-0", "from offset 100 on"));
        at(LABELS, 101, 101, null, 50);
        look(1_000, 107);
        assertThat(progress.seen()).isNotNull()
                .satisfies(seen -> assertThat(seen.openTransaction()).as("of another transaction").isNull());
        hiding.clear();
        look(1_000, 108);
        assertTime(70, true);
        look(1_000, 118);
        assertTime(80, true);
    }

    @Test
    void aGroupThatCommitsNothingAlthoughSomethingIsLeftStandsStill() {
        at(EVENTS, 90, 100, null, 50);
        look(1_000, 10);
        look(1_000, 25);
        assertStandstill(15);
        at(EVENTS, 91, 100, null, 50);
        look(1_000, 26);
        assertStandstill(0);
        look(1_000, 36);
        assertStandstill(10);
        at(EVENTS, 100, 100, null, 50);
        look(1_000, 37);
        look(1_000, 60);
        assertStandstill(0);
    }

    private void assertStandstill(long seconds) {
        assertThat(progress.seen()).isNotNull().satisfies(seen -> assertThat(seen.standstill()).hasSeconds(seconds));
    }

    @Test
    void aStreamOfWhichNothingWasJoinedYetHasNoTime() {
        ends.replaceAll((partition, end) -> 0L);
        committed.clear();
        look(1_000, 0);
        assertThat(time.time()).isEqualTo(Long.MIN_VALUE);
    }

    @Test
    void noPartitionIsReadFurtherAheadThanTheLeastOneAllows() {
        alignment.elsewhere(Long.MAX_VALUE, Long.MAX_VALUE, System.nanoTime());
        assertThat(alignment.bound(0)).isEqualTo(Long.MAX_VALUE);
        alignment.reached(EVENTS, 50_000);
        alignment.reached(LABELS, 40_000);
        assertThat(alignment.bound(0)).isEqualTo(50_000);
        alignment.isDrained(LABELS, 0);
        assertThat(alignment.bound(0)).isEqualTo(60_000);
        alignment.reached(MORE_EVENTS, Long.MIN_VALUE);
        assertThat(alignment.bound(0)).isEqualTo(Long.MIN_VALUE + 10_000);
    }

    @Test
    void aPartitionOfOthersHoldsNobodyBackOnlyIfALookFoundItEmptyThatBeganWhenTheRecordWasHere() {
        alignment.reached(EVENTS, 50_000);
        at(MORE_EVENTS, 90, 100, null, 30);
        look(1_000, 0);
        assertThat(alignment.bound(asked)).isEqualTo(40_000);
        at(MORE_EVENTS, 100, 100, null, 30);
        look(1_000, 1);
        assertThat(alignment.bound(asked)).isEqualTo(60_000);
        assertThat(alignment.bound(asked + 1)).as("of a record that was fetched later").isEqualTo(40_000);
        look(1_000, 2);
        assertThat(alignment.bound(asked)).isEqualTo(60_000);
    }

    @Test
    void whetherAPartitionHasSomethingLeftIsAskedOnceForAllRecordsThatWereHere() {
        assertThat(alignment.isAwaited(LABELS)).isTrue();
        alignment.holds(EVENTS, 300, 7);
        alignment.isDrained(LABELS, 7);
        assertThat(alignment.isAwaited(LABELS)).isFalse();
        alignment.holds(MORE_EVENTS, 1, 8);
        assertThat(alignment.isAwaited(LABELS)).isTrue();
        alignment.holdsNone(MORE_EVENTS);
        assertThat(alignment.isAwaited(LABELS)).isFalse();
        alignment.reached(LABELS, 50_000);
        assertThat(alignment.isAwaited(LABELS)).isTrue();
    }

    @Test
    void nothingIsTakenBeforeALookHasSaidHowFarOthersAre() {
        alignment.reached(EVENTS, 50_000);
        alignment.holds(EVENTS, 1, System.nanoTime());
        assertThat(alignment.bound(System.nanoTime())).isEqualTo(Long.MIN_VALUE + 10_000);
        assertThat(alignment.waitsForOthers()).isTrue();
        look(1_000, 0);
        assertThat(alignment.bound(asked)).isEqualTo(60_000);
        alignment.reached(LABELS, 50_000);
        long before = System.nanoTime();
        alignment.leaves(LABELS);
        assertThat(alignment.bound(before)).isEqualTo(Long.MIN_VALUE + 10_000);
        alignment.elsewhere(Long.MAX_VALUE, Long.MAX_VALUE, before - 1);
        assertThat(alignment.bound(before)).as("a look that began before").isEqualTo(Long.MIN_VALUE + 10_000);
        look(1_000, 1);
        assertThat(alignment.bound(before)).isEqualTo(60_000);
    }

    @Test
    void aProcessThatReadsAllPartitionsIsNotHeld() {
        progress.sources().forEach(each -> alignment.reached(each, 50_000));
        committed.clear();
        look(1_000, 0);
        assertThat(alignment.bound(asked + 1_000_000_000)).isEqualTo(60_000);
    }

    /// Its reader waits for us then. If both went by the last record, each would wait for the other.
    @Test
    void aPartitionOfOthersIsAsFarAsTheNextRecordThatTheyHoldBack() {
        alignment.reached(EVENTS, 50_000);
        ends.put(MORE_EVENTS, 100L);
        ProcessorMetadata next = new ProcessorMetadata();
        next.put("next-events", 45_000);
        committed.put(MORE_EVENTS, new OffsetAndMetadata(90, new TopicPartitionMetadata(20_000, next).encode()));
        look(1_000, 0);
        assertThat(alignment.bound(asked)).isEqualTo(55_000);
    }

    /// Only the end of a transaction lay there, and what came since may have any time.
    @Test
    void aPartitionOfOthersOfWhichNoRecordWasReadHoldsAllBackUntilItWasReadToItsEnd() {
        alignment.reached(EVENTS, 50_000);
        ends.put(MORE_EVENTS, 100L);
        ProcessorMetadata next = new ProcessorMetadata();
        next.put("next-events", Long.MIN_VALUE);
        committed.put(MORE_EVENTS, new OffsetAndMetadata(90, new TopicPartitionMetadata(-1, next).encode()));
        look(1_000, 0);
        assertThat(alignment.bound(asked)).isEqualTo(Long.MIN_VALUE + 10_000);
        ends.put(MORE_EVENTS, 90L);
        look(1_000, 1);
        assertThat(alignment.bound(asked)).isEqualTo(60_000);
    }

    @Test
    void whoHoldsRecordsBackForOthersLooksMoreOften() {
        alignment.reached(EVENTS, 50_000);
        alignment.holds(EVENTS, 7, System.nanoTime());
        alignment.elsewhere(Long.MAX_VALUE, Long.MAX_VALUE, System.nanoTime());
        assertThat(alignment.waitsForOthers()).as("for a partition of its own").isFalse();
        alignment.elsewhere(30_000, 30_000, System.nanoTime());
        assertThat(alignment.waitsForOthers()).isTrue();
        assertThat(alignment.heldRecords()).isEqualTo(7);
        assertThat(alignment.heldPartitions()).isOne();
        alignment.holdsNone(EVENTS);
        assertThat(alignment.waitsForOthers()).isFalse();
    }
}
