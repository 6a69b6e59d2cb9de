package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.model.spec.SpecNode.Choice;
import io.tidegrad.model.spec.SpecNode.Mapping;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The `features` of a spec.
final class FeatureReader {
    private static final int FEATURES_MAX = 1_000;
    private static final int BUCKETS_MAX = 1 << 28;
    private static final int DIMENSION_MAX = 1_024;
    private static final int CROSSED_MAX = 8;
    private static final int PIXELS_SIDE_MAX = 4_096;
    private static final int NUMBERS_MAX = 1 << 20; // of one feature
    private static final int LIST_MAX = 4_096;

    private FeatureReader() {}

    static List<Feature> read(SpecNode node) {
        List<SpecNode> entries = node.list("features, at least one");
        if (entries.size() > FEATURES_MAX) {
            node.problem("expected at most " + FEATURES_MAX + " features, found " + entries.size());
            return List.of();
        }
        List<Feature> features = new ArrayList<>();
        Map<String, Integer> lines = new HashMap<>();
        for (SpecNode entry : entries) {
            int before = node.problems();
            Feature feature = feature(entry);
            if (feature == null || node.problems() > before) {
                continue;
            }
            for (String reading : readings(feature)) {
                Integer earlier = lines.putIfAbsent(reading, entry.line());
                if (earlier != null) {
                    entry.problem(reading + " is a feature already, on line " + earlier);
                }
            }
            features.add(feature);
        }
        return features;
    }

    /// What a feature makes of which fields: two features with the same reading are a slip.
    private static List<String> readings(Feature feature) {
        return switch (feature) {
            case Feature.Numeric number -> List.of("number of '" + number.field() + "'");
            case Feature.Category category -> List.of("category of '" + category.field() + "'");
            case Feature.Cross cross ->
                    List.of("cross of '" + String.join("', '", cross.fields()) + "'");
            case Feature.TimePart time ->
                    time.parts().stream()
                            .map(
                                    part ->
                                            Flow.name(part)
                                                    + " of '"
                                                    + time.field()
                                                    + "' as a time-part")
                            .toList();
            case Feature.Cyclic cyclic ->
                    List.of(
                            "cyclic of '"
                                    + cyclic.field()
                                    + "' with period "
                                    + (cyclic.part() == null
                                            ? cyclic.period()
                                            : Flow.name(cyclic.part())));
            case Feature.Pixels pixels -> List.of("pixels of '" + pixels.field() + "'");
            case Feature.Sequence sequence -> List.of("sequence of '" + sequence.field() + "'");
            case Feature.Categories list -> List.of("categories of '" + list.field() + "'");
            case Feature.Bag bag -> List.of("bag of '" + bag.field() + "'");
        };
    }

    private static @Nullable Feature feature(SpecNode entry) {
        Choice choice =
                entry.choice(
                        "feature",
                        "number",
                        "category",
                        "cross",
                        "time-part",
                        "cyclic",
                        "pixels",
                        "sequence",
                        "categories",
                        "bag");
        if (choice == null) {
            return null;
        }
        SpecNode value = choice.value();
        return switch (choice.kind()) {
            case "number" -> numeric(value);
            case "category" -> category(value);
            case "cross" -> cross(value);
            case "time-part" -> timePart(value);
            case "cyclic" -> cyclic(value);
            case "pixels" -> pixels(value);
            case "sequence" -> sequence(value);
            case "categories" -> categories(value);
            case "bag" -> bag(value);
            default -> throw new IllegalStateException("no reader for " + choice.kind());
        };
    }

    private static String field(Mapping keys) {
        return keys.required("field", "the name of a field").text("the name of a field");
    }

    private static Feature numeric(SpecNode node) {
        Mapping keys = node.mapping("field", "scale", "transform", "missing");
        SpecNode scale = keys.optional("scale");
        SpecNode transform = keys.optional("transform");
        if (scale != null && scale.is("log1p")) {
            scale.problem("log1p is a transform, before any scale: write transform: log1p");
            scale = null;
        }
        return new Feature.Numeric(
                field(keys),
                scale != null && "standard".equals(scale.name("raw", "standard"))
                        ? Feature.Scale.STANDARD
                        : Feature.Scale.RAW,
                transform != null && "log1p".equals(transform.name("none", "log1p"))
                        ? Feature.Transform.LOG1P
                        : Feature.Transform.NONE,
                missing(keys.optional("missing")));
    }

    private static Feature.Missing missing(@Nullable SpecNode node) {
        if (node == null || node.is("reject")) {
            return Feature.Missing.REJECT;
        }
        if (node.is("indicator")) {
            return Feature.Missing.INDICATOR;
        }
        return Feature.Missing.value(node.decimal("reject, indicator or a number", value -> true));
    }

    private static Feature category(SpecNode node) {
        Mapping keys = node.mapping("field", "buckets", "dimension", "update");
        return new Feature.Category(field(keys), buckets(keys), dimension(keys), update(keys));
    }

    private static Feature cross(SpecNode node) {
        Mapping keys = node.mapping("fields", "buckets", "dimension", "update");
        SpecNode list = keys.required("fields", "a list of two or more fields");
        List<String> fields = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (SpecNode entry : list.list("fields, two or more")) {
            String field = entry.text("the name of a field");
            if (!field.isEmpty() && !seen.add(field)) {
                entry.problem("'" + field + "' is crossed with itself");
            }
            fields.add(field);
        }
        if (fields.size() == 1 || fields.size() > CROSSED_MAX) {
            list.problem("expected 2 to " + CROSSED_MAX + " fields, found " + fields.size());
        }
        return new Feature.Cross(fields, buckets(keys), dimension(keys), update(keys));
    }

