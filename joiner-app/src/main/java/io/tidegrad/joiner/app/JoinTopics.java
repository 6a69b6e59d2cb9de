package io.tidegrad.joiner.app;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Refusals;
import io.tidegrad.control.StreamAction;
import io.tidegrad.control.StreamState;
import io.tidegrad.control.StreamTopics;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.Topics;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.common.config.TopicConfig;

/// The topics that a stream's joiner relies on. They are checked before it joins; `streams create` has made the topic of
/// examples.
///
/// @param eventPartitions of the events topic
/// @param labelPartitions of the labels topic; 0 if labels are in the events
/// @param recordBytesMax the most that a record of our own topics takes
/// @param deadLetterBytesMax the dead-letter topic's `max.message.bytes`
record JoinTopics(int eventPartitions, int labelPartitions, int recordBytesMax, int deadLetterBytesMax) {
    /// What our records have beside those that they are made of: an example's headers, an entry's numbers, an id.
    private static final int ROOM_BYTES = 128 * 1024;

    /// @param deadLetterRetention retention of the dead-letter topic if it is created, in ms; -1 for ever
    /// @throws io.tidegrad.control.ControlException with all that is not as it must be
    static JoinTopics check(KafkaTopics kafka, StreamState.Epoch epoch, Topics topics, long deadLetterRetention) {
        StreamSpec spec = epoch.spec();
        StreamTopics streamTopics = new StreamTopics(kafka, topics);
        Refusals refusals = new Refusals();
        StreamTopics.Sources sources = streamTopics.look(spec, refusals);
        if (sources != null) { // else the topics that are missing are told already
            streamTopics.requireUnchanged(epoch, refusals);
        }
        refusals.throwIfAny(StreamJoiner.name(epoch) + " can't be joined");
        int bytes = Objects.requireNonNull(sources, "a missing topic is refused").bytesMax();
        KafkaTopics.Checked deadLetters = kafka.createOrCheck(new KafkaTopics.Wanted(topics.deadLetters(),
                TopicConfig.CLEANUP_POLICY_DELETE, Math.addExact(bytes, DeadLetter.ROOM_BYTES),
                Map.of(TopicConfig.RETENTION_MS_CONFIG, Long.toString(deadLetterRetention))));
        StreamAction.Source labels = sources.labels();
        return new JoinTopics(sources.events().partitions(), labels == null ? 0 : labels.partitions(),
                Math.addExact(bytes, ROOM_BYTES), deadLetters.bytesMax());
    }
}
