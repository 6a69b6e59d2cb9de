package io.tidegrad.control.suggestion;

import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/// How much one field alone says about the label, in a sample.
///
/// @param targets of each row a number: 0 or 1 for yes or no, 1 for the most frequent class, or the label itself; NaN for
///     none
/// @param codes of each row the label's distinct value
record LabelLink(double[] targets, int[] codes, boolean classes, boolean binary) {
    /// Nothing is known of the label.
    static final LabelLink NONE = new LabelLink(new double[0], new int[0], false, false);

    private static final int BINS = 16;
    private static final int SIDE_MIN = 10;

    /// Area under the ROC curve of the values as scores, ties counted half; at least one half. NaN unless binary, or where
    /// one side has hardly a value.
    double auc(Column column) {
        if (!binary || column.kind() != Column.Kind.NUMBER) {
            return Double.NaN;
        }
        double[] values = column.values();
        int[] at = column.codes();
        NavigableMap<Double, long[]> counts = new TreeMap<>(); // value: negatives, positives
        long[] all = new long[2];
        for (int row = 0; row < at.length; row++) {
            if (at[row] != Column.MISSING && !Double.isNaN(targets[row])) {
                int side = targets[row] > 0 ? 1 : 0;
                counts.computeIfAbsent(values[at[row]], unused -> new long[2])[side]++;
                all[side]++;
            }
        }
        double below = 0;
        double sum = 0;
        for (long[] here : counts.values()) {
            sum += here[1] * (below + here[0] / 2.0);
            below += here[0];
        }
        double auc = sum / ((double) all[0] * all[1]);
        return Math.min(all[0], all[1]) < SIDE_MIN ? Double.NaN : Math.max(auc, 1 - auc);
    }

    /// Share of rows whose label is the most frequent one among earlier rows with the same value, beside that of all
    /// earlier rows. Missing is a value of its own: what is there only after the fact tells by that. NaN unless the label
    /// is a class, or where hardly a value comes again.
    double[] hits(Column column) {
        if (!classes) {
            return new double[]{Double.NaN, Double.NaN};
        }
        Map<Integer, Map<Integer, Integer>> byValue = new HashMap<>();
        Map<Integer, Integer> overall = new HashMap<>();
        int known = 0;
        int hits = 0;
        int base = 0;
        int[] at = column.codes();
        for (int row = 0; row < at.length; row++) {
            if (codes[row] == Column.MISSING) {
                continue;
            }
            Map<Integer, Integer> seen = byValue.computeIfAbsent(at[row], unused -> new HashMap<>());
            if (!seen.isEmpty()) {
                known++;
                hits += top(seen) == codes[row] ? 1 : 0;
                base += top(overall) == codes[row] ? 1 : 0;
            }
            seen.merge(codes[row], 1, Integer::sum);
            overall.merge(codes[row], 1, Integer::sum);
        }
        return known < at.length / 2 ? new double[]{Double.NaN, Double.NaN}
                : new double[]{(double) hits / known, (double) base / known};
    }

    private static int top(Map<Integer, Integer> counts) {
        return counts.entrySet().stream()
                .max(Comparator.comparingInt((Map.Entry<Integer, Integer> each) -> each.getValue())
                        .thenComparing(Map.Entry::getKey, Comparator.reverseOrder()))
                .orElseThrow().getKey();
    }

    /// Absolute correlation of numbers with the label; NaN if one of them does not vary.
    double correlation(Column column) {
        double[] values = column.values();
        int[] at = column.codes();
        int[] rows = IntStream.range(0, at.length)
                .filter(row -> at[row] != Column.MISSING && !Double.isNaN(targets[row])).toArray();
        double meanX = Arrays.stream(rows).mapToDouble(row -> values[at[row]]).average().orElse(0);
        double meanY = Arrays.stream(rows).mapToDouble(row -> targets[row]).average().orElse(0);
        double xy = 0;
        double xx = 0;
        double yy = 0;
        for (int row : rows) {
            double x = values[at[row]] - meanX;
            double y = targets[row] - meanY;
            xy += x * y;
            xx += x * x;
            yy += y * y;
        }
        return Math.abs(xy) / Math.sqrt(xx * yy);
    }

    /// Whether the mean label of earlier rows with the same value predicts better than that of rows in the same
    /// sixteenth of the numbers' order: then the numbers are names rather than amounts.
    boolean isNameLike(Column column) {
        int[] at = column.codes();
        double[] values = column.values();
        Integer[] order = IntStream.range(0, values.length).boxed()
                .sorted(Comparator.comparingDouble(code -> values[code])).toArray(Integer[]::new);
        long[] counts = new long[values.length];
        Arrays.stream(at).filter(code -> code != Column.MISSING).forEach(code -> counts[code]++);
        long all = Arrays.stream(counts).sum();
        int[] bins = new int[values.length];
        long before = 0;
        for (int code : order) {
            bins[code] = (int) Math.min(BINS - 1L, before * BINS / Math.max(1, all));
            before += counts[code];
        }
        int[] same = IntStream.range(0, values.length).toArray();
        return error(at, same) < 0.98 * error(at, bins);
    }

    /// Mean squared error of the running mean label of each group, which begins at that of all.
    private double error(int[] at, int[] groupOf) {
        int groups = Math.max(BINS, groupOf.length);
        double[] sums = new double[groups];
        int[] counts = new int[groups];
        double sum = 0;
        double error = 0;
        int rows = 0;
        for (int row = 0; row < at.length; row++) {
            if (at[row] == Column.MISSING || Double.isNaN(targets[row])) {
                continue;
            }
            int group = groupOf[at[row]];
            double mean = rows == 0 ? 0 : sum / rows;
            double guess = (sums[group] + mean) / (counts[group] + 1);
            error += (guess - targets[row]) * (guess - targets[row]);
            sums[group] += targets[row];
            counts[group]++;
            sum += targets[row];
            rows++;
        }
        return error / Math.max(1, rows);
    }
}
