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

/// Where a run keeps everything: Kafka's data, the registry's, the trainer's state, `logs`. A temporary one is deleted
/// at the end; what a run killed with SIGKILL leaves behind, the next run deletes.
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

    /// A temporary one.
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

    /// One that stays.
    ///
    /// @throws LocalStackException it holds something already
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

    /// Before `own` is locked, and never looking into it: on POSIX, closing any channel of a file gives up the
    /// process's lock on it, and the next run would take this one for abandoned.
    private static void deleteAbandoned(Path own) throws IOException {
        try (DirectoryStream<Path> runs = Files.newDirectoryStream(own.resolveSibling(""), PREFIX + "*")) {
            for (Path run : runs) {
                if (!run.equals(own) && isAbandoned(run)) {
                    delete(run);
                }
            }
        }
    }

    /// It has a lock file that no running process holds.
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

    /// Something went wrong: the logs stay.
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

    /// Broker and registry log beside their data.
    private void gatherLogs() throws IOException {
        for (String directory : List.of("kafka", "registry")) {
            if (!Files.exists(path.resolve(directory))) {
                continue;
            }
            try (DirectoryStream<Path> logs = Files.newDirectoryStream(path.resolve(directory), "*.log")) {
                for (Path log : logs) {
                    Files.move(log, logs().resolve(log.getFileName()));
                }
            }
        }
    }

    private static void delete(Path path) throws IOException {
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
