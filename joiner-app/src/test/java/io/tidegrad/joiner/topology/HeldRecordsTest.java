package io.tidegrad.joiner.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.joiner.topology.SourceValue.Read;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.proof.LongProof;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.api.Test;

/// Two threads read six partitions of events and two of labels at speeds of their own. Times are seconds; `align` is 100.
class HeldRecordsTest {
    private static final StreamSpec SPEC = StreamSpec.parse("""
            stream: payments
            events: { topic: payments, key: id, event-time: time, format: json }
            labels: { topic: chargebacks, key: id, value: fraud, event-time: time, format: json }
            join: { wait: PT30S, missing: 0, window: P30D }
            align: PT1M40S
            """, "spec");
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private final Alignment alignment = new Alignment(SPEC.align());
    private final List<HeldRecords> threads = new ArrayList<>();
    private final Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> topics = new HashMap<>();
    private final Map<TopicPartition, Integer> fetched = new HashMap<>();
    private final Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> passed = new HashMap<>();

    private final Map<TopicPartition, Integer> taken = new HashMap<>();
    private long now;

    HeldRecordsTest() {
        Map<String, SourceReader> sources =
                Map.of("payments", new SourceReader(SPEC, true, TextEvents::decoder, PATIENCE), "chargebacks",
                        new SourceReader(SPEC, false, TextEvents::decoder, PATIENCE));
        nobodyElse();
        threads.add(new HeldRecords(alignment, sources));
        threads.add(new HeldRecords(alignment, sources));
    }

    /// No other process has a partition.
    private void nobodyElse() {
        alignment.elsewhere(Long.MAX_VALUE, Long.MAX_VALUE, System.nanoTime());
    }

    private void add(TopicPartition partition, String value) {
        List<ConsumerRecord<byte[], byte[]>> records = topics.computeIfAbsent(partition, unused -> new ArrayList<>());
        records.add(new ConsumerRecord<>(partition.topic(), partition.partition(), 7 + 2L * records.size(),
                1_795_000_000_000L, TimestampType.CREATE_TIME, -1, -1, null, TextEvents.bytes(value),
                new RecordHeaders(), Optional.empty()));
    }

    private HeldRecords reader(TopicPartition partition) {
        return threads.get(partition.partition() % 2);
    }

    /// One poll of a partition's thread, which brings up to `count` records of it.
    private void poll(TopicPartition partition, int count, Set<TopicPartition> paused, int max) {
        List<ConsumerRecord<byte[], byte[]>> all = topics.getOrDefault(partition, List.of());
        int from = fetched.getOrDefault(partition, 0);
        int to = Math.min(all.size(), from + count);
        fetched.put(partition, to);
        OffsetAndMetadata next = to == from ? null : new OffsetAndMetadata(all.get(to - 1).offset() + 1);
        reader(partition).take(partition, all.subList(from, to), next, ++now);
        if (to == all.size() && reader(partition).resting().contains(partition)) {
            alignment.isDrained(partition, now);
        }
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> released = new HashMap<>();
        reader(partition).release(paused, max, released);
        // What one poll gives together has no order among partitions.
        released.forEach((each, records) -> passed.computeIfAbsent(each, unused -> new ArrayList<>()).addAll(records));
        assertThat(released.values().stream().mapToInt(List::size).sum()).isLessThanOrEqualTo(max);
        released.forEach((each, records) -> records.forEach(record -> assertNotTooFar(each, record)));
        Map<TopicPartition, OffsetAndMetadata> nexts = new HashMap<>();
        reader(partition).addNext(paused, nexts);
        assertThat(nexts).doesNotContainKeys(paused.toArray(TopicPartition[]::new));
        nexts.forEach((each, offset) -> {
            int done = passed.getOrDefault(each, List.of()).size();
            List<ConsumerRecord<byte[], byte[]>> of = topics.getOrDefault(each, List.of());
            assertThat(offset.offset()).isEqualTo(
                    done < fetched.getOrDefault(each, 0) ? of.get(done).offset() : of.get(done - 1).offset() + 1);
        });
    }

    private static long time(ConsumerRecord<byte[], byte[]> record) {
        String value = TextEvents.text(record.value());
        return value.startsWith("#") ? Long.MIN_VALUE : Long.parseLong(value.replaceAll(".*time=(\\d+).*", "$1"));
    }

    /// A task takes up to `count` of the records that were passed on.
    private void take(TopicPartition partition, int count) {
        List<ConsumerRecord<byte[], byte[]>> of = passed.getOrDefault(partition, List.of());
        int to = Math.min(of.size(), taken.getOrDefault(partition, 0) + count);
        taken.put(partition, to);
        if (to > 0) {
            alignment.took(partition, of.get(to - 1).offset());
        }
    }

