package io.tidegrad.cli.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Measurements for people: a row for each workload and batch, the median over runs, and their range where there are
/// several.
public final class BenchTable {
    private BenchTable() {}

    public static String of(List<Measurement> measurements) {
        Map<List<Object>, List<Measurement>> rows = new LinkedHashMap<>();
        for (Measurement m : measurements) {
            List<Object> key = List.of(m.workload(), m.batch(), m.workers(), m.hash());
            rows.computeIfAbsent(key, of -> new ArrayList<>()).add(m);
        }
        List<List<String>> table = new ArrayList<>();
        table.add(
                List.of(
                        "workload",
                        "batch",
                        "workers",
                        "examples/CPU s",
                        "examples/s",
                        "warm-up CPU s",
                        "bytes/step",
                        "weights after " + LearnBench.HASHED_STEPS + " steps"));
        for (List<Measurement> row : rows.values()) {
            Measurement first = row.getFirst();
            table.add(
                    List.of(
                            first.workload(),
                            text("%d", first.batch()),
                            text("%d", first.workers()),
                            cell(row, Measurement.Metric.EXAMPLES_PER_CPU_S, "%,.0f"),
                            cell(row, Measurement.Metric.EXAMPLES_PER_WALL_S, "%,.0f"),
                            cell(row, Measurement.Metric.WARMUP_CPU_S, "%.2f"),
                            cell(row, Measurement.Metric.BYTES_ALLOCATED_PER_STEP, "%,.0f"),
                            first.hash().substring(0, 16) + "…"));
        }
        List<String> lines = new ArrayList<>();
        for (List<String> cells : table) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < cells.size(); column++) {
                int at = column;
                int width = table.stream().mapToInt(row -> row.get(at).length()).max().orElse(0);
                line.append(text("%" + width + "s  ", cells.get(column)));
            }
            lines.add(line.toString().stripTrailing());
        }
        lines.add("");
        lines.add(
                "kernels "
                        + measurements.getFirst().kernels()
                        + ", JDK "
                        + Runtime.version()
                        + ", "
                        + Runtime.getRuntime().availableProcessors()
                        + " processors");
        return String.join(System.lineSeparator(), lines);
    }

    private static String cell(List<Measurement> row, Measurement.Metric metric, String format) {
        double[] values =
                row.stream()
                        .filter(m -> m.metric() == metric)
                        .mapToDouble(Measurement::value)
                        .sorted()
                        .toArray();
        String median = text(format, values[values.length / 2]);
        return values.length == 1
                ? median
                : text(
                        "%s (" + format + "–" + format + ")",
                        median,
                        values[0],
                        values[values.length - 1]);
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
