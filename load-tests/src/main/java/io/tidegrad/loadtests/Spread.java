package io.tidegrad.loadtests;

import java.util.Arrays;

/// Of a few values: never the mean, one disturbed value would move it.
public record Spread(double median, double least, double most) {
    public static Spread of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[sorted.length - 1]);
    }
}
