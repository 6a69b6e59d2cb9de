package io.tidegrad.trainer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.ModelCatalog;
import io.tidegrad.control.ReadCommitted;
import io.tidegrad.control.Retention;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.learn.LearningMemory;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.InstanceId;
import io.tidegrad.process.KafkaFault;
import io.tidegrad.process.LetIn;
import io.tidegrad.process.StopException;
import io.tidegrad.process.StreamsClients;
import io.tidegrad.process.TopicWatch;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.poll.Burst;
import io.tidegrad.trainer.poll.EventsAhead;
import io.tidegrad.trainer.poll.PollPace;
import io.tidegrad.trainer.poll.StopOrder;
import io.tidegrad.trainer.publish.AvroProgress;
import io.tidegrad.trainer.publish.Heartbeats;
import io.tidegrad.trainer.publish.Publisher;
import io.tidegrad.trainer.publish.RepublishOrder;
import io.tidegrad.trainer.publish.ServedVersion;
import io.tidegrad.trainer.publish.SnapshotSeries;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.CommitGuard;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.GuardedClients;
import io.tidegrad.trainer.store.ModelStoreBuilder;
import io.tidegrad.trainer.store.RestoreProgress;
import io.tidegrad.trainer.store.StoreParts;
import io.tidegrad.trainer.store.StoreSettings;
import io.tidegrad.trainer.store.StoreStatus;
import io.tidegrad.trainer.store.TrainerClock;
import io.tidegrad.trainer.topology.FatalEvents;
import io.tidegrad.trainer.topology.Patience;
import io.tidegrad.trainer.topology.TrainerTopology;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Learns one model, in a Kafka Streams application named `{prefix}-{model}-{epoch}`.
public final class ModelTrainer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ModelTrainer.class);

    private static final Duration STOP_MAX = Duration.ofSeconds(30);

    /// A trainer that can't go on may be waiting for a topic that is gone, so that a longer wait would gain nothing.
    private static final Duration GIVE_UP_MAX = Duration.ofSeconds(5);

    private static final Duration SETTLE = Duration.ofSeconds(4);

    /// A larger full snapshot is spread over several commits, so that none comes near its transaction's timeout. A broker
    /// takes 20 MB/s and more, so this is a second beside the flush.
    private static final long SNAPSHOT_COMMIT_BYTES = 16L << 20;

    private final Lineage lineage;
    private final LearningMemory memory;
    private final CommitGuard guard;
    private final KafkaStreams streams;
    private final Heartbeats heartbeats;
    private final RecordDecoder decoder;
    private final StoreSettings store;
    private final FatalEvents fatalEvents;
    private final @Nullable EventsAhead ahead;
    private final StopOrder stop = new StopOrder();
    private final PollPace pace = new PollPace();
    private final RepublishOrder republish = new RepublishOrder();
    private final TopicWatch watch;
    private final List<TopicWatch.Watched> watched;
    private final AtomicBoolean gaveUp = new AtomicBoolean();
    private final Owner owner;
    private volatile boolean overtaken;

    /// The one that began a trainer.
    interface Owner {
        /// Returns whether the model is paused or in a later epoch by now.
        boolean isOvertaken();

        /// Called instead of `failed` if a trainer has ended because it was overtaken.
        void overtaken();

        /// Gets the reason why the trainer can't go on, at most once.
        void failed(StopException why);
    }

    /// What all models of a process share.
    ///
    /// @param models returns how many models this process has now
    /// @param storeParts `StoreParts.STANDARD` outside of tests
    record Surroundings(TrainerConfig config, String instanceId, Admin admin, TopicWatch watch, SchemaRegistry registry,
            Kernels kernels, WarmUps warmUps, IntSupplier models, StoreParts storeParts) {
        Topics topics() {
            return new Topics(config.prefix());
        }

        /// Returns why a model stops after `thrown`. It is tried again if Kafka refuses credentials that it accepted within
        /// the last hour, but not if it refuses what this model needs.
        StopException reason(Throwable thrown) {
            return thrown instanceof RegistryUnavailableException e
                    ? StopException.from(e, config.registry().shownUrl()) : StopException.from(thrown,
                            fault -> fault == KafkaFault.AUTHENTICATION && new LetIn(config.stateDir()).recently());
        }
    }

    /// A model that can begin to learn: it is registered, its topics are there, and its group has an offset.
    record Ready(Lineage lineage, String applicationId, Retention retention, ModelTopics topics,
            ReadCommitted readCommitted, GroupOffsets group) {
        @Nullable
        OffsetAndMetadata committed() {
            return group.committed(lineage);
        }

        Changelog changelog() {
            return new Changelog(new TopicPartition(Topics.changelog(applicationId), 0), readCommitted);
        }
    }

    /// Checks and creates what the model needs. Learning begins with `start`.
    ///
    /// @param spec the spec as its author gave it, or as it is registered
    /// @param known the registered model
    /// @param reason why a rollback began the epoch, if one did
    /// @throws StopException if the model can't be learned
    static ModelTrainer prepare(ModelSpec spec, ModelRecord known, String reason, Surroundings surroundings,
            Owner owner) {
        TrainerConfig config = surroundings.config();
        Publishing publishing = new Publishing(config.kafka(), surroundings.topics(), config.replication(),
                config.deadLetterRetention(), config.snapshotForm());
        EpochBase base = new EpochBase(publishing, config.registry(), reason, surroundings.kernels(), config.workers(),
                surroundings.storeParts());
        Ready ready = ready(spec, known, publishing, surroundings.admin(), base::ensure);
        return new ModelTrainer(ready, surroundings, owner);
    }

    /// @param known the registered model
    /// @param firstState writes the state with which an epoch begins, before its group has an offset
    /// @throws StopException if the model can't be learned
    static Ready ready(ModelSpec spec, ModelRecord known, Publishing publishing, Admin admin,
            Consumer<Ready> firstState) {
        KafkaSettings kafka = publishing.kafka();
        Topics topics = publishing.topics();
        KafkaTopics kafkaTopics = new KafkaTopics(admin, publishing.replication());
        KafkaTopics.Log log =
                kafkaTopics.log(spec.inputTopic(), () -> ModelTopics.logGone(spec.model(), spec.inputTopic()));
        Lineage lineage = lineage(spec, log, known);
        String applicationId = topics.applicationId(lineage.model(), lineage.epoch());
        ModelTopics modelTopics =
                new ModelTopics(kafkaTopics, spec, lineage.epoch(), log, topics, publishing.deadLetterRetention());

        Duration patience = StreamsClients.sessionTimeout(kafka).multipliedBy(3);
        GroupOffsets group = new GroupOffsets(admin, applicationId, patience);
        Ready ready = new Ready(lineage, applicationId, log.retention(), modelTopics, new ReadCommitted(kafka.client()),
                group);
        firstState.accept(ready);
        group.ensure(lineage, log, ready.changelog());
        return ready;
    }

    /// Returns the lineage of the registered model, if spec and log are the registered ones.
    private static Lineage lineage(ModelSpec spec, KafkaTopics.Log log, ModelRecord known) {
        String fingerprint = HexFormat.of().formatHex(spec.fingerprint());
        if (!known.getSpecFingerprint().equals(fingerprint)) {
            throw new StopException(ExitCode.CONFIGURATION, "model " + spec.model()
                    + ": changed spec under the same epoch: expected fingerprint " + known.getSpecFingerprint()
                    + " of epoch " + known.getEpoch() + ", found " + fingerprint
                    + "; weights learned by one spec mean nothing to another. To learn the log again by the changed"
                    + " spec: tidegrad models delete " + spec.model()
                    + ", then tidegrad models create --spec FILE (a new epoch), or give it a new model name and"
                    + " keep both. To go on as before: start with --model " + spec.model() + " in place of the file");
        }
        ModelTopics.requireSameLog(spec.model(), spec.inputTopic(), known.getInputTopicId(), log.topicId());
        Lineage lineage = new Lineage(spec, known.getEpoch(), log.partition(), Uuid.fromString(known.getInputTopicId()),
                known.getStartOffset(), ModelCatalog.rollbacks(known));
        requireNumerics(lineage);
        return lineage;
    }

    /// Only a build of the newest upgrade's numerics goes on with its epoch, also before there is a state that says so.
    private static void requireNumerics(Lineage lineage) {
        ControlAction.Rollback upgrade = lineage.upgrade();
        if (upgrade != null && upgrade.numerics() != Numerics.VERSION) {
            throw new StopException(ExitCode.CONFIGURATION, "model " + lineage.model() + ", epoch " + lineage.epoch()
                    + ": expected a build of numerics " + upgrade.numerics() + ", which took the model over in epoch "
                    + upgrade.epoch() + " at offset " + upgrade.base().nextOffset() + ", found this build's "
                    + Numerics.VERSION
                    + ", which gives other bits; start a build of those numerics (tidegrad --version), or take the"
                    + " model back by this one: tidegrad models upgrade " + lineage.model());
        }
    }

    private ModelTrainer(Ready ready, Surroundings surroundings, Owner owner) {
        this.owner = owner;
        lineage = ready.lineage();
        memory = LearningMemory.of(lineage.spec());
        String applicationId = ready.applicationId();
        int deadLetterBytesMax = ready.topics().deadLetterBytesMax();
        if (ready.topics().snapshotsCreated()) {
            republish.give();
        }
        ReadCommitted readCommitted = ready.readCommitted();
        TrainerConfig config = surroundings.config();
        Topics topics = surroundings.topics();
        StoreParts storeParts = surroundings.storeParts();
        guard = storeParts.guard(lineage.log());
        watch = surroundings.watch();
        watched = ready.topics().watched(this::giveUp, this::publishAgain, guard::logKeeps);
        guard.beforeLearning(this::requireNotOvertaken);
        Plan plan = Plan.of(lineage.spec().network());
        store = storeSettings(config, plan, surroundings.models(), ready.retention());
        Patience patience = new Patience(store.transactionTimeout().dividedBy(2));
        fatalEvents = fatalEvents(config.stateDir(), applicationId);
        decoder = RecordDecoder.of(config.registry().client(), fatalEvents.around(patience));
        ValueDecoder values = storeParts.decoder(ValueDecoder.of(lineage.spec(), decoder));
        ahead = ahead(storeParts);
        GuardedClients clients =
                new GuardedClients(guard, lineage.log(), Burst.eventsMax(plan.bytesOfEveryStep()), stop, pace, ahead);
        AvroProgress progress = AvroProgress.register(lineage, topics.progress(), surroundings.registry());
        Publisher.Settings publishing = new Publisher.Settings(lineage.spec().publish().every(),
                new SnapshotSeries.Settings(config.snapshotDeltas(), config.keep().ladder(lineage.spec()),
                        config.snapshotForm(), SNAPSHOT_COMMIT_BYTES),
                progress::write, offset -> clients.unlearned(offset) == 0, stop::isGiven, republish,
                lineage.spec().publish().gate(), version -> served(version, surroundings));
        TrainerTopology.Parts parts = new TrainerTopology.Parts(lineage, topics,
                new ModelStoreBuilder(() -> storeParts.store(lineage, surroundings.kernels(), store, stop::isGiven,
                        readCommitted, guard, TrainerClock.SYSTEM), ModelTopics.CHANGELOG),
                model -> new EventFold(lineage.spec(), model, values),
                published -> new Publisher(lineage, publishing, published, TrainerClock.SYSTEM), deadLetterBytesMax,
                patience, fatalEvents, stop, pace, clients::unlearned, ahead, lineage.spec().workers(config.workers()),
                surroundings.warmUps().of(lineage.spec()));
        Properties settings = new Properties();
        settings.putAll(StreamsSettings.of(applicationId, config.stateDir(), surroundings.instanceId(), config.kafka(),
                store.commitMax(), store.mayRedo(), config.standbyReplicas(),
                Math.max(ModelTopics.PART_REQUEST_BYTES, deadLetterBytesMax)));
        try {
            streams = StreamsClients.streams(TrainerTopology.of(parts), settings, clients);
        } catch (RuntimeException e) {
            decoder.close();
            throw e;
        }
        streams.setUncaughtExceptionHandler(thrown -> {
            if (stop.isGiven() && guard.committed() == null) {
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT; // it was stopped before it began
            }
            if (overtaken) {
                giveWay();
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            }
            giveUp(StopException.from(thrown, this::letInBefore));
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR && !stop.isGiven()) {
                giveUp(new StopException(ExitCode.RETRYABLE, "model " + lineage.model() + ": Kafka Streams gave up"));
            }
        });
        heartbeats = new Heartbeats(lineage, topics.snapshots(lineage.model()), guard, this::hasTask, stop::lookAgain,
                config.kafka().client());
    }

    /// Reads the version that the trainer before has published, for the gate.
    private @Nullable Parameters served(long version, Surroundings surroundings) {
        try {
            return ServedVersion.read(surroundings.config().kafka(), surroundings.topics(), lineage.model(),
                    lineage.epoch(), version, surroundings.kernels());
        } catch (RuntimeException e) {
            LOG.warn("model {}: version {}, which is served, can't be read; the next version is compared with none",
                    lineage.model(), version, e);
            return null;
        }
    }

    /// A command that pauses the model waits until its group has no member, and may begin another epoch then. This trainer
    /// may have read the catalog before that and joined the group afterwards; in the old epoch it must learn nothing more.
    private void requireNotOvertaken() {
        boolean now;
        try {
            now = owner.isOvertaken();
        } catch (KafkaException e) {
            throw StopException.from(e); // as Kafka's own, Streams would try to repair the task
        }
        if (now) {
            overtaken = true;
            throw new StopException(ExitCode.RETRYABLE, "model " + lineage.model() + ": expected epoch "
                    + lineage.epoch() + ", learning, in the catalog, found that something else was decided meanwhile");
        }
    }

    private void giveWay() {
        if (gaveUp.compareAndSet(false, true)) {
            owner.overtaken();
        }
    }

    /// Passes on the first reason why this trainer can't go on.
    private void giveUp(StopException why) {
        if (gaveUp.compareAndSet(false, true)) {
            owner.failed(why);
        }
    }

    private void publishAgain() {
        republish.give();
        stop.lookAgain();
    }

    /// Kafka has accepted these credentials before this trainer started, and shows with the first commit what they allow.
    private boolean letInBefore(KafkaFault fault) {
        return fault == KafkaFault.AUTHENTICATION || guard.hasCommitted();
    }

    /// Null where there is no core for another thread, rows are large, or events are decoded by somebody else's class.
    private @Nullable EventsAhead ahead(StoreParts storeParts) {
        RecordDecoder ofItsOwn = decoder.ahead();
        ModelSpec spec = lineage.spec();
        int rows = LearningMemory.rowsAhead(OnlineModel.rowBytes(spec));
        if (ofItsOwn == null || Runtime.getRuntime().availableProcessors() == 1 || rows == 0) {
            return null;
        }
        return new EventsAhead(lineage.model(),
                new EventPreparation(spec, storeParts.decoder(ValueDecoder.of(spec, ofItsOwn))), rows,
                fatalEvents.ahead());
    }

    private FatalEvents fatalEvents(Path stateDir, String applicationId) {
        try {
            return FatalEvents.in(stateDir.resolve("events-in-progress").resolve(applicationId), lineage.model(),
                    lineage.logTopicId());
        } catch (IOException e) {
            throw InstanceId.unusable(stateDir, e);
        }
    }

    private static StoreSettings storeSettings(TrainerConfig config, Plan plan, IntSupplier models,
            Retention retention) {
        long modelBytes = plan.parameterBytes();
        Duration max = StreamsSettings.commitIntervalMax(config.kafka(), models.getAsInt());
        return new StoreSettings(config.store(), modelBytes, config.storeBytesPerSecond(), config.redoGoal(),
                StreamsClients.transactionTimeout(config.kafka(), max),
                () -> StreamsSettings.commitIntervalMin(config.kafka(), models.getAsInt()), config.freshness(), max,
                retention);
    }

    void start() {
        LOG.info("model {}, epoch {}: learning from {}, committing every {} ms, at most {}; heap needed: {}",
                lineage.model(), lineage.epoch(), lineage.log(), store.commitMin().toMillis(),
                store.commitMax().toMillis(), memory.text());
        watch.add(watched);
        streams.start();
    }

    /// Returns how much of the heap the model takes.
    public LearningMemory memory() {
        return memory;
    }

    public Lineage lineage() {
        return lineage;
    }

    /// Returns the last commit, or null until the stored state has been restored and found consistent.
    public @Nullable CommittedState committed() {
        return guard.committed();
    }

    /// See `Heartbeats.lag`.
    public long lag() {
        return heartbeats.lag();
    }

    /// Returns for how long the model has had something to learn without a commit. This is zero while it has nothing to
    /// learn, stands by or restores.
    Duration standstill() {
        if (guard.committed() == null || state() != KafkaStreams.State.RUNNING || !hasTask()) {
            return Duration.ZERO;
        }
        long now = TrainerClock.SYSTEM.nanos();
        long since = Math.min(now - guard.progressNanos(), now - heartbeats.drainedNanos());
        return Duration.ofNanos(Math.max(0, since));
    }

    /// Returns the longest time between two commits of a healthy trainer: the commit interval, the longest wait of an event
    /// for its schema (`Patience`), and the timeout of a transaction. With the defaults this is 15 to 18 s.
    Duration standstillMax() {
        return store.commitMax().plus(store.transactionTimeout()).plus(store.transactionTimeout().dividedBy(2));
    }

    /// Returns why the trainer does not learn although there is something to learn, or null if it learns or has nothing to
    /// learn.
    @Nullable
    String stalled() {
        Duration standstill = standstill();
        if (standstill.compareTo(standstillMax()) <= 0) {
            return null;
        }
        return (lag() < 0 ? "Kafka does not answer, and nothing was committed for "
                : lag() + " offsets are not learned, and nothing was committed for ") + standstill.toSeconds()
                + " s, expected a commit at least every " + standstillMax().toSeconds() + " s";
    }

    /// Returns how many events of this model trainers with this state directory have set aside, because each had ended two
    /// trainers in a row.
    public long eventsSetAside() {
        CommittedState committed = guard.committed();
        return committed == null ? 0 : fatalEvents.setAside(committed.nextOffset());
    }

    /// Returns how many of these were set aside since this trainer began.
    long eventsSetAsideNow() {
        CommittedState committed = guard.committed();
        return committed == null ? 0 : fatalEvents.setAsideNow(committed.nextOffset());
    }

    /// See `Heartbeats.deadLetterShare`.
    public double deadLetterShare() {
        return heartbeats.deadLetterShare();
    }

    public KafkaStreams.State state() {
        return streams.state();
    }

    /// Returns whether this instance learns the model, and does not stand by for another one.
    boolean hasTask() {
        try {
            return streams.metadataForLocalThreads().stream().anyMatch(thread -> !thread.activeTasks().isEmpty());
        } catch (IllegalStateException e) {
            return false; // the trainer has just stopped
        }
    }

    /// Returns whether the model is restored and learned by this instance.
    boolean learns() {
        return state() == KafkaStreams.State.RUNNING && committed() != null && hasTask();
    }

    /// Returns whether another instance learns the model and this one would take over.
    boolean standsBy() {
        return state() == KafkaStreams.State.RUNNING && !hasTask();
    }

    /// See `CommitGuard.restoring`.
    RestoreProgress restoring() {
        return guard.restoring();
    }

    /// See `CommitGuard.flushTime`.
    Duration flushTime() {
        return guard.flushTime();
    }

    /// Learns what has been read, publishes the newest version, leaves a whole image, commits, and stops. The member stays
    /// in its group, so that the restarted process takes its partition at once.
    @Override
    public void close() {
        stop(!gaveUp.get(), CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP);
    }

    /// Stops and leaves the group, so that another instance need not wait for the end of a session.
    ///
    /// @param settle whether what has been read is learned and published first, as `close` does
    void leave(boolean settle) {
        stop(settle, CloseOptions.GroupMembershipOperation.LEAVE_GROUP);
    }

    private void stop(boolean settle, CloseOptions.GroupMembershipOperation membership) {
        watch.remove(watched);
        stop.give();
        CommittedState committed = guard.committed();
        if (settle && committed != null && !isSettled(committed) && state() == KafkaStreams.State.RUNNING) {
            settle();
        }
        heartbeats.close();
        streams.close(
                CloseOptions.timeout(gaveUp.get() ? GIVE_UP_MAX : STOP_MAX).withGroupMembershipOperation(membership));
        if (ahead != null) {
            ahead.close();
        }
        decoder.close();
    }

    private static boolean isSettled(CommittedState committed) {
        return committed.settled() && committed.isWhole();
    }

    /// Waits until everything is published. It gives up once nothing was committed for as long as a slow machine needs to
    /// hash and check a whole model, which is four seconds and one more for each 10 MB.
    private void settle() {
        long patience = SETTLE.toNanos() + 100 * store.modelBytes();
        long deadline = System.nanoTime() + patience;
        int written = StoreStatus.NO_IMAGE;
        while (System.nanoTime() < deadline && state() == KafkaStreams.State.RUNNING) {
            CommittedState committed = guard.committed();
            if (committed != null && isSettled(committed)) {
                return;
            }
            if (committed != null && committed.store().imagePages() != written) {
                written = committed.store().imagePages();
                deadline = System.nanoTime() + patience;
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
