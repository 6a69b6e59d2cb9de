package io.tidegrad.trainer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.safetensors.SafetensorsImport;
import io.tidegrad.model.snapshot.SnapshotParts;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Stage;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.publish.AvroProgress;
import io.tidegrad.trainer.publish.Heartbeats;
import io.tidegrad.trainer.publish.ProgressWriter;
import io.tidegrad.trainer.publish.Publisher;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.CommitGuard;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.GuardedClients;
import io.tidegrad.trainer.store.Lineage;
import io.tidegrad.trainer.store.ModelStoreBuilder;
import io.tidegrad.trainer.store.ReadCommitted;
import io.tidegrad.trainer.store.StoreParts;
import io.tidegrad.trainer.topology.Patience;
import io.tidegrad.trainer.topology.TrainerTopology;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One model that learns: its topics, its registration, and its Kafka Streams application `{prefix}-{model}-{epoch}`.
public final class ModelTrainer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ModelTrainer.class);
    private static final int FIRST_EPOCH = 1;

    /// Compaction reads what restart reads: small segments and an eager cleaner keep it near the model's size. The lag
    /// is bounded for a model that learns seldom.
    private static final Map<String, String> CHANGELOG =
            Map.of(
                    TopicConfig.SEGMENT_BYTES_CONFIG, Integer.toString(16 * 1024 * 1024),
                    TopicConfig.MIN_CLEANABLE_DIRTY_RATIO_CONFIG, "0.1",
                    TopicConfig.MAX_COMPACTION_LAG_MS_CONFIG, "600000",
                    TopicConfig.RETENTION_MS_CONFIG, "-1");

    /// Compiling takes about 1.5 s of CPU; on a busy machine learning begins with what is compiled by then.
    private static final Duration WARM_UP_MAX = Duration.ofSeconds(10);

    /// Pages are small and carry chunks are 256 KiB; snapshot parts are the largest thing written.
    private static final int PART_REQUEST_BYTES = SnapshotParts.PART_BYTES_MAX + 64 * 1024;

    private static final int DEAD_LETTER_ROOM_BYTES = 256 * 1024;

    private final Lineage lineage;
    private final CommitGuard guard;
    private final KafkaStreams streams;
    private final Heartbeats heartbeats;
    private final RecordDecoder decoder;
    private final Duration commitInterval;
    private final Kernels kernels;
    private volatile boolean stopping;

    /// What all models of a process share.
    ///
    /// @param models in this process
    /// @param storeParts `StoreParts.STANDARD` outside tests
    record Surroundings(
            TrainerConfig config,
            String instanceId,
            Admin admin,
            SchemaRegistry registry,
            Kernels kernels,
            int models,
            StoreParts storeParts) {
        Topics topics() {
            return new Topics(config.prefix());
        }
    }

    /// Checks and creates what the model needs; nothing learns yet.
    ///
    /// @param spec as given by its author, or as registered
    /// @param failed told at most once, from Streams' thread
    /// @throws TrainerException why it can't be learned
    static ModelTrainer prepare(
            ModelSpec spec, Surroundings surroundings, Consumer<TrainerException> failed) {
        TrainerConfig config = surroundings.config();
        Topics topics = surroundings.topics();
        KafkaTopics kafkaTopics = new KafkaTopics(surroundings.admin(), config.replication());
        KafkaTopics.Log log = kafkaTopics.log(spec.inputTopic());
        ModelCatalog catalog =
                new ModelCatalog(topics.models(), config.kafka().client(), surroundings.registry());
        Lineage lineage = register(spec, log, catalog);
        String applicationId = topics.applicationId(lineage.model(), lineage.epoch());

        kafkaTopics.createOrCheck(
                new KafkaTopics.Wanted(
                        topics.snapshots(lineage.model()),
                        1,
                        true,
                        "compact",
                        PART_REQUEST_BYTES,
                        CHANGELOG));
        int deadLetterBytesMax =
                kafkaTopics.createOrCheck(
                        new KafkaTopics.Wanted(
                                topics.deadLetters(),
                                1,
                                false,
                                "delete",
                                (int)
                                        Math.min(
                                                (long) log.bytesMax() + DEAD_LETTER_ROOM_BYTES,
                                                Integer.MAX_VALUE),
                                Map.of(TopicConfig.RETENTION_MS_CONFIG, "-1")));
        kafkaTopics.createOrCheck(
                new KafkaTopics.Wanted(topics.progress(), 1, false, "delete", 64 * 1024, Map.of()));
        kafkaTopics.createOrCheck(
                new KafkaTopics.Wanted(
                        Changelog.topic(applicationId),
                        1,
                        true,
                        "compact",
                        PART_REQUEST_BYTES,
                        CHANGELOG));

        ReadCommitted readCommitted = new ReadCommitted(config.kafka().client());
        Changelog changelog =
                new Changelog(new TopicPartition(Changelog.topic(applicationId), 0), readCommitted);
        Duration patience = StreamsSettings.sessionTimeout(config.kafka()).multipliedBy(3);
        new GroupOffsets(surroundings.admin(), applicationId, patience)
                .ensure(lineage, log, changelog);
        return new ModelTrainer(
                lineage, applicationId, surroundings, deadLetterBytesMax, readCommitted, failed);
    }

    /// The catalog decides: a model it knows must be this one.
    private static Lineage register(ModelSpec spec, KafkaTopics.Log log, ModelCatalog catalog) {
        String fingerprint = HexFormat.of().formatHex(spec.fingerprint());
        ModelRecord known = catalog.find(spec.model());
        if (known == null) {
            ModelSpec.InitialWeights weights = spec.initialWeights();
            if (weights != null) {
                // A registered spec can't be corrected any more.
                SafetensorsImport.check(
                        Path.of(weights.file()), weights.sha256(), Plan.of(spec.network()));
            }
            catalog.put(
                    ModelRecord.newBuilder()
                            .setModel(spec.model())
                            .setEpoch(FIRST_EPOCH)
                            .setSpec(spec.yaml())
                            .setSpecFingerprint(fingerprint)
                            .setStage(Stage.LIVE)
                            .setCreatedAt(Instant.ofEpochMilli(System.currentTimeMillis()))
                            .setInputTopic(spec.inputTopic())
                            .setInputTopicId(log.topicId().toString())
                            .setStartOffset(log.begin())
                            .build());
            return new Lineage(spec, FIRST_EPOCH, log.partition(), log.topicId(), log.begin());
        }
        if (!known.getSpecFingerprint().equals(fingerprint)) {
            throw new TrainerException(
                    ExitCode.CONFIGURATION,
                    "model "
                            + spec.model()
                            + ": changed spec under the same epoch: expected fingerprint "
                            + known.getSpecFingerprint()
                            + " of epoch "
                            + known.getEpoch()
                            + ", found "
                            + fingerprint
                            + "; weights learned by one spec mean nothing to another. Give the changed spec a new model"
                            + " name, or go back to the registered one");
        }
        if (!known.getInputTopicId().equals(log.topicId().toString())) {
            throw new TrainerException(
                    ExitCode.STATE_VIOLATION,
                    "model "
                            + spec.model()
                            + ": expected topic "
                            + spec.inputTopic()
                            + " with id "
                            + known.getInputTopicId()
                            + ", found id "
                            + log.topicId()
                            + ": it was deleted and created again, so its offsets mean other events. Learn from it under a"
                            + " new model name");
        }
        return new Lineage(
                spec,
                known.getEpoch(),
                log.partition(),
                Uuid.fromString(known.getInputTopicId()),
                known.getStartOffset());
    }

    private ModelTrainer(
            Lineage lineage,
            String applicationId,
            Surroundings surroundings,
            int deadLetterBytesMax,
            ReadCommitted readCommitted,
            Consumer<TrainerException> failed) {
        this.lineage = lineage;
        kernels = surroundings.kernels();
        TrainerConfig config = surroundings.config();
        Topics topics = surroundings.topics();
        StoreParts storeParts = surroundings.storeParts();
        guard = storeParts.guard(lineage.log());
        GuardedClients clients = new GuardedClients(guard, lineage.log());
        Parameters sizes = Parameters.blank(Plan.of(lineage.spec().network()));
        long modelBytes = sizes.servedBytes() + sizes.optimizerBytes();
        commitInterval =
                StreamsSettings.commitInterval(config.kafka(), modelBytes, surroundings.models());
        Patience patience =
                new Patience(
                        StreamsSettings.transactionTimeout(config.kafka(), commitInterval)
                                .dividedBy(2));
        ProgressWriter progress =
                AvroProgress.register(lineage, topics.progress(), surroundings.registry());
        Publisher.Settings publishing =
                new Publisher.Settings(
                        lineage.spec().publishEvery(),
                        config.keepSnapshots(),
                        progress,
                        clients::atEnd,
                        () -> stopping);
        decoder = RecordDecoder.of(config.registry().client(), patience::left);
        AvroEvent event = new AvroEvent();
        ValueDecoder values = value -> event.of(decoder.decode(lineage.log().topic(), value));
        TrainerTopology.Parts parts =
                new TrainerTopology.Parts(
                        lineage,
                        topics,
                        new ModelStoreBuilder(
                                () ->
                                        storeParts.store(
                                                lineage,
                                                surroundings.kernels(),
                                                readCommitted,
                                                guard),
                                CHANGELOG),
                        model -> new EventFold(lineage.spec(), model, values),
                        () -> new Publisher(lineage, publishing),
                        deadLetterBytesMax,
                        patience,
                        warmUp());
        Properties settings = new Properties();
        settings.putAll(
                StreamsSettings.of(
                        applicationId,
                        config.stateDir(),
                        surroundings.instanceId(),
                        config.kafka(),
                        commitInterval,
                        Math.max(PART_REQUEST_BYTES, deadLetterBytesMax)));
        try {
            streams = streams(parts, settings, clients);
        } catch (RuntimeException e) {
            decoder.close();
            throw e;
        }
        streams.setUncaughtExceptionHandler(
                thrown -> {
                    failed.accept(TrainerException.from(thrown));
                    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
                });
        streams.setStateListener(
                (now, before) -> {
                    if (now == KafkaStreams.State.ERROR) {
                        failed.accept(
                                new TrainerException(
                                        ExitCode.RETRYABLE,
                                        "model " + lineage.model() + ": Kafka Streams gave up"));
                    }
                });
        heartbeats =
                new Heartbeats(
                        lineage, topics.snapshots(lineage.model()), guard, config.kafka().client());
    }

    private static KafkaStreams streams(
            TrainerTopology.Parts parts, Properties settings, GuardedClients clients) {
        try {
            return new KafkaStreams(
                    TrainerTopology.of(parts), new StreamsConfig(settings), clients);
        } catch (StreamsException e) {
            if (String.valueOf(e.getMessage()).contains("same state directory")) {
                throw new TrainerException(
                        ExitCode.CONFIGURATION,
                        "the state directory "
                                + settings.get(StreamsConfig.STATE_DIR_CONFIG)
                                + " is used by another trainer; give each its own with --state-dir",
                        e);
            }
            throw e;
        }
    }

    void start() {
        LOG.info(
                "model {}, epoch {}: learning from {}, committing every {} ms",
                lineage.model(),
                lineage.epoch(),
                lineage.log(),
                commitInterval.toMillis());
        streams.start();
    }

    /// Runs the kernels at this model's shapes while the group is joined and the state restored, so that the first events
    /// are learned at full speed. On scratch data: the model is not touched.
    private CompletableFuture<Void> warmUp() {
        return CompletableFuture.runAsync(
                () -> {
                    long nanos =
                            OnlineModel.blank(lineage.spec(), kernels)
                                    .learner()
                                    .warmUp(WARM_UP_MAX.toNanos());
                    LOG.info(
                            "model {}: kernels warm after {} ms",
                            lineage.model(),
                            nanos / 1_000_000);
                },
                task ->
                        Thread.ofPlatform()
                                .name("warm-up-" + lineage.model())
                                .daemon()
                                .start(task));
    }

    public Lineage lineage() {
        return lineage;
    }

    /// Null until the stored state has been restored and found consistent.
    public @Nullable CommittedState committed() {
        return guard.committed();
    }

    /// See `Heartbeats.lag`.
    public long lag() {
        return heartbeats.lag();
    }

    /// See `Heartbeats.deadLetterShare`.
    public double deadLetterShare() {
        return heartbeats.deadLetterShare();
    }

    public KafkaStreams.State state() {
        return streams.state();
    }

    Duration commitInterval() {
        return commitInterval;
    }

    /// Publishes the newest version, commits, and stops. What was read but not committed is read again next time.
    @Override
    public void close() {
        stopping = true;
        CommittedState committed = guard.committed();
        if (committed != null && !committed.settled() && state() == KafkaStreams.State.RUNNING) {
            settle();
        }
        heartbeats.close();
        streams.close(Duration.ofSeconds(30));
        decoder.close();
    }

    /// An idle trainer looks for something to publish once a second, at the latest.
    private void settle() {
        long deadline = System.nanoTime() + Duration.ofSeconds(2).toNanos();
        while (System.nanoTime() < deadline && state() == KafkaStreams.State.RUNNING) {
            CommittedState committed = guard.committed();
            if (committed != null && committed.settled()) {
                return;
            }
            try {
                Thread.sleep(20);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
