package io.tidegrad.scorerapp.topic;

import io.tidegrad.localstack.BrokerCluster;
import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.localstack.TcpRelay;
import java.net.URI;
import java.util.List;
import java.util.Map;

/// A broker as a process, for all tests of a JVM, and the schema registry of all tests, with a network to each that can be
/// cut.
final class TopicScorerStack {
    /// To the broker and to the registry; all else goes to them directly.
    static final TcpRelay KAFKA = TcpRelay.startForKafka();

    static final TcpRelay REGISTRY = TcpRelay.start();

    private static final String DOOR = "TOPIC_SCORERS";
    private static final BrokerCluster BROKER = start();

    private TopicScorerStack() {}

    private static BrokerCluster start() {
        Map<String, String> settings = Map.of("transaction.abort.timed.out.transaction.cleanup.interval.ms", "500",
                // For the test of rights; whatever has none is anybody's.
                "authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "allow.everyone.if.no.acl.found", "true");
        BrokerCluster broker = BrokerCluster
                .start(new BrokerOptions(1, null, 0, settings, Map.of(DOOR, List.of(KAFKA.port())), null, null));
        KAFKA.to(broker.doorPort(0, DOOR));
        REGISTRY.to(URI.create(registryUrl()).getPort());
        Runtime.getRuntime().addShutdownHook(new Thread(broker::close, "stop-topic-scorer-broker"));
        return broker;
    }

    static String bootstrapServers() {
        return BROKER.bootstrapServers();
    }

    /// Through `KAFKA`.
    static String relayedBootstrapServers() {
        return "127.0.0.1:" + KAFKA.port();
    }

    static String registryUrl() {
        return SharedStack.get().registryUrl();
    }

    /// Through `REGISTRY`.
    static String relayedRegistryUrl() {
        URI direct = URI.create(registryUrl());
        return "http://127.0.0.1:" + REGISTRY.port() + direct.getRawPath();
    }
}
