package io.tidegrad.control.suggestion;

import io.tidegrad.control.ControlException.Reason;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.EventSchemas;
import io.tidegrad.model.evaluation.LeakAlarm;
import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.Flow;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A spec to start from, with the reason for each line as a comment: what a sample of events shows of types, missing
/// values, numbers of values, and fields that seem to know the label. It is a function of the sample alone.
public final class SpecSuggestion {
    private static final Set<String> LABELS = Set.of("label", "y", "target", "class");
    private static final Set<String> NAMES = Set.of("id", "user", "customer", "item", "product", "code", "zip",
            "country", "city", "shop", "merchant", "device", "store", "account");

    private static final String BINARY_CROSS_ENTROPY = "binary-cross-entropy";
    private static final String MEAN_SQUARED_ERROR = "mean-squared-error";

    private static final int CLASSES_MAX = 1_000;
    private static final int NAMED_MIN = 10; // events a class

    /// Of more, twice as many. Up to here there are a linear baseline and estimates for late labels.
    private static final int ROOM_MIN = 16;

    private static final int FEW_MIN = 3; // values
    private static final int FEW_MAX = 16;
    private static final double NEARLY_ALL = 1.25; // of a range, so many numbers a value
    private static final double LEAK_HITS = 0.995;
    private static final double LEAK_CORRELATION = 0.999;
    private static final double MISSING_MAX = 0.99;
    private static final double FREE_TEXT = 40; // mean characters
    private static final int TEXTS_MIN = 20;
    private static final int NAMED_MAX = 50; // fields in a message
    private static final int WORDS_MAX = 128; // of a text, as where the spec says nothing

    /// Fewer events of a topic don't show what a field is like; a schema says at least its type.
    private static final int EVENTS_MIN = 1_000;

    private final EventSample sample;
    private final List<String> features = new ArrayList<>();
    private final List<String> leftOut = new ArrayList<>();
    private final CrossSuggestion crosses = new CrossSuggestion();
    private @Nullable String eventTime;
    private LabelLink link = LabelLink.NONE;

    private SpecSuggestion(EventSample sample) {
        this.sample = sample;
    }

    /// What a label is, as far as its values or its schema tell.
    ///
    /// @param keys that a spec says of it beside its field
    /// @param why they are these, and the loss is this one
    private record Meaning(Flow keys, String loss, String why, LabelLink link) {
    }

    private static ControlException mistake(EventSample sample, String what) {
        return new ControlException(Reason.CONFIGURATION, sample.source() + ": " + what);
    }

    private static @Nullable Column named(EventSample sample, @Nullable String field) {
        return sample.columns().stream().filter(column -> column.name().equals(field)).findFirst().orElse(null);
    }

    private static ControlException noField(EventSample sample, String field, String what) {
        List<String> names = sample.columns().stream().map(Column::name).toList();
        return mistake(sample, "expected a field " + field + ", found "
                + String.join(", ", names.subList(0, Math.min(NAMED_MAX, names.size())))
                + (names.size() <= NAMED_MAX ? "" : " and " + (names.size() - NAMED_MAX) + " more") + "; " + what);
    }

    /// Suggests a spec for a sample of events.
    ///
    /// @param topic that the spec names; its model is called likewise
    /// @param labelField null: it is looked for
    /// @throws ControlException no spec can say its label or a feature
    public static String of(EventSample sample, String topic, @Nullable String labelField) {
        return of(sample, topic, labelField, "");
    }

    private static String of(EventSample sample, String topic, @Nullable String labelField, String format) {
        List<Column> columns = sample.columns();
        if (columns.isEmpty()) {
            throw mistake(sample, "expected events, found none");
        }
        Column label = labelField != null ? named(sample, labelField) : columns.stream()
                .filter(column -> LABELS.contains(column.name().toLowerCase(Locale.ROOT))).findFirst().orElse(null);
        if (label == null && labelField != null) {
            throw noField(sample, labelField, "correct --label");
        }
        String why = labelField != null ? "--label"
                : label == null ? "the last field; --label names another" : "by its name; --label names another";
        Column known = label == null ? columns.getLast() : label;
        Meaning meaning = meaning(sample, known, "name another with --label");
        SpecSuggestion made = new SpecSuggestion(sample);
        made.link = meaning.link;
        made.features(Set.of(known.name()), List.of());
        return made.text(topic, format, known, why, meaning);
    }

