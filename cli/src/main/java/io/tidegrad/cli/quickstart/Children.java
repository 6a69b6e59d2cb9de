package io.tidegrad.cli.quickstart;

import io.tidegrad.cli.CommandException;
import io.tidegrad.cli.Tidegrad;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.model.spec.ModelSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Starts the three `tidegrad` commands of the quick start, each in a JVM of its own, as a user would.
final class Children {
    // A small machine must suffice, also for the broker, the registry and this process.
    private static final List<String> MEMORY_FLAGS = List.of("-Xms64m", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError");

    private final RunDirectory directory;
    private final String bootstrapServers;
    private final String registryUrl;

    Children(RunDirectory directory, LocalStack stack) {
        this.directory = directory;
        bootstrapServers = stack.bootstrapServers();
        registryUrl = stack.registryUrl();
    }

    /// Starts a trainer that registers the spec and learns its topic.
    ChildJvm trainer(ModelSpec spec, int httpPort) {
        Path file = directory.path().resolve(spec.model() + ".yaml");
        try {
            Files.writeString(file, spec.yaml(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new CommandException("can't write " + file + ": " + e, e);
        }
        return start("trainer", List.of(), "--bootstrap-servers", bootstrapServers, "--registry-url", registryUrl,
                "--spec", file.toString(), "--state-dir", directory.path().resolve("trainer").toString(), "--http-port",
                String.valueOf(httpPort));
    }

    /// Starts a scorer that serves the model's newest snapshot.
    ChildJvm scorer(String model, int httpPort) {
        return start("scorer", List.of(), "--model", model, "--bootstrap-servers", bootstrapServers, "--http-port",
                String.valueOf(httpPort));
    }

    /// Starts a replay of the model from the topic and the registered spec. It prints the result as JSON to `replayOutput`.
    ///
    /// @param jvmFlags flags that may choose other kernels: the bits must be the same
    /// @param until offset of the events topic, exclusive
    ChildJvm replay(String model, List<String> jvmFlags, long until) {
        return start("replay", jvmFlags, "--bootstrap-servers", bootstrapServers, "--registry-url", registryUrl,
                "--model", model, "--until", String.valueOf(until), "--json");
    }

    Path replayOutput() {
        return output("replay");
    }

    private Path output(String command) {
        return directory.logs().resolve(command + ".out");
    }

    private ChildJvm start(String command, List<String> jvmFlags, String... arguments) {
        List<String> flags = new ArrayList<>(ChildJvm.TIDEGRAD_FLAGS);
        flags.addAll(MEMORY_FLAGS);
        String root = System.getProperty("tidegrad.root");
        if (root != null) {
            flags.add("-Dtidegrad.root=" + root);
        }
        flags.addAll(jvmFlags);
        List<String> main = new ArrayList<>(List.of(Tidegrad.class.getName(), command));
        main.addAll(List.of(arguments));
        return ChildJvm.run(command, flags, main, output(command), directory.logs().resolve(command + ".log"));
    }
}
