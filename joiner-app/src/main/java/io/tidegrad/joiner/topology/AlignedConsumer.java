package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.topology.SourceValue.Read;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/// A consumer that gives records of events and labels to Streams only up to the bound of an `Alignment`. It reads them when
/// it gets them, because their time is in them, and passes on what was read. What it holds back is bounded: it fetches no
/// more of a partition of which it holds a batch.
///
/// To Streams a partition with records that are held back looks like one without any. Otherwise a task would wait for it,
/// while it waits for the task's other partition.
final class AlignedConsumer extends KafkaConsumer<byte[], byte[]> {
    /// Records of a partition of which more are not fetched. A fetched batch comes on top.
    private static final int HELD_MAX = 2_000;

    private static final int POLL_MAX = 4_000;

    /// While records are held back, other threads and processes are to be heard of soon.
    private static final Duration LOOK_AGAIN = Duration.ofMillis(10);

    private final Alignment alignment;
    private final Map<String, SourceReader> sources;
    private final Map<TopicPartition, Held> held = new HashMap<>();
    private final Set<TopicPartition> pausedByStreams = new HashSet<>();
    private final Set<TopicPartition> pausedHere = new HashSet<>();

    /// What a partition's records are held in.
    private static final class Held {
        final ArrayDeque<Timed> records = new ArrayDeque<>();
        @Nullable
        OffsetAndMetadata next; // after the last record that was fetched
        long reached = Long.MIN_VALUE; // time of the last record that was passed on
    }

    private record Timed(ConsumerRecord<byte[], byte[]> record, long time) {
    }

    AlignedConsumer(Map<String, Object> config, Alignment alignment, Map<String, SourceReader> sources) {
        super(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        this.alignment = alignment;
        this.sources = sources;
    }

    @Override
    public ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
        boolean some = held.values().stream().anyMatch(each -> !each.records.isEmpty());
        ConsumerRecords<byte[], byte[]> fetched =
                super.poll(some && timeout.compareTo(LOOK_AGAIN) > 0 ? LOOK_AGAIN : timeout);
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> records = new HashMap<>();
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>(fetched.nextOffsets());
        for (TopicPartition partition : assignment()) {
            if (sources.containsKey(partition.topic())) {
                take(partition, fetched.records(partition), next.remove(partition));
            } else if (!fetched.records(partition).isEmpty()) {
                records.put(partition, fetched.records(partition));
            }
        }
        held.keySet().retainAll(assignment());
        release(records);
        for (Map.Entry<TopicPartition, Held> each : held.entrySet()) {
            OffsetAndMetadata offset = next(each.getValue());
            if (offset != null) {
                next.put(each.getKey(), offset);
            }
        }
        pauseWhatIsHeld();
        return new ConsumerRecords<>(records, next);
    }

    private void take(TopicPartition partition, List<ConsumerRecord<byte[], byte[]>> fetched,
            @Nullable OffsetAndMetadata next) {
        Held of = held.computeIfAbsent(partition, unused -> new Held());
        SourceReader reader = Objects.requireNonNull(sources.get(partition.topic()));
        for (ConsumerRecord<byte[], byte[]> record : fetched) {
            Read read = reader.read(record);
            long time = read instanceof Read.Input(String id, JoinInput input, String label) ? input.time()
                    : Long.MIN_VALUE; // it waits for nothing
            of.records.add(new Timed(SourceValue.carrying(record, read), time));
        }
        if (next != null) {
            of.next = next;
        }
        tell(partition, of);
    }

    private void tell(TopicPartition partition, Held of) {
        Timed first = of.records.peekFirst();
        if (first != null) {
            alignment.reached(partition, Math.max(of.reached, first.time()));
        } else if (super.currentLag(partition).orElse(1) == 0) {
            alignment.isDrained(partition);
        } else {
            alignment.reached(partition, of.reached);
        }
    }

