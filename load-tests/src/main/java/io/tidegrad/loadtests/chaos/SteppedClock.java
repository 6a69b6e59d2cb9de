package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;

/// A wall clock that only one process sees, and that can be set while it runs, by the library of Debian's `faketime`. The
/// clock that measures durations (`System.nanoTime`) is not changed.
final class SteppedClock {
    /// Where the dynamic linker finds it; empty where it is not installed.
    private static final String LIBRARY = library();

    private final Path file;

    private SteppedClock(Path file) {
        this.file = file;
    }

    /// A clock that is right until it is set.
    static SteppedClock right(Path file) {
        SteppedClock clock = new SteppedClock(file);
        clock.set(Duration.ZERO);
        return clock;
    }

    /// The command sets this variable for its child, with a path that depends on the system.
    private static String library() {
        try {
            return Processes.output(List.of("sh", "-c", "faketime -m -f +0 sh -c 'echo $LD_PRELOAD' 2>/dev/null"))
                    .strip();
        } catch (LoadTestException noSuchProgram) {
            return "";
        }
    }

    static boolean isAvailable() {
        return !LIBRARY.isEmpty();
    }

    /// Before a command: it sees this clock.
    List<String> within() {
        return List.of("env", "LD_PRELOAD=" + LIBRARY, "FAKETIME_TIMESTAMP_FILE=" + file, "FAKETIME_CACHE_DURATION=1", // seconds until it looks into the file again
                "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_FORCE_MONOTONIC_FIX=0", // else the JVM's waits would end at once
                "NO_FAKE_STAT=1");
    }

    /// Sets the clock; a running process sees it within a second.
    ///
    /// @param off how far the clock is ahead of the right time
    void set(Duration off) {
        try {
            Path next = file.resolveSibling(file.getFileName() + ".next");
            Files.writeString(next, "%+d\n".formatted(off.toSeconds()));
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
