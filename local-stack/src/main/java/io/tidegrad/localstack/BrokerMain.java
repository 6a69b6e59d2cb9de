package io.tidegrad.localstack;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;

/// One Kafka node as a process of its own, started by [BrokerProcess]: `BrokerMain <cluster directory> <node id>`.
/// Prints `ready` once it serves. Shuts down cleanly at SIGTERM, and ends immediately when its parent is gone.
final class BrokerMain {
    static final String READY = "ready";

    private BrokerMain() {}

    public static void main(String[] args) throws IOException {
        ParentWatch.start();
        // Standard output is reserved for the answer to the parent; everything else that is printed goes to the log.
        PrintStream parent = System.out;
        System.setOut(System.err);
        BrokerNode node = BrokerNode.start(ClusterLayout.read(Path.of(args[0])), Integer.parseInt(args[1]));
        Runtime.getRuntime().addShutdownHook(new Thread(node::stop, "stop-broker"));
        parent.println(READY);
        parent.flush();
    }
}
