package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Planned;
import io.tidegrad.engine.layer.Planner;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.layer.ShapeException;
import io.tidegrad.engine.layer.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/// What each layer of a network puts out, layer after layer, so that a mistake is said of the layer that the user
/// wrote. No float is allocated.
final class NetworkShapes {
    private final NetworkBinding binding;
    private final Shape.Row row;
    private final BiConsumer<NetworkLayer, String> mistake;
    private final List<LayerOutline> outlines = new ArrayList<>();
    private boolean trainable;

    /// @param mistake told of each layer that can't stand where it stands
    NetworkShapes(NetworkBinding binding, Shape.Row row, BiConsumer<NetworkLayer, String> mistake) {
        this.binding = binding;
        this.row = row;
        this.mistake = mistake;
    }

    /// What the whole network puts out for a row; null after a mistake.
    Shape.@Nullable Grid of(List<NetworkLayer> network) {
        outlines.clear();
        return of(network, "");
    }

    private Shape.@Nullable Grid of(List<NetworkLayer> layers, String path) {
        Shape input = row;
        if (!NetworkBinding.readsRow(layers)) {
            Planner planner = new Planner(row);
            Planned planned = binding.everyFeature().plan(planner, row);
            trainable |= planned.trainable();
            outlines.add(new LayerOutline(path, "all features", planned.output(), weights(planner)));
            input = planned.output();
        }
        return walk(layers, input, binding.features(), path);
    }

    /// Whether any layer has weights, those of the features among them.
    boolean isTrainable() {
        return trainable;
    }

    /// A line for each layer, those inside others before these, as the last `of` found them.
    List<LayerOutline> outlines() {
        return List.copyOf(outlines);
    }

    /// Null after a mistake: what follows is not known then.
    ///
    /// @param features that lie side by side in the input; none where layers have made it
    private Shape.@Nullable Grid walk(List<NetworkLayer> layers, Shape input, List<Feature> features, String path) {
        Shape shape = input;
        List<Feature> read = features;
        for (int i = 0; i < layers.size(); i++) {
            boolean reluFollows = i + 1 < layers.size() && CanonicalNetwork.isRelu(layers.get(i + 1));
            Shape.Grid output = output(layers.get(i), reluFollows, shape, read, path + "[" + i + "]");
            if (output == null) {
                return null;
            }
            shape = output;
            read = layers.get(i) instanceof NetworkLayer.Features(List<List<String>> selected)
                    ? binding.features(selected) : List.of();
        }
        return shape instanceof Shape.Grid grid ? grid : null;
    }

    private Shape.@Nullable Grid output(NetworkLayer layer, boolean reluFollows, Shape input, List<Feature> read,
            String place) {
        boolean sound = switch (layer) {
            case NetworkLayer.Single _,NetworkLayer.Features _ -> true;
            case NetworkLayer.Branches(List<List<NetworkLayer>> branches) -> {
                boolean all = true;
                for (int i = 0; i < branches.size(); i++) {
                    String inside = place + ".branches[" + i + "]";
                    all &= branches.get(i).isEmpty() || walk(branches.get(i), input, read, inside) != null;
                }
                yield all;
            }
            case NetworkLayer.Residual(List<NetworkLayer> layers) ->
                walk(layers, input, read, place + ".residual") != null;
            case NetworkLayer.Steps steps ->
                steps.initial().isEmpty() || of(steps.initial(), place + ".initial") != null;
        };
        if (!sound) {
            return null;
        }
        Layer bound = binding.layer(layer);
        try {
            Planner planner = new Planner(row);
            Planned planned = bound.plan(planner, input);
            planned.output().size(); // overflows here or nowhere
            trainable |= planned.trainable();
            outlines.add(new LayerOutline(place, CanonicalNetwork.heading(layer, reluFollows), planned.output(),
                    weights(planner)));
            return planned.output();
        } catch (ShapeException misfit) {
            mistake.accept(layer, CanonicalNetwork.kind(layer) + ": expected " + misfit.expected() + ", found "
                    + misfit.found() + remedy(layer, read));
        } catch (ArithmeticException tooLarge) {
            mistake.accept(layer, CanonicalNetwork.kind(layer)
                    + ": expected at most 2^31 - 1 numbers of a row or in a tensor, found more, out of " + input);
        }
        return null;
    }

    /// Features are a vector, whatever axes a field's values have: the line that gives them back, where it is known.
    private static String remedy(NetworkLayer layer, List<Feature> features) {
        String kind = CanonicalNetwork.kind(layer);
        boolean steps = List.of("rnn", "gru", "lstm", "self-attention", "conv1d").contains(kind);
        boolean picture = List.of("conv2d", "max-pool", "average-pool", "global-average-pool").contains(kind);
        if (!steps && !picture || features.isEmpty()) {
            return "";
        }
        if (features.size() > 1) {
            return "; features lie side by side in one vector: choose one with features: […] and give it its axes"
                    + " with reshape: […]";
        }
        String axes = switch (features.getFirst()) {
            case Feature.Sequence list when steps -> list.steps() + ", " + list.width();
            case Feature.Categories list when steps -> list.count() + ", " + list.dimension();
            case Feature.ShiftedLabel shifted when steps -> shifted.count() + ", " + shifted.dimension();
            case Feature.Pixels image -> (picture ? "1, " : "") + image.height() + ", " + image.width();
            default -> "";
        };
        return axes.isEmpty() ? "" : "; write reshape: [" + axes + "]" + (kind.equals("conv1d") ? ", transpose" : "")
                + " before it: the values of '" + features.getFirst().fields().getFirst() + "' arrive as a vector";
    }

    private static long weights(Planner planner) {
        return planner.tensors().stream().filter(tensor -> !(tensor instanceof Tensor.Statistics))
                .mapToLong(tensor -> (long) tensor.rows() * tensor.columns()).sum();
    }
}
