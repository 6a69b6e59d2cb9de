package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.localstack.BrokerCluster;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.TcpRelay;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;

/// What all models of a chaos run share: brokers, registry, and the networks between them and trainers or scorers,
/// which can be made bad. The chaos itself talks to brokers and registry past them.
///
/// @param jvmFlags of trainers and scorers
/// @param trainerMain main class of trainers, and arguments before a trainer's own
record Stage(LocalStack stack, Networks networks, Path directory, List<String> jvmFlags, List<String> trainerMain,
        Topics topics, SchemaRegistry registry, Admin admin) implements AutoCloseable {
    /// @param stack with the networks' doors
    static Stage open(LocalStack stack, Networks networks, Path directory, List<String> jvmFlags,
            List<String> trainerMain) {
        networks.to(stack);
        return new Stage(stack, networks, directory, List.copyOf(jvmFlags), List.copyOf(trainerMain),
                new Topics("chaos"),
                // Nobody breaks this way to it: only a busy machine lets it answer late.
                SchemaRegistry
                        .connect(Map.of("schema.registry.url", stack.registryUrl(), "http.read.timeout.ms", "120000")),
                // Short, so that a question that a fault takes with it is asked again soon.
                KafkaClients.admin(stack.bootstrapServers(),
                        Map.of("request.timeout.ms", 5_000, "reconnect.backoff.max.ms", 200)));
    }

    BrokerCluster brokers() {
        return stack.brokers();
    }

    /// Past every relay.
    String bootstrapServers() {
        return stack.bootstrapServers();
    }

    /// The network between trainers and brokers, one relay a broker.
    List<TcpRelay> trainerNetwork() {
        return networks.trainers();
    }

    /// The network between scorers and brokers, one relay a broker.
    List<TcpRelay> scorerNetwork() {
        return networks.scorers();
    }

    /// The network between trainers and the registry.
    TcpRelay registryNetwork() {
        return networks.registry();
    }

    String trainerRegistryUrl() {
        URI url = URI.create(stack.registryUrl());
        return "http://127.0.0.1:" + networks.registry().port() + url.getPath();
    }

    /// All networks are well, all brokers and the registry run.
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
