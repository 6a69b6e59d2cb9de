package io.tidegrad.cli;

import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/// A load test as a command.
abstract class Loadtest extends OptionsCommand {
    /// A load test that can be run.
    @FunctionalInterface
    interface Measuring {
        /// Returns the exit status.
        ///
        /// @throws LoadTestException if something did not do what is measured
        int run() throws InterruptedException;
    }

    /// @throws IllegalArgumentException if an option is out of its bounds
    abstract Measuring measuring();

    @Override
    public final Integer call() throws InterruptedException {
        Measuring measuring;
        try {
            measuring = measuring();
        } catch (IllegalArgumentException | TypeConversionException e) {
            throw wrongUsage(e);
        }
        return measuring.run();
    }

    /// A load test that can print JSON.
    abstract static class WithJson extends Loadtest {
        @Option(names = "--json", description = "Print JSON lines with all values, in place of text for people.")
        private boolean json;

        final boolean json() {
            return json;
        }
    }

    /// Returns a load test that succeeds unless it throws.
    static Measuring of(Running running) {
        return () -> {
            running.run();
            return 0;
        };
    }

    /// Returns a load test that fails if something did not hold, of which it has told.
    static Measuring of(LoadTest load) {
        return () -> {
            load.run();
            return load.violations().isEmpty() ? 0 : Tidegrad.FAILED;
        };
    }

    /// Creates the directory of an option, if it is given.
    static void create(@Nullable Path directory) {
        try {
            if (directory != null) {
                Files.createDirectories(directory);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @FunctionalInterface
    interface Running {
        void run() throws InterruptedException;
    }
}
