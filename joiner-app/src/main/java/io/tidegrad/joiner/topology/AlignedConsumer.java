package io.tidegrad.joiner.topology;

import io.tidegrad.schemas.BoundedConsumer;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;

/// A consumer that gives records of events and labels to Streams only up to the bound of an `Alignment`. It reads them when
/// it gets them, because their time is in them, and passes on what was read. What it holds back is bounded: it fetches no
/// more of a partition of which it holds a batch.
///
/// To Streams a partition whose records lie beyond the bound looks like one without any. Otherwise a task would wait for it,
/// while it waits for the task's other partition. For records that are only left over from a poll the task does wait: it
/// would go on with its other partition alone.
final class AlignedConsumer extends BoundedConsumer {
    private static final int POLL_MAX = 4_000;

    /// While records are held back, other threads and processes are to be heard of soon.
    private static final Duration LOOK_AGAIN = Duration.ofMillis(10);

    /// How often brokers are asked where partitions end of which nothing is here: while records are held back, and else.
    private static final Duration ASK_OFTEN = Duration.ofMillis(20);
    private static final Duration ASK_SELDOM = Duration.ofMillis(500);

    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(1);

    /// A partition without a leader is asked about by itself and seldom, so that others are heard of meanwhile.
    private static final Duration ASK_SILENT = Duration.ofSeconds(2);

    private final Alignment alignment;
    private final HeldRecords held;
    private long askedAt = System.nanoTime() - ASK_SELDOM.toNanos();
    private final Map<TopicPartition, Long> silent = new HashMap<>(); // and when each is asked about again, nanoseconds
    private final Set<TopicPartition> pausedByStreams = new HashSet<>();
    private final Set<TopicPartition> pausedHere = new HashSet<>();

    AlignedConsumer(Map<String, Object> config, Alignment alignment, Map<String, SourceReader> sources) {
        super(config);
        this.alignment = alignment;
        held = new HeldRecords(alignment, sources);
    }

    @Override
    public ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
        Duration soon = held.isReady(pausedByStreams) ? Duration.ZERO : held.isEmpty() ? timeout : LOOK_AGAIN;
        ConsumerRecords<byte[], byte[]> fetched = super.poll(soon.compareTo(timeout) < 0 ? soon : timeout);
        long now = System.nanoTime();
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> records = new HashMap<>();
        Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>(fetched.nextOffsets());
        for (TopicPartition partition : assignment()) {
            List<ConsumerRecord<byte[], byte[]>> of = fetched.records(partition);
            if (held.holds(partition.topic())) {
                held.take(partition, of, next.get(partition), now);
            } else if (!of.isEmpty()) {
                records.put(partition, of);
            }
        }
        askForEnds();
        held.release(pausedByStreams, POLL_MAX, records);
        held.addNext(pausedByStreams, next);
        pauseWhatIsHeld();
        return new ConsumerRecords<>(records, next);
    }

    /// What the last fetch said of an end may be old: it may have brought the records of one partition before those that were
    /// written to another at the same time. A question is asked once for all records that wait for it: its answer comes after
    /// that of the fetch that is under way.
    private void askForEnds() {
        long now = System.nanoTime();
        Duration pause = alignment.heldPartitions() > 0 || !held.isEmpty() ? ASK_OFTEN : ASK_SELDOM;
        List<TopicPartition> resting = held.resting().stream()
                .filter(each -> super.currentLag(each).orElse(1) == 0 && alignment.isAwaited(each)).toList();
        if (resting.isEmpty() || now - askedAt < pause.toNanos()) {
            return;
        }
        askedAt = now;
        silent.keySet().retainAll(resting);
        List<TopicPartition> together = resting.stream().filter(each -> !silent.containsKey(each)).toList();
        if (!together.isEmpty() && !isAnswered(together)) {
            together.forEach(each -> silent.put(each, now)); // one of them, but which?
        }
        for (TopicPartition each : List.copyOf(silent.keySet())) {
            if (now - silent.getOrDefault(each, now) < 0) {
                continue;
            }
            if (!isAnswered(List.of(each))) {
                silent.put(each, System.nanoTime() + ASK_SILENT.toNanos());
                return; // not a second one in a row: this thread has records to read
            }
            silent.remove(each);
        }
    }

    private boolean isAnswered(List<TopicPartition> partitions) {
        long now = System.nanoTime();
        try {
            Map<TopicPartition, Long> ends = super.endOffsets(partitions, ANSWER_WITHIN);
            for (TopicPartition each : partitions) {
                Long end = ends.get(each);
                if (end != null && super.position(each, ANSWER_WITHIN) >= end) {
                    alignment.isDrained(each, now);
                }
            }
            return true;
        } catch (TimeoutException e) {
            return false;
        }
    }

    private void pauseWhatIsHeld() {
        for (TopicPartition partition : held.partitions()) {
            boolean isBeyond = held.tellHeld(partition);
            alignment.lags(partition, isBeyond ? 0 : super.currentLag(partition).orElse(0));
            if (held.isFull(partition)) {
                if (pausedHere.add(partition)) {
                    super.pause(List.of(partition));
                }
            } else if (pausedHere.remove(partition) && !pausedByStreams.contains(partition)) {
                super.resume(List.of(partition));
            }
        }
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
        ConsumerRecord<byte[], byte[]> first = held.first(partition);
        return first == null ? super.position(partition) : first.offset();
    }

    @Override
    public OptionalLong currentLag(TopicPartition partition) {
        return held.first(partition) == null ? super.currentLag(partition)
                : OptionalLong.of(held.isDue(partition) ? held.count(partition) : 0);
    }

    @Override
    public void seek(TopicPartition partition, long offset) {
        held.forget(List.of(partition));
        super.seek(partition, offset);
    }

    @Override
    public void seek(TopicPartition partition, OffsetAndMetadata offset) {
        held.forget(List.of(partition));
        super.seek(partition, offset);
    }

    @Override
    public void seekToBeginning(Collection<TopicPartition> partitions) {
        held.forget(partitions);
        super.seekToBeginning(partitions);
    }

    @Override
    public void seekToEnd(Collection<TopicPartition> partitions) {
        held.forget(partitions);
        super.seekToEnd(partitions);
    }

    @Override
    public void subscribe(Collection<String> topics, ConsumerRebalanceListener listener) {
        super.subscribe(topics, new Leaving(listener));
    }

    @Override
    public void subscribe(Pattern pattern, ConsumerRebalanceListener listener) {
        super.subscribe(pattern, new Leaving(listener));
    }

    @Override
    public void unsubscribe() {
        leave(Set.copyOf(held.partitions()));
        super.unsubscribe();
    }

    @Override
    public void close() {
        leave(Set.copyOf(held.partitions()));
        super.close();
    }

    private void leave(Collection<TopicPartition> partitions) {
        held.leave(partitions);
        pausedByStreams.removeAll(partitions);
        pausedHere.removeAll(partitions);
    }

    /// Forgets what is held of partitions that others get.
    private final class Leaving implements ConsumerRebalanceListener {
        private final ConsumerRebalanceListener next;

        Leaving(ConsumerRebalanceListener next) {
            this.next = next;
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            next.onPartitionsRevoked(partitions);
            leave(partitions);
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            next.onPartitionsAssigned(partitions);
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            next.onPartitionsLost(partitions);
            leave(partitions);
        }
    }
}
