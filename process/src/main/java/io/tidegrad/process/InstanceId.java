package io.tidegrad.process;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The name under which Kafka knows this process across restarts. It is generated once and kept in the state directory.
/// Without it the next start waits once for the old session, so a damaged file is replaced.
public final class InstanceId {
    private static final Logger LOG = LoggerFactory.getLogger(InstanceId.class);
    private static final String FILE = "instance-id";

    /// The ids that Kafka allows for a member of a group (`Topic.validate`). Another one would end a stream thread.
    private static final Pattern LEGAL = Pattern.compile("[a-zA-Z0-9._-]{1,249}");

    private InstanceId() {}

    /// @param program begins the name: `trainer`
    /// @throws StopException if the directory can't be written
    public static String in(Path stateDir, String program) {
        Path file = stateDir.resolve(FILE);
        try {
            Files.createDirectories(stateDir);
            if (Files.exists(file)) {
                // Bytes that are not UTF-8 become a character that is not legal.
                String kept = new String(Files.readAllBytes(file), StandardCharsets.UTF_8).strip();
                if (LEGAL.matcher(kept).matches() && !kept.matches("[.]{1,2}")) {
                    return kept;
                }
                LOG.warn(
                        "expected a name of letters, digits, '.', '_' and '-' in {}, found {} bytes that are none: replaced;"
                                + " the first start under the new name may wait until the old one's session has ended",
                        file, Files.size(file));
            }
            String made = program + "-" + UUID.randomUUID();
            write(made, file, stateDir);
            return made;
        } catch (IOException e) {
            throw unusable(stateDir, e);
        }
    }

    /// Writes the file so that it is whole or missing after a loss of power.
    private static void write(String text, Path file, Path directory) throws IOException {
        Path whole = Files.createTempFile(directory, FILE, ".new");
        try {
            try (FileChannel channel = FileChannel.open(whole, StandardOpenOption.WRITE)) {
                ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                channel.force(true);
            }
            Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(whole);
        }
        try (FileChannel renamed = FileChannel.open(directory)) {
            renamed.force(true);
        }
    }

    public static StopException unusable(Path stateDir, IOException e) {
        return new StopException(ExitCode.CONFIGURATION,
                "state-dir " + stateDir + ": expected a directory that can be written, found "
                        + e.getClass().getSimpleName() + " " + e.getMessage(),
                e);
    }
}
