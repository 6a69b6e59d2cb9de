package io.tidegrad.process;

import io.tidegrad.schemas.settings.KafkaSettings;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.function.Supplier;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.streams.KafkaClientSupplier;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The settings of Kafka Streams that every process of ours has. They decide whether state survives, and how long a
/// restart takes:
///
/// - A stable identity (`group.instance.id`, and the process id that Streams keeps in the state directory) lets a
///   restarted process take its partitions and end its dead predecessor's transaction at once, in about 2 seconds.
///   Streams' defaults take 43, because the group waits for the dead member's session, and the log for its transaction.
/// - The group protocol is the classic one, because the streams protocol has no static membership yet.
/// - The timeouts of session and transaction are short, because they bound a fail-over to another instance.
public final class StreamsClients {
    public static final Duration SESSION_TIMEOUT = Duration.ofSeconds(6);
    public static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(10);

    private static final Duration CLOSE_MAX = Duration.ofSeconds(30);
    private static final Logger LOG = LoggerFactory.getLogger(StreamsClients.class);

    private StreamsClients() {}

    public static Duration sessionTimeout(KafkaSettings kafka) {
        return given(kafka, ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, SESSION_TIMEOUT);
    }

    /// Returns the transaction timeout. Unless it is set, it is long enough for four commits.
    ///
    /// @throws StopException if it is set and too short for one
    public static Duration transactionTimeout(KafkaSettings kafka, Duration commitInterval) {
        Duration needed = commitInterval.multipliedBy(4);
        Duration timeout = given(kafka, ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
                needed.compareTo(TRANSACTION_TIMEOUT) > 0 ? needed : TRANSACTION_TIMEOUT);
        if (timeout.compareTo(commitInterval) < 0) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "kafka.transaction.timeout.ms: expected at least the commit interval of "
                            + commitInterval.toMillis() + " ms, found " + timeout.toMillis()
                            + ": every transaction would be aborted before it could commit; raise it, or leave it out");
        }
        return timeout;
    }

    /// Returns the duration that the user gave for a setting in milliseconds, or `otherwise`.
    public static Duration given(KafkaSettings kafka, String key, Duration otherwise) {
        String given = kafka.get(key);
        return given == null ? otherwise : Duration.ofMillis(Long.parseLong(given));
    }

    /// Returns the heartbeat interval. Unless it is set, there are four in a session.
    ///
    /// @throws StopException if it is set and not shorter than a session
    private static Duration heartbeatInterval(KafkaSettings kafka) {
        Duration session = sessionTimeout(kafka);
        Duration interval = given(kafka, ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, session.dividedBy(4));
        if (interval.compareTo(session) >= 0) {
            throw new StopException(ExitCode.CONFIGURATION,
                    "kafka.heartbeat.interval.ms: expected less than the session timeout of " + session.toMillis()
                            + " ms, found " + interval.toMillis()
                            + ": the group would take every process for dead; lower it, or leave it out");
        }
        return interval;
    }

    /// Returns new settings, to which the program adds its own. `addGiven` then applies what the user gave for consumers.
    ///
    /// @param instanceId see `InstanceId`
    /// @param standbyReplicas how many other instances keep a copy of the state
    public static Map<String, Object> common(String applicationId, Path stateDir, String instanceId,
            KafkaSettings kafka, Duration commitInterval, int standbyReplicas) {
        Map<String, Object> settings = new HashMap<>(kafka.client());
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, applicationId);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, stateDir.toString());
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, "classic");
        settings.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, standbyReplicas);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, commitInterval.toMillis());
        consumer(settings, ConsumerConfig.GROUP_INSTANCE_ID_CONFIG, instanceId);
        consumer(settings, ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, sessionTimeout(kafka).toMillis());
        consumer(settings, ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, heartbeatInterval(kafka).toMillis());
        consumer(settings, ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, "false");
        producer(settings, ProducerConfig.TRANSACTION_TIMEOUT_CONFIG,
                transactionTimeout(kafka, commitInterval).toMillis());
        return settings;
    }

    /// Adds what the user gave for consumers, over what the program chose.
    public static void addGiven(KafkaSettings kafka, Map<String, Object> settings) {
        Map<String, Object> client = kafka.client();
        kafka.consumer().forEach((key, value) -> {
            if (!client.containsKey(key)) {
                consumer(settings, key, value);
            }
        });
    }

    /// @throws StopException if another process uses the state directory
    public static KafkaStreams streams(Topology topology, Properties settings, KafkaClientSupplier clients) {
        KafkaStreams streams;
        UnfailingClients unfailing = new UnfailingClients(clients);
        try {
            streams = new KafkaStreams(topology, settings, unfailing);
        } catch (StreamsException e) {
            if (String.valueOf(e.getMessage()).contains("same state directory")) {
                throw new StopException(ExitCode.CONFIGURATION,
                        "the state directory " + settings.get(StreamsConfig.STATE_DIR_CONFIG)
                                + " is used by another process; give each process its own state-dir",
                        e);
            }
            throw e;
        }
        unfailing.made = true;
        RuntimeException failed = unfailing.failed;
        if (failed != null) {
            // Only at its end does it free the state directory for the next try.
            if (!streams.close(CLOSE_MAX)) {
                LOG.warn("Kafka Streams did not close within {} s: {} may seem to be used by another process",
                        CLOSE_MAX.toSeconds(), settings.get(StreamsConfig.STATE_DIR_CONFIG));
            }
            throw failed;
        }
        return streams;
    }

    /// Clients of which one that can't be made, because a file of certificates is being replaced, say, is replaced by one
    /// that does nothing. If it failed, Kafka Streams' constructor would leave the state directory locked, and the next
    /// try would take that for another process.
    private static final class UnfailingClients implements KafkaClientSupplier {
        private final KafkaClientSupplier clients;
        private @Nullable RuntimeException failed; // the first one
        private volatile boolean made; // the constructor has returned

        UnfailingClients(KafkaClientSupplier clients) {
            this.clients = clients;
        }

        private <C> C orIdle(Supplier<C> client, Supplier<C> idle) {
            try {
                return client.get();
            } catch (RuntimeException e) {
                if (made) {
                    throw e;
                }
                failed = failed == null ? e : failed;
                return idle.get();
            }
        }

        private Consumer<byte[], byte[]> consumer(Supplier<Consumer<byte[], byte[]>> client) {
            return orIdle(client, () -> new MockConsumer<>("none"));
        }

        @Override
        public Admin getAdmin(Map<String, Object> config) {
            return orIdle(() -> clients.getAdmin(config),
                    () -> (Admin) Proxy.newProxyInstance(Admin.class.getClassLoader(), new Class<?>[]{Admin.class},
                            (idle, method, arguments) -> null));
        }

        @Override
        public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
            return orIdle(() -> clients.getProducer(config), MockProducer::new);
        }

        @Override
        public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) {
            return consumer(() -> clients.getConsumer(config));
        }

        @Override
        public Consumer<byte[], byte[]> getRestoreConsumer(Map<String, Object> config) {
            return consumer(() -> clients.getRestoreConsumer(config));
        }

        @Override
        public Consumer<byte[], byte[]> getGlobalConsumer(Map<String, Object> config) {
            return consumer(() -> clients.getGlobalConsumer(config));
        }
    }

    public static void consumer(Map<String, Object> settings, String key, Object value) {
        settings.put(StreamsConfig.mainConsumerPrefix(key), value.toString());
    }

    public static void producer(Map<String, Object> settings, String key, Object value) {
        settings.put(StreamsConfig.producerPrefix(key), value.toString());
    }
}
