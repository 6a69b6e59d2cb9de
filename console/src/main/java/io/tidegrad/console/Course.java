package io.tidegrad.console;

import java.util.ArrayList;
import java.util.List;

/// The course of a model's measures in bounded memory. When it is full, every second point is left out, so a long course
/// has as many points as a short one, evenly spread. The newest point is always there.
final class Course {
    static final int POINTS_MAX = 600;

    /// What a point has, in this order. A measure that a model does not have is NaN.
    static final List<String> COLUMNS = List.of("time_ms", "epoch", "version", "learned", "next_offset", "loss",
            "prior_loss", "auc", "accuracy", "window_loss", "window_prior_loss", "window_linear_loss", "window_auc",
            "window_linear_auc", "alarms");

    /// @param number of the point, counted from 0, also those that were left out
    private record Point(long number, double[] values) {
    }

    private final List<Point> points = new ArrayList<>();
    private long count;
    private long stride = 1;

    void add(double... values) {
        if (values.length != COLUMNS.size()) {
            throw new IllegalArgumentException("expected " + COLUMNS.size() + " values, found " + values.length);
        }
        if (!points.isEmpty() && isLeftOut(points.getLast())) {
            points.removeLast();
        }
        points.add(new Point(count++, values.clone()));
        while (points.size() > POINTS_MAX) {
            stride *= 2;
            Point newest = points.removeLast();
            points.removeIf(this::isLeftOut);
            points.add(newest);
        }
    }

    private boolean isLeftOut(Point point) {
        return point.number() % stride != 0;
    }

    /// Returns how many points were added so far.
    long count() {
        return count;
    }

    /// Returns the points from `number` on as they are kept, oldest first.
    List<double[]> since(long number) {
        return points.stream().filter(point -> point.number() >= number).map(Point::values).map(double[]::clone)
                .toList();
    }

    /// Returns the events learned in a second by the newest points that lie `millis` apart, or NaN with too few of them.
    double rate(long millis) {
        if (points.size() < 2) {
            return Double.NaN;
        }
        double[] newest = points.getLast().values();
        for (int i = points.size() - 2; i >= 0; i--) {
            double[] before = points.get(i).values();
            double apart = newest[0] - before[0];
            if (newest[1] != before[1]) {
                return Double.NaN; // learned counts within an epoch
            }
            if (apart >= millis || i == 0 && apart > 0) {
                return (newest[3] - before[3]) * 1_000 / apart;
            }
        }
        return Double.NaN;
    }
}
