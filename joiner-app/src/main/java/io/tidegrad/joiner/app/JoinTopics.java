package io.tidegrad.joiner.app;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.apache.kafka.common.config.TopicConfig;
import org.jspecify.annotations.Nullable;

/// The topics that a stream's joiner relies on. They are checked or created before it joins.
///
/// @param eventPartitions of the events topic
/// @param labelPartitions of the labels topic; 0 if labels are in the events
/// @param recordBytesMax the most that a record of our own topics takes
/// @param deadLetterBytesMax the dead-letter topic's `max.message.bytes`
record JoinTopics(int eventPartitions, int labelPartitions, int recordBytesMax, int deadLetterBytesMax) {
    /// What our records have beside those that they are made of: an example's headers, an entry's numbers, an id.
    private static final int ROOM_BYTES = 128 * 1024;

    /// @param deadLetterRetention retention of the dead-letter topic if it is created, in ms; -1 for ever
    /// @throws StopException with all that is not as it must be
    static JoinTopics check(KafkaTopics kafka, StreamEpoch epoch, Topics topics, long deadLetterRetention) {
        StreamSpec spec = epoch.spec();
        StreamSpec.Labels labels = spec.labels();
        String ofEvents = spec.events().topic();
        String entries = epoch.applicationId(topics) + "-entries-changelog";
        Set<String> names = new LinkedHashSet<>(Set.of(ofEvents, entries));
        if (labels != null) {
            names.add(labels.topic());
        }
        Map<String, KafkaTopics.Found> there = kafka.look(names, true);
        List<String> refusals = new ArrayList<>();
        KafkaTopics.Found events = there.get(ofEvents);
        KafkaTopics.Found labelsFound = labels == null ? null : there.get(labels.topic());
        refuseMissing("events", ofEvents, events, refusals);
        if (labels != null) {
            refuseMissing("labels", labels.topic(), labelsFound, refusals);
        }
        if (events != null) {
            check(spec, events, refusals);
        }
        int eventPartitions = events == null ? 0 : events.partitions();
        int labelPartitions = labelsFound == null ? 0 : labelsFound.partitions();
        KafkaTopics.Found changelog = there.get(entries);
        int tasks = Math.max(eventPartitions, labelPartitions);
        if (refusals.isEmpty() && changelog != null && changelog.partitions() != tasks) {
            refusals.add("topics " + ofEvents + " and " + Objects.requireNonNull(labels).topic() + ": expected at most "
                    + changelog.partitions() + " partitions, as when the epoch began, found " + tasks
                    + "; ids would be looked for in other partitions than where they are remembered: begin a new epoch");
        }
        if (!refusals.isEmpty()) {
            throw new StopException(ExitCode.CONFIGURATION,
                    epoch + " can't be joined:\n  " + String.join("\n  ", refusals));
        }
        int eventBytes = bytesMax(Objects.requireNonNull(events));
        int recordBytes = Math.addExact(eventBytes, ROOM_BYTES);
        kafka.createOrCheck(
                new KafkaTopics.Wanted(epoch.examples(topics), TopicConfig.CLEANUP_POLICY_DELETE, recordBytes,
                        Map.of(TopicConfig.RETENTION_MS_CONFIG, Long.toString(spec.retention().toMillis()),
                                TopicConfig.RETENTION_BYTES_CONFIG, "-1",
                                // Its retention counts from when an example was written, and no clock is too far ahead.
                                TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, "LogAppendTime"))
                        .withOnePartition("its order is the order of learning; begin a new epoch"));
        int letterBytes = Math.max(eventBytes, labelsFound == null ? 0 : bytesMax(labelsFound));
        KafkaTopics.Checked deadLetters = kafka.createOrCheck(new KafkaTopics.Wanted(topics.deadLetters(),
                TopicConfig.CLEANUP_POLICY_DELETE, Math.addExact(letterBytes, DeadLetter.ROOM_BYTES),
                Map.of(TopicConfig.RETENTION_MS_CONFIG, Long.toString(deadLetterRetention))));
        return new JoinTopics(eventPartitions, labelPartitions, Math.addExact(letterBytes, ROOM_BYTES),
                deadLetters.bytesMax());
    }

    private static int bytesMax(KafkaTopics.Found found) {
        return Integer.parseInt(Objects.requireNonNull(found.settings().get(TopicConfig.MAX_MESSAGE_BYTES_CONFIG)));
    }

    private static void refuseMissing(String side, String topic, KafkaTopics.@Nullable Found found,
            List<String> refusals) {
        if (found == null) {
            refusals.add("topic " + topic + ": expected the topic of " + side + ", found none; create it, or correct "
                    + side + ".topic");
        }
    }

    private static void check(StreamSpec spec, KafkaTopics.Found events, List<String> refusals) {
        String topic = "topic " + spec.events().topic();
        String cleanup = Objects.requireNonNull(events.settings().get(TopicConfig.CLEANUP_POLICY_CONFIG));
        if (cleanup.contains(TopicConfig.CLEANUP_POLICY_COMPACT)) {
            refusals.add(topic + ": expected cleanup.policy=delete, found " + cleanup
                    + "; of several events with one key all but one would be lost");
        }
        StreamSpec.Join join = spec.join();
        long retention = events.retention().millis();
        if (join != null && retention >= 0 && retention < join.window().toMillis()) {
            refusals.add(topic + ": expected retention.ms of at least join.window, " + join.window() + ", found "
                    + Duration.ofMillis(retention) + "; a correction reads its event again: raise it to "
                    + join.window().toMillis() + ", or shorten join.window");
        }
    }
}