    /// No partition of which a task has something left to take lies more than `align` behind.
    private void assertNotTooFar(TopicPartition partition, ConsumerRecord<byte[], byte[]> record) {
        topics.forEach((each, all) -> {
            int before = taken.getOrDefault(each, 0);
            if (!each.equals(partition) && before < all.size()) {
                long reached = all.subList(0, before + 1).stream().mapToLong(HeldRecordsTest::time).max().orElseThrow();
                assertThat(time(record)).as("of " + partition + " with " + each + " left")
                        .isLessThanOrEqualTo(reached + SPEC.align().toMillis());
            }
        });
    }

    /// Of a thread that reads two partitions.
    @Test
    void thePartitionWithTheEarliestRecordPassesFirstAndNoneMoreThanItsShare() {
        TopicPartition early = new TopicPartition("payments", 0);
        TopicPartition late = new TopicPartition("payments", 2);
        for (int i = 0; i < 400; i++) {
            add(early, "id=a time=" + (1_000 + i));
            add(late, "id=b time=" + (1_300 + i));
        }
        HeldRecords held = threads.getFirst();
        for (TopicPartition each : List.of(late, early)) {
            held.take(each, Objects.requireNonNull(topics.get(each)), new OffsetAndMetadata(10_000), 1);
        }
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> first = new HashMap<>();
        held.release(Set.of(), 200, first);
        assertThat(first).hasEntrySatisfying(early, each -> assertThat(each).hasSize(128)) // runs up to half of 200
                .hasEntrySatisfying(late, each -> assertThat(each).hasSize(72));
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> second = new HashMap<>();
        held.release(Set.of(early), 1_000, second);
        assertThat(second).containsOnlyKeys(late);
        assertThat(held.isDue(early)).isTrue();
    }

