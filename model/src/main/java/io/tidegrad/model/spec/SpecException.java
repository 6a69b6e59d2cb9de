package io.tidegrad.model.spec;

import java.util.List;

/// A spec with mistakes: all of them, each with line, expected and found.
public final class SpecException extends RuntimeException {
    private final transient List<String> problems;

    public SpecException(String source, List<String> problems) {
        super(source + " has " + problems.size() + (problems.size() == 1 ? " mistake:" : " mistakes:") + "\n  "
                + String.join("\n  ", problems));
        this.problems = List.copyOf(problems);
    }

    public List<String> problems() {
        return problems;
    }
}
