package io.tidegrad.loadtests.chaos;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/// Counts the outcomes of each fault, for the table at the end.
final class Tally {
    private final Map<Fault, Line> lines = new TreeMap<>();
    private int kills;

    private static final class Line {
        int times;
        final List<Double> recoverySeconds = new ArrayList<>();
        int violations;
    }

    void add(Fault fault, Episode episode, int violations) {
        Line line = lines.computeIfAbsent(fault, tried -> new Line());
        line.times++;
        line.recoverySeconds.addAll(episode.recoverySeconds());
        line.violations += violations;
        kills += episode.killed().get();
    }

    int violations() {
        return lines.values().stream().mapToInt(line -> line.violations).sum();
    }

    int times() {
        return lines.values().stream().mapToInt(line -> line.times).sum();
    }

    /// Trainers killed.
    int kills() {
        return kills;
    }

    /// Markdown, so that it can be kept as it is.
    String table() {
        StringBuilder table = new StringBuilder();
        table.append("| row | fault | times | recovery s, p50 | max | violations |\n");
        table.append("|---|---|---|---|---|---|\n");
        lines.forEach((fault, line) -> {
            List<Double> sorted = line.recoverySeconds.stream().sorted().toList();
            table.append(String.format(Locale.ROOT, "| %d | %s | %d | %s | %s | %d |%n", fault.row(), fault.what(),
                    line.times, sorted.isEmpty() ? "-" : seconds(sorted.get((sorted.size() - 1) / 2)),
                    sorted.isEmpty() ? "-" : seconds(sorted.getLast()), line.violations));
        });
        return table.toString();
    }

    private static String seconds(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }
}
