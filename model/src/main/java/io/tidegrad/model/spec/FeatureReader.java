package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.model.spec.SpecNode.Choice;
import io.tidegrad.model.spec.SpecNode.Mapping;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
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

    private final List<Entry> entries = new ArrayList<>();
    private @Nullable SpecNode allowLabel; // of the feature that is read now

    /// @param allowLabel where the feature says whether the label's field is meant; null where it does not
    private record Entry(Feature feature, SpecNode at, @Nullable SpecNode allowLabel) {
    }

    List<Feature> read(SpecNode node) {
        List<SpecNode> entries = node.list("features, at least one");
        if (entries.size() > FEATURES_MAX) {
            node.problem("expected at most " + FEATURES_MAX + " features, found " + entries.size());
            return List.of();
        }
        List<Feature> features = new ArrayList<>();
        Map<String, Integer> lines = new HashMap<>();
        for (SpecNode entry : entries) {
            int before = node.problems();
            allowLabel = null;
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
            this.entries.add(new Entry(feature, entry, allowLabel));
        }
        return features;
    }

    /// A feature that reads the label's field gives the model the answer to what it is asked.
    ///
    /// @param mistake told of each such feature that does not say that this is meant
    void checkLabel(String labelField, BiConsumer<SpecNode, String> mistake) {
        if (labelField.isEmpty()) {
            return; // reported already
        }
        for (Entry entry : entries) {
            SpecNode allowLabel = entry.allowLabel();
            boolean allows = allowLabel != null && allowLabel.bool();
            boolean reads = entry.feature().fields().contains(labelField);
            if (reads && !allows) {
                mistake.accept(entry.at(),
                        "reads '" + labelField
                                + "', the label's field: the model would learn to copy the answer, and who asks for a"
                                + " prediction does not have it; read another field, or write allow-label: true"
                                + " in this feature if it is meant");
            } else if (allowLabel != null && allows && !reads) {
                allowLabel.problem("is for a feature that reads the label's field, '" + labelField
                        + "'; this one reads '" + String.join("', '", entry.feature().fields()) + "'");
            }
        }
    }

    /// Those of a feature's kind and those of every feature.
    private Mapping keys(SpecNode node, String... ofKind) {
        String[] known = Arrays.copyOf(ofKind, ofKind.length + 1);
        known[ofKind.length] = "allow-label";
        Mapping keys = node.mapping(known);
        allowLabel = keys.optional("allow-label");
        return keys;
    }

    /// What a feature makes of which fields: two features with the same reading are a slip.
    private static List<String> readings(Feature feature) {
        return switch (feature) {
            case Feature.Numeric number -> List.of("number of '" + number.field() + "'");
            case Feature.Category category -> List.of("category of '" + category.field() + "'");
            case Feature.Cross cross -> List.of("cross of '" + String.join("', '", cross.fields()) + "'");
            case Feature.TimePart time -> time.parts().stream()
                    .map(part -> Flow.name(part) + " of '" + time.field() + "' as a time-part").toList();
            case Feature.Cyclic cyclic -> List.of("cyclic of '" + cyclic.field() + "' with period "
                    + (cyclic.part() == null ? cyclic.period() : Flow.name(cyclic.part())));
            case Feature.Pixels pixels -> List.of("pixels of '" + pixels.field() + "'");
            case Feature.Sequence sequence -> List.of("sequence of '" + sequence.field() + "'");
            case Feature.Categories list -> List.of("categories of '" + list.field() + "'");
            case Feature.Bag bag -> List.of("bag of '" + bag.field() + "'");
        };
    }

    private @Nullable Feature feature(SpecNode entry) {
        Choice choice = entry.choice("feature", "number", "category", "cross", "time-part", "cyclic", "pixels",
                "sequence", "categories", "bag");
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

    private Feature numeric(SpecNode node) {
        Mapping keys = keys(node, "field", "scale", "transform", "missing");
        SpecNode scale = keys.optional("scale");
        SpecNode transform = keys.optional("transform");
        if (scale != null && scale.is("log1p")) {
            scale.problem("log1p is a transform, before any scale: write transform: log1p");
            scale = null;
        }
        return new Feature.Numeric(field(keys),
                scale != null && "standard".equals(scale.name("raw", "standard")) ? Feature.Scale.STANDARD
                        : Feature.Scale.RAW,
                transform != null && "log1p".equals(transform.name("none", "log1p")) ? Feature.Transform.LOG1P
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

    private Feature category(SpecNode node) {
        Mapping keys = keys(node, "field", "buckets", "dimension", "update");
        return new Feature.Category(field(keys), buckets(keys), dimension(keys), update(keys));
    }

    private Feature cross(SpecNode node) {
        Mapping keys = keys(node, "fields", "buckets", "dimension", "update");
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
        return node != null && "dense".equals(node.name("touched", "dense")) ? Embedding.Update.DENSE
                : Embedding.Update.TOUCHED;
    }

    private Feature timePart(SpecNode node) {
        Mapping keys = keys(node, "field", "parts", "dimension", "update");
        List<Feature.Part> parts = new ArrayList<>();
        for (SpecNode entry : keys.required("parts", "a list like [hour, weekday]")
                .list("parts like [hour, weekday]")) {
            Feature.Part part = part(entry);
            if (part != null) {
                parts.add(part);
            }
        }
        SpecNode dimension = keys.optional("dimension");
        return new Feature.TimePart(field(keys), parts,
                dimension == null ? ModelSpec.TIME_PART_DIMENSION : dimension.integer(1, DIMENSION_MAX), update(keys));
    }

    private static Feature.@Nullable Part part(SpecNode node) {
        Feature.Part[] parts = Feature.Part.values();
        String[] names = new String[parts.length];
        for (int i = 0; i < parts.length; i++) {
            names[i] = Flow.name(parts[i]);
        }
        String name = node.name(names);
        return name == null ? null : Feature.Part.valueOf(name.toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    private Feature cyclic(SpecNode node) {
        Mapping keys = keys(node, "field", "period", "part", "missing");
        SpecNode period = keys.optional("period");
        SpecNode partNode = keys.optional("part");
        if ((period == null) == (partNode == null)) {
            node.problem("expected either period (of a number) or part (of a time), found "
                    + (period == null ? "neither" : "both"));
        }
        Feature.Part part = partNode == null ? null : part(partNode);
        double size = period != null ? period.decimal("a number above 0", value -> value > 0)
                : part == null ? 1 : part.size();
        SpecNode missing = keys.optional("missing");
        if (missing != null && partNode != null && missing.isNumber()) {
            missing.problem("a missing time can be reject or indicator, not a number");
        }
        return new Feature.Cyclic(field(keys), part, size, missing(missing));
    }

    private Feature pixels(SpecNode node) {
        Mapping keys = keys(node, "field", "width", "height", "divide-by");
        SpecNode divideBy = keys.optional("divide-by");
        int width = keys.required("width", "pixels in a line").integer(1, PIXELS_SIDE_MAX);
        int height = keys.required("height", "the number of lines").integer(1, PIXELS_SIDE_MAX);
        if (width * height > NUMBERS_MAX) {
            node.problem("expected at most " + NUMBERS_MAX + " pixels, found " + width + " x " + height);
        }
        return new Feature.Pixels(field(keys), width, height, divideBy == null ? ModelSpec.PIXELS_DIVIDE_BY
                : divideBy.decimal("a number above 0", value -> value > 0));
    }

    private Feature sequence(SpecNode node) {
        Mapping keys = keys(node, "field", "steps", "width", "shorter");
        SpecNode width = keys.optional("width");
        SpecNode shorter = keys.optional("shorter");
        int steps = keys.required("steps", "the number of steps").integer(1, LIST_MAX);
        int numbers = width == null ? 1 : width.integer(1, LIST_MAX);
        if (steps * numbers > NUMBERS_MAX) {
            node.problem("expected at most " + NUMBERS_MAX + " numbers, found " + steps + " steps of " + numbers);
        }
        return new Feature.Sequence(field(keys), steps, numbers,
                shorter != null && "pad".equals(shorter.name("reject", "pad")));
    }

    private Feature categories(SpecNode node) {
        Mapping keys = keys(node, "field", "count", "buckets", "dimension", "update");
        int count = count(keys);
        int dimension = dimension(keys);
        if (count * dimension > NUMBERS_MAX) {
            node.problem("expected at most " + NUMBERS_MAX + " numbers, found " + count + " values of dimension "
                    + dimension);
        }
        return new Feature.Categories(field(keys), count, buckets(keys), dimension, update(keys));
    }

    private Feature bag(SpecNode node) {
        Mapping keys = keys(node, "field", "count", "buckets", "dimension", "mode", "weights", "update");
        SpecNode modeNode = keys.optional("mode");
        SpecNode weights = keys.optional("weights");
        EmbeddingBag.Mode mode = modeNode != null && "mean".equals(modeNode.name("sum", "mean"))
                ? EmbeddingBag.Mode.MEAN : EmbeddingBag.Mode.SUM;
        if (weights != null && mode == EmbeddingBag.Mode.MEAN) {
            weights.problem("weights go with mode: sum only; a mean could be divided by their sum or by their number");
        }
        return new Feature.Bag(field(keys), count(keys), buckets(keys), dimension(keys), mode,
                weights == null ? null : weights.text("the name of a field"), update(keys));
    }

    private static int count(Mapping keys) {
        return keys.required("count", "the most values that a list may have").integer(1, LIST_MAX);
    }
}
