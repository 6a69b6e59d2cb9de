package io.tidegrad.cli;

import io.tidegrad.localstack.LocalStackMain;
import io.tidegrad.localstack.LocalStackOptions;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(name = "local-stack",
        description = {"Run a Kafka broker and a schema registry in the foreground, for real clients.", "",
            "Both listen on 127.0.0.1 only. One line tells where they are once they serve; Ctrl-C ends both."})
final class LocalStackCommand implements Callable<Integer> {
    @Option(names = "--dir", paramLabel = "DIR",
            description = "Keeps topics and schemas from run to run (default: temporary, gone at the end).")
    private @Nullable Path directory;

    @Option(names = "--kafka-port", paramLabel = "PORT", defaultValue = "9092",
            description = "Of the broker, 0 for any free one (default: ${DEFAULT-VALUE}).")
    private int kafkaPort;

    @Option(names = "--registry-port", paramLabel = "PORT", defaultValue = "8081",
            description = "Of the registry, 0 for any free one (default: ${DEFAULT-VALUE}).")
    private int registryPort;

    @Option(names = "--nodes", paramLabel = "N", defaultValue = "1", description = {
        "Brokers: 1, or 3 with replication 3 and min.insync.replicas 2, each a process of its own of at most 512 MB;"
                + " --kafka-port is the first one's, the others take free ones (default: ${DEFAULT-VALUE})."})
    private int nodes;

    @Spec
    private CommandSpec command = CommandSpec.create();

    @Mixin
    private HelpOption help = new HelpOption();

    @Override
    public Integer call() {
        if (nodes != 1 && nodes != 3) {
            throw new ParameterException(command.commandLine(), "--nodes: expected 1 or 3, found " + nodes);
        }
        LocalStackOptions options = directory == null ? LocalStackOptions.temporary() : LocalStackOptions.in(directory);
        if (nodes > 1) {
            options = options.withNodes(nodes).withKafkaAsChild();
        }
        return LocalStackMain.run(options.withPorts(kafkaPort, registryPort), System.out);
    }
}
