package io.tidegrad.trainer;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.control.Retention;
import io.tidegrad.control.StreamTopics;
import io.tidegrad.model.snapshot.SnapshotParts;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.process.TopicWatch;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.Topics;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.TopicConfig;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The topics that one model relies on. They are checked or created before it learns, and watched while it learns.
final class ModelTopics {
    private static final Logger LOG = LoggerFactory.getLogger(ModelTopics.class);

    /// Small segments and an eager cleaner keep what a restart reads near the model's size. The lag is bounded for a model
    /// that seldom learns.
    static final Map<String, String> CHANGELOG = Map.of(TopicConfig.SEGMENT_BYTES_CONFIG,
            Integer.toString(16 * 1024 * 1024), TopicConfig.MIN_CLEANABLE_DIRTY_RATIO_CONFIG, "0.1",
            TopicConfig.MAX_COMPACTION_LAG_MS_CONFIG, "600000", TopicConfig.RETENTION_MS_CONFIG, "-1");

    /// Snapshot parts are the largest records: pages are small, and chunks of carry have 256 KiB.
    static final int PART_REQUEST_BYTES = SnapshotParts.PART_BYTES_MAX + 64 * 1024;

    private final String model;
    private final KafkaTopics kafka;
    private final KafkaTopics.Log log;
    private final Output snapshots;
    private final Output deadLetters;
    private final Output progress;
    private final KafkaTopics.Wanted changelog;
    private final Uuid changelogId;
    private Retention retention; // as the last look found it

    /// A topic that the trainer writes and does not read, so that it can be created again.
    private final class Output {
        private final KafkaTopics.Wanted wanted;
        private final KafkaTopics.Checked checked;
        private final String whatIsLost;
        private Uuid id;

        Output(KafkaTopics.Wanted wanted, String whatIsLost) {
            this.wanted = wanted;
            this.whatIsLost = whatIsLost;
            checked = kafka.createOrCheck(wanted);
            id = checked.id();
        }

        void look(KafkaTopics.@Nullable Found found, Runnable again) {
            if (found != null && found.id().equals(id)) {
                KafkaTopics.check(wanted, found);
                return;
            }
            id = kafka.createAgain(wanted).id();
            LOG.warn("model {}: topic {} was deleted and is there again: {}", model, wanted.topic(), whatIsLost);
            again.run();
        }
    }

    /// Checks or creates the topics.
    ///
    /// @param log the topic of events as it was found
    /// @param deadLetterRetention retention of the dead-letter topic if it is created, in ms; -1 for ever
    /// @throws StopException if one of them is not as it must be
    ModelTopics(KafkaTopics kafka, ModelSpec spec, int epoch, KafkaTopics.Log log, Topics topics,
            long deadLetterRetention) {
        this.kafka = kafka;
        this.log = log;
        retention = log.retention();
        model = spec.model();
        snapshots = new Output(
                new KafkaTopics.Wanted(topics.snapshots(model), "compact", PART_REQUEST_BYTES, CHANGELOG)
                        .withOnePartition(
                                "Kafka can't remove a partition: stop the trainer and delete the topic. The next"
                                        + " start creates it and publishes the model again; earlier versions are lost"),
                "the versions that were on it are lost, the newest one is published again");
        // Of an example, the event's key and value go to the dead letters, which a joiner may have created for events.
        int eventBytesMax = spec.stream() == null ? log.bytesMax() : StreamTopics.eventBytesMax(log.bytesMax());
        deadLetters = new Output(
                new KafkaTopics.Wanted(topics.deadLetters(), "delete",
                        KafkaTopics.bytesMax(eventBytesMax, DeadLetter.ROOM_BYTES),
                        Map.of(TopicConfig.RETENTION_MS_CONFIG, Long.toString(deadLetterRetention))),
                "the dead letters that were on it are lost");
        progress = new Output(new KafkaTopics.Wanted(topics.progress(), "delete", 64 * 1024, Map.of()),
                "the metrics and hashes of earlier versions that were on it are lost");
        changelog = new KafkaTopics.Wanted(Topics.changelog(topics.applicationId(model, epoch)), "compact",
                PART_REQUEST_BYTES, CHANGELOG)
                .withOnePartition("Kafka can't remove a partition, and deleting the topic would delete the model. "
                        + wayBack(model));
        changelogId = kafka.createOrCheck(changelog).id();
    }

