package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Bias;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Dropout;
import io.tidegrad.engine.layer.LayerNorm;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Reshape;
import io.tidegrad.engine.layer.RmsNorm;
import io.tidegrad.engine.layer.SelfAttention;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Looks for the layers through which a step would see a later one of the shifted label, and so its own class. Only
/// layers that are known to keep the order are let through. The label's length tells about later steps, too, so a layer
/// may use it for nothing but where its own steps end.
final class StepOrder {
    private enum Holds {
        /// Nothing of the shifted label.
        NOTHING,
        /// All of its steps, side by side.
        VECTOR,
        /// (steps, …), where none has seen a later one.
        STEPS,
        /// A step has seen a later one, which was told.
        BROKEN
    }

    private final List<Feature> features;
    private final Feature.@Nullable ShiftedLabel shifted;
    private final Consumer<NetworkLayer> mistake;

    /// @param mistake told of a layer that breaks the order; what reads it is not looked at any more
    StepOrder(List<Feature> features, Consumer<NetworkLayer> mistake) {
        this.features = features;
        this.mistake = mistake;
        shifted = features.stream().filter(Feature.ShiftedLabel.class::isInstance).map(Feature.ShiftedLabel.class::cast)
                .findFirst().orElse(null);
    }

    /// @param layers a network that reads the row and ends in steps
    void check(List<NetworkLayer> layers) {
        if (shifted != null) {
            var unused = ofRow(layers);
        }
    }

    private Holds broken(NetworkLayer by) {
        mistake.accept(by);
        return Holds.BROKEN;
    }

    private Holds ofRow(List<NetworkLayer> layers) {
        if (NetworkBinding.readsRow(layers)) {
            return through(layers, Holds.NOTHING);
        }
        return features.size() == 1 ? through(layers, Holds.VECTOR) : broken(layers.getFirst());
    }

    private Holds through(List<NetworkLayer> layers, Holds input) {
        Holds holds = input;
        for (int i = 0; i < layers.size() && holds != Holds.BROKEN; i++) {
            holds = through(layers.get(i), holds);
        }
        return holds;
    }

    private Holds through(NetworkLayer layer, Holds input) {
        return switch (layer) {
            case NetworkLayer.Features(List<List<String>> selected) -> {
                boolean reads = selected.stream().anyMatch(this::isShifted);
                yield !reads ? Holds.NOTHING : selected.size() == 1 ? Holds.VECTOR : broken(layer);
            }
            case NetworkLayer.Residual(List<NetworkLayer> layers) -> {
                Holds inside = through(layers, input);
                yield inside == input || inside == Holds.BROKEN ? inside : broken(layer);
            }
            case NetworkLayer.Branches(List<List<NetworkLayer>> branches) -> throughBranches(layer, branches, input);
            case NetworkLayer.Steps steps -> throughSteps(steps, input);
            case NetworkLayer.Single single -> {
                boolean keeps = switch (input) {
                    case NOTHING, BROKEN -> true;
                    case VECTOR -> isReshape(single);
                    case STEPS -> keepsOrder(single);
                };
                yield !keeps ? broken(layer) : input == Holds.VECTOR ? Holds.STEPS : input;
            }
        };
    }

    private Holds throughBranches(NetworkLayer layer, List<List<NetworkLayer>> branches, Holds input) {
        Holds all = Holds.NOTHING;
        for (List<NetworkLayer> branch : branches) {
            Holds one = through(branch, input);
            if (one == Holds.BROKEN) {
                return one;
            }
            if (one == Holds.VECTOR) {
                return broken(layer);
            }
            all = one == Holds.STEPS ? one : all;
        }
        return all;
    }

    private Holds throughSteps(NetworkLayer.Steps steps, Holds input) {
        Holds initial = steps.initial().isEmpty() ? Holds.NOTHING : ofRow(steps.initial());
        if (initial == Holds.BROKEN) {
            return initial;
        }
        boolean keeps = switch (input) {
            case NOTHING -> shifted == null || !shifted.field().equals(steps.lengths());
            case STEPS -> !steps.layer().bidirectional() && steps.layer().output() == Recurrent.Output.SEQUENCE;
            case VECTOR, BROKEN -> false;
        };
        return keeps && initial == Holds.NOTHING ? input : broken(steps);
    }

    private boolean isShifted(List<String> fields) {
        return features.stream().anyMatch(feature -> feature instanceof Feature.ShiftedLabel && feature.isOf(fields));
    }

    /// Whether it gives each step a line of its own again.
    private boolean isReshape(NetworkLayer.Single single) {
        return shifted != null && single.plain().equals(new Reshape(List.of(shifted.count(), shifted.dimension())));
    }

    private static boolean keepsOrder(NetworkLayer.Single single) {
        return switch (single.plain()) {
            case Dense _,Bias _,Dropout _,LayerNorm _,RmsNorm _ -> true;
            case SelfAttention attention -> attention.causal();
            default -> Layers.isActivation(single.plain());
        };
    }
}
