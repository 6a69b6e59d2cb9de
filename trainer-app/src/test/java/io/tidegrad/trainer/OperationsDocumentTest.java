package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.trainer.exit.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class OperationsDocumentTest {
    @Test
    void everyExitCodeIsInTheOperatorsTable() throws IOException {
        String document =
                Files.readString(
                        Path.of(System.getProperty("tidegrad.root"), "docs", "operations.md"));
        for (ExitCode code : ExitCode.values()) {
            assertThat(document)
                    .contains(
                            "| "
                                    + code.status()
                                    + " | "
                                    + code
                                    + " | "
                                    + (code.retryable() ? "yes" : "no")
                                    + " |");
        }
    }
}
