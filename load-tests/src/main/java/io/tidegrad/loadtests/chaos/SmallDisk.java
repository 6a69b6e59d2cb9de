package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// A directory that only one process sees as a file system of its own, full or read-only: in a mount namespace, which
/// ends with the process, so that nothing is left behind. As root, or where users may have namespaces.
final class SmallDisk {
    /// Of the commands that make a namespace in which we may mount, the first that works; none where none does.
    private static final List<String> NAMESPACE = List.of(List.of("unshare", "-m"), List.of("unshare", "-rm")).stream()
            .filter(SmallDisk::works).findFirst().orElse(List.of());

    private static final String MOUNT = "mount -t tmpfs -o %s tmpfs \"$0\" && ";
    private static final String FILL = "{ head -c 1000000 /dev/zero > \"$0/full\" 2>&-; true; } && ";

    private SmallDisk() {}

    private static boolean works(List<String> namespace) {
        try {
            Path directory = Files.createTempDirectory("tidegrad-mount");
            try {
                Processes.output(Processes.with(namespace,
                        List.of("sh", "-c", MOUNT.formatted("ro") + "true", directory.toString())));
                return true;
            } catch (LoadTestException itDoesNot) {
                return false;
            } finally {
                Files.delete(directory);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static boolean isAvailable() {
        return !NAMESPACE.isEmpty();
    }

    /// Before a command: it sees `directory` as an empty file system on which there is no room.
    static List<String> full(Path directory) {
        return mounted(directory, MOUNT.formatted("size=64k") + FILL);
    }

    /// Before a command: it sees `directory` as an empty file system that can't be written.
    static List<String> readOnly(Path directory) {
        return mounted(directory, MOUNT.formatted("ro"));
    }

    /// Before a command: it sees `directory` as an empty file system with room for little.
    static List<String> small(Path directory) {
        return mounted(directory, MOUNT.formatted("size=64k"));
    }

    private static List<String> mounted(Path directory, String mount) {
        return Processes.with(NAMESPACE, List.of("sh", "-c", mount + "exec \"$@\"", directory.toString()));
    }

    /// Fills what a running process sees as `directory`, of [#small].
    static void fill(long pid, Path directory) {
        Path seen = Path.of("/proc/" + pid + "/root" + directory.toAbsolutePath());
        try {
            Files.write(seen.resolve("full"), new byte[1_000_000]);
        } catch (IOException full) {
            return;
        }
        throw new IllegalStateException("expected no room for 1 MB in " + seen);
    }
}