    int deadLetterBytesMax() {
        return deadLetters.checked.bytesMax();
    }

    /// Returns whether this start had to create the topic of snapshots.
    boolean snapshotsCreated() {
        return snapshots.checked.created();
    }

    private static String wayBack(String model) {
        return "To go on from a published version, with a changelog of its own: tidegrad models rollback " + model
                + " --version N (tidegrad snapshots list --model " + model
                + " shows them). Or learn the log again under a new model name";
    }

    /// Returns the exception for a registered model whose topic of events is gone.
    static StopException logGone(String model, String topic) {
        return new StopException(ExitCode.STATE_VIOLATION, "model " + model + ": expected the topic of events " + topic
                + ", found that it was deleted. Published versions can still be served. A topic that is created now"
                + " under this name is another log: begin a new epoch with it (tidegrad models delete " + model
                + ", then tidegrad models create --spec FILE), or learn from it under a new model name");
    }

    /// @throws StopException if the topic of events is not the one that was registered
    static void requireSameLog(String model, String topic, String registeredId, Uuid foundId) {
        if (!registeredId.equals(foundId.toString())) {
            throw new StopException(ExitCode.STATE_VIOLATION, "model " + model + ": expected topic " + topic
                    + " with id " + registeredId + ", found id " + foundId + ": " + RegisteredModel.otherLog(model));
        }
    }

    /// Returns what a `TopicWatch` looks at.
    ///
    /// @param failed gets the reason why the model can't go on
    /// @param snapshotsGone runs when the topic of snapshots was created again and is empty
    /// @param keeps gets the retention of the topic of events when it was changed
    List<TopicWatch.Watched> watched(Consumer<StopException> failed, Runnable snapshotsGone,
            Consumer<Retention> keeps) {
        Runnable nothing = () -> {
        };
        return List.of(TopicWatch.Watched.ending(log.partition().topic(), failed, found -> lookAtLog(found, keeps)),
                TopicWatch.Watched.ending(changelog.topic(), failed, this::lookAtChangelog),
                TopicWatch.Watched.ending(snapshots.wanted.topic(), failed,
                        found -> snapshots.look(found, snapshotsGone)),
                TopicWatch.Watched.ending(deadLetters.wanted.topic(), failed,
                        found -> deadLetters.look(found, nothing)),
                TopicWatch.Watched.ending(progress.wanted.topic(), failed, found -> progress.look(found, nothing)));
    }

    private void lookAtLog(KafkaTopics.@Nullable Found found, Consumer<Retention> keeps) {
        String topic = log.partition().topic();
        if (found == null) {
            throw logGone(model, topic);
        }
        requireSameLog(model, topic, log.topicId().toString(), found.id());
        if (found.partitions() != 1) {
            throw new StopException(ExitCode.CONFIGURATION, "model " + model + ": topic " + topic
                    + ": expected 1 partition, whose order is the order of learning, found " + found.partitions()
                    + ": partitions were added. What partition 0 holds was learned up to the last commit; events"
                    + " of the other partitions were not learned. Kafka can't remove a partition: write the"
                    + " events to a new topic with one partition, copy there what shall be learned, and learn"
                    + " from it under a new model name");
        }
        KafkaTopics.requireLog(topic, found);
        if (!found.settings().isEmpty() && !found.retention().equals(retention)) {
            retention = found.retention();
            keeps.accept(retention);
            LOG.warn(
                    "model {}: topic {} now keeps events for {} ms and {} bytes (-1: for ever), and images are written"
                            + " in time for that; how the model is stored was chosen with {} ms and {} bytes. Restart"
                            + " the trainer, so that it is chosen anew",
                    model, topic, retention.millis(), retention.bytes(), log.retention().millis(),
                    log.retention().bytes());
        }
    }

    private void lookAtChangelog(KafkaTopics.@Nullable Found found) {
        if (found == null || !found.id().equals(changelogId)) {
            throw new StopException(ExitCode.STATE_VIOLATION,
                    "model " + model + ": expected the changelog " + changelog.topic() + " with id " + changelogId
                            + ", which holds the model, found "
                            + (found == null ? "that it was deleted. " : "id " + found.id() + ". ") + wayBack(model));
        }
        KafkaTopics.check(changelog, found);
    }
}
