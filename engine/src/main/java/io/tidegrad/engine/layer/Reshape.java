package io.tidegrad.engine.layer;

import java.util.List;

/// The same numbers, in row-major order, with other axes: (6) to (2, 3), for example.
public record Reshape(List<Integer> axes) implements Layer {
    public Reshape {
        axes = List.copyOf(axes);
    }

    public Reshape(Integer... axes) {
        this(List.of(axes));
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Grid x = planner.grid(this, input);
        long size = axes.stream().mapToLong(Integer::longValue).reduce(1, (a, b) -> a * b);
        if (axes.isEmpty() || axes.stream().anyMatch(axis -> axis < 1) || size != x.size()) {
            throw planner.mismatch(this, "axes that hold the " + x.size() + " numbers of " + x, "" + axes);
        }
        return Arrange.relayout(x, new Shape.Grid(axes, Shape.Columns.LAST_AXIS));
    }
}
