package io.tidegrad.control;

import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.Topics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.TopicConfig;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The topics that a stream joins and the one that it writes to: looks at them, and creates the latter.
public final class StreamTopics {
    private static final Logger LOG = LoggerFactory.getLogger(StreamTopics.class);

    /// What an example has beside the event that it is made of: headers of ours, and an id.
    private static final int ROOM_BYTES = 128 * 1024;

    private final KafkaTopics kafka;
    private final Topics topics;

    /// Returns how large an event may be whose example fits a topic of examples with this `max.message.bytes`.
    public static int eventBytesMax(int examplesBytesMax) {
        return Math.max(0, examplesBytesMax - ROOM_BYTES);
    }

    public StreamTopics(KafkaTopics kafka, Topics topics) {
        this.kafka = kafka;
        this.topics = topics;
    }

    /// The topics of a spec as they are now.
    ///
    /// @param labels null if events bring their labels with them
    /// @param bytesMax the larger `max.message.bytes` of the two
    public record Sources(StreamAction.Source events, StreamAction.@Nullable Source labels, int bytesMax) {
    }

    /// Looks at the topics that a spec names.
    ///
    /// @param refusals gets what is not as it must be
    /// @return null if a topic is missing
    public @Nullable Sources look(StreamSpec spec, Refusals refusals) {
        StreamSpec.Labels labels = spec.labels();
        Set<String> names = new LinkedHashSet<>();
        names.add(spec.events().topic());
        if (labels != null) {
            names.add(labels.topic());
        }
        Map<String, KafkaTopics.Found> there = kafka.look(names, true);
        KafkaTopics.Found events = there.get(spec.events().topic());
        KafkaTopics.Found ofLabels = labels == null ? null : there.get(labels.topic());
        refuseMissing(spec.events().topic(), "events", events, refusals);
        if (labels != null) {
            refuseMissing(labels.topic(), "labels", ofLabels, refusals);
        }
        if (events != null) {
            check(spec, events, refusals);
            if (spec.join() != null && events.retention().bytes() >= 0) {
                LOG.warn(
                        "topic {} keeps {} bytes a partition: corrections of events that it has deleted become dead letters",
                        spec.events().topic(), events.retention().bytes());
            }
        }
        if (events == null || labels != null && ofLabels == null) {
            return null;
        }
        return new Sources(source(spec.events().topic(), events),
                labels == null ? null : source(labels.topic(), Objects.requireNonNull(ofLabels)),
                (int) Math.max(events.number(TopicConfig.MAX_MESSAGE_BYTES_CONFIG),
                        ofLabels == null ? 0 : ofLabels.number(TopicConfig.MAX_MESSAGE_BYTES_CONFIG)));
    }

    private static void refuseMissing(String topic, String side, KafkaTopics.@Nullable Found found, Refusals refusals) {
        if (found == null) {
            refusals.add("topic " + topic, "the topic of " + side, "no such topic",
                    "create it, or correct " + side + ".topic");
        }
    }

    private static StreamAction.Source source(String topic, KafkaTopics.Found found) {
        return new StreamAction.Source(topic, found.id().toString(), found.partitions());
    }

    private static void check(StreamSpec spec, KafkaTopics.Found events, Refusals refusals) {
        String where = "topic " + spec.events().topic();
        String cleanup = events.text(TopicConfig.CLEANUP_POLICY_CONFIG);
        if (cleanup.contains(TopicConfig.CLEANUP_POLICY_COMPACT)) {
            refusals.add(where, "cleanup.policy=delete", cleanup,
                    "write events to a topic that is not compacted: of several with one key, all but one would be lost");
        }
        StreamSpec.Join join = spec.join();
        Retention retention = events.retention();
        if (join != null && retention.millis() >= 0 && retention.millis() < join.window().toMillis()) {
            refusals.add(where, "retention.ms of at least join.window, " + join.window(),
                    Duration.ofMillis(retention.millis()).toString(),
                    "raise it (kafka-configs.sh --alter --entity-type topics --entity-name " + spec.events().topic()
                            + " --add-config retention.ms=" + join.window().toMillis()
                            + "), or shorten join.window: a correction reads its event again");
        }
    }

