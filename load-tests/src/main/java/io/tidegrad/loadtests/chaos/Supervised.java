package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.process.ExitCode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// A process and its supervisor, which starts it again after the one exit code that asks for it, as the launcher does.
/// The chaos run can kill, pause and start it.
class Supervised implements AutoCloseable {
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LAST_PAUSE = Duration.ofSeconds(8);
    private static final Duration LONG_LIFE = Duration.ofSeconds(60);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(45);

    private final String name;
    private final Path files;
    private final List<String> jvmFlags;
    private final List<String> command;
    private final String kind;

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
    }

    /// @param name for messages
    /// @param kind names its output and its log
    /// @param command main class and arguments
    /// @param files where its output and its log are
    Supervised(String name, String kind, Path files, List<String> jvmFlags, List<String> command) {
        this.name = name;
        this.kind = kind;
        this.files = files;
        this.jvmFlags = List.copyOf(jvmFlags);
        this.command = List.copyOf(command);
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

    /// Whether it is paused or down, so that nobody answers.
    synchronized boolean isSilent() {
        return paused || !isRunning();
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
        return Await.value("the " + name + " to end", bound, this::ended, () -> "it running");
    }

    @Override
    public String toString() {
        return name;
    }

    @Override
    public void close() {
        kill();
    }
}
