package io.tidegrad.localstack;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;

/// The nodes of a cluster and their addresses, which each node must know before any of them runs. It is written to the
/// cluster's directory, where child JVMs read it and a later start finds the cluster's id.
///
/// @param directory holds `cluster.properties` and one directory per node
/// @param temporary whether `directory` is deleted with the cluster
record ClusterLayout(String clusterId, List<Node> nodes, Map<String, String> settings,
        @Nullable ListenerSecurity security, Path directory, boolean temporary) {
    private static final String FILE = "cluster.properties";

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
                    directory, given == null);
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
        Properties file = new Properties();
        file.setProperty("cluster.id", clusterId);
        for (Node node : nodes) {
            file.setProperty("node." + node.id() + ".port", String.valueOf(node.port()));
            file.setProperty("node." + node.id() + ".controller.port", String.valueOf(node.controllerPort()));
            node.doors().forEach((name, door) -> file.setProperty("node." + node.id() + ".door." + name,
                    door.port() + " " + door.advertisedPort()));
        }
        settings.forEach((key, value) -> file.setProperty("broker." + key, value));
        if (security != null) {
            security.write(file);
        }
        try (Writer writer = Files.newBufferedWriter(directory.resolve(FILE))) {
            file.store(writer, null);
        }
    }

    static ClusterLayout read(Path directory) throws IOException {
        Properties file = new Properties();
        try (Reader reader = Files.newBufferedReader(directory.resolve(FILE))) {
            file.load(reader);
        }
        List<Node> nodes = new ArrayList<>();
        for (int id = 0; file.containsKey("node." + id + ".port"); id++) {
            nodes.add(new Node(id, Integer.parseInt(file.getProperty("node." + id + ".port")),
                    Integer.parseInt(file.getProperty("node." + id + ".controller.port")),
                    doors(file, "node." + id + ".door.")));
        }
        Map<String, String> settings = new TreeMap<>();
        for (String key : file.stringPropertyNames()) {
            if (key.startsWith("broker.")) {
                settings.put(key.substring("broker.".length()), file.getProperty(key));
            }
        }
        return new ClusterLayout(file.getProperty("cluster.id"), nodes, settings, ListenerSecurity.read(file),
                directory, false);
    }

    private static Map<String, Door> doors(Properties file, String prefix) {
        Map<String, Door> doors = new TreeMap<>();
        for (String key : file.stringPropertyNames()) {
            if (key.startsWith(prefix)) {
                String[] ports = file.getProperty(key).split(" ");
                doors.put(key.substring(prefix.length()),
                        new Door(Integer.parseInt(ports[0]), Integer.parseInt(ports[1])));
            }
        }
        return doors;
    }

    void deleteIfTemporary() {
        if (!temporary) {
            return;
        }
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
