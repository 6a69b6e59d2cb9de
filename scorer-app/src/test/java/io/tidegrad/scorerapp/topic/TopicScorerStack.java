package io.tidegrad.scorerapp.topic;

import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.LocalStackOptions;
import io.tidegrad.localstack.TcpRelay;
import java.net.URI;
import java.util.List;
import java.util.Map;

/// A broker and a schema registry as processes, for all tests of a JVM, with a network to each that can be cut.
final class TopicScorerStack {
    /// To the broker and to the registry; all else goes to them directly.
    static final TcpRelay KAFKA = TcpRelay.startForKafka();

    static final TcpRelay REGISTRY = TcpRelay.start();

    private static final String DOOR = "TOPIC_SCORERS";
    private static final LocalStack STACK = start();

    private TopicScorerStack() {}

    private static LocalStack start() {
        LocalStack stack = LocalStack
                .start(LocalStackOptions.temporary().withKafkaAsChild().withDoors(Map.of(DOOR, List.of(KAFKA.port())))
                        .withBrokerSettings(Map.of("transaction.abort.timed.out.transaction.cleanup.interval.ms", "500",
                                // For the test of rights; whatever has none is
                                // anybody's.
                                "authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                                "allow.everyone.if.no.acl.found", "true")));
        KAFKA.to(stack.brokers().doorPort(0, DOOR));
        REGISTRY.to(URI.create(stack.registryUrl()).getPort());
        Runtime.getRuntime().addShutdownHook(new Thread(stack::close, "stop-topic-scorer-stack"));
        return stack;
    }

    static String bootstrapServers() {
        return STACK.bootstrapServers();
    }

    /// Through `KAFKA`.
    static String relayedBootstrapServers() {
        return "127.0.0.1:" + KAFKA.port();
    }

    static String registryUrl() {
        return STACK.registryUrl();
    }

    /// Through `REGISTRY`.
    static String relayedRegistryUrl() {
        URI direct = URI.create(STACK.registryUrl());
        return "http://127.0.0.1:" + REGISTRY.port() + direct.getRawPath();
    }
}
