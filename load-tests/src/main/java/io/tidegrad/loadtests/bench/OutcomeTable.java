package io.tidegrad.loadtests.bench;

import io.tidegrad.loadtests.Spread;
import io.tidegrad.localstack.Json;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Outcomes for people, and as lines of JSON.
public final class OutcomeTable {
    private OutcomeTable() {}

    public static String of(List<RivalBench.Outcome> outcomes) {
        TextTable table = new TextTable();
        table.add(List.of("workload", "batch", "measure", "Tidegrad", "rival", "", "ratio", "to reach", ""));
        for (RivalBench.Outcome outcome : outcomes) {
            Match match = outcome.match();
            Bench.Line line = match.line();
            table.add(List.of(line.workload().name(), Integer.toString(line.batch()), measure(match),
                    range(outcome.tidegrad()), match.rival().title(),
                    match.rival() == Rival.ROOFLINE ? "" : range(outcome.rival()), range(outcome.ratio()), goal(match),
                    outcome.verdict()));
        }
        return table + System.lineSeparator() + System.lineSeparator()
                + Machine.describe(outcomes.getFirst().kernels());
    }

    /// The keys of every line of the bench, `metric` with the suffix `_ratio` and `value` the median ratio; `least` and
    /// `most`, and what was compared.
    public static String json(RivalBench.Outcome outcome) {
        Match match = outcome.match();
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("workload", match.line().workload().name());
        line.put("batch", match.line().batch());
        line.put("workers", match.line().workers());
        line.put("metric", match.metric().name().toLowerCase(Locale.ROOT) + "_ratio");
        line.put("value", outcome.ratio().median());
        line.put("least", outcome.ratio().least());
        line.put("most", outcome.ratio().most());
        line.put("rival", match.rival().name().toLowerCase(Locale.ROOT));
        line.put("tidegrad", outcome.tidegrad().median());
        line.put("theirs", outcome.rival().median());
        match.goal().ifPresent(goal -> line.put("goal", goal));
        line.put("verdict", outcome.verdict());
        line.put("kernels", outcome.kernels());
        return Json.write(line);
    }

    private static String measure(Match match) {
        return switch (match.metric()) {
            case P50_NS -> "p50 ns";
            case ROOFLINE_SHARE -> "share";
            case EXAMPLES_PER_WALL_S -> match.line().workers() + " workers, examples/s";
            default -> "examples/CPU s";
        };
    }

    private static String goal(Match match) {
        return match.goal().isEmpty() ? ""
                : (match.isLatency() ? "≤ " : "≥ ") + TextTable.format("%.3g", match.goal().getAsDouble());
    }

    /// Whole numbers where they are large, else three digits.
    private static String range(Spread spread) {
        String format = spread.median() >= 1000 ? "%,.0f" : "%.3g";
        return TextTable.spread(format, spread);
    }
}
