package io.tidegrad.model.spec;

import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.EmbeddingBag;
import io.tidegrad.engine.layer.History;
import io.tidegrad.engine.layer.Quantiles;
import io.tidegrad.engine.layer.RunningScale;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.layer.Standardise;
import io.tidegrad.engine.layer.Vocabulary;
import io.tidegrad.model.spec.SpecNode.Choice;
import io.tidegrad.model.spec.SpecNode.Mapping;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Every kind of feature that a spec can name, each declared once, and the reader of a spec's `features`.
final class Features {
    private static final int FEATURES_MAX = 1_000;
    private static final int CROSSED_MAX = 8;
    private static final int CROSSES_FIELDS_MAX = 32;
    private static final int NUMBERS_MAX = 1 << 20; // of one feature
    private static final String ALLOW_LABEL = "allow-label"; // not part of any fingerprint

    private static final ValueType<Integer> BUCKETS = ValueType.whole(1, 1 << 28);
    private static final ValueType<Integer> QUANTILE_BUCKETS = ValueType.whole(2, Quantiles.BUCKETS_MAX);
    private static final ValueType<Integer> ROOM = ValueType.whole(1, Vocabulary.VALUES_MAX);
    private static final ValueType<Integer> MIN_COUNT = ValueType.whole(1, Vocabulary.MIN_COUNT_MAX);
    private static final ValueType<Long> EXPIRE_AFTER = ValueType.whole(1, 1_000_000_000_000L);
    private static final ValueType<Integer> DIMENSION = ValueType.whole(1, 1_024);
    private static final ValueType<Integer> SIDE = ValueType.whole(1, 4_096);
    private static final ValueType<Integer> LENGTH = ValueType.whole(1, 4_096);
    private static final ValueType<String> SEPARATOR = ValueType.text("what separates the values, such as \"|\"");
    private static final ValueType<Integer> NGRAMS = ValueType.whole(1, 8);
    private static final ValueType<Integer> CLASSES = ValueType.whole(2, Layers.UNITS_MAX);
    private static final ValueType<Integer> CLASSES_FROM_0 = ValueType.whole(0, Layers.UNITS_MAX);
    private static final ValueType<Embedding.Update> UPDATE = ValueType.oneOf(Embedding.Update.values());
    private static final ValueType<Feature.Part> PART = ValueType.oneOf(Feature.Part.values());
    private static final ValueType<Double> DEVIATIONS = ValueType
            .decimal("a number of deviations above 0 and at most 1e30", value -> (float) value > 0 && value <= 1e30);
    private static final ValueType<Double> WEIGHT =
            ValueType.decimal("a weight from 0 to below 1", value -> value >= 0 && value < 1);
    private static final Forms<Feature.Scale> SCALES =
            new Forms<>(List.of(new Form<>("raw", Feature.Scale.Raw.class, keys -> new Feature.Scale.Raw()),
                    new Form<>("standard", Feature.Scale.Standard.class, Features::standard),
                    new Form<>("running", Feature.Scale.Running.class, keys -> new Feature.Scale.Running(
                            keys.optional("forget", RunningScale.FORGET, WEIGHT, Feature.Scale.Running::forget),
                            keys.optional("clip", RunningScale.CLIP, DEVIATIONS, Feature.Scale.Running::clip),
                            keys.optional("heavy-tails", true, ValueType.FLAG, Feature.Scale.Running::heavyTails)))));
    private static final ValueType<Feature.Scale> SCALE = new ValueType<>(Features::scale, SCALES::inBraces);
    private static final ValueType<List<Double>> BOUNDS =
            ValueType.list("two numbers, like [0, 100]", ValueType.decimal("a number", number -> true));
    private static final ValueType<Feature.Clip> CLIP =
            new ValueType<>(Features::clip, clip -> BOUNDS.write().apply(List.of(clip.low(), clip.high())));
    private static final ValueType<Feature.Missing> MISSING = new ValueType<>(Features::missing, Features::canonical);
    private static final ValueType<Feature.Crossed> CROSSED = new ValueType<>(Features::crossed, Features::canonical);
    private static final ValueType<List<Feature.Crossed>> CROSSED_FIELDS = crossedFields(CROSSED_MAX);
    private static final ValueType<List<String>> KEY = new ValueType<>(Features::key, Features::canonicalKey);
    private static final ValueType<Integer> LAGS = ValueType.whole(1, History.LAGS_MAX);
    private static final ValueType<List<History.Value>> VALUES =
            ValueType.list("values like [lag, count]", ValueType.oneOf(History.Value.values()));
    private static final ValueType<List<History.Value>> DISTINCT_VALUES = VALUES.readBy(Features::values);
    private static final String[] PARTS = Stream.of(Feature.Part.values()).map(Flow::name).toArray(String[]::new);
    private static final String[] LEARNED = Stream.of(Feature.Learned.values()).map(Flow::name).toArray(String[]::new);
    private static final String[] PARTS_AND_LEARNED =
            Stream.concat(Stream.of(PARTS), Stream.of(LEARNED)).toArray(String[]::new);
    private static final String PART_OF_TIME = "part of a time";
    private static final String TIME_UNIT = "time-unit";
    private static final int ORDER_MIN = 2;

