package io.tidegrad.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Notes when Kafka last accepted our credentials, as the modification time of a file in the state directory. New
/// credentials that Kafka refuses are a mistake in the settings. If the same credentials worked within the last hour,
/// it is more likely that a certificate, a password or an ACL is being replaced, and another try helps.
public final class LetIn {
    private static final Logger LOG = LoggerFactory.getLogger(LetIn.class);
    private static final String FILE = "let-in";

    static final Duration GRACE = Duration.ofHours(1);

    private static final Duration EVERY = Duration.ofMinutes(1);

    private final Path file;
    private boolean noted;
    private long notedAt;

    public LetIn(Path stateDir) {
        file = stateDir.resolve(FILE);
    }

    /// Notes that Kafka has accepted our credentials, at most once a minute.
    public synchronized void note() {
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
        } catch (IOException e) { // the next refusal then counts as a mistake in the settings
            LOG.debug("{} can't be written", file, e);
        }
    }

    /// Returns whether Kafka accepted our credentials within the last hour, by the clock of this machine.
    public boolean recently() {
        try {
            Duration ago = Duration.between(Files.getLastModifiedTime(file).toInstant(), Instant.now());
            return ago.abs().compareTo(GRACE) < 0;
        } catch (IOException e) {
            return false;
        }
    }
}
