package io.tidegrad.engine.layer;

import java.util.List;

/// `layer` with its own learning rate: the rate of each update is multiplied by `factor` for all weights inside; nested
/// factors multiply. Input, output and names are those of `layer`.
///
/// A factor of 0 freezes the layer, like `requires_grad = False` in PyTorch: weights and optimizer state don't change,
/// the penalty doesn't apply to them, and their gradients don't count in the global norm. The input's gradient is still
/// computed. Statistics that a layer learns from its inputs (`Standardise`) and what it remembers (`History`) have no rate
/// and are still updated.
public record Rate(double factor, Layer layer) implements Layer {
    public Rate {
        if (!(factor >= 0 && factor <= Float.MAX_VALUE)) {
            throw new IllegalArgumentException("rate: expected a factor of at least 0, found " + factor);
        }
    }

    /// Freezes `layer`: its weights don't change.
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
