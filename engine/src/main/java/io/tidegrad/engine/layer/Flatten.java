package io.tidegrad.engine.layer;

/// Flattens a row's numbers to a vector, in row-major order: (channels, height, width) to (channels · height · width).
public record Flatten() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        Shape.Grid x = planner.grid(this, input);
        return Arrange.relayout(x, Shape.Grid.vector(x.size()));
    }
}
