package io.tidegrad.localstack;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The broker and the registry of all tests that need no other ones, so each test must use its own topics, groups and
/// subjects. `./tidegrad test` starts one [LocalStack] for all test JVMs and names the file with its output in a system
/// property, and the process's number in a file beside it; without that, a JVM starts its own when a test first asks, and stops it when it ends.
public final class SharedStack {
    /// The system property with the file that the standard output of `tidegrad local-stack` goes to.
    static final String OUTPUT = "tidegrad.tests.stack";

    private static final Pattern READY =
            Pattern.compile("bootstrap\\.servers=(\\S+) schema\\.registry\\.url=(\\S+)\\s");

    /// It starts beside the modules that come first and is mostly ready by now.
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    private static @Nullable KafkaProvider stack;
    private static @Nullable LocalStackException failed;

    private SharedStack() {}

    /// @throws LocalStackException if the stack can't start, or the one that was started ended or does not get ready;
    ///     later calls throw at once
    public static synchronized KafkaProvider get() {
        LocalStackException before = failed;
        if (before != null) {
            throw before;
        }
        KafkaProvider running = stack;
        if (running == null) {
            String output = System.getProperty(OUTPUT, "");
            try {
                running = output.isEmpty() ? start() : await(Path.of(output));
            } catch (LocalStackException e) {
                failed = e;
                throw e;
            }
            stack = running;
        }
        return running;
    }

    private static KafkaProvider start() {
        LocalStack started = LocalStack.start(LocalStackOptions.temporary());
        Runtime.getRuntime().addShutdownHook(new Thread(started::close, "stop-shared-stack"));
        return started;
    }

    /// @param output of the stack, beside which its process's number is
    static KafkaProvider await(Path output) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        String said = "";
        while (System.nanoTime() - deadline < 0) {
            try {
                said = Files.exists(output) ? Files.readString(output) : "";
            } catch (IOException e) {
                throw new LocalStackException("can't read " + output + ": " + e, e);
            }
            Matcher ready = READY.matcher(said);
            if (ready.find()) {
                return new KafkaProvider.Elsewhere(ready.group(1), ready.group(2));
            }
            if (hasEnded(output)) {
                throw new LocalStackException("expected the stack of all tests to be ready, found that it has ended; "
                        + output + ": " + said + "; its log is beside it");
            }
            LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
        }
        throw new LocalStackException("expected the stack of all tests to be ready within " + PATIENCE.toSeconds()
                + " s, found in " + output + ": " + (said.isEmpty() ? "nothing" : said) + "; its log is beside it");
    }

    private static boolean hasEnded(Path output) {
        Path pid = output.resolveSibling(output.getFileName() + ".pid");
        try {
            return Files.exists(pid) && ProcessHandle.of(Long.parseLong(Files.readString(pid).strip())).isEmpty();
        } catch (IOException | NumberFormatException beingWritten) {
            return false;
        }
    }
}