    private static int buckets(Mapping keys) {
        return keys.required("buckets", "the rows of the table").integer(1, BUCKETS_MAX);
    }

    private static int dimension(Mapping keys) {
        return keys.required("dimension", "the numbers of one table row").integer(1, DIMENSION_MAX);
    }

    private static Embedding.Update update(Mapping keys) {
        SpecNode node = keys.optional("update");
        return node != null && "dense".equals(node.name("touched", "dense"))
                ? Embedding.Update.DENSE
                : Embedding.Update.TOUCHED;
    }

    private static Feature timePart(SpecNode node) {
        Mapping keys = node.mapping("field", "parts", "dimension", "update");
        List<Feature.Part> parts = new ArrayList<>();
        for (SpecNode entry :
                keys.required("parts", "a list like [hour, weekday]")
                        .list("parts like [hour, weekday]")) {
            Feature.Part part = part(entry);
            if (part != null) {
                parts.add(part);
            }
        }
        SpecNode dimension = keys.optional("dimension");
        return new Feature.TimePart(
                field(keys),
                parts,
                dimension == null
                        ? ModelSpec.TIME_PART_DIMENSION
                        : dimension.integer(1, DIMENSION_MAX),
                update(keys));
    }

    private static Feature.@Nullable Part part(SpecNode node) {
        Feature.Part[] parts = Feature.Part.values();
        String[] names = new String[parts.length];
        for (int i = 0; i < parts.length; i++) {
            names[i] = Flow.name(parts[i]);
        }
        String name = node.name(names);
        return name == null
                ? null
                : Feature.Part.valueOf(name.toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    private static Feature cyclic(SpecNode node) {
        Mapping keys = node.mapping("field", "period", "part", "missing");
        SpecNode period = keys.optional("period");
        SpecNode partNode = keys.optional("part");
        if ((period == null) == (partNode == null)) {
            node.problem(
                    "expected either period (of a number) or part (of a time), found "
                            + (period == null ? "neither" : "both"));
        }
        Feature.Part part = partNode == null ? null : part(partNode);
        double size =
                period != null
                        ? period.decimal("a number above 0", value -> value > 0)
                        : part == null ? 1 : part.size();
        SpecNode missing = keys.optional("missing");
        if (missing != null && partNode != null && missing.isNumber()) {
            missing.problem("a missing time can be reject or indicator, not a number");
        }
        return new Feature.Cyclic(field(keys), part, size, missing(missing));
    }

    private static Feature pixels(SpecNode node) {
        Mapping keys = node.mapping("field", "width", "height", "divide-by");
        SpecNode divideBy = keys.optional("divide-by");
        int width = keys.required("width", "pixels in a line").integer(1, PIXELS_SIDE_MAX);
        int height = keys.required("height", "the number of lines").integer(1, PIXELS_SIDE_MAX);
        if (width * height > NUMBERS_MAX) {
            node.problem(
                    "expected at most " + NUMBERS_MAX + " pixels, found " + width + " x " + height);
        }
        return new Feature.Pixels(
                field(keys),
                width,
                height,
                divideBy == null
                        ? ModelSpec.PIXELS_DIVIDE_BY
                        : divideBy.decimal("a number above 0", value -> value > 0));
    }

    private static Feature sequence(SpecNode node) {
        Mapping keys = node.mapping("field", "steps", "width", "shorter");
        SpecNode width = keys.optional("width");
        SpecNode shorter = keys.optional("shorter");
        int steps = keys.required("steps", "the number of steps").integer(1, LIST_MAX);
        int numbers = width == null ? 1 : width.integer(1, LIST_MAX);
        if (steps * numbers > NUMBERS_MAX) {
            node.problem(
                    "expected at most "
                            + NUMBERS_MAX
                            + " numbers, found "
                            + steps
                            + " steps of "
                            + numbers);
        }
        return new Feature.Sequence(
                field(keys),
                steps,
                numbers,
                shorter != null && "pad".equals(shorter.name("reject", "pad")));
    }

    private static Feature categories(SpecNode node) {
        Mapping keys = node.mapping("field", "count", "buckets", "dimension", "update");
        int count = count(keys);
        int dimension = dimension(keys);
        if (count * dimension > NUMBERS_MAX) {
            node.problem(
                    "expected at most "
                            + NUMBERS_MAX
                            + " numbers, found "
                            + count
                            + " values of dimension "
                            + dimension);
        }
        return new Feature.Categories(field(keys), count, buckets(keys), dimension, update(keys));
    }

    private static Feature bag(SpecNode node) {
        Mapping keys =
                node.mapping("field", "count", "buckets", "dimension", "mode", "weights", "update");
        SpecNode modeNode = keys.optional("mode");
        SpecNode weights = keys.optional("weights");
        EmbeddingBag.Mode mode =
                modeNode != null && "mean".equals(modeNode.name("sum", "mean"))
                        ? EmbeddingBag.Mode.MEAN
                        : EmbeddingBag.Mode.SUM;
        if (weights != null && mode == EmbeddingBag.Mode.MEAN) {
            weights.problem(
                    "weights go with mode: sum only; a mean could be divided by their sum or by their number");
        }
        return new Feature.Bag(
                field(keys),
                count(keys),
                buckets(keys),
                dimension(keys),
                mode,
                weights == null ? null : weights.text("the name of a field"),
                update(keys));
    }

    private static int count(Mapping keys) {
        return keys.required("count", "the most values that a list may have").integer(1, LIST_MAX);
    }
}
