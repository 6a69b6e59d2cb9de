package io.tidegrad.localstack;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;

/// Creates topics with one partition, which have a total order of records.
public final class OnePartition {
    private OnePartition() {}

    /// @param settings settings of the topic; the broker's defaults apply to others
    /// @throws LocalStackException the topic exists already, or Kafka does not answer
    public static void create(String bootstrapServers, String topic, Map<String, String> settings)
            throws InterruptedException {
        try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers))) {
            admin.createTopics(List.of(new NewTopic(topic, Optional.of(1), Optional.empty()).configs(settings))).all()
                    .get();
        } catch (ExecutionException e) {
            throw new LocalStackException("can't create the topic " + topic + ": " + e.getCause(), e);
        }
    }
}