    /// Passes on what the bound lets pass, which moves with what was passed on.
    private void release(Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> to) {
        int left = POLL_MAX;
        boolean more = true;
        while (more && left > 0) {
            more = false;
            long bound = alignment.bound();
            for (Map.Entry<TopicPartition, Held> each : held.entrySet()) {
                Held of = each.getValue();
                boolean passed = false;
                if (!pausedByStreams.contains(each.getKey())) {
                    for (Timed first = of.records.peekFirst(); left > 0 && first != null
                            && first.time() <= bound; first = of.records.peekFirst()) {
                        to.computeIfAbsent(each.getKey(), unused -> new ArrayList<>()).add(first.record());
                        of.records.removeFirst();
                        of.reached = Math.max(of.reached, first.time());
                        left--;
                        passed = true;
                    }
                }
                if (passed) {
                    tell(each.getKey(), of);
                    more = true;
                }
            }
        }
    }

    private static @Nullable OffsetAndMetadata next(Held of) {
        Timed first = of.records.peekFirst();
        if (first == null) {
            return of.next;
        }
        return new OffsetAndMetadata(first.record().offset(), first.record().leaderEpoch(), "");
    }

    private void pauseWhatIsHeld() {
        held.forEach((partition, of) -> {
            boolean full = of.records.size() >= HELD_MAX;
            if (full && pausedHere.add(partition)) {
                super.pause(List.of(partition));
            } else if (!full && pausedHere.remove(partition) && !pausedByStreams.contains(partition)) {
                super.resume(List.of(partition));
            }
        });
        pausedHere.retainAll(held.keySet());
    }

    @Override
    public void pause(Collection<TopicPartition> partitions) {
        pausedByStreams.addAll(partitions);
        super.pause(partitions);
    }

    @Override
    public void resume(Collection<TopicPartition> partitions) {
        pausedByStreams.removeAll(partitions);
        super.resume(partitions.stream().filter(each -> !pausedHere.contains(each)).toList());
    }

    @Override
    public long position(TopicPartition partition) {
        Held of = held.get(partition);
        Timed first = of == null ? null : of.records.peekFirst();
        return first == null ? super.position(partition) : first.record().offset();
    }

    @Override
    public OptionalLong currentLag(TopicPartition partition) {
        Held of = held.get(partition);
        return of == null || of.records.isEmpty() ? super.currentLag(partition) : OptionalLong.of(0);
    }

    private void drop(Collection<TopicPartition> partitions) {
        for (TopicPartition each : partitions) {
            held.remove(each);
            pausedByStreams.remove(each);
            pausedHere.remove(each);
            alignment.leaves(each);
        }
    }

    @Override
    public void seek(TopicPartition partition, long offset) {
        held.remove(partition);
        super.seek(partition, offset);
    }

    @Override
    public void seek(TopicPartition partition, OffsetAndMetadata offset) {
        held.remove(partition);
        super.seek(partition, offset);
    }

    @Override
    public void seekToBeginning(Collection<TopicPartition> partitions) {
        held.keySet().removeAll(partitions);
        super.seekToBeginning(partitions);
    }

    @Override
    public void seekToEnd(Collection<TopicPartition> partitions) {
        held.keySet().removeAll(partitions);
        super.seekToEnd(partitions);
    }

    @Override
    public void subscribe(Collection<String> topics, ConsumerRebalanceListener listener) {
        super.subscribe(topics, new Dropping(listener));
    }

    @Override
    public void subscribe(Pattern pattern, ConsumerRebalanceListener listener) {
        super.subscribe(pattern, new Dropping(listener));
    }

    @Override
    public void unsubscribe() {
        drop(Set.copyOf(held.keySet()));
        super.unsubscribe();
    }

    /// Forgets what is held of partitions that others get.
    private final class Dropping implements ConsumerRebalanceListener {
        private final ConsumerRebalanceListener next;

        Dropping(ConsumerRebalanceListener next) {
            this.next = next;
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            next.onPartitionsRevoked(partitions);
            drop(partitions);
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            next.onPartitionsAssigned(partitions);
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            next.onPartitionsLost(partitions);
            drop(partitions);
        }
    }
}
