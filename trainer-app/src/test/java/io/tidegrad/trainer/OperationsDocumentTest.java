package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.schemas.settings.KafkaRules;
import io.tidegrad.schemas.settings.Setting;
import io.tidegrad.trainer.exit.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class OperationsDocumentTest {
    /// Names of our own metrics, as the document's table has them.
    static List<String> metricNames() throws IOException {
        return Pattern.compile("`(tidegrad_[a-z_]+)`")
                .matcher(document())
                .results()
                .map(name -> name.group(1))
                .toList();
    }

    private static String document() throws IOException {
        return Files.readString(
                Path.of(System.getProperty("tidegrad.root"), "docs", "operations.md"));
    }

    @Test
    void everySettingIsInTheOperatorsTable() throws IOException {
        String document = document();
        for (Setting setting : Setting.values()) {
            String requiring = setting.requiredBy();
            String otherwise =
                    requiring.isEmpty()
                            ? setting.otherwise()
                            : requiring.equals(setting.commands())
                                    ? "required"
                                    : "required by " + requiring;
            assertThat(document)
                    .contains(
                            "| `%s` | %s | %s | %s |"
                                    .formatted(
                                            setting.usage(),
                                            setting.commands(),
                                            otherwise,
                                            setting.meaning()));
        }
    }

    @Test
    void whatMayBeSetOfKafkaIsInTheOperatorsTables() throws IOException {
        String document = document();
        assertThat(document)
                .contains(
                        KafkaRules.TUNABLE.stream()
                                .sorted()
                                .map(name -> "`" + name + "`")
                                .collect(Collectors.joining(", ")));
        KafkaRules.FIXED.forEach(
                (name, fixed) ->
                        assertThat(document)
                                .contains(
                                        "| `%s` | `%s` | %s |"
                                                .formatted(name, fixed.value(), fixed.reason())));
    }

    @Test
    void everyExitCodeIsInTheOperatorsTable() throws IOException {
        String document = document();
        for (ExitCode code : ExitCode.values()) {
            String restart = code.retryable() ? "yes" : "no";
            assertThat(document)
                    .contains("| %d | %s | %s |".formatted(code.status(), code, restart));
        }
    }
}