    static final Forms<Feature> FORMS = new Forms<>(List.of(
            new Form<>("number", Feature.Number.class, Features::number),
            new Form<>("category", Feature.Category.class,
                    keys -> new Feature.Category(field(keys, Feature.Category::field),
                            buckets(keys, Feature.Category::buckets), dimension(keys, Feature.Category::dimension),
                            update(keys, Feature.Category::update))),
            new Form<>("cross", Feature.Cross.class,
                    keys -> new Feature.Cross(
                            keys.required("fields", "a list of two or more fields", CROSSED_FIELDS,
                                    Feature.Cross::crossed),
                            buckets(keys, Feature.Cross::buckets), dimension(keys, Feature.Cross::dimension),
                            update(keys, Feature.Cross::update))),
            new Form<>("time-part", Feature.TimePart.class,
                    keys -> new Feature.TimePart(field(keys, Feature.TimePart::field),
                            keys.required("parts", "a list like [hour, weekday]",
                                    ValueType.list("parts like [hour, weekday]", PART), Feature.TimePart::parts),
                            timeUnit(keys, Feature.TimePart::timeUnit),
                            keys.optional("dimension", 4, DIMENSION, Feature.TimePart::dimension),
                            update(keys, Feature.TimePart::update))),
            new Form<>("cyclic", Feature.Cyclic.class, Features::cyclic),
            new Form<>("pixels", Feature.Pixels.class, Features::pixels),
            new Form<>("sequence", Feature.Sequence.class, Features::sequence),
            new Form<>("categories", Feature.Categories.class, Features::categories),
            new Form<>("bag", Feature.Bag.class, Features::bag),
            new Form<>("shifted-label", Feature.ShiftedLabel.class, Features::shiftedLabel),
            new Form<>("history", Feature.History.class, Features::history),
            new Form<>("quantiles", Feature.Quantiles.class,
                    keys -> new Feature.Quantiles(field(keys, Feature.Quantiles::field),
                            keys.required("buckets", "how many buckets", QUANTILE_BUCKETS, Feature.Quantiles::buckets),
                            dimension(keys, Feature.Quantiles::dimension), update(keys, Feature.Quantiles::update))),
            new Form<>("vocabulary", Feature.Vocabulary.class, Features::vocabulary)));

    /// Ways to write features: canonical text has those.
    private static final Forms<Rule> RULES =
            new Forms<>(List.of(new Form<>("crosses", Crosses.class, Features::crosses),
                    new Form<>("text", Text.class, Features::text)));

    private static final List<String> RULE_NAMES = List.of(RULES.names(form -> true));

    private static final String[] NAMES =
            Stream.concat(Stream.of(FORMS.names(form -> true)), RULE_NAMES.stream()).toArray(String[]::new);

    private final List<Entry> entries = new ArrayList<>();

    /// @param feature the first, if the entry stands for many
    /// @param fields all that are read
    /// @param allowLabel where the feature says whether the label's field is meant; null where it does not
    private record Entry(Feature feature, List<String> fields, SpecNode at, @Nullable SpecNode allowLabel) {
    }

    /// Stands for features.
    private sealed interface Rule {
        List<Feature> features();
    }

    /// A `bag` of words, with defaults that suit texts.
    private record Text(Feature.Bag bag) implements Rule {
        @Override
        public List<Feature> features() {
            return List.of(bag);
        }
    }

