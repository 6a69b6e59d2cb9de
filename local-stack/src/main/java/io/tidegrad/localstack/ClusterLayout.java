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

/// Who is in a cluster and where: what a node must know of the others before any of them runs. Kept in the cluster's
/// directory, where a child JVM reads it, and where a later start finds the cluster's id.
///
/// @param directory holds `cluster.properties` and a directory a node
/// @param temporary whether `directory` goes with the cluster
record ClusterLayout(
        String clusterId,
        List<Node> nodes,
        Map<String, String> settings,
        @Nullable ListenerSecurity security,
        Path directory,
        boolean temporary) {
    private static final String FILE = "cluster.properties";

    record Node(int id, int port, int controllerPort) {}

    ClusterLayout {
        nodes = List.copyOf(nodes);
        settings = Map.copyOf(settings);
    }

    /// Chooses ports, and an id unless the directory has one; writes it down.
    static ClusterLayout prepare(BrokerOptions options) {
        List<Node> nodes = chooseNodes(options);
        Path given = options.directory();
        try {
            Path directory =
                    given == null
                            ? Files.createTempDirectory("tidegrad-kafka-")
                            : Files.createDirectories(given);
            String clusterId = Uuid.randomUuid().toString();
            if (Files.exists(directory.resolve(FILE))) {
                ClusterLayout earlier = read(directory);
                if (earlier.nodes.size() != options.nodes()) {
                    throw new LocalStackException(
                            directory
                                    + " holds a cluster of "
                                    + earlier.nodes.size()
                                    + " node(s), asked for "
                                    + options.nodes()
                                    + ": use another directory");
                }
                clusterId = earlier.clusterId;
            }
            ClusterLayout layout =
                    new ClusterLayout(
                            clusterId,
                            nodes,
                            options.settings(),
                            options.security(),
                            directory,
                            given == null);
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
        while (ports.size() < 2 * options.nodes()) {
            ports.add(Ports.free());
        }
        Iterator<Integer> next = ports.iterator();
        List<Node> nodes = new ArrayList<>();
        for (int id = 0; id < options.nodes(); id++) {
            nodes.add(new Node(id, next.next(), next.next()));
        }
        return nodes;
    }

    String bootstrapServers() {
        return nodes.stream()
                .map(node -> "127.0.0.1:" + node.port())
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
            file.setProperty(
                    "node." + node.id() + ".controller.port",
                    String.valueOf(node.controllerPort()));
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
            nodes.add(
                    new Node(
                            id,
                            Integer.parseInt(file.getProperty("node." + id + ".port")),
                            Integer.parseInt(file.getProperty("node." + id + ".controller.port"))));
        }
        Map<String, String> settings = new TreeMap<>();
        for (String key : file.stringPropertyNames()) {
            if (key.startsWith("broker.")) {
                settings.put(key.substring("broker.".length()), file.getProperty(key));
            }
        }
        return new ClusterLayout(
                file.getProperty("cluster.id"),
                nodes,
                settings,
                ListenerSecurity.read(file),
                directory,
                false);
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
