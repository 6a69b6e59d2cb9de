package io.tidegrad.model.learn;

import java.util.List;
import java.util.OptionalDouble;

/// Loss against learning rate, as measured by a [LearningRateSweep], and the rates that follow from it.
///
/// @param points rates ascending, evenly spaced in the logarithm
/// @param keep the factor of the exponential mean that smoothed the loss
/// @param updates taken until the test ended, for the reason `end`
/// @param events read, dead letters included
public record RateCurve(List<Point> points, End end, double keep, long updates, long events, long deadLetters) {
    /// The slope at a point is that of the line fitted to all points within half a decade; over a shorter range it is
    /// mostly noise.
    private static final double SLOPE_DECADES = 0.5;

    private static final double MARGIN = 10;

    /// @param loss the smoothed progressive loss before the update at `rate`
    public record Point(double rate, double loss) {
    }

    public enum End {
        /// The smoothed loss exceeded four times its minimum.
        LOSS_ROSE, NOT_FINITE, AT_THE_LAST_RATE,
        /// The stream ended before the last rate.
        OF_THE_STREAM
    }

    public RateCurve {
        points = List.copyOf(points);
    }

    /// The rate with the minimum loss. Empty if the loss never fell.
    public OptionalDouble least() {
        int least = leastPoint();
        return least <= 0 ? OptionalDouble.empty() : OptionalDouble.of(points.get(least).rate);
    }

    /// A tenth of the rate with the minimum loss, to keep a margin from where the loss begins to rise.
    public OptionalDouble tenthOfLeast() {
        OptionalDouble least = least();
        return least.isEmpty() ? least : OptionalDouble.of(least.getAsDouble() / MARGIN);
    }

    /// The rate at which the loss falls steepest against the logarithm of the rate, among those below the minimum's.
    public OptionalDouble steepest() {
        OptionalDouble steepest = OptionalDouble.empty();
        double slopeMin = 0;
        for (int point = 0; point <= leastPoint(); point++) {
            double slope = slope(point);
            if (slope < slopeMin) {
                slopeMin = slope;
                steepest = OptionalDouble.of(points.get(point).rate);
            }
        }
        return steepest;
    }

    /// The smaller of `tenthOfLeast` and `steepest`: an endless stream has no final decay to make up for a rate that is
    /// too high.
    public OptionalDouble suggestion() {
        OptionalDouble steepest = steepest();
        OptionalDouble tenth = tenthOfLeast();
        return steepest.isEmpty() || tenth.isEmpty() ? OptionalDouble.empty()
                : OptionalDouble.of(Math.min(steepest.getAsDouble(), tenth.getAsDouble()));
    }

    /// Index of the point with the minimum loss; -1 without points.
    private int leastPoint() {
        int least = -1;
        for (int point = 0; point < points.size(); point++) {
            if (least < 0 || points.get(point).loss < points.get(least).loss) {
                least = point;
            }
        }
        return least;
    }

    /// Least-squares slope of the loss against log10 of the rate.
    private double slope(int at) {
        double centre = StrictMath.log10(points.get(at).rate);
        double count = 0;
        double sumX = 0;
        double sumY = 0;
        double sumXx = 0;
        double sumXy = 0;
        for (Point point : points) {
            double x = StrictMath.log10(point.rate) - centre;
            if (Math.abs(x) <= SLOPE_DECADES) {
                count++;
                sumX += x;
                sumY += point.loss;
                sumXx += x * x;
                sumXy += x * point.loss;
            }
        }
        double spread = count * sumXx - sumX * sumX;
        return spread > 0 ? (count * sumXy - sumX * sumY) / spread : 0;
    }
}
