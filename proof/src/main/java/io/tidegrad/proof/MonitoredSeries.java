package io.tidegrad.proof;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The series that the alarms and the dashboards of `docker/monitoring` ask for: a rule about a series that no process has is
/// silent for ever.
public final class MonitoredSeries {
    private static final Path MONITORING = Path.of(System.getProperty("tidegrad.root"), "docker", "monitoring");
    private static final Pattern NAME = Pattern.compile("\\b(tidegrad|jvm|process)_[a-z_]+");
    private static final Pattern TOLD = Pattern.compile("(summary|title)\"?: .*"); // for people

    private MonitoredSeries() {}

    /// The rules and all dashboards.
    private static List<Path> files() throws IOException {
        try (Stream<Path> dashboards = Files.list(MONITORING.resolve("dashboards"))) {
            return Stream.concat(Stream.of(MONITORING.resolve("alerts.yml")), dashboards).toList();
        }
    }

    private static SortedSet<String> all() throws IOException {
        SortedSet<String> names = new TreeSet<>();
        for (Path file : files()) {
            Matcher matcher = NAME.matcher(TOLD.matcher(Files.readString(file)).replaceAll(""));
            while (matcher.find()) {
                names.add(matcher.group());
            }
        }
        return names;
    }

    /// Returns those of `whose` that are not in what a process answers.
    ///
    /// @param metrics the body of `GET /metrics`
    public static SortedSet<String> missingIn(String metrics, Predicate<String> whose) throws IOException {
        SortedSet<String> asked = all().stream().filter(whose).collect(Collectors.toCollection(TreeSet::new));
        if (asked.isEmpty()) {
            throw new IllegalStateException("no alarm and no dashboard asks for any of these series");
        }
        asked.removeIf(name -> Pattern.compile("^" + name + "[{ ]", Pattern.MULTILINE).matcher(metrics).find());
        return asked;
    }
}
