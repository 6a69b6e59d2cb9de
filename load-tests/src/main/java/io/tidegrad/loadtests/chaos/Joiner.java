package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Lab;
import io.tidegrad.loadtests.Processes;
import java.nio.file.Path;
import java.util.List;

/// A real joiner of one stream in a process of its own, under its supervisor.
final class Joiner extends Supervised {
    /// @param main main class, and arguments before a joiner's own
    /// @param files where its state directory and its logs are
    Joiner(String name, List<String> main, Lab lab, String prefix, String stream, Path files, List<String> jvmFlags) {
        super(name, "joiner", files, jvmFlags,
                port -> Processes.with(Processes.joiner(main, lab, stream, files, port), List.of("--prefix", prefix)));
    }

    /// What its `/health` says of the stream; missing when it does not answer, is paused or down.
    JsonNode health() throws InterruptedException {
        return allHealth().path("streams").path(0);
    }

    /// How many tasks it has; 0 while it does not answer.
    int tasks() throws InterruptedException {
        return health().path("tasks").asInt();
    }
}
