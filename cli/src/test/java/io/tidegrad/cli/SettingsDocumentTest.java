package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class SettingsDocumentTest {
    @Test
    void theSettingsPageIsWhatTheCodeSays() throws IOException {
        Path root = Path.of(System.getProperty("tidegrad.root"));
        String expected = SettingsPage.text();
        Path generated = Path.of("cli", "target", "settings.md");
        Files.writeString(root.resolve(generated), expected);
        assertThat(Files.readString(root.resolve("docs/settings.md"))).as(
                "docs/settings.md is not what the declarations of settings say; write it anew: cp %s docs/settings.md",
                generated).isEqualTo(expected);
    }
}
