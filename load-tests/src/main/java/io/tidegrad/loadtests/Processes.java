package io.tidegrad.loadtests;

import io.tidegrad.joiner.app.JoinerMain;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.scorerapp.ScorerMain;
import io.tidegrad.trainer.TrainerMain;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Starts trainers and scorers as processes.
public final class Processes {
    private Processes() {}

    /// Main class and arguments of a trainer.
    ///
    /// @param files where its state directory is
    /// @param more arguments, its specs at least
    public static List<String> trainer(LocalStack stack, Path files, int port, List<String> more) {
        return trainer(List.of(TrainerMain.class.getName()), stack.bootstrapServers(), stack.registryUrl(), with(
                List.of("--state-dir", files.resolve("state").toString(), "--http-port", String.valueOf(port)), more));
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
    static List<String> joiner(LocalStack stack, String stream, Path state, int port) {
        return List.of(JoinerMain.class.getName(), "--bootstrap-servers", stack.bootstrapServers(), "--registry-url",
                stack.registryUrl(), "--stream", stream, "--state-dir", state.toString(), "--http-port",
                String.valueOf(port));
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

    /// Has the JDK's `jcmd` ask a JVM, and returns what it says.
    static String command(ChildJvm process, String command) throws InterruptedException {
        try {
            Process jcmd = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                    String.valueOf(process.pid()), command).redirectErrorStream(true).start();
            String text = new String(jcmd.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            jcmd.waitFor();
            return text;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
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
}
