package io.tidegrad.localstack;

import java.util.Map;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.TopicExistsException;

/// Creates the events topic of a stream, the log of record.
public final class EventsTopic {
    // The broker timestamps each record when it appends it, which is what freshness is measured from. A log of record
    // is never deleted.
    private static final Map<String, String> SETTINGS =
            Map.of(TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG, "LogAppendTime", TopicConfig.RETENTION_MS_CONFIG, "-1");

    private EventsTopic() {}

    /// @throws LocalStackException the topic exists already, or Kafka does not answer
    public static void create(String bootstrapServers, String topic) {
        TopicCreation.onePartition(bootstrapServers, topic, SETTINGS);
    }

    /// Returns whether it was created; false if the topic exists already.
    ///
    /// @throws LocalStackException Kafka does not answer
    public static boolean createUnlessThere(String bootstrapServers, String topic) {
        try {
            create(bootstrapServers, topic);
            return true;
        } catch (LocalStackException e) {
            Throwable reason = e.getCause() == null ? null : e.getCause().getCause();
            if (reason instanceof TopicExistsException) {
                return false;
            }
            throw e;
        }
    }
}