    /// Suggests a spec for a topic's events, or, if there is none, for what the registered schema says of them.
    ///
    /// @param labelField null: it is looked for
    /// @throws ControlException the topic can't be read, or no spec can say its label or a feature
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry does not answer
    public static String of(KafkaSettings kafka, RegistrySettings registry, String topicName,
            @Nullable String labelField) {
        TopicSample topic = TopicSample.of(kafka, registry, topicName, 1);
        return of(topic.events(), topicName, labelField, topic.isJson() ? ", format: json" : "");
    }

    /// Returns the spec with the features that its events suggest, or their schema while they are few, if it says
    /// `features: auto`; and with what its label means, if it does not say that either. Else the spec.
    ///
    /// @param spec with its topic
    /// @param view what is decided, with the stream of the spec; null if it has none
    /// @throws ControlException as [#of(KafkaSettings, RegistrySettings, String, String)]
    /// @throws io.tidegrad.schemas.SchemaRegistry.RegistryUnavailableException the registry does not answer
    public static ModelSpec complete(ModelSpec spec, ControlLog.@Nullable View view, KafkaSettings kafka,
            RegistrySettings registry) {
        if (!spec.isOpen()) {
            return spec;
        }
        if (registry.url().isEmpty()) {
            throw new ControlException(Reason.CONFIGURATION, "model " + spec.model()
                    + ": features: auto reads events and their schemas: expected registry-url, found none");
        }
        StreamSpec stream = view == null ? null : EventSchemas.stream(spec, view);
        String topic = stream == null ? spec.inputTopic() : stream.events().topic();
        TopicSample sample = TopicSample.of(kafka, registry, topic, EVENTS_MIN);
        return complete(spec, stream, sample.events(), sample.read());
    }

    /// As the other one, by events that were read.
    public static ModelSpec complete(ModelSpec spec, EventSample events) {
        return spec.isOpen() ? complete(spec, null, events, events) : spec;
    }

    /// @param read all events that were read; what features are made of is their schema alone while they are few, but
    ///     whether a number is a class, say, no schema tells
    static ModelSpec complete(ModelSpec spec, @Nullable StreamSpec stream, EventSample events, EventSample read) {
        ModelSpec.Label said = spec.label();
        String labelField = stream == null ? said.field() : stream.label();
        Column label = named(events, labelField);
        SpecSuggestion made = new SpecSuggestion(events);
        ModelSpec known = spec;
        if (said.isOpen()) {
            Meaning meaning = meaning(spec, stream, labelField, read.rows() > 0 ? read : events);
            known = spec.withLabel(new ModelSpec.LabelMeaning(meaning.keys,
                    meaning.loss + " # " + oneLine(meaning.why + ", by " + (read.rows() > 0 ? read : events).told())));
            made.link = events.rows() > 0 ? meaning.link : LabelLink.NONE;
        } else if (label != null && events.rows() > 0) {
            made.link = link(events, said, label);
        }
        made.features(Stream.of(labelField, said.lengths(), stream == null ? spec.weightField() : stream.weight())
                .filter(Objects::nonNull).collect(Collectors.toSet()), spec.watch().knownInTime());
        StringBuilder text = new StringBuilder();
        line(text, "  # by " + events.told());
        made.list(text);
        return known.withFeatures(text.toString());
    }

    private static Meaning meaning(ModelSpec spec, @Nullable StreamSpec stream, @Nullable String field,
            EventSample sample) {
        String otherwise = "or say in the spec what it means: loss: binary-cross-entropy or mean-squared-error, or"
                + " label: { " + (stream == null ? "field: …, " : "") + "positive: … } or { "
                + (stream == null ? "field: …, " : "") + "classes: … }";
        if (field == null) {
            throw new ControlException(Reason.CONFIGURATION,
                    "model " + spec.model()
                            + ": expected a label in the events, by which features: auto finds what it means, found "
                            + (stream == null ? "stream " + spec.stream() + ", which is not looked up here; "
                                    : "a stream whose labels come from a topic of their own; ")
                            + otherwise.substring(3));
        }
        Column column = named(sample, field);
        if (column == null) {
            throw noField(sample, field, stream == null ? "correct label.field" : "correct the label of the stream");
        }
        return meaning(sample, column, (stream == null ? "name another in label.field, " : "") + otherwise);
    }

