package io.tidegrad.ops.settings;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.ConfigKey;
import org.apache.kafka.common.config.ConfigException;
import org.jspecify.annotations.Nullable;

/// Which of Kafka's client settings a user may give: connection and security, and what tunes without deciding whether
/// weights survive.
public final class KafkaRules {
    static final String COMMIT_INTERVAL = "commit.interval.ms";

    /// Besides connection and security.
    public static final Set<String> TUNABLE = Set.of(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG,
            ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, ProducerConfig.TRANSACTION_TIMEOUT_CONFIG, COMMIT_INTERVAL,
            ConsumerConfig.MAX_POLL_RECORDS_CONFIG, ConsumerConfig.FETCH_MIN_BYTES_CONFIG,
            ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, ConsumerConfig.FETCH_MAX_BYTES_CONFIG,
            ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, CommonClientConfigs.CLIENT_RACK_CONFIG);

    /// What Tidegrad needs a setting to be.
    ///
    /// @param reason what another value would do
    public record Fixed(String value, String reason) {
    }

    public static final Map<String, Fixed> FIXED = Map.of(ConsumerConfig.ISOLATION_LEVEL_CONFIG,
            new Fixed("read_committed", "records of aborted transactions would be learned or served"),
            ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG,
            new Fixed("false", "offsets would no longer belong to the weights"),
            ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, new Fixed("none", "a gap in the log would go unnoticed"),
            ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG,
            new Fixed("false", "a misspelt topic would become a new one"), ConsumerConfig.CHECK_CRCS_CONFIG,
            new Fixed("true", "a damaged record would pass for a good one"), ProducerConfig.ACKS_CONFIG,
            new Fixed("all", "a broker's failure could lose a commit"), ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG,
            new Fixed("true", "a write sent again would count twice"), "processing.guarantee",
            new Fixed("exactly_once_v2", "an event could count twice, or never"));

    private static final Map<String, ConfigKey> KNOWN = known();

    private KafkaRules() {}

    private static Map<String, ConfigKey> known() {
        Map<String, ConfigKey> known = new HashMap<>();
        // Kafka Streams' own; this module knows the clients only.
        known.putAll(new ConfigDef()
                .define(COMMIT_INTERVAL, ConfigDef.Type.LONG, ConfigDef.NO_DEFAULT_VALUE, ConfigDef.Range.atLeast(1),
                        ConfigDef.Importance.LOW, "")
                .define("processing.guarantee", ConfigDef.Type.STRING, ConfigDef.Importance.HIGH, "").configKeys());
        known.putAll(ProducerConfig.configDef().configKeys());
        known.putAll(ConsumerConfig.configDef().configKeys());
        known.putAll(AdminClientConfig.configDef().configKeys());
        return Map.copyOf(known);
    }

    static Set<String> names() {
        return KNOWN.keySet();
    }

    /// For suggestions: nobody means a setting that would be refused.
    static Set<String> suggestions() {
        Set<String> settable = new TreeSet<>();
        KNOWN.keySet().stream().filter(KafkaRules::isSettable).forEach(settable::add);
        settable.addAll(FIXED.keySet());
        return settable;
    }

    private static boolean isSettable(String key) {
        return TUNABLE.contains(key) || AdminClientConfig.configNames().contains(key)
                && !Set.of("bootstrap.servers", "bootstrap.controllers", "retries").contains(key);
    }

    static boolean isPassword(String key) {
        ConfigKey known = KNOWN.get(key);
        return known != null && known.type == ConfigDef.Type.PASSWORD;
    }

    /// What is wrong with a setting that Kafka knows, for people; null when it may be given.
    ///
    /// @param shown the value as it may be printed
    static @Nullable String problem(String key, String value, String shown) {
        Fixed fixed = FIXED.get(key);
        if (fixed != null) {
            boolean same = value.equalsIgnoreCase(fixed.value())
                    || key.equals(ProducerConfig.ACKS_CONFIG) && value.equals("-1");
            return same ? null
                    : "expected %s, found '%s': %s; leave it out".formatted(fixed.value(), shown, fixed.reason());
        }
        if (key.equals(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG)) {
            return "give it as " + CommonSettings.BOOTSTRAP_SERVERS.key();
        }
        if (!isSettable(key)) {
            return "expected a setting of connection or security, or one of "
                    + String.join(", ", new TreeSet<>(TUNABLE))
                    + "; others decide whether weights survive, and are not for setting";
        }
        ConfigKey known = KNOWN.get(key);
        if (known == null) {
            return "unknown";
        }
        try {
            Object parsed = ConfigDef.parseType(key, value, known.type);
            if (known.validator != null) {
                known.validator.ensureValid(key, parsed);
            }
            return null;
        } catch (ConfigException e) {
            return "expected %s, found '%s'".formatted(expected(known), shown);
        }
    }

    private static String expected(ConfigKey key) {
        String type = switch (key.type) {
            case INT, LONG, SHORT -> "a whole number";
            case DOUBLE -> "a number";
            case BOOLEAN -> "true or false";
            case STRING, PASSWORD -> "a text";
            case LIST -> "a list separated by commas";
            case CLASS -> "a class on the class path";
        };
        return key.validator == null ? type : type + " as Kafka takes it: " + key.validator;
    }
}
