package io.tidegrad.localstack;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;

/// The nodes of a cluster and their addresses, which each node must know before any of them runs. It is written to the
/// cluster's directory, where child JVMs read it and a later start finds the cluster's id.
///
/// @param directory holds `cluster.json` and one directory per node
/// @param temporary whether `directory` is deleted with the cluster
record ClusterLayout(String clusterId, List<Node> nodes, Map<String, String> settings,
        @Nullable ListenerSecurity security, @Nullable Path release, Path directory, boolean temporary) {
    private static final String FILE = "cluster.json";

    /// @param doors further listeners, by name
    record Node(int id, int port, int controllerPort, Map<String, Door> doors) {
        Node {
            doors = Map.copyOf(doors);
        }

        Door door(String name) {
            Door door = doors.get(name);
            if (door == null) {
                throw new IllegalArgumentException("expected a door of " + doors.keySet() + ", found " + name);
            }
            return door;
        }
    }

    /// A listener for clients that connect through something else, such as a relay.
    ///
    /// @param port port that it listens on
    /// @param advertisedPort port that clients are told to connect to
    record Door(int port, int advertisedPort) {
    }

    ClusterLayout {
        nodes = List.copyOf(nodes);
        settings = Map.copyOf(settings);
    }

    /// Chooses ports, and an id unless the directory has one, and writes the layout to the directory.
    static ClusterLayout prepare(BrokerOptions options) {
        List<Node> nodes = chooseNodes(options);
        Path given = options.directory();
        try {
            Path directory =
                    given == null ? Files.createTempDirectory("tidegrad-kafka-") : Files.createDirectories(given);
            String clusterId = Uuid.randomUuid().toString();
            if (Files.exists(directory.resolve(FILE))) {
                ClusterLayout earlier = read(directory);
                if (earlier.nodes.size() != options.nodes()) {
                    throw new LocalStackException(directory + " holds a cluster of " + earlier.nodes.size()
                            + " node(s), asked for " + options.nodes() + ": use another directory");
                }
                clusterId = earlier.clusterId;
            }
            ClusterLayout layout = new ClusterLayout(clusterId, nodes, options.settings(), options.security(),
                    options.release(), directory, given == null);
            layout.write();
            return layout;
        } catch (IOException e) {
            throw new LocalStackException("can't use the data directory " + given + ": " + e, e);
        }
    }

    private static List<Node> chooseNodes(BrokerOptions options) {
        Ports.requireFree(options.port(), "Kafka broker", Ports.KAFKA_OPTION);
        Set<Integer> ports = new LinkedHashSet<>();
        if (options.port() != 0) {
            ports.add(options.port());
        }
        while (ports.size() < options.nodes() * (2 + options.doors().size())) {
            ports.add(Ports.free());
        }
        Iterator<Integer> next = ports.iterator();
        List<Node> nodes = new ArrayList<>();
        for (int id = 0; id < options.nodes(); id++) {
            int port = next.next();
            int controllerPort = next.next();
            Map<String, Door> doors = new TreeMap<>();
            for (Map.Entry<String, List<Integer>> door : options.doors().entrySet()) {
                doors.put(door.getKey(), new Door(next.next(), door.getValue().get(id)));
            }
            nodes.add(new Node(id, port, controllerPort, doors));
        }
        return nodes;
    }

    String bootstrapServers() {
        return nodes.stream().map(node -> "127.0.0.1:" + node.port()).collect(Collectors.joining(","));
    }

    /// The bootstrap servers for clients of a door: the advertised ports of all nodes.
    String bootstrapServers(String door) {
        return nodes.stream().map(node -> "127.0.0.1:" + node.door(door).advertisedPort())
                .collect(Collectors.joining(","));
    }

    Path directoryOf(int node) {
        return directory.resolve("node-" + node);
    }

    private void write() throws IOException {
        Json.MAPPER.writeValue(directory.resolve(FILE).toFile(), this);
    }

    static ClusterLayout read(Path directory) throws IOException {
        return Json.MAPPER.readValue(directory.resolve(FILE).toFile(), ClusterLayout.class);
    }

    void deleteIfTemporary() {
        if (temporary) {
            try {
                RunDirectory.delete(directory);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
