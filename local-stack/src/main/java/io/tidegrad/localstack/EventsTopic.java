package io.tidegrad.localstack;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.TopicConfig;

/// The topic that a stream goes to: the log of record.
public final class EventsTopic {
    // The order of one partition is the order of learning. The broker's clock stamps each record
    // when it appends it: what
    // freshness is measured from. And a log of record is never deleted.
    private static final int PARTITIONS = 1;
    private static final Map<String, String> SETTINGS =
            Map.of(
                    TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG,
                    "LogAppendTime",
                    TopicConfig.RETENTION_MS_CONFIG,
                    "-1");

    private EventsTopic() {}

    /// @throws LocalStackException it exists already, or Kafka does not answer
    public static void create(String bootstrapServers, String topic) throws InterruptedException {
        try (Admin admin =
                Admin.create(
                        Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers))) {
            admin.createTopics(
                            List.of(
                                    new NewTopic(topic, Optional.of(PARTITIONS), Optional.empty())
                                            .configs(SETTINGS)))
                    .all()
                    .get();
        } catch (ExecutionException e) {
            throw new LocalStackException(
                    "can't create the topic " + topic + ": " + e.getCause(), e);
        }
    }
}
