package io.tidegrad.engine.layer;

import io.tidegrad.engine.optim.Optimizer;
import java.util.List;

/// `layer` with an optimizer of its own: its weights are updated by it and not by the network's. It has as many parts of
/// state per weight. Input, output and names are those of `layer`.
public record OwnOptimizer(Optimizer optimizer, Layer layer) implements Layer {
    @Override
    public List<Layer> layers() {
        return List.of(layer);
    }

    @Override
    public Layer withLayers(List<Layer> layers) {
        return new OwnOptimizer(optimizer, layers.getFirst());
    }

    @Override
    public String place(String path, int index) {
        return path;
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        return layer.plan(planner.withOptimizer(optimizer), input);
    }
}
