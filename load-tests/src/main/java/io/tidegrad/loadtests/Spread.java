package io.tidegrad.loadtests;

import java.util.Arrays;

/// Median and range of a few values. Never their mean: one disturbed value would move it.
public record Spread(double median, double least, double most) {
    public static Spread of(double... values) {
        if (values.length == 0) {
            return new Spread(Double.NaN, Double.NaN, Double.NaN);
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[sorted.length - 1]);
    }

    /// `5.2 (4.1–7.3)`, and `5` where all values are the same.
    public String text() {
        String text = Result.number(median);
        return least < most ? text + " (" + Result.number(least) + "–" + Result.number(most) + ")" : text;
    }
}
