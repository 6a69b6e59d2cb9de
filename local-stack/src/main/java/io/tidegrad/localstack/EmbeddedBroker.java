package io.tidegrad.localstack;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntConsumer;

/// A real Kafka in this process, in KRaft mode, with one or three nodes.
public final class EmbeddedBroker implements LocalStack.Kafka {
    private final ClusterLayout layout;
    private final Map<Integer, BrokerNode> running = new ConcurrentHashMap<>();

    private EmbeddedBroker(ClusterLayout layout) {
        this.layout = layout;
    }

    /// Returns when every node serves.
    ///
    /// @throws LocalStackException a port or the directory is taken
    public static EmbeddedBroker start(BrokerOptions options) {
        EmbeddedBroker broker = new EmbeddedBroker(ClusterLayout.prepare(options));
        try {
            broker.onEveryNode(broker::startNode);
            return broker;
        } catch (RuntimeException e) {
            broker.close();
            throw e;
        }
    }

    @Override
    public String bootstrapServers() {
        return layout.bootstrapServers();
    }

    /// Starts a stopped node again, with its data and port.
    public void startNode(int id) {
        running.computeIfAbsent(id, node -> BrokerNode.start(layout, node));
    }

    /// Stops a node cleanly. To kill it, run it as a [BrokerProcess].
    public void stopNode(int id) {
        BrokerNode node = running.remove(id);
        if (node != null) {
            node.stop();
        }
    }

    @Override
    public void close() {
        onEveryNode(this::stopNode);
        layout.deleteIfTemporary();
    }

    private void onEveryNode(IntConsumer action) {
        AtOnce.all(layout.nodes().size(), id -> {
            action.accept(id);
            return id;
        });
    }
}
