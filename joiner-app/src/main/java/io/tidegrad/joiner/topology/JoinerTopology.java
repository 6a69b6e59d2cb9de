package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.LabelJoin;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.jspecify.annotations.Nullable;

/// ```
/// events, labels ─▶ key ─▶ by-key (repartition) ─▶ join ─▶ examples · dead-letters
///                                                   │
///                                                 entries (store)
/// ```
///
/// Both sides go through one topic, so that the join takes them in the order in which `Alignment` let them pass. From two
/// topics it would take what a transaction wrote to one before what it wrote to the other, which are hours of a backfill.
/// A record of it carries many inputs (`InputPacks`).
///
/// If both sides have the record's key as id and equally many partitions, there is no repartition topic. If events bring
/// their labels with them, `events ─▶ label-events ─▶ examples` is all.
public final class JoinerTopology {
    static final String EXAMPLES = "examples";
    static final String DEAD_LETTERS = "dead-letters";

    /// A sink of its own: with that of the join, reading and joining would be one sub-topology.
    static final String UNREADABLE = "unreadable";

    /// What takes the inputs of the join from `KEY`.
    static final String INPUTS = "inputs";

    private static final String KEY = "key";
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
    /// @param commitInterval while the joiner is not far behind
    /// @param alignment of all threads of this process
    public record Parts(StreamSpec spec, String examples, String deadLetterTopic, JoinDeadLetters deadLetters,
            int eventPartitions, int labelPartitions, Supplier<RecordDecoder> decoders, Duration patience,
            Supplier<EventLookup> lookups, JoinCounts counts, StreamTime time, Duration commitInterval,
            Alignment alignment) {
        /// Returns what reads the topics of events and labels. One does for all threads.
        Map<String, SourceReader> readers() {
            Map<String, SourceReader> readers = new LinkedHashMap<>();
            readers.put(spec.events().topic(), new SourceReader(spec, true, decoders, patience));
            StreamSpec.Labels labels = spec.labels();
            if (labels != null) {
                readers.put(labels.topic(), new SourceReader(spec, false, decoders, patience));
            }
            return readers;
        }

        /// Returns a task's partition of the events.
        KeyProcessor.Side events(ProcessorContext<?, ?> context, CommitPace pace) {
            return new KeyProcessor.Side(context, pace, alignment, JoinProgress.EVENTS, spec.events().topic());
        }

        /// Returns how many tasks join.
        int joinPartitions() {
            return Math.max(eventPartitions, labelPartitions);
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
        KStream<byte[], SourceValue> sources = sources(builder, parts.readers());
        ThreadLocal<CommitPace> paces =
                ThreadLocal.withInitial(() -> new CommitPace(parts.alignment(), parts.commitInterval()));
        if (labels == null) {
            builder.addStateStore(CommitHook.builder(CommitHook.OF_KEYS));
            sources.process(() -> new LabeledEventsProcessor(parts, paces), Named.as(LABEL_EVENTS), CommitHook.OF_KEYS);
            Topology topology = builder.build();
            sink(topology, EXAMPLES, parts.examples(), LABEL_EVENTS);
            sink(topology, UNREADABLE, parts.deadLetterTopic(), LABEL_EVENTS);
            return topology;
        }
        KStream<byte[], JoinInputs> inputs;
        if (parts.isPartitionedAlike()) {
            inputs = keyed(sources, parts, paces, null);
        } else {
            builder.addStateStore(CommitHook.builder(CommitHook.OF_KEYS));
            inputs = keyed(sources, parts, paces, ThreadLocal.withInitial(() -> new InputPacks(parts.joinPartitions())),
                    CommitHook.OF_KEYS)
                    .repartition(Repartitioned.<byte[], JoinInputs>as(Topics.BY_KEY).withKeySerde(Serdes.ByteArray())
                            .withValueSerde(new JoinInputCodec()).withNumberOfPartitions(parts.joinPartitions())
                            .withStreamPartitioner(
                                    (topic, key, packed, partitions) -> Optional.of(Set.of(packed.partition()))));
        }
        builder.addStateStore(JoinStore.builder(parts.spec().stream(), new LabelJoin(parts.spec()), CHANGELOG));
        builder.addStateStore(CommitHook.builder(CommitHook.OF_JOIN));
        inputs.process(() -> new JoinProcessor(parts, paces), Named.as(JOIN), JoinStore.ENTRIES, CommitHook.OF_JOIN);
        Topology topology = builder.build();
        sink(topology, EXAMPLES, parts.examples(), JOIN);
        sink(topology, DEAD_LETTERS, parts.deadLetterTopic(), JOIN);
        sink(topology, UNREADABLE, parts.deadLetterTopic(), KEY);
        return topology;
    }

    /// Reads all topics in one node.
    private static KStream<byte[], SourceValue> sources(StreamsBuilder builder, Map<String, SourceReader> readers) {
        // The value is bytes for Streams, and a dead letter has exactly those that came.
        Serde<SourceValue> values = Serdes.serdeFrom((unused, value) -> value.bytes(), SourceValue.deserializer());
        return builder.stream(readers.keySet(),
                Consumed.with(Serdes.ByteArray(), values).withTimestampExtractor(SourceReader.extractor(readers))
                        .withOffsetResetPolicy(AutoOffsetReset.none()) // a lost range must stop the joiner, not be jumped over
                        .withName("sources"));
    }

    private static KStream<byte[], JoinInputs> keyed(KStream<byte[], SourceValue> sources, Parts parts,
            ThreadLocal<CommitPace> paces, @Nullable ThreadLocal<InputPacks> packs, String... stores) {
        return sources.<byte[], Object>process(() -> new KeyProcessor(parts, paces, packs), Named.as(KEY), stores)
                .mapValues(inputs -> (JoinInputs) inputs, Named.as(INPUTS));
    }

    private static void sink(Topology topology, String name, String topic, String... from) {
        topology.addSink(name, topic, new ByteArraySerializer(), new ByteArraySerializer(), from);
    }
}
