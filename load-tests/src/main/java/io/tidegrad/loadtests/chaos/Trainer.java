package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Lab;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.TrainerMain;
import java.nio.file.Path;
import java.util.List;

/// A real trainer of one model in a process of its own, under its supervisor.
final class Trainer extends Supervised {
    private final String model;

    /// @param files where its state directory and its logs are
    /// @param command main class and arguments, but for the port and the state directory
    Trainer(String name, String model, Path files, List<String> jvmFlags, List<String> command) {
        super(name, "trainer", files, jvmFlags, port -> Processes.with(command, Processes.stateAndPort(files, port)));
        this.model = model;
    }

    /// As in production, on the lab's brokers and registry.
    ///
    /// @param files where the files of the trainer have a directory, beside its spec
    static Trainer of(Lab lab, Topics topics, String model, String spec, Path files, List<String> jvmFlags) {
        Path specFile = Processes.write(files.resolve("spec.yaml"), spec);
        return new Trainer("trainer", model, files.resolve("trainer"), jvmFlags,
                Processes.trainer(List.of(TrainerMain.class.getName()), lab.bootstrapServers(), lab.registryUrl(),
                        List.of("--prefix", topics.prefix(), "--spec", specFile.toString())));
    }

    /// What its `/health` says of the model; missing when it does not answer, is paused or down.
    JsonNode health() throws InterruptedException {
        return health(model);
    }

    /// What it has last reported.
    JsonNode report() throws InterruptedException {
        return health().path("report");
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

    /// Whether it has committed, and reported, everything up to a watermark, and nothing more.
    boolean hasReported(long watermark) throws InterruptedException {
        return watermark() == watermark && report().path("watermark").asLong() == watermark;
    }
}
