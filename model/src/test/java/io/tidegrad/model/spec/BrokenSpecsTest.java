package io.tidegrad.model.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every broken spec beside its message. After a change of messages: run with `-Dgolden.write=true`, read the
/// difference.
class BrokenSpecsTest {
    private static final Path FOLDER = Path.of("src/test/resources/broken-specs");

    static List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".yaml"))
                    .map(name -> name.substring(0, name.length() - ".yaml".length())).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("names")
    void aBrokenSpecIsRefusedWithEveryMistakeNamed(String name) throws IOException {
        String yaml = Files.readString(FOLDER.resolve(name + ".yaml"));
        SpecException refused = catchThrowableOfType(SpecException.class, () -> ModelSpec.parse(yaml, name + ".yaml"));
        assertThat(refused).as("%s.yaml is refused", name).isNotNull();
        Path golden = FOLDER.resolve(name + ".txt");
        if (Boolean.getBoolean("golden.write")) {
            Files.writeString(golden, refused.getMessage() + "\n");
        }
        assertThat(refused.getMessage() + "\n")
                .as("%s; if meant, run with -Dgolden.write=true and read the difference", golden)
                .isEqualTo(Files.readString(golden));
    }

    @Test
    void thereAreAtLeastSixtyBrokenSpecs() throws IOException {
        assertThat(names()).hasSizeGreaterThanOrEqualTo(60);
    }
}
