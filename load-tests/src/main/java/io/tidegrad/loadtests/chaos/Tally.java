package io.tidegrad.loadtests.chaos;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToIntFunction;

/// The episodes of each fault, for the table at the end.
final class Tally {
    private final Map<Fault, List<Episode>> episodes = new TreeMap<>();

    void add(Fault fault, Episode episode) {
        episodes.computeIfAbsent(fault, tried -> new ArrayList<>()).add(episode);
    }

    private int sum(ToIntFunction<Episode> of) {
        return episodes.values().stream().flatMap(List::stream).mapToInt(of).sum();
    }

    int times() {
        return sum(each -> 1);
    }

    /// Trainers killed.
    int kills() {
        return sum(each -> each.killed().get());
    }

    /// Markdown, so that it can be kept as it is.
    String table() {
        StringBuilder table = new StringBuilder("""
                | row | fault | times | recovery s, p50 | max | violations |
                |---|---|---|---|---|---|
                """);
        episodes.forEach((fault, tries) -> {
            double[] sorted = tries.stream().flatMap(each -> each.recoverySeconds().stream())
                    .mapToDouble(Double::doubleValue).sorted().toArray();
            int last = sorted.length - 1;
            table.append(String.format(Locale.ROOT, "| %d | %s | %d | %s | %s | %d |%n", fault.row(), fault.what(),
                    tries.size(), last < 0 ? "-" : seconds(sorted[last / 2]), last < 0 ? "-" : seconds(sorted[last]),
                    tries.stream().mapToInt(each -> each.violations().size()).sum()));
        });
        return table.toString();
    }

    private static String seconds(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }
}
