package io.tidegrad.schemas;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.avro.util.Utf8;
import org.jspecify.annotations.Nullable;

/// Where a value lies in an event: `merchant.country`, `tags[]`, `items[].price`, `attributes[channel]`.
///
/// A path is names separated by dots. Behind a name, `[]` stands for all elements of an array or all values of a map,
/// and `[key]` for one entry of a map; a path that ends at an array stands for its elements. The values of a map are in
/// the order of their keys' bytes. Lists in lists are one list: `image[][]`. A backslash before `.`, `[`, `]` or `\` makes it part of a name or key.
public final class FieldPath {
    /// Nested deeper, nothing is read: see [ValueReader].
    static final int STEPS_MAX = 32;

    private static final String SPECIAL = ".[]\\";

    /// What a step of a path does.
    enum Kind {
        /// Goes to a field of a record.
        NAME,
        /// Goes to an entry of a map.
        KEY,
        /// Goes to each element of an array, or each value of a map.
        EACH
    }

    /// @param name of the field or entry; empty for `EACH`
    record Step(Kind kind, String name) {
    }

    private static final Step EACH = new Step(Kind.EACH, "");

    private final String text;
    private final List<Step> steps;

    private FieldPath(String text, List<Step> steps) {
        this.text = text;
        this.steps = List.copyOf(steps);
    }

    /// Returns the path of one name, whatever characters it has.
    public static FieldPath ofName(String name) {
        return new FieldPath(name, List.of(new Step(Kind.NAME, name)));
    }

    /// @throws IllegalArgumentException the text is not a path; the message says what was expected and where
    public static FieldPath parse(String text) {
        List<Step> steps = new ArrayList<>();
        int at = 0;
        while (true) {
            StringBuilder name = new StringBuilder();
            at = read(text, at, ".[]", name);
            if (name.isEmpty()) {
                throw expected("a name", text, at);
            }
            steps.add(new Step(Kind.NAME, name.toString()));
            while (at < text.length() && text.charAt(at) == '[') {
                StringBuilder key = new StringBuilder();
                at = read(text, at + 1, "]", key);
                if (at == text.length()) {
                    throw expected("']'", text, at);
                }
                at++;
                steps.add(key.isEmpty() ? EACH : new Step(Kind.KEY, key.toString()));
            }
            if (steps.size() > STEPS_MAX) {
                throw new IllegalArgumentException(
                        "expected a path of at most " + STEPS_MAX + " steps, found " + steps.size());
            }
            if (at == text.length()) {
                return new FieldPath(text, steps);
            }
            if (text.charAt(at) != '.') {
                throw expected("'.', '[' or the end", text, at);
            }
            at++;
        }
    }

    /// Returns the path that a text says, or, where it says none, the path of that name.
    public static FieldPath parsedOrName(String text) {
        try {
            return isName(text) ? ofName(text) : parse(text);
        } catch (IllegalArgumentException notAPath) {
            return ofName(text);
        }
    }

    /// Appends what comes before the first of `ends` to `to`. Returns where it stands, or the text's length.
    private static int read(String text, int from, String ends, StringBuilder to) {
        int at = from;
        while (at < text.length() && ends.indexOf(text.charAt(at)) < 0) {
            char next = text.charAt(at);
            if (next == '\\') {
                at++;
                if (at == text.length() || SPECIAL.indexOf(text.charAt(at)) < 0) {
                    throw expected("'.', '[', ']' or '\\' behind a backslash", text, at);
                }
                next = text.charAt(at);
            }
            to.append(next);
            at++;
        }
        return at;
    }

    private static IllegalArgumentException expected(String what, String text, int at) {
        return new IllegalArgumentException("expected " + what + ", found "
                + (at == text.length() ? "the end" : "'" + text.charAt(at) + "'") + " at character " + (at + 1));
    }

    /// The name of the field in which the path begins.
    public String first() {
        return steps.getFirst().name();
    }

