package io.tidegrad.loadtests;

import java.util.Arrays;
import java.util.Locale;

/// Of a few values: never the mean, one disturbed value would move it.
public record Spread(double median, double least, double most) {
    public static Spread of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[sorted.length - 1]);
    }

    /// Median and range: `5.0 (4.1-7.3)`.
    ///
    /// @param format of each
    public String text(String format) {
        return String.format(Locale.ROOT, format + " (" + format + "-" + format + ")", median, least, most);
    }
}
