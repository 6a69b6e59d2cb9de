package io.tidegrad.model.spec;

import io.tidegrad.schemas.FieldPath;
import io.tidegrad.schemas.settings.NearestName;
import java.math.BigInteger;
import java.time.Duration;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.common.ScalarStyle;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/// A node of the YAML tree with its path in the spec. Reading never throws: a mistake is added to the problems and a
/// placeholder is returned, so that one pass finds them all. A node that is absent (its absence is reported already)
/// answers placeholders silently.
public final class SpecNode {
    private static final Pattern INTEGER = Pattern.compile("[-+]?[0-9]{1,40}");
    private static final Pattern DECIMAL =
            Pattern.compile("[-+]?([0-9]{1,400}(\\.[0-9]{0,400})?|\\.[0-9]{1,400})([eE][-+]?[0-9]{1,5})?");
    private static final int SHOWN_MAX = 40;

    private final Problems problems;
    private final String path;
    private final @Nullable Node node;

    private SpecNode(Problems problems, String path, @Nullable Node node) {
        this.problems = problems;
        this.path = path;
        this.node = node;
    }

    public static SpecNode root(Node node, Problems problems) {
        return new SpecNode(problems, "", node);
    }

    static SpecNode absent(Problems problems) {
        return new SpecNode(problems, "", null);
    }

    /// What stands behind a name that stands alone.
    SpecNode nothing() {
        return absent(problems);
    }

    String path() {
        return path;
    }

    Optional<Mark> mark() {
        return node == null ? Optional.empty() : node.getStartMark();
    }

    int line() {
        return mark().map(Mark::getLine).orElse(0) + 1;
    }

    public void problem(String text) {
        if (node != null) {
            problems.add(mark(), (path.isEmpty() ? "" : path + ": ") + text);
        }
    }

    void expected(String what) {
        problem("expected " + what + ", found " + found());
    }

    boolean isScalar() {
        return node instanceof ScalarNode;
    }

    public boolean isMapping() {
        return node instanceof MappingNode;
    }

    boolean isList() {
        return node instanceof SequenceNode;
    }

    boolean isEmptyList() {
        return node instanceof SequenceNode sequence && sequence.getValue().isEmpty();
    }

    /// Whether this is one of `kinds`, alone or with settings.
    boolean isKind(String... kinds) {
        String kind = switch (node) {
            case ScalarNode scalar -> scalar.getValue();
            case MappingNode mapping when mapping.getValue().size() == 1
                    && mapping.getValue().getFirst().getKeyNode() instanceof ScalarNode key ->
                key.getValue();
            case null, default -> "";
        };
        return List.of(kinds).contains(kind);
    }

    /// How many mistakes there are so far, in the whole spec.
    int problems() {
        return problems.count();
    }

    /// Whether this plain or quoted text reads exactly so.
    public boolean is(String text) {
        return node instanceof ScalarNode scalar && scalar.getValue().equals(text);
    }

    /// Whether this is a mapping with that key. Unlike `mapping` it reports nothing.
    boolean has(String key) {
        return node instanceof MappingNode mapping && mapping.getValue().stream()
                .anyMatch(tuple -> tuple.getKeyNode() instanceof ScalarNode scalar && scalar.getValue().equals(key));
    }

    private String found() {
        return switch (node) {
            case null -> "nothing";
            case MappingNode mapping -> mapping.getValue().isEmpty() ? "an empty mapping" : "a mapping";
            case SequenceNode sequence -> sequence.getValue().isEmpty() ? "an empty list" : "a list";
            case ScalarNode scalar when isNull(scalar) -> "nothing";
            case ScalarNode scalar when scalar.getScalarStyle() == ScalarStyle.PLAIN -> shown(scalar.getValue());
            case ScalarNode scalar -> "text \"" + shown(scalar.getValue()) + "\"";
            default -> "something else";
        };
    }

    private static boolean isNull(ScalarNode scalar) {
        return scalar.getTag().equals(Tag.NULL);
    }

    /// Short and without control characters: it goes to terminals and logs.
    private static String shown(String value) {
        String printable = value.replaceAll("\\p{Cntrl}", "?");
        return printable.length() <= SHOWN_MAX ? printable : printable.substring(0, SHOWN_MAX) + "…";
    }

