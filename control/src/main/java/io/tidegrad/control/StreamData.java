package io.tidegrad.control;

import io.tidegrad.schemas.Topics;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
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
        // The names of other applications that begin with this one's go on with an epoch, which is a number.
        Pattern own = Pattern.compile(Pattern.quote(application) + "-[a-z-]+-(repartition|changelog)");
        String examples = topics.examples(stream, epoch);
        List<String> doomed = new ArrayList<>(KafkaTopics.get(admin.listTopics().names()).stream()
                .filter(topic -> topic.equals(examples) || own.matcher(topic).matches()).sorted().toList());
        ModelData.deleteTopics(admin, doomed);
        return doomed;
    }
}
