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

/// The series that the alarms and the dashboard of `docker/monitoring` ask for: a rule about a series that no process has is
/// silent for ever.
public final class MonitoredSeries {
    private static final Path MONITORING = Path.of(System.getProperty("tidegrad.root"), "docker", "monitoring");
    private static final Pattern NAME = Pattern.compile("\\b(tidegrad|jvm)_[a-z_]+");
    private static final Pattern TOLD = Pattern.compile("(summary|title)\"?: .*"); // for people

    private MonitoredSeries() {}

    private static SortedSet<String> all() throws IOException {
        SortedSet<String> names = new TreeSet<>();
        for (String file : List.of("alerts.yml", "dashboard.json")) {
            Matcher matcher = NAME.matcher(TOLD.matcher(Files.readString(MONITORING.resolve(file))).replaceAll(""));
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
            throw new IllegalStateException("no alarm asks for any of these series");
        }
        asked.removeIf(name -> Pattern.compile("^" + name + "[{ ]", Pattern.MULTILINE).matcher(metrics).find());
        return asked;
    }
}
