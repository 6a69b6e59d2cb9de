package io.tidegrad.localstack;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The directory of a run: data of Kafka and the registry, the trainer's state, `logs`. A temporary one is deleted at
/// the end; if the run is killed with SIGKILL, the next run deletes it.
public final class RunDirectory implements AutoCloseable {
    private static final String PREFIX = "tidegrad-run-";
    private static final String LOCK_FILE = "running.lock";
    private static final String LOGS = "logs";

    private final Path path;
    private final boolean temporary;
    private final FileChannel lock;
    private boolean keepLogs;

    private RunDirectory(Path path, boolean temporary, FileChannel lock) {
        this.path = path;
        this.temporary = temporary;
        this.lock = lock;
    }

    /// Creates a temporary directory.
    public static RunDirectory temporary() {
        try {
            Path path = Files.createTempDirectory(PREFIX);
            deleteAbandoned(path);
            RunDirectory directory = new RunDirectory(path, true, lock(path));
            Files.createDirectories(directory.logs());
            return directory;
        } catch (IOException e) {
            throw new LocalStackException("can't make a temporary directory: " + e, e);
        }
    }

    /// Uses a directory that is kept.
    ///
    /// @throws LocalStackException the directory is not empty
    public static RunDirectory in(Path path) {
        try {
            Files.createDirectories(path);
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
                if (entries.iterator().hasNext()) {
                    throw new LocalStackException("--dir expects a new or empty directory, and " + path
                            + " is not empty: a run begins with empty topics");
                }
            }
            RunDirectory directory = new RunDirectory(path.toAbsolutePath(), false, lock(path));
            Files.createDirectories(directory.logs());
            return directory;
        } catch (IOException e) {
            throw new LocalStackException("can't use the directory " + path + ": " + e, e);
        }
    }

    private static FileChannel lock(Path path) throws IOException {
        FileChannel channel =
                FileChannel.open(path.resolve(LOCK_FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (channel.tryLock() == null) {
            channel.close();
            throw new IOException(path + " is in use by another run");
        }
        return channel;
    }

    /// Deletes directories of killed runs. It is called before `own` is locked and skips `own`: on POSIX, closing any
    /// channel of a file releases the process's lock on it, and the next run would consider this one abandoned.
    private static void deleteAbandoned(Path own) throws IOException {
        try (DirectoryStream<Path> runs = Files.newDirectoryStream(own.resolveSibling(""), PREFIX + "*")) {
            for (Path run : runs) {
                if (!run.equals(own) && isAbandoned(run)) {
                    delete(run);
                }
            }
        }
    }

    /// Whether the directory has a lock file that no running process holds.
    private static boolean isAbandoned(Path run) {
        try (FileChannel channel = FileChannel.open(run.resolve(LOCK_FILE), StandardOpenOption.WRITE);
                FileLock lock = channel.tryLock()) {
            return lock != null;
        } catch (OverlappingFileLockException | IOException notOurs) {
            return false;
        }
    }

    public Path path() {
        return path;
    }

    public Path logs() {
        return path.resolve(LOGS);
    }

    /// Keeps the logs, because something went wrong.
    public void keepLogs() {
        keepLogs = true;
    }

    @Override
    public void close() {
        try {
            lock.close();
            Files.deleteIfExists(path.resolve(LOCK_FILE));
            if (!temporary) {
                return;
            }
            if (!keepLogs) {
                delete(path);
                return;
            }
            gatherLogs();
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
                for (Path entry : entries) {
                    if (!entry.endsWith(LOGS)) {
                        delete(entry);
                    }
                }
            }
        } catch (IOException e) {
            throw new LocalStackException("can't delete " + path + ": " + e, e);
        }
    }

    /// Collects the logs and outputs that processes write into directories of their own. Those of broker and registry say
    /// by themselves whose they are.
    private void gatherLogs() throws IOException {
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(path, Files::isDirectory)) {
            for (Path process : processes) {
                String of = process.getFileName().toString();
                String prefix = List.of("kafka", "registry").contains(of) ? "" : of + "-";
                if (!of.equals(LOGS)) {
                    gatherLogs(process, prefix);
                }
            }
        }
    }

    private void gatherLogs(Path directory, String prefix) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.{log,out}")) {
            for (Path file : files) {
                Files.move(file, logs().resolve(prefix + file.getFileName()));
            }
        }
    }

    /// Deletes a directory and all that is in it, even while another process deletes it too.
    static void delete(Path path) throws IOException {
        Files.walkFileTree(path, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.deleteIfExists(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                if (e instanceof NoSuchFileException) {
                    return FileVisitResult.CONTINUE;
                }
                throw e;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException e) throws IOException {
                if (e != null) {
                    throw e;
                }
                Files.deleteIfExists(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
