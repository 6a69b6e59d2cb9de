package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.Ports;
import io.tidegrad.process.ExitCode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// A process and its supervisor, which starts it again after the one exit code that asks for it, as the launcher does.
/// The chaos run can kill, pause and start it.
class Supervised implements AutoCloseable {
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LAST_PAUSE = Duration.ofSeconds(8);
    private static final Duration LONG_LIFE = Duration.ofSeconds(60);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(45);

    private final String name;
    private final String kind;
    private final Path files;
    private final int port = Ports.free(); // of its HTTP server
    private final List<String> jvmFlags;
    private final List<String> command;
    private final Json http = new Json();
    // Guarded by this.
    private @Nullable ChildJvm child;
    private boolean wanted;
    private boolean paused;
    private int restarts;
    private @Nullable Ended ended;
    private @Nullable Ended last;

    /// How a process ended by itself.
    ///
    /// @param said the end of its log
    record Ended(int status, String said) {
        String lastLine() {
            return said.strip().substring(said.strip().lastIndexOf('\n') + 1);
        }
    }

    /// @param name for messages
    /// @param kind names its output and its log
    /// @param files where its output and its log are
    /// @param command main class and arguments, by the port of its HTTP server
    Supervised(String name, String kind, Path files, List<String> jvmFlags, IntFunction<List<String>> command) {
        this.name = name;
        this.kind = kind;
        this.files = files;
        this.jvmFlags = List.copyOf(jvmFlags);
        this.command = List.copyOf(command.apply(port));
    }

    /// The number of lines with these words in its log, over all restarts.
    synchronized long logged(String words) {
        return child == null ? 0 : child.linesWith(words);
    }

    void start() {
        start(List.of());
    }

    /// @param more arguments of this life and the restarts of it
    void start(List<String> more) {
        start(more, List.of());
    }

    /// @param within see [ChildJvm#run]
    void startWithin(List<String> within) {
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
        ChildJvm child = ChildJvm.run(within, name, jvmFlags, Processes.with(command, more),
                files.resolve(kind + ".out"), files.resolve(kind + ".log"));
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
                return; // it was told to
            }
            last = new Ended(child.status().orElse(-1), child.logTail());
            if (last.status() != ExitCode.RETRYABLE.status()) {
                wanted = false;
                ended = last;
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

    /// How often it ended with the code that asks for a restart.
    synchronized int restarts() {
        return restarts;
    }

    /// How it ended by itself for good; null if it has not.
    synchronized @Nullable Ended ended() {
        return ended;
    }

    /// How it last ended by itself, whether for good or not; null if it has not.
    synchronized @Nullable Ended lastEnd() {
        return last;
    }

    /// @throws LoadTestException it ended by itself for good
    void requireAlive() {
        Ended end = ended();
        if (end != null) {
            throw new LoadTestException(
                    "expected the " + name + " to go on or to ask for a restart, found that it ended" + " with status "
                            + end.status() + ": " + end.lastLine());
        }
    }

    private synchronized boolean isSilent() {
        return paused || !isRunning();
    }

    final int port() {
        return port;
    }

    final Path stateDir() {
        return files.resolve("state");
    }

    /// What it says at `/health`; missing when it does not answer, is paused or down.
    final JsonNode allHealth() throws InterruptedException {
        return isSilent() ? Json.NOTHING : Processes.health(http, port);
    }

    /// What it says there of a model.
    final JsonNode health(String model) throws InterruptedException {
        return isSilent() ? Json.NOTHING : Processes.health(http, port, model);
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

    /// See [ChildJvm#dumpThreads]. Nothing if it does not run.
    synchronized void dumpThreads() {
        if (isRunning()) {
            running().dumpThreads();
        }
    }

    private ChildJvm running() {
        ChildJvm running = child;
        if (running == null) {
            throw new IllegalStateException(name + " has never been started");
        }
        return running;
    }

    /// SIGTERM; returns when it is gone.
    void stop() {
        ChildJvm running;
        synchronized (this) {
            wanted = false;
            running = child;
        }
        if (running != null) {
            running.stop(STOP_WITHIN);
        }
    }

    /// Waits until it has ended by itself for good.
    ///
    /// @throws LoadTestException it is still running after `bound`
    Ended awaitEnd(Duration bound) throws InterruptedException {
        return Await.value("the " + name + " to end", bound, this::ended, () -> "it running");
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