    /// Children of a mapping that may hold the `known` keys; each unknown and each repeated key is a problem.
    public Mapping mapping(String... known) {
        Map<String, SpecNode> children = new LinkedHashMap<>();
        int before = problems();
        if (node == null) {
            return new Mapping(this, children, List.of(known), before);
        }
        if (!(node instanceof MappingNode mapping)) {
            expected("a mapping with the keys " + String.join(", ", known));
            return new Mapping(absent(problems), children, List.of(known), before);
        }
        Map<String, Integer> lines = new HashMap<>();
        for (NodeTuple tuple : mapping.getValue()) {
            SpecNode key = new SpecNode(problems, path, tuple.getKeyNode());
            if (!(tuple.getKeyNode() instanceof ScalarNode scalar)) {
                key.problem("expected a key, found " + key.found());
                continue;
            }
            String name = scalar.getValue();
            if (!List.of(known).contains(name)) {
                key.problem("unknown key '" + shown(name) + "'" + NearestName.hint(name, List.of(known)));
                continue;
            }
            Integer earlier = lines.putIfAbsent(name, key.line());
            if (earlier != null) {
                key.problem("the key '" + name + "' stands here twice, first on line " + earlier);
                continue;
            }
            children.put(name, child(name, tuple.getValueNode()));
        }
        return new Mapping(this, children, List.of(known), before);
    }

    /// Where a value stands in place of a mapping.
    Mapping noKeys(String... known) {
        return new Mapping(this, Map.of(), List.of(known), problems());
    }

    private SpecNode child(String name, Node value) {
        return new SpecNode(problems, path.isEmpty() ? name : path + "." + name, value);
    }

    /// `kind: …`, a mapping with one key out of `kinds`. Null, and a problem, when it is not.
    @Nullable
    Choice choice(String what, String... kinds) {
        if (node == null) {
            return null;
        }
        if (!(node instanceof MappingNode mapping)) {
            expected("a " + what + " (" + String.join(", ", kinds) + ") with its settings");
            return null;
        }
        if (mapping.getValue().size() != 1 || !(mapping.getValue().getFirst().getKeyNode() instanceof ScalarNode key)) {
            problem("expected one " + what + " (" + String.join(", ", kinds) + "), found " + mapping.getValue().size()
                    + " keys");
            return null;
        }
        String kind = key.getValue();
        if (!List.of(kinds).contains(kind)) {
            new SpecNode(problems, path, key)
                    .problem("unknown " + what + " '" + shown(kind) + "'" + NearestName.hint(kind, List.of(kinds)));
            return null;
        }
        return new Choice(kind, child(kind, mapping.getValue().getFirst().getValueNode()));
    }

    /// Elements of a list that holds at least one.
    List<SpecNode> list(String what) {
        List<SpecNode> elements = new ArrayList<>();
        if (node == null) {
            return elements;
        }
        if (!(node instanceof SequenceNode sequence) || sequence.getValue().isEmpty()) {
            expected("a list of " + what);
            return elements;
        }
        for (Node element : sequence.getValue()) {
            elements.add(new SpecNode(problems, path + "[" + elements.size() + "]", element));
        }
        return elements;
    }

    /// Any scalar as its text; `""` when there is none.
    public String text(String what) {
        if (node == null) {
            return "";
        }
        if (!(node instanceof ScalarNode scalar) || isNull(scalar) || scalar.getValue().isEmpty()) {
            expected(what);
            return "";
        }
        return scalar.getValue();
    }

    /// A field of an event.
    String field() {
        String text = text("the name of a field");
        if (!text.isEmpty() && !problems.isOfRegistered()) {
            path(text, "distance, merchant.country, tags[] or attributes[channel]");
        }
        return text;
    }

    /// This text as a path; null, and a problem, when it is none.
    ///
    /// @param like examples of paths that can stand here
    public @Nullable FieldPath path(String text, String like) {
        try {
            return FieldPath.parse(text);
        } catch (IllegalArgumentException notAPath) {
            problem("expected a field, like " + like + ", found " + found() + ": " + notAPath.getMessage());
            return null;
        }
    }

    public String text(String what, Pattern pattern) {
        String text = text(what);
        if (!text.isEmpty() && !pattern.matcher(text).matches()) {
            expected(what);
            return "";
        }
        return text;
    }

