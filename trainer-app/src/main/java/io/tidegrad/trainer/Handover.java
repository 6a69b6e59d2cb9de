package io.tidegrad.trainer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.LogPosition;
import io.tidegrad.control.Registration;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.KafkaClients;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.StoreParts;
import io.tidegrad.trainer.topology.DeadLetters;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.streams.processor.api.Record;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Keeps the result of a replay as a new model, with which a trainer goes on exactly where the replay stopped.
///
/// 1. `open` registers the model as paused, with its start offset, and sets the offset of its group to that. If the
/// replay ends here, a trainer can learn the model from the start to the same bits, or the same replay can be run
/// again.
/// 2. `commit` writes dead letters, pages, carry, manifest, a snapshot and the group's offset in one transaction, as a
/// trainer would have committed them at that offset.
/// 3. `rollBack` lets the model leave out a part of the log, if that is wanted.
/// 4. `resume` lets a trainer of all models take the model up. Without it the model stays paused, and can answer.
public final class Handover implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Handover.class);
    private static final Decisions.By REPLAY = new Decisions.By("", "kept from a replay");

    private final Publishing publishing;
    private final ControlLog control;
    private final Admin admin;
    private final ModelTrainer.Ready ready;

    private Handover(Publishing publishing, ControlLog control, Admin admin, ModelTrainer.Ready ready) {
        this.publishing = publishing;
        this.control = control;
        this.admin = admin;
        this.ready = ready;
    }

    /// @param spec the spec, with the name of the new model
    /// @param startOffset offset of the first event that it learns
    /// @throws StopException if there is another model of this name, or one that has begun to learn
    public static Handover open(Publishing publishing, ModelSpec spec, long startOffset) {
        Admin admin = Admin.create(publishing.kafka().client());
        ControlLog control = new ControlLog(publishing.kafka(), publishing.topics());
        try {
            ModelRecord known = register(control, publishing, admin, spec, startOffset);
            ModelTrainer.Ready ready = ModelTrainer.ready(spec, known, publishing, admin, begun -> {
            });
            requireUntouched(admin, ready);
            return new Handover(publishing, control, admin, ready);
        } catch (RuntimeException e) {
            admin.close();
            throw e;
        }
    }

    private static ModelRecord register(ControlLog control, Publishing publishing, Admin admin, ModelSpec spec,
            long startOffset) {
        KafkaTopics kafkaTopics = new KafkaTopics(admin, publishing.replication());
        KafkaTopics.Log log = kafkaTopics.log(spec);
        ControlLog.createOrCheck(kafkaTopics, publishing.topics());
        String fingerprint = HexFormat.of().formatHex(spec.fingerprint());
        ModelRecord known =
                Registration.ensure(new Registration.Wanted(spec, log, startOffset, Registration.Origin.REPLAY),
                        control, "", "a replay learns it").model(spec.model());
        if (!known.getSpecFingerprint().equals(fingerprint) || known.getStartOffset() != startOffset) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "model " + spec.model() + ": expected a name that no model has, found one that began at offset "
                            + known.getStartOffset()
                            + (known.getSpecFingerprint().equals(fingerprint) ? "" : " with another spec")
                            + "; choose another name");
        }
        return known;
    }

    private static void requireUntouched(Admin admin, ModelTrainer.Ready ready) {
        Lineage lineage = ready.lineage();
        String group = ready.applicationId();
        OffsetAndMetadata offset = KafkaTopics.committed(admin, group, List.of(lineage.log())).get(lineage.log());
        Long watermark = ready.changelog().watermark();
        ConsumerGroupDescription description =
                Objects.requireNonNull(KafkaTopics.get(admin.describeConsumerGroups(List.of(group)).all()).get(group));
        boolean alone = description.groupState() == GroupState.EMPTY || description.groupState() == GroupState.DEAD;
        if (!alone || watermark != null || offset == null || offset.offset() != lineage.startOffset()) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "model " + lineage.model() + ": expected one that no trainer has begun to learn, found "
                            + (alone ? "one that was learned" : "a trainer that learns it")
                            + (watermark == null ? "" : " up to offset " + watermark) + "; choose another name");
        }
    }

    public Lineage lineage() {
        return ready.lineage();
    }

    /// Returns a maker of dead letters for this model.
    public DeadLetters deadLetters() {
        return new DeadLetters(ready.lineage(), ready.topics().deadLetterBytesMax());
    }

    /// Commits the state, and publishes it if the model has made an update.
    ///
    /// @param nextOffset the offset before which `model` has learned everything
    /// @param accounts what became of the records from the start offset to there
    /// @param letters passes each dead letter to its argument
    public void commit(OnlineModel model, long nextOffset, Accounts accounts, long newestAppendTime,
            Consumer<Consumer<Record<byte[], byte[]>>> letters) {
        PublishedSnapshot snapshot = null;
        if (model.parameters().updates() > 0) {
            var moment = new PublishedSnapshot.Moment(model.weightsHash(), lineage().epoch(), nextOffset,
                    newestAppendTime, false, System.currentTimeMillis());
            snapshot = PublishedSnapshot.full(model, moment, publishing.form());
        }
        FirstState state = new FirstState(model, nextOffset, accounts, newestAppendTime, snapshot);
        state.commit(publishing.kafka(), publishing.topics(), ready, () -> {
            requireUntouched(admin, ready);
            return true;
        }, to -> letters.accept(letter -> to.accept(new ProducerRecord<>(publishing.topics().deadLetters(), null,
                letter.timestamp(), letter.key(), letter.value(), letter.headers()))));
    }

    /// Lets the kept model go on elsewhere in the log: it begins a second epoch with what it has learned.
    ///
    /// @param past what `commit` has written
    public Decisions.RolledBack rollBack(TimeTravel.PastModel past, LogPosition resumeAt) {
        Decisions decisions =
                new Decisions(publishing.kafka(), publishing.topics(), admin, publishing.replication(), REPLAY);
        Decisions.RolledBack back = decisions.rollback(past.lineage().model(), past.lineage().epoch(), base(past),
                new Decisions.ResumeAt.At(resumeAt));
        begin(publishing, back, past, admin);
        return back;
    }

    /// Returns a model that was learned again, or read, as the base of a rollback or an upgrade.
    public static ControlAction.Base base(TimeTravel.PastModel past) {
        OnlineModel model = past.model();
        return new ControlAction.Base(past.lineage().epoch(), model.parameters().updates(), past.weightsHash(),
                past.nextOffset());
    }

    /// Writes and publishes the first state of the epoch that a rollback or an upgrade began, so that scorers have its
    /// base, of which no version need be published, and no trainer has to make it again.
    ///
    /// @param past the base
    /// @throws StopException if it could not be written. The decision stands: a trainer learns the base again
    public static void begin(Publishing publishing, Decisions.RolledBack back, TimeTravel.PastModel past, Admin admin) {
        ModelRecord known = Objects.requireNonNull(back.decided().after(), "the model that was rolled back");
        String reason = back.decided().record().reason();
        try {
            ModelTrainer.ready(past.lineage().spec(), known, publishing, admin,
                    ready -> EpochBase.begin(ready, past, publishing, reason, StoreParts.STANDARD));
        } catch (KafkaException | ControlException | StopException | OutOfMemoryError e) {
            if (KafkaClients.isTakenOver(e)) {
                LOG.info("model {}, epoch {}: a trainer has made the base too, and writes it", known.getModel(),
                        known.getEpoch());
                return;
            }
            StopException why = StopException.from(e);
            throw new StopException(why.exitCode(),
                    "model " + known.getModel() + ": epoch " + known.getEpoch()
                            + " is decided, but its base may not be published: " + why.getMessage()
                            + "; a trainer of the model makes the base again and publishes it: start one if none runs;"
                            + " a paused model's does so after tidegrad models resume " + known.getModel(),
                    e);
        }
    }

    /// Ends the pause in which the model was registered.
    public void resume() {
        String model = lineage().model();
        control.write(view -> {
            ModelRecord known = view.models().get(model);
            return known == null || known.getStage() != Stage.PAUSED ? null
                    : Decisions.resumption(known, new ControlRecord(model, new ControlAction.Resume(),
                            System.currentTimeMillis(), REPLAY.author(), REPLAY.reason()));
        });
    }

    @Override
    public void close() {
        admin.close();
    }
}
