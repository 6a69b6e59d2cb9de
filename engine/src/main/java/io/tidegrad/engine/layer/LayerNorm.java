package io.tidegrad.engine.layer;

/// Normalises each line along the last axis: y = (x - mean) / sqrt(variance + epsilon) · weight + bias, with the line's
/// mean and biased variance. Ba, Kiros & Hinton 2016, "Layer normalization". `weight` (width) starts at 1, `bias`
/// (width) at 0.
public record LayerNorm(double epsilon) implements Layer {
    public LayerNorm {
        LineNorm.requireEpsilon(epsilon);
    }

    public LayerNorm() {
        this(1e-5);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return planner.reading(this, input, Shape.Columns.LAST_AXIS,
                grid -> LineNorm.plan(planner, grid, true, epsilon));
    }
}