    /// What a label that a spec describes says of each row.
    private static LabelLink link(EventSample sample, ModelSpec.Label said, Column column) {
        int[] codes = column.codes();
        double[] numbers = column.values();
        Double threshold = said.threshold();
        String positive = said.positive();
        if (positive != null || threshold != null && numbers.length > 0) {
            List<String> values = column.distinct();
            return new LabelLink(targets(codes, code -> positive != null ? values.get(code).equals(positive) ? 1 : 0
                    : numbers[code] >= Objects.requireNonNull(threshold) ? 1 : 0), codes, true, true);
        }
        try {
            return meaning(sample, column, "").link;
        } catch (ControlException atypical) { // for example the same in all events so far
            return LabelLink.NONE;
        }
    }

    // ---- the label ----

    /// @param otherwise what can be done about a label that no spec can say
    private static Meaning meaning(EventSample sample, Column label, String otherwise) {
        List<String> values = label.distinct();
        int[] codes = label.codes();
        if (sample.rows() == 0) {
            return meaningBySchema(sample, label, otherwise);
        }
        if (values.size() < 2) {
            throw mistake(sample, "expected a label that varies, found "
                    + (values.isEmpty() ? "none" : "only " + values) + " in " + label.name() + "; " + otherwise);
        }
        if (label.kind() == Column.Kind.FLAG || Set.copyOf(values).equals(Set.of("0", "1"))
                || Set.copyOf(values).equals(Set.of("0.0", "1.0"))) {
            return binary(new Flow(),
                    code -> values.get(code).equalsIgnoreCase("true") || values.get(code).startsWith("1"), codes,
                    "yes or no");
        }
        if (values.size() == 2) {
            int rare = count(codes, 0) <= count(codes, 1) ? 0 : 1;
            return binary(new Flow().add("positive", quotedAlways(values.get(rare))), code -> code == rare, codes,
                    "two values, of which '" + values.get(rare) + "' is the rarer one");
        }
        if (label.kind() == Column.Kind.TEXT && values.size() <= Math.min(CLASSES_MAX, sample.rows() / NAMED_MIN)) {
            return classes(codes, values.size(), values.size() + " texts", "");
        }
        if (label.kind() != Column.Kind.NUMBER) {
            throw mistake(sample,
                    "expected a label of numbers, of true and false, or of texts that come again, found "
                            + values.size() + " texts such as '" + values.getFirst() + "' in " + label.name() + "; "
                            + otherwise);
        }
        double[] numbers = label.values();
        double max = Arrays.stream(numbers).max().orElse(0);
        double min = Arrays.stream(numbers).min().orElse(0);
        boolean few = min == 0 ? max < CLASSES_MAX : min == 1 && max <= FEW_MAX;
        if (label.isWhole() && few && max - min + 1 <= values.size() * NEARLY_ALL) {
            return classes(codes, values.size(),
                    "whole numbers from " + (int) min + " to " + (int) max + ", nearly all of them",
                    "; if they are counts or ratings, say no classes and loss: " + MEAN_SQUARED_ERROR);
        }
        return new Meaning(new Flow(), MEAN_SQUARED_ERROR, "numbers from " + shown(min) + " to " + shown(max),
                new LabelLink(targets(codes, code -> numbers[code]), codes, false, false));
    }

    private static Meaning meaningBySchema(EventSample sample, Column label, String otherwise) {
        boolean number = label.kind() == Column.Kind.NUMBER;
        if (!number && label.kind() != Column.Kind.FLAG) {
            throw mistake(sample,
                    "expected an event, or a label of numbers or of true and false in the schema, found no event and "
                            + label.name() + ", whose values the schema does not say; " + otherwise);
        }
        return new Meaning(new Flow(), number ? MEAN_SQUARED_ERROR : BINARY_CROSS_ENTROPY,
                (number ? "a number" : "true or false") + ", says the schema",
                new LabelLink(new double[0], new int[0], !number, !number));
    }

    /// Classes by the names that come, with room for more of them: of many thousand events the first ones don't show all.
    private static Meaning classes(int[] codes, int distinct, String what, String otherwise) {
        int room = distinct <= ROOM_MIN - ROOM_MIN / 4 ? ROOM_MIN : Math.min(2 * distinct, ModelSpec.Label.ROOM_MAX);
        long[] counts = new long[distinct];
        Arrays.stream(codes).filter(code -> code != Column.MISSING).forEach(code -> counts[code]++);
        int top = IntStream.range(0, distinct).reduce(0, (best, code) -> counts[code] > counts[best] ? code : best);
        return new Meaning(new Flow().add("classes", "{ auto: " + room + " }"), "categorical-cross-entropy",
                what + ": classes, with room for " + room + otherwise,
                new LabelLink(targets(codes, code -> code == top ? 1 : 0), codes, true, false));
    }

