package io.tidegrad.localstack;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;

/// Kafka nodes as processes: one, or three with replication 3 and `min.insync.replicas` 2. Each can be killed, stopped,
/// paused and started again, and can be looked up by its role for a client.
public final class BrokerCluster implements LocalStack.Kafka {
    private final ClusterLayout layout;
    private final List<BrokerProcess> nodes;

    private BrokerCluster(ClusterLayout layout, List<BrokerProcess> nodes) {
        this.layout = layout;
        this.nodes = nodes;
    }

    /// Returns when every node serves.
    ///
    /// @throws LocalStackException a port or the directory is taken, or a node did not get ready
    public static BrokerCluster start(BrokerOptions options) {
        ClusterLayout layout = ClusterLayout.prepare(options);
        try {
            return new BrokerCluster(layout, AtOnce.all(layout.nodes().size(), id -> new BrokerProcess(layout, id)));
        } catch (RuntimeException e) {
            // Nodes that did start end with this process.
            layout.deleteIfTemporary();
            throw e;
        }
    }

    public int size() {
        return nodes.size();
    }

    /// @param id from 0
    public BrokerProcess node(int id) {
        return nodes.get(id);
    }

    public List<BrokerProcess> nodes() {
        return nodes;
    }

    @Override
    public String bootstrapServers() {
        return layout.bootstrapServers();
    }

    /// The bootstrap servers for clients that connect through a listener of [BrokerOptions#doors].
    public String bootstrapServers(String door) {
        return layout.bootstrapServers(door);
    }

    /// The port on which node `id` itself listens for a door.
    public int doorPort(int id, String door) {
        return layout.nodes().get(id).door(door).port();
    }

    /// The present leader of a partition.
    ///
    /// @throws LocalStackException Kafka does not say
    public BrokerProcess leaderOf(TopicPartition partition) {
        return ask(admin -> admin.describeTopics(List.of(partition.topic())).topicNameValues().values().iterator()
                .next().get().partitions().get(partition.partition()).leader());
    }

    /// The present coordinator of a consumer group, which also holds its static members' sessions.
    ///
    /// @throws LocalStackException Kafka does not say
    public BrokerProcess coordinatorOf(String group) {
        return ask(admin -> admin.describeConsumerGroups(List.of(group)).describedGroups().values().iterator().next()
                .get().coordinator());
    }

    /// The present active controller.
    ///
    /// @throws LocalStackException Kafka does not say
    public BrokerProcess controller() {
        return ask(admin -> {
            int leader = admin.describeMetadataQuorum().quorumInfo().get().leaderId();
            return new Node(leader, "", -1);
        });
    }

    private interface Question {
        Node ask(Admin admin) throws ExecutionException, InterruptedException;
    }

    private BrokerProcess ask(Question question) {
        try (Admin admin = Admin.create(Map.of(AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrapServers()))) {
            Node node = question.ask(admin);
            return Optional.ofNullable(node).filter(found -> found.id() >= 0 && found.id() < nodes.size())
                    .map(found -> nodes.get(found.id())).orElseThrow(() -> new LocalStackException(
                            "expected a node 0 to " + (nodes.size() - 1) + ", found " + node));
        } catch (ExecutionException e) {
            throw new LocalStackException("Kafka does not say: " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LocalStackException("interrupted while asking Kafka", e);
        }
    }

    /// Runs an action for every node at the same time, because starting or stopping one may need the others.
    public void onEveryNode(Consumer<BrokerProcess> action) {
        AtOnce.all(nodes.size(), id -> {
            action.accept(nodes.get(id));
            return nodes.get(id);
        });
    }

    @Override
    public void close() {
        onEveryNode(BrokerProcess::stop);
        layout.deleteIfTemporary();
    }
}
