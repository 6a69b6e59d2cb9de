package io.tidegrad.localstack;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.LockSupport;
import kafka.Kafka;
import kafka.tools.StorageTool;
import org.apache.kafka.clients.admin.Admin;

/// One node of another Kafka release than ours, as that release's `kafka-storage format` and `kafka-server-start` make
/// it. Runs on a class path of that release's jars and this module, so it may only use what all releases from 3.9 on
/// have. Prints `ready` once the node serves; its parent runs it under [ParentWatch].
final class KafkaReleaseMain {
    private KafkaReleaseMain() {}

    /// Writes the node's settings into the cluster's directory, and returns what a child JVM has to run.
    static List<String> command(ClusterLayout layout, int id, Path release) {
        try (DirectoryStream<Path> jars = Files.newDirectoryStream(release, "kafka_2.13-*.jar")) {
            if (!jars.iterator().hasNext()) {
                throw new LocalStackException(
                        release + ": expected the jars of a Kafka release, found no kafka_2.13-*.jar");
            }
        } catch (IOException e) {
            throw new LocalStackException("can't read the jars of a Kafka release in " + release + ": " + e, e);
        }
        if (layout.security() != null) {
            throw new LocalStackException("a cluster of another Kafka release is started without TLS and passwords");
        }
        Path file = layout.directory().resolve("node-" + id + ".properties");
        Properties properties = new Properties();
        properties.putAll(BrokerNode.config(layout, id));
        try (OutputStream out = Files.newOutputStream(file)) {
            properties.store(out, null);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return List.of(ParentWatch.class.getName(), KafkaReleaseMain.class.getName(), file.toString(),
                layout.clusterId(), "127.0.0.1:" + layout.nodes().get(id).port());
    }

    public static void main(String[] args) {
        PrintStream parent = System.out;
        System.setOut(System.err);
        String[] format = {"format", "--ignore-formatted", "--cluster-id", args[1], "--config", args[0]};
        int status = StorageTool.execute(format, new PrintStream(System.err, true, StandardCharsets.UTF_8));
        if (status != 0) {
            throw new LocalStackException("kafka-storage format ended with status " + status);
        }
        Thread.ofPlatform().daemon().name("await-broker").start(() -> {
            awaitServing(args[2]);
            parent.println(BrokerMain.READY);
            parent.flush();
        });
        Kafka.main(new String[]{args[0]});
    }

    /// The parent ends this process if it takes too long.
    private static void awaitServing(String bootstrap) {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            while (!serves(admin)) {
                LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
            }
        }
    }

    /// Waits for up to a minute, as admin clients do.
    private static boolean serves(Admin admin) {
        try {
            return !admin.describeCluster().nodes().get().isEmpty();
        } catch (ExecutionException notYet) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LocalStackException("interrupted while the broker was starting", e);
        }
    }
}
