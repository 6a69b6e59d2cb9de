package io.tidegrad.control;

import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Reads on the status topic how scorers follow a decision, for a command that waits for them. Ages are differences of
/// append times, or of this process's own clock, so no two machines' clocks are compared.
public final class ScorerObserver {
    private static final Duration POLL = Duration.ofMillis(100);

    private final KafkaSettings kafka;
    private final TopicPartition partition;

    public ScorerObserver(KafkaSettings kafka, Topics topics) {
        this.kafka = kafka;
        partition = new TopicPartition(topics.status(), 0);
    }

    /// Returns the offset at which records begin that come from now on, for `await`.
    public long mark() {
        return ReadCommitted.mark(kafka, partition);
    }

    /// @param followed addresses of the scorers that serve what was decided
    /// @param behind for each other scorer, what it serves and why, as text
    /// @param pinned addresses of the scorers that keep their version whatever is decided
    /// @param seconds how long `await` has waited
    public record Following(List<String> followed, List<String> behind, List<String> pinned, double seconds) {
        public boolean isDone() {
            return behind.isEmpty() && !followed.isEmpty();
        }
    }

    /// The newest status of a process.
    ///
    /// @param live whether it came after the mark
    private record Told(ProcessStatus status, long appended, boolean live) {
    }

    /// Waits until every scorer that runs and is concerned serves what was decided. A scorer that has written no status
    /// for `ProcessStatus.SILENT_MILLIS` counts as gone. If no scorer is known, one may be about to write its first
    /// status, so this waits as long for it.
    ///
    /// @param mark what `mark` returned before the decision
    /// @param concerned whether the decision is about what a scorer serves under a name
    /// @param follows whether what it serves is what was decided
    public Following await(long mark, Duration timeout, Predicate<ProcessStatus.Served> concerned,
            Predicate<ProcessStatus.Served> follows) {
        long start = System.nanoTime();
        Map<String, Told> told = new LinkedHashMap<>();
        try (Consumer<byte[], byte[]> consumer = ReadCommitted.uncommitted(kafka)) {
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long end = Math.max(mark, ReadCommitted.end(consumer, partition));
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
        } catch (ControlFormatException foreign) {
            return null; // of a newer build, or none of ours: nobody is stopped by it
        }
    }
}