    private static Meaning binary(Flow keys, IntPredicate positive, int[] codes, String what) {
        double[] targets = targets(codes, code -> positive.test(code) ? 1 : 0);
        double share = Arrays.stream(targets).filter(target -> !Double.isNaN(target)).average().orElse(0);
        return new Meaning(keys, BINARY_CROSS_ENTROPY, String.format(Locale.ROOT, "%s, %.1f %% yes", what, 100 * share),
                new LabelLink(targets, codes, true, true));
    }

    /// Of each row, NaN where it has no label.
    private static double[] targets(int[] codes, IntToDoubleFunction of) {
        return Arrays.stream(codes).mapToDouble(code -> code == Column.MISSING ? Double.NaN : of.applyAsDouble(code))
                .toArray();
    }

    private static long count(int[] codes, int code) {
        return Arrays.stream(codes).filter(each -> each == code).count();
    }

    // ---- the features ----

    /// @param used fields that are no features
    /// @param knownInTime fields that may tell the label
    private void features(Set<String> used, List<String> knownInTime) {
        for (Column column : sample.columns()) {
            if (used.contains(column.name())) {
                continue;
            }
            String against = against(column, knownInTime.contains(column.name()));
            if (against != null) {
                leftOut.add(column.name() + ": " + against);
            } else {
                add(column);
            }
        }
        if (features.isEmpty()) {
            throw mistake(sample, "expected a field of which a feature can be made, found "
                    + (leftOut.isEmpty() ? "none beside the label" : String.join("; ", leftOut)));
        }
        features.addAll(crosses.features(SpecSuggestion::buckets));
    }

    /// Why a field is left out; null if it is not.
    private @Nullable String against(Column column, boolean mayTell) {
        int distinct = column.distinct().size();
        switch (column.kind()) {
            case LIST -> {
                return "lists; see sequence, categories and bag in docs/model-spec.md";
            }
            case BYTES -> {
                return "bytes; see pixels in docs/model-spec.md";
            }
            case NUMBER, FLAG, TIME, TEXT -> {
            }
        }
        if (sample.rows() == 0) {
            return null;
        }
        double missing = (double) column.missing() / sample.rows();
        if (distinct == 0 || missing > MISSING_MAX) {
            return String.format(Locale.ROOT, "missing in %.1f %% of the events", 100 * missing);
        }
        if (distinct == 1 && missing == 0) {
            return "always " + column.distinct().getFirst();
        }
        String leak = mayTell ? null : leak(column);
        if (leak != null) {
            return leak + ": " + LeakAlarm.QUESTION;
        }
        if (column.kind() != Column.Kind.TEXT) {
            return null;
        }
        int present = sample.rows() - column.missing();
        if (lists(column) != null || text(column) != null) {
            return null;
        }
        if (distinct > 0.9 * present && present > 20) {
            return String.format(Locale.ROOT, "%,d values in %,d events: hardly any comes again", distinct, present);
        }
        return column.distinct().stream().mapToInt(String::length).average().orElse(0) > FREE_TEXT
                ? "long texts, whose words hardly come again" : null;
    }

    private static @Nullable TextLists lists(Column column) {
        return column.kind() == Column.Kind.TEXT ? TextLists.of(column.distinct()) : null;
    }

    /// The words of texts that hardly come again themselves; null if the field is no such text.
    private @Nullable TextWords text(Column column) {
        int present = sample.rows() - column.missing();
        int distinct = column.distinct().size();
        if (column.kind() != Column.Kind.TEXT || distinct < TEXTS_MIN || present >= NAMED_MIN * distinct) {
            return null;
        }
        TextWords words = TextWords.of(column.distinct());
        return words.areText() ? words : null;
    }

    private @Nullable String leak(Column column) {
        double auc = link.auc(column);
        if (auc >= LeakAlarm.AUC) {
            return String.format(Locale.ROOT, "alone it has an AUC of %.4f", auc);
        }
        double[] hits = link.hits(column);
        if (hits[0] >= LEAK_HITS && 1 - hits[0] <= (1 - hits[1]) / 10) {
            return String.format(Locale.ROOT,
                    "alone it hits the label in %.1f %% of the events, where %.1f %% are usual", 100 * hits[0],
                    100 * hits[1]);
        }
        if (!link.classes() && column.kind() == Column.Kind.NUMBER && link.correlation(column) >= LEAK_CORRELATION) {
            return String.format(Locale.ROOT, "its correlation with the label is %.4f", link.correlation(column));
        }
        return null;
    }