    /// A `cross` of every 2 to `order` of some fields: of fewer fields first, else by the places of their fields.
    private record Crosses(List<Feature.Crossed> crossed, int order, int buckets, int dimension,
            Embedding.Update update) implements Rule {
        @Override
        public List<Feature> features() {
            List<Feature> features = new ArrayList<>();
            for (int size = ORDER_MIN; size <= order; size++) {
                add(new ArrayDeque<>(), 0, size, features);
            }
            return features;
        }

        private void add(Deque<Feature.Crossed> chosen, int from, int size, List<Feature> features) {
            if (chosen.size() == size) {
                features.add(new Feature.Cross(List.copyOf(chosen), buckets, dimension, update));
                return;
            }
            for (int i = from; i < crossed.size() && features.size() <= FEATURES_MAX; i++) {
                chosen.addLast(crossed.get(i));
                add(chosen, i + 1, size, features);
                chosen.removeLast();
            }
        }
    }

    List<Feature> read(SpecNode node) {
        List<SpecNode> entries = node.list("features, at least one");
        if (entries.size() > FEATURES_MAX) {
            node.problem("expected at most " + FEATURES_MAX + " features, found " + entries.size());
            return List.of();
        }
        List<Feature> features = new ArrayList<>();
        Map<String, Integer> lines = new HashMap<>();
        Map<Feature.Crossed, SpecNode> learned = new LinkedHashMap<>();
        int beforeAll = node.problems();
        for (SpecNode entry : entries) {
            int before = node.problems();
            Choice choice = entry.choice("feature", NAMES);
            if (choice == null) {
                continue;
            }
            Form<?> form = (RULE_NAMES.contains(choice.kind()) ? RULES : FORMS).named(choice.kind());
            Mapping keys = form.keys(choice.value(), ALLOW_LABEL);
            Object part = form.read(choice.value(), keys);
            if (part == null || node.problems() > before) {
                continue;
            }
            List<Feature> read = part instanceof Rule rule ? rule.features() : List.of((Feature) part);
            if (features.size() + read.size() > FEATURES_MAX) {
                entry.problem("expected at most " + FEATURES_MAX + " features, found more with these crosses:"
                        + " name fewer fields, or a lower order");
                return List.of();
            }
            for (Feature feature : read) {
                for (String reading : readings(feature)) {
                    Integer earlier = lines.putIfAbsent(reading, entry.line());
                    if (earlier != null) {
                        entry.problem(reading + " is a feature already, on line " + earlier);
                    }
                }
            }
            features.addAll(read);
            List<String> fields = read.stream().flatMap(feature -> feature.fields().stream()).distinct().toList();
            this.entries.add(new Entry(read.getFirst(), fields, entry, keys.optional(ALLOW_LABEL)));
            for (Feature feature : read) {
                if (feature instanceof Feature.Cross cross) {
                    cross.learned().forEach(of -> learned.putIfAbsent(of, entry));
                }
            }
        }
        if (node.problems() == beforeAll) {
            learned.forEach((of, at) -> requireLearned(of, features, at));
        }
        return features;
    }

