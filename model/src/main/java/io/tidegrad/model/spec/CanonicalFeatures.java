package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The features of a canonical form.
final class CanonicalFeatures {
    private CanonicalFeatures() {}

    static String of(List<Feature> features) {
        StringBuilder text = new StringBuilder("features:\n");
        for (Feature feature : features) {
            text.append("- ").append(feature(feature)).append('\n');
        }
        return text.toString();
    }

    private static String feature(Feature feature) {
        return switch (feature) {
            case Feature.Numeric(String field, Feature.Scale scale, Feature.Transform transform, Feature.Missing missing) ->
                "number: " + new Flow().add("field", Flow.quoted(field))
                        .add("scale", scale == Feature.Scale.RAW ? null : Flow.name(scale))
                        .add("transform", transform == Feature.Transform.NONE ? null : Flow.name(transform))
                        .add("missing", missing(missing));
            case Feature.Category(String field, int buckets, int dimension, Embedding.Update update) ->
                "category: " + table(new Flow().add("field", Flow.quoted(field)), buckets, dimension, update);
            case Feature.Cross(List<String> fields, int buckets, int dimension, Embedding.Update update) ->
                "cross: " + table(
                        new Flow().add("fields",
                                fields.stream().map(Flow::quoted).collect(Collectors.joining(", ", "[", "]"))),
                        buckets, dimension, update);
            case Feature.TimePart(String field, List<Feature.Part> parts, int dimension, Embedding.Update update) ->
                "time-part: " + new Flow().add("field", Flow.quoted(field))
                        .add("parts", parts.stream().map(Flow::name).collect(Collectors.joining(", ", "[", "]")))
                        .add("dimension", dimension == ModelSpec.TIME_PART_DIMENSION ? null : String.valueOf(dimension))
                        .add("update", update(update));
            case Feature.Cyclic(String field, Feature.@Nullable Part part, double period, Feature.Missing missing) ->
                "cyclic: " + new Flow().add("field", Flow.quoted(field))
                        .add("part", part == null ? null : Flow.name(part))
                        .add("period", part == null ? Flow.number(period) : null).add("missing", missing(missing));
            case Feature.Pixels(String field, int width, int height, double divideBy) ->
                "pixels: " + new Flow().add("field", Flow.quoted(field)).add("width", String.valueOf(width))
                        .add("height", String.valueOf(height))
                        .add("divide-by", divideBy == ModelSpec.PIXELS_DIVIDE_BY ? null : Flow.number(divideBy));
            case Feature.Sequence(String field, int steps, int width, boolean padded) ->
                "sequence: " + new Flow().add("field", Flow.quoted(field)).add("steps", String.valueOf(steps))
                        .add("width", width == 1 ? null : String.valueOf(width)).add("shorter", padded ? "pad" : null);
            case Feature.Categories(String field, int count, int buckets, int dimension, Embedding.Update update) ->
                "categories: " + table(new Flow().add("field", Flow.quoted(field)).add("count", String.valueOf(count)),
                        buckets, dimension, update);
            case Feature.Bag bag -> "bag: " + table(
                    new Flow().add("field", Flow.quoted(bag.field())).add("count", String.valueOf(bag.count()))
                            .add("mode", bag.mode() == EmbeddingBag.Mode.SUM ? null : Flow.name(bag.mode()))
                            .add("weights", bag.weights() == null ? null : Flow.quoted(bag.weights())),
                    bag.buckets(), bag.dimension(), bag.update());
        };
    }

    private static String table(Flow flow, int buckets, int dimension, Embedding.Update update) {
        return flow.add("buckets", String.valueOf(buckets)).add("dimension", String.valueOf(dimension))
                .add("update", update(update)).toString();
    }

    private static @Nullable String update(Embedding.Update update) {
        return update == Embedding.Update.TOUCHED ? null : Flow.name(update);
    }

    private static @Nullable String missing(Feature.Missing missing) {
        return switch (missing.kind()) {
            case REJECT -> null;
            case INDICATOR -> "indicator";
            case VALUE -> Flow.number(missing.value());
        };
    }
}
