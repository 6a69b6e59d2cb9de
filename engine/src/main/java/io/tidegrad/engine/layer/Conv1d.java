package io.tidegrad.engine.layer;

import java.util.List;

/// y[o, i] = b[o] + Σ W[o, c, u] x[c, i s + u - p]: `Conv2d` along one axis, (c, steps) to (channels, …).
///
/// @param channels channels of the output
public record Conv1d(int channels, int kernel, int stride, int padding, boolean bias,
        Initialization initialization) implements Layer {
    public Conv1d {
        Convolution.check(channels, sliding(kernel, stride, padding));
    }

    private static Sliding sliding(int kernel, int stride, int padding) {
        return new Sliding(new Extent(1, kernel), new Extent(1, stride), new Extent(0, padding));
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return planner.reading(this, input, Shape.Columns.FIRST_AXIS, grid -> plan(planner, grid));
    }

    private Planned plan(Planner planner, Shape.Grid input) {
        if (input.axes().size() != 2) {
            throw planner.mismatch(this, "two axes (channels, steps)", input.toString());
        }
        return Convolution.plan(planner, this, sliding(kernel, stride, padding), new Extent(1, input.lines()),
                input.width(), new Convolution.Options(channels, bias, initialization),
                places -> new Shape.Grid(List.of(channels, places.width()), Shape.Columns.FIRST_AXIS));
    }
}
