package io.tidegrad.cli.plot;

import java.util.List;

/// One coordinate system of a `Plot`.
///
/// @param lines lines in the order of their colours
/// @param marks marked values of the x axis
public record Panel(String title, Axis x, Axis y, List<Line> lines, List<Mark> marks) {
    /// @param logarithmic whether the axis shows powers of ten; values must then be above 0
    /// @param fromZero whether an axis that is not logarithmic shows 0, too
    public record Axis(String label, boolean logarithmic, boolean fromZero) {
        public Axis(String label, boolean logarithmic) {
            this(label, logarithmic, false);
        }

        double position(double value) {
            return logarithmic ? StrictMath.log10(value) : value;
        }
    }

    /// A line, which points that are not finite or have no logarithm on a logarithmic axis interrupt.
    public record Line(String name, List<Point> points) {
        public Line {
            points = List.copyOf(points);
        }
    }

    public record Point(double x, double y) {
    }

    /// A vertical line with a name beside it.
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