    private void add(Column column) {
        String name = quoted(column.name());
        double missing = sample.rows() == 0 ? 0 : 100.0 * column.missing() / sample.rows();
        String gaps = missing == 0 ? "" : String.format(Locale.ROOT, ", missing in %.1f %%", missing);
        switch (column.kind()) {
            case TIME -> {
                if (eventTime == null && column.missing() == 0) {
                    eventTime = quoted(column.name()) + unit(column);
                }
                List<Feature.Part> parts = parts(column);
                features.add("- time-part: { field: " + name + ", parts: ["
                        + parts.stream().map(SpecSuggestion::name).collect(Collectors.joining(", ")) + "]"
                        + unit(column) + " } # a time" + (column.isSeconds() ? ", by its name and size" : "") + gaps);
                parts.forEach(
                        part -> crosses.add("{ " + name(part) + ": " + name + unit(column) + " }", column.parts(part)));
            }
            case NUMBER -> {
                String named = namedWhy(column);
                if (named != null) {
                    crossedCategory(column, name, named, gaps);
                    return;
                }
                number(column, name, gaps);
                if (sample.rows() > 0 && hasFewWhole(column)) {
                    category(column, name, "whole numbers, nearly all of a few, may be names", gaps);
                }
            }
            case FLAG -> crossedCategory(column, name, "true or false", gaps);
            default -> {
                TextLists lists = lists(column);
                if (lists != null) {
                    features.add(String.format(Locale.ROOT,
                            "- bag: { field: %s, split: %s, count: %d, buckets: %d } # lists of %.1f of %,d values%s;"
                                    + " buckets for four times as many",
                            name, quotedAlways(lists.separator()),
                            Math.clamp(powerOfTwo(lists.longest()), 8, WORDS_MAX), buckets(lists.distinct()),
                            lists.each(), lists.distinct(), gaps));
                    return;
                }
                TextWords words = text(column);
                if (words == null) {
                    crossedCategory(column, name, "text", gaps);
                    return;
                }
                features.add(String.format(Locale.ROOT,
                        "- text: { field: %s, count: %d, buckets: %d } # texts of %.1f words, %,d different ones%s;"
                                + " buckets for four times as many",
                        name, Math.clamp(powerOfTwo(words.longest()), 8, WORDS_MAX), buckets(words.distinct()),
                        words.each(), words.distinct(), gaps));
            }
        }
    }

    /// Whether they may as well be names, as those of weekdays are: beside the number stands a category then.
    private static boolean hasFewWhole(Column column) {
        int distinct = column.distinct().size();
        double range = column.present().max().orElse(0) - column.present().min().orElse(0) + 1;
        return column.isWhole() && distinct >= FEW_MIN && distinct <= FEW_MAX && range <= NEARLY_ALL * distinct
                && column.present().count() >= (long) NAMED_MIN * distinct;
    }

    private static String name(Feature.Part part) {
        return part.name().toLowerCase(Locale.ROOT);
    }

    private static String unit(Column column) {
        return column.isSeconds() ? ", time-unit: seconds" : "";
    }

    private static List<Feature.Part> parts(Column column) {
        boolean isText = column.values().length == 0;
        List<String> times = column.distinct();
        if (isText && !times.isEmpty() && times.stream().allMatch(time -> time.length() < 10)) {
            return List.of(Feature.Part.MONTH);
        }
        // Dates, which some sources have as the milliseconds of their midnight.
        boolean dates = !times.isEmpty() && times.stream().allMatch(
                time -> isText ? time.length() <= 10 : column.millis(Double.parseDouble(time)) % 86_400_000 == 0);
        return dates ? List.of(Feature.Part.WEEKDAY, Feature.Part.MONTH)
                : List.of(Feature.Part.HOUR, Feature.Part.WEEKDAY);
    }

    private void crossedCategory(Column column, String name, String what, String gaps) {
        category(column, name, what, gaps);
        crosses.add(name, column.codes());
    }

