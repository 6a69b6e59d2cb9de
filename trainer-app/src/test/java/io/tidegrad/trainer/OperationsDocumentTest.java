package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.process.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class OperationsDocumentTest {
    /// Names of a trainer's own metrics, as the page about watching lists them.
    static List<String> metricNames() throws IOException {
        String page = page("watch.md");
        String list = page.substring(page.indexOf("## Metrics of a trainer"));
        return Pattern.compile("`(tidegrad_[a-z_]+)`").matcher(list.substring(0, list.indexOf("\n## "))).results()
                .map(name -> name.group(1)).toList();
    }

    private static String page(String name) throws IOException {
        return Files.readString(Path.of(System.getProperty("tidegrad.root"), "docs/operations", name));
    }

    @Test
    void everyExitCodeIsInTheOperatorsTable() throws IOException {
        String document = page("run.md");
        for (ExitCode code : ExitCode.values()) {
            String restart = code.retryable() ? "yes" : "no";
            assertThat(document).contains("| %d | %s | %s |".formatted(code.status(), code, restart));
        }
    }
}
