package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.LabelJoin;
import io.tidegrad.joiner.join.LabeledEvents;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.processor.TimestampExtractor;

/// ```
/// events ─▶ key-events ─┐
///                       ├─▶ by-key (repartition) ─▶ join ─▶ examples · dead-letters
/// labels ─▶ key-labels ─┘                             │
///                                                   entries (store)
/// ```
///
/// Both sides go through one topic, so that the join takes them in the order in which `Alignment` let them pass. From two
/// topics it would take what a transaction wrote to one before what it wrote to the other, which are hours of a backfill.
///
/// If both sides have the record's key as id and equally many partitions, there is no repartition topic. If events bring
/// their labels with them, `events ─▶ label-events ─▶ examples` is all.
public final class JoinerTopology {
    static final String EXAMPLES = "examples";
    static final String DEAD_LETTERS = "dead-letters";

    /// A sink of its own: with that of the join, reading and joining would be one sub-topology.
    static final String UNREADABLE = "unreadable";

    private static final String KEY_EVENTS = "key-events";
    private static final String KEY_LABELS = "key-labels";
    private static final String LABEL_EVENTS = "label-events";
    private static final String JOIN = "join";

    /// Small segments, because whatever was joined is deleted and the cleaner should come to it soon.
    private static final Map<String, String> CHANGELOG = Map.of("segment.bytes", Integer.toString(64 << 20));

    private JoinerTopology() {}

    /// @param examples name of the topic of examples
    /// @param deadLetterTopic name of the dead-letter topic
    /// @param partitions of the events topic and of the labels topic; 0 if labels are in the events
    /// @param decoders make a decoder of values for a thread
    /// @param patience how long a record may wait for its schema
    /// @param lookups make a reader of events for a task
    /// @param time that all tasks may take
    /// @param alignment of all threads of this process
    public record Parts(StreamSpec spec, String examples, String deadLetterTopic, JoinDeadLetters deadLetters,
            int eventPartitions, int labelPartitions, Supplier<RecordDecoder> decoders, Duration patience,
            Supplier<EventLookup> lookups, JoinCounts counts, StreamTime time, Alignment alignment) {
        /// Returns what reads the topics of events and labels. One does for all threads.
        Map<String, SourceReader> readers() {
            Map<String, SourceReader> readers = new HashMap<>();
            readers.put(spec.events().topic(), new SourceReader(spec, true, decoders, patience));
            StreamSpec.Labels labels = spec.labels();
            if (labels != null) {
                readers.put(labels.topic(), new SourceReader(spec, false, decoders, patience));
            }
            return readers;
        }

        KeyProcessor.Side side(String topic, String name) {
            return new KeyProcessor.Side(name, topic, isPartitionedAlike() ? eventPartitions : 0, alignment);
        }

        boolean isPartitionedAlike() {
            return JoinerTopology.isPartitionedAlike(spec, eventPartitions, labelPartitions);
        }
    }

    /// Returns whether records of one id already lie in the same partition of both topics.
    public static boolean isPartitionedAlike(StreamSpec spec, int eventPartitions, int labelPartitions) {
        StreamSpec.Labels labels = spec.labels();
        return labels != null && StreamSpec.RECORD_KEY.equals(spec.events().key())
                && StreamSpec.RECORD_KEY.equals(labels.key()) && eventPartitions == labelPartitions;
    }

    public static Topology of(Parts parts) {
        StreamsBuilder builder = new StreamsBuilder();
        StreamSpec.Labels labels = parts.spec().labels();
        Map<String, SourceReader> readers = parts.readers();
        KStream<byte[], SourceValue> events = source(builder, "events", parts.spec().events().topic(),
                Objects.requireNonNull(readers.get(parts.spec().events().topic())));
        if (labels == null) {
            events.process(
                    () -> new LabeledEventsProcessor(new LabeledEvents(parts.spec()), parts.deadLetters(),
                            parts.counts(), parts.side(parts.spec().events().topic(), JoinProgress.EVENTS)),
                    Named.as(LABEL_EVENTS));
            Topology topology = builder.build();
            sink(topology, EXAMPLES, parts.examples(), LABEL_EVENTS);
            sink(topology, UNREADABLE, parts.deadLetterTopic(), LABEL_EVENTS);
            return topology;
        }
        KStream<byte[], JoinInput> keyed = keyed(events, KEY_EVENTS, "events-with-id", parts,
                parts.side(parts.spec().events().topic(), JoinProgress.EVENTS))
                .merge(keyed(
                        source(builder, "labels", labels.topic(), Objects.requireNonNull(readers.get(labels.topic()))),
                        KEY_LABELS, "labels-with-id", parts, parts.side(labels.topic(), JoinProgress.LABELS)),
                        Named.as("both"));
        if (!parts.isPartitionedAlike()) {
            keyed = keyed.repartition(Repartitioned.<byte[], JoinInput>as(Topics.BY_KEY)
                    .withKeySerde(Serdes.ByteArray()).withValueSerde(new JoinInputCodec())
                    .withNumberOfPartitions(Math.max(parts.eventPartitions(), parts.labelPartitions()))
                    .withStreamPartitioner(new ById()));
        }
        builder.addStateStore(JoinStore.builder(parts.spec().stream(), new LabelJoin(parts.spec()), CHANGELOG));
        builder.addStateStore(CommitHook.builder());
        keyed.process(() -> new JoinProcessor(parts), Named.as(JOIN), JoinStore.ENTRIES, CommitHook.NAME);
        Topology topology = builder.build();
        sink(topology, EXAMPLES, parts.examples(), JOIN);
        sink(topology, DEAD_LETTERS, parts.deadLetterTopic(), JOIN);
        sink(topology, UNREADABLE, parts.deadLetterTopic(), KEY_EVENTS, KEY_LABELS);
        return topology;
    }

    private static KStream<byte[], SourceValue> source(StreamsBuilder builder, String name, String topic,
            TimestampExtractor reader) {
        // The value is bytes for Streams, and a dead letter has exactly those that came.
        Serde<SourceValue> values = Serdes.serdeFrom((unused, value) -> value.bytes(), SourceValue.deserializer());
        return builder.stream(topic,
                Consumed.with(Serdes.ByteArray(), values).withTimestampExtractor(reader).withOffsetResetPolicy( // a lost range must stop the joiner, not be jumped over
                        AutoOffsetReset.none()).withName(name));
    }

    private static KStream<byte[], JoinInput> keyed(KStream<byte[], SourceValue> side, String name, String next,
            Parts parts, KeyProcessor.Side of) {
        return side.<byte[], Object>process(() -> new KeyProcessor(next, parts.deadLetters(), parts.counts(), of),
                Named.as(name)).mapValues(input -> (JoinInput) input, Named.as(next));
    }

    /// Sends a record to the partition of its id, and a tick to all.
    private static final class ById implements StreamPartitioner<byte[], JoinInput> {
        @Override
        public Optional<Set<Integer>> partitions(String topic, byte[] id, JoinInput input, int partitions) {
            if (input instanceof JoinInput.OfTick) {
                return Optional.of(IntStream.range(0, partitions).boxed().collect(Collectors.toSet()));
            }
            return Optional.of(Set.of(Utils.toPositive(Utils.murmur2(Objects.requireNonNull(id))) % partitions));
        }
    }

    private static void sink(Topology topology, String name, String topic, String... from) {
        topology.addSink(name, topic, new ByteArraySerializer(), new ByteArraySerializer(), from);
    }
}
