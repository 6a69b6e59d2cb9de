package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.Invariant;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/// Links lead somewhere, and the list of invariants in `docs/reliability.md` says what is there.
class DocumentsTest {
    private static final Path ROOT = Path.of(System.getProperty("tidegrad.root"));
    private static final Pattern TEST = Pattern.compile("`([A-Z][A-Za-z0-9]*Test)`");

    private static final Pattern CODE = Pattern.compile("(?ms)^```.*?^```|`[^`\\n]*`");
    private static final Pattern LINK = Pattern.compile("\\]\\((?!https?:)([^)#\\s]*)(?:#([^)\\s]*))?\\)");
    private static final Pattern HEADING = Pattern.compile("(?m)^#+ +(.*)$");
    private static final Pattern DOCUMENT = Pattern.compile("\\b(?:docs/[a-z0-9/-]+|[A-Z]+)\\.md\\b");

    private final String reliability;

    DocumentsTest() throws IOException {
        reliability = Files.readString(ROOT.resolve("docs/reliability.md"));
    }

    /// The list's item, over all its lines.
    private String item(Invariant invariant) {
        List<String> found = Pattern.compile("(?ms)^- \\*\\*" + invariant + ", .*?(?=^- |^$)").matcher(reliability)
                .results().map(MatchResult::group).toList();
        assertThat(found).as("items of %s", invariant).hasSize(1);
        return found.getFirst();
    }

    private static Set<String> names(Pattern pattern, String text) {
        return pattern.matcher(text).results().map((MatchResult match) -> match.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void everyInvariantNamesTestsThatExist() throws IOException {
        Set<String> tests = files(file -> file.toString().endsWith("Test.java")).stream()
                .map(file -> file.getFileName().toString().replace(".java", "")).collect(Collectors.toSet());
        for (Invariant invariant : Invariant.values()) {
            Set<String> named = names(TEST, item(invariant));
            assertThat(named).as("oracles of %s", invariant).isNotEmpty();
            assertThat(tests).as("oracles of %s", invariant).containsAll(named);
        }
    }

    @Test
    void everyInvariantHasABreaker() {
        for (Invariant invariant : Invariant.values()) {
            assertThat(Breaker.values()).as("breakers of %s", invariant)
                    .anyMatch(breaker -> breaker.invariant() == invariant);
        }
    }

    @Test
    void everyAlarmSaysWhatToDo() throws IOException {
        Set<String> alarms = names(Pattern.compile("- alert: (\\w+)"),
                Files.readString(ROOT.resolve("docker/monitoring/alerts.yml")));
        String rows = Files.readString(ROOT.resolve("docs/operations/watch.md")).lines()
                .filter(line -> line.startsWith("| `Tidegrad")).collect(Collectors.joining("\n"));
        assertThat(names(Pattern.compile("`(Tidegrad\\w+)`"), rows)).isEqualTo(alarms);
    }

    /// Files of the repository, without what builds and running tests write.
    private static List<Path> files(Predicate<Path> chosen) throws IOException {
        List<Path> files = new ArrayList<>();
        Files.walkFileTree(ROOT, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                return directory.endsWith("target") || directory.endsWith(".git") ? FileVisitResult.SKIP_SUBTREE
                        : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (chosen.test(file)) {
                    files.add(file);
                }
                return FileVisitResult.CONTINUE;
            }
        });
        return files;
    }

    /// As GitHub makes them: `## Where it's at` is `where-its-at`, the second one of a name ends in `-1`.
    private static Set<String> anchors(Path document) throws IOException {
        String prose = Files.readString(document).replaceAll("(?ms)^```.*?^```", "");
        Set<String> anchors = new TreeSet<>();
        HEADING.matcher(prose).results().map(heading -> heading.group(1).toLowerCase(Locale.ROOT)
                .replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-')).forEach(anchor -> {
                    String unique = anchor;
                    for (int n = 1; !anchors.add(unique); n++) {
                        unique = anchor + "-" + n;
                    }
                });
        return anchors;
    }

    @Test
    void everyLinkOfEveryDocumentLeadsToAFileAndAHeading() throws IOException {
        List<Path> documents = files(file -> file.toString().endsWith(".md"));
        List<String> broken = new ArrayList<>();
        int links = 0;
        for (Path document : documents) {
            String prose = CODE.matcher(Files.readString(document)).replaceAll("``");
            for (MatchResult link : LINK.matcher(prose).results().toList()) {
                links++;
                Path target = link.group(1).isEmpty() ? document : document.resolveSibling(link.group(1)).normalize();
                if (!Files.exists(target) || link.group(2) != null && !anchors(target).contains(link.group(2))) {
                    broken.add(ROOT.relativize(document) + ": " + link.group());
                }
            }
        }
        assertThat(broken).isEmpty();
        assertThat(links).as("links in %s", documents).isGreaterThan(100);
    }

    /// Help texts, messages, comments and the launcher.
    @Test
    void everyDocumentThatTheProductNamesExists() throws IOException {
        List<String> missing = new ArrayList<>();
        Set<String> named = new TreeSet<>();
        for (Path file : files(file -> file.equals(ROOT.resolve("tidegrad"))
                || file.toString().matches(".*/src/main/.*\\.(java|avsc|proto|properties)"))) {
            for (MatchResult name : DOCUMENT.matcher(Files.readString(file)).results().toList()) {
                named.add(name.group());
                if (!Files.exists(ROOT.resolve(name.group())) && !Files.exists(file.resolveSibling(name.group()))) {
                    missing.add(ROOT.relativize(file) + ": " + name.group());
                }
            }
        }
        assertThat(missing).isEmpty();
        assertThat(named).contains("docs/operations/run.md", "docs/benchmarks.md");
    }
}
