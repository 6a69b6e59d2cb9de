package io.tidegrad.proof;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
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

    /// Words that say what a number counts or measures, and what it is a name of.
    private static final Set<String> UNITS =
            Set.of("seconds", "bytes", "ratio", "nats", "info", "offset", "offsets", "version", "epoch", "number",
                    "code", "events", "examples", "rows", "records", "labels", "letters", "predictions", "requests",
                    "connections", "snapshots", "deltas", "parts", "partitions", "transactions", "commits", "reactions",
                    "alarms", "classes", "cases", "entries", "ids", "failures", "fallbacks", "models", "pages");

    /// What may stand behind what is counted: what became of it, or that there is room for it.
    private static final Pattern FATE =
            Pattern.compile("_(accepted|admitted|buried|ended|learned|left_out|loaded|published"
                    + "|quarantined|read|refused|retained|room|seen|set_aside)$");

    /// Series without a unit: states, which are 1 or 0, and what has the unit of whatever a label names.
    private static final Pattern UNITLESS = Pattern.compile("tidegrad_(up|standby|degraded|alarm|store_image_and_redo"
            + "|joiner_(up|degraded)|console_caught_up|scorer_(ready|stage|promoted|from_file|control_problem"
            + "|requests_topic_running)|signal|scorer_shadow_difference_total)");

    /// Scores, which have no unit, and errors and means, whose unit is the label's.
    private static final Pattern SCORE = Pattern.compile("tidegrad_((window|period|slice|served)_)?"
            + "((no_change_|linear_|prior_|mean_|macro_|root_)*(normalised_entropy|brier_score|auc|average_precision"
            + "|accuracy|precision|recall|f1|calibration_(error|bias|slope)|(squared|absolute)_error|r_squared"
            + "|predictions?|label))(_tenth_\\d)?");

    private MonitoredSeries() {}

    /// Returns those of our series whose name does not end with the unit, before `_total` and what became of what is counted.
    ///
    /// @param metrics the body of `GET /metrics`
    public static SortedSet<String> withoutUnit(String metrics) {
        SortedSet<String> names = new TreeSet<>();
        Matcher types = Pattern.compile("^# TYPE (tidegrad_\\w+)", Pattern.MULTILINE).matcher(metrics);
        while (types.find()) {
            String name = types.group(1);
            String counted = FATE.matcher(name.replaceFirst("_(total|max)$", "")).replaceFirst("");
            if (!UNITLESS.matcher(name).matches() && !SCORE.matcher(name).matches()
                    && !UNITS.contains(counted.substring(counted.lastIndexOf('_') + 1))) {
                names.add(name);
            }
        }
        return names;
    }

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
