package io.tidegrad.localstack;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// How to run a broker or a small cluster.
///
/// @param nodes     1 or 3, each both broker and controller
/// @param directory keeps its data and is left in place, for the next start; null: a temporary one, deleted at the end
/// @param port      of the first node's clients' listener, the other nodes take any; 0: any free one
/// @param settings  broker settings that go before ours, by their Kafka names
/// @param doors     names of further listeners in the clear, for clients that come through something else, a relay that
///     can be cut; with the port that each node sends these clients to
/// @param security  what clients must show; null: nothing, and they need no TLS
public record BrokerOptions(int nodes, @Nullable Path directory, int port, Map<String, String> settings,
        Map<String, List<Integer>> doors, @Nullable ListenerSecurity security) {
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

    /// One node, temporary data, any port.
    public static BrokerOptions temporary() {
        return new BrokerOptions(1, null, 0, Map.of(), Map.of(), null);
    }

    /// One node that keeps its data in `directory`.
    public static BrokerOptions in(Path directory) {
        return new BrokerOptions(1, directory, 0, Map.of(), Map.of(), null);
    }

    public BrokerOptions withNodes(int nodes) {
        return new BrokerOptions(nodes, directory, port, settings, doors, security);
    }

    public BrokerOptions withPort(int port) {
        return new BrokerOptions(nodes, directory, port, settings, doors, security);
    }

    public BrokerOptions withSettings(Map<String, String> settings) {
        return new BrokerOptions(nodes, directory, port, settings, doors, security);
    }

    public BrokerOptions withDoors(Map<String, List<Integer>> doors) {
        return new BrokerOptions(nodes, directory, port, settings, doors, security);
    }

    public BrokerOptions withSecurity(ListenerSecurity security) {
        return new BrokerOptions(nodes, directory, port, settings, doors, security);
    }
}
