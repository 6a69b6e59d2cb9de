package io.tidegrad.engine.layer;

import java.util.List;

/// Swaps the two axes of a row's matrix: (channels, steps) to (steps, channels). No number moves in memory: columns
/// along the last axis become columns along the first.
public record Transpose() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Grid x = planner.grid(this, input);
        if (x.axes().size() != 2) {
            throw planner.mismatch(this, "two axes", x.toString());
        }
        Shape.Columns columns = switch (x.columns()) {
            case LAST_AXIS -> Shape.Columns.FIRST_AXIS;
            case FIRST_AXIS -> Shape.Columns.LAST_AXIS;
        };
        Shape.Grid y = new Shape.Grid(List.of(x.axes().getLast(), x.axes().getFirst()), columns);
        return Identity.unmoved(y);
    }
}
