package io.tidegrad.schemas;

import java.util.ArrayList;
import java.util.List;

/// Where a value lies in an event: `merchant.country`, `tags[]`, `items[].price`, `attributes[channel]`.
///
/// A path is names separated by dots. Behind a name, `[]` stands for all elements of an array or all values of a map,
/// and `[key]` for one entry of a map. A backslash before `.`, `[`, `]` or `\` makes it part of a name or key.
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
    static String escaped(String name) {
        return isName(name) ? name : name.replaceAll("[.\\[\\]\\\\]", "\\\\$0");
    }

    List<Step> steps() {
        return steps;
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
