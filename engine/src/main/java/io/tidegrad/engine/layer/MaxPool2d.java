package io.tidegrad.engine.layer;

/// y[c, i, j] = max x[c, i s + u - p, j s + v - p] over the kernel's (u, v), where x is minus infinity beyond its
/// edges. dx: each dy goes to its window's maximum, or to the first of several equal ones in row-major order; gradients
/// from overlapping windows are added. (channels, height, width) to (channels, ⌊(height + 2 p - kernel) / s⌋ + 1, …).
/// Padding is at most half the kernel.
public record MaxPool2d(Extent kernel, Extent stride, Extent padding) implements Layer {
    public MaxPool2d {
        var unused = new Pooling(kernel, stride, padding, Pooling.Kind.MAX);
    }

    /// Square windows that don't overlap, without padding.
    public MaxPool2d(int side) {
        this(Extent.of(side), Extent.of(side), Extent.of(0));
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return plan(planner, input, Pooling.Kind.MAX);
    }

    /// @param kind `MAX`, or `MAX_OF_RELU` to take the place of a relu too
    Planned plan(Planner planner, Shape input, Pooling.Kind kind) {
        return new Pooling(kernel, stride, padding, kind).plan(planner, this, input);
    }
}
