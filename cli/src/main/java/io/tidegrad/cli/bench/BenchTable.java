package io.tidegrad.cli.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// Measurements for people: a row for each workload and batch, the median over runs, and their range where there are
/// several.
public final class BenchTable {
    private static final String ROW = "%-8s  %5s  %7s  %28s  %28s  %18s  %10s  %s";

    private BenchTable() {}

    public static String of(List<Measurement> measurements) {
        Map<List<Object>, List<Measurement>> rows = new LinkedHashMap<>();
        for (Measurement m : measurements) {
            List<Object> key = List.of(m.workload(), m.batch(), m.workers(), m.hash());
            rows.computeIfAbsent(key, of -> new ArrayList<>()).add(m);
        }
        List<String> lines = new ArrayList<>();
        lines.add(
                text(
                        ROW,
                        "workload",
                        "batch",
                        "workers",
                        "examples/CPU s",
                        "examples/s",
                        "warm-up CPU s",
                        "bytes/step",
                        "weights after " + LearnBench.HASHED_STEPS + " steps"));
        rows.forEach(
                (key, row) ->
                        lines.add(
                                text(
                                        ROW,
                                        key.get(0),
                                        key.get(1),
                                        key.get(2),
                                        cell(row, Measurement.Metric.EXAMPLES_PER_CPU_S, "%,.0f"),
                                        cell(row, Measurement.Metric.EXAMPLES_PER_WALL_S, "%,.0f"),
                                        cell(row, Measurement.Metric.WARMUP_CPU_S, "%.2f"),
                                        cell(
                                                row,
                                                Measurement.Metric.BYTES_ALLOCATED_PER_STEP,
                                                "%,.0f"),
                                        row.getFirst().hash().substring(0, 16) + "…")));
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
