package io.tidegrad.trainer;

import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.UUID;

/// Who this trainer is to Kafka, across restarts: a name generated once and kept in the state directory.
final class InstanceId {
    private static final String FILE = "instance-id";

    private InstanceId() {}

    static String in(Path stateDir) {
        Path file = stateDir.resolve(FILE);
        try {
            Files.createDirectories(stateDir);
            if (!Files.exists(file)) {
                Path whole = Files.createTempFile(stateDir, FILE, ".new");
                Files.writeString(whole, "trainer-" + UUID.randomUUID());
                Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
            }
            return Files.readString(file).strip();
        } catch (IOException e) {
            throw new TrainerException(
                    ExitCode.CONFIGURATION,
                    "--state-dir "
                            + stateDir
                            + ": expected a directory that can be written, found "
                            + e.getClass().getSimpleName()
                            + " "
                            + e.getMessage(),
                    e);
        }
    }
}
