package io.tidegrad.ops.http;

import com.sun.management.UnixOperatingSystemMXBean;
import java.io.File;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalLong;

/// How many files and sockets this process may have open. A process that has none left can't accept a connection, open
/// a log segment or load a class, so the connections that it lets in must fit, with room for everything else.
public final class FileDescriptors {
    private static final int BESIDES_JARS = 64;

    private FileDescriptors() {}

    /// The process's limit; empty where the system has none to tell.
    public static OptionalLong limit() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean os
                ? OptionalLong.of(os.getMaxFileDescriptorCount()) : OptionalLong.empty();
    }

    /// What the process needs besides its clients' connections: each jar of its class path is open once a class was
    /// looked for in it; connections to Kafka and the registry, logs and the JVM's own took 20 to 60 more.
    public static long besides() {
        long jars = Arrays.stream(System.getProperty("java.class.path", "").split(File.pathSeparator))
                .filter(entry -> entry.endsWith(".jar")).count();
        return jars + BESIDES_JARS;
    }

    /// @param connections of clients, at most, of all servers of this process
    /// @param lower what to do instead of raising the limit; empty when there is nothing
    /// @return why they do not fit; empty when they do
    public static Optional<String> tooFew(long connections, String lower) {
        OptionalLong limit = limit();
        long needed = connections + besides();
        if (limit.isEmpty() || limit.getAsLong() >= needed) {
            return Optional.empty();
        }
        return Optional
                .of(("open files: expected a limit of at least %d (%d for connections of clients, %d for the rest"
                        + " of the process), found %d; raise it (ulimit -n, LimitNOFILE= of systemd)%s")
                        .formatted(needed, connections, besides(), limit.getAsLong(),
                                lower.isEmpty() ? "" : ", or " + lower));
    }
}
