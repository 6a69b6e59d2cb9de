package io.tidegrad.engine.layer;

/// y[c, i, j] = Σ x[c, i s + u - p, j s + v - p] / (height · width of the kernel) over its (u, v), where x is 0 beyond
/// its edges and these zeros count. dx = Σ dy / (height · width) over the windows that contain the number. (channels,
/// height, width) to (channels, ⌊(height + 2 p - kernel) / s⌋ + 1, …). Padding is at most half the kernel.
public record AveragePool2d(Extent kernel, Extent stride, Extent padding) implements Layer {
    public AveragePool2d {
        var unused = new Pooling(kernel, stride, padding, Pooling.Kind.MEAN);
    }

    /// Square windows that don't overlap, without padding.
    public AveragePool2d(int side) {
        this(Extent.of(side), Extent.of(side), Extent.of(0));
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return new Pooling(kernel, stride, padding, Pooling.Kind.MEAN).plan(planner, this, input);
    }
}
