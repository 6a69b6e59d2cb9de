package io.tidegrad.joiner.app;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Refusals;
import io.tidegrad.control.StreamAction;
import io.tidegrad.control.StreamState;
import io.tidegrad.control.StreamTopics;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.process.TopicWatch;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.Topics;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.TopicConfig;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The topics that a stream's joiner relies on. They are checked before it joins; `streams create` has made the topic of
/// examples.
///
/// @param eventPartitions of the events topic
/// @param labelPartitions of the labels topic; 0 if labels are in the events
/// @param recordBytesMax the most that a record of our own topics takes
/// @param deadLetterBytesMax the dead-letter topic's `max.message.bytes`
/// @param deadLetters what the topic of dead letters must be like
record JoinTopics(int eventPartitions, int labelPartitions, int recordBytesMax, int deadLetterBytesMax,
        KafkaTopics.Wanted deadLetters) {
    private static final Logger LOG = LoggerFactory.getLogger(JoinTopics.class);

    /// What our records have beside those that they are made of: an example's headers, an entry's numbers, an id.
    private static final int ROOM_BYTES = 128 * 1024;

    /// Looks at the topics once.
    ///
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
        KafkaTopics.Wanted deadLetters = new KafkaTopics.Wanted(topics.deadLetters(), TopicConfig.CLEANUP_POLICY_DELETE,
                KafkaTopics.bytesMax(bytes, DeadLetter.ROOM_BYTES),
                Map.of(TopicConfig.RETENTION_MS_CONFIG, Long.toString(deadLetterRetention)));
        int deadLetterBytes = kafka.createOrCheck(deadLetters).bytesMax();
        StreamAction.Source labels = sources.labels();
        return new JoinTopics(sources.events().partitions(), labels == null ? 0 : labels.partitions(),
                KafkaTopics.bytesMax(bytes, ROOM_BYTES), deadLetterBytes, deadLetters);
    }

    /// Returns what a `TopicWatch` looks at while the stream is joined.
    ///
    /// @param internal topics of Kafka Streams for this stream
    /// @param joins whether the stream is being joined just now, so that those topics were created
    /// @param failed gets the reason why the stream can't be joined any longer
    List<TopicWatch.Watched> watched(KafkaTopics kafka, StreamState.Epoch epoch, Topics topics, Set<String> internal,
            BooleanSupplier joins, Consumer<StopException> failed) {
        List<TopicWatch.Watched> watched = new ArrayList<>();
        for (StreamAction.Source each : new StreamTopics(kafka, topics).created(epoch)) {
            TopicWatch.Watched one =
                    TopicWatch.Watched.ending(each.topic(), failed, found -> StreamTopics.require(epoch, each, found));
            watched.add(each.topic().equals(epoch.spec().events().topic()) ? one : one.withoutSettings());
        }
        for (String each : internal) {
            watched.add(internal(epoch, each, joins, failed));
        }
        watched.add(TopicWatch.Watched.ending(deadLetters.topic(), failed, found -> {
            if (found == null) {
                kafka.createAgain(deadLetters);
                LOG.warn("topic {} was deleted and is there again: the dead letters that were on it are lost",
                        deadLetters.topic());
            } else {
                KafkaTopics.check(deadLetters, found);
            }
        }));
        return watched;
    }

    /// Kafka Streams creates such a topic after the start.
    private static TopicWatch.Watched internal(StreamState.Epoch epoch, String topic, BooleanSupplier joins,
            Consumer<StopException> failed) {
        AtomicReference<@Nullable Uuid> id = new AtomicReference<>();
        return TopicWatch.Watched.ending(topic, failed, found -> {
            Uuid before = id.get();
            if (found == null && (before != null || joins.getAsBoolean())) {
                throw lost(epoch, topic, "that it was deleted");
            }
            if (found != null && before != null && !found.id().equals(before)) {
                throw lost(epoch, topic, "that it was created again");
            }
            id.set(found == null ? null : found.id());
        }).withoutSettings();
    }

    /// Returns the exception for a topic that holds what no other place has.
    static StopException lost(StreamState.Epoch epoch, String topic, String found) {
        return new StopException(ExitCode.STATE_VIOLATION,
                StreamJoiner.name(epoch) + ": expected topic " + topic
                        + " with what is remembered of events and labels," + " or is on its way to the join, found "
                        + found + ". Begin a new epoch: tidegrad streams create --spec FILE");
    }
}
