package io.tidegrad.engine.layer;

import java.util.List;

/// `layer` with its own rate: the rate of each update times `factor`, for all weights inside; factors inside one
/// another multiply. It reads, puts out and is named as `layer` is.
///
/// A factor of 0 freezes: neither weights nor their optimizer state change by a bit, the penalty doesn't pull at them,
/// and their gradients don't exist for clipping by global norm, as PyTorch's parameters without `requires_grad`. The
/// gradient of the input flows through all the same. What a layer learns from its inputs (`Standardise`) has no rate
/// and goes on.
public record Rate(double factor, Layer layer) implements Layer {
    public Rate {
        if (!(factor >= 0 && factor <= Float.MAX_VALUE)) {
            throw new IllegalArgumentException("rate: expected a factor of at least 0, found " + factor);
        }
    }

    /// Learns nothing.
    public static Rate frozen(Layer layer) {
        return new Rate(0, layer);
    }

    @Override
    public List<Layer> layers() {
        return List.of(layer);
    }

    @Override
    public Layer withLayers(List<Layer> layers) {
        return new Rate(factor, layers.getFirst());
    }

    @Override
    public String place(String path, int index) {
        return path;
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return layer.plan(planner.withRate(factor), input);
    }
}
