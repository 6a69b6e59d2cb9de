package io.tidegrad.model.learn;

import java.util.List;
import java.util.OptionalDouble;

/// Loss against learning rate, as a [LearningRateSweep] found it, and what to make of it.
///
/// @param points rates ascending, evenly spaced in the logarithm
/// @param keep the factor of the exponential mean that smoothed the loss
/// @param updates until the end, which `end` tells
/// @param events read, dead letters among them
public record RateCurve(List<Point> points, End end, double keep, long updates, long events, long deadLetters) {
    /// The slope at a point is that of the line through all points within half a decade: of fewer it is noise, or
    /// drift.
    private static final double SLOPE_DECADES = 0.5;

    private static final double MARGIN = 10;

    /// @param loss progressive and smoothed, before the update at `rate`
    public record Point(double rate, double loss) {
    }

    public enum End {
        /// The smoothed loss exceeded four times its least.
        LOSS_ROSE, NOT_FINITE, AT_THE_LAST_RATE,
        /// Before the last rate.
        OF_THE_STREAM
    }

    public RateCurve {
        points = List.copyOf(points);
    }

    /// The rate of the least loss, where the gain of larger steps is used up. Empty where the loss never fell.
    public OptionalDouble least() {
        int least = leastPoint();
        return least <= 0 ? OptionalDouble.empty() : OptionalDouble.of(points.get(least).rate);
    }

    /// A tenth of the rate of the least loss: a margin from where it begins to rise.
    public OptionalDouble tenthOfLeast() {
        OptionalDouble least = least();
        return least.isEmpty() ? least : OptionalDouble.of(least.getAsDouble() / MARGIN);
    }

    /// The rate at which the loss falls steepest against the logarithm of the rate, below that of the least loss.
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

    /// The smaller of the two: on a stream no schedule comes in the end to make up for a rate that is too high.
    public OptionalDouble suggestion() {
        OptionalDouble steepest = steepest();
        OptionalDouble tenth = tenthOfLeast();
        return steepest.isEmpty() || tenth.isEmpty() ? OptionalDouble.empty()
                : OptionalDouble.of(Math.min(steepest.getAsDouble(), tenth.getAsDouble()));
    }

    /// -1 without points.
    private int leastPoint() {
        int least = -1;
        for (int point = 0; point < points.size(); point++) {
            if (least < 0 || points.get(point).loss < points.get(least).loss) {
                least = point;
            }
        }
        return least;
    }

    /// Least squares, loss against log10 rate.
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
