package io.tidegrad.cli.plot;

import java.util.List;

/// One system of axes of a [Plot].
///
/// @param lines in the order of their colours
/// @param marks places on the x axis
public record Panel(String title, Axis x, Axis y, List<Line> lines, List<Mark> marks) {
    /// @param logarithmic in powers of ten; values must be above 0 then
    public record Axis(String label, boolean logarithmic) {
        double position(double value) {
            return logarithmic ? StrictMath.log10(value) : value;
        }
    }

    /// Points that are not finite, or have no logarithm where one is needed, interrupt the line.
    public record Line(String name, List<Point> points) {
        public Line {
            points = List.copyOf(points);
        }
    }

    public record Point(double x, double y) {
    }

    /// A vertical line with a word beside it.
    public record Mark(String name, double x) {
    }

    public Panel {
        lines = List.copyOf(lines);
        marks = List.copyOf(marks);
        if (lines.stream().allMatch(line -> line.points.isEmpty())) {
            throw new IllegalArgumentException("plot '" + title + "': expected at least one point, found none");
        }
    }

    boolean shows(Point point) {
        return Double.isFinite(x.position(point.x)) && Double.isFinite(y.position(point.y));
    }
}
