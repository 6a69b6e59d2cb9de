package io.tidegrad.schemas.settings;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.jspecify.annotations.Nullable;

/// Where Kafka is, and how to be let in.
///
/// @param values of `kafka.*`, without that prefix; checked when [Settings] read them
public record KafkaSettings(String bootstrapServers, Map<String, String> values) {
    public KafkaSettings {
        values = Map.copyOf(values);
    }

    public static KafkaSettings of(String bootstrapServers) {
        return new KafkaSettings(bootstrapServers, Map.of());
    }

    public @Nullable String get(String key) {
        return values.get(key);
    }

    /// For any client: connection and security, what every kind of client knows.
    public Map<String, Object> client() {
        return known(AdminClientConfig.configNames());
    }

    /// For a consumer.
    public Map<String, Object> consumer() {
        return known(ConsumerConfig.configNames());
    }

    /// For a producer.
    public Map<String, Object> producer() {
        return known(ProducerConfig.configNames());
    }

    private Map<String, Object> known(Set<String> names) {
        Map<String, Object> settings = new HashMap<>(values);
        settings.keySet().retainAll(names);
        settings.put(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers);
        return settings;
    }

    /// Without values: passwords are among them.
    @Override
    public String toString() {
        return bootstrapServers + " " + new TreeMap<>(values).keySet();
    }
}
