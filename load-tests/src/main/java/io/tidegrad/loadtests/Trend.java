package io.tidegrad.loadtests;

import java.util.Arrays;

/// Whether a series grows, whatever its noise: the slope by Theil and Sen, which is the median of the slopes of all pairs
/// of points, and the range in which it lies with a confidence of 95 %, from the variance of Kendall's S (P. K. Sen,
/// *Estimates of the regression coefficient based on Kendall's tau*, J. Am. Stat. Assoc. 63, 1968, equations 2.6 and 4.6).
/// A few wild points hardly move it. One step in the middle does, and no step is a leak: what grows has to grow in both
/// halves.
///
/// @param slope a minute; NaN of fewer than four points, as least and most
/// @param ofHalves the smaller one of the slopes of the two halves; NaN where these have too few points
record Trend(double slope, double least, double most, double ofHalves) {
    private static final int POINTS_MIN = 4;
    private static final double NORMAL_975 = 1.959964;
    private static final double MINUTE = 60;

    /// @param seconds strictly growing
    static Trend of(double[] seconds, double[] values) {
        int n = seconds.length;
        if (n < POINTS_MIN) {
            return new Trend(Double.NaN, Double.NaN, Double.NaN, Double.NaN);
        }
        int half = n / 2;
        double ofHalves =
                half < POINTS_MIN ? Double.NaN : Math.min(Spread.of(slopes(seconds, values, 0, half)).median(),
                        Spread.of(slopes(seconds, values, half, n)).median());
        double[] slopes = slopes(seconds, values, 0, n);
        Arrays.sort(slopes);
        double spread = NORMAL_975 * Math.sqrt(n * (n - 1.0) * (2.0 * n + 5) / 18);
        int least = (int) Math.max(0, Math.floor((slopes.length - spread) / 2) - 1);
        int most = (int) Math.min(slopes.length - 1.0, Math.ceil((slopes.length + spread) / 2));
        return new Trend(Spread.of(slopes).median(), slopes[least], slopes[most], ofHalves);
    }

    private static double[] slopes(double[] seconds, double[] values, int from, int to) {
        int n = to - from;
        double[] slopes = new double[n * (n - 1) / 2];
        int pair = 0;
        for (int i = from; i < to; i++) {
            for (int j = i + 1; j < to; j++) {
                slopes[pair++] = (values[j] - values[i]) / (seconds[j] - seconds[i]) * MINUTE;
            }
        }
        return slopes;
    }

    /// Whether even the least slope that the points allow is above a bound.
    ///
    /// @param allowed a minute
    boolean grows(double allowed) {
        return least > allowed && !(ofHalves <= allowed);
    }
}
