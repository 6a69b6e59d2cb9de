package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Recurrent;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.model.spec.SpecNode.Choice;
import io.tidegrad.model.spec.SpecNode.Mapping;
import io.tidegrad.schemas.settings.NearestName;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The `network` of a spec. Remembers where each layer stands, for what can be said of it only once its input is known.
final class NetworkReader {
    private static final int LAYERS_MAX = 100;

    private final List<Feature> features;
    private final Map<NetworkLayer, SpecNode> places = new IdentityHashMap<>();
    private final List<SpecNode> softmaxes = new ArrayList<>();
    private int count;

    /// @param features that the network may read
    NetworkReader(List<Feature> features) {
        this.features = features;
    }

    /// Where a layer that was read here stands.
    SpecNode place(NetworkLayer layer) {
        return Objects.requireNonNull(places.get(layer));
    }

    List<NetworkLayer> read(SpecNode node) {
        List<NetworkLayer> layers = layers(node, node.list("layers, at least one"), true);
        SpecNode last = layers.isEmpty() ? null : place(layers.getLast());
        for (SpecNode softmax : softmaxes) {
            if (softmax != last) {
                softmax.problem("softmax can only be the last layer");
            }
        }
        if (count > LAYERS_MAX) {
            node.problem("expected at most " + LAYERS_MAX + " layers, found " + count);
        }
        return layers;
    }

    /// @param ofRow whether the first of them may read the row itself
    private List<NetworkLayer> layers(SpecNode list, List<SpecNode> entries, boolean ofRow) {
        List<NetworkLayer> layers = new ArrayList<>();
        for (int i = 0; i < entries.size(); i++) {
            SpecNode entry = entries.get(i);
            boolean reluFollows = i + 1 < entries.size() && Layers.isRelu(entries.get(i + 1));
            NetworkLayer layer = layer(entry, reluFollows, ofRow && i == 0);
            count++;
            if (layer != null) {
                places.put(layer, entry);
                layers.add(layer);
            }
        }
        return layers;
    }

    private @Nullable NetworkLayer layer(SpecNode entry, boolean reluFollows, boolean ofRow) {
        if (entry.isScalar()) {
            String name = entry.kind("layer", Layers.names());
            if (name != null && !Layers.needs(name).isEmpty()) {
                entry.problem(name + " needs " + Layers.needs(name));
                return null;
            }
            if ("softmax".equals(name)) {
                softmaxes.add(entry);
            }
            return name == null ? null : single(name, entry.nothing(), reluFollows);
        }
        Choice choice = entry.choice("layer", Layers.names());
        if (choice == null) {
            return null;
        }
        if (!Layers.hasSettings(choice.kind())) {
            entry.problem(choice.kind() + " has no settings; write it alone");
            return null;
        }
        SpecNode value = choice.value();
        return switch (choice.kind()) {
            case "rnn", "gru", "lstm" -> steps(choice.kind(), value);
            case "residual" -> new NetworkLayer.Residual(layers(value, value.list("layers, at least one"), false));
            case "branches" -> branches(value, ofRow);
            case "features" -> features(value, ofRow);
            default -> single(choice.kind(), value, reluFollows);
        };
    }

    private static NetworkLayer.@Nullable Single single(String name, SpecNode node, boolean reluFollows) {
        Layer layer = Layers.read(name, node, reluFollows);
        return layer == null ? null : new NetworkLayer.Single(layer);
    }

    private NetworkLayer.@Nullable Steps steps(String kind, SpecNode node) {
        Form<NetworkLayer.Steps> form = Layers.steps(Recurrent.Cell.valueOf(kind.toUpperCase(Locale.ROOT)),
                ValueType.FIELD.readBy(this::lengthField),
                new ValueType<>(list -> layers(list, list.list("layers, at least one"), true), CanonicalNetwork::of));
        Mapping keys = Layers.rated(form, node);
        NetworkLayer.Steps steps = form.read(node, keys);
        return steps == null ? null : steps.withRate(Layers.rateFactor(keys));
    }

    /// The field of a feature whose length a row knows.
    String lengthField(SpecNode node) {
        String field = node.text("the field of a feature of several steps");
        boolean known = features.stream().anyMatch(f -> f.hasLength() && f.fields().getFirst().equals(field));
        if (!field.isEmpty() && !known) {
            List<String> fields = features.stream().filter(Feature::hasLength).map(f -> f.fields().getFirst()).toList();
            node.problem(
                    "expected the field of a feature that may be shorter (sequence with shorter: pad, categories, or shifted-label), found "
                            + field + (fields.isEmpty() ? "; there is none" : NearestName.hint(field, fields)));
        }
        return field;
    }

