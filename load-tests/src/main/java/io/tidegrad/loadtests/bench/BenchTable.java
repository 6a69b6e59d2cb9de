package io.tidegrad.loadtests.bench;

import io.tidegrad.loadtests.bench.Measurement.Metric;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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
        TextTable table = new TextTable();
        table.add(List.of("workload", "batch", "workers", "examples/CPU s", "examples/s", "roofline", "warm-up CPU s",
                "bytes/step", "p50 ns", "p99 ns", "p99.9 ns", "weights"));
        for (List<Measurement> row : rows.values()) {
            Measurement first = row.getFirst();
            table.add(List.of(first.workload(), TextTable.format("%d", first.batch()),
                    TextTable.format("%d", first.workers()), cell(row, Metric.EXAMPLES_PER_CPU_S, "%,.0f"),
                    cell(row, Metric.EXAMPLES_PER_WALL_S, "%,.0f"), cell(row, Metric.ROOFLINE_SHARE, "%.2f"),
                    cell(row, Metric.WARMUP_CPU_S, "%.2f"), cell(row, Metric.BYTES_ALLOCATED_PER_STEP, "%,.0f"),
                    cell(row, Metric.P50_NS, "%,.0f"), cell(row, Metric.P99_NS, "%,.0f"),
                    cell(row, Metric.P999_NS, "%,.0f"),
                    first.hash().isEmpty() ? "" : first.hash().substring(0, 16) + "…"));
        }
        return table + System.lineSeparator() + System.lineSeparator()
                + Machine.describe(measurements.getFirst().kernels());
    }

    private static String cell(List<Measurement> row, Metric metric, String format) {
        double[] values = row.stream().filter(m -> m.metric() == metric).mapToDouble(Measurement::value).toArray();
        return TextTable.spread(format, values);
    }
}
