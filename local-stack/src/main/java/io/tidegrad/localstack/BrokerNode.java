package io.tidegrad.localstack;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;
import org.apache.kafka.server.common.Feature;
import org.apache.kafka.server.common.MetadataVersion;

/// One running Kafka node in this process: broker and controller in one, as `kafka-storage format` and
/// `kafka-server-start` would make it.
final class BrokerNode {
    private final KafkaRaftServer server;

    private BrokerNode(KafkaRaftServer server) {
        this.server = server;
    }

    /// Formats the node's directory if necessary and starts the node. Returns when the broker serves, which needs a
    /// majority of the nodes: start several at the same time.
    static BrokerNode start(ClusterLayout layout, int id) {
        Map<String, String> config = config(layout, id);
        try {
            format(layout, config);
            KafkaRaftServer server = new KafkaRaftServer(new KafkaConfig(config, false), Time.SYSTEM);
            server.startup();
            return new BrokerNode(server);
        } catch (Exception e) {
            throw new LocalStackException("Kafka node " + id + " in " + layout.directory() + " did not start: " + e, e);
        }
    }

    void stop() {
        server.shutdown();
        server.awaitShutdown();
    }

    private static void format(ClusterLayout layout, Map<String, String> config) throws Exception {
        String directory = config.get("log.dirs");
        Formatter formatter = new Formatter();
        formatter.setPrintStream(new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8))
                .setClusterId(layout.clusterId()).setNodeId(Integer.parseInt(config.get("node.id")))
                .setDirectories(List.of(directory)).setMetadataLogDirectory(directory)
                .setControllerListenerName("CONTROLLER").setReleaseVersion(MetadataVersion.latestProduction())
                .setSupportedFeatures(Feature.PRODUCTION_FEATURES).setHasDynamicQuorum(false).setIgnoreFormatted(true);
        ListenerSecurity security = layout.security();
        if (security != null) {
            formatter.setScramArguments(security.scram());
        }
        formatter.run();
    }

    static Map<String, String> config(ClusterLayout layout, int id) {
        ClusterLayout.Node node = layout.nodes().get(id);
        int size = layout.nodes().size();
        String replicas = String.valueOf(Math.min(3, size));
        String minIsr = String.valueOf(Math.min(2, size));
        Map<String, String> config = new TreeMap<>();

        config.put("process.roles", "broker,controller");
        config.put("node.id", String.valueOf(id));
        config.put("log.dirs", layout.directoryOf(id).toString());
        ListenerSecurity security = layout.security();
        String clients = "PLAINTEXT://127.0.0.1:" + node.port();
        String protocols = "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT";
        if (security != null) {
            // The brokers' own listener is unencrypted and on any free port.
            clients = "%s://127.0.0.1:%d,PLAINTEXT://127.0.0.1:0".formatted(ListenerSecurity.LISTENER, node.port());
            protocols += "," + ListenerSecurity.LISTENER + ":" + security.protocol();
            config.putAll(security.settings());
        }
        String advertised = clients;
        for (Map.Entry<String, ClusterLayout.Door> door : node.doors().entrySet()) {
            clients += ",%s://127.0.0.1:%d".formatted(door.getKey(), door.getValue().port());
            advertised += ",%s://127.0.0.1:%d".formatted(door.getKey(), door.getValue().advertisedPort());
            protocols += "," + door.getKey() + ":PLAINTEXT";
        }
        config.put("listeners", clients + ",CONTROLLER://127.0.0.1:" + node.controllerPort());
        config.put("advertised.listeners", advertised);
        config.put("controller.listener.names", "CONTROLLER");
        config.put("listener.security.protocol.map", protocols);
        config.put("inter.broker.listener.name", "PLAINTEXT");
        config.put("controller.quorum.voters", layout.nodes().stream()
                .map(n -> n.id() + "@127.0.0.1:" + n.controllerPort()).collect(Collectors.joining(",")));

        config.put("default.replication.factor", replicas);
        config.put("min.insync.replicas", minIsr);
        config.put("offsets.topic.replication.factor", replicas);
        config.put("transaction.state.log.replication.factor", replicas);
        config.put("transaction.state.log.min.isr", minIsr);
        config.put("share.coordinator.state.topic.replication.factor", replicas);
        config.put("share.coordinator.state.topic.min.isr", minIsr);
        // Kafka's 50 partitions each would only cost start and restart time here.
        config.put("offsets.topic.num.partitions", "5");
        config.put("transaction.state.log.num.partitions", "5");
        config.put("share.coordinator.state.topic.num.partitions", "5");

        // A misspelt topic must give an error, not a new topic.
        config.put("auto.create.topics.enable", "false");
        // Events have the times at which they happened. By Kafka's seven days a replayed one is deleted within minutes.
        config.put("log.retention.ms", "-1");
        // A little above Kafka's default of 1 MiB, so that a dead-letter topic accepts the largest record of an input
        // topic plus its headers; topics set max.message.bytes themselves.
        config.put("message.max.bytes", String.valueOf(1_048_576 + 131_072));
        // A killed instance's transaction blocks its successor for the transaction timeout plus one sweep; Kafka's
        // default sweep interval is 10 s.
        config.put("transaction.abort.timed.out.transaction.cleanup.interval.ms", "2000");
        config.put("group.initial.rebalance.delay.ms", "0");
        config.put("group.min.session.timeout.ms", "1000");
        config.put("broker.heartbeat.interval.ms", "500");
        // A killed node that restarts waits this long before it can register again. A single node has no other to move
        // its partitions to, so the timeout only has to exceed a pause of the process.
        config.put("broker.session.timeout.ms", size == 1 ? "3000" : "6000");

        if (size > 1) {
            // With three JVMs on two busy cores, a follower may not be scheduled within Kafka's default of 2 s, and
            // would then start an election.
            config.put("controller.quorum.fetch.timeout.ms", "6000");
        }

        // For a small machine: the default cleaner buffer alone takes 128 MiB.
        config.put("log.cleaner.dedupe.buffer.size", String.valueOf(2 * 1024 * 1024));
        config.put("log.cleaner.threads", "1");
        config.put("num.network.threads", "2");
        config.put("num.io.threads", "4");
        config.put("background.threads", "2");
        config.putAll(layout.settings());
        return config;
    }
}
