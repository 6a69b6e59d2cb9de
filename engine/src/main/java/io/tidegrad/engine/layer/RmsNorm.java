package io.tidegrad.engine.layer;

/// Normalises each line along the last axis: y = x / sqrt(mean of x² + epsilon) · weight. Zhang & Sennrich 2019, "Root
/// mean square layer normalization". `weight` (width) starts at 1.
public record RmsNorm(double epsilon) implements Layer {
    public RmsNorm {
        LineNorm.requireEpsilon(epsilon);
    }

    public RmsNorm() {
        this(1e-5);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return planner.reading(this, input, Shape.Columns.LAST_AXIS,
                grid -> LineNorm.plan(planner, grid, false, epsilon));
    }
}
