package io.tidegrad.localstack;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// One Kafka node in a child JVM, so that it can be killed like a real broker and its heap and processor time are its
/// own. Port and data stay the same after a restart.
public final class BrokerProcess implements AutoCloseable {
    private static final Duration READY_WITHIN = Duration.ofSeconds(180);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(20);
    private static final List<String> JVM_FLAGS = List.of("-Xms64m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError");

    private final ClusterLayout layout;
    private final int id;
    private ChildJvm child;

    /// Starts a node. Returns when it serves, which needs a majority of the cluster's nodes.
    BrokerProcess(ClusterLayout layout, int id) {
        this.layout = layout;
        this.id = id;
        this.child = launch(layout, id);
    }

    /// Starts a cluster of one node. Returns when it serves.
    ///
    /// @throws LocalStackException a port or the directory is taken, or Kafka did not become ready
    public static BrokerProcess start(BrokerOptions options) {
        if (options.nodes() != 1) {
            throw new IllegalArgumentException("a BrokerProcess is one node, found nodes = " + options.nodes());
        }
        ClusterLayout layout = ClusterLayout.prepare(options);
        try {
            return new BrokerProcess(layout, 0);
        } catch (RuntimeException e) {
            layout.deleteIfTemporary();
            throw e;
        }
    }

    private static ChildJvm launch(ClusterLayout layout, int id) {
        boolean alone = layout.nodes().size() == 1;
        List<String> flags = new ArrayList<>(JVM_FLAGS);
        flags.addAll(ChildJvm.ownFlags(ChildJvm.COMPILERS));
        // Three nodes share a machine: with this heap, each process takes at most 512 MB.
        flags.add(alone ? "-Xmx512m" : "-Xmx256m");
        Path release = layout.release();
        ChildJvm child = ChildJvm.start(alone ? "Kafka broker" : "Kafka broker " + id, flags,
                release == null ? ChildJvm.ownClassPath()
                        : List.of(release.resolve("*").toString(), ChildJvm.ownCode().toString()),
                release == null ? List.of(BrokerMain.class.getName(), layout.directory().toString(), String.valueOf(id))
                        : KafkaReleaseMain.command(layout, id, release),
                layout.directory().resolve(alone ? "broker.log" : "broker-" + id + ".log"), true);
        child.awaitLine(READY_WITHIN);
        return child;
    }

    public String bootstrapServers() {
        return layout.bootstrapServers();
    }

    /// The node's id in its cluster.
    public int id() {
        return id;
    }

    public long pid() {
        return child.pid();
    }

    public boolean isAlive() {
        return child.isAlive();
    }

    /// Kills the process with SIGKILL; data not yet written to the operating system is lost. Returns when the process
    /// is gone.
    public void kill() {
        child.kill();
    }

    /// Pauses the process until [#resume]. See [ChildJvm#pause].
    public void pause() {
        child.pause();
    }

    public void resume() {
        child.resume();
    }

    /// Stops the process with SIGTERM, and with SIGKILL after 20 s.
    public void stop() {
        child.stop(STOP_WITHIN);
    }

    /// Starts the node again with the same data and port, after [#kill] or [#stop]. Returns when it serves.
    public void restart() {
        if (child.isAlive()) {
            throw new IllegalStateException("the broker is running: kill or stop it first (node " + id + ")");
        }
        child = launch(layout, id);
    }

    /// Closes a cluster of one node; close a larger one as a whole.
    @Override
    public void close() {
        stop();
        layout.deleteIfTemporary();
    }
}
