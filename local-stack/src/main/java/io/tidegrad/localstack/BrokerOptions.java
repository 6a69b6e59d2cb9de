package io.tidegrad.localstack;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// How to run a broker or a small cluster.
///
/// @param nodes     1 or 3, each both broker and controller
/// @param directory keeps the data and is not deleted, for the next start; null: a temporary one, deleted at the end
/// @param port port of the first node's client listener; other nodes use any free port; 0: any free port
/// @param settings broker settings that override ours, by their Kafka names
/// @param doors names of further unencrypted listeners, for clients that connect through something else, such as a
///     relay; with the port that each node advertises to these clients
/// @param security what clients must authenticate with; null: nothing, without TLS
/// @param release folder with the jars of the Kafka release to run, such as `libs` of its archive; null: the one on our
///     class path
public record BrokerOptions(int nodes, @Nullable Path directory, int port, Map<String, String> settings,
        Map<String, List<Integer>> doors, @Nullable ListenerSecurity security, @Nullable Path release) {
    public BrokerOptions {
        if (nodes != 1 && nodes != 3) {
            throw new IllegalArgumentException("nodes: expected 1 or 3, found " + nodes);
        }
        if (port < 0 || port > 65_535) {
            throw new IllegalArgumentException("port: expected 0 (any) to 65535, found " + port);
        }
        settings = Map.copyOf(settings);
        doors = Map.copyOf(doors);
        for (List<Integer> ports : doors.values()) {
            if (ports.size() != nodes) {
                throw new IllegalArgumentException(
                        "doors: expected a port for each of " + nodes + " node(s), found " + ports);
            }
        }
    }

    /// Options for one node with temporary data on any port.
    public static BrokerOptions temporary() {
        return new BrokerOptions(1, null, 0, Map.of(), Map.of(), null, null);
    }

    /// Options for one node that keeps its data in `directory`.
    public static BrokerOptions in(Path directory) {
        return new BrokerOptions(1, directory, 0, Map.of(), Map.of(), null, null);
    }

    public BrokerOptions withNodes(int nodes) {
        return new BrokerOptions(nodes, directory, port, settings, doors, security, release);
    }

    public BrokerOptions withPort(int port) {
        return new BrokerOptions(nodes, directory, port, settings, doors, security, release);
    }

    public BrokerOptions withSecurity(ListenerSecurity security) {
        return new BrokerOptions(nodes, directory, port, settings, doors, security, release);
    }
}
