package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.Ports;
import java.nio.file.Path;
import java.util.List;

/// A real joiner of one stream in a process of its own, under its supervisor.
final class Joiner extends Supervised {
    private final Path stateDir;
    private final int port;
    private final Json http = new Json();

    private Joiner(String name, Path files, int port, List<String> jvmFlags, List<String> command) {
        super(name, "joiner", files, jvmFlags, command);
        stateDir = files.resolve("state");
        this.port = port;
    }

    Path stateDir() {
        return stateDir;
    }

    /// @param main main class, and arguments before a joiner's own
    /// @param files where its state directory and its logs are
    static Joiner of(String name, List<String> main, LocalStack stack, String prefix, String stream, Path files,
            List<String> jvmFlags) {
        int port = Ports.free();
        List<String> command = List.of("--bootstrap-servers", stack.bootstrapServers(), "--registry-url",
                stack.registryUrl(), "--prefix", prefix, "--stream", stream, "--state-dir",
                files.resolve("state").toString(), "--http-port", String.valueOf(port));
        return new Joiner(name, files, port, jvmFlags, Processes.with(main, command));
    }

    /// What its `/health` says of the stream; missing when it does not answer, is paused or down.
    JsonNode health() throws InterruptedException {
        JsonNode health = isSilent() ? null : http.get("http://127.0.0.1:" + port + "/health");
        return health == null ? Json.NOTHING : health.path("streams").path(0);
    }

    /// How many tasks it has; 0 while it does not answer.
    int tasks() throws InterruptedException {
        return health().path("tasks").asInt();
    }

    @Override
    public void close() {
        super.close();
        http.close();
    }
}
