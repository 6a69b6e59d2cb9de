package io.tidegrad.cli;

import io.tidegrad.localstack.LocalStackMain;
import io.tidegrad.localstack.LocalStackOptions;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

@Command(name = "local-stack",
        description = {"Run a Kafka broker and a schema registry in the foreground, for real clients.", "",
            "Both listen on 127.0.0.1 only. One line shows their addresses once they serve. Ctrl-C ends both."})
final class LocalStackCommand extends OptionsCommand {
    @Option(names = "--dir", paramLabel = "DIR",
            description = "Directory that keeps topics and schemas between runs (default: a temporary one, deleted at the end).")
    private @Nullable Path directory;

    @Option(names = "--kafka-port", paramLabel = "PORT", defaultValue = "9092",
            description = "Port of the broker, 0 for any free one (default: ${DEFAULT-VALUE}).")
    private int kafkaPort;

    @Option(names = "--registry-port", paramLabel = "PORT", defaultValue = "8081",
            description = "Port of the registry, 0 for any free one (default: ${DEFAULT-VALUE}).")
    private int registryPort;

    @Option(names = "--nodes", paramLabel = "N", defaultValue = "1", description = {
        "Number of brokers: 1, or 3 with replication 3 and min.insync.replicas 2, each in a process of its own of at most"
                + " 512 MB. The first one listens on --kafka-port, the others on free ports (default: ${DEFAULT-VALUE})."})
    private int nodes;

    @Option(names = "--kafka-release", paramLabel = "DIR",
            description = {
                "Folder with the jars of the Kafka release that the brokers run, such as the folder libs of its archive"
                        + " (default: the release of Tidegrad's clients)."})
    private @Nullable Path kafkaRelease;

    @Override
    public Integer call() {
        if (nodes != 1 && nodes != 3) {
            throw new ParameterException(spec().commandLine(), "--nodes: expected 1 or 3, found " + nodes);
        }
        LocalStackOptions options = directory == null ? LocalStackOptions.temporary() : LocalStackOptions.in(directory);
        if (nodes > 1) {
            options = options.withNodes(nodes).withKafkaAsChild();
        }
        if (kafkaRelease != null) {
            options = options.withKafkaRelease(kafkaRelease);
        }
        return LocalStackMain.run(options.withPorts(kafkaPort, registryPort), System.out);
    }
}
