package io.tidegrad.trainer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.proof.Breaker;
import io.tidegrad.trainer.store.BreakableParts.KillPoint;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/// A `KillableTrainer` seen from its parent.
final class TrainerProcess implements AutoCloseable {
    /// Of one step of a child's life; a liveness bound. While it learns, a step is one movement of its watermark.
    private static final Duration PATIENCE = Duration.ofSeconds(Integer.getInteger("patience.seconds", 90));

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Process process;
    private final Path log; // what it writes on standard error
    private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private final List<String> seen = new ArrayList<>();

    private TrainerProcess(Process process, Path log) {
        this.process = process;
        this.log = log;
        Thread.ofVirtual().start(this::read);
    }

    static TrainerProcess start(TestLog log, Breaker breaker, KillPoint point, String... more) {
        return start(log, "-Xmx192m", breaker, point, more);
    }

    /// @param options of the JVM, in place of the ones above where they name the same
    static TrainerProcess start(TestLog log, String options, Breaker breaker, KillPoint point, String... more) {
        List<String> program = new ArrayList<>(List.of(KillableTrainer.class.getName(), breaker.name(),
                point.moment().name(), Integer.toString(point.nth())));
        program.addAll(log.arguments(more));
        List<String> command = command(options, program);
        try {
            Path errors = log.directory.resolve("stderr");
            return new TrainerProcess(new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.appendTo(errors.toFile())).start(), errors);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /// A JVM with a trainer, by scalar kernels: quick to start, and one more proof that they give the vector kernels'
    /// bits.
    ///
    /// @param options of the JVM, in place of the ones here where they name the same
    /// @param program a main class and its arguments
    static List<String> command(String options, List<String> program) {
        List<String> command =
                new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
                        "-Dtidegrad.kernels=scalar", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
        command.addAll(List.of(options.split(" ")));
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.addAll(program);
        return command;
    }

    private void read() {
        try (BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = out.readLine(); line != null; line = out.readLine()) {
                lines.add(line);
            }
        } catch (IOException e) {
            lines.add("UNREADABLE " + e);
        }
        lines.add("CLOSED");
    }

    /// What follows `word` on the next line that begins with it. A child that ends instead is an error, with what it
    /// said.
    String await(String word) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            String line;
            try {
                line = lines.poll(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            if (line == null || line.equals("CLOSED")) {
                printWhereItStands();
                throw new AssertionError("expected a line " + word + " within " + PATIENCE.toSeconds() + " s, found "
                        + (line == null ? "none" : "the end") + " after " + seen);
            }
            seen.add(line);
            if (line.startsWith(word)) {
                return line.substring(word.length()).strip();
            }
        }
    }

    /// The log, and by SIGQUIT the stacks of all threads, which a JVM writes on standard output.
    private void printWhereItStands() {
        try {
            List<String> said = Files.readAllLines(log);
            said.subList(Math.max(0, said.size() - 50), said.size()).forEach(System.out::println);
            if (process.isAlive()) {
                new ProcessBuilder("kill", "-QUIT", Long.toString(pid())).start().waitFor();
                for (String line = ""; line != null; line = lines.poll(2, TimeUnit.SECONDS)) {
                    System.out.println(line);
                }
            }
        } catch (IOException | InterruptedException e) {
            System.out.println("where it stands is not known: " + e);
        }
    }

    long pid() {
        return process.pid();
    }

    /// SIGKILL.
    void kill() {
        process.destroyForcibly();
        join();
    }

    /// SIGTERM; returns the exit status.
    int stop() {
        process.toHandle().destroy(); // Process.destroy would also close the pipes
        return join();
    }

    int join() {
        try {
            if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("the trainer did not end within " + PATIENCE.toSeconds() + " s");
            }
            return process.exitValue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /// The one model's part of `/health`, once it has learned everything up to `nextOffset` and said so.
    static JsonNode awaitReport(int port, long nextOffset) {
        return awaitHealth(port, health -> health.path("report").path("watermark").asLong(-1) == nextOffset);
    }

    /// The same, once the model's state is restored.
    static JsonNode awaitHealth(int port) {
        return awaitHealth(port, health -> health.has("watermark"));
    }

    /// A slow machine is waited for as long as the trainer learns. (120,000 events of a model of 128 MiB took more than
    /// 90 seconds beside other tests.)
    static JsonNode awaitHealth(int port, Predicate<JsonNode> wanted) {
        long[] lastMove = {-1, System.nanoTime()}; // the watermark, and when it was first seen
        return org.awaitility.Awaitility.await().forever().pollInterval(Duration.ofMillis(50)).until(() -> {
            JsonNode health = health(port);
            long watermark = health.path("watermark").asLong(-1);
            if (watermark != lastMove[0]) {
                lastMove[0] = watermark;
                lastMove[1] = System.nanoTime();
            } else if (System.nanoTime() - lastMove[1] > PATIENCE.toNanos()) {
                throw new AssertionError("the watermark did not move for " + PATIENCE.toSeconds() + " s: " + health);
            }
            return health;
        }, wanted);
    }

    static JsonNode health(int port) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/health")).build();
            String body = client.send(request, HttpResponse.BodyHandlers.ofString()).body();
            return JSON.readTree(body).path("models").path(0);
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
