package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.Ports;
import java.nio.file.Path;
import java.util.List;

/// A real trainer in a process of its own, under its supervisor.
final class Trainer extends Supervised {
    private final String model;
    private final Path stateDir;
    private final int port;
    private final Json http = new Json();

    private Trainer(String name, String model, Path files, int port, List<String> jvmFlags, List<String> command) {
        super(name, "trainer", files, jvmFlags, command);
        this.model = model;
        this.port = port;
        stateDir = files.resolve("state");
    }

    /// @param command main class and arguments, but for the port and the state directory
    /// @param files where its state directory and its logs are
    static Trainer of(String name, String model, Path files, List<String> jvmFlags, List<String> command) {
        int port = Ports.free();
        List<String> line = Processes.with(command,
                List.of("--state-dir", files.resolve("state").toString(), "--http-port", String.valueOf(port)));
        return new Trainer(name, model, files, port, jvmFlags, line);
    }

    Path stateDir() {
        return stateDir;
    }

    /// Of its HTTP server.
    int port() {
        return port;
    }

    /// What its `/health` says of the model; missing when it does not answer, is paused or down.
    JsonNode health() throws InterruptedException {
        if (isSilent()) {
            return Json.NOTHING;
        }
        JsonNode health = http.get("http://127.0.0.1:" + port + "/health");
        if (health != null) {
            for (JsonNode of : health.path("models")) {
                if (of.path("model").asText().equals(model)) {
                    return of;
                }
            }
        }
        return Json.NOTHING;
    }

    boolean learns() throws InterruptedException {
        JsonNode health = health();
        return health.path("state").asText().equals("running") && health.has("watermark");
    }

    /// Whether another one learns, and this one is in its group.
    boolean standsBy() throws InterruptedException {
        return health().path("state").asText().equals("standby");
    }

    /// The watermark that it has committed; -1 while it does not learn.
    long watermark() throws InterruptedException {
        return health().path("watermark").asLong(-1);
    }

    @Override
    public void close() {
        super.close();
        http.close();
    }
}
