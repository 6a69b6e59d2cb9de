package io.tidegrad.engine.layer;

/// y[c] = the mean of channel c: (channels, height, width) to (channels). Equals an `AveragePool2d` whose one window is
/// the image.
public record GlobalAveragePool2d() implements Layer {
    @Override
    public Planned plan(Planner planner, Shape input) {
        return planner.reading(this, input, Shape.Columns.FIRST_AXIS, grid -> plan(planner, grid));
    }

    private Planned plan(Planner planner, Shape.Grid input) {
        Extent image = Sliding.image(planner, this, input);
        Pooling whole = new Pooling(image, Extent.of(1), Extent.of(0), Pooling.Kind.MEAN);
        return whole.plan(planner, this, input).flat();
    }
}
