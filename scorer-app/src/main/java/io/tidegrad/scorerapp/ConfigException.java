package io.tidegrad.scorerapp;

import java.util.List;

/// Settings with mistakes: all of them, each with key, expected and found.
public final class ConfigException extends RuntimeException {
    private final transient List<String> problems;

    ConfigException(List<String> problems) {
        super(
                "the configuration has "
                        + problems.size()
                        + (problems.size() == 1 ? " mistake:" : " mistakes:")
                        + "\n  "
                        + String.join("\n  ", problems));
        this.problems = List.copyOf(problems);
    }

    public List<String> problems() {
        return problems;
    }
}
