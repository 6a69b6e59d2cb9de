package io.tidegrad.trainer;

import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.control.Retention;
import io.tidegrad.model.snapshot.SnapshotParts;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.DeadLetter;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.TopicConfig;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The topics that one model relies on: checked or created before it learns, and watched while it does.
final class ModelTopics {
    private static final Logger LOG = LoggerFactory.getLogger(ModelTopics.class);

    /// Compaction reads what restart reads: small segments and an eager cleaner keep it near the model's size. The lag
    /// is bounded for a model that learns seldom.
    static final Map<String, String> CHANGELOG = Map.of(TopicConfig.SEGMENT_BYTES_CONFIG,
            Integer.toString(16 * 1024 * 1024), TopicConfig.MIN_CLEANABLE_DIRTY_RATIO_CONFIG, "0.1",
            TopicConfig.MAX_COMPACTION_LAG_MS_CONFIG, "600000", TopicConfig.RETENTION_MS_CONFIG, "-1");

    /// Pages are small and carry chunks are 256 KiB; snapshot parts are the largest thing written.
    static final int PART_REQUEST_BYTES = SnapshotParts.PART_BYTES_MAX + 64 * 1024;

    private final String model;
    private final KafkaTopics kafka;
    private final KafkaTopics.Log log;
    private final Output snapshots;
    private final Output deadLetters;
    private final Output progress;
    private final KafkaTopics.Wanted changelog;
    private final Uuid changelogId;

    /// A topic that is written and not read by the trainer, and may be made again.
    private record Output(KafkaTopics.Wanted wanted, KafkaTopics.Checked checked, String whatIsLost) {
        Output(KafkaTopics kafka, KafkaTopics.Wanted wanted, String whatIsLost) {
            this(wanted, kafka.createOrCheck(wanted), whatIsLost);
        }
    }

    /// Checks and creates them.
    ///
    /// @param log as it was found
    /// @param deadLetterRetention of the dead-letter topic if it is created, ms; -1 for ever
    /// @throws TrainerException one of them is not as it must be
    ModelTopics(KafkaTopics kafka, ModelSpec spec, int epoch, KafkaTopics.Log log, Topics topics,
            long deadLetterRetention) {
        this.kafka = kafka;
        this.log = log;
        model = spec.model();
        snapshots = new Output(kafka, new KafkaTopics.Wanted(topics.snapshots(model), "compact", PART_REQUEST_BYTES,
                CHANGELOG)
                .withOnePartition("Kafka can't remove a partition: stop the trainer and delete the topic. The next"
                        + " start creates it and publishes the model again; earlier versions are" + " lost"),
                "the versions that were on it are lost, the newest one is published again");
        deadLetters = new Output(kafka,
                new KafkaTopics.Wanted(topics.deadLetters(), "delete",
                        (int) Math.min((long) log.bytesMax() + DeadLetter.ROOM_BYTES, Integer.MAX_VALUE),
                        Map.of(TopicConfig.RETENTION_MS_CONFIG, Long.toString(deadLetterRetention))),
                "the dead letters that were on it are lost");
        progress = new Output(kafka, new KafkaTopics.Wanted(topics.progress(), "delete", 64 * 1024, Map.of()),
                "the metrics and hashes of earlier versions that were on it are lost");
        changelog = new KafkaTopics.Wanted(Topics.changelog(topics.applicationId(model, epoch)), "compact",
                PART_REQUEST_BYTES, CHANGELOG)
                .withOnePartition("Kafka can't remove a partition, and deleting the topic would delete the model. "
                        + wayBack(model));
        changelogId = kafka.createOrCheck(changelog).id();
    }

    int deadLetterBytesMax() {
        return deadLetters.checked().bytesMax();
    }

    /// Whether this start had to create the topic of snapshots.
    boolean snapshotsCreated() {
        return snapshots.checked().created();
    }

    private static String wayBack(String model) {
        return "To go on from a published version, with a changelog of its own: tidegrad models rollback " + model
                + " --version N (tidegrad snapshots list --model " + model
                + " shows them). Or learn the log again under a new model name";
    }

    /// The topic of events of a registered model is gone.
    static TrainerException logGone(String model, String topic) {
        return new TrainerException(ExitCode.STATE_VIOLATION, "model " + model + ": expected the topic of events "
                + topic
                + ", found that it was deleted. Published versions can still be served. A topic that is created now"
                + " under this name is another log: begin a new epoch with it (tidegrad models delete " + model
                + ", then tidegrad models create --spec FILE), or learn from it under a new model name");
    }

