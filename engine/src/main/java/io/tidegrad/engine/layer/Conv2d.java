package io.tidegrad.engine.layer;

import java.util.List;

/// y[o, i, j] = b[o] + Σ W[o, c, u, v] x[c, i s + u - p, j s + v - p] over channels c and the kernel's (u, v), with
/// stride s and padding p: a cross-correlation, where x is 0 beyond its edges. (c, height, width) to (channels,
/// ⌊(height + 2 p - kernel) / s⌋ + 1, …). LeCun et al. 1998, section II.A.
///
/// W is the tensor `weight`, a matrix whose rows are (u, v, c) in this order and whose columns are the output channels;
/// b is `bias` and starts at 0. The initialization's fan-in is kernel · c, its fan-out kernel · channels.
///
/// @param channels channels of the output
public record Conv2d(int channels, Extent kernel, Extent stride, Extent padding, boolean bias,
        Initialization initialization) implements Layer {
    public Conv2d {
        Convolution.check(channels, new Sliding(kernel, stride, padding));
    }

    /// A convolution with stride 1, no padding, a bias and He-uniform weights.
    public Conv2d(int channels, Extent kernel) {
        this(channels, kernel, Extent.of(1), Extent.of(0), true, Initialization.HE_UNIFORM);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Sliding sliding = new Sliding(kernel, stride, padding);
        return planner.reading(this, input, Shape.Columns.FIRST_AXIS,
                grid -> Convolution.plan(planner, this, sliding, Sliding.image(planner, this, grid), grid.width(),
                        new Convolution.Options(channels, bias, initialization),
                        places -> new Shape.Grid(List.of(channels, places.height(), places.width()),
                                Shape.Columns.FIRST_AXIS)));
    }
}
