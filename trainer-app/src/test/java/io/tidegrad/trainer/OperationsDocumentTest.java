package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.trainer.exit.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class OperationsDocumentTest {
    /// Names of our own metrics, as the document's table has them.
    static List<String> metricNames() throws IOException {
        return Pattern.compile("`(tidegrad_[a-z_]+)`").matcher(document()).results().map(name -> name.group(1))
                .toList();
    }

    private static String document() throws IOException {
        return Files.readString(Path.of(System.getProperty("tidegrad.root"), "docs", "operations.md"));
    }

    @Test
    void everyExitCodeIsInTheOperatorsTable() throws IOException {
        String document = document();
        for (ExitCode code : ExitCode.values()) {
            String restart = code.retryable() ? "yes" : "no";
            assertThat(document).contains("| %d | %s | %s |".formatted(code.status(), code, restart));
        }
    }
}
