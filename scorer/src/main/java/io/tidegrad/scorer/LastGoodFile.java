package io.tidegrad.scorer;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.snapshot.SnapshotFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;

/// `NAME.snapshot` in the state directory holds the version that served last under a name. A write never damages it:
/// the new content is written to another file, forced to the disk and then moved into place. If this class creates the
/// directory, only its owner may read it.
final class LastGoodFile {
    /// The characters of topic names. No such name leads out of the directory.
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]+");

    private final Path directory;
    private final Path path;
    private final Path part;

    LastGoodFile(Path directory, String name) {
        requireName(name);
        this.directory = directory;
        path = directory.resolve(name + ".snapshot");
        part = directory.resolve(name + ".snapshot.part");
    }

    /// @throws IllegalArgumentException if the name can't be the name of a file
    static void requireName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "a state directory has a file a model: expected a name of letters, digits, '.', '_' and '-', found '"
                            + name + "'");
        }
    }

    /// @throws UncheckedIOException if the directory does not exist and can't be created
    void makeDirectory() {
        try {
            if (Files.isDirectory(directory)) {
                return;
            }
            Path parent = directory.toAbsolutePath().getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            if (directory.getFileSystem().supportedFileAttributeViews().contains("posix")) {
                Files.createDirectory(directory,
                        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } else {
                Files.createDirectory(directory);
            }
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(directory)) {
                throw new UncheckedIOException("state directory " + directory + ": expected a directory, found a file",
                        e);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "state directory " + directory + ": expected a directory that can be written, found " + e, e);
        }
    }

    Path path() {
        return path;
    }

    boolean exists() {
        return Files.exists(path);
    }

    /// @param wanted asked once all is written, before the file is moved into place
    /// @return whether the file was moved into place
    boolean write(SnapshotFile.Head head, Parameters parameters, BooleanSupplier wanted) throws IOException {
        try (FileChannel channel = FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                OutputStream to = new BufferedOutputStream(Channels.newOutputStream(channel))) {
            lock(channel);
            channel.truncate(0);
            SnapshotFile.write(head, parameters, to);
            to.flush();
            channel.force(true);
            synchronized (this) {
                if (!wanted.getAsBoolean()) {
                    Files.deleteIfExists(part);
                    return false;
                }
                Files.move(part, path, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            }
        }
        forceDirectory();
        return true;
    }

    /// Locks the file until the channel is closed. Without it two scorers with the same name and directory would write
    /// into each other's file.
    private void lock(FileChannel channel) throws IOException {
        try {
            if (channel.tryLock() != null) {
                return;
            }
        } catch (OverlappingFileLockException ofThisProcess) {
            throw new IOException("another scorer of this process writes " + part, ofThisProcess);
        }
        throw new IOException("another process writes " + part);
    }

    /// Makes the move survive a power failure.
    private void forceDirectory() throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    synchronized void delete() throws IOException {
        Files.deleteIfExists(path);
    }
}
