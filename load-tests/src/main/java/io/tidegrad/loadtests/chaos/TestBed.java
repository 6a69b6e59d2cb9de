package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.localstack.BrokerCluster;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;

/// What all models of a chaos run share: brokers, registry, and the networks between them and trainers or scorers, which
/// can be made bad. The run itself does not use these networks.
///
/// @param jvmFlags of trainers and scorers
/// @param trainerMain main class of trainers, and arguments before a trainer's own
record TestBed(LocalStack stack, Networks networks, Path directory, List<String> jvmFlags, List<String> trainerMain,
        Topics topics, SchemaRegistry registry, Admin admin) implements AutoCloseable {
    /// @param stack with the networks' doors
    static TestBed open(LocalStack stack, Networks networks, Path directory, List<String> jvmFlags,
            List<String> trainerMain) {
        networks.to(stack);
        return new TestBed(stack, networks, directory, List.copyOf(jvmFlags), List.copyOf(trainerMain),
                new Topics("chaos"),
                // No fault is on this way to it.
                SchemaRegistry.connect(Map.of("schema.registry.url", stack.registryUrl())),
                // Short, so that a request lost by a fault is soon sent again.
                KafkaClients.admin(stack.bootstrapServers(),
                        Map.of("request.timeout.ms", 5_000, "reconnect.backoff.max.ms", 200)));
    }

    BrokerCluster brokers() {
        return stack.brokers();
    }

    /// Addresses that pass no relay.
    String bootstrapServers() {
        return stack.bootstrapServers();
    }

    String trainerRegistryUrl() {
        URI url = URI.create(stack.registryUrl());
        return "http://127.0.0.1:" + networks.registry().port() + url.getPath();
    }

    /// Heals all networks, and starts whatever is down.
    void heal() {
        networks.heal();
        brokers().onEveryNode(node -> {
            if (!node.isAlive()) {
                node.restart();
            } else {
                node.resume();
            }
        });
        if (!stack.registry().isAlive()) {
            stack.registry().restart();
        }
    }

    @Override
    public void close() {
        admin.close(java.time.Duration.ZERO);
        registry.close();
        networks.close();
    }
}
