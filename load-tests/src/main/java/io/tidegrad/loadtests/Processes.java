package io.tidegrad.loadtests;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.joiner.app.JoinerMain;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.scorerapp.ScorerMain;
import io.tidegrad.trainer.TrainerMain;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/// Starts what is measured as processes, and asks them how they are. Also other programs, and the files of both.
public final class Processes {
    private Processes() {}

    /// Main class and arguments of a trainer.
    ///
    /// @param files where its state directory is
    /// @param more arguments, its specs at least
    public static List<String> trainer(Lab lab, Path files, int port, List<String> more) {
        return trainer(List.of(TrainerMain.class.getName()), lab.bootstrapServers(), lab.registryUrl(),
                with(stateAndPort(files, port), more));
    }

    /// @param main class, and arguments before a trainer's own
    public static List<String> trainer(List<String> main, String bootstrapServers, String registryUrl,
            List<String> more) {
        return with(main, with(List.of("--bootstrap-servers", bootstrapServers, "--registry-url", registryUrl), more));
    }

    /// Main class and arguments of a scorer.
    public static List<String> scorer(String bootstrapServers, String model, int port, List<String> more) {
        return with(List.of(ScorerMain.class.getName(), "--bootstrap-servers", bootstrapServers, "--model", model,
                "--http-port", String.valueOf(port)), more);
    }

    /// Main class and arguments of a joiner.
    ///
    /// @param main class, and arguments before a joiner's own
    /// @param files where its state directory is
    public static List<String> joiner(List<String> main, Lab lab, String stream, Path files, int port) {
        return with(main, with(List.of("--bootstrap-servers", lab.bootstrapServers(), "--registry-url",
                lab.registryUrl(), "--stream", stream), stateAndPort(files, port)));
    }

    public static List<String> joiner(Lab lab, String stream, Path files, int port) {
        return joiner(List.of(JoinerMain.class.getName()), lab, stream, files, port);
    }

    /// What a process with a state has besides.
    public static List<String> stateAndPort(Path files, int port) {
        return List.of("--state-dir", files.resolve("state").toString(), "--http-port", String.valueOf(port));
    }

    /// Concatenates two lists.
    public static List<String> with(List<String> list, List<String> more) {
        List<String> longer = new ArrayList<>(list);
        longer.addAll(more);
        return longer;
    }

    /// @param files where its output and its log go, under its name
    public static ChildJvm start(String name, List<String> jvmFlags, List<String> command, Path files) {
        return start(List.of(), name, jvmFlags, command, files);
    }

    /// @param within see [ChildJvm#run]
    public static ChildJvm start(List<String> within, String name, List<String> jvmFlags, List<String> command,
            Path files) {
        return ChildJvm.run(within, name, jvmFlags, command, files.resolve(name + ".out"),
                files.resolve(name + ".log"));
    }

    /// What a process says at `/health`; missing while it does not answer.
    public static JsonNode health(Json http, int port) throws InterruptedException {
        JsonNode health = http.get("http://127.0.0.1:" + port + "/health");
        return health == null ? Json.NOTHING : health;
    }

    /// What it says there of a model, be it a trainer or a scorer.
    public static JsonNode health(Json http, int port, String model) throws InterruptedException {
        JsonNode models = health(http, port).path("models");
        if (!models.isArray()) {
            return models.path(model);
        }
        for (JsonNode each : models) {
            if (each.path("model").asText().equals(model)) {
                return each;
            }
        }
        return Json.NOTHING;
    }

    /// Has the JDK's `jcmd` ask a JVM, and returns what it says.
    static String ask(ChildJvm process, String question) {
        return output(List.of(Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                String.valueOf(process.pid()), question));
    }

    /// Runs a program, and returns what it prints.
    ///
    /// @throws LoadTestException there is no such program, or it failed
    public static String output(List<String> command) {
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            String output;
            try (var reader = process.inputReader()) {
                output = reader.readAllAsString();
            }
            int status = process.waitFor();
            if (status != 0) {
                throw new LoadTestException(
                        command.getFirst() + " ended with status " + status + ": " + output.strip());
            }
            return output;
        } catch (IOException e) {
            throw new LoadTestException("can't run " + command.getFirst() + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LoadTestException("interrupted while " + command.getFirst() + " ran", e);
        }
    }

    /// Writes a file that a process reads, and its directory where there is none yet.
    public static Path write(Path file, String text) {
        try {
            Files.createDirectories(file.getParent());
            return Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Everything in a directory, after what it is in; none where there is no directory.
    public static List<Path> all(Path directory) {
        if (!Files.exists(directory)) {
            return List.of();
        }
        try (Stream<Path> all = Files.walk(directory)) {
            return all.sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// Deletes a file, or a directory with everything in it.
    public static void delete(Path path) {
        try {
            for (Path each : all(path).reversed()) {
                Files.deleteIfExists(each);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
