package io.tidegrad.trainer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.Registration;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.store.Accounts;
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
import org.apache.kafka.streams.processor.api.Record;

/// Keeps the result of a replay as a new model, with which a trainer goes on exactly where the replay stopped.
///
/// 1. `open` registers the model as paused, with its start offset, and sets the offset of its group to that. If the
/// replay ends here, a trainer can learn the model from the start to the same bits, or the same replay can be run
/// again.
/// 2. `commit` writes dead letters, pages, carry, manifest and the group's offset in one transaction, as a trainer
/// would have committed them at that offset. Then it resumes the model, and a trainer of all models takes it up.
public final class Handover implements AutoCloseable {
    private final KafkaSettings kafka;
    private final Topics topics;
    private final ControlLog control;
    private final Admin admin;
    private final ModelTrainer.Ready ready;

    private Handover(KafkaSettings kafka, Topics topics, ControlLog control, Admin admin, ModelTrainer.Ready ready) {
        this.kafka = kafka;
        this.topics = topics;
        this.control = control;
        this.admin = admin;
        this.ready = ready;
    }

    /// @param spec the spec, with the name of the new model
    /// @param startOffset offset of the first event that it learns
    /// @param replication replication factor of topics that are created; -1 for the brokers' default
    /// @param deadLetterRetention retention of the dead-letter topic if it is created, in ms; -1 for ever
    /// @throws StopException if there is another model of this name, or one that has begun to learn
    public static Handover open(KafkaSettings kafka, Topics topics, short replication, long deadLetterRetention,
            ModelSpec spec, long startOffset) {
        Admin admin = Admin.create(kafka.client());
        ControlLog control = new ControlLog(kafka, topics);
        try {
            ModelRecord known = register(control, topics, admin, replication, spec, startOffset);
            ModelTrainer.Ready ready =
                    ModelTrainer.ready(spec, known, kafka, topics, replication, deadLetterRetention, admin, begun -> {
                    });
            requireUntouched(admin, ready);
            return new Handover(kafka, topics, control, admin, ready);
        } catch (RuntimeException e) {
            admin.close();
            throw e;
        }
    }

    private static ModelRecord register(ControlLog control, Topics topics, Admin admin, short replication,
            ModelSpec spec, long startOffset) {
        KafkaTopics kafkaTopics = new KafkaTopics(admin, replication);
        KafkaTopics.Log log = kafkaTopics.log(spec);
        ControlLog.createOrCheck(kafkaTopics, topics);
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

    /// Commits the state, and lets trainers take the model up.
    ///
    /// @param nextOffset the offset before which `model` has learned everything
    /// @param accounts what became of the records from the start offset to there
    /// @param letters passes each dead letter to its argument
    public void commit(OnlineModel model, long nextOffset, Accounts accounts, long newestAppendTime,
            Consumer<Consumer<Record<byte[], byte[]>>> letters) {
        FirstState state = new FirstState(model, nextOffset, accounts, newestAppendTime, List.of());
        state.commit(kafka, ready, () -> {
            requireUntouched(admin, ready);
            return true;
        }, to -> letters.accept(letter -> to.accept(new ProducerRecord<>(topics.deadLetters(), null, letter.timestamp(),
                letter.key(), letter.value(), letter.headers()))));
        resume();
    }

    private void resume() {
        String model = lineage().model();
        control.write(view -> {
            ModelRecord known = view.models().get(model);
            return known == null || known.getStage() != Stage.PAUSED ? null
                    : Decisions.resumption(known, new ControlRecord(model, new ControlAction.Resume(),
                            System.currentTimeMillis(), "", "kept from a replay"));
        });
    }

    @Override
    public void close() {
        admin.close();
    }
}