    /// A name out of `names`; null, and a problem, when it is none of them.
    @Nullable
    String name(String... names) {
        if (node == null) {
            return null;
        }
        String expectation = "one of " + String.join(", ", names);
        if (!(node instanceof ScalarNode scalar) || isNull(scalar)) {
            expected(expectation);
            return null;
        }
        if (!List.of(names).contains(scalar.getValue())) {
            // The names are in the message already; only a guess is worth adding.
            String hint = NearestName.hint(scalar.getValue(), List.of(names));
            problem("expected " + expectation + ", found " + found() + (hint.startsWith(";") ? hint : ""));
            return null;
        }
        return scalar.getValue();
    }

    /// As `name`, for so many names that only the nearest is told.
    @Nullable
    String kind(String what, String... kinds) {
        if (!(node instanceof ScalarNode scalar) || isNull(scalar)) {
            expected("a " + what);
            return null;
        }
        String kind = scalar.getValue();
        if (!List.of(kinds).contains(kind)) {
            problem("unknown " + what + " '" + shown(kind) + "'" + NearestName.hint(kind, List.of(kinds)));
            return null;
        }
        return kind;
    }

    private @Nullable String plain() {
        return node instanceof ScalarNode scalar && scalar.getScalarStyle() == ScalarStyle.PLAIN ? scalar.getValue()
                : null;
    }

    long integer(long min, long max) {
        return integer("a whole number from " + min + " to " + max, min, max);
    }

    long integer(String what, long min, long max) {
        if (node == null) {
            return min;
        }
        String text = plain();
        if (text != null && INTEGER.matcher(text).matches()) {
            BigInteger value = new BigInteger(text.startsWith("+") ? text.substring(1) : text);
            if (value.compareTo(BigInteger.valueOf(min)) >= 0 && value.compareTo(BigInteger.valueOf(max)) <= 0) {
                return value.longValueExact();
            }
        }
        expected(what);
        return min;
    }

    int integer(int min, int max) {
        return (int) integer((long) min, (long) max);
    }

    public int integer(String what, int min, int max) {
        return (int) integer(what, (long) min, (long) max);
    }

    public boolean isNumber() {
        String text = plain();
        return text != null && DECIMAL.matcher(text).matches();
    }

    /// A finite number that `range` accepts; `what` describes it.
    double decimal(String what, java.util.function.DoublePredicate range) {
        if (node == null) {
            return 0;
        }
        String text = plain();
        if (text != null && isNumber()) {
            double value = Double.parseDouble(text);
            if (Double.isFinite(value) && range.test(value)) {
                return value;
            }
        }
        expected(what);
        return 0;
    }

    boolean bool() {
        if (node == null) {
            return false;
        }
        String text = plain();
        if ("true".equals(text) || "false".equals(text)) {
            return "true".equals(text);
        }
        expected("true or false");
        return false;
    }

    /// An ISO-8601 duration within bounds, both included.
    public Duration duration(Duration min, Duration max) {
        if (node == null) {
            return min;
        }
        String expectation = "a duration from " + iso(min) + " to " + iso(max) + " (ISO-8601, like PT0.5S or P7D)";
        if (node instanceof ScalarNode scalar) {
            try {
                Duration value = Duration.parse(scalar.getValue());
                if (value.compareTo(min) >= 0 && value.compareTo(max) <= 0) {
                    return value;
                }
            } catch (DateTimeParseException notADuration) {
                // Reported just below, like a duration out of bounds: the reader needs the same
                // help.
            }
        }
        expected(expectation);
        return min;
    }

    /// `P7D`, where `Duration` would write PT168H.
    private static String iso(Duration duration) {
        boolean wholeDays = duration.equals(Duration.ofDays(duration.toDays()));
        return wholeDays ? "P" + duration.toDays() + "D" : duration.toString();
    }

    /// @param kind the one key
    /// @param value what stands behind it
    record Choice(String kind, SpecNode value) {
    }

    /// A mapping's children by key.
    ///
    /// @param problemsBefore how many mistakes there were before these keys were looked at
    public record Mapping(SpecNode self, Map<String, SpecNode> children, List<String> known, int problemsBefore) {
        public @Nullable SpecNode optional(String key) {
            assert known.contains(key) : key;
            return children.get(key);
        }

        /// Null also for a key that can't stand here.
        @Nullable
        SpecNode find(String key) {
            return children.get(key);
        }

        public SpecNode required(String key, String what) {
            SpecNode child = optional(key);
            if (child == null) {
                self.problem("the key '" + key + "' is missing; expected " + what);
                return absent(self.problems);
            }
            return child;
        }
    }
}
