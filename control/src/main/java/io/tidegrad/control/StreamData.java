package io.tidegrad.control;

import io.tidegrad.schemas.Topics;
import java.util.List;
import org.apache.kafka.clients.admin.Admin;

/// Deletes what an epoch of a stream leaves on Kafka.
public final class StreamData {
    private final Topics topics;
    private final Admin admin;

    public StreamData(Topics topics, Admin admin) {
        this.topics = topics;
        this.admin = admin;
    }

    /// Deletes examples, group, repartition topics and changelogs of an epoch that no joiner joins any more. Events, labels
    /// and dead letters stay.
    ///
    /// @return the topics that were deleted
    /// @throws ControlException if a joiner joins it
    public List<String> delete(String stream, int epoch) {
        String application = topics.joinerApplicationId(stream, epoch);
        ModelData.deleteGroup(admin, application, "a joiner still joins it");
        return ModelData.deleteTopics(admin, List.of(Topics.joinerChangelog(application),
                Topics.joinerRepartition(application), topics.examples(stream, epoch)));
    }
}
