package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.Invariant;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The table of invariants says what is there.
class ReliabilityDocumentTest {
    private static final Path ROOT = Path.of(System.getProperty("tidegrad.root"));
    private static final Pattern TEST = Pattern.compile("`([A-Z][A-Za-z0-9]*Test)`");
    private static final Pattern BREAKER = Pattern.compile("`([A-Z][A-Z_]*[A-Z])`");

    private final List<String> rows;

    ReliabilityDocumentTest() throws IOException {
        rows = Files.readAllLines(ROOT.resolve("docs/reliability.md"));
    }

    private List<String> row(Invariant invariant) {
        List<String> found = rows.stream().filter(row -> row.startsWith("| " + invariant + " |")).toList();
        assertThat(found).as("rows of %s", invariant).hasSize(1);
        return Arrays.asList(found.getFirst().split("\\|"));
    }

    private static Set<String> names(Pattern pattern, String text) {
        return pattern.matcher(text).results().map((MatchResult match) -> match.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void everyInvariantNamesTestsThatExist() throws IOException {
        Set<String> tests;
        try (Stream<Path> files = Files.walk(ROOT)) {
            tests = files.map(file -> file.getFileName().toString()).filter(file -> file.endsWith("Test.java"))
                    .map(file -> file.substring(0, file.length() - ".java".length())).collect(Collectors.toSet());
        }
        for (Invariant invariant : Invariant.values()) {
            Set<String> named = names(TEST, row(invariant).get(3));
            assertThat(named).as("oracles of %s", invariant).isNotEmpty();
            assertThat(tests).as("oracles of %s", invariant).containsAll(named);
        }
    }

    @Test
    void everyInvariantNamesItsBreakersAndOnlyThese() {
        for (Invariant invariant : Invariant.values()) {
            Set<String> expected = Arrays.stream(Breaker.values()).filter(breaker -> breaker.invariant() == invariant)
                    .map(Breaker::name).collect(Collectors.toCollection(TreeSet::new));
            String cell = row(invariant).get(4);
            assertThat(names(BREAKER, cell)).as("breakers of %s", invariant).isEqualTo(expected);
            assertThat(cell.contains("no breaker")).isEqualTo(expected.isEmpty());
        }
    }
}
