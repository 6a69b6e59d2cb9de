package io.tidegrad.ops.settings;

import java.util.List;

/// Settings with mistakes: all of them, each with where it stands, what was expected and what was found. The message is
/// for a person as it is; the exit status that goes with it is [#STATUS].
public final class SettingsException extends RuntimeException {
    /// Starting again gives the same.
    public static final int STATUS = 2;

    private final transient List<String> problems;

    public SettingsException(Command command, List<String> problems) {
        super(message("tidegrad " + command.word(), problems));
        this.problems = List.copyOf(problems);
    }

    private static String message(String command, List<String> problems) {
        return problems.size() == 1
                ? "%s: %s (%s --help lists all settings)".formatted(command, problems.getFirst(), command)
                : "%s: %d mistakes in the settings (%s --help lists all settings)\n  %s".formatted(command,
                        problems.size(), command, String.join("\n  ", problems));
    }

    public List<String> problems() {
        return problems;
    }
}
