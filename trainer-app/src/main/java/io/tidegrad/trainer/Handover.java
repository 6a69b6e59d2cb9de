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
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Stage;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
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

/// Makes what a replay has learned a model of its own that a trainer goes on with, exactly where the replay stopped.
///
/// 1. `open` registers the new lineage, with its start offset, paused, and puts its group there. A trainer could learn
///    it from there, from the start, to the same bits: what follows only saves that time, and a replay that dies leaves
///    nothing behind that is wrong. Run again, it goes on; `tidegrad models resume` leaves it to a trainer.
/// 2. `commit` writes dead letters, pages, carry, manifest and the group's offset in one transaction: the state that a
///    trainer would have committed at that offset. Then it resumes the model: trainers of all models take it up.
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

    /// @param spec under the new model's name
    /// @param startOffset of the first event that it learns
    /// @param replication of topics that are created, -1 for the broker's default
    /// @param deadLetterRetention of the dead-letter topic if it is created, ms; -1 for ever
    /// @throws TrainerException a model of this name is there, and it is another one or has begun to learn
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
        KafkaTopics.Log log = kafkaTopics.log(spec.inputTopic());
        ControlLog.createOrCheck(kafkaTopics, topics);
        String fingerprint = HexFormat.of().formatHex(spec.fingerprint());
        ModelRecord known =
                Registration.ensure(new Registration.Wanted(spec, log, startOffset, Registration.Origin.REPLAY),
                        control, "", "a replay learns it").model(spec.model());
        if (!known.getSpecFingerprint().equals(fingerprint) || known.getStartOffset() != startOffset) {
            throw new TrainerException(ExitCode.CONFIGURATION,
                    "model " + spec.model() + ": expected a name that no model has, found one that began at offset "
                            + known.getStartOffset()
                            + (known.getSpecFingerprint().equals(fingerprint) ? "" : " with another spec")
                            + "; choose another name");
        }
        return known;
    }

    /// Nobody learns it, nobody has.
    private static void requireUntouched(Admin admin, ModelTrainer.Ready ready) {
        Lineage lineage = ready.lineage();
        String group = ready.applicationId();
        OffsetAndMetadata offset = KafkaTopics
                .get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata(group)).get(lineage.log());
        Long watermark = ready.changelog().watermark();
        ConsumerGroupDescription description =
                Objects.requireNonNull(KafkaTopics.get(admin.describeConsumerGroups(List.of(group)).all()).get(group));
        boolean alone = description.groupState() == GroupState.EMPTY || description.groupState() == GroupState.DEAD;
        if (!alone || watermark != null || offset == null || offset.offset() != lineage.startOffset()) {
            throw new TrainerException(ExitCode.CONFIGURATION,
                    "model " + lineage.model() + ": expected one that no trainer has begun to learn, found "
                            + (alone ? "one that was learned" : "a trainer that learns it")
                            + (watermark == null ? "" : " up to offset " + watermark) + "; choose another name");
        }
    }

    public Lineage lineage() {
        return ready.lineage();
    }

    /// Of dead letters as the trainer writes them.
    public DeadLetters deadLetters() {
        return new DeadLetters(ready.lineage(), ready.topics().deadLetterBytesMax());
    }

    /// One transaction: all of it is there afterwards, or nothing. Trainers may take the model up then.
    ///
    /// @param nextOffset up to where `model` has learned
    /// @param accounts of every visible record from the lineage's start to there
    /// @param letters hands each dead letter's record to its argument
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

    /// Unless somebody has.
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