    /// Tells what has become of the topics with which an epoch was created.
    ///
    /// @param refusals gets each that is gone, was created again, or has another number of partitions
    public void requireUnchanged(StreamState.Epoch epoch, Refusals refusals) {
        List<StreamAction.Source> created = created(epoch);
        Map<String, KafkaTopics.Found> there =
                kafka.look(created.stream().map(StreamAction.Source::topic).collect(Collectors.toSet()), false);
        created.forEach(each -> requireSame(each, there.get(each.topic()), refusals));
    }

    /// Returns the topics of events, labels and examples as they were when the epoch was created.
    public List<StreamAction.Source> created(StreamState.Epoch epoch) {
        StreamAction.Create create = epoch.create();
        List<StreamAction.Source> created = new ArrayList<>();
        created.add(create.events());
        if (create.labels() != null) {
            created.add(create.labels());
        }
        created.add(new StreamAction.Source(topics.examples(epoch.stream(), epoch.number()), create.examplesId(), 1));
        return created;
    }

    /// Looks at one topic of a stream that is being joined.
    ///
    /// @param created one of `created`
    /// @param found the topic now, with empty settings or with all; null: it is gone
    /// @throws ControlException if joining can't go on with it
    public static void require(StreamState.Epoch epoch, StreamAction.Source created,
            KafkaTopics.@Nullable Found found) {
        Refusals refusals = new Refusals();
        requireSame(created, found, refusals);
        StreamSpec spec = epoch.spec();
        if (found != null && !found.settings().isEmpty() && created.topic().equals(spec.events().topic())) {
            check(spec, found, refusals);
        }
        refusals.throwIfAny("stream " + epoch.stream() + ", epoch " + epoch.number() + " can't be joined any longer");
    }

    private static void requireSame(StreamAction.Source source, KafkaTopics.@Nullable Found found, Refusals refusals) {
        String remedy = "begin a new stream or epoch with what is there: tidegrad streams create --spec FILE";
        if (found == null) {
            refusals.add("topic " + source.topic(), "id " + source.id(), "no such topic", remedy);
        } else if (!found.id().toString().equals(source.id())) {
            refusals.add("topic " + source.topic(), "id " + source.id(), found.id() + ": it was created again", remedy);
        } else if (found.partitions() != source.partitions()) {
            refusals.add("topic " + source.topic(), source.partitions() + " partitions", "" + found.partitions(),
                    remedy);
        }
    }

    /// Refuses a topic of examples in which records lie already.
    void refuseUsed(String examples, Refusals refusals) {
        if (kafka.exists(examples) && kafka.end(examples) > 0) {
            refusals.add("topic " + examples, "none of this name, or an empty one", kafka.end(examples) + " records",
                    "delete it if nobody needs it, or choose another prefix");
        }
    }

    /// Creates the topic of examples.
    ///
    /// @return its id
    String create(StreamSpec spec, int epoch, Sources sources) {
        return kafka.createAgain(wanted(spec, epoch, sources.bytesMax())).id().toString();
    }

    /// Keeps the examples of an epoch for another time from now on.
    void keep(StreamState.Epoch epoch, Duration retention) {
        kafka.set(topics.examples(epoch.stream(), epoch.number()),
                Map.of(TopicConfig.RETENTION_MS_CONFIG, Long.toString(retention.toMillis())));
    }

    /// Returns what the topic of examples must be like. Its records have the time at which they were appended, so that
    /// their order is that of time, and their retention counts from when they were written: the event time is in a header,
    /// and examples of events from last year would be deleted at once.
    private KafkaTopics.Wanted wanted(StreamSpec spec, int epoch, int bytesMax) {
        return new KafkaTopics.Wanted(topics.examples(spec.stream(), epoch), TopicConfig.CLEANUP_POLICY_DELETE,
                KafkaTopics.bytesMax(bytesMax, ROOM_BYTES),
                Map.of(TopicConfig.RETENTION_MS_CONFIG, Long.toString(spec.retention().toMillis()),
                        TopicConfig.RETENTION_BYTES_CONFIG, "-1", TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG,
                        "LogAppendTime"))
                .withOnePartition("its order is the order of learning; delete it, and create the stream again");
    }
}
