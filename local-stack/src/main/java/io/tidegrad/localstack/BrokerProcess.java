package io.tidegrad.localstack;

import java.time.Duration;
import java.util.List;

/// Kafka in a child JVM, so that it can be killed like the real thing and has a heap and a processor account of its
/// own. Its port and its data stay the same from life to life.
public final class BrokerProcess implements AutoCloseable {
    private static final Duration READY_WITHIN = Duration.ofSeconds(180);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(20);
    private static final List<String> JVM_FLAGS =
            List.of("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError");

    private final ClusterLayout layout;
    private ChildJvm child;

    private BrokerProcess(ClusterLayout layout) {
        this.layout = layout;
        this.child = launch(layout);
    }

    /// One node; returns when it serves.
    ///
    /// @throws LocalStackException a port or the directory is taken, or Kafka did not get ready
    public static BrokerProcess start(BrokerOptions options) {
        if (options.nodes() != 1) {
            throw new IllegalArgumentException(
                    "a BrokerProcess is one node, found nodes = " + options.nodes());
        }
        ClusterLayout layout = ClusterLayout.prepare(options);
        try {
            return new BrokerProcess(layout);
        } catch (RuntimeException e) {
            layout.deleteIfTemporary();
            throw e;
        }
    }

    private static ChildJvm launch(ClusterLayout layout) {
        ChildJvm child =
                ChildJvm.start(
                        "Kafka broker",
                        JVM_FLAGS,
                        ChildJvm.ownClassPath(),
                        List.of(BrokerMain.class.getName(), layout.directory().toString(), "0"),
                        layout.directory().resolve("broker.log"),
                        true);
        child.awaitLine(READY_WITHIN);
        return child;
    }

    public String bootstrapServers() {
        return layout.bootstrapServers();
    }

    public long pid() {
        return child.pid();
    }

    public boolean isAlive() {
        return child.isAlive();
    }

    /// SIGKILL: what was not written to the operating system is gone. Returns when the process is.
    public void kill() {
        child.kill();
    }

    /// SIGTERM, and SIGKILL if it takes longer than 20 s.
    public void stop() {
        child.stop(STOP_WITHIN);
    }

    /// A new life on the same data and port, after [#kill] or [#stop]. Returns when it serves.
    public void restart() {
        if (child.isAlive()) {
            throw new IllegalStateException("the broker is running: kill or stop it first");
        }
        child = launch(layout);
    }

    @Override
    public void close() {
        stop();
        layout.deleteIfTemporary();
    }
}
