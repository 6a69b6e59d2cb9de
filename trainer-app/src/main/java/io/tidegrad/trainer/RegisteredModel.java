package io.tidegrad.trainer;

import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.store.Changelog;
import io.tidegrad.trainer.store.Lineage;
import io.tidegrad.trainer.store.ReadCommitted;
import io.tidegrad.trainer.store.Refusals;
import java.time.Instant;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;

/// A model of the catalog whose log is the one that it was registered with: what can be learned again. Nothing is
/// written.
///
/// @param createdAt wall clock: what is older on a shared topic is of a model that had this name before
public record RegisteredModel(Lineage lineage, Instant createdAt) {
    /// @throws TrainerException no broker is there, the model is not registered, or its log was created again
    public static RegisteredModel find(KafkaSettings kafka, Topics topics, String model) {
        BootstrapServers.requireOne(kafka.bootstrapServers());
        ControlLog.View view = new ControlLog(kafka, topics).read();
        ModelRecord record = view.models().get(model);
        if (record == null) {
            ControlLog.Lost lost = view.lost().get(model);
            if (lost != null) {
                throw lost.refusal(topics.models(), model);
            }
            throw new TrainerException(ExitCode.CONFIGURATION,
                    "model " + model + ": expected a registered model, found none on " + topics.models()
                            + "; correct --model or --prefix, or register it: tidegrad trainer --spec FILE");
        }
        ModelSpec spec = SpecFile.registered(record.getSpec(), "the registered spec of " + model);
        Uuid registered = Uuid.fromString(record.getInputTopicId());
        Uuid found;
        try (Admin admin = Admin.create(kafka.client())) {
            found = new KafkaTopics(admin, (short) -1).id(record.getInputTopic());
        }
        if (!found.equals(registered)) {
            throw new TrainerException(ExitCode.STATE_VIOLATION,
                    "model " + model + ": expected topic " + record.getInputTopic() + " with id " + registered
                            + ", found id " + found + ", so what the model learned can't be learned again: "
                            + Refusals.otherLog(model));
        }
        return new RegisteredModel(new Lineage(spec, record.getEpoch(), new TopicPartition(record.getInputTopic(), 0),
                registered, record.getStartOffset(), ModelCatalog.rollbacks(record)), record.getCreatedAt());
    }

    /// Of a lineage's live model.
    public static Changelog changelog(KafkaSettings kafka, Topics topics, Lineage lineage) {
        String application = topics.applicationId(lineage.model(), lineage.epoch());
        return new Changelog(new TopicPartition(Changelog.topic(application), 0), new ReadCommitted(kafka.client()));
    }
}