    /// @throws TrainerException the topic of events is another one than was registered
    static void requireSameLog(String model, String topic, String registeredId, Uuid foundId) {
        if (!registeredId.equals(foundId.toString())) {
            throw new TrainerException(ExitCode.STATE_VIOLATION, "model " + model + ": expected topic " + topic
                    + " with id " + registeredId + ", found id " + foundId + ": " + RegisteredModel.otherLog(model));
        }
    }

    /// For a `TopicWatch`.
    ///
    /// @param failed told why the model can't go on
    /// @param snapshotsGone told when the topic of snapshots is there again, without those that were on it
    List<TopicWatch.Watched> watched(Consumer<TrainerException> failed, Runnable snapshotsGone) {
        List<TopicWatch.Watched> watched = new ArrayList<>();
        watched.add(new Guarded(log.partition().topic(), new WatchedLog(), failed));
        watched.add(new Guarded(changelog.topic(), this::lookAtChangelog, failed));
        watched.add(guarded(snapshots, failed, snapshotsGone));
        watched.add(guarded(deadLetters, failed, () -> {
        }));
        watched.add(guarded(progress, failed, () -> {
        }));
        return watched;
    }

    private TopicWatch.Watched guarded(Output output, Consumer<TrainerException> failed, Runnable again) {
        return new Guarded(output.wanted().topic(), new WatchedOutput(kafka, output, again), failed);
    }

    /// What is thrown because a topic is not as it must be ends the model; what may pass is tried again.
    private record Guarded(String topic, Consumer<KafkaTopics.@Nullable Found> looks,
            Consumer<TrainerException> failed) implements TopicWatch.Watched {
        @Override
        public void look(KafkaTopics.@Nullable Found found) {
            try {
                looks.accept(found);
            } catch (RuntimeException e) {
                TrainerException why = TrainerException.from(e);
                if (why.exitCode().retryable()) {
                    throw e;
                }
                failed.accept(why);
            }
        }
    }

    private final class WatchedLog implements Consumer<KafkaTopics.@Nullable Found> {
        private Retention retention = log.retention();

        @Override
        public void accept(KafkaTopics.@Nullable Found found) {
            String topic = log.partition().topic();
            if (found == null) {
                throw logGone(model, topic);
            }
            requireSameLog(model, topic, log.topicId().toString(), found.id());
            if (found.partitions() != 1) {
                throw new TrainerException(ExitCode.CONFIGURATION, "model " + model + ": topic " + topic
                        + ": expected 1 partition, whose order is the order of learning, found " + found.partitions()
                        + ": partitions were added. What partition 0 holds was learned up to the last commit; events"
                        + " of the other partitions were not learned. Kafka can't remove a partition: write the"
                        + " events to a new topic with one partition, copy there what shall be learned, and learn"
                        + " from it under a new model name");
            }
            KafkaTopics.requireLog(topic, found);
            if (!found.settings().isEmpty() && !found.retention().equals(retention)) {
                retention = found.retention();
                LOG.warn(
                        "model {}: topic {} now keeps events for {} ms and {} bytes (-1: for ever); when an image is due was"
                                + " planned with {} ms and {} bytes. Restart the trainer",
                        model, topic, retention.millis(), retention.bytes(), log.retention().millis(),
                        log.retention().bytes());
            }
        }
    }

    private void lookAtChangelog(KafkaTopics.@Nullable Found found) {
        if (found == null || !found.id().equals(changelogId)) {
            throw new TrainerException(ExitCode.STATE_VIOLATION,
                    "model " + model + ": expected the changelog " + changelog.topic() + " with id " + changelogId
                            + ", which holds the model, found "
                            + (found == null ? "that it was deleted. " : "id " + found.id() + ". ") + wayBack(model));
        }
        KafkaTopics.check(changelog, found);
    }

    private static final class WatchedOutput implements Consumer<KafkaTopics.@Nullable Found> {
        private final KafkaTopics kafka;
        private final Output output;
        private final Runnable again;
        private Uuid id;

        WatchedOutput(KafkaTopics kafka, Output output, Runnable again) {
            this.kafka = kafka;
            this.output = output;
            this.again = again;
            id = output.checked().id();
        }

        @Override
        public void accept(KafkaTopics.@Nullable Found found) {
            if (found == null || !found.id().equals(id)) {
                id = kafka.createAgain(output.wanted()).id();
                LOG.warn("topic {} was deleted and is there again: {}", output.wanted().topic(), output.whatIsLost());
                again.run();
            } else {
                KafkaTopics.check(output.wanted(), found);
            }
        }
    }
}
