package io.tidegrad.trainer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// When Kafka last let this trainer in: the modification time of a file in the state directory. A password that Kafka
/// refuses is a mistake in the settings when they are new. Of settings that worked an hour ago it is more likely a
/// certificate, a password or an ACL that is being replaced, which ends by itself.
final class LetIn {
    private static final Logger LOG = LoggerFactory.getLogger(LetIn.class);
    private static final String FILE = "let-in";

    /// For so long a refusal is worth another try.
    static final Duration GRACE = Duration.ofHours(1);

    private static final Duration EVERY = Duration.ofMinutes(1);

    private final Path file;
    private boolean noted;
    private long notedAt;

    LetIn(Path stateDir) {
        file = stateDir.resolve(FILE);
    }

    /// Kafka let us in just now. Written down once a minute.
    synchronized void note() {
        long now = System.nanoTime();
        if (noted && now - notedAt < EVERY.toNanos()) {
            return;
        }
        noted = true;
        notedAt = now;
        try {
            if (!Files.exists(file)) {
                Files.createFile(file);
            }
            Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
        } catch (IOException e) { // costs no more than the grace
            LOG.debug("{} can't be written", file, e);
        }
    }

    /// Whether Kafka let us in within the last hour, as this machine's clock tells it.
    boolean recently() {
        try {
            Duration ago = Duration.between(Files.getLastModifiedTime(file).toInstant(), Instant.now());
            return ago.abs().compareTo(GRACE) < 0;
        } catch (IOException e) {
            return false;
        }
    }
}
