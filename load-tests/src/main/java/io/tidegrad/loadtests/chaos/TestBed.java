package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Lab;
import io.tidegrad.localstack.BrokerCluster;
import io.tidegrad.schemas.Topics;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;

/// What all models of a chaos run share: brokers, registry, and the networks between them and trainers or scorers, which
/// can be made bad. The run itself does not use these networks.
///
/// @param lab whose brokers have the networks' doors
/// @param jvmFlags of trainers and scorers
/// @param trainerMain main class of trainers, and arguments before a trainer's own
record TestBed(Lab lab, Networks networks, List<String> jvmFlags, List<String> trainerMain,
        Topics topics) implements AutoCloseable {
    /// Of the admin client: short, so that a request lost by a fault is soon sent again.
    static final Map<String, Object> ADMIN_SETTINGS =
            Map.of("request.timeout.ms", 5_000, "reconnect.backoff.max.ms", 200);

    TestBed(Lab lab, Networks networks, List<String> jvmFlags, List<String> trainerMain) {
        this(lab, networks, List.copyOf(jvmFlags), List.copyOf(trainerMain), new Topics("chaos"));
        networks.to(lab.stack());
    }

    Path directory() {
        return lab.directory().path();
    }

    Admin admin() {
        return lab.admin();
    }

    BrokerCluster brokers() {
        return lab.stack().brokers();
    }

    /// Addresses that pass no relay.
    String bootstrapServers() {
        return lab.bootstrapServers();
    }

    String trainerRegistryUrl() {
        URI url = URI.create(lab.registryUrl());
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
        if (!lab.stack().registry().isAlive()) {
            lab.stack().registry().restart();
        }
    }

    @Override
    public void close() {
        networks.close();
    }
}