    @LongProof("many partitions of a broker")
    @Test
    void noPartitionRunsAheadOfOneWhoseTaskHasSomethingLeftAndAllOfThemArriveInOrder() {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            new HeldRecordsTest().run(random);
        }
    }

    private void run(Random random) {
        List<TopicPartition> partitions = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            partitions.add(new TopicPartition("payments", i));
        }
        partitions.add(new TopicPartition("chargebacks", 0));
        partitions.add(new TopicPartition("chargebacks", 1));
        for (TopicPartition each : partitions) {
            long time = random.nextInt(1_000_000);
            int count = random.nextInt(4) == 0 ? 0 : random.nextInt(80);
            for (int i = 0; i < count; i++) {
                time += random.nextInt(60_000);
                add(each, random.nextInt(20) == 0 ? "#"
                        : "id=" + i + " fraud=1 time=" + Math.max(0, time - random.nextInt(20_000)));
            }
        }
        // Each thread knows its partitions before it gets anything.
        partitions.forEach(each -> poll(each, 0, Set.of(), 10));
        for (int i = 0; i < 20_000; i++) {
            TopicPartition partition = partitions.get(random.nextInt(partitions.size()));
            Set<TopicPartition> paused =
                    random.nextInt(5) == 0 ? Set.of(partitions.get(random.nextInt(partitions.size()))) : Set.of();
            poll(partition, random.nextInt(12), paused, 1 + random.nextInt(20));
            take(partitions.get(random.nextInt(partitions.size())), random.nextInt(60));
            if (passed.values().stream().mapToInt(List::size).sum() == topics.values().stream().mapToInt(List::size)
                    .sum()) {
                break;
            }
        }
        topics.forEach((each, all) -> assertThat(offsets(passed.getOrDefault(each, List.of()))).as(each.toString())
                .isEqualTo(offsets(all)));
    }

    private static List<Long> offsets(List<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(ConsumerRecord::offset).toList();
    }

    @Test
    void whatWasReadGoesWithTheRecordAndIsNotReadAgain() {
        TopicPartition partition = new TopicPartition("payments", 0);
        add(partition, "id=a time=5000");
        poll(partition, 1, Set.of(), 10);
        ConsumerRecord<byte[], byte[]> record = passed.getOrDefault(partition, List.of()).getFirst();
        SourceValue value = SourceValue.deserializer().deserialize("payments", record.headers(), record.value());
        assertThat(value.isRead()).isTrue();
        assertThat(value.run().lastOffset()).isEqualTo(record.offset());
        assertThat(value.run().reads()).singleElement().isInstanceOfSatisfying(Read.Input.class, input -> {
            assertThat(input.id()).isEqualTo("a");
            assertThat(input.input().time()).isEqualTo(5_000);
        });
    }

    /// A task of such events reads one partition, and what Streams does for a record is done once for a run.
    @Test
    void eventsWithLabelsOfTheirOwnPassInRunsAtTheOffsetOfTheFirstAndNoneBeyondTheBound() {
        StreamSpec spec = StreamSpec.parse("""
                stream: payments
                events: { topic: payments, event-time: time, format: json }
                label: fraud
                align: PT1M40S
                """, "spec");
        HeldRecords held = new HeldRecords(alignment,
                Map.of("payments", new SourceReader(spec, true, TextEvents::decoder, PATIENCE)));
        TopicPartition early = new TopicPartition("payments", 0);
        TopicPartition late = new TopicPartition("payments", 1);
        add(early, "fraud=1 time=1000");
        add(early, "# nobody can read this");
        for (int i = 0; i < 70; i++) {
            add(late, "fraud=0 time=" + (99_000 + 100 * i));
        }
        List<ConsumerRecord<byte[], byte[]>> lateRecords = Objects.requireNonNull(topics.get(late));
        held.take(late, lateRecords, new OffsetAndMetadata(1_000), 1);
        held.take(early, Objects.requireNonNull(topics.get(early)), new OffsetAndMetadata(11), 1);
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> first = new HashMap<>();
        held.release(Set.of(), 1_000, first);
        assertThat(runs(first, early)).containsExactly(List.of(7L, 9L, 2L));
        // 101,000 is the last time within 100 s of the early event, which is still on its way to its task.
        assertThat(runs(first, late)).containsExactly(List.of(7L, 47L, 21L));
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        held.addNext(Set.of(), next);
        assertThat(next.get(late)).extracting(OffsetAndMetadata::offset).isEqualTo(49L);
        alignment.took(early, 9);
        held.take(early, List.of(), null, 2);
        alignment.isDrained(early, 2);
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> second = new HashMap<>();
        held.release(Set.of(), 1_000, second);
        assertThat(runs(second, late)).containsExactly(List.of(49L, 145L, 49L));
    }

    /// Of each record that Streams gets: its offset, that of the last event in it, and how many are in it.
    private static List<List<Long>> runs(Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> released,
            TopicPartition partition) {
        return released.getOrDefault(partition, List.of()).stream().map(record -> {
            SourceValue.Run run =
                    SourceValue.deserializer().deserialize(record.topic(), record.headers(), record.value()).run();
            return List.of(record.offset(), run.lastOffset(), (long) run.reads().size());
        }).toList();
    }

    /// Streams ends its thread for the next offset of a partition whose task it is restoring, and pauses it until then.
    @Test
    void ofAPausedPartitionNoNextOffsetIsTold() {
        TopicPartition partition = new TopicPartition("payments", 0);
        add(partition, "id=a time=5000");
        poll(partition, 1, Set.of(partition), 10);
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
        reader(partition).addNext(Set.of(partition), next);
        assertThat(next).isEmpty();
        reader(partition).addNext(Set.of(), next);
        assertThat(next).containsOnlyKeys(partition);
    }

    @Test
    void ofLargeRecordsNoMoreAreFetchedOnceEightMegabytesAreHeld() {
        TopicPartition behind = new TopicPartition("payments", 0);
        TopicPartition ahead = new TopicPartition("payments", 1);
        add(behind, "id=a time=1000");
        for (int i = 0; i < 8; i++) {
            add(ahead, "id=b time=900000 text=" + "x".repeat(1 << 20));
        }
        poll(behind, 1, Set.of(behind), 10);
        poll(ahead, 7, Set.of(), 10);
        assertThat(reader(ahead).isFull(ahead)).isFalse();
        poll(ahead, 1, Set.of(), 10);
        assertThat(reader(ahead).isFull(ahead)).isTrue();
        reader(behind).leave(List.of(behind));
        nobodyElse();
        topics.remove(behind);
        poll(ahead, 0, Set.of(), 10);
        assertThat(reader(ahead).isFull(ahead)).isFalse();
        assertThat(passed.get(ahead)).hasSize(8);
    }

    /// Labels are written before a tick of the events, and fetched after it.
    @Test
    void aPartitionHoldsNobodyBackOnlyIfItWasEmptyWhenTheRecordWasHereAlready() {
        TopicPartition labels = new TopicPartition("chargebacks", 0);
        TopicPartition events = new TopicPartition("payments", 0);
        add(labels, "id=a fraud=1 time=1000");
        poll(labels, 1, Set.of(), 10);
        take(labels, 1);
        poll(labels, 0, Set.of(), 10);
        assertThat(alignment.reached(labels)).as("it was empty").isNull();
        add(labels, "id=b fraud=1 time=2000");
        add(events, "id=c time=900000");
        poll(events, 1, Set.of(), 10);
        assertThat(passed).doesNotContainKey(events);
        poll(labels, 1, Set.of(), 10);
        take(labels, 1);
        poll(labels, 0, Set.of(), 10);
        poll(events, 0, Set.of(), 10);
        assertThat(passed.get(events)).hasSize(1);
    }

    @Test
    void aPartitionThatOthersReadHoldsNothingBackAnyMore() {
        TopicPartition one = new TopicPartition("payments", 0);
        TopicPartition other = new TopicPartition("payments", 1);
        add(one, "id=a time=1000");
        add(one, "id=b time=2000");
        add(other, "id=c time=900000");
        poll(one, 1, Set.of(one), 10);
        poll(other, 1, Set.of(), 10);
        assertThat(passed).isEmpty();
        reader(one).leave(List.of(one));
        topics.remove(one);
        poll(other, 1, Set.of(), 10);
        assertThat(passed).as("how far others are is not known").isEmpty();
        nobodyElse();
        poll(other, 1, Set.of(), 10);
        assertThat(passed.keySet()).containsExactly(other);
    }
}