    private NetworkLayer branches(SpecNode node, boolean ofRow) {
        List<List<NetworkLayer>> branches = new ArrayList<>();
        List<SpecNode> entries = node.list("lists of layers, like [ [ dense: 8 ], [ dense: 4 ] ]");
        for (SpecNode entry : entries) {
            // An empty branch passes on what it reads; what is no list is a mistake of its own.
            branches.add(entry.isEmptyList() ? List.of() : layers(entry, entry.list("layers, as a branch is"), ofRow));
        }
        boolean anyOfRow = branches.stream().anyMatch(NetworkBinding::readsRow);
        for (int i = 0; i < branches.size(); i++) {
            if (anyOfRow && !NetworkBinding.readsRow(branches.get(i))) {
                entries.get(i).problem("expected features: […] first, as in another branch: all branches read the same,"
                        + " here the row itself");
            }
        }
        return new NetworkLayer.Branches(branches);
    }

    private NetworkLayer features(SpecNode node, boolean ofRow) {
        if (!ofRow) {
            node.problem(
                    "features are read where a network, its first branches or an initial state begin; found layers before");
        }
        List<List<String>> selected = new ArrayList<>();
        for (SpecNode entry : node.list("features' fields, like [distance]")) {
            List<String> fields = entry.isScalar() ? List.of(entry.text("the field of a feature"))
                    : entry.list("a cross's fields").stream().map(field -> field.text("the name of a field")).toList();
            boolean known = features.stream().anyMatch(feature -> feature.isOf(fields));
            if (!known && !fields.contains("")) {
                List<String> names = features.stream().map(f -> String.join(", ", f.fields())).distinct().toList();
                entry.problem("expected the field of a feature, of a cross the list of its fields; found '"
                        + String.join(", ", fields) + "'" + NearestName.hint(String.join(", ", fields), names));
            }
            if (selected.contains(fields)) {
                entry.problem("'" + String.join(", ", fields) + "' is read here already");
            }
            selected.add(fields);
        }
        return new NetworkLayer.Features(selected);
    }

    /// ftrl's weights are a function of the whole history at one rate.
    void checkRates(Optimizer optimizer) {
        if (!optimizer.hasFixedRate()) {
            return;
        }
        places.forEach((layer, place) -> {
            double factor = switch (layer) {
                case NetworkLayer.Single single -> single.rateFactor();
                case NetworkLayer.Steps steps -> steps.rateFactor();
                case NetworkLayer.Features _,NetworkLayer.Branches _,NetworkLayer.Residual _ -> 1;
            };
            if (factor != 0 && factor != 1) {
                place.problem("ftrl has one rate (alpha) for all layers: expected no rate-factor, found " + factor);
            }
            Double bound = layer instanceof NetworkLayer.Single single ? single.inputBound() : null;
            if (bound != null) {
                place.problem("ftrl has one rate (alpha) for all layers: expected no " + Layers.BOUND + ", found "
                        + Flow.number(bound));
            }
        });
    }

    /// What sound layers put out for a row of sound features; null, and problems, where they don't fit together.
    Shape.@Nullable Grid output(SpecNode network, List<NetworkLayer> layers) {
        RowLayout layout = new RowLayout(features);
        NetworkShapes shapes = new NetworkShapes(new NetworkBinding(features, layout),
                new Shape.Row(layout.numbers(), layout.ids()), (layer, text) -> place(layer).problem(text));
        Shape.Grid output;
        try {
            output = shapes.of(layers);
        } catch (ArithmeticException tooLarge) {
            network.problem("expected at most 2^31 - 1 numbers of a row, found more");
            return null;
        }
        if (output != null && !shapes.isTrainable()) {
            network.problem("expected at least one layer with weights, like dense: 1, found none");
        }
        if (output != null && NetworkBinding.readsRow(layers)) {
            requireEveryFeature(network);
        }
        return output;
    }

    /// No step may see its own class through a shifted label.
    void checkOrder(List<NetworkLayer> layers) {
        new StepOrder(features, layer -> place(layer).problem(CanonicalNetwork.kind(layer)
                + " could show a step its own class, the one that it is asked for: a shifted label is read alone (features,"
                + " reshape: [count, dimension]), then by dense, activations, dropout, bias, layer-norm, rms-norm,"
                + " self-attention with causal: true, or recurrent layers of one direction with output: sequence"))
                .check(layers);
    }

    private void requireEveryFeature(SpecNode network) {
        if (places.keySet().stream().anyMatch(layer -> layer instanceof NetworkLayer.Steps steps
                && !steps.initial().isEmpty() && !NetworkBinding.readsRow(steps.initial()))) {
            return;
        }
        for (Feature feature : features) {
            boolean isRead = places.keySet().stream()
                    .anyMatch(layer -> layer instanceof NetworkLayer.Features(List<List<String>> selected)
                            && selected.stream().anyMatch(feature::isOf));
            if (!isRead) {
                network.problem("the feature of '" + String.join(", ", feature.fields())
                        + "' is read by no layer: name it in features, or leave it out of the spec");
            }
        }
    }
}
