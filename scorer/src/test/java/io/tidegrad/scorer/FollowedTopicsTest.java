package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlIntake;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.internals.AutoOffsetResetStrategy;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.Test;

/// The order in which records of two topics are handled, with a consumer that returns what it is given at once.
class FollowedTopicsTest {
    private static final TopicPartition CONTROL = new TopicPartition(Topics.DEFAULT.control(), 0);
    private static final TopicPartition SNAPSHOTS = new TopicPartition(Topics.DEFAULT.snapshots("m"), 0);

    private final MockConsumer<byte[], byte[]> consumer = new MockConsumer<>(AutoOffsetResetStrategy.NONE.name()) {
        /// As a broker answers when the log cleaner has emptied the segment in which it looks.
        @Override
        public Map<TopicPartition, OffsetAndTimestamp> offsetsForTimes(Map<TopicPartition, Long> times,
                Duration timeout) {
            Map<TopicPartition, OffsetAndTimestamp> nothing = new HashMap<>();
            times.keySet().forEach(partition -> nothing.put(partition, null));
            return nothing;
        }
    };
    private final ControlIntake control = new ControlIntake("m");

    private FollowedTopics topics(int controlPartitions) {
        List<PartitionInfo> partitions = new ArrayList<>();
        for (int partition = 0; partition < controlPartitions; partition++) {
            partitions.add(new PartitionInfo(CONTROL.topic(), partition, Node.noNode(), new Node[0], new Node[0]));
        }
        consumer.updatePartitions(CONTROL.topic(), partitions);
        consumer.updateBeginningOffsets(Map.of(CONTROL, 0L, SNAPSHOTS, 0L));
        consumer.updateEndOffsets(Map.of(CONTROL, 0L, SNAPSHOTS, 5L));
        return new FollowedTopics(consumer, Topics.DEFAULT, control, new CountDownLatch(1));
    }

    private void decide(long offset, ControlAction action) {
        ControlRecord record = new ControlRecord("m", action, 1, "", "");
        consumer.addRecord(new ConsumerRecord<>(CONTROL.topic(), 0, offset, record.key(), record.encode()));
    }

    private void snapshot(long offset) {
        consumer.addRecord(new ConsumerRecord<>(SNAPSHOTS.topic(), 0, offset, new byte[]{(byte) offset}, new byte[1]));
    }

    private static List<Long> offsets(List<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(ConsumerRecord::offset).toList();
    }

    @Test
    void whatComesBesideANewDirectiveIsPolledAgain() {
        try (FollowedTopics topics = topics(1)) {
            topics.readControl();
            topics.follow(SNAPSHOTS.topic());
            topics.seek(3);
            snapshot(3);
            snapshot(4);
            decide(0, new ControlAction.Delete());
            assertThat(topics.poll()).isEmpty();
            assertThat(control.directive().deleted()).isTrue();
            assertThat(topics.position()).isEqualTo(3);
            snapshot(3);
            snapshot(4);
            assertThat(offsets(topics.poll())).containsExactly(3L, 4L);
        }
    }

    @Test
    void theControlTopicIsReadToItsEnd() {
        try (FollowedTopics topics = topics(1)) {
            consumer.setMaxPollRecords(1);
            consumer.updateEndOffsets(Map.of(CONTROL, 3L, SNAPSHOTS, 5L));
            consumer.schedulePollTask(() -> {
                decide(0, new ControlAction.Pause());
                decide(1, new ControlAction.Resume());
                decide(2, new ControlAction.Delete());
            });
            topics.readControl();
            assertThat(control.status().records()).isEqualTo(3);
            assertThat(control.directive().deleted()).isTrue();
        }
    }

    /// The manifest was seen but not handled, so it must still be read.
    @Test
    void aStartThatIsBrokenOffLeavesNothingOut() {
        TestIntake inside = new TestIntake("m");
        SnapshotFeed feed = new SnapshotFeed(inside.intake, inside.counters);
        List<SnapshotEntry> full = TestTrainer.of("m").learn(5).publishFull().records();
        try (FollowedTopics topics = topics(1)) {
            consumer.updateEndOffsets(Map.of(CONTROL, 0L, SNAPSHOTS, (long) full.size()));
            topics.readControl();
            topics.follow(SNAPSHOTS.topic());
            topics.seek(0);
            give(full);
            new SnapshotBootstrap(topics, feed, inside.current, () -> feed.resume() >= 0).run(0);
            assertThat(inside.servedVersion()).isEqualTo("none");
            assertThat(feed.resume()).isEqualTo(SnapshotFeed.NOWHERE);
            give(full);
            new SnapshotBootstrap(topics, feed, inside.current, () -> false).run(0);
            assertThat(inside.servedVersion()).isEqualTo("1.5");
            assertThat(feed.resume()).isEqualTo(full.size());
        }
    }

