package io.tidegrad.control;

import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/// What scorers tell of themselves on the status topic, for a command that waits until they have followed a decision.
/// Ages are differences of append times, or of this process's own time: no clock of another machine is compared with
/// this one's.
public final class ScorerObserver {
    private static final Duration POLL = Duration.ofMillis(100);

    private final KafkaSettings kafka;
    private final TopicPartition partition;

    public ScorerObserver(KafkaSettings kafka, Topics topics) {
        this.kafka = kafka;
        partition = new TopicPartition(topics.status(), 0);
    }

    /// Where records that come from now on begin, for `await`; 0 when the topic is not there yet.
    public long mark() {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            if (!consumer.listTopics().containsKey(partition.topic())) {
                return 0;
            }
            consumer.assign(List.of(partition));
            return end(consumer);
        }
    }

    /// How scorers followed.
    ///
    /// @param followed addresses of scorers that serve what was decided
    /// @param behind what others serve and why, in words
    /// @param pinned addresses of scorers whose version stays, whatever is decided
    /// @param seconds that it took
    public record Following(List<String> followed, List<String> behind, List<String> pinned, double seconds) {
        /// At least one has followed, and none is behind.
        public boolean isDone() {
            return behind.isEmpty() && !followed.isEmpty();
        }
    }

    /// The last that a process has told.
    ///
    /// @param live after the mark
    private record Told(ProcessStatus status, long appended, boolean live) {
    }

    /// Waits until every scorer that runs and is concerned serves what was decided. One that has told nothing for
    /// `ProcessStatus.SILENT_MILLIS` is taken to be gone; while there is none, one may still be about to tell.
    ///
    /// @param mark from `mark`, before the decision
    /// @param concerned by what answers to a name
    /// @param follows what was decided
    public Following await(long mark, Duration timeout, Predicate<ProcessStatus.Served> concerned,
            Predicate<ProcessStatus.Served> follows) {
        long start = System.nanoTime();
        Map<String, Told> told = new LinkedHashMap<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer()) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = Math.max(mark, end(consumer));
            while (true) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    ProcessStatus status = status(record);
                    if (status != null) {
                        told.put(status.process(), new Told(status, record.timestamp(), record.offset() >= mark));
                    }
                }
                long millis = (System.nanoTime() - start) / 1_000_000;
                Following now = following(told, millis, concerned, follows);
                boolean settled = !now.followed().isEmpty() || millis > ProcessStatus.SILENT_MILLIS;
                if (millis > timeout.toMillis()
                        || (consumer.position(partition) >= end && now.behind().isEmpty() && settled)) {
                    return now;
                }
            }
        }
    }

    private static Following following(Map<String, Told> told, long millis, Predicate<ProcessStatus.Served> concerned,
            Predicate<ProcessStatus.Served> follows) {
        long newest = told.values().stream().mapToLong(Told::appended).max().orElse(0);
        List<String> followed = new ArrayList<>();
        List<String> behind = new ArrayList<>();
        List<String> pinned = new ArrayList<>();
        for (Told each : told.values()) {
            boolean gone = each.status().stopped() || newest - each.appended() > ProcessStatus.SILENT_MILLIS
                    || (!each.live() && millis > ProcessStatus.SILENT_MILLIS);
            List<ProcessStatus.Served> names =
                    gone ? List.of() : each.status().names().stream().filter(concerned).toList();
            for (ProcessStatus.Served name : names) {
                if (name.pinned()) {
                    pinned.add(each.status().address());
                } else if (follows.test(name)) {
                    followed.add(each.status().address());
                } else {
                    behind.add(each.status().address() + " answers " + name.name() + " by "
                            + (name.model().isEmpty() ? "nothing"
                                    : name.model() + " " + name.epoch() + "." + name.version())
                            + (name.problem().isEmpty() ? "" : " (" + name.problem() + ")"));
                }
            }
        }
        return new Following(followed, behind, pinned, millis / 1e3);
    }

    private static @Nullable ProcessStatus status(ConsumerRecord<byte[], byte[]> record) {
        try {
            return record.key() == null || record.value() == null ? null
                    : ProcessStatus.decode(record.key(), record.value());
        } catch (StatusFormatException foreign) {
            return null; // of a newer build, or none of ours: nobody is stopped by it
        }
    }

    private long end(KafkaConsumer<byte[], byte[]> consumer) {
        return Objects.requireNonNull(consumer.endOffsets(List.of(partition)).get(partition), "just asked");
    }

    private KafkaConsumer<byte[], byte[]> consumer() {
        Map<String, Object> ours = new LinkedHashMap<>(kafka.consumer());
        ours.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        ours.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        ours.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        return new KafkaConsumer<>(ours, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }
}
