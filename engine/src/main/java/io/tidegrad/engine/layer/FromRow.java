package io.tidegrad.engine.layer;

import java.util.List;

/// `layer`, which reads the row itself although layers stand before it: a table beside numbers that were scaled before.
/// What it stands behind gets no gradient from it. Names are those of `layer`.
public record FromRow(Layer layer) implements Layer {
    @Override
    public List<Layer> layers() {
        return List.of(layer);
    }

    @Override
    public Layer withLayers(List<Layer> layers) {
        return new FromRow(layers.getFirst());
    }

    @Override
    public String place(String path, int index) {
        return path;
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        Planned planned = layer.plan(planner, planner.row());
        return new Planned(planned.output(), planned.trainable(),
                (workspace, x, into) -> planned.binding().bind(workspace, Activation.ROW, into));
    }
}