    /// What is crossed of a field is learned by a feature of it.
    private static void requireLearned(Feature.Crossed of, List<Feature> features, SpecNode at) {
        if (features.stream().noneMatch(of::isLearnedBy)) {
            String kind = Flow.name(Objects.requireNonNull(of.learned()));
            String more = of.isNumber() ? "buckets: 16" : "capacity: 10000";
            at.problem("expected a feature " + reading(of) + ", whose " + (of.isNumber() ? "buckets" : "values")
                    + " are crossed, found none; add - " + kind + ": { field: " + of.field() + ", " + more
                    + " }, or cross the field itself: " + of.field());
        }
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
            boolean reads = entry.fields().stream().anyMatch(field -> isSame(field, labelField));
            if (entry.feature() instanceof Feature.ShiftedLabel shifted) {
                if (!isSame(shifted.field(), labelField)) {
                    entry.at().problem(
                            "expected the label's field, '" + labelField + "', found '" + shifted.field() + "'");
                }
                if (allowLabel != null) {
                    allowLabel.problem("a shifted label reads the label's field by its nature");
                }
                continue;
            }
            if (reads && !allows) {
                mistake.accept(entry.at(),
                        "reads '" + labelField
                                + "', the label's field: the model would learn to copy the answer, and who asks for a"
                                + " prediction does not have it; read another field, or write allow-label: true"
                                + " in this feature if it is meant");
            } else if (allowLabel != null && allows && !reads) {
                allowLabel.problem("is for a feature that reads the label's field, '" + labelField
                        + "'; this one reads '" + String.join("', '", entry.fields()) + "'");
            }
        }
    }

    /// Returns whether two paths read the same: one that ends at an array stands for its elements.
    private static boolean isSame(String path, String other) {
        return array(path).equals(array(other));
    }

    private static String array(String path) {
        return path.endsWith("[]") ? array(path.substring(0, path.length() - 2)) : path;
    }

    /// A shifted label has the steps and classes of the label.
    ///
    /// @param output what the network ends in; null if that is not known
    void checkShiftedLabel(ModelSpec.Label.Kind kind, Shape.@Nullable Grid output) {
        for (Entry entry : entries) {
            if (!(entry.feature() instanceof Feature.ShiftedLabel shifted)) {
                continue;
            }
            if (kind != ModelSpec.Label.Kind.STEPS) {
                entry.at().problem("only for a label with a class for each step, label: { kind: steps }");
            } else if (output != null && output.axes().size() == 2
                    && (shifted.count() != output.lines() || shifted.classes() != output.width())) {
                entry.at()
                        .problem("expected count: " + output.lines() + " and classes: " + output.width()
                                + ", the steps and classes that the network ends in, found " + shifted.count() + " and "
                                + shifted.classes());
            }
        }
    }

    /// What a feature makes of which fields: two features with the same reading are a slip.
    private static List<String> readings(Feature feature) {
        String kind = FORMS.of(feature).name();
        return switch (feature) {
            case Feature.TimePart time -> time.parts().stream()
                    .map(part -> Flow.name(part) + " of '" + time.field() + "' as a time-part").toList();
            case Feature.Cyclic cyclic -> List.of("cyclic of '" + cyclic.field() + "' with period "
                    + (cyclic.part() == null ? cyclic.period() : Flow.name(cyclic.part())));
            case Feature.Cross cross -> List.of(
                    "cross of " + cross.crossed().stream().map(Features::reading).collect(Collectors.joining(", ")));
            case Feature.Bag bag -> List.of("bag of '" + bag.field() + "'");
            case Feature.History history -> List.of("history of '" + String.join("', '", history.key()) + "'"
                    + (history.field() == null ? "" : ", its number '" + history.field() + "'")
                    + (history.time() == null ? "" : ", its time '" + history.time() + "'"));
            default -> List.of(kind + " of '" + String.join("', '", feature.fields()) + "'");
        };
    }

    /// A line for each feature.
    static String canonical(List<Feature> features) {
        StringBuilder text = new StringBuilder("features:\n");
        for (Feature feature : features) {
            Form<? extends Feature> form = FORMS.of(feature);
            // What is said of a table comes last. Bags ask for it earlier: messages list their keys in that order.
            Flow keys = form.keysOf(feature).last("buckets").last("dimension").last("update");
            text.append("- ").append(form.entry(keys)).append('\n');
        }
        return text.toString();
    }

    private static <F> String field(Keys<F> keys, Function<F, String> of) {
        return keys.required("field", "the name of a field", ValueType.FIELD, of);
    }

    /// What a time counts where it is a number.
    private static <F> TimeUnit timeUnit(Keys<F> keys, Function<F, TimeUnit> of) {
        return keys.optional(TIME_UNIT, TimeUnit.MILLISECONDS, ValueType.TIME_UNIT, of);
    }

    private static <F> int buckets(Keys<F> keys, Function<F, Integer> of) {
        return keys.required("buckets", "the rows of the table", BUCKETS, of);
    }

    private static <F> int dimension(Keys<F> keys, Function<F, Integer> of) {
        return keys.written("dimension", 8, DIMENSION, of);
    }

    private static <F> Embedding.Update update(Keys<F> keys, Function<F, Embedding.Update> of) {
        return keys.optional("update", Embedding.Update.TOUCHED, UPDATE, of);
    }

    private static <F> int count(Keys<F> keys, Function<F, Integer> of) {
        return keys.required("count", "the most values that a list may have", LENGTH, of);
    }

    /// How a text becomes the list; null where the field is one.
    private static <F> Feature.@Nullable Cut cut(Keys<F> keys, Function<F, Feature.@Nullable Cut> of) {
        String split = keys.orNull("split", SEPARATOR,
                feature -> of.apply(feature) instanceof Feature.Cut.Separator(String text) ? text : null);
        Integer ngrams = keys.orNull("ngrams", NGRAMS,
                feature -> of.apply(feature) instanceof Feature.Cut.Words words ? words.ngrams() : null);
        if (split != null && ngrams != null) {
            keys.problem("ngrams", "expected either split or ngrams, found both");
        }
        return split != null ? new Feature.Cut.Separator(split) : ngrams == null ? null : new Feature.Cut.Words(ngrams);
    }

    private static Feature.Number number(Keys<Feature.Number> keys) {
        return new Feature.Number(field(keys, Feature.Number::field),
                keys.optional("scale", new Feature.Scale.Raw(), SCALE, Feature.Number::scale),
                keys.orNull("clip", CLIP, Feature.Number::clip),
                keys.optional("transform", Feature.Transform.NONE, ValueType.oneOf(Feature.Transform.values()),
                        Feature.Number::transform),
                keys.optional("missing", Feature.Missing.REJECT, MISSING, Feature.Number::missing));
    }

    private static Feature.Clip clip(SpecNode node) {
        int before = node.problems();
        List<Double> bounds = BOUNDS.read().apply(node);
        if (node.problems() == before && (bounds.size() != 2 || bounds.getFirst() >= bounds.getLast())) {
            node.problem("expected two numbers, the lower one first, found "
                    + bounds.stream().map(Flow::number).collect(Collectors.joining(", ", "[", "]")));
        }
        return node.problems() > before ? new Feature.Clip(0, 1)
                : new Feature.Clip(bounds.getFirst(), bounds.getLast());
    }

    private static Feature.Scale scale(SpecNode node) {
        if (node.is("log1p")) {
            node.problem("log1p is a transform, before any scale: write transform: log1p");
            return new Feature.Scale.Raw();
        }
        String[] names = SCALES.names(form -> true);
        Choice choice = node.isMapping() ? node.choice("scale", names) : null;
        String name = node.isMapping() ? choice == null ? null : choice.kind() : node.name(names);
        if (name == null) {
            return new Feature.Scale.Raw();
        }
        Form<? extends Feature.Scale> form = SCALES.named(name);
        if (choice != null && !form.hasKeys()) {
            choice.value().problem(name + " has no settings; write it alone");
            return new Feature.Scale.Raw();
        }
        Feature.Scale read = form.read(choice == null ? node.nothing() : choice.value());
        return read == null ? new Feature.Scale.Raw() : read;
    }

    private static Feature.Scale.Standard standard(Keys<Feature.Scale.Standard> keys) {
        Double clip =
                keys.orNull("clip", DEVIATIONS, scale -> scale.clip() == Standardise.UNCLIPPED ? null : scale.clip());
        return clip == null ? new Feature.Scale.Standard() : new Feature.Scale.Standard(clip);
    }

    private static Feature.Missing missing(SpecNode node) {
        if (node.is("reject")) {
            return Feature.Missing.REJECT;
        }
        if (node.is("indicator")) {
            return Feature.Missing.INDICATOR;
        }
        int before = node.problems();
        double value = node.decimal("reject, indicator or a number", number -> true);
        return node.problems() > before ? Feature.Missing.REJECT : Feature.Missing.value(value);
    }

    private static String canonical(Feature.Missing missing) {
        return missing.kind() == Feature.Missing.Kind.VALUE ? Flow.number(missing.value()) : Flow.name(missing.kind());
    }

    private static Crosses crosses(Keys<Crosses> keys) {
        List<Feature.Crossed> crossed = keys.required("fields", "a list of two or more fields",
                crossedFields(CROSSES_FIELDS_MAX), Crosses::crossed);
        int order = keys.optional("order", ORDER_MIN, ValueType.whole(ORDER_MIN, CROSSED_MAX), Crosses::order);
        if (crossed.size() >= ORDER_MIN && order > crossed.size()) {
            keys.problem("order", "expected at most the number of fields, " + crossed.size() + ", found " + order);
        }
        return new Crosses(crossed, order, buckets(keys, Crosses::buckets), dimension(keys, Crosses::dimension),
                update(keys, Crosses::update));
    }

    private static Text text(Keys<Text> keys) {
        String field = field(keys, text -> text.bag().field());
        int count = keys.optional("count", 128, LENGTH, text -> text.bag().count());
        int ngrams = keys.optional("ngrams", 1, NGRAMS,
                text -> text.bag().cut() instanceof Feature.Cut.Words words ? words.ngrams() : 1);
        int buckets = keys.optional("buckets", 1 << 16, BUCKETS, text -> text.bag().buckets());
        int dimension = keys.optional("dimension", 16, DIMENSION, text -> text.bag().dimension());
        return new Text(new Feature.Bag(field, count, new Feature.Cut.Words(ngrams), buckets, dimension,
                EmbeddingBag.Mode.MEAN, null, update(keys, text -> text.bag().update())));
    }

    private static ValueType<List<Feature.Crossed>> crossedFields(int max) {
        return ValueType.list("fields, two or more", CROSSED).readBy(node -> crossedFields(node, max));
    }

    /// A field by its name, a part of a time, `{ hour: departed }`, `{ hour: departed, time-unit: seconds }`, or what a feature
    /// has learned of the field, `{ quantiles: amount }`.
    private static Feature.Crossed crossed(SpecNode node) {
        if (!node.isMapping()) {
            return Feature.Crossed.whole(node.field());
        }
        if (node.has(TIME_UNIT)) {
            return crossedInUnit(node);
        }
        Choice choice = node.choice(PART_OF_TIME + " or learned feature", PARTS_AND_LEARNED);
        if (choice == null) {
            return Feature.Crossed.whole("");
        }
        int learned = List.of(LEARNED).indexOf(choice.kind());
        return new Feature.Crossed(choice.value().field(), learned < 0 ? part(choice.kind()) : null,
                TimeUnit.MILLISECONDS, learned < 0 ? null : Feature.Learned.values()[learned]);
    }

    private static Feature.Crossed crossedInUnit(SpecNode node) {
        int before = node.problems();
        Mapping keys = node.mapping(Stream.concat(Stream.of(PARTS), Stream.of(TIME_UNIT)).toArray(String[]::new));
        List<String> found = Stream.of(PARTS).filter(part -> keys.optional(part) != null).toList();
        TimeUnit unit = ValueType.TIME_UNIT.read().apply(keys.required(TIME_UNIT, "what the time counts"));
        if (found.size() != 1) {
            if (node.problems() > before) {
                return Feature.Crossed.whole(""); // a misspelt part is one mistake
            }
            node.problem("expected one " + PART_OF_TIME + " (" + String.join(", ", PARTS) + ") beside " + TIME_UNIT
                    + ", found " + (found.isEmpty() ? "none" : String.join(", ", found)));
            return Feature.Crossed.whole("");
        }
        return new Feature.Crossed(keys.required(found.getFirst(), "a field").field(), part(found.getFirst()), unit,
                null);
    }

    private static Feature.Part part(String name) {
        return Feature.Part.values()[List.of(PARTS).indexOf(name)];
    }

    private static String canonical(Feature.Crossed crossed) {
        String field = Flow.quoted(crossed.field());
        if (crossed.learned() != null) {
            return new Flow().add(Flow.name(crossed.learned()), field).toString();
        }
        return crossed.part() == null ? field
                : new Flow().add(Flow.name(crossed.part()), field)
                        .add(TIME_UNIT,
                                crossed.timeUnit() == TimeUnit.MILLISECONDS ? null : Flow.name(crossed.timeUnit()))
                        .toString();
    }

    private static String reading(Feature.Crossed crossed) {
        String field = "'" + crossed.field() + "'";
        Enum<?> of = crossed.learned() == null ? crossed.part() : crossed.learned();
        return of == null ? field : Flow.name(of) + " of " + field;
    }

    private static List<Feature.Crossed> crossedFields(SpecNode list, int max) {
        List<Feature.Crossed> fields = new ArrayList<>();
        Set<Feature.Crossed> seen = new HashSet<>();
        for (SpecNode entry : list.list("fields, two or more")) {
            Feature.Crossed field = crossed(entry);
            if (!field.field().isEmpty() && !seen.add(field)) {
                entry.problem(reading(field) + " is crossed with itself");
            }
            fields.add(field);
        }
        if (fields.size() == 1 || fields.size() > max) {
            list.problem("expected 2 to " + max + " fields, found " + fields.size());
        }
        return fields;
    }

    /// The period of a part is its size.
    private static Feature.Cyclic cyclic(Keys<Feature.Cyclic> keys) {
        String field = field(keys, Feature.Cyclic::field);
        Double period = keys.orNull("period", ValueType.POSITIVE, f -> f.part() == null ? f.period() : null);
        Feature.Part part = keys.orNull("part", PART, Feature.Cyclic::part);
        if ((period == null) == (part == null)) {
            keys.problem("expected either period (of a number) or part (of a time), found "
                    + (period == null ? "neither" : "both"));
        }
        Feature.Missing missing = keys.optional("missing", Feature.Missing.REJECT, MISSING, Feature.Cyclic::missing);
        if (part != null && missing.kind() == Feature.Missing.Kind.VALUE) {
            keys.problem("missing", "a missing time can be reject or indicator, not a number");
        }
        TimeUnit unit = timeUnit(keys, Feature.Cyclic::timeUnit);
        if (part == null && unit != TimeUnit.MILLISECONDS) {
            keys.problem(TIME_UNIT, "expected part, of a time in that unit; found period, of a number");
        }
        return new Feature.Cyclic(field, part, unit, part != null ? part.size() : period != null ? period : 1, missing);
    }

    private static Feature.Pixels pixels(Keys<Feature.Pixels> keys) {
        Feature.Pixels read = new Feature.Pixels(field(keys, Feature.Pixels::field),
                keys.required("width", "pixels in a line", SIDE, Feature.Pixels::width),
                keys.required("height", "the number of lines", SIDE, Feature.Pixels::height),
                keys.optional("divide-by", 255.0, ValueType.POSITIVE, Feature.Pixels::divideBy));
        if (read.count() > NUMBERS_MAX) {
            keys.problem("expected at most " + NUMBERS_MAX + " pixels, found " + read.width() + " x " + read.height());
        }
        return read;
    }

    private static Feature.Sequence sequence(Keys<Feature.Sequence> keys) {
        Feature.Sequence read = new Feature.Sequence(field(keys, Feature.Sequence::field),
                keys.required("steps", "the number of steps", LENGTH, Feature.Sequence::steps),
                keys.optional("width", 1, LENGTH, Feature.Sequence::width),
                keys.optional("shorter", Shorter.REJECT, ValueType.oneOf(Shorter.values()),
                        list -> list.padded() ? Shorter.PAD : Shorter.REJECT) == Shorter.PAD);
        if (read.count() > NUMBERS_MAX) {
            keys.problem("expected at most " + NUMBERS_MAX + " numbers, found " + read.steps() + " steps of "
                    + read.width());
        }
        return read;
    }

    private enum Shorter {
        REJECT, PAD
    }

    private static Feature.Categories categories(Keys<Feature.Categories> keys) {
        Feature.Categories read =
                new Feature.Categories(field(keys, Feature.Categories::field), count(keys, Feature.Categories::count),
                        cut(keys, Feature.Categories::cut), buckets(keys, Feature.Categories::buckets),
                        dimension(keys, Feature.Categories::dimension), update(keys, Feature.Categories::update));
        if (read.count() * read.dimension() > NUMBERS_MAX) {
            keys.problem("expected at most " + NUMBERS_MAX + " numbers, found " + read.count() + " values of dimension "
                    + read.dimension());
        }
        return read;
    }

    private static Feature.ShiftedLabel shiftedLabel(Keys<Feature.ShiftedLabel> keys) {
        String field = field(keys, Feature.ShiftedLabel::field);
        int count = keys.required("count", "the number of steps", LENGTH, Feature.ShiftedLabel::count);
        int classes = keys.required("classes", "the number of classes", CLASSES, Feature.ShiftedLabel::classes);
        Integer start = keys.orNull("start", CLASSES_FROM_0, f -> f.start() == f.classes() ? null : f.start());
        if (start != null && start > classes) {
            keys.problem("start", "expected a class, or " + classes + " for a table row of its own, found " + start);
        }
        Feature.ShiftedLabel read =
                new Feature.ShiftedLabel(field, count, classes, start == null || start > classes ? classes : start,
                        dimension(keys, Feature.ShiftedLabel::dimension), update(keys, Feature.ShiftedLabel::update));
        if (read.count() * read.dimension() > NUMBERS_MAX) {
            keys.problem("expected at most " + NUMBERS_MAX + " numbers, found " + read.count() + " steps of dimension "
                    + read.dimension());
        }
        return read;
    }

    private static Feature.Bag bag(Keys<Feature.Bag> keys) {
        String field = field(keys, Feature.Bag::field);
        int count = count(keys, Feature.Bag::count);
        Feature.Cut cut = cut(keys, Feature.Bag::cut);
        int buckets = buckets(keys, Feature.Bag::buckets);
        int dimension = dimension(keys, Feature.Bag::dimension);
        EmbeddingBag.Mode mode = keys.optional("mode", EmbeddingBag.Mode.SUM,
                ValueType.oneOf(EmbeddingBag.Mode.values()), Feature.Bag::mode);
        String weights = keys.orNull("weights", ValueType.FIELD, Feature.Bag::weights);
        if (weights != null && mode != EmbeddingBag.Mode.SUM) {
            keys.problem("weights",
                    "weights go with mode: sum only; a mean, or a root, could divide by their sum or by their number");
        }
        if (weights != null && cut != null) {
            keys.problem("weights", "weights go with a field that is a list, not with a text that is cut into one");
        }
        return new Feature.Bag(field, count, cut, buckets, dimension, mode, weights, update(keys, Feature.Bag::update));
    }

    /// As many values wait as have a row, unless given.
    private static Feature.Vocabulary vocabulary(Keys<Feature.Vocabulary> keys) {
        String field = field(keys, Feature.Vocabulary::field);
        int capacity = keys.required("capacity", "the most values that have a row of their own", ROOM,
                Feature.Vocabulary::capacity);
        Integer waiting = keys.orNull("waiting", ROOM, f -> f.waiting() == f.capacity() ? null : f.waiting());
        return new Feature.Vocabulary(field, capacity, waiting == null ? capacity : waiting,
                keys.optional("min-count", 5, MIN_COUNT, Feature.Vocabulary::minCount),
                keys.optional("expire-after", 1_000_000L, EXPIRE_AFTER, Feature.Vocabulary::expireAfter),
                dimension(keys, Feature.Vocabulary::dimension), update(keys, Feature.Vocabulary::update));
    }

    /// Fields that are named must be remembered for something.
    private static Feature.History history(Keys<Feature.History> keys) {
        List<String> key = keys.required("key", "a field, or a list of fields that are the key together", KEY,
                Feature.History::key);
        String field = keys.orNull("field", ValueType.FIELD, Feature.History::field);
        String time = keys.orNull("time", ValueType.FIELD, Feature.History::time);
        List<History.Value> values = keys.required("values", "a list like [lag, difference, count, since-last]",
                DISTINCT_VALUES, Feature.History::values);
        int lags = keys.optional("lags", 1, LAGS, Feature.History::lags);
        if (!values.isEmpty()) {
            boolean isOfNumber = values.stream().anyMatch(History.Value::isOfNumber);
            requireUse(keys, "field", field, "lag or difference", isOfNumber);
            if (lags > 1 && !isOfNumber) {
                keys.problem("lags", "expected lag or difference among the values, which this many are remembered for");
            }
            requireUse(keys, "time", time, "since-last", values.stream().anyMatch(History.Value::isOfTime));
        }
        TimeUnit unit = timeUnit(keys, Feature.History::timeUnit);
        if (time == null && unit != TimeUnit.MILLISECONDS) {
            keys.problem(TIME_UNIT, "expected time, the field that counts them, found none");
        }
        return new Feature.History(key, field, time, unit, values, lags, buckets(keys, Feature.History::buckets));
    }

    /// None where there is a mistake.
    private static List<History.Value> values(SpecNode node) {
        int before = node.problems();
        List<History.Value> values = VALUES.read().apply(node);
        if (node.problems() == before && values.stream().distinct().count() < values.size()) {
            node.problem("expected each value once, found "
                    + values.stream().map(Flow::name).collect(Collectors.joining(", ", "[", "]")));
        }
        return node.problems() > before ? List.of() : values;
    }

    private static void requireUse(Keys<Feature.History> keys, String key, @Nullable String field, String value,
            boolean isUsed) {
        if (field == null && isUsed) {
            keys.problem("expected " + key + ", which " + value + " is made of, found none");
        } else if (field != null && !isUsed) {
            keys.problem(key, "expected " + value + " among the values, for nothing else is made of it");
        }
    }

    private static List<String> key(SpecNode node) {
        if (!node.isList()) {
            return List.of(node.field());
        }
        List<String> fields = new ArrayList<>();
        for (SpecNode entry : node.list("fields")) {
            String field = entry.field();
            if (!field.isEmpty() && fields.contains(field)) {
                entry.problem("'" + field + "' is in the key already");
            }
            fields.add(field);
        }
        if (fields.size() > CROSSED_MAX) {
            node.problem("expected at most " + CROSSED_MAX + " fields, found " + fields.size());
        }
        return fields;
    }

    private static String canonicalKey(List<String> key) {
        return key.size() == 1 ? Flow.quoted(key.getFirst())
                : key.stream().map(Flow::quoted).collect(Collectors.joining(", ", "[", "]"));
    }
}