    private void category(Column column, String name, String what, String gaps) {
        int distinct = column.distinct().size();
        if (sample.rows() == 0) {
            features.add("- category: { field: " + name + ", buckets: "
                    + (column.kind() == Column.Kind.FLAG ? "16 } # " : "1024 } # ") + what
                    + ", says the schema; nobody has counted the values");
            return;
        }
        features.add(String.format(Locale.ROOT,
                "- category: { field: %s, buckets: %d } # %s, %,d values%s; buckets for four times as many", name,
                buckets(distinct), what, distinct, gaps));
    }

    private static int buckets(int values) {
        return Math.clamp(powerOfTwo(4 * values), 16, 1 << 18);
    }

    /// The least one that is no less.
    private static long powerOfTwo(int number) {
        return Integer.highestOneBit(Math.max(1, number - 1)) * 2L;
    }

    /// Why numbers are rather names; null if they are not.
    private @Nullable String namedWhy(Column column) {
        int distinct = column.distinct().size();
        if (!column.isWhole()) {
            return null;
        }
        String last = column.name().substring(column.name().lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
        if (Stream.of(last.split("[^a-z]+", -1)).anyMatch(NAMES::contains)) {
            return "numbers that are names, by the field's name";
        }
        return distinct >= 3 && distinct <= sample.rows() / 4 && link.isNameLike(column)
                ? "numbers that are rather names: the mean label of a value says more than that of its neighbours"
                : null;
    }

    /// A value that was never missing in the sample may be later: that costs a number that is always 0.
    private void number(Column column, String name, String gaps) {
        String what = sample.rows() == 0 ? "a number, says the schema"
                : shown(column.present().min().orElse(0)) + " to " + shown(column.present().max().orElse(0)) + gaps;
        features.add("- number: { field: " + name + ", scale: standard, missing: indicator } # " + what);
    }

    private static String shown(double value) {
        return value == Math.rint(value) && Math.abs(value) < 1e15 ? String.valueOf((long) value)
                : String.format(Locale.ROOT, "%.4g", value);
    }

    // ---- the text ----

    private static String name(String from) {
        String name = from.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9-]+", "-").replaceAll("^-+|-+$", "");
        return name.isEmpty() ? "model" : name.substring(0, Math.min(100, name.length()));
    }

    private static String quoted(String text) {
        return text.matches("[A-Za-z_][A-Za-z0-9_.]*") && !text.matches("(?i)y|n|yes|no|on|off|true|false|null|~")
                ? text : quotedAlways(text);
    }

    private static String quotedAlways(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        text.chars().forEach(c -> quoted.append(c == '"' || c == '\\' ? "\\" + (char) c
                : c < ' ' || c == 0x7f ? String.format(Locale.ROOT, "\\x%02x", c) : String.valueOf((char) c)));
        return quoted.append('"').toString();
    }

    /// @param format more of the input
    /// @param chosen why this is the label
    private String text(String topic, String format, Column label, String chosen, Meaning meaning) {
        StringBuilder text = new StringBuilder();
        line(text, "# Suggested by " + sample.told() + "; each line says why.");
        line(text, "model: " + name(topic) + " # its name in topics");
        line(text,
                "input: { topic: " + topic + format + (eventTime == null ? " } # the topic of events" : ", event-time: "
                        + eventTime + " } # the topic of events; the first field that is a time, never missing"));
        line(text,
                "label: { field: " + quoted(label.name())
                        + (meaning.keys.isEmpty() ? "" : ", " + meaning.keys.toString().replaceAll("^\\{|}$", ""))
                        + " } # " + chosen + ": " + meaning.why);
        line(text, "features:");
        list(text);
        line(text, "recipe: rich # network and optimizer, which nobody has to tune (docs/model-spec.md#recipes)");
        line(text, "loss: " + meaning.loss + " # what the label asks for");
        line(text, "mini-batch: { size: 1 } # best where a stream drifts");
        return text.toString();
    }

    private void list(StringBuilder text) {
        features.forEach(feature -> line(text, "  " + feature));
        leftOut.forEach(each -> line(text, "  # left out: " + each));
        if (sample.hasMore()) {
            line(text, "  # left out: fields that were not looked at, because there are so many; is a name data?");
        }
    }

    /// What others have named may have any character, and a comment ends where a line does.
    private static void line(StringBuilder text, String line) {
        text.append(oneLine(line)).append('\n');
    }

    private static String oneLine(String text) {
        return text.replaceAll("\\p{Cntrl}", " ");
    }
}