    /// Whether a text means the same as a path and as a plain name, so that no path has to be looked for in it.
    public static boolean isName(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (SPECIAL.indexOf(text.charAt(i)) >= 0) {
                return false;
            }
        }
        return !text.isEmpty();
    }

    /// A name as it is written in a path.
    public static String escaped(String name) {
        return isName(name) ? name : name.replaceAll("[.\\[\\]\\\\]", "\\\\$0");
    }

    /// Whether it stands for all elements of a list.
    public boolean isOfList() {
        return steps.contains(EACH);
    }

    List<Step> steps() {
        return steps;
    }

    /// Finds the path in objects of a JSON-like tree: maps, lists and values. There a record is a map. Null where it is
    /// missing; for a path with `[]` a list.
    public @Nullable Object in(Map<String, ?> object) {
        return in(object, 0);
    }

    private @Nullable Object in(@Nullable Object value, int step) {
        if (value == null || step == steps.size()) {
            return value;
        }
        Step next = steps.get(step);
        if (next.kind == Kind.EACH) {
            return elements(value, step + 1);
        }
        return value instanceof Map<?, ?> map ? in(map.get(next.name), step + 1) : new Misplaced(value);
    }

    private Object elements(Object value, int step) {
        Collection<?> elements;
        if (value instanceof Collection<?> list) {
            elements = list;
        } else if (value instanceof Map<?, ?> map) {
            Map<Utf8, @Nullable Object> byKey = new TreeMap<>();
            map.forEach((key, of) -> byKey.put(new Utf8(String.valueOf(key)), of));
            elements = byKey.values();
        } else {
            // An array of primitives, which a caller may give as the last list of a path.
            return step == steps.size() ? value : new Misplaced(value);
        }
        boolean ofLists = steps.subList(step, steps.size()).stream().anyMatch(each -> each.kind == Kind.EACH);
        List<@Nullable Object> found = new ArrayList<>();
        for (Object element : elements) {
            Object of = in(element, step);
            if (of instanceof Misplaced) {
                return of;
            }
            if (!ofLists) {
                found.add(of);
            } else if (of instanceof Collection<?> list) {
                found.addAll(list);
            }
        }
        return found;
    }

    /// Puts a value where `in` finds it: the inverse, but for lists of lists and for all values of a map, whose keys a path
    /// does not say. Several paths through one list fill the same objects.
    ///
    /// @param value a list where the path goes through one
    public void put(Map<String, @Nullable Object> object, @Nullable Object value) {
        put(object, 0, value);
    }

    private void put(Map<String, @Nullable Object> object, int step, @Nullable Object value) {
        String name = steps.get(step).name;
        int next = step + 1;
        boolean each = next < steps.size() && steps.get(next).kind == Kind.EACH;
        int after = each ? next + 1 : next;
        if (after >= steps.size()) {
            object.put(name, value);
        } else if (!each) {
            put(objectIn(object.get(name), made -> object.put(name, made)), next, value);
        } else if (value instanceof List<?> values) {
            // Copied, because another path may have put a list here that can't be changed.
            List<@Nullable Object> elements =
                    new ArrayList<>(object.get(name) instanceof List<?> list && list.size() == values.size() ? list
                            : Collections.nCopies(values.size(), null));
            object.put(name, elements);
            for (int i = 0; i < values.size(); i++) {
                int element = i;
                put(objectIn(elements.get(i), made -> elements.set(element, made)), after, values.get(i));
            }
        } else {
            object.put(name, value);
        }
    }

    @SuppressWarnings("unchecked") // as `put` makes them
    private static Map<String, @Nullable Object> objectIn(@Nullable Object there, Consumer<Object> put) {
        if (there instanceof Map<?, ?> map) {
            return (Map<String, @Nullable Object>) map;
        }
        Map<String, @Nullable Object> made = new HashMap<>();
        put.accept(made);
        return made;
    }

    /// What stands where a path goes on into an object or a list.
    ///
    /// @param found in its place
    public record Misplaced(Object found) {
    }

    /// The path as it was written.
    @Override
    public String toString() {
        return text;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof FieldPath path && path.steps.equals(steps);
    }

    @Override
    public int hashCode() {
        return steps.hashCode();
    }
}