    private void give(List<SnapshotEntry> records) {
        give(records, 0, ConsumerRecord.NO_TIMESTAMP);
    }

    private void give(List<SnapshotEntry> records, long first, long time) {
        long offset = first;
        for (SnapshotEntry record : records) {
            consumer.addRecord(new ConsumerRecord<>(SNAPSHOTS.topic(), 0, offset++, time, TimestampType.CREATE_TIME,
                    record.key().length, record.value().length, record.key(), record.value(), new RecordHeaders(),
                    Optional.empty()));
        }
    }

    private String servedAfterAStart(long since, List<SnapshotEntry> records, long time) {
        TestIntake inside = new TestIntake("m");
        SnapshotFeed feed = new SnapshotFeed(inside.intake, inside.counters);
        try (FollowedTopics topics = topics(1)) {
            long end = records.size();
            consumer.updateEndOffsets(Map.of(CONTROL, 0L, SNAPSHOTS, end));
            topics.readControl();
            topics.follow(SNAPSHOTS.topic());
            topics.seek(0);
            // The end of the topic is read first, and then as much of what lies before it as is needed.
            for (long from = end - 16; from > -16; from -= 16) {
                long first = Math.max(0, from);
                consumer.schedulePollTask(() -> give(records.subList((int) first, records.size()), first, time));
            }
            consumer.schedulePollTask(() -> give(records, 0, time));
            new SnapshotBootstrap(topics, feed, inside.current, () -> false).run(since);
        }
        return inside.servedVersion();
    }

    private static List<SnapshotEntry> aFullSnapshotAndItsDeltas() {
        TestTrainer trainer = TestTrainer.of("m");
        List<SnapshotEntry> records = new ArrayList<>(trainer.learn(5).publishFull().records());
        for (int deltas = 0; deltas < 12; deltas++) {
            records.addAll(trainer.learn(1).publishDelta().records());
        }
        assertThat(records).hasSizeGreaterThan(16);
        return records;
    }

    @Test
    void aVersionIsFoundAlsoWhereKafkaKnowsNoOffsetOfItsTime() {
        long now = System.currentTimeMillis();
        assertThat(servedAfterAStart(now - 5_000, aFullSnapshotAndItsDeltas(), now)).isEqualTo("1.17");
    }

    @Test
    void whatIsOlderThanTheDecisionByMoreThanClocksMayDifferIsNotSearched() {
        long now = System.currentTimeMillis();
        assertThat(servedAfterAStart(now, aFullSnapshotAndItsDeltas(), now - 3_600_000)).isEqualTo("none");
    }

    @Test
    void whatComesBesideARecordThatChangesNothingIsRead() {
        try (FollowedTopics topics = topics(1)) {
            topics.readControl();
            topics.follow(SNAPSHOTS.topic());
            topics.seek(0);
            snapshot(0);
            decide(0, new ControlAction.Pause());
            assertThat(offsets(topics.poll())).containsExactly(0L);
            assertThat(control.status().paused()).isTrue();
        }
    }

    @Test
    void aControlTopicThatSomebodyAddedPartitionsToIsReadFromItsFirst() {
        try (FollowedTopics topics = topics(2)) {
            consumer.updateEndOffsets(Map.of(CONTROL, 1L, SNAPSHOTS, 5L));
            consumer.schedulePollTask(() -> decide(0, new ControlAction.Delete()));
            topics.readControl();
            assertThat(control.directive().deleted()).isTrue();
        }
    }

    /// Offsets that were read do not exist any more, because the topic was created again.
    @Test
    void aControlTopicThatWasMadeAnewIsReadFromItsBeginning() {
        control.accept(new byte[]{1}, null, 41);
        assertThat(control.next()).isEqualTo(42);
        try (FollowedTopics topics = topics(1)) {
            topics.readControl();
            topics.follow(SNAPSHOTS.topic());
            topics.seek(0);
            decide(0, new ControlAction.Pause());
            topics.poll();
            assertThat(control.status().paused()).isTrue();
        }
    }
}
