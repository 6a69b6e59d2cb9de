package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Layer;
import java.util.List;
import java.util.StringJoiner;
import java.util.stream.Collectors;

/// The network of a canonical form.
final class CanonicalNetwork {
    private static final ValueType<List<NetworkLayer>> LAYERS =
            new ValueType<>(node -> List.of(), CanonicalNetwork::of);

    private CanonicalNetwork() {}

    static String of(List<NetworkLayer> layers) {
        StringJoiner text = new StringJoiner(", ", "[", "]");
        for (int i = 0; i < layers.size(); i++) {
            text.add(layer(layers.get(i), i + 1 < layers.size() && isRelu(layers.get(i + 1))));
        }
        return text.toString();
    }

    static boolean isRelu(NetworkLayer layer) {
        return layer instanceof NetworkLayer.Single(Layer single) && Layers.isRelu(single);
    }

    /// As a spec writes it.
    static String layer(NetworkLayer layer, boolean reluFollows) {
        return switch (layer) {
            case NetworkLayer.Single single ->
                Layers.canonical(single.plain(), single.rateFactor(), single.inputBound(), reluFollows);
            case NetworkLayer.Features(List<List<String>> selected) -> "features: "
                    + selected.stream().map(CanonicalNetwork::fields).collect(Collectors.joining(", ", "[", "]"));
            case NetworkLayer.Branches(List<List<NetworkLayer>> branches) ->
                "branches: " + branches.stream().map(CanonicalNetwork::of).collect(Collectors.joining(", ", "[", "]"));
            case NetworkLayer.Residual(List<NetworkLayer> layers) -> "residual: " + of(layers);
            case NetworkLayer.Steps steps -> steps(steps);
        };
    }

    /// Its name.
    static String kind(NetworkLayer layer) {
        return switch (layer) {
            case NetworkLayer.Single single -> Layers.name(single.plain());
            case NetworkLayer.Features features -> "features";
            case NetworkLayer.Branches branches -> "branches";
            case NetworkLayer.Residual residual -> "residual";
            case NetworkLayer.Steps steps -> Flow.name(steps.layer().cell());
        };
    }

    /// As a spec writes it, without the layers inside.
    static String heading(NetworkLayer layer, boolean reluFollows) {
        return switch (layer) {
            case NetworkLayer.Branches _,NetworkLayer.Residual _ -> kind(layer);
            case NetworkLayer.Steps steps ->
                steps(new NetworkLayer.Steps(steps.layer(), steps.rateFactor(), steps.lengths(), List.of()));
            case NetworkLayer.Single _,NetworkLayer.Features _ -> layer(layer, reluFollows);
        };
    }

    private static String fields(List<String> fields) {
        return fields.size() == 1 ? Flow.quoted(fields.getFirst())
                : fields.stream().map(Flow::quoted).collect(Collectors.joining(", ", "[", "]"));
    }

    private static String steps(NetworkLayer.Steps steps) {
        Form<NetworkLayer.Steps> form = Layers.steps(steps.layer().cell(), ValueType.FIELD, LAYERS);
        return form.entry(Layers.withRate(form.keysOf(steps), steps.rateFactor()));
    }
}
