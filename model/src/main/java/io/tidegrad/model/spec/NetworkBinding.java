package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.Identity;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.Rate;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Residual;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.engine.loss.CategoricalCrossEntropy;
import io.tidegrad.engine.loss.Ctc;
import io.tidegrad.engine.loss.FakeNegativeWeighted;
import io.tidegrad.engine.loss.Loss;
import io.tidegrad.engine.loss.Reduction;
import io.tidegrad.engine.model.NetworkSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/// Spec → the engine's description: the features' columns side by side (raw numbers, standardised numbers, then those
/// with a running scale, then one table after another), then the spec's network; or, where that begins with `features`,
/// what it says.
record NetworkBinding(List<Feature> features, RowLayout layout) {
    static NetworkSpec bind(ModelSpec spec) {
        return new NetworkSpec(spec.layout().shape(spec.labels()), layers(spec), loss(spec),
                // Not by the sum of weights: in a mini-batch of one row they would cancel.
                Reduction.MEAN, spec.optimizer(), spec.schedule(), spec.clipping(), spec.regularization(), spec.seed());
    }

    private static Layer layers(ModelSpec spec) {
        Recipe recipe = spec.recipe();
        return recipe == null ? new NetworkBinding(spec.features(), spec.layout()).network(spec.layers())
                : RecipeNetwork.of(recipe, spec.features(), spec.loss(), spec.outputs());
    }

    private static Loss loss(ModelSpec spec) {
        if (spec.lateLabels() == ModelSpec.LateLabels.FNW) {
            return new FakeNegativeWeighted();
        }
        return switch (spec.loss()) {
            case CategoricalCrossEntropy loss when spec.label().kind() == ModelSpec.Label.Kind.STEPS ->
                loss.ignoring(ModelSpec.NO_CLASS);
            case Ctc loss -> loss.withLabels(spec.label().count());
            case Loss loss -> loss;
        };
    }

    /// Whether these layers begin with features of the row; else all features come before them.
    static boolean readsRow(List<NetworkLayer> layers) {
        return !layers.isEmpty() && switch (layers.getFirst()) {
            case NetworkLayer.Features features -> true;
            case NetworkLayer.Branches(List<List<NetworkLayer>> branches) ->
                branches.stream().anyMatch(NetworkBinding::readsRow);
            case NetworkLayer.Single _,NetworkLayer.Residual _,NetworkLayer.Steps _ -> false;
        };
    }

    /// Those that a layer `features` names.
    List<Feature> features(List<List<String>> selected) {
        return features.stream().filter(feature -> selected.stream().anyMatch(feature::isOf)).toList();
    }

    /// Layers that read the row.
    Layer network(List<NetworkLayer> layers) {
        List<Layer> bound = new ArrayList<>();
        if (!readsRow(layers)) {
            bound.add(everyFeature());
        }
        layers.forEach(layer -> bound.add(layer(layer)));
        return new Sequence(bound);
    }

    private Layer sequence(List<NetworkLayer> layers) {
        return layers.isEmpty() ? new Identity() : new Sequence(layers.stream().map(this::layer).toList());
    }

    Layer layer(NetworkLayer layer) {
        return switch (layer) {
            case NetworkLayer.Single(Layer single) -> single;
            case NetworkLayer.Features(List<List<String>> selected) ->
                features(feature -> selected.stream().anyMatch(feature::isOf));
            case NetworkLayer.Branches(List<List<NetworkLayer>> branches) ->
                new Concat(branches.stream().map(this::sequence).toList());
            case NetworkLayer.Residual(List<NetworkLayer> layers) -> new Residual(sequence(layers));
            case NetworkLayer.Steps steps -> {
                Recurrent shape = steps.layer();
                Recurrent recurrent = new Recurrent(shape.cell(), shape.hidden(), shape.bidirectional(), shape.output(),
                        layout.lengthOf(steps.lengths()),
                        steps.initial().isEmpty() ? List.of() : List.of(network(steps.initial())));
                yield steps.rateFactor() == 1 ? recurrent : new Rate(steps.rateFactor(), recurrent);
            }
        };
    }

    Layer everyFeature() {
        return features(feature -> true);
    }

    private Layer features(Predicate<Feature> isSelected) {
        List<Layer> branches = new ArrayList<>();
        addRuns(isSelected, false, branches);
        addRuns(isSelected, true, branches);
        addRunning(isSelected, branches);
        for (int i = 0; i < features.size(); i++) {
            if (isSelected.test(features.get(i))) {
                addTables(i, branches);
            }
        }
        return branches.size() == 1 ? branches.getFirst() : new Concat(branches);
    }

