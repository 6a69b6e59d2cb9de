package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import java.time.Instant;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;

/// A model of the catalog that can be learned again, because its log is the one that it was registered with.
///
/// @param createdAt when the epoch began, by the wall clock: older records on a shared topic are of an earlier model
public record RegisteredModel(Lineage lineage, Instant createdAt) {
    /// @throws ControlException if no broker answers, the model is not registered, or its log was created again
    public static RegisteredModel find(KafkaSettings kafka, Topics topics, String model) {
        BootstrapServers.requireOne(kafka.bootstrapServers());
        ControlLog.View view = new ControlLog(kafka, topics).read();
        ModelRecord record = view.require(model, topics.models());
        ModelSpec spec = SpecFile.registered(record);
        Uuid registered = Uuid.fromString(record.getInputTopicId());
        Uuid found;
        try (Admin admin = Admin.create(kafka.client())) {
            found = new KafkaTopics(admin, (short) -1).id(record.getInputTopic());
        }
        if (!found.equals(registered)) {
            throw new ControlException(Reason.STATE_VIOLATION,
                    "model " + model + ": expected topic " + record.getInputTopic() + " with id " + registered
                            + ", found id " + found + ", so what the model learned can't be learned again: "
                            + otherLog(model));
        }
        return new RegisteredModel(new Lineage(spec, record.getEpoch(), new TopicPartition(record.getInputTopic(), 0),
                registered, record.getStartOffset(), ModelCatalog.rollbacks(record)), record.getCreatedAt());
    }

    /// Returns why a model can't go on with a topic that was created again, and what its operator can do.
    public static String otherLog(String model) {
        return "it was deleted and created again, or copied from another cluster, so its offsets mean other events. If it is a copy of the log that was learned, go on with it (tidegrad models adopt "
                + model + "); else begin a new epoch with what is there (tidegrad models delete " + model
                + ", then tidegrad models create --spec FILE), or learn from it under a new model name";
    }
}
