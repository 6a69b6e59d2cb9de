package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import java.util.ArrayList;
import java.util.List;

/// Everything that keeps something from being done, so that all of it is told at once, as a table.
public final class Refusals {
    private static final Refusal HEAD = new Refusal("where", "expected", "found", "what to do");

    private final List<Refusal> refusals = new ArrayList<>();

    /// @param where the topic or the key of a spec
    public record Refusal(String where, String expected, String found, String remedy) {
    }

    public void add(String where, String expected, String found, String remedy) {
        refusals.add(new Refusal(where, expected, found, remedy));
    }

    public List<Refusal> all() {
        return List.copyOf(refusals);
    }

    /// @param what what can't be done, for people: `stream payments can't be created`
    /// @throws ControlException if there are any
    public void throwIfAny(String what) {
        if (!refusals.isEmpty()) {
            throw new ControlException(Reason.CONFIGURATION, what + ":\n" + table());
        }
    }

    private String table() {
        List<Refusal> rows = new ArrayList<>();
        rows.add(HEAD);
        rows.addAll(refusals);
        int where = rows.stream().mapToInt(row -> row.where().length()).max().orElse(0);
        int expected = rows.stream().mapToInt(row -> row.expected().length()).max().orElse(0);
        int found = rows.stream().mapToInt(row -> row.found().length()).max().orElse(0);
        List<String> lines = new ArrayList<>();
        for (Refusal row : rows) {
            lines.add("  %s  %s  %s  %s".formatted(padded(row.where(), where), padded(row.expected(), expected),
                    padded(row.found(), found), row.remedy()));
        }
        return String.join("\n", lines);
    }

    private static String padded(String text, int width) {
        return text + " ".repeat(width - text.length());
    }
}
