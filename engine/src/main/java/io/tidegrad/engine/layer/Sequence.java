package io.tidegrad.engine.layer;

import java.util.ArrayList;
import java.util.List;

/// Each layer reads the output of the one before it; the first reads what the sequence reads. A relu followed by max
/// pooling is computed in one pass, with the same bits as two.
public record Sequence(List<Layer> layers) implements Layer {
    public Sequence {
        layers = List.copyOf(layers);
    }

    public Sequence(Layer... layers) {
        this(List.of(layers));
    }

    @Override
    public Layer withLayers(List<Layer> others) {
        return new Sequence(others);
    }

    @Override
    public Planned plan(Planner planner, Shape input) {
        if (layers.isEmpty()) {
            throw planner.mismatch(this, "at least one layer", "none");
        }
        List<Planned> planned = new ArrayList<>();
        boolean trainable = false;
        Shape shape = input;
        for (int i = 0; i < layers.size(); i++) {
            Planned layer = planner.plan(i, layers.get(i), shape);
            if (layers.get(i) instanceof Relu && i + 1 < layers.size() && layers.get(i + 1) instanceof MaxPool2d pool) {
                Planner inner = planner.child(++i);
                layer = inner.watched(pool, pool.plan(inner, layer.output(), Pooling.Kind.MAX_OF_RELU), true);
            }
            planned.add(layer);
            trainable |= layer.trainable();
            shape = layer.output();
        }
        return new Planned(planned.getLast().output(), trainable, (workspace, first, into) -> {
            Pass[] passes = new Pass[planned.size()];
            Activation x = first;
            for (int i = 0; i < passes.length; i++) {
                boolean last = i == passes.length - 1;
                passes[i] = planned.get(i).binding().bind(workspace, x, last ? into : null);
                x = passes[i].output();
            }
            return new Bound(passes, x);
        });
    }

    private record Bound(Pass[] passes, Activation output) implements Pass {
        @Override
        public void forward(Step step) {
            for (Pass pass : passes) {
                pass.forward(step);
            }
        }

        @Override
        public void backward(Step step) {
            for (int i = passes.length - 1; i >= 0; i--) {
                passes[i].backward(step);
            }
        }
    }
}
