package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.Ports;
import io.tidegrad.trainer.exit.ExitCode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// A real trainer in a process of its own, and its supervisor: started again after the one exit code that asks for it,
/// as the launcher does. It can be killed, paused and started by whoever makes the chaos.
final class Trainer implements AutoCloseable {
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LAST_PAUSE = Duration.ofSeconds(8);
    private static final Duration LONG_LIFE = Duration.ofSeconds(60);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(45);

    private final String name;
    private final Path files;
    private final List<String> jvmFlags;
    private final List<String> command;
    private final int port = Ports.free();
    private final Json http = new Json();
    private final String model;

    // Guarded by this.
    private @Nullable ChildJvm child;
    private boolean wanted;
    private boolean paused;
    private int restarts;
    private @Nullable Ended ended;

    /// A life that ended by itself with a code that asks for no restart.
    ///
    /// @param said the end of its log
    record Ended(int status, String said) {
    }

    /// @param command main class and arguments, but for the port and the state directory
    /// @param files where its state directory and its logs are
    Trainer(String name, String model, Path files, List<String> jvmFlags, List<String> command) {
        this.name = name;
        this.model = model;
        this.files = files;
        this.jvmFlags = List.copyOf(jvmFlags);
        this.command = List.copyOf(command);
    }

    Path stateDir() {
        return files.resolve("state");
    }

    /// Lines of its log with these words, in all of its lives.
    synchronized long logged(String words) {
        return child == null ? 0 : child.linesWith(words);
    }

    /// Of its HTTP server.
    int port() {
        return port;
    }

    void start() {
        start(List.of());
    }

    /// @param more arguments of this life and the restarts of it
    void start(List<String> more) {
        start(more, List.of());
    }

    /// @param within see [ChildJvm#run]
    synchronized void startWithin(List<String> within) {
        start(List.of(), within);
    }

    private synchronized void start(List<String> more, List<String> within) {
        if (isRunning()) {
            throw new IllegalStateException(name + " is running");
        }
        wanted = true;
        ended = null;
        launch(more, within, FIRST_PAUSE);
    }

    private synchronized void launch(List<String> more, List<String> within, Duration pause) {
        List<String> line = new ArrayList<>(command);
        line.addAll(List.of("--state-dir", stateDir().toString()));
        line.addAll(List.of("--http-port", String.valueOf(port)));
        line.addAll(more);
        ChildJvm child =
                ChildJvm.run(within, name, jvmFlags, line, files.resolve("trainer.out"), files.resolve("trainer.log"));
        this.child = child;
        paused = false;
        long started = System.nanoTime();
        Thread.ofVirtual().start(() -> supervise(child, more, within, started, pause));
    }

    private void supervise(ChildJvm child, List<String> more, List<String> within, long started, Duration pause) {
        while (!child.waitFor(Duration.ofHours(1))) {
            // A long life.
        }
        Duration next = pause;
        synchronized (this) {
            if (!wanted || this.child != child) {
                return; // as ordered
            }
            int status = child.status().orElse(-1);
            if (status != ExitCode.RETRYABLE.status()) {
                wanted = false;
                ended = new Ended(status, child.logTail());
                return;
            }
            restarts++;
            if (System.nanoTime() - started > LONG_LIFE.toNanos()) {
                next = FIRST_PAUSE;
            }
        }
        try {
            Thread.sleep(next);
        } catch (InterruptedException e) {
            return;
        }
        synchronized (this) {
            if (wanted && this.child == child) {
                Duration twice = next.multipliedBy(2);
                launch(more, within, twice.compareTo(LAST_PAUSE) < 0 ? twice : LAST_PAUSE);
            }
        }
    }

    synchronized boolean isRunning() {
        return child != null && child.isAlive();
    }

    /// Whether it is meant to run: it runs, or its supervisor starts it again.
    synchronized boolean isWanted() {
        return wanted;
    }

    /// Lives that ended with the code that asks for a restart.
    synchronized int restarts() {
        return restarts;
    }

    /// Null unless it ended by itself for good.
    synchronized @Nullable Ended ended() {
        return ended;
    }

    synchronized long pid() {
        ChildJvm running = child;
        return running == null ? -1 : running.pid();
    }

    /// SIGKILL. It stays down until it is started.
    synchronized void kill() {
        wanted = false;
        if (child != null) {
            child.kill();
        }
    }

    synchronized void pause() {
        running().pause();
        paused = true;
    }

    synchronized void resume() {
        paused = false;
        running().resume();
    }

    private ChildJvm running() {
        ChildJvm running = child;
        if (running == null) {
            throw new IllegalStateException(name + " has never been started");
        }
        return running;
    }

    /// SIGTERM; returns when it is gone.
    ///
    /// @return its exit status
    OptionalInt stop() {
        ChildJvm running;
        synchronized (this) {
            wanted = false;
            running = child;
        }
        if (running == null) {
            return OptionalInt.empty();
        }
        running.stop(STOP_WITHIN);
        return running.status();
    }

    /// Waits until it has ended by itself for good.
    ///
    /// @throws LoadTestException it is still running after `bound`
    Ended awaitEnd(Duration bound) throws InterruptedException {
        long deadline = System.nanoTime() + bound.toNanos();
        while (true) {
            Ended ended = ended();
            if (ended != null) {
                return ended;
            }
            if (System.nanoTime() > deadline) {
                throw new LoadTestException(
                        "expected the " + name + " to end within " + bound.toSeconds() + " s, found it running");
            }
            Thread.sleep(20);
        }
    }

    /// What its `/health` says of the model; missing when it does not answer, is paused or down.
    JsonNode health() throws InterruptedException {
        synchronized (this) {
            if (paused || !isRunning()) {
                return Json.NOTHING;
            }
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
    public String toString() {
        return name;
    }

    @Override
    public void close() {
        kill();
        http.close();
    }
}
