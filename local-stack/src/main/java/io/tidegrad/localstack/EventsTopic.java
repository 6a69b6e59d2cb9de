package io.tidegrad.localstack;

import java.util.Map;
import org.apache.kafka.common.config.TopicConfig;

/// The topic that a stream goes to: the log of record.
public final class EventsTopic {
    // The broker's clock stamps each record when it appends it: what freshness is measured from.
    // And a log of record is never deleted.
    private static final Map<String, String> SETTINGS =
            Map.of(TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, "LogAppendTime", TopicConfig.RETENTION_MS_CONFIG, "-1");

    private EventsTopic() {}

    /// @throws LocalStackException it exists already, or Kafka does not answer
    public static void create(String bootstrapServers, String topic) throws InterruptedException {
        OnePartition.create(bootstrapServers, topic, SETTINGS);
    }
}
