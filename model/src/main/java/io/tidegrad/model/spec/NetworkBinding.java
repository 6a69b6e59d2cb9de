package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.model.NetworkSpec;
import java.util.ArrayList;
import java.util.List;

/// Spec → the engine's description: the features' columns side by side (raw numbers, standardised numbers, then one
/// table after another), then the spec's network.
final class NetworkBinding {
    private NetworkBinding() {}

    static NetworkSpec bind(ModelSpec spec) {
        RowLayout layout = spec.layout();
        List<Layer> branches = new ArrayList<>();
        if (layout.rawNumbers() > 0) {
            branches.add(new Numbers(0, layout.rawNumbers()));
        }
        if (layout.standardNumbers() > 0) {
            branches.add(
                    new Sequence(
                            List.of(
                                    new Numbers(layout.rawNumbers(), layout.standardNumbers()),
                                    new Standardise())));
        }
        for (int i = 0; i < spec.features().size(); i++) {
            addTables(spec.features().get(i), layout.idAt(i), branches);
        }
        List<Layer> layers = new ArrayList<>();
        layers.add(branches.size() == 1 ? branches.getFirst() : new Concat(List.copyOf(branches)));
        layers.addAll(spec.layers());
        return new NetworkSpec(
                layout.shape(),
                new Sequence(List.copyOf(layers)),
                spec.loss(),
                spec.optimizer(),
                spec.schedule(),
                spec.clipping(),
                spec.regularization(),
                spec.seed());
    }

    private static void addTables(Feature feature, int idAt, List<Layer> branches) {
        switch (feature) {
            case Feature.Category(
                            String field,
                            int buckets,
                            int dimension,
                            Embedding.Update update) ->
                    branches.add(new Embedding(idAt, 1, buckets, dimension, update));
            case Feature.Cross(
                            List<String> fields,
                            int buckets,
                            int dimension,
                            Embedding.Update update) ->
                    branches.add(new Embedding(idAt, 1, buckets, dimension, update));
            case Feature.TimePart time -> {
                for (int p = 0; p < time.parts().size(); p++) {
                    // One row more than values: the last one is null's.
                    int rows = time.parts().get(p).size() + 1;
                    branches.add(new Embedding(idAt + p, 1, rows, time.dimension(), time.update()));
                }
            }
            case Feature.Numeric number -> {}
            case Feature.Cyclic cyclic -> {}
            case Feature.Pixels pixels -> {}
        }
    }
}
