package io.tidegrad.control;

import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// Shows the streams as the topics describe them now.
public final class StreamOverview {
    private final ControlLog.View view;
    private final Topics topics;
    private final KafkaSettings kafka;
    private final Admin admin;
    private final KafkaTopics kafkaTopics;

    /// A stream that is not deleted.
    ///
    /// @param epochs oldest first, never empty
    public record Entry(StreamState state, List<EpochEntry> epochs) {
        public Entry {
            epochs = List.copyOf(epochs);
        }

        public EpochEntry current() {
            return epochs.getLast();
        }
    }

    /// @param topic the topic of examples
    /// @param examples how many offsets it holds, a few of which are no examples: ends of transactions and ticks; -1 if
    ///     there is no such topic
    /// @param models those that learn from it, by name
    /// @param changed what has become of its topics since it was created
    /// @param threads how many threads of joiners have it. Those of a process that died count until their session ends
    /// @param unread how many offsets of events and labels no joiner has read yet
    public record EpochEntry(StreamState.Epoch epoch, String topic, long examples, List<ModelRecord> models,
            List<Refusals.Refusal> changed, int threads, long unread) {
        public EpochEntry {
            models = List.copyOf(models);
            changed = List.copyOf(changed);
        }
    }

    private StreamOverview(ControlLog.View view, KafkaSettings kafka, Topics topics, Admin admin) {
        this.view = view;
        this.kafka = kafka;
        this.topics = topics;
        this.admin = admin;
        kafkaTopics = new KafkaTopics(admin, (short) -1);
    }

    public static StreamOverview read(KafkaSettings kafka, Topics topics, Admin admin) {
        return new StreamOverview(new ControlLog(kafka, topics).read(), kafka, topics, admin);
    }

    /// Returns an epoch of a stream, whose topics are still those with which it was created.
    ///
    /// @param number empty for the newest one
    /// @throws ControlException if there is no such stream or epoch, or a topic is gone or another one
    public StreamState.Epoch epoch(String stream, OptionalInt number) {
        StreamState state = view.requireStream(stream, "");
        StreamState.Epoch epoch = number.isPresent() ? state.requireEpoch(number.getAsInt()) : state.epochs().getLast();
        Refusals changed = new Refusals();
        new StreamTopics(kafkaTopics, topics).requireUnchanged(epoch, changed);
        changed.throwIfAny(
                "stream " + stream + ", epoch " + epoch.number() + " has not the topics it was created with");
        return epoch;
    }

    /// Returns the streams of these names, or all if `streams` is empty, by name.
    ///
    /// @throws ControlException if there is no stream of one of these names
    public List<Entry> entries(Collection<String> streams) {
        streams.forEach(stream -> view.requireStream(stream, ""));
        List<Entry> entries = new ArrayList<>();
        for (StreamState state : view.streams().values()) {
            if (state.exists() && (streams.isEmpty() || streams.contains(state.stream()))) {
                entries.add(new Entry(state, state.epochs().stream().map(this::entry).toList()));
            }
        }
        return entries;
    }

    private EpochEntry entry(StreamState.Epoch epoch) {
        String topic = topics.examples(epoch.stream(), epoch.number());
        Refusals changed = new Refusals();
        new StreamTopics(kafkaTopics, topics).requireUnchanged(epoch, changed);
        List<ModelRecord> models = view.models().values().stream().filter(model -> model.getInputTopic().equals(topic))
                .sorted(Comparator.comparing(ModelRecord::getModel)).toList();
        String group = topics.joinerApplicationId(epoch.stream(), epoch.number());
        return new EpochEntry(epoch, topic, examples(topic), models, changed.all(),
                TrainerObserver.members(admin, group), unread(epoch.create(), group));
    }

    private long unread(StreamAction.Create create, String group) {
        List<TopicPartition> partitions = new ArrayList<>(TopicReader.partitions(kafka, create.events().topic()));
        StreamAction.Source labels = create.labels();
        if (labels != null) {
            partitions.addAll(TopicReader.partitions(kafka, labels.topic()));
        }
        Map<TopicPartition, @Nullable OffsetAndMetadata> read = KafkaTopics.committed(admin, group, partitions);
        long unread = 0;
        for (TopicPartition partition : partitions) {
            try (TopicReader reader = new TopicReader(kafka, partition)) {
                OffsetAndMetadata next = read.get(partition);
                unread += Math.max(0, reader.end() - (next == null ? reader.begin() : next.offset()));
            }
        }
        return unread;
    }

    private long examples(String topic) {
        try (TopicReader reader = new TopicReader(kafka, topic)) {
            return reader.exists() ? reader.end() - reader.begin() : -1;
        }
    }

    /// Returns the decisions about a stream, oldest first.
    public List<StreamRecord> decisions(String stream) {
        return view.streamRecords().stream().filter(record -> record.stream().equals(stream)).toList();
    }
}