    /// Numbers that lie side by side in the row, and have the same scale, are read together.
    private void addRuns(Predicate<Feature> isSelected, boolean standard, List<Layer> branches) {
        int from = 0;
        int to = 0;
        Feature.Scale raw = new Feature.Scale.Raw();
        Feature.Scale scale = raw;
        for (int i = 0; i < features.size(); i++) {
            Feature feature = features.get(i);
            Feature.Scale own = RowLayout.scale(feature);
            if (!isSelected.test(feature) || own instanceof Feature.Scale.Running) {
                continue;
            }
            boolean isStandard = own instanceof Feature.Scale.Standard;
            int at = isStandard && !standard ? layout.indicatorAt(i) : layout.numberAt(i);
            int width = standard ? isStandard ? 1 : 0 : layout.rawWidth(feature);
            if (width == 0) {
                continue;
            }
            if (at != to || standard && !own.equals(scale)) {
                addNumbers(from, to, scale, branches);
                from = at;
                scale = standard ? own : raw;
            }
            to = at + width;
        }
        addNumbers(from, to, scale, branches);
    }

    private static void addNumbers(int from, int to, Feature.Scale scale, List<Layer> branches) {
        if (to > from) {
            Numbers numbers = new Numbers(from, to - from);
            branches.add(scale instanceof Feature.Scale.Standard(double clip)
                    ? new Sequence(List.of(numbers, new Standardise(clip))) : numbers);
        }
    }

    /// Numbers with the same running scale are read together, wherever they lie.
    private void addRunning(Predicate<Feature> isSelected, List<Layer> branches) {
        Map<Feature.Scale.Running, RunningNumbers> numbers = new LinkedHashMap<>();
        for (int i = 0; i < features.size(); i++) {
            if (isSelected.test(features.get(i))
                    && RowLayout.scale(features.get(i)) instanceof Feature.Scale.Running scale) {
                numbers.computeIfAbsent(scale, _ -> new RunningNumbers()).add(layout.numberAt(i),
                        layout.indicatorAt(i));
            }
        }
        numbers.forEach((scale, of) -> branches.add(new Sequence(of.row(),
                new RunningScale(of.flags(), scale.forget(), scale.clip(), scale.heavyTails()))));
    }

    private void addTables(int index, List<Layer> branches) {
        int idAt = layout.idAt(index);
        switch (features.get(index)) {
            case Feature.Category(String field, int buckets, int dimension, Embedding.Update update) ->
                branches.add(new Embedding(idAt, 1, buckets, dimension, update));
            case Feature.Cross cross -> branches.add(cross.learned().isEmpty()
                    ? new Embedding(idAt, 1, cross.buckets(), cross.dimension(), cross.update())
                    : layout.learnedCross(index, cross, cross.dimension(), Embedding.START));
            case Feature.TimePart time -> {
                for (int p = 0; p < time.parts().size(); p++) {
                    // One row more than values: the last one is null's.
                    int rows = time.parts().get(p).size() + 1;
                    branches.add(new Embedding(idAt + p, 1, rows, time.dimension(), time.update()));
                }
            }
            case Feature.Categories list ->
                // One row more than buckets: the last one stands where the list has ended.
                branches.add(new Embedding(idAt, list.count(), list.buckets() + 1, list.dimension(), list.update(),
                        list.buckets()));
            case Feature.ShiftedLabel shifted -> branches.add(new Embedding(idAt, shifted.count(),
                    shifted.unknown() + 1, shifted.dimension(), shifted.update(), shifted.unknown()));
            case Feature.Bag bag -> branches.add(new EmbeddingBag(idAt, bag.count(), layout.lengthAt(index),
                    bag.weights() == null ? EmbeddingBag.UNWEIGHTED : layout.numberAt(index), bag.buckets(),
                    bag.dimension(), bag.mode(), bag.update()));
            case Feature.Quantiles quantiles -> branches.add(new Quantiles(layout.numberAt(index), idAt,
                    quantiles.buckets(), quantiles.dimension(), quantiles.update()));
            case Feature.Vocabulary vocabulary ->
                branches.add(new Vocabulary(idAt, vocabulary.capacity(), vocabulary.waiting(), vocabulary.minCount(),
                        vocabulary.expireAfter(), vocabulary.dimension(), vocabulary.update()));
            case Feature.History history -> branches.add(history(history, index, layout));
            case Feature.Number _,Feature.Cyclic _,Feature.Pixels _,Feature.Sequence _ -> {
            }
        }
    }

    /// A history and the scale of its values. Where a key had too few events before, there is nothing to scale but the count.
    static Layer history(Feature.History history, int index, RowLayout layout) {
        int keyAt = layout.idAt(index);
        History remembered = new History(keyAt, history.field() == null ? History.NONE : layout.numberAt(index),
                history.time() == null ? History.NONE : keyAt + 2, history.buckets(), history.values(), history.lags());
        int none = remembered.valuesWidth();
        List<Integer> flags =
                history.values().stream()
                        .flatMap(value -> IntStream.range(0, remembered.width(value)).boxed()
                                .map(lag -> value == History.Value.COUNT ? RunningScale.NEVER_MISSING : none + lag))
                        .toList();
        return new Sequence(remembered, new RunningScale(flags));
    }
}
